/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sync - calls that make data last, and modes that do
 */
#include "suite.h"

void group_sync(const struct suite *suite)
{
	int fd = create(suite, "file", "text"), folder, synchronous;

	expect_done(suite, "fsync", fsync(fd));
	expect_equal(suite, "write", pwrite(fd, "more", 4, 4), 4);
	expect_done(suite, "fdatasync", fdatasync(fd));
	expect_done(suite, "sync_file_range",
		    sync_file_range(fd, 0, 8,
				    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					    SYNC_FILE_RANGE_WAIT_AFTER));
	expect_done(suite, "syncfs", syncfs(fd));
	folder = (int)need(suite, "open", open(".", O_RDONLY | O_DIRECTORY));
	expect_done(suite, "fsync of a folder", fsync(folder));
	expect_done(suite, "fdatasync of a folder", fdatasync(folder));
	expect_done(suite, "syncfs of a folder", syncfs(folder));
	synchronous = (int)need(suite, "open", open("file", O_WRONLY | O_SYNC));
	expect_equal(suite, "write with O_SYNC", write(synchronous, "S", 1), 1);
	close(synchronous);
	synchronous = (int)need(suite, "open", open("file", O_WRONLY | O_DSYNC));
	expect_equal(suite, "write with O_DSYNC", pwrite(synchronous, "D", 1, 1), 1);
	expect(suite, "what was written", holds_text("file", "SDxtmore"));
	close(synchronous);
	expect_done(suite, "posix_fadvise", -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	expect(suite, "the same after dropping caches", holds_text("file", "SDxtmore"));
	close(fd);
	close(folder);
	fd = (int)need(suite, "open", open("file", O_RDONLY));
	expect_done(suite, "fsync of a descriptor for reading", fsync(fd));
	expect_done(suite, "readahead", readahead(fd, 0, 4096));
	close(fd);
}
