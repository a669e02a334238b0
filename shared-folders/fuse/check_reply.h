/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check_reply - what a FUSE server says, before a kernel is given it
 *
 * Whoever mounts knows what was asked (the kernel's request is trusted) and holds each reply
 * against that: its length, its error, sizes, names, modes, flags. Sources: <linux/fuse.h>, and
 * fs/fuse of Linux 6.1 for what the kernel itself relies upon. That a file keeps its type the
 * kernel sees to: it compares and marks the inode bad.
 */
#ifndef LODGE_SHARED_FOLDERS_FUSE_CHECK_REPLY_H
#define LODGE_SHARED_FOLDERS_FUSE_CHECK_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is remembered of a request. */
struct fuse_expectation {
	uint64_t unique;
	uint64_t flags;	 /* INIT: those offered */
	uint64_t length; /* bytes that the reply may carry, or say were written */
	uint32_t opcode;
};

/**
 * fuse_expect() - what may be answered
 * @request:	of our own kernel, whole
 *
 * Return: true; false: this request has no reply (FORGET, INTERRUPT...).
 */
bool fuse_expect(const void *request, size_t length, struct fuse_expectation *expectation);

/**
 * fuse_check_reply() - may the kernel be given this?
 * @hostile:	the server may be anybody's: device files are refused, too
 *
 * Return: 0; -EPROTO.
 */
int fuse_check_reply(const struct fuse_expectation *expectation, bool hostile, const void *reply,
		     size_t length);

/**
 * fuse_check_notification() - a message that nobody asked for, with unique 0
 *
 * Kinds that kernels are given: INVAL_INODE, INVAL_ENTRY, DELETE; and SERVER_NOTIFY_CHANGE.
 *
 * Return: 0; -EPROTO.
 */
int fuse_check_notification(const void *message, size_t length);

/* The flags of INIT that a server is offered: those of <linux/fuse.h> that need nothing but
 * messages. */
uint64_t fuse_init_flags(uint64_t of_kernel);

#endif
