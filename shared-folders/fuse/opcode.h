/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * opcode - the shape of each FUSE request and of its reply, as a table
 *
 * Source: <linux/fuse.h>, protocol 7.31 to 7.39, and fs/fuse of Linux 6.1 for what follows the
 * fixed arguments.
 */
#ifndef LODGE_SHARED_FOLDERS_FUSE_OPCODE_H
#define LODGE_SHARED_FOLDERS_FUSE_OPCODE_H

#include "shared-folders/fuse/newer.h"

#include <stddef.h>
#include <stdint.h>

/* A name is one component of a path; a target the text of a symbolic link. */
#define FUSE_NAME_MAX_BYTES   255
#define FUSE_TARGET_MAX_BYTES 4095

/* What follows the fixed arguments. */
enum fuse_tail {
	FUSE_TAIL_NONE,
	FUSE_TAIL_NAME,		   /* one name */
	FUSE_TAIL_TWO_NAMES,	   /* the old one, the new one */
	FUSE_TAIL_NAME_AND_TARGET, /* SYMLINK */
	FUSE_TAIL_XATTR,	   /* the name of an attribute: slashes are allowed in these */
	FUSE_TAIL_XATTR_AND_BYTES, /* and its value, as long as setxattr_in says */
	FUSE_TAIL_IGNORED_NAME,	   /* TMPFILE's is "/" */
	FUSE_TAIL_BYTES,	   /* as many as the arguments say */
	FUSE_TAIL_FORGETS,	   /* fuse_forget_one, as many as the arguments say */
	FUSE_TAIL_MAPPINGS,	   /* fuse_removemapping_one, likewise */
};

/* What a reply without error has after its header. */
enum fuse_reply_kind {
	FUSE_REPLY_NEVER, /* there is none, nor an error */
	FUSE_REPLY_FIXED, /* exactly reply_bytes (which may be 0) */
	FUSE_REPLY_DATA,  /* up to as many bytes as the arguments ask for */
	FUSE_REPLY_XATTR, /* the same; if they ask for 0: a fuse_getxattr_out */
	FUSE_REPLY_TEXT,  /* up to reply_bytes: READLINK */
	FUSE_REPLY_INIT,  /* fuse_init_out, or the first part of it of an older minor */
};

struct fuse_opcode_info {
	const char *name;
	uint16_t arguments;	    /* bytes of fixed arguments */
	uint16_t arguments_minimum; /* as older peers send them; the rest is zero then */
	enum fuse_tail tail;
	enum fuse_reply_kind reply;
	uint16_t reply_bytes;
};

/* Return: what there is to know of @opcode; NULL: no such request. */
const struct fuse_opcode_info *fuse_opcode(uint32_t opcode);

/**
 * fuse_reply_body_max() - the longest body of a reply without error
 * @info:	of the request
 * @arguments:	its fixed arguments, info->arguments bytes
 *
 * Return: bytes, headers not counted; not capped: arguments may ask for 4 GiB.
 */
size_t fuse_reply_body_max(const struct fuse_opcode_info *info, const void *arguments);

#endif
