/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * links - hard and symbolic ones, and their counts
 */
#include "suite.h"

#include <limits.h>
#include <stdio.h>

static void hard(const struct suite *suite)
{
	struct stat first, second;
	int fd = create(suite, "file", "text");

	expect_equal(suite, "one link", (long long)status(suite, "file").st_nlink, 1);
	expect_done(suite, "link", link("file", "second"));
	first = status(suite, "file");
	second = status(suite, "second");
	expect_equal(suite, "two links", (long long)first.st_nlink, 2);
	expect(suite, "one inode", first.st_ino == second.st_ino && first.st_dev == second.st_dev);
	expect_equal(suite, "write by the first", pwrite(fd, "TEXT", 4, 0), 4);
	expect(suite, "seen by the second", holds_text("second", "TEXT"));
	expect_error(suite, "link over a name", link("file", "second"), EEXIST);
	expect_error(suite, "link of nothing", link("none", "third"), ENOENT);
	need(suite, "mkdir", mkdir("folder", 0755));
	expect_error(suite, "link of a folder", link("folder", "third"), EPERM);
	expect_done(suite, "link into a folder", link("file", "folder/third"));
	expect_done(suite, "unlink the first", unlink("file"));
	expect_equal(suite, "two are left", (long long)status(suite, "second").st_nlink, 2);
	need(suite, "fstat", fstat(fd, &first));
	expect_equal(suite, "fstat says so", (long long)first.st_nlink, 2);
	expect_done(suite, "chmod by one", chmod("second", 0600));
	expect_equal(suite, "mode by the other", status(suite, "folder/third").st_mode & 07777,
		     0600);
	expect_done(suite, "unlink the second", unlink("second"));
	expect_done(suite, "unlink the third", unlink("folder/third"));
	need(suite, "fstat", fstat(fd, &first));
	expect_equal(suite, "none is left", (long long)first.st_nlink, 0);
	close(fd);
	for (int i = 0; i < 100; i++) {
		char name[] = {'n', (char)('0' + i / 10), (char)('0' + i % 10), 0};

		need(suite, "a hundred links", i ? link("n00", name) : (put(suite, name, ""), 0));
	}
	expect_equal(suite, "a hundred links counted", (long long)status(suite, "n00").st_nlink,
		     100);
}

static void symbolic(const struct suite *suite)
{
	char target[PATH_MAX], text[PATH_MAX];
	ssize_t length;

	expect_done(suite, "symlink", symlink("nowhere/at all", "link"));
	length = readlink("link", text, sizeof(text));
	expect(suite, "readlink", length == 14 && !memcmp(text, "nowhere/at all", 14));
	expect_equal(suite, "size of a symlink", status(suite, "link").st_size, 14);
	expect(suite, "kind of a symlink", S_ISLNK(status(suite, "link").st_mode));
	expect_equal(suite, "readlink cuts", readlink("link", text, 3), 3);
	expect_error(suite, "open of a dangling one", open("link", O_RDONLY), ENOENT);
	expect_error(suite, "symlink over a name", symlink("x", "link"), EEXIST);
	expect_error(suite, "empty symlink", symlink("", "empty"), ENOENT);
	put(suite, "target", "reached");
	expect_done(suite, "symlink to a file", symlink("target", "good"));
	expect(suite, "read through it", holds_text("good", "reached"));
	expect_error(suite, "readlink of a file", readlink("target", text, sizeof(text)), EINVAL);
	expect_done(suite, "hard link of a symlink", linkat(AT_FDCWD, "good", AT_FDCWD, "twin", 0));
	expect(suite, "is a symlink", S_ISLNK(status(suite, "twin").st_mode));
	expect_equal(suite, "with two links", (long long)status(suite, "good").st_nlink, 2);
	need(suite, "symlink", symlink("loop2", "loop1") | symlink("loop1", "loop2"));
	expect_error(suite, "loop", open("loop1", O_RDONLY), ELOOP);
	expect_done(suite, "rename of a symlink", rename("good", "better"));
	expect(suite, "read through the renamed", holds_text("better", "reached"));
	expect_done(suite, "unlink of a symlink", unlink("better"));
	expect(suite, "its target stays", holds_text("target", "reached"));
	expect_done(suite, "lchown of a symlink", lchown("link", getuid(), getgid()));
	/* The longest that every file system of Linux takes: a page with its zero, less on some. */
	memset(target, 't', 1023);
	target[1023] = 0;
	expect_done(suite, "symlink of 1023 bytes", symlink(target, "long"));
	length = readlink("long", text, sizeof(text));
	expect(suite, "readlink of 1023 bytes", length == 1023 && !memcmp(text, target, 1023));
	memset(target, 't', 4095);
	target[4095] = 0;
	if (observe(suite, "symlink of 4095 bytes", symlink(target, "longest"))) {
		length = readlink("longest", text, sizeof(text));
		expect(suite, "readlink of 4095 bytes",
		       length == 4095 && !memcmp(text, target, 4095));
	}
	expect_done(suite, "symlink of any bytes", symlink("\377\n\t ..//", "bytes"));
	length = readlink("bytes", text, sizeof(text));
	expect(suite, "readlink of any bytes", length == 8 && !memcmp(text, "\377\n\t ..//", 8));
}

void group_links(const struct suite *suite)
{
	hard(suite);
	symbolic(suite);
}
