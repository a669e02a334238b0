/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers of RFB's encodings (RFC 6143, 7.7 and 7.8, and the registry of the rfbproto project):
 * what a rectangle of an update holds. Viewers name in SetEncodings what they understand.
 */
#ifndef LODGE_SCREEN_RFB_ENCODINGS_H
#define LODGE_SCREEN_RFB_ENCODINGS_H

#include <stdint.h>

/* Pixels. */
enum rfb_encoding {
	RFB_RAW = 0,
	RFB_COPY_RECT = 1,
	RFB_HEXTILE = 5,
	RFB_TIGHT = 7,
	RFB_ZRLE = 16,
};

/* What is no picture. */
enum rfb_pseudo_encoding {
	RFB_DESKTOP_SIZE = -223,
	RFB_LAST_RECT = -224,
	RFB_POINTER_POSITION = -232,
	RFB_CURSOR = -239,
	RFB_QEMU_MOTION = -257,
	RFB_QEMU_KEYS = -258,
	RFB_QEMU_LEDS = -261,
	RFB_DESKTOP_NAME = -307,
	RFB_EXTENDED_DESKTOP_SIZE = -308,
	RFB_FENCE = -312,
	RFB_CONTINUOUS_UPDATES = -313,
	RFB_ALPHA_CURSOR = -314,
	RFB_MOUSE_BUTTONS = -316,
	RFB_VMWARE_LEDS = 0x574d5668,
	RFB_EXTENDED_CLIPBOARD = (int32_t)0xc0a1e5ce,
};

#endif
