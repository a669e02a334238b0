/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * copy - copy_file_range(2), splice and sendfile, reflinks
 */
#include "suite.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

#define SIZE 200000

static void pattern(char *bytes, size_t count, unsigned int seed)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (char)((i * 31 + seed) ^ (i >> 9));
}

static bool same_bytes(int fd, off_t at, const char *bytes, size_t count)
{
	static char buffer[SIZE];

	return pread(fd, buffer, count, at) == (ssize_t)count && !memcmp(buffer, bytes, count);
}

/* All of it: a copy may be shorter than asked. */
static long copy_all(int from, off_t from_at, int to, off_t to_at, size_t count)
{
	size_t done = 0;

	while (done < count) {
		ssize_t step = copy_file_range(from, &from_at, to, &to_at, count - done, 0);

		if (step < 0)
			return -1;
		if (!step)
			break;
		done += (size_t)step;
	}
	return (long)done;
}

static void ranges(const struct suite *suite, const char *bytes, int from)
{
	off_t at = SIZE;
	int to = create(suite, "target", ""), reader, appender;

	expect_equal(suite, "whole file", copy_all(from, 0, to, 0, SIZE), SIZE);
	expect(suite, "whole file's bytes", same_bytes(to, 0, bytes, SIZE));
	expect_equal(suite, "odd range", copy_all(from, 12345, to, 777, 54321), 54321);
	expect(suite, "odd range's bytes", same_bytes(to, 777, bytes + 12345, 54321));
	expect(suite, "around it",
	       same_bytes(to, 0, bytes, 777) && same_bytes(to, 55098, bytes + 55098, 1000));
	expect_equal(suite, "beyond the end", copy_all(from, SIZE - 10, to, 0, 100), 10);
	expect_equal(suite, "at the end", copy_file_range(from, &at, to, NULL, 100, 0), 0);
	expect_equal(suite, "to behind the end", copy_all(from, 0, to, SIZE + 5000, 100), 100);
	expect_equal(suite, "which grew it", status(suite, "target").st_size, SIZE + 5100);
	expect_error(suite, "overlapping",
		     copy_file_range(from, &(off_t){0}, from, &(off_t){10}, 100, 0), EINVAL);
	expect_equal(suite, "within one file", copy_all(from, 0, from, SIZE, 5000), 5000);
	expect(suite, "within one file's bytes", same_bytes(from, SIZE, bytes, 5000));
	expect_error(suite, "unknown flag",
		     copy_file_range(from, &(off_t){0}, to, &(off_t){0}, 1, 1), EINVAL);
	reader = (int)need(suite, "open", open("target", O_RDONLY));
	expect_error(suite, "to a descriptor for reading",
		     copy_file_range(from, &(off_t){0}, reader, &(off_t){0}, 1, 0), EBADF);
	appender = (int)need(suite, "open", open("target", O_WRONLY | O_APPEND));
	expect_error(suite, "to an appending one",
		     copy_file_range(from, &(off_t){0}, appender, &(off_t){0}, 1, 0), EBADF);
	close(reader);
	close(appender);
	close(to);
}

static void pipes(const struct suite *suite, const char *bytes, int from)
{
	int to = create(suite, "spliced", ""), ends[2];
	off_t at = 100;

	need(suite, "pipe", pipe(ends));
	expect_equal(suite, "splice into a pipe", splice(from, &at, ends[1], NULL, 4096, 0), 4096);
	expect_equal(suite, "splice out of it", splice(ends[0], NULL, to, NULL, 4096, 0), 4096);
	expect(suite, "spliced bytes", same_bytes(to, 0, bytes + 100, 4096));
	at = 0;
	expect_equal(suite, "sendfile", sendfile(to, from, &at, 10000), 10000);
	expect(suite, "sent bytes", same_bytes(to, 4096, bytes, 10000));
	close(ends[0]);
	close(ends[1]);
	close(to);
}

static void reflinks(const struct suite *suite, const char *bytes, int from)
{
	int to = create(suite, "reflink", "");

	/* FUSE has no request for it: there it is refused, whatever the folder can. */
	if (observe(suite, "FICLONE", ioctl(to, FICLONE, from)))
		expect(suite, "clone's bytes", same_bytes(to, 0, bytes, SIZE));
	close(to);
}

void group_copy(const struct suite *suite)
{
	static char bytes[SIZE];
	int from = create(suite, "source", "");

	pattern(bytes, SIZE, 1);
	need(suite, "write", pwrite(from, bytes, SIZE, 0));
	ranges(suite, bytes, from);
	pipes(suite, bytes, from);
	reflinks(suite, bytes, from);
	close(from);
}
