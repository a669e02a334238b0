/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sizes - truncation, growth, and as large as it gets
 */
#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static void truncation(const struct suite *suite)
{
	char buffer[8192];
	int fd = create(suite, "file", "0123456789");

	expect_done(suite, "shrink", ftruncate(fd, 4));
	expect(suite, "what is left", holds_text("file", "0123"));
	expect_done(suite, "grow", ftruncate(fd, 8000));
	expect_equal(suite, "size", status(suite, "file").st_size, 8000);
	expect_equal(suite, "read", pread(fd, buffer, sizeof(buffer), 0), 8000);
	expect(suite, "zeros, not what was there",
	       !memcmp(buffer, "0123", 4) && !buffer[4] && !memcmp(buffer + 4, buffer + 5, 7995));
	expect_done(suite, "truncate by name", truncate("file", 2));
	expect_equal(suite, "size by descriptor", lseek(fd, 0, SEEK_END), 2);
	expect_error(suite, "negative", ftruncate(fd, -1), EINVAL);
	expect_error(suite, "of a folder", truncate(".", 0), EISDIR);
	expect_error(suite, "of nothing", truncate("none", 0), ENOENT);
	close(fd);
	fd = (int)need(suite, "open", open("file", O_RDONLY));
	expect_error(suite, "of a descriptor for reading", ftruncate(fd, 0), EINVAL);
	close(fd);
}

static void large(const struct suite *suite)
{
	int fd = create(suite, "large", "");
	off_t limit = 1;
	char text[64], last = 0;

	/* How large a file may be is the file system's affair; that it works at the edge, ours. */
	for (int bit = 30; bit < 63; bit++)
		if (!ftruncate(fd, (off_t)((1ULL << bit) - 4096)))
			limit = (off_t)((1ULL << bit) - 4096);
	snprintf(text, sizeof(text), "%lld", (long long)limit);
	observe_text(suite, "largest power of two less a page", text);
	expect_done(suite, "grow to it", ftruncate(fd, limit));
	expect_equal(suite, "its size", status(suite, "large").st_size, limit);
	expect_equal(suite, "write at its end", pwrite(fd, "end", 3, limit - 3), 3);
	expect_equal(suite, "read at its end", pread(fd, &last, 1, limit - 1), 1);
	expect_equal(suite, "what was written", last, 'd');
	expect_equal(suite, "read beyond", pread(fd, &last, 1, limit), 0);
	expect_equal(suite, "it is sparse", status(suite, "large").st_blocks < 1024, 1);
	expect_done(suite, "shrink again", ftruncate(fd, 0));
	if (observe(suite, "2^63 - 1", ftruncate(fd, INT64_MAX)))
		expect_equal(suite, "size 2^63 - 1", status(suite, "large").st_size, INT64_MAX);
	need(suite, "ftruncate", ftruncate(fd, 0));
	expect_error(suite, "write beyond 2^63 - 1", pwrite(fd, "xy", 2, INT64_MAX), EINVAL);
	close(fd);
}

static void limited(const struct suite *suite)
{
	const struct rlimit limit = {10000, 10000};
	int fd = create(suite, "limited", "");
	char block[8192] = "";

	signal(SIGXFSZ, SIG_IGN);
	need(suite, "setrlimit", setrlimit(RLIMIT_FSIZE, &limit));
	expect_equal(suite, "write below the limit", write(fd, block, 8192), 8192);
	expect_equal(suite, "write across the limit", write(fd, block, 8192), 10000 - 8192);
	expect_error(suite, "write at the limit", write(fd, block, 1), EFBIG);
	expect_error(suite, "ftruncate above the limit", ftruncate(fd, 10001), EFBIG);
	close(fd);
}

static void many(const struct suite *suite)
{
	static char block[3 << 20], copy[3 << 20];
	int fd = create(suite, "many", "");

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 7 + i / 251);
	expect_equal(suite, "write of 3 MiB", pwrite(fd, block, sizeof(block), 1), sizeof(block));
	expect_equal(suite, "read of 3 MiB", pread(fd, copy, sizeof(copy), 1), sizeof(copy));
	expect(suite, "3 MiB are right", !memcmp(block, copy, sizeof(copy)));
	expect_equal(suite, "read across the end", pread(fd, copy, sizeof(copy), 100),
		     sizeof(copy) - 99);
	close(fd);
}

void group_sizes(const struct suite *suite)
{
	truncation(suite);
	large(suite);
	many(suite);
	in_child(suite, 0, limited);
}
