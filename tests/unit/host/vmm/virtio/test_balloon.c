/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/balloon.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <poll.h>

#define F(name)	  VIRTIO_FEATURE(VIRTIO_BALLOON_F_##name)
#define PAGE	  BALLOON_PAGE_BYTES
#define RAM_PAGES (GUEST_RAM_BYTES / PAGE)
#define FIRST	  (GUEST_RAM_AT / (uint32_t)PAGE) /* page number */
#define BIG_ENTRY ((uint32_t)sizeof(struct virtio_balloon_stat))

static struct guest guest;
static struct virtio_device *device;
static uint64_t given_pages, gifts, last_offset;

static int give_back(void *owner, uint64_t offset, uint64_t length)
{
	(void)owner;
	ck_assert_uint_le(offset + length, GUEST_RAM_BYTES);
	last_offset = offset;
	given_pages += length / PAGE;
	gifts++;
	return 0;
}

static void set_up(void)
{
	struct virtio_balloon_setup setup = {NULL, give_back, NULL};

	given_pages = gifts = last_offset = 0;
	guest_init(&guest);
	setup.memory = &guest.memory;
	ck_assert_int_eq(virtio_balloon_new(&setup, &device), 0);
	guest_plug(&guest, device);
}

static void tear_down(void)
{
	guest_free(&guest);
}

/* A driver that enables the queues of @mask. */
static void bring_up(uint64_t features, unsigned int mask)
{
	ck_assert(guest_negotiate(&guest, features | 1ULL << VIRTIO_F_VERSION_1));
	for (unsigned int i = 0; i < VIRTIO_BALLOON_QUEUES; i++)
		if (mask >> i & 1)
			guest_enable_queue(&guest, i);
	guest_driver_ok(&guest);
	ck_assert(!guest_is_broken(&guest));
}

static void write_config(size_t offset, uint32_t value)
{
	guest_write(&guest, VIRTIO_BAR_CONFIG + offset, 4, value);
}

static uint32_t read_config(size_t offset)
{
	return (uint32_t)guest_read(&guest, VIRTIO_BAR_CONFIG + offset, 4);
}

static struct virtio_balloon_state state(void)
{
	struct virtio_balloon_state read;

	virtio_balloon_read(device, &read);
	return read;
}

/* Pages from @first on as one buffer. */
static void send_pages(unsigned int queue, uint32_t first, uint32_t count)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT, count * 4, false};
	uint32_t id, written;

	for (uint32_t i = 0; i < count; i++)
		store_le32((uint8_t *)guest_at(&guest, GUEST_BUFFERS_AT) + 4 * (size_t)i,
			   first + i);
	guest_add(&guest, queue, &buffer, 1);
	guest_kick(&guest, queue);
	if (guest_is_broken(&guest))
		return;
	ck_assert(guest_take_used(&guest, queue, &id, &written));
	ck_assert_uint_eq(written, 0);
}

START_TEST(it_offers_what_it_can)
{
	uint64_t all =
		F(MUST_TELL_HOST) | F(STATS_VQ) | F(DEFLATE_ON_OOM) | F(PAGE_POISON) | F(REPORTING);

	ck_assert_uint_eq(guest_offered_features(&guest) & 0xff, all);
}
END_TEST

START_TEST(a_target_is_seen_by_the_driver)
{
	bring_up(0, 3);
	ck_assert_uint_eq(read_config(offsetof(struct virtio_balloon_config, num_pages)), 0);
	ck_assert_int_eq(virtio_balloon_set_target(device, GUEST_RAM_BYTES - 5 * PAGE + 1), 0);
	ck_assert_uint_eq(read_config(offsetof(struct virtio_balloon_config, num_pages)), 4);
	ck_assert_uint_eq(state().target_bytes, GUEST_RAM_BYTES - 4 * PAGE);
	ck_assert_int_eq(virtio_balloon_set_target(device, GUEST_RAM_BYTES + 1), -ERANGE);
	/* It outlives the driver. */
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(read_config(offsetof(struct virtio_balloon_config, num_pages)), 4);
	ck_assert(!state().driver);
}
END_TEST

START_TEST(pages_go_in_and_out)
{
	bring_up(F(MUST_TELL_HOST), 3);
	send_pages(VIRTIO_BALLOON_INFLATE, FIRST + 10, 20);
	ck_assert_uint_eq(gifts, 1);
	ck_assert_uint_eq(given_pages, 20);
	ck_assert_uint_eq(last_offset, 10 * PAGE);
	ck_assert_uint_eq(state().balloon_bytes, 20 * PAGE);
	send_pages(VIRTIO_BALLOON_DEFLATE, FIRST + 10, 15);
	ck_assert_uint_eq(gifts, 1);
	ck_assert_uint_eq(state().balloon_bytes, 5 * PAGE);
}
END_TEST

/* What waits in several buffers is one list: one run. */
START_TEST(buffers_that_wait_are_taken_together)
{
	uint32_t id, written;

	bring_up(F(MUST_TELL_HOST), 3);
	for (uint32_t i = 0; i < 100; i++) {
		struct guest_buffer buffer = {GUEST_BUFFERS_AT + 4 * i, 4, false};

		store_le32(guest_at(&guest, buffer.gpa), FIRST + 200 - i);
		guest_add(&guest, VIRTIO_BALLOON_INFLATE, &buffer, 1);
	}
	guest_kick(&guest, VIRTIO_BALLOON_INFLATE);
	for (int i = 0; i < 100; i++)
		ck_assert(guest_take_used(&guest, VIRTIO_BALLOON_INFLATE, &id, &written));
	ck_assert_uint_eq(gifts, 1);
	ck_assert_uint_eq(given_pages, 100);
}
END_TEST

START_TEST(actual_is_the_drivers_word)
{
	struct pollfd changed = {.fd = virtio_balloon_changed_fd(device), .events = POLLIN};

	write_config(offsetof(struct virtio_balloon_config, actual), 7);
	ck_assert_uint_eq(state().actual_bytes, GUEST_RAM_BYTES);
	bring_up(0, 3);
	ck_assert_int_eq(poll(&changed, 1, 0), 0);
	write_config(offsetof(struct virtio_balloon_config, actual), 7);
	ck_assert_uint_eq(state().actual_bytes, GUEST_RAM_BYTES - 7 * PAGE);
	ck_assert_int_eq(poll(&changed, 1, 0), 1);
	virtio_balloon_seen(device);
	ck_assert_int_eq(poll(&changed, 1, 0), 0);
	write_config(offsetof(struct virtio_balloon_config, actual), 7);
	ck_assert_int_eq(poll(&changed, 1, 0), 0);
	/* A liar has no less than nothing. */
	write_config(offsetof(struct virtio_balloon_config, actual), UINT32_MAX);
	ck_assert_uint_eq(state().actual_bytes, 0);
	ck_assert_int_eq(poll(&changed, 1, 0), 1);
}
END_TEST

START_TEST(a_reset_empties_the_balloon)
{
	bring_up(F(STATS_VQ), 7);
	send_pages(VIRTIO_BALLOON_INFLATE, FIRST, 20);
	write_config(offsetof(struct virtio_balloon_config, actual), 20);
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(state().balloon_bytes, 0);
	ck_assert_uint_eq(state().actual_bytes, GUEST_RAM_BYTES);
	bring_up(F(STATS_VQ), 7);
	send_pages(VIRTIO_BALLOON_INFLATE, FIRST, 1);
	ck_assert_uint_eq(state().balloon_bytes, PAGE);
}
END_TEST

/* --- Lists that break the rules --- */

START_TEST(a_page_outside_memory_breaks_the_device)
{
	static const uint32_t wild[] = {0, FIRST - 1, FIRST + RAM_PAGES, 0xfee00, UINT32_MAX};

	bring_up(0, 3);
	send_pages(_i % 2 ? VIRTIO_BALLOON_DEFLATE : VIRTIO_BALLOON_INFLATE, wild[_i / 2], 1);
	ck_assert(guest_is_broken(&guest));
	ck_assert(!state().driver);
	ck_assert_uint_eq(gifts, 0);
	/* And a reset mends it, with nothing left of the list. */
	bring_up(0, 3);
	ck_assert(state().driver);
	send_pages(VIRTIO_BALLOON_INFLATE, FIRST + 3, 1);
	ck_assert_uint_eq(given_pages, 1);
	ck_assert_uint_eq(last_offset, 3 * PAGE);
}
END_TEST

START_TEST(half_a_number_breaks_the_device)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT, 7, false};

	bring_up(0, 3);
	store_le32(guest_at(&guest, GUEST_BUFFERS_AT), FIRST);
	guest_add(&guest, VIRTIO_BALLOON_INFLATE, &buffer, 1);
	guest_kick(&guest, VIRTIO_BALLOON_INFLATE);
	ck_assert(guest_is_broken(&guest));
	ck_assert_uint_eq(gifts, 0);
}
END_TEST

/* The same memory over and over again is a list of any length. */
START_TEST(a_list_has_an_end)
{
	struct guest_buffer buffer[5];
	uint32_t id, written;

	bring_up(0, 3);
	for (uint32_t i = 0; i < 0x2000; i += 4)
		store_le32((uint8_t *)guest_at(&guest, GUEST_BUFFERS_AT) + i, FIRST + 50);
	for (int i = 0; i < 5; i++)
		buffer[i] = (struct guest_buffer){GUEST_BUFFERS_AT, 0x2000, false};
	ck_assert_uint_eq(4 * 0x2000 / 4, VIRTIO_BALLOON_MAX_LIST);
	guest_add(&guest, VIRTIO_BALLOON_INFLATE, buffer, 4);
	guest_kick(&guest, VIRTIO_BALLOON_INFLATE);
	ck_assert(guest_take_used(&guest, VIRTIO_BALLOON_INFLATE, &id, &written));
	ck_assert_uint_eq(given_pages, 1);
	guest_add(&guest, VIRTIO_BALLOON_INFLATE, buffer, 5);
	guest_kick(&guest, VIRTIO_BALLOON_INFLATE);
	ck_assert(guest_is_broken(&guest));
}
END_TEST

/* A queue full of the longest lists is worked off in turns. */
START_TEST(many_long_lists_are_all_taken)
{
	struct guest_buffer buffer[4];
	uint32_t id, written;

	bring_up(0, 3);
	for (uint32_t i = 0; i < 0x2000; i += 4)
		store_le32((uint8_t *)guest_at(&guest, GUEST_BUFFERS_AT) + i, FIRST + 50);
	for (int i = 0; i < 4; i++)
		buffer[i] = (struct guest_buffer){GUEST_BUFFERS_AT, 0x2000, false};
	for (int i = 0; i < 30; i++)
		guest_add(&guest, VIRTIO_BALLOON_INFLATE, buffer, 4);
	guest_kick(&guest, VIRTIO_BALLOON_INFLATE);
	for (int i = 0; i < 30; i++)
		ck_assert(guest_wait_used(&guest, VIRTIO_BALLOON_INFLATE, &id, &written));
	ck_assert_uint_eq(state().balloon_bytes, PAGE);
}
END_TEST

/* --- Reports --- */

static bool report(unsigned int queue, unsigned int page, unsigned int pages)
{
	struct guest_buffer buffer = {GUEST_RAM_AT + page * PAGE, (uint32_t)(pages * PAGE), true};
	uint32_t id, written;

	guest_add(&guest, queue, &buffer, 1);
	guest_kick(&guest, queue);
	return guest_take_used(&guest, queue, &id, &written);
}

static const struct {
	uint64_t features;
	unsigned int mask, reports;
} numbering[] = {
	{F(STATS_VQ) | F(REPORTING), 0x0f, 3}, /* Linux */
	{F(REPORTING), 0x07, 2},	       /* Linux */
	{F(STATS_VQ) | F(REPORTING), 0x17, 4}, /* the spec */
	{F(REPORTING), 0x13, 4},	       /* the spec */
	{F(REPORTING), 0x0b, 3},	       /* dense over what is offered */
	{F(STATS_VQ) | F(REPORTING), 0x1f, 4}, /* all */
};

START_TEST(reports_come_where_the_driver_has_its_queue)
{
	bring_up(numbering[_i].features, numbering[_i].mask);
	ck_assert(report(numbering[_i].reports, 100, 20));
	ck_assert_uint_eq(given_pages, 20);
	ck_assert_uint_eq(last_offset, 100 * PAGE);
	ck_assert_uint_eq(state().reported_bytes, 20 * PAGE);
	ck_assert_uint_eq(state().balloon_bytes, 0);
	ck_assert(state().reports);
}
END_TEST

START_TEST(without_reporting_nothing_is_taken_for_a_report)
{
	bring_up(F(STATS_VQ), 0x1f);
	ck_assert(!report(3, 100, 20));
	ck_assert(!report(4, 100, 20));
	ck_assert_uint_eq(gifts, 0);
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

START_TEST(pages_with_poison_keep_it)
{
	ck_assert(guest_negotiate(&guest, F(REPORTING) | F(PAGE_POISON) |
						  VIRTIO_FEATURE(VIRTIO_F_VERSION_1)));
	write_config(offsetof(struct virtio_balloon_config, poison_val), _i ? 0xaaaaaaaa : 0);
	for (unsigned int i = 0; i < 3; i++)
		guest_enable_queue(&guest, i);
	guest_driver_ok(&guest);
	ck_assert(report(2, 100, 20));
	ck_assert_uint_eq(given_pages, _i ? 0 : 20);
}
END_TEST

/* --- Statistics --- */

static void put_statistic(unsigned int index, uint16_t tag, uint64_t value)
{
	uint8_t *entry = (uint8_t *)guest_at(&guest, GUEST_BUFFERS_AT) + BIG_ENTRY * (size_t)index;

	store_le16(entry, tag);
	store_le64(entry + 2, value);
}

static void send_statistics(uint32_t bytes)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT, bytes, false};

	guest_add(&guest, VIRTIO_BALLOON_STATISTICS, &buffer, 1);
	guest_kick(&guest, VIRTIO_BALLOON_STATISTICS);
}

/* The first buffer came back: from here on what comes is an answer. */
static void ask_once(void)
{
	uint32_t id, written;

	send_statistics(1);
	virtio_balloon_set_period(device, 100);
	ck_assert(guest_wait_used(&guest, VIRTIO_BALLOON_STATISTICS, &id, &written));
	virtio_balloon_set_period(device, 0);
}

START_TEST(statistics_that_nobody_asked_for_are_not_believed)
{
	bring_up(F(STATS_VQ), 7);
	put_statistic(0, VIRTIO_BALLOON_S_MEMFREE, 1234);
	send_statistics(BIG_ENTRY);
	ck_assert_uint_eq(state().statistics.tags, 0);
}
END_TEST

START_TEST(statistics_are_held_until_asked)
{
	uint32_t id, written;

	bring_up(F(STATS_VQ), 7);
	ask_once();
	ck_assert_uint_eq(state().statistics.tags, 0);
	put_statistic(0, VIRTIO_BALLOON_S_MEMFREE, 1234);
	put_statistic(1, VIRTIO_BALLOON_S_MEMTOT, UINT64_MAX);
	put_statistic(2, BALLOON_RECLAIMED_DIRECTLY, 5);
	put_statistic(3, BALLOON_TAGS, 77);
	put_statistic(4, UINT16_MAX, 77);
	send_statistics(5 * BIG_ENTRY);
	ck_assert_uint_eq(state().statistics.tags,
			  1 << BALLOON_FREE | 1 << BALLOON_TOTAL | 1 << BALLOON_RECLAIMED_DIRECTLY);
	ck_assert_uint_eq(state().statistics.value[BALLOON_FREE], 1234);
	ck_assert_uint_eq(state().statistics.value[BALLOON_TOTAL], UINT64_MAX);
	ck_assert_uint_eq(state().statistics.value[BALLOON_RECLAIMED_DIRECTLY], 5);
	ck_assert(!guest_take_used(&guest, VIRTIO_BALLOON_STATISTICS, &id, &written));
	virtio_balloon_set_period(device, 100);
	ck_assert_uint_eq(state().period_ms, 100);
	ck_assert(guest_wait_used(&guest, VIRTIO_BALLOON_STATISTICS, &id, &written));
	/* It has none to ask with now, and waits for the driver. */
	usleep(250000);
	guest_run(&guest);
	ck_assert(!guest_take_used(&guest, VIRTIO_BALLOON_STATISTICS, &id, &written));
	put_statistic(0, VIRTIO_BALLOON_S_AVAIL, 42);
	send_statistics(BIG_ENTRY);
	ck_assert(guest_wait_used(&guest, VIRTIO_BALLOON_STATISTICS, &id, &written));
	ck_assert_uint_eq(state().statistics.tags, 1 << BALLOON_AVAILABLE);
	ck_assert_uint_eq(state().statistics.value[BALLOON_AVAILABLE], 42);
	ck_assert_uint_eq(state().statistics.value[BALLOON_FREE], 0);
}
END_TEST

START_TEST(a_period_of_zero_asks_no_more)
{
	uint32_t id, written;

	bring_up(F(STATS_VQ), 7);
	virtio_balloon_set_period(device, 100);
	virtio_balloon_set_period(device, 0);
	send_statistics(1);
	usleep(250000);
	guest_run(&guest);
	ck_assert(!guest_take_used(&guest, VIRTIO_BALLOON_STATISTICS, &id, &written));
	ck_assert_uint_eq(state().statistics.tags, 0);
}
END_TEST

START_TEST(statistics_of_any_length_are_read)
{
	static const uint32_t lengths[] = {1, 9, 11, 0x10000};

	bring_up(F(STATS_VQ), 7);
	ask_once();
	put_statistic(0, VIRTIO_BALLOON_S_CACHES, 8);
	put_statistic(1, VIRTIO_BALLOON_S_CACHES, 9);
	send_statistics(lengths[_i]);
	ck_assert(!guest_is_broken(&guest));
	if (lengths[_i] < BIG_ENTRY)
		ck_assert_uint_eq(state().statistics.tags, 0);
	else
		ck_assert_uint_eq(state().statistics.value[BALLOON_CACHES],
				  lengths[_i] == 11 ? 8 : 9);
}
END_TEST

START_TEST(buffers_held_do_not_outlive_a_reset)
{
	uint32_t id, written;

	bring_up(F(STATS_VQ), 7);
	ask_once();
	put_statistic(0, VIRTIO_BALLOON_S_CACHES, 8);
	send_statistics(BIG_ENTRY);
	ck_assert_uint_ne(state().statistics.tags, 0);
	bring_up(F(STATS_VQ), 7);
	ck_assert_uint_eq(state().statistics.tags, 0);
	virtio_balloon_set_period(device, 100);
	usleep(250000);
	guest_run(&guest);
	ck_assert(!guest_take_used(&guest, VIRTIO_BALLOON_STATISTICS, &id, &written));
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio balloon");
	TCase *tc = tcase_create("balloon");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, it_offers_what_it_can);
	tcase_add_test(tc, a_target_is_seen_by_the_driver);
	tcase_add_test(tc, pages_go_in_and_out);
	tcase_add_test(tc, buffers_that_wait_are_taken_together);
	tcase_add_test(tc, actual_is_the_drivers_word);
	tcase_add_test(tc, a_reset_empties_the_balloon);
	tcase_add_loop_test(tc, a_page_outside_memory_breaks_the_device, 0, 10);
	tcase_add_test(tc, half_a_number_breaks_the_device);
	tcase_add_test(tc, a_list_has_an_end);
	tcase_add_test(tc, many_long_lists_are_all_taken);
	tcase_add_loop_test(tc, reports_come_where_the_driver_has_its_queue, 0,
			    ARRAY_SIZE(numbering));
	tcase_add_test(tc, without_reporting_nothing_is_taken_for_a_report);
	tcase_add_loop_test(tc, pages_with_poison_keep_it, 0, 2);
	tcase_add_test(tc, statistics_that_nobody_asked_for_are_not_believed);
	tcase_add_test(tc, statistics_are_held_until_asked);
	tcase_add_test(tc, a_period_of_zero_asks_no_more);
	tcase_add_loop_test(tc, statistics_of_any_length_are_read, 0, 4);
	tcase_add_test(tc, buffers_held_do_not_outlive_a_reset);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
