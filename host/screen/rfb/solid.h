/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * solid - large areas of one colour, which desktops are full of
 */
#ifndef LODGE_SCREEN_RFB_SOLID_H
#define LODGE_SCREEN_RFB_SOLID_H

#include "host/screen/rfb/encoder.h"

/* The first such area of @piece that is worth a rectangle of its own: nothing to the left of it, in
 * its rows, and nothing above it is one. @solid: within the piece. false: there is none. */
bool solid_find(const struct piece *piece, struct rectangle *solid);

#endif
