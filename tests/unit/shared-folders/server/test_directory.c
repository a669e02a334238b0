/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/internal.h"
#include "tests/unit/shared-folders/server/nodes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct peer peer;

static void set_up(void)
{
	peer_begin(&peer);
}

static void tear_down(void)
{
	peer_end(&peer);
}

static uint64_t open_folder(uint64_t node)
{
	struct fuse_open_in in = {.flags = O_RDONLY};

	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_OPENDIR, .node = node, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
	return PEER_BODY(&peer, struct fuse_open_out)->fh;
}

static int list(uint64_t handle, uint64_t offset, uint32_t size, bool plus)
{
	struct fuse_read_in in = {.fh = handle, .offset = offset, .size = size};

	return PEER_CALL(&peer, .opcode = plus ? FUSE_READDIRPLUS : FUSE_READDIR, .node = ROOT,
			 .arguments = &in, .arguments_bytes = sizeof(in));
}

/* Count what is listed. @seen[i]: of the files named by numbers */
static unsigned int take_list(bool plus, unsigned int *seen, size_t files, uint64_t *offset)
{
	unsigned int entries = 0;

	for (size_t at = 0; at < peer.length; entries++) {
		const char *entry = peer.reply + 16 + at;
		struct fuse_entry_out node = {0};
		struct fuse_dirent dirent;
		char name[FUSE_NAME_MAX_BYTES + 1] = "";
		unsigned int number;

		if (plus) {
			memcpy(&node, entry, sizeof(node));
			entry += sizeof(node);
			at += sizeof(node);
		}
		memcpy(&dirent, entry, FUSE_NAME_OFFSET);
		ck_assert_uint_le(dirent.namelen, FUSE_NAME_MAX_BYTES);
		memcpy(name, entry + FUSE_NAME_OFFSET, dirent.namelen);
		ck_assert_int_eq(plus && name[0] != '.', node.nodeid != 0);
		if (sscanf(name, "%u", &number) == 1 && number < files)
			seen[number]++;
		*offset = dirent.off;
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + dirent.namelen);
		ck_assert_uint_le(at, peer.length);
	}
	return entries;
}

START_TEST(test_listing)
{
	enum { FILES = 500 };
	char name[16];
	uint64_t handle;

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		peer_write(&peer, name, "");
	}
	peer_start(&peer, 0);
	handle = open_folder(ROOT);
	for (int plus = 0; plus < 2; plus++) {
		unsigned int seen[FILES] = {0}, entries = 0, more;
		uint64_t offset = 0;

		do {
			ck_assert_int_eq(list(handle, offset, 1500, plus), 0);
			ck_assert_uint_le(peer.length, 1500);
			more = take_list(plus, seen, FILES, &offset);
			entries += more;
		} while (more > 0);
		ck_assert_uint_eq(entries, FILES + 2);
		for (int i = 0; i < FILES; i++)
			ck_assert_uint_eq(seen[i], 1);
	}
	ck_assert_uint_eq(peer.server->inode_count, FILES + 1);
	ck_assert_int_eq(list(handle, 0, 10, false), -EINVAL);
	ck_assert_int_eq(list(handle, 0, UINT32_MAX, false), 0);
	ck_assert_int_eq(list(handle + 1, 0, 1500, false), -EBADF);
	/* It was told by a server before this one that it need not open folders. */
	ck_assert_int_eq(list(0, 0, 1500, false), 0);
	ck_assert_uint_gt(peer.length, 0);
}
END_TEST

/* A peer that keeps listings opens no folder: by the node, each goes on where it was left. */
START_TEST(test_listing_unopened)
{
	enum { FILES = 300 };
	struct fuse_open_in in = {.flags = O_RDONLY};
	struct fuse_fsync_in sync_ = {0};
	char name[16];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		peer_write(&peer, name, "");
	}
	peer.options.cache = SERVER_CACHE_ALWAYS;
	peer_start(&peer, FUSE_NO_OPENDIR_SUPPORT);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_OPENDIR, .node = ROOT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 -ENOSYS);
	/* Where others come in between, it is begun again in the middle. */
	for (int others = 0; others < 2; others++) {
		unsigned int seen[FILES] = {0}, more;
		uint64_t offset = 0;

		do {
			ck_assert_int_eq(list(0, offset, 1500, others), 0);
			more = take_list(others, seen, FILES, &offset);
			for (int i = 0; others && i < KEPT_LISTINGS; i++)
				ck_assert_int_eq(list(0, 0, 600, false), 0);
			if (others && more > 0) {
				ck_assert_int_eq(list(0, offset, 1500, true), 0);
				more = take_list(true, seen, FILES, &offset);
			}
		} while (more > 0);
		for (int i = 0; i < FILES; i++)
			ck_assert_uint_eq(seen[i], 1);
	}
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_FSYNCDIR, .node = ROOT,
				   .arguments = &sync_, .arguments_bytes = sizeof(sync_)),
			 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_DESTROY), 0);
	ck_assert_uint_eq(peer.server->inode_count, 1);
	ck_assert_uint_eq(peer.server->descriptors, 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("directory");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_listing);
	tcase_add_test(tests, test_listing_unopened);
	return suite_run_case("directory", tests);
}
