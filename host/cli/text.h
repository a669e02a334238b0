/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text - what a guest says, made fit for a terminal
 *
 * Control characters (C0, DEL, and C1, which some terminals obey too), characters that reverse the
 * direction of writing, and bytes that are not UTF-8 become '?', so that no guest can drive or
 * mislead the terminal of who looks at it.
 */
#ifndef LODGE_CLI_TEXT_H
#define LODGE_CLI_TEXT_H

#include "protocol/cbor.h"

/* A clean copy, freed by the caller; NULL without memory. */
char *text_clean(struct slice text);

/* The same into @clean, cut to fit; returns @clean. */
char *text_clean_into(struct slice text, char *clean, size_t capacity);

/* Number of characters (not bytes) of clean text. */
size_t text_width(const char *text);

#endif
