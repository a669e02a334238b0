/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/server/files.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW (1 << 20)

static struct peer peer;
static struct {
	unsigned int maps, unmaps, settles;
	uint64_t file_offset, window_offset, length, flags;
	off_t size; /* of the file that was to be mapped */
} seen;

static int map(void *owner, int fd, uint64_t file_offset, uint64_t window_offset, uint64_t length,
	       uint64_t flags)
{
	struct stat stat;

	ck_assert_ptr_eq(owner, &seen);
	ck_assert_int_eq(fstat(fd, &stat), 0);
	seen.size = stat.st_size;
	seen.maps++;
	seen.file_offset = file_offset;
	seen.window_offset = window_offset;
	seen.length = length;
	seen.flags = flags;
	return 0;
}

static int unmap(void *owner, uint64_t window_offset, uint64_t length)
{
	ck_assert_ptr_eq(owner, &seen);
	seen.unmaps++;
	seen.window_offset = window_offset;
	seen.length = length;
	return 0;
}

static void settle(void *owner, uint64_t device, uint64_t inode)
{
	struct stat stat_;

	ck_assert_ptr_eq(owner, &seen);
	ck_assert_int_eq(stat(peer_path(&peer, "file"), &stat_), 0);
	ck_assert_uint_eq(device, stat_.st_dev);
	ck_assert_uint_eq(inode, stat_.st_ino);
	seen.settles++;
}

static void set_up(void)
{
	memset(&seen, 0, sizeof(seen));
	peer_begin(&peer);
	peer.options.window = (struct server_window){
		.size_bytes = WINDOW, .map = map, .unmap = unmap, .settle = settle, .owner = &seen};
	peer_write(&peer, "file", "text");
}

static void tear_down(void)
{
	peer_end(&peer);
}

static int setup(const char *name, uint64_t file_offset, uint64_t at, uint64_t length,
		 uint64_t flags)
{
	struct fuse_setupmapping_in in = {.fh = UINT64_MAX,
					  .foffset = file_offset,
					  .len = length,
					  .flags = flags,
					  .moffset = at};
	int64_t node = peer_lookup(&peer, FUSE_ROOT_ID, name);

	ck_assert_int_gt(node, 0);
	return PEER_CALL(&peer, .opcode = FUSE_SETUPMAPPING, .node = (uint64_t)node,
			 .arguments = &in, .arguments_bytes = sizeof(in));
}

static int drop(uint32_t count, const struct fuse_removemapping_one *these)
{
	struct fuse_removemapping_in in = {.count = count};

	return PEER_CALL(&peer, .opcode = FUSE_REMOVEMAPPING, .node = FUSE_ROOT_ID,
			 .arguments = &in, .arguments_bytes = sizeof(in), .payload = these,
			 .payload_bytes = count * sizeof(*these));
}

START_TEST(parts_of_files_are_mapped)
{
	const struct fuse_removemapping_one two[] = {{.moffset = 0, .len = 4096},
						     {.moffset = 8192, .len = 8192}};

	peer_start(&peer, 0);
	ck_assert_int_eq(setup("file", 4096, 8192, 8192, FUSE_SETUPMAPPING_FLAG_WRITE), 0);
	ck_assert_uint_eq(seen.maps, 1);
	ck_assert_uint_eq(seen.file_offset, 4096);
	ck_assert_uint_eq(seen.window_offset, 8192);
	ck_assert_uint_eq(seen.length, 8192);
	ck_assert_uint_eq(seen.flags, FUSE_SETUPMAPPING_FLAG_WRITE);
	ck_assert_int_eq(seen.size, 4);
	ck_assert_int_eq(drop(2, two), 0);
	ck_assert_uint_eq(seen.unmaps, 2);
	ck_assert_uint_eq(seen.window_offset, 8192);
}
END_TEST

/* Before the peer learns that a file has grown, the window shows it. */
START_TEST(a_file_that_grows_is_settled)
{
	struct fuse_setattr_in longer = {.valid = FATTR_SIZE, .size = 9000};
	struct fuse_getattr_in ask = {0};
	uint64_t node;

	peer_write(&peer, "other", "text");
	peer_start(&peer, 0);
	node = (uint64_t)peer_lookup(&peer, FUSE_ROOT_ID, "file");
	ck_assert_uint_eq(seen.settles, 0);
	ck_assert_int_eq(setup("file", 0, 0, 8192, 0), 0);
	(void)peer_lookup(&peer, FUSE_ROOT_ID, "file");
	seen.settles = 0;
	(void)peer_lookup(&peer, FUSE_ROOT_ID, "file");
	(void)peer_lookup(&peer, FUSE_ROOT_ID, "other");
	ck_assert_uint_eq(seen.settles, 0);
	peer_write(&peer, "file", "longer than it was");
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_GETATTR, .node = node, .arguments = &ask,
				   .arguments_bytes = sizeof(ask)),
			 0);
	ck_assert_uint_eq(seen.settles, 1);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_GETATTR, .node = node, .arguments = &ask,
				   .arguments_bytes = sizeof(ask)),
			 0);
	ck_assert_uint_eq(seen.settles, 1);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_SETATTR, .node = node,
				   .arguments = &longer, .arguments_bytes = sizeof(longer)),
			 0);
	ck_assert_uint_eq(seen.settles, 2);
}
END_TEST

START_TEST(a_write_behind_the_end_is_settled)
{
	struct file file;

	peer_start(&peer, 0);
	ck_assert_int_eq(setup("file", 0, 0, 8192, 0), 0);
	file = file_open(&peer, "file", O_RDWR);
	seen.settles = 0;
	ck_assert_int_eq((int)file_write(&peer, file, 4, "more", O_RDWR, 0), 4);
	ck_assert_uint_eq(seen.settles, 1);
}
END_TEST

START_TEST(nothing_outside_the_window_is_mapped)
{
	const struct fuse_removemapping_one outside = {.moffset = WINDOW, .len = 4096};

	peer_start(&peer, 0);
	ck_assert_int_eq(setup("file", 0, WINDOW, 4096, 0), -EINVAL);
	ck_assert_int_eq(setup("file", 0, WINDOW - 4096, 8192, 0), -EINVAL);
	ck_assert_int_eq(setup("file", 0, 0, UINT64_MAX & ~4095ULL, 0), -EINVAL);
	ck_assert_int_eq(setup("file", 0, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(setup("file", 1, 0, 4096, 0), -EINVAL);
	ck_assert_int_eq(setup("file", 0, 1, 4096, 0), -EINVAL);
	ck_assert_int_eq(setup("file", INT64_MAX & ~4095ULL, 0, 8192, 0), -EINVAL);
	ck_assert_int_eq(setup("file", 0, 0, 4096, 1 << 20), -EINVAL);
	ck_assert_int_eq(drop(1, &outside), -EINVAL);
	ck_assert_uint_eq(seen.maps, 0);
	ck_assert_uint_eq(seen.unmaps, 0);
}
END_TEST

START_TEST(a_read_only_share_is_not_mapped_for_writing)
{
	peer.options.read_only = true;
	peer_start(&peer, 0);
	ck_assert_int_eq(setup("file", 0, 0, 4096, FUSE_SETUPMAPPING_FLAG_WRITE), -EROFS);
	ck_assert_int_eq(setup("file", 0, 0, 4096, FUSE_SETUPMAPPING_FLAG_READ), 0);
}
END_TEST

START_TEST(without_a_window_there_is_no_mapping)
{
	peer.options.window = (struct server_window){0};
	peer_start(&peer, 0);
	ck_assert_int_eq(setup("file", 0, 0, 4096, 0), -ENOSYS);
}
END_TEST

START_TEST(only_files_are_mapped)
{
	peer_start(&peer, 0);
	ck_assert_int_eq(mkfifo(peer_path(&peer, "fifo"), 0600), 0);
	ck_assert_int_eq(setup("fifo", 0, 0, 4096, 0), -EOPNOTSUPP);
	ck_assert_int_eq(mkdir(peer_path(&peer, "folder"), 0700), 0);
	ck_assert_int_lt(setup("folder", 0, 0, 4096, 0), 0);
	ck_assert_uint_eq(seen.maps, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("mapping");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, parts_of_files_are_mapped);
	tcase_add_test(tests, a_file_that_grows_is_settled);
	tcase_add_test(tests, a_write_behind_the_end_is_settled);
	tcase_add_test(tests, nothing_outside_the_window_is_mapped);
	tcase_add_test(tests, a_read_only_share_is_not_mapped_for_writing);
	tcase_add_test(tests, without_a_window_there_is_no_mapping);
	tcase_add_test(tests, only_files_are_mapped);
	return suite_run_case("server/mapping", tests);
}
