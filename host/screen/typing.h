/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * typing - "screen.type" and "screen.key": text and named keys, pressed one after the other
 *
 * What cannot be typed is refused before the first key goes down. One request after the other, at
 * a pace that the machine's keyboard, the guest's driver and a text console keep up with
 * (screen_key_ms(), screen_is_behind()).
 */
#ifndef LODGE_SCREEN_TYPING_H
#define LODGE_SCREEN_TYPING_H

#include "host/screen/screen.h"
#include "protocol/session.h"

#define TYPING_HOLD_MS	3000 /* at most, for a request, and for a key */
#define TYPING_MAX_JOBS 8    /* requests that wait */

struct typing;

/**
 * typing_new() - without requests
 * @holds:	may be NULL: whether the guest is busy just now, so that keys could be lost; it is
 *		waited for, TYPING_HOLD_MS at most for a request
 *
 * Return: NULL without memory.
 */
struct typing *typing_new(struct screen *screen, bool (*holds)(void *owner), void *owner);
/* Both answer the stream, now or later. */
void typing_call_text(struct typing *typing, struct stream *stream, struct slice params);
void typing_call_keys(struct typing *typing, struct stream *stream, struct slice params);
/* What is under way fails, keys go up. Before the screen goes. */
void typing_free(struct typing *typing);

#endif
