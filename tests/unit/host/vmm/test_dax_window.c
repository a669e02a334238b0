/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/dax_window.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE   ((uint64_t)DAX_PAGE_BYTES)
#define PAGES  64
#define WINDOW (4ULL << 20)

static struct dax_window *window;
static int file_fd;
static volatile uint8_t *base;

/* Page N of the file is full of N + 1. */
static void fill_file(void)
{
	uint8_t page[DAX_PAGE_BYTES];

	for (int i = 0; i < PAGES; i++) {
		memset(page, i + 1, sizeof(page));
		ck_assert_int_eq(pwrite(file_fd, page, sizeof(page), i * (off_t)sizeof(page)),
				 sizeof(page));
	}
}

static void open_window(void)
{
	file_fd = memfd_create("file", MFD_CLOEXEC);
	ck_assert_int_ge(file_fd, 0);
	fill_file();
	ck_assert_int_eq(dax_window_new(WINDOW, &window), 0);
	base = dax_window_host(window);
}

static void close_window(void)
{
	dax_window_free(window);
	close(file_fd);
}

/* By a descriptor that the window may take over. */
static int map_fd(uint64_t offset, uint64_t length, int fd, uint64_t file_offset, bool writable)
{
	_cleanup_close_ int given = fd < 0 ? fd : dup(fd);

	return dax_window_map(window, offset, length, &given, file_offset, writable);
}

static int map(uint64_t page, uint64_t pages, uint64_t file_page, bool writable)
{
	return map_fd(page * PAGE, pages * PAGE, file_fd, file_page * PAGE, writable);
}

static uint8_t at(uint64_t page)
{
	return base[page * PAGE];
}

START_TEST(pieces_of_a_file_are_seen_where_they_were_put)
{
	uint8_t byte;

	ck_assert_uint_eq(dax_window_size(window), WINDOW);
	ck_assert_uint_eq(at(0), 0);
	ck_assert_int_eq(map(8, 4, 16, true), 0);
	ck_assert_int_eq(map(0, 1, 2, false), 0);
	ck_assert_uint_eq(at(8), 17);
	ck_assert_uint_eq(at(11), 20);
	ck_assert_uint_eq(at(12), 0);
	ck_assert_uint_eq(at(0), 3);
	base[8 * PAGE] = 99;
	ck_assert_int_eq(pread(file_fd, &byte, 1, 16 * (off_t)PAGE), 1);
	ck_assert_uint_eq(byte, 99);
}
END_TEST

START_TEST(parts_are_taken_out_and_replaced)
{
	ck_assert_int_eq(map(0, 16, 0, true), 0);
	ck_assert_int_eq(dax_window_unmap(window, 4 * PAGE, 4 * PAGE), 0);
	ck_assert_uint_eq(at(3), 4);
	ck_assert_uint_eq(at(4), 0);
	ck_assert_uint_eq(at(7), 0);
	ck_assert_uint_eq(at(8), 9);
	ck_assert_int_eq(map(2, 8, 32, false), 0);
	ck_assert_uint_eq(at(1), 2);
	ck_assert_uint_eq(at(2), 33);
	ck_assert_uint_eq(at(9), 40);
	ck_assert_uint_eq(at(10), 11);
	ck_assert_int_eq(dax_window_unmap(window, 0, WINDOW), 0);
	for (uint64_t page = 0; page < 16; page++)
		ck_assert_uint_eq(at(page), 0);
	ck_assert_int_eq(dax_window_unmap(window, 0, PAGE), 0);
}
END_TEST

START_TEST(what_a_guest_writes_where_nothing_is_stays_small_and_goes)
{
	base[0] = 1;
	base[WINDOW - 1] = 1;
	dax_window_clear(window);
	ck_assert_uint_eq(at(0), 0);
	ck_assert_uint_eq(base[WINDOW - 1], 0);
	ck_assert_int_eq(map(0, 1, 5, true), 0);
	dax_window_clear(window);
	ck_assert_uint_eq(at(0), 0);
}
END_TEST

static const struct {
	uint64_t offset, length, file_offset;
} wrong[] = {
	{0, 0, 0},
	{1, PAGE, 0},
	{0, PAGE + 1, 0},
	{0, PAGE, 512},
	{WINDOW, PAGE, 0},
	{WINDOW - PAGE, 2 * PAGE, 0},
	{0, WINDOW + PAGE, 0},
	{PAGE, UINT64_MAX - PAGE + 1, 0},
	{UINT64_MAX - PAGE + 1, 2 * PAGE, 0},
	{0, PAGE, (uint64_t)INT64_MAX + 1},
	{0, PAGE, UINT64_MAX - PAGE + 1},
	{0, 2 * PAGE, (uint64_t)INT64_MAX + 1 - PAGE},
};

START_TEST(wrong_numbers_are_refused)
{
	ck_assert_int_eq(
		map_fd(wrong[_i].offset, wrong[_i].length, file_fd, wrong[_i].file_offset, true),
		-EINVAL);
	if (wrong[_i].file_offset == 0)
		ck_assert_int_eq(dax_window_unmap(window, wrong[_i].offset, wrong[_i].length),
				 -EINVAL);
	ck_assert_uint_eq(at(0), 0);
}
END_TEST

START_TEST(only_files_that_are_open_for_it_are_mapped)
{
	_cleanup_close_ int device = open("/dev/zero", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int reader = -EBADF;
	char path[64];
	int ends[2];

	ck_assert_int_eq(map_fd(0, PAGE, device, 0, true), -EBADF);
	ck_assert_int_eq(map_fd(0, PAGE, -1, 0, true), -EBADF);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(map_fd(0, PAGE, ends[0], 0, false), -EBADF);
	close(ends[0]);
	close(ends[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(reader, 0);
	ck_assert_int_eq(map(0, 4, 0, true), 0);
	ck_assert_int_eq(map_fd(0, PAGE, reader, 0, true), -EACCES);
	ck_assert_uint_eq(at(1), 2);
	ck_assert_int_eq(map_fd(0, PAGE, reader, 0, false), 0);
	ck_assert_uint_eq(at(0), 1);
}
END_TEST

START_TEST(there_is_room_for_a_number_of_pieces_only)
{
	uint64_t room = WINDOW / DAX_PIECE_BYTES + DAX_PIECES_TO_SPARE, mapped = 0;

	while (map(2 * mapped, 1, mapped % PAGES, true) == 0)
		mapped++;
	ck_assert_uint_ge(mapped, room - 3);
	ck_assert_uint_le(mapped, room);
	ck_assert_int_eq(map(2 * mapped, 1, 0, true), -ENOSPC);
	for (uint64_t i = 0; i < mapped; i++)
		ck_assert_uint_eq(at(2 * i), i % PAGES + 1);
	/* What guests do is possible still: to take pieces out. */
	dax_window_clear(window);
	ck_assert_int_eq(map(0, 1, 0, true), 0);
}
END_TEST

/* --- Files that are cut short --- */

static const void *host(uint64_t page)
{
	return (const void *)(base + page * PAGE);
}

START_TEST(behind_the_end_of_a_file_there_is_nothing_until_it_grows)
{
	ck_assert_int_eq(map(4, 32, 8, true), 0);
	ck_assert(!dax_window_repair(window, host(4), false));
	ck_assert_int_eq(ftruncate(file_fd, 20 * (off_t)PAGE), 0);
	ck_assert(dax_window_repair(window, host(30), false));
	ck_assert_uint_eq(at(15), 20);
	for (uint64_t page = 16; page < 36; page++)
		ck_assert_uint_eq(at(page), 0);
	base[30 * PAGE] = 7; /* lost, but nobody is hurt */
	ck_assert_uint_eq(dax_window_retry(window), DAX_RETRY_MS);
	fill_file();
	ck_assert_uint_eq(dax_window_retry(window), DAX_LOOK_MS);
	for (uint64_t page = 4; page < 36; page++)
		ck_assert_uint_eq(at(page), page + 5);
}
END_TEST

static void settle(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(file_fd, &status), 0);
	dax_window_settle(window, status.st_dev, status.st_ino);
}

/* What is written behind the end is not to be read as zeros, nor lost. */
START_TEST(a_file_that_has_grown_is_shown_at_once)
{
	uint8_t byte = 0;

	ck_assert_int_eq(ftruncate(file_fd, PAGE), 0);
	ck_assert_int_eq(map(0, 8, 0, true), 0);
	(void)dax_window_retry(window);
	ck_assert_uint_eq(at(1), 0);
	fill_file();
	ck_assert_uint_eq(at(1), 0);
	dax_window_settle(window, 1, 1);
	ck_assert_uint_eq(at(1), 0);
	settle();
	ck_assert_uint_eq(at(0), 1);
	ck_assert_uint_eq(at(1), 2);
	ck_assert_uint_eq(at(7), 8);
	base[PAGE] = 77;
	ck_assert_int_eq(pread(file_fd, &byte, 1, (off_t)PAGE), 1);
	ck_assert_uint_eq(byte, 77);
}
END_TEST

/* Page by page, more often than there is room for pieces. */
START_TEST(a_file_that_grows_does_not_use_the_room_up)
{
	const off_t pages = DAX_PIECES_TO_SPARE * 4;

	ck_assert_int_eq(ftruncate(file_fd, PAGE), 0);
	ck_assert_int_eq(map(0, (uint64_t)pages, 0, true), 0);
	for (off_t page = 1; page < pages; page++) {
		uint8_t byte = (uint8_t)page;

		(void)dax_window_retry(window);
		ck_assert_int_eq(ftruncate(file_fd, (page + 1) * (off_t)PAGE), 0);
		if (page % 2)
			settle();
		else
			(void)dax_window_retry(window);
		ck_assert_int_eq(pwrite(file_fd, &byte, 1, page * (off_t)PAGE), 1);
		ck_assert_uint_eq(at((uint64_t)page), byte);
	}
	ck_assert_int_eq(map((uint64_t)pages, 1, 0, true), 0);
	ck_assert_int_eq(dax_window_unmap(window, 0, WINDOW), 0);
	ck_assert_uint_eq(at(5), 0);
}
END_TEST

START_TEST(a_fault_without_an_address_repairs_all_that_is_cut)
{
	ck_assert_int_eq(map(0, 16, 0, true), 0);
	ck_assert_int_eq(map(32, 16, 16, false), 0);
	ck_assert_int_eq(map(64, 16, 32, true), 0);
	ck_assert(!dax_window_repair(window, NULL, false));
	ck_assert_int_eq(ftruncate(file_fd, 24 * (off_t)PAGE + 1), 0);
	ck_assert(dax_window_repair(window, NULL, false));
	ck_assert_uint_eq(at(15), 16);
	ck_assert_uint_eq(at(40), 25); /* its first byte is there still */
	ck_assert_uint_eq(at(41), 0);
	ck_assert_uint_eq(at(64), 0);
	ck_assert(!dax_window_repair(window, NULL, false));
	ck_assert_uint_eq(dax_window_retry(window), DAX_RETRY_MS);
}
END_TEST

START_TEST(what_is_missing_can_be_taken_out_and_replaced)
{
	ck_assert_int_eq(map(0, 16, 0, true), 0);
	ck_assert_int_eq(ftruncate(file_fd, 4 * (off_t)PAGE), 0);
	ck_assert(dax_window_repair(window, host(9), false));
	ck_assert_int_eq(dax_window_unmap(window, 8 * PAGE, 2 * PAGE), 0);
	fill_file();
	ck_assert_uint_eq(dax_window_retry(window), DAX_LOOK_MS);
	ck_assert_uint_eq(at(7), 8);
	ck_assert_uint_eq(at(8), 0);
	ck_assert_uint_eq(at(9), 0);
	ck_assert_uint_eq(at(10), 11);
	ck_assert_int_eq(ftruncate(file_fd, 0), 0);
	ck_assert(dax_window_repair(window, host(0), false));
	ck_assert_int_eq(dax_window_unmap(window, 0, 16 * PAGE), 0);
	ck_assert_uint_eq(dax_window_retry(window), 0);
}
END_TEST

static size_t open_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(looking_finds_what_nobody_touched)
{
	size_t before = open_descriptors();

	ck_assert_int_eq(map(0, 16, 0, true), 0);
	ck_assert_int_eq(map(16, 16, 16, false), 0);
	ck_assert_uint_eq(open_descriptors(), before + 1); /* one file */
	ck_assert_uint_eq(dax_window_retry(window), DAX_LOOK_MS);
	ck_assert_int_eq(ftruncate(file_fd, 20 * (off_t)PAGE), 0);
	ck_assert_uint_eq(dax_window_retry(window), DAX_RETRY_MS);
	ck_assert_uint_eq(at(19), 20);
	ck_assert_uint_eq(at(20), 0);
	ck_assert_uint_eq(at(31), 0);
	ck_assert_int_eq(ftruncate(file_fd, 0), 0);
	ck_assert_uint_eq(dax_window_retry(window), DAX_RETRY_MS);
	ck_assert_uint_eq(at(0), 0);
	fill_file();
	ck_assert_uint_eq(dax_window_retry(window), DAX_LOOK_MS);
	for (uint64_t page = 0; page < 32; page++)
		ck_assert_uint_eq(at(page), page + 1);
	ck_assert_int_eq(dax_window_unmap(window, 0, 20 * PAGE), 0);
	ck_assert_uint_eq(open_descriptors(), before + 1);
	dax_window_clear(window);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(addresses_elsewhere_are_not_repaired)
{
	ck_assert_int_eq(map(0, 1, 0, true), 0);
	ck_assert_int_eq(ftruncate(file_fd, 0), 0);
	ck_assert(!dax_window_repair(window, host(1), false));
	ck_assert(!dax_window_repair(window, (const uint8_t *)host(0) - 1, false));
	ck_assert(!dax_window_repair(window, (const uint8_t *)host(0) + WINDOW, false));
	ck_assert(!dax_window_repair(window, &window, false));
	ck_assert(dax_window_repair(window, (const uint8_t *)host(0) + 4095, false));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("dax window");

	tcase_add_checked_fixture(tests, open_window, close_window);
	tcase_add_test(tests, pieces_of_a_file_are_seen_where_they_were_put);
	tcase_add_test(tests, parts_are_taken_out_and_replaced);
	tcase_add_test(tests, what_a_guest_writes_where_nothing_is_stays_small_and_goes);
	tcase_add_loop_test(tests, wrong_numbers_are_refused, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tests, only_files_that_are_open_for_it_are_mapped);
	tcase_add_test(tests, there_is_room_for_a_number_of_pieces_only);
	tcase_add_test(tests, behind_the_end_of_a_file_there_is_nothing_until_it_grows);
	tcase_add_test(tests, a_file_that_has_grown_is_shown_at_once);
	tcase_add_test(tests, a_file_that_grows_does_not_use_the_room_up);
	tcase_add_test(tests, a_fault_without_an_address_repairs_all_that_is_cut);
	tcase_add_test(tests, what_is_missing_can_be_taken_out_and_replaced);
	tcase_add_test(tests, looking_finds_what_nobody_touched);
	tcase_add_test(tests, addresses_elsewhere_are_not_repaired);
	return suite_run_case("dax window", tests);
}
