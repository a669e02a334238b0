/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/balloon_pages.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define PAGE	   BALLOON_PAGE_BYTES
#define LOW_PAGES  1024ULL
#define HIGH_AT	   (1ULL << 32)
#define HIGH_PAGES 600ULL /* the last huge page is not whole */
#define HIGH_PFN   ((uint32_t)(HIGH_AT / PAGE))

/* RAM that nobody touches: only its addresses count here. */
static uint8_t *const host = (uint8_t *)0x7f0000000000;

static struct guestmem memory;
static struct balloon_pages pages;
static struct {
	uint64_t first, end; /* pages */
} given[BALLOON_LIST_PAGES];
static size_t gifts;
static int refusal;

static int give_back(void *owner, uint64_t offset, uint64_t length)
{
	ck_assert_ptr_eq(owner, &gifts);
	ck_assert_uint_eq(offset % PAGE, 0);
	ck_assert_uint_eq(length % PAGE, 0);
	ck_assert_uint_gt(length, 0);
	ck_assert_uint_le(offset + length, (LOW_PAGES + HIGH_PAGES) * PAGE);
	if (refusal)
		return refusal;
	given[gifts].first = offset / PAGE;
	given[gifts++].end = (offset + length) / PAGE;
	return 0;
}

static void set_up(void)
{
	memory = (struct guestmem){0};
	gifts = 0;
	refusal = 0;
	ck_assert_int_eq(guestmem_add(&memory, 0, host, LOW_PAGES * PAGE), 0);
	ck_assert_int_eq(guestmem_add(&memory, HIGH_AT, host + LOW_PAGES * PAGE, HIGH_PAGES * PAGE),
			 0);
	ck_assert_int_eq(balloon_pages_init(&pages, &memory, give_back, &gifts), 0);
	pages.stays = true;
}

static void tear_down(void)
{
	balloon_pages_free(&pages);
}

static void list(uint32_t first, uint32_t end)
{
	for (uint32_t page = first; page < end; page++)
		ck_assert(balloon_pages_list(&pages, page));
}

static void expect_gift(size_t index, uint64_t first, uint64_t end)
{
	ck_assert_uint_lt(index, gifts);
	ck_assert_uint_eq(given[index].first, first);
	ck_assert_uint_eq(given[index].end, end);
}

START_TEST(pages_in_any_order_become_runs)
{
	static const uint32_t numbers[] = {9, 3, 5, 4, 20, 10, 3};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		ck_assert(balloon_pages_list(&pages, numbers[i]));
	balloon_pages_inflate(&pages);
	ck_assert_uint_eq(gifts, 3);
	expect_gift(0, 3, 6);
	expect_gift(1, 9, 11);
	expect_gift(2, 20, 21);
	ck_assert_uint_eq(atomic_load(&pages.count), 6);
	ck_assert_uint_eq(balloon_pages_room(&pages), BALLOON_LIST_PAGES);
}
END_TEST

START_TEST(falling_pages_are_one_run)
{
	for (uint32_t page = 300; page > 44; page--)
		ck_assert(balloon_pages_list(&pages, page));
	balloon_pages_inflate(&pages);
	ck_assert_uint_eq(gifts, 1);
	expect_gift(0, 45, 301);
}
END_TEST

START_TEST(only_ram_can_be_listed)
{
	ck_assert(balloon_pages_list(&pages, LOW_PAGES - 1));
	ck_assert(!balloon_pages_list(&pages, LOW_PAGES));
	ck_assert(!balloon_pages_list(&pages, HIGH_PFN - 1));
	ck_assert(balloon_pages_list(&pages, HIGH_PFN));
	ck_assert(balloon_pages_list(&pages, HIGH_PFN + HIGH_PAGES - 1));
	ck_assert(!balloon_pages_list(&pages, HIGH_PFN + HIGH_PAGES));
	ck_assert(!balloon_pages_list(&pages, UINT32_MAX));
	balloon_pages_inflate(&pages);
	/* RAM is one piece: its two regions follow each other. */
	ck_assert_uint_eq(gifts, 2);
	expect_gift(0, LOW_PAGES - 1, LOW_PAGES + 1);
	expect_gift(1, LOW_PAGES + HIGH_PAGES - 1, LOW_PAGES + HIGH_PAGES);
}
END_TEST

START_TEST(a_huge_page_goes_whole_when_its_last_part_comes)
{
	list(512, 700);
	balloon_pages_inflate(&pages);
	list(701, 1024);
	balloon_pages_inflate(&pages);
	expect_gift(1, 701, 1024);
	list(700, 701);
	balloon_pages_inflate(&pages);
	ck_assert_uint_eq(gifts, 3);
	expect_gift(2, 512, 1024);
}
END_TEST

START_TEST(both_ends_of_a_run_grow)
{
	list(0, 500);
	list(600, 1024);
	balloon_pages_inflate(&pages);
	ck_assert_uint_eq(gifts, 2);
	list(500, 600);
	balloon_pages_inflate(&pages);
	expect_gift(2, 0, 1024);
}
END_TEST

/* A driver that need not tell may use again what is in the balloon. */
START_TEST(what_may_be_in_use_again_is_left_alone)
{
	pages.stays = false;
	list(512, 1023);
	balloon_pages_inflate(&pages);
	list(1023, 1024);
	balloon_pages_inflate(&pages);
	expect_gift(1, 1023, 1024);
}
END_TEST

START_TEST(what_was_taken_out_is_not_given_back_again)
{
	list(0, 511);
	balloon_pages_inflate(&pages);
	list(5, 6);
	balloon_pages_deflate(&pages);
	ck_assert_uint_eq(gifts, 1);
	ck_assert_uint_eq(atomic_load(&pages.count), 510);
	list(511, 512);
	balloon_pages_inflate(&pages);
	expect_gift(1, 511, 512);
}
END_TEST

/* The rest of it, which is no RAM, is never inside. */
START_TEST(a_huge_page_that_is_not_whole_stays_so)
{
	list(HIGH_PFN + 512, HIGH_PFN + 600);
	balloon_pages_inflate(&pages);
	expect_gift(0, LOW_PAGES + 512, LOW_PAGES + 600);
}
END_TEST

START_TEST(nothing_is_counted_twice)
{
	list(10, 20);
	list(10, 20);
	balloon_pages_inflate(&pages);
	list(15, 25);
	balloon_pages_inflate(&pages);
	ck_assert_uint_eq(atomic_load(&pages.count), 15);
	list(0, 1024);
	list(0, 1024);
	balloon_pages_deflate(&pages);
	ck_assert_uint_eq(atomic_load(&pages.count), 0);
	balloon_pages_deflate(&pages);
	balloon_pages_inflate(&pages);
	ck_assert_uint_eq(atomic_load(&pages.count), 0);
}
END_TEST

START_TEST(forgotten_is_empty)
{
	list(0, 512);
	balloon_pages_inflate(&pages);
	list(600, 601);
	balloon_pages_forget(&pages);
	ck_assert_uint_eq(atomic_load(&pages.count), 0);
	ck_assert_uint_eq(balloon_pages_room(&pages), BALLOON_LIST_PAGES);
	list(0, 1);
	balloon_pages_inflate(&pages);
	expect_gift(1, 0, 1);
}
END_TEST

/* Every second page, in an order that is as bad as any. */
START_TEST(the_worst_list_is_sorted)
{
	uint32_t page = 0;

	for (int i = 0; i < 512; i++) {
		page = (page + 374) % 1024;
		ck_assert(balloon_pages_list(&pages, page));
	}
	while (balloon_pages_room(&pages) > 0)
		ck_assert(balloon_pages_list(&pages, 1022));
	balloon_pages_inflate(&pages);
	ck_assert_uint_eq(gifts, 512);
	for (size_t i = 0; i < gifts; i++)
		expect_gift(i, 2 * i, 2 * i + 1);
}
END_TEST

/* Against a plain map of what is listed. */
START_TEST(any_list_is_merged)
{
	static bool listed[LOW_PAGES + HIGH_PAGES + 1];
	size_t gift = 0;

	srand((unsigned int)_i);
	memset(listed, 0, sizeof(listed));
	pages.stays = false;
	for (int i = 0; i < 1 + _i * 40; i++) {
		uint32_t page = (uint32_t)rand() % (uint32_t)(LOW_PAGES + HIGH_PAGES);

		listed[page] = true;
		ck_assert(balloon_pages_list(
			&pages, page < LOW_PAGES ? page : HIGH_PFN + page - LOW_PAGES));
	}
	balloon_pages_inflate(&pages);
	for (size_t page = 0; page < LOW_PAGES + HIGH_PAGES; page++) {
		size_t end = page;

		while (listed[end])
			end++;
		if (end > page)
			expect_gift(gift++, page, end);
		page = end;
	}
	ck_assert_uint_eq(gift, gifts);
}
END_TEST

START_TEST(reports_are_of_whole_pages)
{
	balloon_pages_report(&pages, host + 1, 3 * PAGE);
	expect_gift(0, 1, 3);
	balloon_pages_report(&pages, host + PAGE, PAGE);
	expect_gift(1, 1, 2);
	ck_assert_uint_eq(atomic_load(&pages.reported_bytes), 3 * PAGE);
	balloon_pages_report(&pages, host + 1, PAGE);
	balloon_pages_report(&pages, host, 0);
	balloon_pages_report(&pages, host + PAGE - 1, 1);
	ck_assert_uint_eq(gifts, 2);
	balloon_pages_report(&pages, host + (LOW_PAGES + HIGH_PAGES - 1) * PAGE, PAGE);
	expect_gift(2, LOW_PAGES + HIGH_PAGES - 1, LOW_PAGES + HIGH_PAGES);
	/* Not counted as in the balloon. */
	ck_assert_uint_eq(atomic_load(&pages.count), 0);
}
END_TEST

START_TEST(reports_do_not_leave_memory)
{
	balloon_pages_report(&pages, host - PAGE, PAGE);
	balloon_pages_report(&pages, host + (LOW_PAGES + HIGH_PAGES) * PAGE, PAGE);
	ck_assert_uint_eq(gifts, 0);
	balloon_pages_report(&pages, host + (LOW_PAGES + HIGH_PAGES - 1) * PAGE, SIZE_MAX);
	expect_gift(0, LOW_PAGES + HIGH_PAGES - 1, LOW_PAGES + HIGH_PAGES);
}
END_TEST

START_TEST(a_host_that_refuses_is_remembered)
{
	refusal = -EBUSY;
	list(0, 4);
	balloon_pages_inflate(&pages);
	balloon_pages_report(&pages, host, PAGE);
	ck_assert_int_eq(pages.failure, -EBUSY);
	ck_assert_uint_eq(atomic_load(&pages.count), 4);
	ck_assert_uint_eq(atomic_load(&pages.reported_bytes), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("balloon pages");
	TCase *tc = tcase_create("pages");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, pages_in_any_order_become_runs);
	tcase_add_test(tc, falling_pages_are_one_run);
	tcase_add_test(tc, only_ram_can_be_listed);
	tcase_add_test(tc, a_huge_page_goes_whole_when_its_last_part_comes);
	tcase_add_test(tc, both_ends_of_a_run_grow);
	tcase_add_test(tc, what_may_be_in_use_again_is_left_alone);
	tcase_add_test(tc, what_was_taken_out_is_not_given_back_again);
	tcase_add_test(tc, a_huge_page_that_is_not_whole_stays_so);
	tcase_add_test(tc, nothing_is_counted_twice);
	tcase_add_test(tc, forgotten_is_empty);
	tcase_add_test(tc, the_worst_list_is_sorted);
	tcase_add_loop_test(tc, any_list_is_merged, 0, 50);
	tcase_add_test(tc, reports_are_of_whole_pages);
	tcase_add_test(tc, reports_do_not_leave_memory);
	tcase_add_test(tc, a_host_that_refuses_is_remembered);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
