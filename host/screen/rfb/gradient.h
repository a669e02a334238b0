/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gradient - Tight's filter of that name: each byte as what it differs by from what its neighbours
 * let expect (left + above - above left), which is little where colours change slowly
 */
#ifndef LODGE_SCREEN_RFB_GRADIENT_H
#define LODGE_SCREEN_RFB_GRADIENT_H

#include "host/screen/rfb/encoder.h"

#define GRADIENT_PIXEL 3U /* bytes: for such pixels only */

/* Whether the pixels look as if the filter gained something; guesses from some rows. */
bool gradient_suits(const struct piece *piece);

/* One row of @length bytes: @above is the row before it, of zeros for the first. */
void gradient_row(uint8_t *out, const uint8_t *row, const uint8_t *above, size_t length);

#endif
