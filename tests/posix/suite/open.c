/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open - flags of open(2), and files that are used after their name is gone
 */
#include "suite.h"

#include <stdio.h>

static void creation(const struct suite *suite)
{
	int fd;

	expect_error(suite, "missing file", open("none", O_RDONLY), ENOENT);
	expect_done(suite, "O_CREAT", fd = open("file", O_RDWR | O_CREAT, 0640));
	expect_equal(suite, "O_CREAT's mode", status(suite, "file").st_mode, S_IFREG | 0640);
	expect_equal(suite, "write", write(fd, "hello", 5), 5);
	close(fd);
	expect_error(suite, "O_EXCL on a file", open("file", O_RDWR | O_CREAT | O_EXCL, 0600),
		     EEXIST);
	expect_done(suite, "O_CREAT on a file", fd = open("file", O_RDWR | O_CREAT, 0600));
	expect_equal(suite, "O_CREAT leaves the mode", status(suite, "file").st_mode & 07777, 0640);
	close(fd);
	expect_done(suite, "O_TRUNC", fd = open("file", O_WRONLY | O_TRUNC));
	expect_equal(suite, "O_TRUNC's size", status(suite, "file").st_size, 0);
	expect_error(suite, "read of O_WRONLY", read(fd, &(char){0}, 1), EBADF);
	close(fd);
	expect_done(suite, "mode 0 with O_RDWR", fd = open("silent", O_RDWR | O_CREAT | O_EXCL, 0));
	expect_equal(suite, "write to mode 0", write(fd, "x", 1), 1);
	close(fd);
	need(suite, "symlink", symlink("none", "dangling"));
	expect_error(suite, "O_EXCL on a dangling link",
		     open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	expect_error(suite, "O_NOFOLLOW", open("dangling", O_RDONLY | O_NOFOLLOW), ELOOP);
	expect_done(suite, "O_CREAT through a link", fd = open("dangling", O_RDWR | O_CREAT, 0600));
	expect(suite, "what the link names exists", exists("none"));
	close(fd);
	umask(077);
	expect_done(suite, "create with a umask", fd = open("masked", O_RDWR | O_CREAT, 0666));
	expect_equal(suite, "mode with a umask", status(suite, "masked").st_mode & 07777, 0600);
	umask(022);
	close(fd);
}

static void kinds(const struct suite *suite)
{
	int fd;

	need(suite, "mkdir", mkdir("folder", 0755));
	expect_error(suite, "folder for writing", open("folder", O_WRONLY), EISDIR);
	expect_error(suite, "O_CREAT on a folder", open("folder", O_RDONLY | O_CREAT, 0600),
		     EISDIR);
	expect_error(suite, "O_DIRECTORY on a file", open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
	expect_error(suite, "file as a folder", open("file/x", O_RDONLY), ENOTDIR);
	expect_error(suite, "trailing slash", open("file/", O_RDONLY), ENOTDIR);
	expect_done(suite, "O_PATH", fd = open("file", O_PATH));
	expect_error(suite, "read of O_PATH", read(fd, &(char){0}, 1), EBADF);
	close(fd);
	fd = (int)need(suite, "open folder", open("folder", O_RDONLY | O_DIRECTORY));
	expect_error(suite, "read of a folder", read(fd, &(char){0}, 1), EISDIR);
	close(fd);
}

static void appending(const struct suite *suite)
{
	int fd = create(suite, "log", "one"), other;
	char buffer[16];

	close(fd);
	fd = (int)need(suite, "O_APPEND", open("log", O_RDWR | O_APPEND));
	other = (int)need(suite, "O_APPEND again", open("log", O_WRONLY | O_APPEND));
	expect_equal(suite, "append", write(fd, "two", 3), 3);
	expect_equal(suite, "append by another", write(other, "three", 5), 5);
	expect_equal(suite, "append after another", write(fd, "four", 4), 4);
	expect(suite, "appended text", holds_text("log", "onetwothreefour"));
	/* Linux: pwrite() appends as well. */
	expect_equal(suite, "pwrite with O_APPEND", pwrite(fd, "!", 1, 0), 1);
	expect(suite, "pwrite appended", holds_text("log", "onetwothreefour!"));
	expect_equal(suite, "pread with O_APPEND", pread(fd, buffer, 3, 3), 3);
	expect(suite, "pread's text", !memcmp(buffer, "two", 3));
	expect_done(suite, "F_SETFL without O_APPEND", fcntl(fd, F_SETFL, 0));
	expect_equal(suite, "pwrite without O_APPEND", pwrite(fd, "O", 1, 0), 1);
	expect(suite, "pwrite in place", holds_text("log", "Onetwothreefour!"));
	expect_done(suite, "F_SETFL with O_APPEND", fcntl(fd, F_SETFL, O_APPEND));
	expect_equal(suite, "write after F_SETFL", pwrite(fd, "?", 1, 0), 1);
	expect(suite, "write after F_SETFL appended", holds_text("log", "Onetwothreefour!?"));
	close(fd);
	close(other);
}

static void after_unlink(const struct suite *suite)
{
	int fd = create(suite, "gone", "still here"), other;
	char buffer[32] = "", path[64];
	struct stat stat;

	expect_done(suite, "unlink an open file", unlink("gone"));
	expect(suite, "the name is gone", !exists("gone"));
	expect_equal(suite, "read after unlink", pread(fd, buffer, sizeof(buffer), 0), 10);
	expect_equal(suite, "write after unlink", pwrite(fd, "and more", 8, 10), 8);
	expect_done(suite, "fstat after unlink", fstat(fd, &stat));
	expect_equal(suite, "size after unlink", stat.st_size, 18);
	expect_equal(suite, "links after unlink", (long long)stat.st_nlink, 0);
	expect_done(suite, "fchmod after unlink", fchmod(fd, 0600));
	expect_done(suite, "ftruncate after unlink", ftruncate(fd, 5));
	expect_done(suite, "fsync after unlink", fsync(fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect_done(suite, "reopen after unlink", other = open(path, O_RDONLY));
	expect_equal(suite, "read of the reopened", read(other, buffer, sizeof(buffer)), 5);
	close(other);
	put(suite, "gone", "another");
	expect_equal(suite, "the old one is still itself", pread(fd, buffer, sizeof(buffer), 0), 5);
	expect(suite, "and the new one is new", holds_text("gone", "another"));
	close(fd);
	fd = create(suite, "victim", "old");
	put(suite, "successor", "new");
	expect_done(suite, "rename over an open file", rename("successor", "victim"));
	expect_equal(suite, "read of the overwritten", pread(fd, buffer, sizeof(buffer), 0), 3);
	expect(suite, "text of the overwritten", !memcmp(buffer, "old", 3));
	close(fd);
}

static void nameless(const struct suite *suite)
{
	char path[64];
	struct stat stat;
	int fd = open(".", O_TMPFILE | O_RDWR, 0640), other;

	if (!observe(suite, "O_TMPFILE", fd))
		return;
	expect_done(suite, "fstat of O_TMPFILE", fstat(fd, &stat));
	expect_equal(suite, "links of O_TMPFILE", (long long)stat.st_nlink, 0);
	expect_equal(suite, "mode of O_TMPFILE", stat.st_mode, S_IFREG | 0640);
	expect_equal(suite, "write to O_TMPFILE", write(fd, "kept", 4), 4);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect_done(suite, "linkat of O_TMPFILE",
		    linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	expect(suite, "O_TMPFILE under its name", holds_text("named", "kept"));
	expect_equal(suite, "links after linkat", (long long)status(suite, "named").st_nlink, 1);
	close(fd);
	expect(suite, "named after close", holds_text("named", "kept"));
	expect_done(suite, "O_TMPFILE and O_EXCL",
		    fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect_error(suite, "linkat of O_EXCL",
		     linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
	expect_error(suite, "O_TMPFILE for reading", other = open(".", O_TMPFILE | O_RDONLY, 0600),
		     EINVAL);
	if (other >= 0)
		close(other);
}

static void direct(const struct suite *suite)
{
	int fd = open("direct", O_RDWR | O_CREAT | O_DIRECT, 0600);
	char *block = NULL, *copy = NULL;

	if (!observe(suite, "O_DIRECT", fd))
		return;
	if (posix_memalign((void **)&block, 4096, 8192) ||
	    posix_memalign((void **)&copy, 4096, 8192))
		abort();
	memset(block, 'd', 8192);
	expect_equal(suite, "direct write", pwrite(fd, block, 8192, 4096), 8192);
	expect_equal(suite, "direct read", pread(fd, copy, 8192, 4096), 8192);
	expect(suite, "direct data", !memcmp(block, copy, 8192));
	expect_equal(suite, "direct read at the end", pread(fd, copy, 8192, 8192), 4096);
	expect_equal(suite, "direct read of the hole", pread(fd, copy, 4096, 0), 4096);
	expect(suite, "hole's zeros", !copy[0] && !memcmp(copy, copy + 1, 4095));
	close(fd);
	fd = (int)need(suite, "buffered", open("direct", O_RDWR));
	expect_equal(suite, "buffered read of it", pread(fd, copy, 8192, 4096), 8192);
	expect(suite, "buffered data", !memcmp(block, copy, 8192));
	expect_equal(suite, "buffered write", pwrite(fd, "buffered", 8, 4096), 8);
	expect_done(suite, "F_SETFL O_DIRECT", fcntl(fd, F_SETFL, O_DIRECT));
	expect_equal(suite, "direct read of it", pread(fd, copy, 4096, 4096), 4096);
	expect(suite, "direct after buffered", !memcmp(copy, "bufferedd", 9));
	close(fd);
	free(block);
	free(copy);
}

static void vectors(const struct suite *suite)
{
	int fd = create(suite, "offsets", "0123456789");
	char buffer[16] = "";

	expect_equal(suite, "lseek to 4", lseek(fd, 4, SEEK_SET), 4);
	expect_equal(suite, "read moves on", read(fd, buffer, 3), 3);
	expect_equal(suite, "lseek tells", lseek(fd, 0, SEEK_CUR), 7);
	expect_equal(suite, "lseek to the end", lseek(fd, 0, SEEK_END), 10);
	expect_equal(suite, "read at the end", read(fd, buffer, 3), 0);
	expect_error(suite, "lseek before the start", lseek(fd, -1, SEEK_SET), EINVAL);
	expect_equal(suite, "lseek beyond the end", lseek(fd, 100, SEEK_SET), 100);
	expect_equal(suite, "write beyond the end", write(fd, "x", 1), 1);
	expect_equal(suite, "the size grew", status(suite, "offsets").st_size, 101);
	expect_equal(suite, "read of nothing", read(fd, buffer, 0), 0);
	expect_equal(suite, "write of nothing", write(fd, buffer, 0), 0);
	close(fd);
}

void group_open(const struct suite *suite)
{
	creation(suite);
	kinds(suite);
	appending(suite);
	after_unlink(suite);
	nameless(suite);
	direct(suite);
	vectors(suite);
}
