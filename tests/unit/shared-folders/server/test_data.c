/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/internal.h"
#include "tests/unit/shared-folders/server/files.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

START_TEST(bytes_are_read_where_they_are)
{
	struct file file;

	peer_start(&peer, 0);
	peer_write(&peer, "file", "0123456789");
	file = file_open(&peer, "file", O_RDONLY);
	ck_assert_int_eq((int)file_read(&peer, file, 2, 5), 5);
	ck_assert_mem_eq(PEER_BODY(&peer, char), "23456", 5);
	ck_assert_int_eq((int)file_read(&peer, file, 8, 5), 2);
	ck_assert_int_eq((int)file_read(&peer, file, 10, 5), 0);
	ck_assert_int_eq((int)file_read(&peer, file, 0, 0), 0);
	ck_assert_int_eq((int)file_read(&peer, file, INT64_MAX, 5), 0);
	ck_assert_int_eq((int)file_read(&peer, file, UINT64_MAX, 5), -EINVAL);
	ck_assert_int_eq((int)file_write(&peer, file, 0, "x", 0, 0), -EBADF);
}
END_TEST

START_TEST(a_reply_has_only_so_much_room)
{
	struct file file;

	peer_start(&peer, 0);
	peer_write(&peer, "file", "0123456789");
	file = file_open(&peer, "file", O_RDONLY);
	peer.room = sizeof(struct fuse_out_header) + 4;
	ck_assert_int_eq((int)file_read(&peer, file, 0, UINT32_MAX), 4);
	ck_assert_mem_eq(PEER_BODY(&peer, char), "0123", 4);
}
END_TEST

START_TEST(bytes_are_written_where_they_belong)
{
	struct file file;

	peer_start(&peer, 0);
	peer_write(&peer, "file", "0123456789");
	file = file_open(&peer, "file", O_RDWR);
	ck_assert_int_eq((int)file_write(&peer, file, 3, "abc", 0, 0), 3);
	ck_assert_str_eq(file_text(&peer, "file"), "012abc6789");
	ck_assert_int_eq((int)file_write(&peer, file, UINT64_MAX, "x", 0, 0), -EINVAL);
	ck_assert_int_eq(file_release(&peer, file), 0);
	ck_assert_int_eq((int)file_write(&peer, file, 0, "x", 0, 0), -EBADF);
	ck_assert_int_eq((int)file_read(&peer, file, 0, 1), -EBADF);
}
END_TEST

START_TEST(appending_is_said_by_each_write)
{
	struct file file;

	peer_start(&peer, 0);
	peer_write(&peer, "file", "one");
	file = file_open(&peer, "file", O_WRONLY | O_APPEND);
	/* The host was faster. */
	peer_write(&peer, "file", "one+host");
	ck_assert_int_eq((int)file_write(&peer, file, 3, "two", O_WRONLY | O_APPEND, 0), 3);
	ck_assert_str_eq(file_text(&peer, "file"), "one+hosttwo");
	/* After fcntl(2), and what comes out of the page cache. */
	ck_assert_int_eq((int)file_write(&peer, file, 0, "O", O_WRONLY, 0), 1);
	ck_assert_int_eq(
		(int)file_write(&peer, file, 1, "N", O_WRONLY | O_APPEND, FUSE_WRITE_CACHE), 1);
	ck_assert_str_eq(file_text(&peer, "file"), "ONe+hosttwo");
}
END_TEST

START_TEST(with_write_back_the_peer_says_where_the_end_is)
{
	struct file file;

	peer.options.writeback = true;
	peer_start(&peer, FUSE_WRITEBACK_CACHE);
	peer_write(&peer, "file", "0123456789");
	file = file_open(&peer, "file", O_WRONLY | O_APPEND);
	ck_assert_int_eq((int)file_write(&peer, file, 2, "ab", O_WRONLY | O_APPEND, 0), 2);
	ck_assert_str_eq(file_text(&peer, "file"), "01ab456789");
	/* And reads the rest of a page that it wrote a part of. */
	ck_assert_int_eq((int)file_read(&peer, file, 0, 4), 4);
}
END_TEST

START_TEST(set_id_bits_go_when_the_peer_says_so)
{
	struct stat stat_;
	struct file file;

	if (geteuid() != 0)
		return; /* who is not root loses them in any case */
	peer_start(&peer, FUSE_HANDLE_KILLPRIV_V2);
	peer_write(&peer, "file", "text");
	ck_assert_int_eq(chmod(peer_path(&peer, "file"), 06755), 0);
	file = file_open(&peer, "file", O_WRONLY);
	ck_assert_int_eq((int)file_write(&peer, file, 0, "T", O_WRONLY, 0), 1);
	ck_assert_int_eq(stat(peer_path(&peer, "file"), &stat_), 0);
	ck_assert_uint_eq(stat_.st_mode & 07777, 06755);
	ck_assert_int_eq((int)file_write(&peer, file, 0, "T", O_WRONLY, FUSE_WRITE_KILL_SUIDGID),
			 1);
	ck_assert_int_eq(stat(peer_path(&peer, "file"), &stat_), 0);
	ck_assert_uint_eq(stat_.st_mode & 07777, 0755);
}
END_TEST

START_TEST(a_read_only_share_takes_nothing)
{
	struct file file;

	peer.options.read_only = true;
	peer_start(&peer, 0);
	peer_write(&peer, "file", "text");
	ck_assert_int_eq(file_try_open(&peer, "file", O_RDWR, &file), -EROFS);
	ck_assert_int_eq(file_try_open(&peer, "file", O_RDONLY | O_TRUNC, &file), -EROFS);
	file = file_open(&peer, "file", O_RDONLY);
	ck_assert_int_eq((int)file_write(&peer, file, 0, "x", 0, 0), -EROFS);
	ck_assert_int_eq((int)file_read(&peer, file, 0, 4), 4);
}
END_TEST

START_TEST(only_files_are_opened)
{
	struct file file;

	peer_start(&peer, 0);
	ck_assert_int_eq(mkfifo(peer_path(&peer, "fifo"), 0600), 0);
	ck_assert_int_eq(symlink("/etc/passwd", peer_path(&peer, "link")), 0);
	ck_assert_int_eq(file_try_open(&peer, "fifo", O_RDONLY, &file), -EOPNOTSUPP);
	ck_assert_int_eq(file_try_open(&peer, "link", O_RDONLY, &file), -ELOOP);
}
END_TEST

START_TEST(handles_belong_to_their_file)
{
	struct file one, two;

	peer_start(&peer, 0);
	peer_write(&peer, "one", "1");
	peer_write(&peer, "two", "2");
	one = file_open(&peer, "one", O_RDONLY);
	two = file_open(&peer, "two", O_RDONLY);
	one.handle = two.handle;
	ck_assert_int_eq((int)file_read(&peer, one, 0, 1), -EBADF);
	ck_assert_int_eq(file_release(&peer, one), -EBADF);
	ck_assert_int_eq((int)file_read(&peer, two, 0, 1), 1);
}
END_TEST

START_TEST(data_is_made_to_last)
{
	struct fuse_fsync_in in = {0};
	struct fuse_syncfs_in all = {0};
	struct file file;

	peer_start(&peer, 0);
	peer_write(&peer, "file", "text");
	file = file_open(&peer, "file", O_RDWR);
	in.fh = file.handle;
	for (in.fsync_flags = 0; in.fsync_flags < 2; in.fsync_flags++)
		ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_FSYNC, .node = file.node,
					   .arguments = &in, .arguments_bytes = sizeof(in)),
				 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_SYNCFS, .node = FUSE_ROOT_ID,
				   .arguments = &all, .arguments_bytes = sizeof(all)),
			 0);
}
END_TEST

START_TEST(a_file_without_a_name_may_get_one)
{
	struct fuse_create_in in = {.flags = O_RDWR, .mode = 0640};
	struct fuse_link_in link;
	struct file file;
	int r;

	peer_start(&peer, 0);
	r = PEER_CALL(&peer, .opcode = FUSE_TMPFILE, .node = FUSE_ROOT_ID, .arguments = &in,
		      .arguments_bytes = sizeof(in), .name = "/");
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(peer.length,
			  sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out));
	file.node = PEER_BODY(&peer, struct fuse_entry_out)->nodeid;
	memcpy(&file.handle, PEER_BODY(&peer, char) + sizeof(struct fuse_entry_out),
	       sizeof(file.handle));
	ck_assert_int_eq((int)file_write(&peer, file, 0, "kept", 0, 0), 4);
	link.oldnodeid = file.node;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_LINK, .node = FUSE_ROOT_ID,
				   .arguments = &link, .arguments_bytes = sizeof(link),
				   .name = "named"),
			 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->nodeid, file.node);
	ck_assert_str_eq(file_text(&peer, "named"), "kept");
}
END_TEST

START_TEST(the_time_of_birth_is_told)
{
	struct fuse_statx_in in = {.sx_mask = STATX_BASIC_STATS | STATX_BTIME};
	const struct fuse_statx_out *out = PEER_BODY(&peer, struct fuse_statx_out);
	struct statx wanted;
	int64_t node;

	peer_start(&peer, 0);
	peer_write(&peer, "file", "text");
	node = peer_lookup(&peer, FUSE_ROOT_ID, "file");
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_STATX, .node = (uint64_t)node,
				   .arguments = &in, .arguments_bytes = sizeof(in)),
			 0);
	ck_assert_int_eq(statx(AT_FDCWD, peer_path(&peer, "file"), 0,
			       STATX_BASIC_STATS | STATX_BTIME, &wanted),
			 0);
	ck_assert_uint_eq(out->stat.mask, wanted.stx_mask & (STATX_BASIC_STATS | STATX_BTIME));
	ck_assert_int_eq(out->stat.btime.tv_sec, wanted.stx_btime.tv_sec);
	ck_assert_uint_eq(out->stat.btime.tv_nsec, wanted.stx_btime.tv_nsec);
	ck_assert_uint_eq(out->stat.size, 4);
	ck_assert_uint_eq(out->stat.ino, wanted.stx_ino);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("data");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, bytes_are_read_where_they_are);
	tcase_add_test(tests, a_reply_has_only_so_much_room);
	tcase_add_test(tests, bytes_are_written_where_they_belong);
	tcase_add_test(tests, appending_is_said_by_each_write);
	tcase_add_test(tests, with_write_back_the_peer_says_where_the_end_is);
	tcase_add_test(tests, set_id_bits_go_when_the_peer_says_so);
	tcase_add_test(tests, a_read_only_share_takes_nothing);
	tcase_add_test(tests, only_files_are_opened);
	tcase_add_test(tests, handles_belong_to_their_file);
	tcase_add_test(tests, data_is_made_to_last);
	tcase_add_test(tests, a_file_without_a_name_may_get_one);
	tcase_add_test(tests, the_time_of_birth_is_told);
	return suite_run_case("server/data", tests);
}
