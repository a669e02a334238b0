/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/internal.h"
#include "tests/unit/shared-folders/server/nodes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct peer peer;

static void set_up(void)
{
	peer_begin(&peer);
}

static void tear_down(void)
{
	peer_end(&peer);
}

START_TEST(test_negotiation)
{
	struct fuse_init_in in = {.major = 7, .minor = 31, .max_readahead = 131072};
	const struct fuse_init_out *out = PEER_BODY(&peer, struct fuse_init_out);
	const struct peer_request init = {
		.opcode = FUSE_INIT, .arguments = &in, .arguments_bytes = sizeof(in)};

	peer.options.posix_lock = true;
	ck_assert_int_eq(server_new(&peer.options, &peer.server), 0);
	/* Nothing before INIT. */
	ck_assert_int_eq(node_getattr(&peer, ROOT), -EIO);

	ck_assert_int_eq(peer_call(&peer, &init), 0);
	ck_assert_uint_eq(out->minor, 31);
	ck_assert_uint_eq(out->flags, 0);
	ck_assert_uint_eq(out->max_write, SERVER_MAX_PAYLOAD);
	ck_assert_int_eq(node_getattr(&peer, ROOT), 0);

	in.minor = 99;
	in.flags = UINT32_MAX;
	in.flags2 = UINT32_MAX;
	ck_assert_int_eq(peer_call(&peer, &init), 0);
	ck_assert_uint_eq(out->minor, FUSE_KERNEL_MINOR_VERSION);
	ck_assert(out->flags & FUSE_POSIX_LOCKS);
	ck_assert(out->flags & FUSE_AUTO_INVAL_DATA);
	ck_assert(!(out->flags & (FUSE_FLOCK_LOCKS | FUSE_EXPORT_SUPPORT | FUSE_WRITEBACK_CACHE)));
	ck_assert_uint_eq(out->max_pages, SERVER_MAX_PAYLOAD / (size_t)sysconf(_SC_PAGESIZE));

	in.minor = 30;
	ck_assert_int_eq(peer_call(&peer, &init), -EPROTO);
	in.major = 8;
	ck_assert_int_eq(peer_call(&peer, &init), 0);
	ck_assert_uint_eq(out->major, 7);
}
END_TEST

START_TEST(test_withdrawn)
{
	struct fuse_init_in in = {.major = 7, .minor = 38};
	int64_t node;

	peer_start(&peer, 0);
	peer_write(&peer, "file", "text");
	node = peer_lookup(&peer, ROOT, "file");
	ck_assert_int_gt(node, 0);
	server_withdraw(peer.server);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)node), -EIO);
	ck_assert_int_eq(node_getattr(&peer, ROOT), -EIO);
	/* What has no answer has none now. */
	ck_assert_int_eq(node_forget(&peer, (uint64_t)node, 1), 1);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_INIT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 -EIO);
	ck_assert_int_eq(node_getattr(&peer, ROOT), -EIO);
}
END_TEST

START_TEST(test_new_session_forgets)
{
	struct fuse_init_in in = {.major = 7, .minor = 38};
	int64_t node;

	peer_write(&peer, "a", "");
	peer_start(&peer, 0);
	node = peer_lookup(&peer, ROOT, "a");
	ck_assert_int_gt(node, 0);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)node), 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_INIT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)node), -ESTALE);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_DESTROY), 0);
	ck_assert_int_eq(node_getattr(&peer, ROOT), -EIO);
	ck_assert_uint_eq(peer.server->inode_count, 1);
}
END_TEST

START_TEST(test_root_is_no_folder)
{
	struct server *server;

	peer_write(&peer, "a", "");
	close(peer.options.root);
	peer.options.root = open(peer_path(&peer, "a"), O_PATH);
	ck_assert_int_eq(server_new(&peer.options, &server), -ENOTDIR);
}
END_TEST

static void on_done(struct server_call *call, size_t length)
{
	*(size_t *)call->owner = length;
}

START_TEST(test_not_even_a_request)
{
	char bytes[200] = {0}, reply[64];
	struct fuse_in_header header = {.len = sizeof(header), .opcode = 999, .unique = 4};

	peer_start(&peer, 0);
	for (size_t size = 0; size < sizeof(bytes); size++) {
		struct iovec in = {bytes, size}, out = {reply, sizeof(reply)};
		size_t length = 77;
		struct server_call call = {.in = &in,
					   .in_count = 1,
					   .out = &out,
					   .out_count = 1,
					   .done = on_done,
					   .owner = &length};

		server_call(peer.server, &call);
		ck_assert_uint_eq(length, 0); /* unique is 0: not to be told from a notification */
		memcpy(bytes, &header, sizeof(header));
		call.out_count = 0;
		server_call(peer.server, &call);
		ck_assert_uint_eq(length, 0);
		if (size >= sizeof(header)) {
			call.out_count = 1;
			server_call(peer.server, &call);
			ck_assert_uint_eq(length, 16);
			ck_assert_int_eq(((struct fuse_out_header *)(void *)reply)->error, -ENOSYS);
		}
		memset(bytes, 0, sizeof(bytes));
	}
}
END_TEST

START_TEST(test_reply_room)
{
	struct {
		struct fuse_in_header header;
		struct fuse_read_in in;
	} read = {.header = {.opcode = FUSE_READ}, .in = {.size = 4096}};

	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)), 16 + 4096);
	read.in.size = UINT32_MAX;
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)), 16 + SERVER_MAX_PAYLOAD);
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read.header)), 16);
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read.header) - 1), 0);
	read.header.opcode = FUSE_FORGET;
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)), 0);
	read.header.opcode = FUSE_LOOKUP;
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)),
			  16 + sizeof(struct fuse_entry_out));
	read.header.opcode = 12345;
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)), 16);
}
END_TEST

/* The reply has less room than it needs: an error, and no lookup is counted. */
START_TEST(test_little_room)
{
	peer_start(&peer, 0);
	peer.room = 16 + 40;
	ck_assert_int_eq(node_getattr(&peer, ROOT), -EIO);
	ck_assert_int_eq(node_make_folder(&peer, ROOT, "a"), -EIO);
	ck_assert_uint_eq(peer.server->inode_count, 1);
	peer.room = 15;
	ck_assert_int_eq(node_getattr(&peer, ROOT), 1);
}
END_TEST

/* --- Waiting calls --------------------------------------------------------------------------- */

static void on_cancel(struct server *server, struct waiter *waiter)
{
	server_answer(server, waiter, -EINTR, NULL, 0);
}

START_TEST(test_waiting)
{
	char reply[16];
	struct iovec out = {reply, sizeof(reply)};
	size_t length = 77;
	struct server_call call = {.out = &out, .out_count = 1, .done = on_done, .owner = &length};
	struct task task = {.call = &call};
	struct waiter waiter = {.cancel = on_cancel};
	struct fuse_interrupt_in in = {.unique = 5};
	const struct peer_request interrupt = {
		.opcode = FUSE_INTERRUPT, .arguments = &in, .arguments_bytes = sizeof(in)};

	peer_start(&peer, 0);
	task.server = peer.server;
	task.in.header.unique = 5;
	/* Woken. */
	ck_assert_int_eq(server_wait(&task, &waiter), 0);
	ck_assert(server_take(peer.server, &waiter));
	ck_assert(!server_take(peer.server, &waiter));
	server_answer(peer.server, &waiter, 0, NULL, 0);
	ck_assert_uint_eq(length, 16);
	/* Interrupted. */
	ck_assert_int_eq(server_wait(&task, &waiter), 0);
	in.unique = 6;
	length = 77;
	ck_assert_int_eq(peer_call(&peer, &interrupt), 1);
	ck_assert_uint_eq(length, 77);
	in.unique = 5;
	ck_assert_int_eq(peer_call(&peer, &interrupt), 1);
	ck_assert_uint_eq(length, 16);
	ck_assert_int_eq(((struct fuse_out_header *)(void *)reply)->error, -EINTR);
	ck_assert(!server_take(peer.server, &waiter));
	/* The interrupt was faster. */
	task.in.header.unique = 6;
	ck_assert_int_eq(server_wait(&task, &waiter), -EINTR);
	/* The session ends. */
	task.in.header.unique = 7;
	ck_assert_int_eq(server_wait(&task, &waiter), 0);
	length = 77;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_DESTROY), 0);
	ck_assert_uint_eq(length, 16);
	ck_assert_int_eq(server_wait(&task, &waiter), -EINTR);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("server");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_negotiation);
	tcase_add_test(tests, test_withdrawn);
	tcase_add_test(tests, test_new_session_forgets);
	tcase_add_test(tests, test_root_is_no_folder);
	tcase_add_test(tests, test_not_even_a_request);
	tcase_add_test(tests, test_reply_room);
	tcase_add_test(tests, test_little_room);
	tcase_add_test(tests, test_waiting);
	return suite_run_case("server", tests);
}
