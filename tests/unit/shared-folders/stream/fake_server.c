/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/stream/fake_server.h"

#include "protocol/base/bytes.h"

#include <check.h>
#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define WAITERS 64

struct server {
	struct server_options options;
	pthread_mutex_t mutex;
	struct server_call *waiting[WAITERS];
	size_t count;
	bool crowded;
	uint32_t looker;
	uint64_t done;
};

static atomic_uint runs[FAKE_UNIQUES];
static atomic_int threads[FAKE_UNIQUES];
static atomic_uint servers, made;
static struct server *latest;

unsigned int fake_server_runs(uint64_t unique)
{
	return atomic_load(&runs[unique]);
}

pid_t fake_server_thread(uint64_t unique)
{
	return atomic_load(&threads[unique]);
}

void fake_server_reset(void)
{
	for (size_t i = 0; i < FAKE_UNIQUES; i++) {
		atomic_store(&runs[i], 0);
		atomic_store(&threads[i], 0);
	}
	atomic_store(&made, 0);
}

unsigned int fake_servers(void)
{
	return atomic_load(&servers);
}

unsigned int fake_servers_made(void)
{
	return atomic_load(&made);
}

const struct server *fake_server_latest(void)
{
	return latest;
}

int fake_server_notify(const struct iovec *message, size_t count)
{
	return latest->options.notify(latest->options.notify_owner, message, count);
}

int server_new(const struct server_options *options, struct server **server)
{
	*server = calloc(1, sizeof(**server));
	ck_assert_ptr_nonnull(*server);
	(*server)->options = *options;
	pthread_mutex_init(&(*server)->mutex, NULL);
	latest = *server;
	atomic_fetch_add(&servers, 1);
	atomic_fetch_add(&made, 1);
	return 0;
}

static void answer(struct server_call *call, int error, const void *body, size_t length)
{
	struct fuse_in_header header;
	struct fuse_out_header reply;

	memcpy(&header, call->in[0].iov_base, sizeof(header));
	reply = (struct fuse_out_header){(uint32_t)(sizeof(reply) + length), error, header.unique};
	ck_assert_uint_le(reply.len, call->out[0].iov_len);
	memcpy(call->out[0].iov_base, &reply, sizeof(reply));
	if (body)
		memcpy((uint8_t *)call->out[0].iov_base + sizeof(reply), body, length);
	else
		memset((uint8_t *)call->out[0].iov_base + sizeof(reply), (int)header.unique,
		       length);
	call->done(call, reply.len);
}

void server_free(struct server *server)
{
	for (size_t i = 0; i < server->count; i++)
		answer(server->waiting[i], -EINTR, NULL, 0);
	pthread_mutex_destroy(&server->mutex);
	free(server);
	atomic_fetch_sub(&servers, 1);
}

static uint32_t wanted(const uint8_t *request, size_t length)
{
	return length >= sizeof(struct fuse_in_header) + 4
		       ? load_le32(request + sizeof(struct fuse_in_header))
		       : 0;
}

void server_call(struct server *server, struct server_call *call)
{
	const uint8_t *request = call->in[0].iov_base;
	const struct fuse_open_out open = {.fh = FAKE_HANDLE};
	const struct fuse_attr_out attributes = {.attr.size = FAKE_SIZE};
	struct fuse_in_header header;

	memcpy(&header, request, sizeof(header));
	if (header.unique < FAKE_UNIQUES) {
		atomic_store(&threads[header.unique], gettid());
		atomic_fetch_add(&runs[header.unique], 1);
	}
	switch (header.opcode) {
	case FAKE_ECHO:
		answer(call, 0, request + sizeof(header), header.len - sizeof(header));
		break;
	case FAKE_ROOM:
		answer(call, 0, NULL, wanted(request, header.len));
		break;
	case FAKE_WAIT:
		pthread_mutex_lock(&server->mutex);
		ck_assert_uint_lt(server->count, WAITERS);
		server->waiting[server->count++] = call;
		pthread_mutex_unlock(&server->mutex);
		break;
	case FUSE_OPEN:
		answer(call, 0, &open, sizeof(open));
		break;
	case FUSE_GETATTR:
		answer(call, 0, &attributes, sizeof(attributes));
		break;
	case FUSE_UNLINK:
		answer(call, header.nodeid ? 0 : -ENOENT, NULL, 0);
		break;
	default:
		call->done(call, 0);
	}
}

bool server_close_is_quiet(struct server *server, uint64_t node)
{
	(void)server;
	return node % 2 == 0;
}

void server_set_crowded(struct server *server)
{
	server->crowded = true;
}

bool fake_server_is_crowded(const struct server *server)
{
	return server->crowded;
}

int server_set_looker(struct server *server, uint32_t pid)
{
	if (!server->options.looks)
		return -EAGAIN;
	server->looker = pid;
	return 0;
}

void server_looker_done(struct server *server, uint64_t id)
{
	server->done = id;
}

uint32_t fake_server_looker(const struct server *server)
{
	return server->looker;
}

uint64_t fake_server_looker_done(const struct server *server)
{
	return server->done;
}

size_t server_reply_room(const void *request, size_t length)
{
	struct fuse_in_header header;

	memcpy(&header, request, sizeof(header));
	switch (header.opcode) {
	case FAKE_ECHO:
		return sizeof(struct fuse_out_header) + length - sizeof(header);
	case FAKE_ROOM:
		return sizeof(struct fuse_out_header) + wanted(request, length);
	case FAKE_WAIT:
	case FUSE_UNLINK:
		return sizeof(struct fuse_out_header);
	case FUSE_OPEN:
		return sizeof(struct fuse_out_header) + sizeof(struct fuse_open_out);
	default:
		return 0;
	}
}
