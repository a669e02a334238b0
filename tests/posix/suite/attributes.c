/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attributes - statx(2), modes, owners, and when set-id bits are cleared
 */
#include "suite.h"

#include <sys/statfs.h>
#include <sys/statvfs.h>

static void extended(const struct suite *suite)
{
	struct statx before, after;
	int fd = create(suite, "file", "1234567");

	expect_done(suite, "statx",
		    statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS | STATX_BTIME, &before));
	expect_equal(suite, "basic mask", before.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	expect_equal(suite, "statx size", (long long)before.stx_size, 7);
	expect_equal(suite, "statx mode", before.stx_mode, S_IFREG | 0644);
	expect_equal(suite, "statx links", before.stx_nlink, 1);
	expect_equal(suite, "statx owner", before.stx_uid == geteuid(), 1);
	expect_done(suite, "statx of a descriptor",
		    statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_SIZE, &after));
	expect_equal(suite, "same inode", after.stx_ino == before.stx_ino, 1);
	expect_error(suite, "reserved mask", statx(AT_FDCWD, "file", 0, STATX__RESERVED, &after),
		     EINVAL);
	expect_error(suite, "both kinds of sync",
		     statx(AT_FDCWD, "file", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC,
			   STATX_BASIC_STATS, &after),
		     EINVAL);
	observe_text(suite, "birth time", before.stx_mask & STATX_BTIME ? "given" : "not given");
	if (before.stx_mask & STATX_BTIME) {
		expect(suite, "birth time is a time", before.stx_btime.tv_sec > 1000000000);
		let_time_pass();
		need(suite, "write", pwrite(fd, "x", 1, 0));
		need(suite, "chmod", fchmod(fd, 0600));
		need(suite, "statx", statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &after));
		expect(suite, "birth time stays",
		       after.stx_btime.tv_sec == before.stx_btime.tv_sec &&
			       after.stx_btime.tv_nsec == before.stx_btime.tv_nsec);
	}
	need(suite, "symlink", symlink("file", "link"));
	need(suite, "statx", statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &after));
	expect(suite, "statx of a symlink", S_ISLNK(after.stx_mode));
	need(suite, "statx", statx(AT_FDCWD, "link", 0, STATX_TYPE, &after));
	expect(suite, "statx through a symlink", S_ISREG(after.stx_mode));
	expect_error(suite, "statx of nothing", statx(AT_FDCWD, "none", 0, STATX_ALL, &after),
		     ENOENT);
	close(fd);
}

static void modes(const struct suite *suite)
{
	int fd = create(suite, "mode", ""), wrong = 0;

	for (mode_t mode = 0; mode <= 07777; mode += 0137) {
		need(suite, "chmod", fchmod(fd, mode));
		wrong += (status(suite, "mode").st_mode & 07777) != mode;
	}
	expect_equal(suite, "chmod of many modes", wrong, 0);
	expect_error(suite, "chmod of nothing", chmod("none", 0600), ENOENT);
	close(fd);
}

static mode_t mode_after(const struct suite *suite, int result)
{
	need(suite, "operation on a set-id file", result);
	return status(suite, "set-id").st_mode & 07777;
}

static void prepare(const struct suite *suite, mode_t mode)
{
	unlink("set-id");
	put(suite, "set-id", "x");
	need(suite, "chmod", chmod("set-id", mode));
}

static int write_it(const char *name)
{
	int fd = open(name, O_WRONLY), result = (int)write(fd, "y", 1);

	close(fd);
	return result;
}

static void others_write(const struct suite *suite)
{
	need(suite, "write as another user", write_it("set-id"));
}

static void others_truncate(const struct suite *suite)
{
	need(suite, "truncate as another user", truncate("set-id", 0));
}

static void others_open_trunc(const struct suite *suite)
{
	need(suite, "O_TRUNC as another user", close(open("set-id", O_WRONLY | O_TRUNC)));
}

static void others_fallocate(const struct suite *suite)
{
	int fd = open("set-id", O_WRONLY);

	observe(suite, "fallocate of a set-id file", fallocate(fd, 0, 0, 8192));
	close(fd);
}

static void set_id(const struct suite *suite)
{
	if (!can_be_others(suite))
		return;
	need(suite, "chmod", chmod(".", 0777));
	prepare(suite, 06777);
	expect_equal(suite, "root's write keeps set-id", mode_after(suite, write_it("set-id")),
		     06777);
	in_child(suite, OTHER_ID, others_write);
	expect_equal(suite, "write clears set-id", mode_after(suite, 0), 0777);
	prepare(suite, 06777);
	in_child(suite, OTHER_ID, others_truncate);
	expect_equal(suite, "truncate clears set-id", mode_after(suite, 0), 0777);
	prepare(suite, 06777);
	in_child(suite, OTHER_ID, others_open_trunc);
	expect_equal(suite, "O_TRUNC clears set-id", mode_after(suite, 0), 0777);
	prepare(suite, 06777);
	in_child(suite, OTHER_ID, others_fallocate);
	observe_text(suite, "fallocate and set-id",
		     mode_after(suite, 0) == 0777 ? "cleared" : "kept");
	prepare(suite, 06777);
	expect_equal(suite, "chown clears set-id",
		     mode_after(suite, chown("set-id", OTHER_ID, OTHER_ID)), 0777);
	prepare(suite, 06777);
	expect_equal(suite, "chgrp clears set-id",
		     mode_after(suite, chown("set-id", (uid_t)-1, OTHER_ID)), 0777);
	prepare(suite, 02767);
	expect_equal(suite, "chown keeps a set-gid that does not execute",
		     mode_after(suite, chown("set-id", OTHER_ID, OTHER_ID)), 02767);
}

static void owner_changes(const struct suite *suite)
{
	int fd = (int)need(suite, "open", open("owned", O_RDWR));

	expect_error(suite, "chown to root by an owner", fchown(fd, 0, (gid_t)-1), EPERM);
	expect_error(suite, "chgrp to a foreign group", fchown(fd, (uid_t)-1, 54321), EPERM);
	expect_done(suite, "chown to oneself", fchown(fd, OTHER_ID, OTHER_ID));
	expect_done(suite, "chmod by an owner", fchmod(fd, 0600));
	expect_error(suite, "chmod of root's file", chmod("roots", 0777), EPERM);
	expect_error(suite, "chown of root's file", chown("roots", OTHER_ID, OTHER_ID), EPERM);
	close(fd);
}

static void owners(const struct suite *suite)
{
	struct stat stat;

	if (!can_be_others(suite))
		return;
	put(suite, "owned", "");
	put(suite, "roots", "");
	expect_done(suite, "chown", chown("owned", OTHER_ID, OTHER_ID));
	stat = status(suite, "owned");
	expect(suite, "owner", stat.st_uid == OTHER_ID && stat.st_gid == OTHER_ID);
	expect_done(suite, "chown of nobody", chown("owned", (uid_t)-1, (gid_t)-1));
	stat = status(suite, "owned");
	expect(suite, "owner stays", stat.st_uid == OTHER_ID && stat.st_gid == OTHER_ID);
	in_child(suite, OTHER_ID, owner_changes);
	/* Beyond 16 and 31 bits. */
	expect_done(suite, "chown to a large number", chown("roots", 4000000000U, 4000000001U));
	stat = status(suite, "roots");
	expect(suite, "large numbers", stat.st_uid == 4000000000U && stat.st_gid == 4000000001U);
}

static void file_system(const struct suite *suite)
{
	struct statfs statfs_;
	struct statvfs statvfs_;
	int fd = (int)need(suite, "open", open(".", O_RDONLY | O_DIRECTORY));

	expect_done(suite, "statfs", statfs(".", &statfs_));
	expect_done(suite, "fstatfs", fstatfs(fd, &statfs_));
	expect_done(suite, "statvfs", statvfs(".", &statvfs_));
	expect_equal(suite, "longest name", (long long)statvfs_.f_namemax, 255);
	expect(suite, "blocks", statvfs_.f_blocks && statvfs_.f_bfree <= statvfs_.f_blocks);
	close(fd);
}

void group_attributes(const struct suite *suite)
{
	extended(suite);
	modes(suite);
	set_id(suite);
	owners(suite);
	file_system(suite);
}
