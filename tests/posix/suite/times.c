/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * times - set, left alone, and changed by what changes a file
 */
#include "suite.h"

#include <stdio.h>

#include <time.h>

static bool same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static int set_times(const char *name, struct timespec access, struct timespec change)
{
	return utimensat(AT_FDCWD, name, (struct timespec[]){access, change}, AT_SYMLINK_NOFOLLOW);
}

static const struct timespec now = {.tv_nsec = UTIME_NOW};
static const struct timespec omit = {.tv_nsec = UTIME_OMIT};

static void setting(const struct suite *suite)
{
	const struct timespec first = {1234567890, 123456789}, second = {1500000000, 999999999};
	struct stat stat, old;

	put(suite, "file", "");
	old = status(suite, "file");
	let_time_pass();
	expect_done(suite, "utimensat", set_times("file", first, second));
	stat = status(suite, "file");
	expect(suite, "to the nanosecond", same(stat.st_atim, first) && same(stat.st_mtim, second));
	expect(suite, "moves ctime", later(stat.st_ctim, old.st_ctim));
	expect_done(suite, "both omitted", set_times("file", omit, omit));
	stat = status(suite, "file");
	expect(suite, "omitted stays", same(stat.st_atim, first) && same(stat.st_mtim, second));
	expect_done(suite, "atime now, mtime omitted", set_times("file", now, omit));
	stat = status(suite, "file");
	expect(suite, "mtime stays", same(stat.st_mtim, second));
	expect(suite, "atime is now", later(stat.st_atim, old.st_atim));
	expect_done(suite, "atime omitted, mtime set", set_times("file", omit, first));
	stat = status(suite, "file");
	expect(suite, "mtime is set", same(stat.st_mtim, first));
	expect_error(suite, "too many nanoseconds",
		     set_times("file", (struct timespec){0, 1000000000}, omit), EINVAL);
	need(suite, "symlink", symlink("file", "link"));
	expect_done(suite, "of a symlink", set_times("link", second, second));
	expect(suite, "symlink's own",
	       same(status(suite, "link").st_mtim, second) &&
		       same(status(suite, "file").st_mtim, first));
	expect_done(suite, "before 1970",
		    set_times("file", (struct timespec){-1000, 5}, (struct timespec){-5, 0}));
	stat = status(suite, "file");
	expect_equal(suite, "atime before 1970", stat.st_atim.tv_sec, -1000);
	expect_equal(suite, "mtime before 1970", stat.st_mtim.tv_sec, -5);
	expect_done(suite, "after 2038", set_times("file", omit, (struct timespec){4300000000, 0}));
	stat = status(suite, "file");
	observe_text(suite, "mtime after 2038",
		     stat.st_mtim.tv_sec == 4300000000 ? "kept" : "clamped");
	expect_error(suite, "of nothing", set_times("none", now, now), ENOENT);
}

/* What a step changed: bit 0 mtime, bit 1 ctime. */
static int moved(struct stat before, struct stat after)
{
	return later(after.st_mtim, before.st_mtim) | later(after.st_ctim, before.st_ctim) << 1;
}

static void changing(const struct suite *suite)
{
	struct stat before;
	int fd = create(suite, "moving", "text");

/* Both the file's own times and the folder's, around one step. */
#define STEP(name, of, wanted, step)                                                               \
	do {                                                                                       \
		before = status(suite, of);                                                        \
		let_time_pass();                                                                   \
		need(suite, name, step);                                                           \
		expect_equal(suite, name, moved(before, status(suite, of)), wanted);               \
	} while (0)
	STEP("write moves both", "moving", 3, pwrite(fd, "T", 1, 0));
	STEP("read moves neither", "moving", 0, pread(fd, &(char){0}, 1, 0));
	STEP("ftruncate moves both", "moving", 3, ftruncate(fd, 2));
	STEP("ftruncate to the same size moves both", "moving", 3, ftruncate(fd, 2));
	STEP("chmod moves ctime", "moving", 2, fchmod(fd, 0600));
	STEP("chown moves ctime", "moving", 2, fchown(fd, getuid(), getgid()));
	STEP("link moves ctime", "moving", 2, link("moving", "second"));
	STEP("unlink moves ctime of what is left", "moving", 2, unlink("second"));
	STEP("O_TRUNC moves both", "moving", 3, close(open("moving", O_WRONLY | O_TRUNC)));
	STEP("create moves the folder's", ".", 3, mknod("new", S_IFREG | 0600, 0));
	STEP("rename moves the folder's", ".", 3, rename("new", "newer"));
	STEP("unlink moves the folder's", ".", 3, unlink("newer"));
	STEP("mkdir moves the folder's", ".", 3, mkdir("folder", 0700));
	STEP("rmdir moves the folder's", ".", 3, rmdir("folder"));
	STEP("symlink moves the folder's", ".", 3, symlink("x", "symbolic"));
	STEP("write leaves the folder's", ".", 0, pwrite(fd, "T", 1, 0));
#undef STEP
	close(fd);
}

static void others(const struct suite *suite)
{
	const struct timespec time = {1000000000, 0};

	expect_done(suite, "now, on what is writable", set_times("writable", now, now));
	expect_error(suite, "a time, on what is writable", set_times("writable", time, time),
		     EPERM);
	expect_error(suite, "now, on what is not writable", set_times("readable", now, now),
		     EACCES);
	expect_error(suite, "mtime now, atime omitted", set_times("writable", omit, now), EPERM);
}

void group_times(const struct suite *suite)
{
	setting(suite);
	changing(suite);
	if (!can_be_others(suite))
		return;
	put(suite, "writable", "");
	put(suite, "readable", "");
	need(suite, "chmod", chmod("writable", 0666));
	in_child(suite, OTHER_ID, others);
}
