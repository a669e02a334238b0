/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/cleanup.h"
#include "tests/unit/shared-folders/vhost/front_end.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

static struct front_end front;
static bool up;

static void set_up(void)
{
	front_end_init(&front, 4, NULL);
	up = true;
}

static void tear_down(void)
{
	if (up)
		front_end_free(&front);
	up = false;
}

/* It hangs up by itself, and says that something was wrong. */
static void expect_refusal(void)
{
	pthread_join(front.thread, NULL);
	ck_assert_int_lt(front.result, 0);
	front.thread = pthread_self();
	vhost_backend_free(front.backend);
	up = false;
}

START_TEST(requests_are_served_in_all_queues)
{
	uint32_t written;

	front_end_bring_up(&front);
	for (unsigned int i = 0; i < 100; i++) {
		uint16_t head = front_end_request(&front, i % 2, FUSE_GETATTR, i);

		ck_assert_uint_eq(front_end_wait(&front, i % 2, &written), head);
		ck_assert_uint_eq(written, sizeof(struct fuse_out_header));
	}
}
END_TEST

START_TEST(what_has_no_answer_comes_back_empty)
{
	uint32_t written;
	uint16_t head;

	front_end_bring_up(&front);
	head = front_end_request(&front, 0, FUSE_FORGET, 1);
	ck_assert_uint_eq(front_end_wait(&front, 0, &written), head);
	ck_assert_uint_eq(written, 0);
}
END_TEST

/* How many kicks twenty of them need that come one after the other. */
static unsigned int kicks_to_forget_twenty(void)
{
	unsigned int kicks = 0;
	uint32_t written;

	for (unsigned int i = 0; i < 20; i++) {
		usleep(100);
		kicks += front_end_request_politely(&front, 0, FUSE_FORGET, i);
		front_end_wait(&front, 0, &written);
	}
	return kicks;
}

START_TEST(what_nobody_waits_for_comes_without_a_kick_for_each)
{
	unsigned int least = 20;

	front_end_bring_up(&front);
	/* On a busy machine we may be later than it waits. */
	for (unsigned int i = 0; i < 50 && least > 10; i++)
		least = MIN(least, kicks_to_forget_twenty());
	ck_assert_uint_le(least, 10);
}
END_TEST

START_TEST(what_takes_its_time_is_not_waited_for)
{
	uint32_t written;
	uint16_t slow, quick;

	front_end_bring_up(&front);
	slow = front_end_request(&front, 1, FUSE_FSYNC, 1);
	quick = front_end_request(&front, 1, FUSE_GETATTR, 2);
	ck_assert_uint_eq(front_end_wait(&front, 1, &written), quick);
	sem_post(&front.release);
	ck_assert_uint_eq(front_end_wait(&front, 1, &written), slow);
}
END_TEST

START_TEST(a_full_queue_is_emptied)
{
	bool seen[16] = {false};
	uint32_t written;

	front_end_bring_up(&front);
	for (unsigned int round = 0; round < 20; round++) {
		memset(seen, 0, sizeof(seen));
		for (unsigned int i = 0; i < 8; i++)
			front_end_request(&front, 1, FUSE_GETATTR, i);
		for (unsigned int i = 0; i < 8; i++) {
			uint32_t head = front_end_wait(&front, 1, &written);

			ck_assert_uint_lt(head, 16);
			ck_assert(!seen[head]);
			seen[head] = true;
		}
	}
}
END_TEST

static uint32_t stop_queue(unsigned int index)
{
	struct vhost_user_vring_state state = {index, 0};

	ck_assert(front_end_ask(&front, VHOST_USER_GET_VRING_BASE, &state, sizeof(state), -1));
	ck_assert_uint_eq(front.message.payload.state.index, index);
	return front.message.payload.state.number;
}

START_TEST(a_stopped_queue_goes_on_where_it_was)
{
	uint32_t written, base;
	uint16_t head;

	front_end_bring_up(&front);
	for (unsigned int i = 0; i < 3; i++) {
		front_end_request(&front, 1, FUSE_GETATTR, i);
		front_end_wait(&front, 1, &written);
	}
	base = stop_queue(1);
	ck_assert_uint_eq(base, 3);
	/* It is not served, and comes when the queue is there again. */
	head = front_end_request(&front, 1, FUSE_GETATTR, 4);
	front_end_set_up_queue(&front, 1, (uint16_t)base);
	ck_assert_uint_eq(front_end_wait(&front, 1, &written), head);
}
END_TEST

START_TEST(what_waits_for_others_outlives_a_stop)
{
	uint32_t written, base;
	uint16_t head;

	front_end_bring_up(&front);
	head = front_end_request(&front, 1, FUSE_SETLKW, 1);
	sem_wait(&front.kept_one);
	base = stop_queue(1);
	front.kept->done(front.kept, 0);
	front.kept = NULL;
	front_end_set_up_queue(&front, 1, (uint16_t)base);
	ck_assert_uint_eq(front_end_wait(&front, 1, &written), head);
}
END_TEST

START_TEST(what_waits_for_others_is_not_put_into_another_ring)
{
	uint32_t written;
	uint16_t head;

	front_end_bring_up(&front);
	front_end_request(&front, 1, FUSE_SETLKW, 1);
	sem_wait(&front.kept_one);
	stop_queue(1);
	memset(front.guest.ram + GUEST_QUEUE_BYTES, 0, GUEST_QUEUE_BYTES);
	front.guest.queue[1].size = 0;
	front_end_set_up_queue(&front, 1, 0);
	front.kept->done(front.kept, 0);
	front.kept = NULL;
	/* Had the old one been given back, it would come first and be empty. */
	head = front_end_request(&front, 1, FUSE_GETATTR, 2);
	ck_assert_uint_eq(front_end_wait(&front, 1, &written), head);
	ck_assert_uint_eq(written, sizeof(struct fuse_out_header));
}
END_TEST

START_TEST(memory_comes_and_goes_while_queues_run)
{
	struct vhost_user_one_region more = {
		.region = {0x10000000, 0x1000, FRONT_USER + 0x10000000, 0}};
	_cleanup_close_ int fd = memfd_create("more", MFD_CLOEXEC);
	uint32_t written;

	ck_assert_int_eq(ftruncate(fd, 0x1000), 0);
	front_end_bring_up(&front);
	front_end_request(&front, 1, FUSE_SETLKW, 1);
	sem_wait(&front.kept_one);
	ck_assert_uint_eq(front_end_try(&front, VHOST_USER_ADD_MEM_REG, &more, sizeof(more), fd),
			  0);
	front_end_request(&front, 1, FUSE_GETATTR, 2);
	front_end_wait(&front, 1, &written);
	ck_assert_uint_eq(front_end_try(&front, VHOST_USER_ADD_MEM_REG, &more, sizeof(more), fd),
			  1);
	ck_assert_uint_eq(front_end_try(&front, VHOST_USER_REM_MEM_REG, &more, sizeof(more), -1),
			  0);
	ck_assert_uint_eq(front_end_try(&front, VHOST_USER_REM_MEM_REG, &more, sizeof(more), -1),
			  1);
	front.kept->done(front.kept, 0);
	front.kept = NULL;
	front_end_wait(&front, 1, &written);
	ck_assert_uint_eq(written, 0);
}
END_TEST

START_TEST(a_ring_that_cannot_be_stops_and_says_so)
{
	struct vhost_user_vring_state state = {1, 0};
	struct guest_queue *queue;
	uint64_t count;
	_cleanup_close_ int error = eventfd(0, EFD_CLOEXEC);

	front_end_negotiate(&front);
	count = 1;
	ck_assert_uint_eq(
		front_end_try(&front, VHOST_USER_SET_VRING_ERR, &count, sizeof(count), error), 0);
	front_end_set_up_queue(&front, 1, 0);
	queue = &front.guest.queue[1];
	store_le16((uint8_t *)guest_at(&front.guest, queue->available) + 2, 100);
	count = 1;
	ck_assert_int_eq(write(front.kick[1], &count, sizeof(count)), sizeof(count));
	ck_assert_int_eq(read(error, &count, sizeof(count)), sizeof(count));
	/* The connection is well. */
	ck_assert(front_end_ask(&front, VHOST_USER_GET_VRING_BASE, &state, sizeof(state), -1));
}
END_TEST

/* What is in there is nobody's business but the guest's: its queue goes on. */
START_TEST(a_buffer_elsewhere_fails_one_request)
{
	struct fuse_in_header header = {.len = sizeof(header), .opcode = FUSE_READ, .unique = 77};
	struct guest_buffer buffers[] = {
		{GUEST_BUFFERS_AT, sizeof(header), false},
		{GUEST_BUFFERS_AT + 128, 16, true},
		{1ULL << 40, 4096, true},
	};
	struct fuse_out_header answer;
	uint64_t one = 1;
	uint32_t written;
	uint16_t head;

	front_end_bring_up(&front);
	memcpy(guest_at(&front.guest, GUEST_BUFFERS_AT), &header, sizeof(header));
	head = guest_add(&front.guest, 1, buffers, 3);
	ck_assert_int_eq(write(front.kick[1], &one, sizeof(one)), sizeof(one));
	ck_assert_uint_eq(front_end_wait(&front, 1, &written), head);
	ck_assert_uint_eq(written, sizeof(answer));
	memcpy(&answer, guest_at(&front.guest, GUEST_BUFFERS_AT + 128), sizeof(answer));
	ck_assert_int_eq(answer.error, -EFAULT);
	ck_assert_uint_eq(answer.unique, 77);
	/* One without room for an answer comes back without. */
	buffers[1].gpa = 1ULL << 41;
	head = guest_add(&front.guest, 1, buffers, 3);
	ck_assert_int_eq(write(front.kick[1], &one, sizeof(one)), sizeof(one));
	ck_assert_uint_eq(front_end_wait(&front, 1, &written), head);
	ck_assert_uint_eq(written, 0);
	head = front_end_request(&front, 1, FUSE_GETATTR, 2);
	ck_assert_uint_eq(front_end_wait(&front, 1, &written), head);
}
END_TEST

/* --- Hostile --- */

START_TEST(memory_that_cannot_be_is_refused)
{
	static const struct vhost_user_region bad[] = {
		{0, 0, 0, 0},
		{0, GUEST_RAM_BYTES + 1, 0, 0},
		{0, 4096, 0, GUEST_RAM_BYTES},
		{0, 4096, 0, UINT64_MAX - 4095},
		{0, UINT64_MAX, 0, 1},
		{UINT64_MAX, 4096, 0, 0},
		{0, 4096, UINT64_MAX, 0},
		{GUEST_RAM_AT, 4096, 0, 0},
		{GUEST_RAM_AT + GUEST_RAM_BYTES - 1, 4096, 0, 0},
	};

	front_end_negotiate(&front);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vhost_user_one_region one = {.region = bad[i]};

		ck_assert_uint_eq(front_end_try(&front, VHOST_USER_ADD_MEM_REG, &one, sizeof(one),
						front.memory),
				  1);
	}
}
END_TEST

START_TEST(there_are_no_more_pieces_of_memory_than_the_slots_said)
{
	struct vhost_user_one_region one = {.region = {1ULL << 32, 4096, FRONT_USER * 2, 0}};
	uint64_t slots;

	front_end_negotiate(&front);
	ck_assert(front_end_ask(&front, VHOST_USER_GET_MAX_MEM_SLOTS, NULL, 0, -1));
	slots = front.message.payload.number;
	for (uint64_t i = 1; i <= slots; i++, one.region.gpa += 4096, one.region.user += 4096)
		ck_assert_uint_eq(front_end_try(&front, VHOST_USER_ADD_MEM_REG, &one, sizeof(one),
						front.memory),
				  i == slots);
}
END_TEST

static const struct {
	uint32_t request;
	uint32_t size;
	bool with_fd;
	uint64_t payload[5];
} hostile[] = {
	{0, 0, false, {0}},
	{VHOST_USER_GET_SHMEM_CONFIG, 0, false, {0}},
	{UINT32_MAX, 0, false, {0}},
	{VHOST_USER_SET_FEATURES, 4, false, {0}},
	{VHOST_USER_SET_FEATURES, 8, false, {1ULL << VHOST_USER_F_LOG_ALL}},
	{VHOST_USER_SET_PROTOCOL_FEATURES, 8, false, {UINT64_MAX}},
	{VHOST_USER_SET_MEM_TABLE, 8, true, {0}},
	{VHOST_USER_SET_MEM_TABLE, 8, false, {9}},
	{VHOST_USER_SET_MEM_TABLE, 40, false, {1}},
	{VHOST_USER_SET_MEM_TABLE, 40, true, {UINT32_MAX}},
	{VHOST_USER_SET_MEM_TABLE, 0, false, {0}},
	{VHOST_USER_SET_VRING_NUM, 8, false, {VHOST_MAX_QUEUES}},
	{VHOST_USER_SET_VRING_NUM, 8, false, {3ULL << 32}},
	{VHOST_USER_SET_VRING_NUM, 8, false, {2048ULL << 32}},
	{VHOST_USER_SET_VRING_NUM, 8, false, {0}},
	{VHOST_USER_SET_VRING_BASE, 8, false, {65536ULL << 32}},
	{VHOST_USER_GET_VRING_BASE, 8, false, {UINT32_MAX}},
	{VHOST_USER_SET_VRING_ENABLE, 8, false, {UINT32_MAX | 1ULL << 32}},
	{VHOST_USER_SET_VRING_KICK, 8, false, {0}},
	{VHOST_USER_SET_VRING_KICK, 8, false, {VHOST_USER_VRING_NO_FD}},
	{VHOST_USER_SET_VRING_KICK, 8, true, {VHOST_USER_VRING_NO_FD}},
	{VHOST_USER_SET_VRING_CALL, 8, true, {0xff}},
	{VHOST_USER_SET_VRING_CALL, 8, true, {0x200}},
	{VHOST_USER_SET_BACKEND_REQ_FD, 0, true, {0}},
	{VHOST_USER_GET_MAX_MEM_SLOTS, 0, false, {0}}, /* was not negotiated */
	{VHOST_USER_GET_CONFIG, 12, false, {0}},
};

/* Nothing was negotiated, so it cannot say no: it hangs up. */
START_TEST(messages_that_cannot_be_end_the_connection)
{
	front_end_say(&front, hostile[_i].request, 0, hostile[_i].payload, hostile[_i].size,
		      hostile[_i].with_fd ? front.memory : -1);
	if (hostile[_i].request == VHOST_USER_GET_CONFIG) {
		ck_assert(vhost_user_receive(front.socket, &front.message, -1) == 1);
		ck_assert_uint_eq(front.message.header.size, 0);
		return;
	}
	expect_refusal();
}
END_TEST

START_TEST(a_reply_that_nobody_wanted_ends_the_connection)
{
	front_end_say(&front, VHOST_USER_GET_FEATURES, VHOST_USER_REPLY, NULL, 0, -1);
	expect_refusal();
}
END_TEST

START_TEST(rings_outside_memory_do_not_start)
{
	struct vhost_user_vring_address address = {
		.index = 1, .descriptors = 1, .available = FRONT_USER, .used = FRONT_USER};
	uint64_t number = 1;
	struct vhost_user_vring_state state = {1, 256};

	front_end_negotiate(&front);
	ck_assert_uint_eq(
		front_end_try(&front, VHOST_USER_SET_VRING_NUM, &state, sizeof(state), -1), 0);
	ck_assert_uint_eq(
		front_end_try(&front, VHOST_USER_SET_VRING_ADDR, &address, sizeof(address), -1), 0);
	ck_assert_uint_eq(front_end_try(&front, VHOST_USER_SET_VRING_KICK, &number, sizeof(number),
					front.kick[1]),
			  0);
	ck_assert_uint_eq(
		front_end_try(&front, VHOST_USER_SET_VRING_ENABLE, &state, sizeof(state), -1), 1);
	/* Begins in memory and does not end there. */
	address.descriptors = FRONT_USER + GUEST_RAM_BYTES - 4080;
	ck_assert_uint_eq(
		front_end_try(&front, VHOST_USER_SET_VRING_ADDR, &address, sizeof(address), -1), 1);
	address.descriptors = FRONT_USER + 8;
	ck_assert_uint_eq(
		front_end_try(&front, VHOST_USER_SET_VRING_ADDR, &address, sizeof(address), -1), 1);
}
END_TEST

START_TEST(a_device_is_reset)
{
	uint32_t written;

	front_end_bring_up(&front);
	front_end_request(&front, 1, FUSE_GETATTR, 1);
	front_end_wait(&front, 1, &written);
	ck_assert_uint_eq(front_end_try(&front, VHOST_USER_RESET_DEVICE, NULL, 0, -1), 0);
	memset(front.guest.ram, 0, (size_t)2 * GUEST_QUEUE_BYTES);
	memset(front.guest.queue, 0, sizeof(front.guest.queue));
	front_end_bring_up(&front);
	front_end_request(&front, 1, FUSE_GETATTR, 1);
	front_end_wait(&front, 1, &written);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backend");
	TCase *tc = tcase_create("backend");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, requests_are_served_in_all_queues);
	tcase_add_test(tc, what_has_no_answer_comes_back_empty);
	tcase_add_test(tc, what_nobody_waits_for_comes_without_a_kick_for_each);
	tcase_add_test(tc, what_takes_its_time_is_not_waited_for);
	tcase_add_test(tc, a_full_queue_is_emptied);
	tcase_add_test(tc, a_stopped_queue_goes_on_where_it_was);
	tcase_add_test(tc, what_waits_for_others_outlives_a_stop);
	tcase_add_test(tc, what_waits_for_others_is_not_put_into_another_ring);
	tcase_add_test(tc, memory_comes_and_goes_while_queues_run);
	tcase_add_test(tc, a_ring_that_cannot_be_stops_and_says_so);
	tcase_add_test(tc, a_buffer_elsewhere_fails_one_request);
	tcase_add_test(tc, memory_that_cannot_be_is_refused);
	tcase_add_test(tc, there_are_no_more_pieces_of_memory_than_the_slots_said);
	tcase_add_loop_test(tc, messages_that_cannot_be_end_the_connection, 0, ARRAY_SIZE(hostile));
	tcase_add_test(tc, a_reply_that_nobody_wanted_ends_the_connection);
	tcase_add_test(tc, rings_outside_memory_do_not_start);
	tcase_add_test(tc, a_device_is_reset);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
