/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pictures - one picture after the other as a screen's source, for machines whose display speaks
 * nothing that we do
 *
 * A domain of libvirt's with a SPICE display alone can be photographed (virDomainScreenshot) and
 * keys can be pressed on it (virDomainSendKey). lodged does that; here is the other end of its
 * socket. Numbers are little-endian. We send
 *
 *	PICTURES_ASK				for a picture; one at a time
 *	PICTURES_KEYS count code[count]		a byte; 16 bits each: evdev keys, pressed together
 *
 * and a picture is: length (32 bits), as many bytes, again and again; then PICTURES_WHOLE, or
 * PICTURES_FAILED: there is none now. Its bytes are a PPM (P6, 255) or a PNG.
 *
 * What it cannot do: it shows one head, a few times a second; keys are not held; there is no
 * pointer; the monitor stays, so that sizes are for the guest's session to set, if our agent is
 * there.
 */
#ifndef LODGE_SCREEN_SOURCE_PICTURES_H
#define LODGE_SCREEN_SOURCE_PICTURES_H

#include "host/screen/screen.h"

#define PICTURES_ASK	   1
#define PICTURES_KEYS	   2
#define PICTURES_MAX_KEYS  16U
#define PICTURES_MAX_CHUNK (64U << 10)
#define PICTURES_WHOLE	   0U
#define PICTURES_FAILED	   UINT32_MAX
#define PICTURES_MAX_PNG   (64U << 20)

/* Between two, at least; and when there was none. */
#define PICTURES_PAUSE_MS 250
#define PICTURES_RETRY_MS 1000
/* After another size was wished, so long it is looked for although nobody watches. */
#define PICTURES_LOOK_MS 6000

/**
 * pictures_source_new() - the source behind a connection to lodged
 * @fd:	connected stream socket; becomes the source's, also on failure
 *
 * The head appears with the first picture. When the other end has gone, or broke the rules,
 * screen_source_ended() is called. Return: 0; -ENOMEM.
 */
int pictures_source_new(struct screen *screen, int fd, struct source **source);

#endif
