/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/palette.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>

static struct palette palette_of(const uint32_t *values, unsigned int count)
{
	struct palette palette;

	palette_clear(&palette);
	for (unsigned int i = 0; i < count; i++)
		ck_assert_uint_eq(palette_number(&palette, values[i]), i);
	return palette;
}

static void expect(struct palette_order *order, const uint32_t *values, unsigned int count,
		   const uint32_t *expected)
{
	struct palette palette = palette_of(values, count);
	uint8_t place[PALETTE_ORDER_MAX];

	palette_order(order, &palette, place);
	ck_assert_uint_eq(palette.count, count);
	for (unsigned int i = 0; i < count; i++) {
		ck_assert_uint_eq(palette.value[i], expected[i]);
		ck_assert_uint_lt(place[i], count);
		ck_assert_uint_eq(palette.value[place[i]], values[i]);
	}
}

START_TEST(test_order)
{
	struct palette_order order = {0};

	expect(&order, (uint32_t[]){7, 8, 9}, 3, (uint32_t[]){7, 8, 9});
	/* As before, whatever came first, and 0 is a colour too. */
	expect(&order, (uint32_t[]){9, 8, 7}, 3, (uint32_t[]){7, 8, 9});
	expect(&order, (uint32_t[]){0, 9, 7}, 3, (uint32_t[]){7, 9, 0});
	/* What was not there for once comes behind those that were. */
	expect(&order, (uint32_t[]){8, 0, 9, 7, 6}, 5, (uint32_t[]){7, 9, 0, 8, 6});
	expect(&order, (uint32_t[]){5}, 1, (uint32_t[]){5});
	expect(&order, (uint32_t[]){7, 5}, 2, (uint32_t[]){5, 7});
}
END_TEST

/* Always others: those of long ago make room. */
START_TEST(test_full)
{
	struct palette_order order = {0};
	uint32_t values[PALETTE_ORDER_MAX], turned[PALETTE_ORDER_MAX];

	for (uint32_t round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < PALETTE_ORDER_MAX; i++) {
			values[i] = round * 100 + i;
			turned[PALETTE_ORDER_MAX - 1 - i] = values[i];
		}
		expect(&order, values, PALETTE_ORDER_MAX, values);
		expect(&order, turned, PALETTE_ORDER_MAX, values);
		ck_assert_uint_eq(order.count, PALETTE_ORDER_MAX);
	}
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("palette");

	tcase_add_test(tcase, test_order);
	tcase_add_test(tcase, test_full);
	return suite_run_case("palette", tcase);
}
