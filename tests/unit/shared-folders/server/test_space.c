/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/server/files.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct peer peer;
static struct file file;

static void set_up(void)
{
	peer_begin(&peer);
	peer_write(&peer, "file", "0123456789");
}

static void start(uint64_t flags)
{
	peer.options.writeback = flags & FUSE_WRITEBACK_CACHE;
	peer_start(&peer, flags);
	file = file_open(&peer, "file", O_RDWR);
}

static void tear_down(void)
{
	peer_end(&peer);
}

static int allocate(uint32_t mode, uint64_t offset, uint64_t length)
{
	struct fuse_fallocate_in in = {
		.fh = file.handle, .offset = offset, .length = length, .mode = mode};

	return PEER_CALL(&peer, .opcode = FUSE_FALLOCATE, .node = file.node, .arguments = &in,
			 .arguments_bytes = sizeof(in));
}

static int64_t seek(uint64_t offset, uint32_t whence)
{
	struct fuse_lseek_in in = {.fh = file.handle, .offset = offset, .whence = whence};
	int r = PEER_CALL(&peer, .opcode = FUSE_LSEEK, .node = file.node, .arguments = &in,
			  .arguments_bytes = sizeof(in));

	return r < 0 ? r : (int64_t)PEER_BODY(&peer, struct fuse_lseek_out)->offset;
}

START_TEST(space_is_reserved_and_given_back)
{
	struct stat stat_;

	start(0);
	ck_assert_int_eq(allocate(0, 0, 65536), 0);
	ck_assert_int_eq(stat(peer_path(&peer, "file"), &stat_), 0);
	ck_assert_int_eq(stat_.st_size, 65536);
	ck_assert_int_eq(allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3), 0);
	ck_assert_int_eq((int)file_read(&peer, file, 0, 10), 10);
	ck_assert_mem_eq(PEER_BODY(&peer, char), "01\0\0\00056789", 10);
	ck_assert_int_eq(allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -EOPNOTSUPP);
	ck_assert_int_eq(allocate(0, UINT64_MAX, 1), -EINVAL);
	ck_assert_int_eq(allocate(0, 0, 0), -EINVAL);
	ck_assert_int_eq(allocate(0, INT64_MAX, 10), -EFBIG);
}
END_TEST

START_TEST(holes_are_found)
{
	int fd;

	start(0);
	fd = open(peer_path(&peer, "file"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, 1 << 20), 1);
	ck_assert_int_eq(ftruncate(fd, 2 << 20), 0);
	close(fd);
	ck_assert_int_eq((int)seek(0, SEEK_HOLE), 0);
	ck_assert_int_eq((int)seek(0, SEEK_DATA), 1 << 20);
	ck_assert_int_eq((int)seek(2 << 20, SEEK_DATA), -ENXIO);
	ck_assert_int_eq((int)seek(UINT64_MAX, SEEK_DATA), -ENXIO);
	ck_assert_int_eq((int)seek(0, SEEK_END), -EINVAL);
}
END_TEST

START_TEST(what_the_peer_holds_back_is_no_hole)
{
	start(FUSE_WRITEBACK_CACHE);
	ck_assert_int_eq((int)seek(0, SEEK_HOLE), -ENOSYS);
}
END_TEST

START_TEST(parts_are_copied)
{
	struct fuse_copy_file_range_in in = {0};
	struct file to;

	peer_write(&peer, "to", "abcdefghij");
	start(0);
	to = file_open(&peer, "to", O_RDWR);
	in = (struct fuse_copy_file_range_in){
		.fh_in = file.handle,
		.off_in = 2,
		.nodeid_out = to.node,
		.fh_out = to.handle,
		.off_out = 5,
		.len = 3,
	};
#define COPY()                                                                                     \
	PEER_CALL(&peer, .opcode = FUSE_COPY_FILE_RANGE, .node = file.node, .arguments = &in,      \
		  .arguments_bytes = sizeof(in))
	ck_assert_int_eq(COPY(), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_write_out)->size, 3);
	ck_assert_str_eq(file_text(&peer, "to"), "abcde234ij");
	/* As much as there is. */
	in.len = UINT64_MAX;
	ck_assert_int_eq(COPY(), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_write_out)->size, 8);
	in.off_in = UINT64_MAX;
	ck_assert_int_eq(COPY(), -EINVAL);
	in.off_in = 0;
	in.flags = 1;
	ck_assert_int_eq(COPY(), -EINVAL);
	in.flags = 0;
	in.nodeid_out = file.node;
	ck_assert_int_eq(COPY(), -EBADF);
#undef COPY
}
END_TEST

START_TEST(ioctls_are_refused)
{
	struct fuse_ioctl_in in = {.cmd = FIONREAD};

	start(0);
	in.fh = file.handle;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_IOCTL, .node = file.node, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 -ENOTTY);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("space");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, space_is_reserved_and_given_back);
	tcase_add_test(tests, holes_are_found);
	tcase_add_test(tests, what_the_peer_holds_back_is_no_hole);
	tcase_add_test(tests, parts_are_copied);
	tcase_add_test(tests, ioctls_are_refused);
	return suite_run_case("server/space", tests);
}
