/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory balloon: what is given up is gone, what is not stays; and, with balloon.py at the
 * control socket, a driver that follows its target. */
#include "balloon.h"

#include "io.h"
#include "lib.h"
#include "suites.h"

#define F(name)	     FEATURE(VIRTIO_BALLOON_F_##name)
#define HUGE	     (2 * MIB)
#define MANY	     (8 * MIB)
#define MANY_PAGES   ((unsigned)(MANY / BALLOON_PAGE))
#define WORD	     0x5a5a5a5a5a5a5a5aULL
#define FIRST_TWO    0x03
#define HOST_MS	     60000 /* for what balloon.py does on a machine that is busy */
#define MOST	     (48 * MIB)
#define ACTUAL_FLOOD 20000

static uint64_t *page_at(void *memory, unsigned page)
{
	return (uint64_t *)((uint8_t *)memory + page * BALLOON_PAGE);
}

/* Its first and last words. */
static bool page_is(void *memory, unsigned page, uint64_t word)
{
	const volatile uint64_t *at = page_at(memory, page);

	return at[0] == word && at[BALLOON_PAGE / 8 - 1] == word;
}

/* How many pages from @first to @end, @step apart, are not full of @word. */
static unsigned wrong_pages(void *memory, unsigned first, unsigned end, unsigned step,
			    uint64_t word)
{
	unsigned wrong = 0;

	for (unsigned page = first; page < end; page += step)
		wrong += !page_is(memory, page, word);
	return wrong;
}

/* The first and last words: a guest like this one takes long for all of them. */
static void fill(void *memory, unsigned first, unsigned end)
{
	for (unsigned page = first; page < end; page++) {
		volatile uint64_t *at = page_at(memory, page);

		at[0] = at[BALLOON_PAGE / 8 - 1] = WORD;
	}
}

/* At the end of RAM, which the allocator does not reach. */
static void *filled(uint64_t bytes)
{
	void *memory = (void *)((memory_ram_end() - bytes) & ~(HUGE - 1));

	fill(memory, 0, (unsigned)(bytes / BALLOON_PAGE));
	return memory;
}

static void test_offers(void)
{
	struct balloon balloon;
	uint64_t wanted =
		F(MUST_TELL_HOST) | F(STATS_VQ) | F(DEFLATE_ON_OOM) | F(PAGE_POISON) | F(REPORTING);

	require(balloon_start(&balloon, 0, FIRST_TWO, 0), "the device does not start");
	check((virtio_offered(&balloon.device) & 0xff) == wanted, "it offers 0x%lx",
	      virtio_offered(&balloon.device));
	check(balloon_target(&balloon) == 0, "it wants %u pages", balloon_target(&balloon));
}

static void test_in_and_out(void)
{
	struct balloon balloon;
	void *memory = filled(MANY);
	uint64_t start;

	require(balloon_start(&balloon, F(MUST_TELL_HOST), FIRST_TWO, 0),
		"the device does not start");
	for (int round = 0; round < 3; round++) {
		start = tsc();
		require(balloon_move(&balloon, BALLOON_INFLATE, memory, MANY_PAGES),
			"no answer while it inflates");
		print("# figure inflate-8-MiB %lu us\n", (tsc() - start) * 1000 / ticks_of_ms(1));
		start = tsc();
		require(balloon_move(&balloon, BALLOON_DEFLATE, memory, MANY_PAGES),
			"no answer while it deflates");
		print("# figure deflate-8-MiB %lu us\n", (tsc() - start) * 1000 / ticks_of_ms(1));
		check(wrong_pages(memory, 0, MANY_PAGES, 1, 0) == 0, "%u pages are not zero",
		      wrong_pages(memory, 0, MANY_PAGES, 1, 0));
		fill(memory, 0, MANY_PAGES);
		check(wrong_pages(memory, 0, MANY_PAGES, 1, WORD) == 0,
		      "%u pages do not keep what is written",
		      wrong_pages(memory, 0, MANY_PAGES, 1, WORD));
	}
}

/* Every second page, shuffled. */
static void test_any_order(void)
{
	struct balloon balloon;
	void *memory = filled(MANY);
	uint32_t *order = allocate(MANY_PAGES * sizeof(*order), 8);
	unsigned count = MANY_PAGES / 2;

	require(balloon_start(&balloon, F(MUST_TELL_HOST), FIRST_TWO, 0),
		"the device does not start");
	for (unsigned i = 0; i < count; i++) {
		unsigned j = (unsigned)random_below(i + 1);

		order[i] = order[j];
		order[j] = (uint32_t)((uint64_t)memory / BALLOON_PAGE) + 2 * i;
	}
	for (unsigned done = 0; done < count; done += BALLOON_LIST) {
		memcpy(balloon.list, order + done, BALLOON_LIST * sizeof(*order));
		require(balloon_tell(&balloon, BALLOON_INFLATE, BALLOON_LIST), "no answer");
	}
	check(wrong_pages(memory, 0, MANY_PAGES, 2, 0) == 0, "%u pages are not zero",
	      wrong_pages(memory, 0, MANY_PAGES, 2, 0));
	check(wrong_pages(memory, 1, MANY_PAGES, 2, WORD) == 0, "%u pages beside them are gone",
	      wrong_pages(memory, 1, MANY_PAGES, 2, WORD));
}

static void test_page_that_is_none(void)
{
	static const uint32_t wild[] = {0xc0000, 0xfee00, 0xffffffff};
	void *memory = filled(HUGE);
	struct balloon balloon;

	for (size_t i = 0; i <= ARRAY_SIZE(wild); i++) {
		struct buffer buffer;

		require(balloon_start(&balloon, F(MUST_TELL_HOST), FIRST_TWO, 0),
			"the device does not start");
		balloon.list[0] = (uint32_t)((uint64_t)memory / BALLOON_PAGE);
		balloon.list[1] = i < ARRAY_SIZE(wild)
					  ? wild[i]
					  : (uint32_t)(memory_ram_end() / BALLOON_PAGE);
		buffer = (struct buffer){balloon.list, 8, false};
		require(virtqueue_add(&balloon.queue[BALLOON_INFLATE], &buffer, 1) >= 0,
			"no descriptor");
		virtqueue_notify(&balloon.queue[BALLOON_INFLATE]);
		check(wait_for(virtio_needs_reset(&balloon.device), VIRTIO_ANSWER_MS),
		      "no NEEDS_RESET for page 0x%x", balloon.list[1]);
	}
	require(balloon_start(&balloon, F(MUST_TELL_HOST), FIRST_TWO, 0),
		"it does not start again");
	check(page_is(memory, 0, WORD), "what was listed with it is gone");
	check(balloon_move(&balloon, BALLOON_INFLATE, memory, 1), "it does not work again");
}

static void test_reports(void)
{
	static const struct {
		uint64_t features;
		unsigned mask, queue;
	} drivers[] = {
		{F(STATS_VQ) | F(REPORTING), 0x0f, 3}, /* Linux */
		{F(REPORTING), 0x07, 2},	       /* Linux */
		{F(STATS_VQ) | F(REPORTING), 0x17, 4}, /* the spec */
		{F(REPORTING), 0x13, 4},	       /* the spec */
	};
	uint8_t *memory = filled(HUGE);
	struct balloon balloon;

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		fill(memory, 0, 512);
		require(balloon_start(&balloon, drivers[i].features, drivers[i].mask, 0),
			"the device does not start");
		/* Parts of pages at both ends stay. */
		require(balloon_report(&balloon, drivers[i].queue, memory + 8,
				       (uint32_t)(HUGE - 16)),
			"no answer from queue %u", drivers[i].queue);
		check(page_is(memory, 0, WORD) && page_is(memory, 511, WORD),
		      "parts of pages are gone");
		check(wrong_pages(memory, 1, 511, 1, 0) == 0, "%u pages are not zero",
		      wrong_pages(memory, 1, 511, 1, 0));
	}
}

static void test_poison(void)
{
	uint8_t *memory = filled(HUGE);
	struct balloon balloon;

	require(balloon_start(&balloon, F(REPORTING) | F(PAGE_POISON), 0x07, 0xaaaaaaaa),
		"the device does not start");
	require(balloon_report(&balloon, 2, memory, HUGE), "no answer");
	check(wrong_pages(memory, 0, 512, 1, WORD) == 0, "pages with poison are gone");
	require(balloon_start(&balloon, F(REPORTING) | F(PAGE_POISON), 0x07, 0),
		"the device does not start");
	require(balloon_report(&balloon, 2, memory, HUGE), "no answer");
	check(wrong_pages(memory, 0, 512, 1, 0) == 0, "pages without poison stay");
}

static const struct test tests[] = {
	{"offers", test_offers},       {"in-and-out", test_in_and_out},
	{"any-order", test_any_order}, {"page-that-is-none", test_page_that_is_none},
	{"reports", test_reports},     {"poison", test_poison},
};

const struct suite suite_balloon = {"balloon", tests, ARRAY_SIZE(tests), NULL};

/* --- With the host's side ----------------------------------------------------------------------
 */

struct follower {
	struct balloon balloon;
	uint8_t *memory; /* MOST */
	uint8_t *statistics;
	uint32_t inside; /* pages */
	uint64_t told;	 /* how often statistics were given */
};

static void give_statistics(struct follower *follower)
{
	struct buffer buffer = {follower->statistics, 30, false};

	balloon_put_statistic(follower->statistics, VIRTIO_BALLOON_S_MEMFREE,
			      MOST - follower->inside);
	balloon_put_statistic(follower->statistics + 10, VIRTIO_BALLOON_S_MAJFLT, ++follower->told);
	balloon_put_statistic(follower->statistics + 20, 999, 1);
	virtqueue_add(&follower->balloon.queue[BALLOON_STATISTICS], &buffer, 1);
	virtqueue_notify(&follower->balloon.queue[BALLOON_STATISTICS]);
}

/* One step towards the target. False where the device does not answer. */
static bool follow(struct follower *follower)
{
	struct virtqueue *statistics = &follower->balloon.queue[BALLOON_STATISTICS];
	uint32_t target = balloon_target(&follower->balloon), inside = follower->inside;
	uint8_t *edge = follower->memory + inside * BALLOON_PAGE;
	bool works = true;

	if (virtqueue_has_used(statistics)) {
		virtqueue_take(statistics, NULL);
		give_statistics(follower);
	}
	if (target > MOST / BALLOON_PAGE || target == inside)
		return true;
	if (target > inside) {
		uint32_t more = target - inside < BALLOON_LIST ? target - inside : BALLOON_LIST;

		works = balloon_move(&follower->balloon, BALLOON_INFLATE, edge, more);
		follower->inside += more;
	} else {
		uint32_t less = inside - target < BALLOON_LIST ? inside - target : BALLOON_LIST;

		follower->inside -= less;
		edge -= less * BALLOON_PAGE;
		works = balloon_move(&follower->balloon, BALLOON_DEFLATE, edge, less);
		fill(edge, 0, less);
	}
	balloon_set_actual(&follower->balloon, follower->inside);
	return works;
}

/* Until the balloon is @pages large. */
static bool follow_to(struct follower *follower, uint32_t pages)
{
	uint64_t end = tsc() + ticks_of_ms(HOST_MS);

	while (follower->inside != pages || balloon_target(&follower->balloon) != pages)
		if (!follow(follower) || tsc() > end)
			return false;
	return true;
}

/* Up to 32 MiB, down to nothing, then many changes that are none, and the end at 1 page. */
static void test_follow(void)
{
	struct follower follower = {
		.memory = filled(MOST),
		.statistics = allocate(4096, 4096),
	};

	require(balloon_start(&follower.balloon, F(MUST_TELL_HOST) | F(STATS_VQ), 0x07, 0),
		"the device does not start");
	give_statistics(&follower);
	require(follow_to(&follower, (uint32_t)(32 * MIB / BALLOON_PAGE)), "no target of 32 MiB");
	require(follow_to(&follower, 0), "no target of nothing");
	for (uint32_t i = 0; i < ACTUAL_FLOOD; i++)
		balloon_set_actual(&follower.balloon, i % 7);
	require(follow_to(&follower, 1), "no target of one page");
	/* The host looks once more, and ends the machine. */
	wait_for(!follow(&follower), HOST_MS);
}

static const struct test host_tests[] = {
	{"follow", test_follow},
};

const struct suite suite_balloon_host = {"balloon-host", host_tests, ARRAY_SIZE(host_tests), NULL};
