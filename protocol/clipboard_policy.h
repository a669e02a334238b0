/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_policy - what may pass between the guest and everybody else
 *
 * By direction a set of kinds, and how much at once. A set in words: "off", "all", or some of
 * "text", "images" and "files" with commas between. A policy in words: a set for both directions,
 * and items "key=value", all with commas between; what is not said is as in
 * CLIPBOARD_POLICY_DEFAULT:
 *
 *	to-guest=SET, to-host=SET	one direction
 *	max=SIZE			of one copy, 256M at most
 *	primary=on|off			what is merely selected, too
 *
 * and first, for short, "both" (the default), "to-guest" or "to-host" (all that way, nothing the
 * other).
 */
#ifndef LODGE_CLIPBOARD_POLICY_H
#define LODGE_CLIPBOARD_POLICY_H

#include "protocol/cbor.h"

#include <stdbool.h>
#include <stddef.h>

/* Bits. */
enum clipboard_kind {
	CLIPBOARD_OFF = 0,
	CLIPBOARD_TEXT_ONLY = 1 << 0, /* plain text */
	CLIPBOARD_IMAGES = 1 << 1,    /* image/... */
	CLIPBOARD_FILES = 1 << 2,     /* names of files, and files themselves */
	CLIPBOARD_OTHER = 1 << 3,     /* formatted text and all else */
	CLIPBOARD_ALL = (1 << 4) - 1,
};

struct clipboard_policy {
	unsigned int to_guest, to_host; /* enum clipboard_kind */
	bool primary;
	size_t max_bytes; /* of one copy; 0: CLIPBOARD_MAX_BYTES */
};

/* Copies here may be pasted in the guest, whatever they are; of what is copied there text leaves.
 */
#define CLIPBOARD_POLICY_DEFAULT                                                                   \
	((struct clipboard_policy){.to_guest = CLIPBOARD_ALL, .to_host = CLIPBOARD_TEXT_ONLY})

/* Of what kind a MIME type is. */
enum clipboard_kind clipboard_kind_of(const char *type);

/* 0 and *kinds; -EINVAL. */
int clipboard_kinds_parse(struct slice words, unsigned int *kinds);
#define CLIPBOARD_KINDS_BYTES 32
/* The same as words. Return: @words. */
const char *clipboard_kinds_format(unsigned int kinds, char words[CLIPBOARD_KINDS_BYTES]);

/* 0 and *policy; -EINVAL. */
int clipboard_policy_parse(const char *words, struct clipboard_policy *policy);
#define CLIPBOARD_POLICY_BYTES 160
/* All of it in words. Return: @words. */
const char *clipboard_policy_format(const struct clipboard_policy *policy,
				    char words[CLIPBOARD_POLICY_BYTES]);
bool clipboard_policy_is_same(const struct clipboard_policy *one,
			      const struct clipboard_policy *other);

#endif
