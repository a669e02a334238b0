/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * listing - the entries of a guest's folder, out of the bytes of "file.list"
 *
 * The bytes are a sequence of CBOR maps, cut anywhere. Nothing in them is trusted: a name must be
 * one component, and an entry that does not fit or does not parse ends the listing.
 */
#ifndef LODGE_CLI_LISTING_H
#define LODGE_CLI_LISTING_H

#include "protocol/message.h"

/* The largest entry: a name, a link's target, and numbers. */
#define LISTING_ENTRY_MAX 8192

struct listing {
	/* One entry; its slices live during the call. Return: 0 or what ends the listing. */
	int (*entry)(void *owner, const struct file_stat *stat);
	void *owner;
	uint8_t bytes[LISTING_ENTRY_MAX]; /* an entry that is not whole yet */
	size_t length;
};

/**
 * listing_feed() - take the next bytes
 *
 * Return: 0; -EBADMSG for what is no entry, or has a name that none can have; or what `entry` gave.
 */
int listing_feed(struct listing *listing, struct slice bytes);

/* All bytes have come. Return: 0; -EBADMSG if they end within an entry. */
int listing_finish(const struct listing *listing);

#endif
