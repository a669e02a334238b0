/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that a peer has open, and its calls that wait. */
#ifndef LODGE_UNIT_SHARED_FOLDERS_SERVER_FILES_H
#define LODGE_UNIT_SHARED_FOLDERS_SERVER_FILES_H

#include "tests/unit/shared-folders/server/peer.h"

#include <pthread.h>

struct file {
	uint64_t node, handle;
};

/* Look @name up in the root and open it. */
struct file file_open(struct peer *peer, const char *name, int flags);
/* Return: the reply's error. */
int file_try_open(struct peer *peer, const char *name, int flags, struct file *file);
int file_release(struct peer *peer, struct file file);
/* Return: bytes or negative errno; the bytes are the reply's body. */
int64_t file_read(struct peer *peer, struct file file, uint64_t offset, uint32_t size);
int64_t file_write(struct peer *peer, struct file file, uint64_t offset, const char *text,
		   uint32_t flags, uint32_t write_flags);

/* What is in the folder under @name, as a text good until the next call. */
const char *file_text(struct peer *peer, const char *name);

/* A lock request of @owner: @opcode is FUSE_GETLK, FUSE_SETLK or FUSE_SETLKW. */
struct lock_request {
	uint64_t node;
	struct fuse_lk_in in;
};
struct lock_request file_lock(struct file file, uint64_t owner, uint32_t type, uint64_t start,
			      uint64_t end);
int file_lock_call(struct peer *peer, uint32_t opcode, struct lock_request lock);

/* A SETLKW that may wait. */
struct pending {
	struct server_call call;
	struct fuse_in_header header;
	struct fuse_lk_in arguments;
	struct iovec in[2], out;
	char reply[64];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool answered;
};
void pending_start(struct peer *peer, struct pending *pending, struct lock_request lock);
bool pending_answered(struct pending *pending);
/* Return: the reply's error, once it is there. */
int pending_wait(struct pending *pending);

#endif
