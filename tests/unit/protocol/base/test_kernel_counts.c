/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/kernel_counts.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/lodge-counts-XXXXXX";

static void file_of(const char *text)
{
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(numbers_are_found_by_their_names)
{
	uint64_t total = 0, faults = 0, none = 7, found;
	const struct kernel_count wanted[] = {
		{"MemTotal", &total}, {"pgfault", &faults}, {"Mem", &none}};

	file_of("MemTotal:        2048 kB\nMemTotalOf: 1 kB\npgfault 17\npgfaults 18\n");
	ck_assert_int_eq(kernel_counts_read(path, wanted, ARRAY_SIZE(wanted), &found), 0);
	ck_assert_uint_eq(total, 2048 * 1024);
	ck_assert_uint_eq(faults, 17);
	ck_assert_uint_eq(none, 7);
	ck_assert_uint_eq(found, 3);
	unlink(path);
}
END_TEST

START_TEST(what_is_no_number_is_not_there)
{
	static const char *const texts[] = {
		"MemTotal: many kB\n",
		"MemTotal:\n",
		"MemTotal",
		"MemTotal: -1 kB\n",
		"MemTotal: 18446744073709551616\n",
		"MemTotal: 18446744073709551615 kB\n",
		"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t total = 5, found = 1;
		const struct kernel_count wanted[] = {{"MemTotal", &total}};

		file_of(texts[i]);
		ck_assert_int_eq(kernel_counts_read(path, wanted, 1, &found), 0);
		ck_assert_uint_eq(total, 5);
		ck_assert_uint_eq(found, 0);
		unlink(path);
	}
}
END_TEST

START_TEST(a_file_is_read_as_far_as_there_is_room)
{
	char text[6];

	file_of("MemTotal: 1 kB\n");
	ck_assert_int_eq(kernel_file_read(path, text, sizeof(text)), 5);
	ck_assert_str_eq(text, "MemTo");
	unlink(path);
	ck_assert_int_eq(kernel_file_read(path, text, sizeof(text)), -ENOENT);
	ck_assert_int_eq(kernel_counts_read(path, NULL, 0, NULL), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("kernel-counts");

	tcase_add_test(tests, numbers_are_found_by_their_names);
	tcase_add_test(tests, what_is_no_number_is_not_there);
	tcase_add_test(tests, a_file_is_read_as_far_as_there_is_room);
	return suite_run_case("kernel-counts", tests);
}
