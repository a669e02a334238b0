/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/disk_lock.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/lodge-test-disk-XXXXXX";

static void make_disk(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/lodge-test-disk-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void remove_disk(void)
{
	unlink(path);
}

/* Each has an open file of its own, as another process would. */
static int open_disk(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(one_writer_is_alone)
{
	int first = open_disk(), second = open_disk();

	ck_assert_int_eq(disk_lock(first, false), 0);
	ck_assert_int_eq(disk_lock(second, false), -EBUSY);
	close(second);
	second = open_disk();
	ck_assert_int_eq(disk_lock(second, true), -EBUSY);
	close(second);
	close(first);
	second = open_disk();
	ck_assert_int_eq(disk_lock(second, false), 0);
	close(second);
}
END_TEST

START_TEST(readers_share)
{
	int first = open_disk(), second = open_disk(), third = open_disk();

	ck_assert_int_eq(disk_lock(first, true), 0);
	ck_assert_int_eq(disk_lock(second, true), 0);
	ck_assert_int_eq(disk_lock(third, false), -EBUSY);
	close(first);
	close(second);
	close(third);
}
END_TEST

/* What QEMU 7.2 was seen to hold (/proc/locks): a writer bytes 100, 101 and 201, a reader 100 and
 * 201. */
static void lock_as_qemu(int fd, const int *bytes)
{
	for (; *bytes; bytes++) {
		struct flock lock = {.l_type = F_RDLCK, .l_start = *bytes, .l_len = 1};

		ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	}
}

START_TEST(qemu_is_respected)
{
	static const int writer[] = {100, 101, 201, 0}, reader[] = {100, 201, 0};
	int qemu = open_disk(), ours = open_disk();

	lock_as_qemu(qemu, writer);
	ck_assert_int_eq(disk_lock(ours, false), -EBUSY);
	close(ours);
	ours = open_disk();
	ck_assert_int_eq(disk_lock(ours, true), -EBUSY);
	close(ours);
	close(qemu);

	qemu = open_disk();
	ours = open_disk();
	lock_as_qemu(qemu, reader);
	ck_assert_int_eq(disk_lock(ours, true), 0);
	close(ours);
	ours = open_disk();
	ck_assert_int_eq(disk_lock(ours, false), -EBUSY);
	close(ours);
	close(qemu);
}
END_TEST

/* QEMU asks whether it could lock these bytes alone. */
static bool qemu_could_lock(int fd, int byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = byte, .l_len = 1};

	ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
	return lock.l_type == F_UNLCK;
}

START_TEST(qemu_respects_us)
{
	int ours = open_disk(), qemu = open_disk();

	ck_assert_int_eq(disk_lock(ours, false), 0);
	ck_assert(!qemu_could_lock(qemu, 201)); /* it may not write */
	ck_assert(!qemu_could_lock(qemu, 101)); /* it sees that we do */
	ck_assert(qemu_could_lock(qemu, 200));	/* it may read, if it bears that */
	close(ours);
	close(qemu);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk_lock");
	TCase *tc = tcase_create("disk_lock");

	tcase_add_checked_fixture(tc, make_disk, remove_disk);
	tcase_add_test(tc, one_writer_is_alone);
	tcase_add_test(tc, readers_share);
	tcase_add_test(tc, qemu_is_respected);
	tcase_add_test(tc, qemu_respects_us);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
