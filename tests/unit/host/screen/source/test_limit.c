/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/source/limit.h"
#include "tests/unit/suite.h"

#include <check.h>

static struct rectangle limited(uint32_t width, uint32_t height, struct rectangle other)
{
	struct rectangle size[DESKTOP_MAX_HEADS] = {
		[1] = {.width = width, .height = height}, [5] = other};

	limit_to_bytes(LIMIT_QEMU_BYTES, UINT64_MAX, LIMIT_QEMU_HEIGHT, 1, size);
	ck_assert_uint_eq(size[5].width, other.width);
	return size[1];
}

static const struct rectangle none;

START_TEST(what_fits_stays)
{
	static const struct rectangle fits[] = {{.width = 1023, .height = 767},
						{.width = 64, .height = 200},
						{.width = 5120, .height = 2880},
						{.width = 8192, .height = 2160}};
	const struct rectangle got = limited(fits[_i].width, fits[_i].height, none);

	ck_assert_uint_eq(got.width, fits[_i].width);
	ck_assert_uint_eq(got.height, fits[_i].height);
}
END_TEST

START_TEST(low_ones_are_200_high)
{
	ck_assert_uint_eq(limited(64, 64, none).height, 200);
	ck_assert_uint_eq(limited(64, 64, none).width, 64);
}
END_TEST

START_TEST(large_ones_shrink_in_shape)
{
	const struct rectangle square = limited(8192, 8192, none);
	const struct rectangle beside =
		limited(7680, 4320, (struct rectangle){.width = 3840, .height = 2160});

	ck_assert_uint_eq(square.width, 4728);
	ck_assert_uint_ge(square.height, 4728);
	ck_assert_uint_le(square.height, 4736);
	ck_assert_uint_le(3ULL * 4 * square.width * square.height, LIMIT_QEMU_BYTES);
	ck_assert_uint_le(3ULL * 4 * (beside.width * beside.height + 3840 * 2160),
			  LIMIT_QEMU_BYTES);
	ck_assert_uint_gt(beside.width, 4500);
	ck_assert_double_eq_tol((double)beside.width / beside.height, 16.0 / 9, 0.01);
}
END_TEST

START_TEST(one_surface_fits_into_a_message)
{
	struct rectangle size[DESKTOP_MAX_HEADS] = {{.width = 8192, .height = 8192}};

	limit_to_bytes(LIMIT_QEMU_BYTES, LIMIT_DBUS_BYTES, LIMIT_QEMU_HEIGHT, 0, size);
	ck_assert_uint_eq(size[0].width, 4096);
	ck_assert_uint_eq(size[0].height, 4096);
}
END_TEST

START_TEST(there_is_always_something)
{
	const struct rectangle got =
		limited(800, 600, (struct rectangle){.width = 8192, .height = 8192});

	ck_assert_uint_eq(got.width, 64);
	ck_assert_uint_eq(got.height, 200);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("limits");

	tcase_add_loop_test(tests, what_fits_stays, 0, 4);
	tcase_add_test(tests, low_ones_are_200_high);
	tcase_add_test(tests, large_ones_shrink_in_shape);
	tcase_add_test(tests, one_surface_fits_into_a_message);
	tcase_add_test(tests, there_is_always_something);
	return suite_run_case("source/limit", tests);
}
