/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/virtqueue/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

#define SIZE	    8
#define DESCRIPTORS GUEST_RAM_AT
#define AVAILABLE   (GUEST_RAM_AT + 0x1000)
#define USED	    (GUEST_RAM_AT + 0x2000)
#define TABLE	    (GUEST_RAM_AT + 0x4000)
#define BUFFER	    (GUEST_RAM_AT + 0x8000)
#define END	    (GUEST_RAM_AT + GUEST_RAM_BYTES)

#define NEXT	 VRING_DESC_F_NEXT
#define WRITE	 VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

#define WITH_INDIRECT	 (1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define WITH_EVENT_INDEX (1ULL << VIRTIO_RING_F_EVENT_IDX)

static const struct virtqueue_layout layout = {SIZE, DESCRIPTORS, AVAILABLE, USED};

static struct guest guest;
static struct virtqueue queue;
static struct virtqueue_chain chain;

static void start_with(uint64_t features)
{
	ck_assert_int_eq(virtqueue_start(&queue, &guest.memory, &layout, features), 0);
}

static void set_up(void)
{
	guest_init(&guest);
	guest.queue[0] = (struct guest_queue){SIZE, DESCRIPTORS, AVAILABLE, USED, 0, 0, 0};
	start_with(WITH_INDIRECT);
}

static void tear_down(void)
{
	guest_free_memory(&guest);
}

static void describe(uint16_t index, uint64_t gpa, uint32_t length, uint16_t flags, uint16_t next)
{
	guest_set_descriptor(&guest, DESCRIPTORS, index, gpa, length, flags, next);
}

static void describe_indirect(uint16_t index, uint64_t gpa, uint32_t length, uint16_t flags,
			      uint16_t next)
{
	guest_set_descriptor(&guest, TABLE, index, gpa, length, flags, next);
}

static uint16_t used_index(void)
{
	return load_le16((uint8_t *)guest_at(&guest, USED) + 2);
}

START_TEST(an_empty_queue_gives_nothing)
{
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
	ck_assert_ptr_null(queue.violation);
}
END_TEST

START_TEST(a_chain_is_readable_then_writable)
{
	struct guest_buffer buffers[] = {
		{BUFFER, 16, false}, {BUFFER + 64, 32, false}, {BUFFER + 128, 7, true}};
	uint16_t head = guest_add(&guest, 0, buffers, 3);

	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	ck_assert_uint_eq(chain.head, head);
	ck_assert_uint_eq(chain.readable, 2);
	ck_assert_uint_eq(chain.writable, 1);
	ck_assert_uint_eq(chain.readable_bytes, 48);
	ck_assert_uint_eq(chain.writable_bytes, 7);
	ck_assert_ptr_eq(chain.iov[1].iov_base, guest_at(&guest, BUFFER + 64));
	ck_assert_ptr_eq(virtqueue_chain_writable(&chain)->iov_base,
			 guest_at(&guest, BUFFER + 128));
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
}
END_TEST

START_TEST(a_chain_as_long_as_the_queue_is_fine)
{
	struct guest_buffer buffers[SIZE];

	for (int i = 0; i < SIZE; i++)
		buffers[i] = (struct guest_buffer){BUFFER, 1, i >= 4};
	guest_add(&guest, 0, buffers, SIZE);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	ck_assert_uint_eq(chain.readable + chain.writable, SIZE);
}
END_TEST

START_TEST(an_indirect_table_may_end_a_chain)
{
	describe(0, BUFFER, 4, NEXT, 1);
	describe(1, TABLE, 32, INDIRECT | WRITE, 0);
	describe_indirect(0, BUFFER + 16, 8, NEXT, 1);
	describe_indirect(1, BUFFER + 32, 2, WRITE, 0);
	guest_make_available(&guest, 0, 0);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	ck_assert_uint_eq(chain.readable_bytes, 12);
	ck_assert_uint_eq(chain.writable_bytes, 2);
}
END_TEST

/* Each is made from descriptors 0 and 1 of the queue and of an indirect table. */
static const struct {
	const char *why;
	struct {
		uint64_t gpa;
		uint32_t length;
		uint16_t flags, next;
	} direct[2], indirect[2];
	uint16_t head;
	uint64_t features;
} malformed[] = {
	{"a head outside the queue", .head = SIZE},
	{"the largest head", .head = UINT16_MAX},
	{"a loop of one", .direct = {{BUFFER, 1, NEXT, 0}}},
	{"a loop of two", .direct = {{BUFFER, 1, NEXT, 1}, {BUFFER, 1, NEXT, 0}}},
	{"a next outside the queue", .direct = {{BUFFER, 1, NEXT, SIZE}}},
	{"the largest next", .direct = {{BUFFER, 1, NEXT, UINT16_MAX}}},
	{"an empty descriptor", .direct = {{BUFFER, 0, 0, 0}}},
	{"address zero", .direct = {{0, 1, 0, 0}}},
	{"an address before memory", .direct = {{GUEST_RAM_AT - 1, 2, 0, 0}}},
	{"an address past memory", .direct = {{END, 1, 0, 0}}},
	{"a length past memory", .direct = {{END - 1, 2, 0, 0}}},
	{"the largest address", .direct = {{UINT64_MAX, 1, 0, 0}}},
	{"a sum that wraps", .direct = {{UINT64_MAX - 3, 8, WRITE, 0}}},
	{"the largest length", .direct = {{BUFFER, UINT32_MAX, 0, 0}}},
	{"readable after writable", .direct = {{BUFFER, 1, WRITE | NEXT, 1}, {BUFFER, 1, 0, 0}}},
	{"indirect not negotiated", .direct = {{TABLE, 16, INDIRECT, 0}},
	 .indirect = {{BUFFER, 1, 0, 0}}, .features = WITH_EVENT_INDEX},
	{"indirect with a successor",
	 .direct = {{TABLE, 16, INDIRECT | NEXT, 1}, {BUFFER, 1, 0, 0}},
	 .indirect = {{BUFFER, 1, 0, 0}}},
	{"indirect in indirect", .direct = {{TABLE, 32, INDIRECT, 0}},
	 .indirect = {{TABLE, 16, INDIRECT, 0}}},
	{"an indirect table that is the queue's own", .direct = {{DESCRIPTORS, 16, INDIRECT, 0}}},
	{"an empty table", .direct = {{TABLE, 0, INDIRECT, 0}}},
	{"half a table entry", .direct = {{TABLE, 8, INDIRECT, 0}},
	 .indirect = {{BUFFER, 1, 0, 0}}},
	{"a table of odd length", .direct = {{TABLE, 31, INDIRECT, 0}},
	 .indirect = {{BUFFER, 1, 0, 0}}},
	{"a table outside memory", .direct = {{END - 16, 32, INDIRECT, 0}}},
	{"a table at the end of the address space", .direct = {{UINT64_MAX - 15, 16, INDIRECT, 0}}},
	{"the largest table", .direct = {{TABLE, UINT32_MAX - 15, INDIRECT, 0}}},
	{"a next outside the table", .direct = {{TABLE, 32, INDIRECT, 0}},
	 .indirect = {{BUFFER, 1, NEXT, 2}}},
	{"a loop in the table", .direct = {{TABLE, 32, INDIRECT, 0}},
	 .indirect = {{BUFFER, 1, NEXT, 1}, {BUFFER, 1, NEXT, 0}}},
};

START_TEST(malformed_chains_stop_the_queue)
{
	start_with(malformed[_i].features ? malformed[_i].features : WITH_INDIRECT);
	for (uint16_t i = 0; i < 2; i++) {
		describe(i, malformed[_i].direct[i].gpa, malformed[_i].direct[i].length,
			 malformed[_i].direct[i].flags, malformed[_i].direct[i].next);
		describe_indirect(i, malformed[_i].indirect[i].gpa,
				  malformed[_i].indirect[i].length, malformed[_i].indirect[i].flags,
				  malformed[_i].indirect[i].next);
	}
	guest_make_available(&guest, 0, malformed[_i].head);
	ck_assert_msg(virtqueue_pop(&queue, &chain) == -EPROTO, "%s", malformed[_i].why);
	ck_assert_ptr_nonnull(queue.violation);

	/* From now on it is dead: it gives nothing and takes nothing. */
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
	virtqueue_push(&queue, 0, 0);
	ck_assert_uint_eq(used_index(), 0);
	ck_assert(!virtqueue_should_notify(&queue));
	ck_assert(!virtqueue_enable_kicks(&queue));
}
END_TEST

START_TEST(an_indirect_chain_longer_than_the_queue_is_refused)
{
	describe(0, TABLE, 16 * (SIZE + 1), INDIRECT, 0);
	for (uint16_t i = 0; i <= SIZE; i++)
		describe_indirect(i, BUFFER, 1, i < SIZE ? NEXT : 0, (uint16_t)(i + 1));
	guest_make_available(&guest, 0, 0);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), -EPROTO);
}
END_TEST

START_TEST(more_than_4_gib_in_a_chain_are_refused)
{
	/* The same memory again and again: each piece is fine, the sum does not fit. */
	struct guestmem huge = {0};
	static const size_t size = 3UL << 30;

	ck_assert_int_eq(guestmem_add(&huge, GUEST_RAM_AT, guest.ram, size), 0);
	ck_assert_int_eq(virtqueue_start(&queue, &huge, &layout, 0), 0);
	describe(0, GUEST_RAM_AT, 2U << 30, NEXT, 1);
	describe(1, GUEST_RAM_AT, 2U << 30, 0, 0);
	guest_make_available(&guest, 0, 0);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), -EPROTO);
}
END_TEST

START_TEST(an_available_index_that_jumps_stops_the_queue)
{
	describe(0, BUFFER, 1, 0, 0);
	store_le16((uint8_t *)guest_at(&guest, AVAILABLE) + 2, SIZE + 1);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), -EPROTO);

	start_with(0);
	store_le16((uint8_t *)guest_at(&guest, AVAILABLE) + 2, UINT16_MAX);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), -EPROTO);
}
END_TEST

START_TEST(more_chains_than_descriptors_stop_the_queue)
{
	describe(0, BUFFER, 1, 0, 0);
	for (int i = 0; i < SIZE; i++) {
		guest_make_available(&guest, 0, 0);
		ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	}
	guest_make_available(&guest, 0, 0);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), -EPROTO);
}
END_TEST

START_TEST(indices_wrap_and_entries_are_reused)
{
	uint32_t id, written;

	describe(3, BUFFER, 1, 0, 0);
	for (uint32_t i = 0; i < 0x10000 + 3 * SIZE; i++) {
		guest_make_available(&guest, 0, 3);
		ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
		virtqueue_push(&queue, chain.head, i);
		ck_assert(guest_take_used(&guest, 0, &id, &written));
		ck_assert_uint_eq(id, 3);
		ck_assert_uint_eq(written, i);
	}
}
END_TEST

START_TEST(what_is_unpopped_comes_again)
{
	struct guest_buffer buffer = {BUFFER, 1, false};
	uint16_t first = guest_add(&guest, 0, &buffer, 1);

	guest_add(&guest, 0, &buffer, 1);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	virtqueue_unpop(&queue, 2);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	ck_assert_uint_eq(chain.head, first);
}
END_TEST

START_TEST(several_chains_come_back_at_once)
{
	struct guest_buffer buffer = {BUFFER, 1, true};
	uint32_t id, written;

	guest_add(&guest, 0, &buffer, 1);
	guest_add(&guest, 0, &buffer, 1);
	virtqueue_pop(&queue, &chain);
	virtqueue_pop(&queue, &chain);
	virtqueue_fill(&queue, 0, 0, 10);
	virtqueue_fill(&queue, 1, 1, 11);
	ck_assert_uint_eq(used_index(), 0);
	virtqueue_publish(&queue, 2);
	ck_assert_uint_eq(used_index(), 2);
	ck_assert(guest_take_used(&guest, 0, &id, &written) && written == 10);
	ck_assert(guest_take_used(&guest, 0, &id, &written) && written == 11);
}
END_TEST

static void pass_one_chain(void)
{
	struct guest_buffer buffer = {BUFFER, 1, false};

	guest_add(&guest, 0, &buffer, 1);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	virtqueue_push(&queue, chain.head, 0);
}

START_TEST(interrupts_come_unless_the_guest_says_no)
{
	pass_one_chain();
	ck_assert(virtqueue_should_notify(&queue));
	store_le16(guest_at(&guest, AVAILABLE), VRING_AVAIL_F_NO_INTERRUPT);
	pass_one_chain();
	ck_assert(!virtqueue_should_notify(&queue));
}
END_TEST

START_TEST(interrupts_come_when_the_event_index_is_passed)
{
	uint8_t *used_event = (uint8_t *)guest_at(&guest, AVAILABLE) + 4 + 2 * SIZE;

	start_with(WITH_EVENT_INDEX);
	pass_one_chain();
	ck_assert(virtqueue_should_notify(&queue));
	store_le16(used_event, 2); /* wanted: when the third is there */
	pass_one_chain();
	ck_assert(!virtqueue_should_notify(&queue));
	pass_one_chain();
	ck_assert(virtqueue_should_notify(&queue));
	pass_one_chain();
	ck_assert(!virtqueue_should_notify(&queue));
}
END_TEST

START_TEST(kicks_are_asked_for_by_flag)
{
	virtqueue_disable_kicks(&queue);
	ck_assert_uint_eq(load_le16(guest_at(&guest, USED)), VRING_USED_F_NO_NOTIFY);
	ck_assert(!virtqueue_enable_kicks(&queue));
	ck_assert_uint_eq(load_le16(guest_at(&guest, USED)), 0);
	describe(0, BUFFER, 1, 0, 0);
	guest_make_available(&guest, 0, 0);
	ck_assert(virtqueue_enable_kicks(&queue));
}
END_TEST

START_TEST(kicks_are_asked_for_by_event_index)
{
	const uint8_t *avail_event = (uint8_t *)guest_at(&guest, USED) + 4 + 8 * SIZE;

	start_with(WITH_EVENT_INDEX);
	pass_one_chain();
	virtqueue_disable_kicks(&queue);
	ck_assert_uint_eq(load_le16(avail_event), 0);
	ck_assert(!virtqueue_enable_kicks(&queue));
	ck_assert_uint_eq(load_le16(avail_event), 1);
}
END_TEST

/* A device may need more chains than are there: it leaves them, and the next one must be told. */
START_TEST(kicks_are_asked_for_behind_what_is_there)
{
	const uint8_t *avail_event = (uint8_t *)guest_at(&guest, USED) + 4 + 8 * SIZE;

	start_with(WITH_EVENT_INDEX);
	describe(0, BUFFER, 1, 0, 0);
	guest_make_available(&guest, 0, 0);
	guest_make_available(&guest, 0, 0);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	virtqueue_unpop(&queue, 1);
	ck_assert(virtqueue_enable_kicks(&queue));
	ck_assert_uint_eq(load_le16(avail_event), 2);
}
END_TEST

static const struct virtqueue_layout wild[] = {
	{SIZE, DESCRIPTORS + 1, AVAILABLE, USED},
	{SIZE, DESCRIPTORS + 8, AVAILABLE, USED},
	{SIZE, DESCRIPTORS, AVAILABLE + 1, USED},
	{SIZE, DESCRIPTORS, AVAILABLE, USED + 2},
	{SIZE, 0, AVAILABLE, USED},
	{SIZE, DESCRIPTORS, 0, USED},
	{SIZE, DESCRIPTORS, AVAILABLE, 0},
	{SIZE, END - 16 * SIZE + 16, AVAILABLE, USED},
	{SIZE, DESCRIPTORS, END - (4 + 2 * SIZE), USED}, /* the event index lies outside */
	{SIZE, DESCRIPTORS, AVAILABLE, END - (4 + 8 * SIZE)},
	{SIZE, UINT64_MAX - 15, AVAILABLE, USED},
	{SIZE, DESCRIPTORS, AVAILABLE, UINT64_MAX - 3},
};

START_TEST(rings_outside_memory_do_not_start)
{
	ck_assert_int_eq(virtqueue_start(&queue, &guest.memory, &wild[_i], 0), -EFAULT);
	ck_assert_ptr_nonnull(queue.violation);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
}
END_TEST

START_TEST(rings_may_end_where_memory_ends)
{
	struct virtqueue_layout last = layout;

	last.used = END - (4 + 8 * SIZE + 4); /* 2 for the event index, 2 for alignment */
	ck_assert_int_eq(virtqueue_start(&queue, &guest.memory, &last, WITH_EVENT_INDEX), 0);
	ck_assert(!virtqueue_enable_kicks(&queue));
}
END_TEST

START_TEST(a_ring_goes_on_where_it_was)
{
	struct guest_buffer buffer = {BUFFER, 16, true};
	uint16_t head;
	uint32_t id, written;

	for (int i = 0; i < 3; i++) {
		guest_add(&guest, 0, &buffer, 1);
		ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
		virtqueue_push(&queue, chain.head, 1);
		guest_take_used(&guest, 0, &id, &written);
	}
	head = guest_add(&guest, 0, &buffer, 1);
	start_with(0);
	virtqueue_continue(&queue, 3);
	ck_assert_uint_eq(queue.next_used, 3);
	ck_assert_uint_eq(virtqueue_waiting(&queue), 1);
	ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
	ck_assert_uint_eq(chain.head, head);
	ck_assert_uint_eq(virtqueue_waiting(&queue), 0);
	virtqueue_push(&queue, head, 5);
	ck_assert(guest_take_used(&guest, 0, &id, &written));
	ck_assert_uint_eq(written, 5);
	virtqueue_stop(&queue);
	ck_assert_uint_eq(virtqueue_waiting(&queue), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue");
	TCase *tc = tcase_create("queue");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, an_empty_queue_gives_nothing);
	tcase_add_test(tc, a_chain_is_readable_then_writable);
	tcase_add_test(tc, a_chain_as_long_as_the_queue_is_fine);
	tcase_add_test(tc, an_indirect_table_may_end_a_chain);
	tcase_add_loop_test(tc, malformed_chains_stop_the_queue, 0, ARRAY_SIZE(malformed));
	tcase_add_test(tc, an_indirect_chain_longer_than_the_queue_is_refused);
	tcase_add_test(tc, more_than_4_gib_in_a_chain_are_refused);
	tcase_add_test(tc, an_available_index_that_jumps_stops_the_queue);
	tcase_add_test(tc, more_chains_than_descriptors_stop_the_queue);
	tcase_add_test(tc, indices_wrap_and_entries_are_reused);
	tcase_add_test(tc, what_is_unpopped_comes_again);
	tcase_add_test(tc, several_chains_come_back_at_once);
	tcase_add_test(tc, interrupts_come_unless_the_guest_says_no);
	tcase_add_test(tc, interrupts_come_when_the_event_index_is_passed);
	tcase_add_test(tc, kicks_are_asked_for_by_flag);
	tcase_add_test(tc, kicks_are_asked_for_by_event_index);
	tcase_add_test(tc, kicks_are_asked_for_behind_what_is_there);
	tcase_add_loop_test(tc, rings_outside_memory_do_not_start, 0, ARRAY_SIZE(wild));
	tcase_add_test(tc, rings_may_end_where_memory_ends);
	tcase_add_test(tc, a_ring_goes_on_where_it_was);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
