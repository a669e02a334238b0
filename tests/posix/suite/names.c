/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * names - of any bytes, and as long as they may be
 */
#include "suite.h"

#include <stdio.h>

#include <dirent.h>
#include <limits.h>

static void bytes(const struct suite *suite)
{
	unsigned int created = 0, found = 0, removed = 0, tried = 0;
	struct dirent *entry;
	DIR *dir;

	need(suite, "mkdir", mkdir("bytes", 0755));
	need(suite, "chdir", chdir("bytes"));
	for (unsigned int byte = 1; byte < 256; byte++) {
		char name[] = {(char)byte, 0};

		if (byte == '/' || byte == '.')
			continue;
		tried++;
		created += mknod(name, S_IFREG | 0600, 0) == 0;
	}
	expect_equal(suite, "each byte as a name", created, tried);
	dir = open_folder(suite, ".");
	while ((entry = readdir(dir)))
		found += entry->d_name[0] != '.' && !entry->d_name[1];
	closedir(dir);
	expect_equal(suite, "each byte found again", found, tried);
	for (unsigned int byte = 1; byte < 256; byte++)
		removed += unlink((char[]){(char)byte, 0}) == 0;
	expect_equal(suite, "each byte removed", removed, tried);
	need(suite, "chdir", chdir(".."));
}

static void odd(const struct suite *suite)
{
	static const char *const names[] = {
		"...",	    "..x", " ",	      "a\nb", "-rf", "\xc3\xa9", "e\xcc\x81", "\xff\xfe",
		"\xc0\xaf", "*?[", "name\\x", "%s%n", "CON", "a:b",	 "\x7f"};
	unsigned int right = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		put(suite, names[i], names[i]);
		right += holds_text(names[i], names[i]);
	}
	expect_equal(suite, "odd names", right, sizeof(names) / sizeof(*names));
	put(suite, "case", "lower");
	put(suite, "CASE", "upper");
	expect(suite, "case matters", holds_text("case", "lower") && holds_text("CASE", "upper"));
}

static void lengths(const struct suite *suite)
{
	char name[NAME_MAX + 2], other[NAME_MAX + 2];
	static char path[PATH_MAX + 2];

	memset(name, 'n', sizeof(name));
	name[NAME_MAX] = 0;
	expect_done(suite, "255 bytes", mkdir(name, 0755));
	expect(suite, "255 bytes found", exists(name));
	memset(other, '\xff', sizeof(other));
	other[NAME_MAX] = 0;
	expect_done(suite, "rename to 255 bytes", rename(name, other));
	expect_done(suite, "symlink in 255 bytes", symlink(other, name));
	expect_done(suite, "rmdir of 255 bytes", rmdir(other));
	name[NAME_MAX] = 'n';
	name[NAME_MAX + 1] = 0;
	expect_error(suite, "256 bytes: open", open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG);
	expect_error(suite, "256 bytes: mkdir", mkdir(name, 0755), ENAMETOOLONG);
	expect_error(suite, "256 bytes: unlink", unlink(name), ENAMETOOLONG);
	expect_error(suite, "256 bytes: stat", lstat(name, &(struct stat){0}), ENAMETOOLONG);
	expect_error(suite, "256 bytes: symlink", symlink("x", name), ENAMETOOLONG);
	put(suite, "file", "");
	expect_error(suite, "256 bytes: rename", rename("file", name), ENAMETOOLONG);
	expect_error(suite, "256 bytes: link", link("file", name), ENAMETOOLONG);
	memset(path, '/', sizeof(path));
	path[0] = '.';
	path[PATH_MAX + 1] = 0;
	expect_error(suite, "path too long", open(path, O_RDONLY), ENAMETOOLONG);
	expect_error(suite, "empty path", open("", O_RDONLY), ENOENT);
}

/* Deeper than a path can say. */
static void depth(const struct suite *suite)
{
	enum { LEVELS = 300 };
	int done = 0;

	for (; done < LEVELS; done++)
		if (mkdir("one more level of folders", 0755) || chdir("one more level of folders"))
			break;
	expect_equal(suite, "300 levels", done, LEVELS);
	put(suite, "bottom", "deep");
	expect(suite, "file at the bottom", holds_text("bottom", "deep"));
	need(suite, "unlink", unlink("bottom"));
	while (done && !chdir("..") && !rmdir("one more level of folders"))
		done--;
	expect_equal(suite, "and up again", done, 0);
}

void group_names(const struct suite *suite)
{
	bytes(suite);
	odd(suite);
	lengths(suite);
	depth(suite);
}
