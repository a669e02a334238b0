/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * space - holes, and fallocate(2) in each of its modes
 */
#include "suite.h"

#include <linux/falloc.h>
#include <stdio.h>

#define UNIT ((off_t)65536)

static bool bytes_are(int fd, off_t start, off_t length, char wanted)
{
	char buffer[4096];

	while (length > 0) {
		size_t step = length < 4096 ? (size_t)length : 4096;

		if (pread(fd, buffer, step, start) != (ssize_t)step)
			return false;
		for (size_t i = 0; i < step; i++)
			if (buffer[i] != wanted)
				return false;
		start += (off_t)step;
		length -= (off_t)step;
	}
	return true;
}

static void write_units(const struct suite *suite, int fd, off_t first, off_t count)
{
	char block[4096];

	memset(block, 'u', sizeof(block));
	for (off_t at = first * UNIT; at < (first + count) * UNIT; at += (off_t)sizeof(block))
		need(suite, "write", pwrite(fd, block, sizeof(block), at));
}

static bool holes_are_told(int fd)
{
	return lseek(fd, 0, SEEK_DATA) != 0;
}

static void holes(const struct suite *suite)
{
	int fd = create(suite, "holes", "");

	write_units(suite, fd, 1, 1);
	write_units(suite, fd, 3, 1);
	need(suite, "ftruncate", ftruncate(fd, 5 * UNIT));
	need(suite, "fsync", fsync(fd));
	/* A file system may call all of a file data. */
	observe_text(suite, "holes", holes_are_told(fd) ? "are told" : "are not told");
	if (!holes_are_told(fd)) {
		expect_equal(suite, "the end is a hole", lseek(fd, 0, SEEK_HOLE), 5 * UNIT);
		close(fd);
		return;
	}
	expect_equal(suite, "first data", lseek(fd, 0, SEEK_DATA), UNIT);
	expect_equal(suite, "data in data", lseek(fd, UNIT + 10, SEEK_DATA), UNIT + 10);
	expect_equal(suite, "hole after data", lseek(fd, UNIT, SEEK_HOLE), 2 * UNIT);
	expect_equal(suite, "hole in a hole", lseek(fd, 10, SEEK_HOLE), 10);
	expect_equal(suite, "second data", lseek(fd, 2 * UNIT, SEEK_DATA), 3 * UNIT);
	expect_equal(suite, "last hole", lseek(fd, 3 * UNIT, SEEK_HOLE), 4 * UNIT);
	expect_error(suite, "no data in the last hole", lseek(fd, 4 * UNIT, SEEK_DATA), ENXIO);
	expect_error(suite, "data at the end", lseek(fd, 5 * UNIT, SEEK_DATA), ENXIO);
	expect_error(suite, "hole at the end", lseek(fd, 5 * UNIT, SEEK_HOLE), ENXIO);
	expect_error(suite, "hole beyond", lseek(fd, 6 * UNIT, SEEK_HOLE), ENXIO);
	expect_error(suite, "negative", lseek(fd, -1, SEEK_DATA), ENXIO);
	expect_equal(suite, "SEEK_DATA moves the offset",
		     (lseek(fd, 0, SEEK_DATA), lseek(fd, 0, SEEK_CUR)), UNIT);
	close(fd);
}

static void allocation(const struct suite *suite)
{
	int fd = create(suite, "allocated", "abc");

	if (!observe(suite, "plain", fallocate(fd, 0, 0, 4 * UNIT))) {
		close(fd);
		return;
	}
	expect_equal(suite, "plain grows", status(suite, "allocated").st_size, 4 * UNIT);
	expect(suite, "plain takes space", status(suite, "allocated").st_blocks >= 4 * UNIT / 512);
	expect(suite, "plain keeps data",
	       bytes_are(fd, 0, 1, 'a') && bytes_are(fd, 3, 4 * UNIT - 3, 0));
	expect_done(suite, "KEEP_SIZE", fallocate(fd, FALLOC_FL_KEEP_SIZE, 4 * UNIT, 4 * UNIT));
	expect_equal(suite, "KEEP_SIZE keeps it", status(suite, "allocated").st_size, 4 * UNIT);
	expect_error(suite, "length 0", fallocate(fd, 0, 0, 0), EINVAL);
	expect_error(suite, "negative offset", fallocate(fd, 0, -1, 10), EINVAL);
	expect_error(suite, "beyond 2^63", fallocate(fd, 0, INT64_MAX, 10), EFBIG);
	expect_error(suite, "unknown mode", fallocate(fd, 1 << 20, 0, 10), EOPNOTSUPP);
	close(fd);
	fd = (int)need(suite, "open", open("allocated", O_RDONLY));
	expect_error(suite, "descriptor for reading", fallocate(fd, 0, 0, 10), EBADF);
	close(fd);
}

static void punching(const struct suite *suite)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd = create(suite, "punched", "");

	write_units(suite, fd, 0, 4);
	need(suite, "fsync", fsync(fd));
	if (!observe(suite, "punch", fallocate(fd, punch, UNIT, UNIT))) {
		close(fd);
		return;
	}
	expect(suite, "punched zeros", bytes_are(fd, UNIT, UNIT, 0));
	expect(suite, "before it", bytes_are(fd, 0, UNIT, 'u'));
	expect(suite, "after it", bytes_are(fd, 2 * UNIT, 2 * UNIT, 'u'));
	expect_equal(suite, "size stays", status(suite, "punched").st_size, 4 * UNIT);
	if (lseek(fd, 0, SEEK_HOLE) != 4 * UNIT) {
		expect_equal(suite, "it is a hole", lseek(fd, 0, SEEK_HOLE), UNIT);
		expect_equal(suite, "data after it", lseek(fd, UNIT, SEEK_DATA), 2 * UNIT);
	}
	expect_done(suite, "punch of odd bytes", fallocate(fd, punch, 2 * UNIT + 100, 1000));
	expect(suite, "odd zeros", bytes_are(fd, 2 * UNIT + 100, 1000, 0));
	expect(suite, "around the odd zeros",
	       bytes_are(fd, 2 * UNIT, 100, 'u') && bytes_are(fd, 2 * UNIT + 1100, 1000, 'u'));
	expect_done(suite, "punch beyond the end", fallocate(fd, punch, 3 * UNIT, 4 * UNIT));
	expect_equal(suite, "size still stays", status(suite, "punched").st_size, 4 * UNIT);
	expect_error(suite, "punch without KEEP_SIZE", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, UNIT),
		     EOPNOTSUPP);
	close(fd);
}

static void zeroing(const struct suite *suite)
{
	int fd = create(suite, "zeroed", "");

	write_units(suite, fd, 0, 3);
	if (observe(suite, "zero", fallocate(fd, FALLOC_FL_ZERO_RANGE, UNIT + 5, UNIT))) {
		expect(suite, "zeroed", bytes_are(fd, UNIT + 5, UNIT, 0));
		expect(suite, "around the zeroed",
		       bytes_are(fd, UNIT, 5, 'u') && bytes_are(fd, 2 * UNIT + 5, 100, 'u'));
		expect_done(suite, "zero that grows",
			    fallocate(fd, FALLOC_FL_ZERO_RANGE, 2 * UNIT, 2 * UNIT));
		expect_equal(suite, "it grew", status(suite, "zeroed").st_size, 4 * UNIT);
		expect(suite, "zeros there", bytes_are(fd, 2 * UNIT, 2 * UNIT, 0));
		expect_done(
			suite, "zero with KEEP_SIZE",
			fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 4 * UNIT, UNIT));
		expect_equal(suite, "size kept", status(suite, "zeroed").st_size, 4 * UNIT);
	}
	close(fd);
	/* FUSE carries neither of these; a folder that has them natively differs in these lines. */
	fd = create(suite, "collapsed", "");
	write_units(suite, fd, 0, 3);
	observe(suite, "collapse", fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, UNIT, UNIT));
	observe(suite, "insert", fallocate(fd, FALLOC_FL_INSERT_RANGE, UNIT, UNIT));
	observe(suite, "unshare", fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, UNIT));
	close(fd);
}

void group_space(const struct suite *suite)
{
	holes(suite);
	allocation(suite);
	punching(suite);
	zeroing(suite);
}
