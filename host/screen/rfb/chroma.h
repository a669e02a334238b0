/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chroma - how fast the colours of a picture change, apart from its brightness
 */
#ifndef LODGE_SCREEN_RFB_CHROMA_H
#define LODGE_SCREEN_RFB_CHROMA_H

#include "host/screen/rfb/encoder.h"

#define CHROMA_SHARP 0xffU

/* What neighbours differ by on average, in eighths, while that is so little everywhere that JPEG
 * loses next to nothing by keeping one colour of four pixels; else CHROMA_SHARP. */
unsigned int chroma_change(const struct piece *piece);

#endif
