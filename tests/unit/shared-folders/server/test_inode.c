/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/internal.h"
#include "tests/unit/shared-folders/server/nodes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static struct peer peer;

static void set_up(void)
{
	peer_begin(&peer);
}

static void tear_down(void)
{
	peer_end(&peer);
}

START_TEST(test_forget_never_underflows)
{
	int64_t node;

	peer_write(&peer, "a", "");
	peer_start(&peer, 0);
	node = peer_lookup(&peer, ROOT, "a");
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "a"), node);
	ck_assert_int_eq(node_forget(&peer, (uint64_t)node, 1), 1);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)node), 0);
	ck_assert_int_eq(node_forget(&peer, (uint64_t)node, UINT64_MAX), 1);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)node), -ESTALE);
	ck_assert_int_eq(node_forget(&peer, (uint64_t)node, UINT64_MAX), 1);
	ck_assert_int_eq(node_forget(&peer, ROOT, UINT64_MAX), 1);
	ck_assert_int_eq(node_getattr(&peer, ROOT), 0);
	ck_assert_int_eq(node_forget(&peer, 0, 1), 1);
	ck_assert_int_eq(node_forget(&peer, UINT64_MAX, 1), 1);
	ck_assert_uint_eq(peer.server->inode_count, 1);
	/* The same place, and the old id is still nobody's. */
	ck_assert_int_ne(peer_lookup(&peer, ROOT, "a"), node);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)node), -ESTALE);
}
END_TEST

START_TEST(test_batch_forget)
{
	struct fuse_batch_forget_in in = {.count = 100};
	struct fuse_forget_one one[100] = {{0}};
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		peer_write(&peer, name, "");
	}
	peer_start(&peer, 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		one[i].nodeid = (uint64_t)peer_lookup(&peer, ROOT, name);
		one[i].nlookup = (uint64_t)i; /* the first keeps its one */
	}
	ck_assert_uint_eq(peer.server->inode_count, 101);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_BATCH_FORGET, .arguments = &in,
				   .arguments_bytes = sizeof(in), .payload = one,
				   .payload_bytes = sizeof(one)),
			 1);
	ck_assert_uint_eq(peer.server->inode_count, 2);
	ck_assert_int_eq(node_getattr(&peer, one[0].nodeid), 0);
}
END_TEST

/* Where nobody else changes anything the peer need not ask again for what is not there. */
START_TEST(test_absent)
{
	const struct fuse_entry_out *entry = PEER_BODY(&peer, struct fuse_entry_out);
	const struct peer_request lookup = {.opcode = FUSE_LOOKUP, .node = ROOT, .name = "none"};

	peer_start(&peer, 0);
	ck_assert_int_eq(peer_call(&peer, &lookup), -ENOENT);
	server_free(peer.server);
	peer.options.cache = SERVER_CACHE_ALWAYS;
	peer_start(&peer, 0);
	ck_assert_int_eq(peer_call(&peer, &lookup), 0);
	ck_assert_uint_eq(peer.length, sizeof(*entry));
	ck_assert_uint_eq(entry->nodeid, 0);
	ck_assert_uint_gt(entry->entry_valid, 0);
	ck_assert_uint_eq(peer.server->inode_count, 1);
}
END_TEST

/* A child whose parent was forgotten still works: it knows where it is. */
START_TEST(test_parent_forgotten)
{
	int64_t folder, file;

	ck_assert_int_eq(mkdir(peer_path(&peer, "d"), 0755), 0);
	peer_write(&peer, "d/f", "1234");
	peer_start(&peer, 0);
	folder = peer_lookup(&peer, ROOT, "d");
	file = peer_lookup(&peer, (uint64_t)folder, "f");
	node_forget(&peer, (uint64_t)folder, 1);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)file), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_attr_out)->attr.size, 4);
	ck_assert_int_eq((int)peer_lookup(&peer, (uint64_t)folder, "f"), -ESTALE);
	node_forget(&peer, (uint64_t)file, 1);
	ck_assert_uint_eq(peer.server->inode_count, 1);
}
END_TEST

/* Somebody on this side replaces a file: the node is not the new one. */
START_TEST(test_replaced_behind)
{
	char old[512];
	int64_t node, other;

	peer_write(&peer, "a", "old");
	peer_start(&peer, 0);
	node = peer_lookup(&peer, ROOT, "a");
	peer_write(&peer, "b", "newer");
	snprintf(old, sizeof(old), "%s", peer_path(&peer, "b"));
	ck_assert_int_eq(rename(old, peer_path(&peer, "a")), 0);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)node), -ESTALE);
	other = peer_lookup(&peer, ROOT, "a");
	ck_assert_int_ne(other, node);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)other), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_attr_out)->attr.size, 5);
}
END_TEST

static void deep_path(char *path, size_t size, unsigned int depth)
{
	size_t at = 0;

	path[0] = '\0';
	for (unsigned int i = 0; i < depth; i++)
		at += (size_t)snprintf(path + at, size - at, i ? "/%u" : "%u", i);
}

/* With room for hardly any descriptor, whole paths are opened again. */
START_TEST(test_few_descriptors)
{
	enum { DEPTH = 40 };
	uint64_t nodes[DEPTH], parent = ROOT;
	char path[256], name[16];

	for (unsigned int depth = 1; depth <= DEPTH; depth++) {
		deep_path(path, sizeof(path), depth);
		ck_assert_int_eq(mkdir(peer_path(&peer, path), 0755), 0);
	}
	peer.options.max_descriptors = 4;
	peer_start(&peer, 0);
	for (unsigned int i = 0; i < DEPTH; i++) {
		snprintf(name, sizeof(name), "%u", i);
		parent = nodes[i] = (uint64_t)peer_lookup(&peer, parent, name);
		ck_assert_int_gt((int64_t)parent, 0);
		ck_assert_uint_le(peer.server->descriptors, 5);
	}
	for (unsigned int i = 0; i < DEPTH; i++) {
		ck_assert_int_eq(node_getattr(&peer, nodes[i * 7 % DEPTH]), 0);
		ck_assert_int_eq(node_make_folder(&peer, nodes[i * 11 % DEPTH], "x"), 0);
		ck_assert_uint_le(peer.server->descriptors, 5);
	}
	/* The whole of it moves, and all below it goes along. */
	ck_assert_int_eq(node_make_folder(&peer, ROOT, "y"), 0);
	parent = (uint64_t)peer_lookup(&peer, ROOT, "y");
	ck_assert_int_eq(node_move(&peer, ROOT, "0", parent, "moved", 0), 0);
	ck_assert_int_eq(node_getattr(&peer, nodes[DEPTH - 1]), 0);
	ck_assert_int_eq(node_make_folder(&peer, nodes[DEPTH - 1], "z"), 0);
}
END_TEST

START_TEST(test_many_files)
{
	char name[32];

	peer.options.max_descriptors = 16;
	peer_start(&peer, 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		ck_assert_int_eq(node_make(&peer, ROOT, name, S_IFREG | 0644), 0);
	}
	ck_assert_uint_eq(peer.server->inode_count, 3001);
	ck_assert_uint_le(peer.server->descriptors, 17);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		ck_assert_int_gt(peer_lookup(&peer, ROOT, name), 0);
		ck_assert_int_eq(
			PEER_CALL(&peer, .opcode = FUSE_UNLINK, .node = ROOT, .name = name), 0);
	}
	ck_assert_uint_eq(peer.server->inode_count, 3001);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("inode");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_forget_never_underflows);
	tcase_add_test(tests, test_batch_forget);
	tcase_add_test(tests, test_absent);
	tcase_add_test(tests, test_parent_forgotten);
	tcase_add_test(tests, test_replaced_behind);
	tcase_add_test(tests, test_few_descriptors);
	tcase_add_test(tests, test_many_files);
	return suite_run_case("inode", tests);
}
