/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * directories - made, removed, and read while they change
 */
#include "suite.h"

#include <dirent.h>
#include <stdio.h>

#define ENTRIES 10000

static void making(const struct suite *suite)
{
	int fd;

	expect_done(suite, "mkdir", mkdir("new", 0750));
	expect_equal(suite, "mode", status(suite, "new").st_mode, S_IFDIR | 0750);
	expect_error(suite, "mkdir over a name", mkdir("new", 0755), EEXIST);
	expect_error(suite, "mkdir in nothing", mkdir("none/x", 0755), ENOENT);
	put(suite, "file", "");
	expect_error(suite, "mkdir in a file", mkdir("file/x", 0755), ENOTDIR);
	expect_error(suite, "rmdir of a file", rmdir("file"), ENOTDIR);
	expect_error(suite, "unlink of a folder", unlink("new"), EISDIR);
	put(suite, "new/file", "");
	expect_error(suite, "rmdir of a full one", rmdir("new"), ENOTEMPTY);
	expect_error(suite, "rmdir of .", rmdir("new/."), EINVAL);
	expect_error(suite, "rmdir of ..", rmdir("new/.."), ENOTEMPTY);
	expect_error(suite, "rmdir of nothing", rmdir("none"), ENOENT);
	need(suite, "unlink", unlink("new/file"));
	fd = (int)need(suite, "open", open("new", O_RDONLY | O_DIRECTORY));
	expect_done(suite, "rmdir", rmdir("new"));
	expect(suite, "the name is gone", !exists("new"));
	expect_error(suite, "create in a removed one", openat(fd, "x", O_CREAT | O_RDWR, 0600),
		     ENOENT);
	expect_error(suite, "mkdirat in a removed one", mkdirat(fd, "x", 0700), ENOENT);
	close(fd);
}

/* Count each entry of @dir by the number in its name. Return: how many had no number. */
static unsigned int tally(DIR *dir, unsigned char *seen)
{
	unsigned int others = 0;
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		char *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);

		if (*end || number >= ENTRIES)
			others++;
		else
			seen[number]++;
	}
	return others;
}

/* Whether every @step-th entry from @first was seen exactly @times. */
static bool each_seen(const unsigned char *seen, unsigned int first, unsigned int step,
		      unsigned char times)
{
	for (unsigned int i = first; i < ENTRIES; i += step)
		if (seen[i] != times)
			return false;
	return true;
}

static void fill(const struct suite *suite)
{
	char name[32];

	need(suite, "mkdir", mkdir("large", 0755));
	need(suite, "chdir", chdir("large"));
	for (unsigned int i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		need(suite, "mknod", mknod(name, S_IFREG | 0644, 0));
	}
}

static void reading(const struct suite *suite)
{
	unsigned char seen[ENTRIES] = {0};
	unsigned int inodes = 0, types = 0, count = 0;
	struct dirent *entry;
	DIR *dir = open_folder(suite, ".");

	expect_equal(suite, ". and .. once", tally(dir, seen), 2);
	expect(suite, "each entry once", each_seen(seen, 0, 1, 1));
	rewinddir(dir);
	memset(seen, 0, sizeof(seen));
	expect_equal(suite, "again after rewinddir", tally(dir, seen), 2);
	expect(suite, "each entry once after rewinddir", each_seen(seen, 0, 1, 1));
	rewinddir(dir);
	while ((entry = readdir(dir))) {
		struct stat stat;

		/* A few are enough: each is a call. */
		if (entry->d_name[0] == '.' || count++ % 100)
			continue;
		need(suite, "lstat", lstat(entry->d_name, &stat));
		inodes += stat.st_ino == entry->d_ino;
		types += entry->d_type == DT_REG;
	}
	expect_equal(suite, "d_ino is st_ino", inodes, ENTRIES / 100);
	expect_equal(suite, "d_type is a file", types, ENTRIES / 100);
	closedir(dir);
}

#define MARKS 20

static void seeking(const struct suite *suite)
{
	char names[MARKS][32];
	long marks[MARKS];
	DIR *dir = open_folder(suite, ".");
	unsigned int right = 0;
	struct dirent *entry;

	for (unsigned int i = 0; i < ENTRIES; i++) {
		long mark = telldir(dir);

		entry = readdir(dir);
		if (entry && i % (ENTRIES / MARKS) == 0) {
			marks[i / (ENTRIES / MARKS)] = mark;
			snprintf(names[i / (ENTRIES / MARKS)], 32, "%.31s", entry->d_name);
		}
	}
	for (unsigned int i = 0; i < MARKS; i++) {
		unsigned int mark = (i * 7) % MARKS;

		seekdir(dir, marks[mark]);
		entry = readdir(dir);
		right += entry && !strcmp(entry->d_name, names[mark]);
	}
	expect_equal(suite, "seekdir finds what telldir marked", right, MARKS);
	closedir(dir);
}

static void changing(const struct suite *suite)
{
	unsigned char seen[ENTRIES] = {0};
	unsigned int count = 0;
	struct dirent *entry;
	DIR *dir = open_folder(suite, "."), *late;
	char name[32];

	late = open_folder(suite, ".");
	/* Every odd one goes when it is met; new ones come. */
	while ((entry = readdir(dir))) {
		char *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);

		if (*end || number >= ENTRIES)
			continue;
		seen[number]++;
		if (number % 2)
			need(suite, "unlink", unlink(entry->d_name));
		if (++count % 100 == 0) {
			snprintf(name, sizeof(name), "new-%u", count);
			need(suite, "mknod", mknod(name, S_IFREG | 0644, 0));
		}
	}
	expect(suite, "each that stayed once", each_seen(seen, 0, 2, 1));
	expect(suite, "each that went once", each_seen(seen, 1, 2, 1));
	rewinddir(dir);
	memset(seen, 0, sizeof(seen));
	expect_equal(suite, "new ones after rewinddir", tally(dir, seen), 2 + ENTRIES / 100);
	expect(suite, "those that stayed after rewinddir", each_seen(seen, 0, 2, 1));
	expect(suite, "those that went are gone", each_seen(seen, 1, 2, 0));
	closedir(dir);
	/* Opened before, read after: what went is not there, what stayed is. */
	memset(seen, 0, sizeof(seen));
	tally(late, seen);
	expect(suite, "opened before: those that stayed", each_seen(seen, 0, 2, 1));
	closedir(late);
}

static void removing(const struct suite *suite)
{
	DIR *dir = open_folder(suite, ".");
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			need(suite, "unlink", unlink(entry->d_name));
	closedir(dir);
	need(suite, "chdir", chdir(".."));
	expect_done(suite, "rmdir after removal while reading", rmdir("large"));
}

static void types(const struct suite *suite)
{
	unsigned int right = 0;
	struct dirent *entry;
	DIR *dir;
	int fd;

	need(suite, "mkdir", mkdir("types", 0755) | mkdir("types/d", 0755));
	put(suite, "types/f", "");
	need(suite, "symlink", symlink("x", "types/l"));
	need(suite, "mkfifo", mkfifo("types/p", 0600));
	dir = open_folder(suite, "types");
	while ((entry = readdir(dir))) {
		right += entry->d_name[0] == 'd' && entry->d_type == DT_DIR;
		right += entry->d_name[0] == 'f' && entry->d_type == DT_REG;
		right += entry->d_name[0] == 'l' && entry->d_type == DT_LNK;
		right += entry->d_name[0] == 'p' && entry->d_type == DT_FIFO;
		right += entry->d_name[0] == '.' && entry->d_type == DT_DIR;
	}
	closedir(dir);
	expect_equal(suite, "d_type of each kind", right, 6);
	fd = (int)need(suite, "open", open("types", O_RDONLY | O_DIRECTORY));
	expect_done(suite, "fsync of a folder", fsync(fd));
	close(fd);
}

void group_directories(const struct suite *suite)
{
	making(suite);
	types(suite);
	fill(suite);
	reading(suite);
	seeking(suite);
	changing(suite);
	removing(suite);
}
