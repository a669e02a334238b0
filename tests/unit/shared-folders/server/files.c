/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/server/files.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

int file_try_open(struct peer *peer, const char *name, int flags, struct file *file)
{
	struct fuse_open_in in = {.flags = (uint32_t)flags};
	int64_t node = peer_lookup(peer, FUSE_ROOT_ID, name);
	int r;

	ck_assert_int_gt(node, 0);
	file->node = (uint64_t)node;
	r = PEER_CALL(peer, .opcode = FUSE_OPEN, .node = file->node, .arguments = &in,
		      .arguments_bytes = sizeof(in));
	if (r == 0)
		file->handle = PEER_BODY(peer, struct fuse_open_out)->fh;
	return r;
}

struct file file_open(struct peer *peer, const char *name, int flags)
{
	struct file file;

	ck_assert_int_eq(file_try_open(peer, name, flags, &file), 0);
	return file;
}

int file_release(struct peer *peer, struct file file)
{
	struct fuse_release_in in = {.fh = file.handle};

	return PEER_CALL(peer, .opcode = FUSE_RELEASE, .node = file.node, .arguments = &in,
			 .arguments_bytes = sizeof(in));
}

int64_t file_read(struct peer *peer, struct file file, uint64_t offset, uint32_t size)
{
	struct fuse_read_in in = {.fh = file.handle, .offset = offset, .size = size};
	int r = PEER_CALL(peer, .opcode = FUSE_READ, .node = file.node, .arguments = &in,
			  .arguments_bytes = sizeof(in));

	return r < 0 ? r : (int64_t)peer->length;
}

int64_t file_write(struct peer *peer, struct file file, uint64_t offset, const char *text,
		   uint32_t flags, uint32_t write_flags)
{
	struct fuse_write_in in = {
		.fh = file.handle,
		.offset = offset,
		.size = (uint32_t)strlen(text),
		.flags = flags,
		.write_flags = write_flags,
	};
	int r = PEER_CALL(peer, .opcode = FUSE_WRITE, .node = file.node, .arguments = &in,
			  .arguments_bytes = sizeof(in), .payload = text, .payload_bytes = in.size);

	return r < 0 ? r : (int64_t)PEER_BODY(peer, struct fuse_write_out)->size;
}

const char *file_text(struct peer *peer, const char *name)
{
	static char text[4096];
	FILE *file = fopen(peer_path(peer, name), "re");
	size_t length;

	ck_assert_ptr_nonnull(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return text;
}

struct lock_request file_lock(struct file file, uint64_t owner, uint32_t type, uint64_t start,
			      uint64_t end)
{
	return (struct lock_request){
		.node = file.node,
		.in =
			{
				.fh = file.handle,
				.owner = owner,
				.lk = {.start = start,
				       .end = end,
				       .type = type,
				       .pid = (uint32_t)owner},
			},
	};
}

int file_lock_call(struct peer *peer, uint32_t opcode, struct lock_request lock)
{
	return PEER_CALL(peer, .opcode = opcode, .node = lock.node, .arguments = &lock.in,
			 .arguments_bytes = sizeof(lock.in));
}

static void on_answer(struct server_call *call, size_t length)
{
	struct pending *pending = call->owner;

	ck_assert_uint_eq(length, sizeof(struct fuse_out_header));
	pthread_mutex_lock(&pending->lock);
	ck_assert(!pending->answered);
	pending->answered = true;
	pthread_cond_broadcast(&pending->changed);
	pthread_mutex_unlock(&pending->lock);
}

void pending_start(struct peer *peer, struct pending *pending, struct lock_request lock)
{
	memset(pending, 0, sizeof(*pending));
	pthread_mutex_init(&pending->lock, NULL);
	pthread_cond_init(&pending->changed, NULL);
	pending->header = (struct fuse_in_header){
		.len = sizeof(pending->header) + sizeof(lock.in),
		.opcode = FUSE_SETLKW,
		.unique = ++peer->unique,
		.nodeid = lock.node,
	};
	pending->arguments = lock.in;
	pending->in[0] = (struct iovec){&pending->header, sizeof(pending->header)};
	pending->in[1] = (struct iovec){&pending->arguments, sizeof(pending->arguments)};
	pending->out = (struct iovec){pending->reply, sizeof(pending->reply)};
	pending->call = (struct server_call){
		.in = pending->in,
		.in_count = 2,
		.out = &pending->out,
		.out_count = 1,
		.done = on_answer,
		.owner = pending,
	};
	server_call(peer->server, &pending->call);
}

bool pending_answered(struct pending *pending)
{
	bool answered;

	pthread_mutex_lock(&pending->lock);
	answered = pending->answered;
	pthread_mutex_unlock(&pending->lock);
	return answered;
}

int pending_wait(struct pending *pending)
{
	struct fuse_out_header header;

	pthread_mutex_lock(&pending->lock);
	while (!pending->answered)
		pthread_cond_wait(&pending->changed, &pending->lock);
	pthread_mutex_unlock(&pending->lock);
	memcpy(&header, pending->reply, sizeof(header));
	ck_assert_uint_eq(header.unique, pending->header.unique);
	return header.error;
}
