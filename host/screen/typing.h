/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * typing - "screen.type" and "screen.key": text and named keys, pressed one after the other
 *
 * What cannot be typed is refused before the first key goes down. One request after the other, at
 * a pace that a guest's driver and a text console keep up with.
 */
#ifndef LODGE_SCREEN_TYPING_H
#define LODGE_SCREEN_TYPING_H

#include "host/screen/screen.h"
#include "protocol/session.h"

#define TYPING_STEP_MS	10 /* between one key and the next */
#define TYPING_MAX_JOBS 8  /* requests that wait */

struct typing;

/* NULL without memory. */
struct typing *typing_new(struct screen *screen);
/* Both answer the stream, now or later. */
void typing_call_text(struct typing *typing, struct stream *stream, struct slice params);
void typing_call_keys(struct typing *typing, struct stream *stream, struct slice params);
/* What is under way fails, keys go up. Before the screen goes. */
void typing_free(struct typing *typing);

#endif
