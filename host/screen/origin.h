/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * origin - where a screen's source comes from: the command line, or connections to QEMU that are
 * handed over, each of which takes the place of the last
 */
#ifndef LODGE_SCREEN_ORIGIN_H
#define LODGE_SCREEN_ORIGIN_H

#include "host/screen/handoff.h"
#include "host/screen/options.h"
#include "host/screen/screen.h"

#define ORIGIN_AWAIT_MS 10000 /* for another connection, when one has ended */

struct origin;

/* Gives @screen the source that the options name, unless they say to wait for it; their descriptors
 * are used up. Return: 0; negative errno after a line about it. */
int origin_open(struct screen *screen, const struct screen_options *options,
		struct origin **origin);

/* Whether connections of that kind are waited for. */
bool origin_takes(const struct origin *origin, enum handoff_kind kind);
/* Such a one: becomes the origin's, also on failure. 0 or negative errno. */
int origin_take(struct origin *origin, enum handoff_kind kind, int fd);

/* The screen's source has ended. Return: true: another may come, the screen goes on without one;
 * who hands connections over knows sooner or later whether there will be one: after
 * ORIGIN_AWAIT_MS the screen ends. NULL is fine: false. */
bool origin_ended(struct origin *origin);

/* Before the screen. NULL is fine. */
void origin_free(struct origin *origin);

#endif
