/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/server/peer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void peer_begin(struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	snprintf(peer->path, sizeof(peer->path), "/tmp/lodge-test-server.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(peer->path));
	peer->options.root = open(peer->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(peer->options.root, 0);
	peer->options.cache = SERVER_CACHE_AUTO;
	peer->uid = geteuid();
	peer->gid = getegid();
	peer->room = PEER_ROOM;
}

void peer_start(struct peer *peer, uint64_t flags)
{
	struct fuse_init_in in = {
		.major = 7,
		.minor = 38,
		.flags = (uint32_t)flags | FUSE_INIT_EXT,
		.flags2 = (uint32_t)(flags >> 32),
	};

	ck_assert_int_eq(server_new(&peer->options, &peer->server), 0);
	ck_assert_int_eq(PEER_CALL(peer, .opcode = FUSE_INIT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)type, (void)walk;
	return remove(path);
}

void peer_end(struct peer *peer)
{
	server_free(peer->server);
	close(peer->options.root);
	nftw(peer->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void on_done(struct server_call *call, size_t length)
{
	struct peer *peer = call->owner;

	ck_assert(!peer->answered);
	peer->answered = true;
	peer->length = length;
}

int peer_call(struct peer *peer, const struct peer_request *request)
{
	struct fuse_in_header header = {
		.opcode = request->opcode,
		.unique = ++peer->unique,
		.nodeid = request->node,
		.uid = peer->uid,
		.gid = peer->gid,
		.pid = peer->pid,
	};
	struct iovec in[5] = {
		{&header, sizeof(header)},
		{(void *)request->arguments, request->arguments_bytes},
		{(void *)request->name, request->name ? strlen(request->name) + 1 : 0},
		{(void *)request->second, request->second ? strlen(request->second) + 1 : 0},
		{(void *)request->payload, request->payload_bytes},
	};
	struct iovec out = {peer->reply, peer->room};
	struct server_call call = {
		.in = in,
		.in_count = 5,
		.out = &out,
		.out_count = 1,
		.done = on_done,
		.owner = peer,
	};
	struct fuse_out_header answer;
	size_t length = 0;

	for (size_t i = 0; i < 5; i++)
		length += in[i].iov_len;
	header.len = (uint32_t)length;
	peer->answered = false;
	server_call(peer->server, &call);
	ck_assert(peer->answered);
	if (peer->length == 0)
		return 1;
	memcpy(&answer, peer->reply, sizeof(answer));
	ck_assert_uint_eq(answer.len, peer->length);
	ck_assert_uint_eq(answer.unique, header.unique);
	ck_assert_int_le(answer.error, 0);
	if (answer.error < 0)
		ck_assert_uint_eq(peer->length, sizeof(answer));
	peer->length -= sizeof(answer);
	return answer.error;
}

int64_t peer_lookup(struct peer *peer, uint64_t parent, const char *name)
{
	int r = PEER_CALL(peer, .opcode = FUSE_LOOKUP, .node = parent, .name = name);

	if (r < 0)
		return r;
	ck_assert_uint_eq(peer->length, sizeof(struct fuse_entry_out));
	ck_assert_uint_ne(PEER_BODY(peer, struct fuse_entry_out)->nodeid, 0);
	return (int64_t)PEER_BODY(peer, struct fuse_entry_out)->nodeid;
}

const char *peer_path(struct peer *peer, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", peer->path, name);
	return path;
}

void peer_write(struct peer *peer, const char *name, const char *text)
{
	FILE *file = fopen(peer_path(peer, name), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}
