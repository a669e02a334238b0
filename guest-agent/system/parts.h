/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parts - the parts of `info` by name: as a client asks for them, and as changes are told
 */
#ifndef LODGE_GUEST_SYSTEM_PARTS_H
#define LODGE_GUEST_SYSTEM_PARTS_H

#include "protocol/cbor.h"

enum part {
	PART_OS = 1 << 0,
	PART_TIME = 1 << 1,
	PART_USERS = 1 << 2,
	PART_NETWORK = 1 << 3,
	PART_DISKS = 1 << 4,
	PART_FILESYSTEMS = 1 << 5,
	PART_MEMORY = 1 << 6,
	PART_LOAD = 1 << 7,
	PART_AGENT = 1 << 8,
	PART_ALL = (1 << 9) - 1,
};

/* @what: items of texts, untrusted; names of a newer version are ignored; empty: all.
 * Return: 0 and a sum of enum part; -EBADMSG. */
int parts_parse(struct slice what, unsigned int *parts);

/* @parts as an encoded array of their names. */
void parts_put(unsigned int parts, struct cbor_writer *writer);

#endif
