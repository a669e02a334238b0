/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_paste - the host's pastes of what a guest has copied, until the guest gives it
 *
 * For what takes the part of an agent (SPICE's, QEMU's VNC server): "clipboard.read" of
 * protocol/display.h. One answer of the guest serves all who wait for the same; each then gets the
 * bytes on channel 1, as its credit allows.
 */
#ifndef LODGE_SCREEN_CLIPBOARD_PASTE_H
#define LODGE_SCREEN_CLIPBOARD_PASTE_H

#include "protocol/session.h"

#include <stdbool.h>
#include <stdint.h>

#define CLIPBOARD_MAX_PASTES 16

struct clipboard_paste;

/* The pastes of one guest; starts as {0}. Each ends with its stream, at the latest with the
 * session. */
struct clipboard_pastes {
	struct clipboard_paste *first;
};

/* @stream waits for what @what names (the caller's numbers), or is failed: EAGAIN if
 * CLIPBOARD_MAX_PASTES are under way. True if the guest is to be asked: none waits for it yet. */
bool clipboard_paste_wait(struct clipboard_pastes *pastes, struct stream *stream, uint64_t what);

/* Whether any paste is under way. */
bool clipboard_paste_any(const struct clipboard_pastes *pastes);

/* All that wait for @what, of which the bits in @mask count, get a copy of @bytes, or the
 * (positive)
 * @error. */
void clipboard_paste_answer(struct clipboard_pastes *pastes, uint64_t what, uint64_t mask,
			    int error, const void *bytes, size_t length);

#endif
