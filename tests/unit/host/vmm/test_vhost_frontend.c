/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a front end and a back end get to know each other, and what rings they share. */
#include "tests/unit/host/vmm/vhost_world.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct vhost_world world;

static void make(void)
{
	vhost_world_make(&world);
}

static void unmake(void)
{
	vhost_world_unmake(&world);
}

START_TEST(they_get_to_know_each_other)
{
	ck_assert_int_eq(vhost_world_connect(&world, WINDOW), 0);
	ck_assert_uint_eq(vhost_frontend_queues(world.frontend), 9);
	ck_assert_uint_eq(vhost_frontend_features(world.frontend), world.fake.features);
	ck_assert_int_ge(vhost_frontend_fd(world.frontend), 0);
	ck_assert_int_ge(vhost_frontend_requests_fd(world.frontend), 0);
}
END_TEST

START_TEST(without_a_window_there_are_no_requests)
{
	world.fake.protocol_features = FAKE_BIT(VHOST_USER_PROTOCOL_F_MQ);
	ck_assert_int_eq(vhost_world_connect(&world, 0), 0);
	ck_assert_int_lt(vhost_frontend_requests_fd(world.frontend), 0);
}
END_TEST

/* Also one that does not acknowledge. */
static const uint64_t kinds_of_back_ends[] = {
	FAKE_BIT(VHOST_USER_PROTOCOL_F_MQ) | FAKE_BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK),
	FAKE_BIT(VHOST_USER_PROTOCOL_F_MQ),
	FAKE_BIT(VHOST_USER_PROTOCOL_F_MQ) | FAKE_BIT(VHOST_USER_PROTOCOL_F_STATUS),
};

START_TEST(rings_go_out_and_come_back)
{
	struct stat ours, theirs;

	world.fake.protocol_features = kinds_of_back_ends[_i];
	world.fake.base[2] = 0xfffe;
	ck_assert_int_eq(vhost_world_connect(&world, 0), 0);
	world.ring[1].layout.size = 0;
	world.ring[2].base = 77;
	ck_assert_int_eq(vhost_frontend_start(world.frontend, FAKE_BIT(VIRTIO_F_VERSION_1),
					      world.ring, RINGS),
			 0);
	ck_assert_uint_eq(world.fake.set_features,
			  FAKE_BIT(VIRTIO_F_VERSION_1) | FAKE_BIT(VHOST_USER_F_PROTOCOL_FEATURES));
	ck_assert_uint_eq(world.fake.memory.count, 1);
	ck_assert_uint_eq(world.fake.memory.region[0].gpa, 0);
	ck_assert_uint_eq(world.fake.memory.region[0].size, RAM_BYTES);
	ck_assert_uint_eq(world.fake.memory.region[0].user, (uintptr_t)world.ram.mapping);
	ck_assert_uint_eq(world.fake.memory.region[0].offset, 0);
	ck_assert_int_eq(fstat(world.ram.fd, &ours) | fstat(world.fake.memory_fds[0], &theirs), 0);
	ck_assert_uint_eq(ours.st_ino, theirs.st_ino);
	ck_assert_uint_eq(world.fake.enabled[0], 1);
	ck_assert_uint_eq(world.fake.enabled[1], 0);
	ck_assert_uint_eq(world.fake.enabled[2], 1);
	ck_assert_uint_eq(world.fake.set_base[2], 77);
	ck_assert_uint_eq(world.fake.size[2], 256);
	ck_assert_uint_eq(world.fake.address[2].descriptors,
			  (uintptr_t)world.ram.mapping + world.ring[2].layout.descriptors);
	ck_assert_uint_eq(world.fake.address[2].available,
			  (uintptr_t)world.ram.mapping + world.ring[2].layout.available);
	ck_assert_uint_eq(world.fake.address[2].used,
			  (uintptr_t)world.ram.mapping + world.ring[2].layout.used);
	ck_assert_int_eq(world.fake.kick[1], -EBADF);
	ck_assert_int_eq(vhost_frontend_stop(world.frontend, world.ring, RINGS), 0);
	ck_assert_uint_eq(world.fake.enabled[2], 0);
	ck_assert_uint_eq(world.ring[2].base, 0xfffe);
	ck_assert_int_eq(vhost_frontend_reset(world.frontend), 0);
}
END_TEST

START_TEST(kicks_and_interrupts_are_shared)
{
	eventfd_t count;

	ck_assert_int_eq(vhost_world_connect(&world, 0), 0);
	close(world.ring[1].call_fd);
	world.ring[1].call_fd = -ENOENT;
	ck_assert_int_eq(vhost_frontend_start(world.frontend, 0, world.ring, RINGS), 0);
	eventfd_write(world.ring[0].kick_fd, 1);
	ck_assert_int_eq(eventfd_read(world.fake.kick[0], &count), 0);
	eventfd_write(world.fake.call[0], 1);
	ck_assert_int_eq(eventfd_read(world.ring[0].call_fd, &count), 0);
	ck_assert_int_lt(world.fake.call[1], 0);
	world.ring[1].call_fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_eq(vhost_frontend_set_call(world.frontend, 1, world.ring[1].call_fd), 0);
	eventfd_write(world.fake.call[1], 1);
	ck_assert_int_eq(eventfd_read(world.ring[1].call_fd, &count), 0);
}
END_TEST

START_TEST(memory_of_two_regions_is_one_file)
{
	struct guestmem two = {0};
	struct vhost_setup setup = {&two, &world.ram, 0, &vhost_world_handlers, &world};
	struct vhost_sockets sockets;

	guestmem_add(&two, 0, world.ram.mapping, 1 << 20);
	guestmem_add(&two, 1ULL << 32, world.ram.mapping + (1 << 20), RAM_BYTES - (1 << 20));
	ck_assert_int_eq(vhost_take(fake_start(&world.fake), &sockets), 0);
	ck_assert_int_eq(vhost_frontend_new(&sockets, &setup, &world.frontend, &world.problem), 0);
	ck_assert_int_eq(vhost_frontend_start(world.frontend, 0, world.ring, 0), 0);
	ck_assert_uint_eq(world.fake.memory.count, 2);
	ck_assert_uint_eq(world.fake.memory.region[1].gpa, 1ULL << 32);
	ck_assert_uint_eq(world.fake.memory.region[1].offset, 1 << 20);
	ck_assert_int_ge(world.fake.memory_fds[1], 0);
}
END_TEST

static const struct virtqueue_layout bad_rings[] = {
	{256, RAM_BYTES - 16 * 255, 0x2000, 0x4000},
	{256, 8, 0x2000, 0x4000},
	{256, 0, 0x2001, 0x4000},
	{256, 0, RAM_BYTES - 6 - 2 * 255, 0x4000},
	{256, 0, 0x2000, 0x4002},
	{256, 0, 0x2000, RAM_BYTES - 8 * 256},
	{256, UINT64_MAX - 15, 0x2000, 0x4000},
	{512, RAM_BYTES, RAM_BYTES, RAM_BYTES},
};

START_TEST(rings_outside_memory_are_found)
{
	ck_assert_int_eq(vhost_world_connect(&world, 0), 0);
	ck_assert(vhost_frontend_has_ring(world.frontend, &world.ring[0].layout));
	ck_assert(!vhost_frontend_has_ring(world.frontend, &bad_rings[_i]));
	world.ring[1].layout = bad_rings[_i];
	ck_assert_int_eq(vhost_frontend_start(world.frontend, 0, world.ring, RINGS), -EFAULT);
}
END_TEST

/* --- One that is not --- */

static const struct {
	uint64_t features, protocol_features, queues, window_bytes;
} unfit[] = {
	{0, UINT64_MAX, 9, WINDOW},
	{FAKE_BIT(VIRTIO_F_VERSION_1), UINT64_MAX, 9, WINDOW},
	{FAKE_BIT(VHOST_USER_F_PROTOCOL_FEATURES), UINT64_MAX, 9, WINDOW},
	{UINT64_MAX, 0, 9, WINDOW},
	{UINT64_MAX, ~FAKE_BIT(VHOST_USER_PROTOCOL_F_SHMEM), 9, WINDOW},
	{UINT64_MAX, ~FAKE_BIT(VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD), 9, WINDOW},
	{UINT64_MAX, UINT64_MAX, 0, WINDOW},
	{UINT64_MAX, UINT64_MAX, 9, 0},
	{UINT64_MAX, UINT64_MAX, 9, WINDOW - 1},
};

START_TEST(what_does_not_fit_is_refused)
{
	world.fake.features = unfit[_i].features;
	world.fake.protocol_features = unfit[_i].protocol_features;
	world.fake.queues = unfit[_i].queues;
	world.fake.window_bytes = unfit[_i].window_bytes;
	ck_assert_int_eq(vhost_world_connect(&world, WINDOW), -EPROTO);
	ck_assert_ptr_nonnull(world.problem);
}
END_TEST

/* Every request of a connection's life. */
static const uint32_t life[] = {
	VHOST_USER_GET_FEATURES,   VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_GET_QUEUE_NUM,
	VHOST_USER_SET_OWNER,	   VHOST_USER_GET_SHMEM_CONFIG,	     VHOST_USER_SET_BACKEND_REQ_FD,
	VHOST_USER_SET_FEATURES,   VHOST_USER_SET_MEM_TABLE,	     VHOST_USER_SET_VRING_NUM,
	VHOST_USER_SET_VRING_BASE, VHOST_USER_SET_VRING_ADDR,	     VHOST_USER_SET_VRING_CALL,
	VHOST_USER_SET_VRING_ERR,  VHOST_USER_SET_VRING_KICK,	     VHOST_USER_SET_VRING_ENABLE,
	VHOST_USER_GET_VRING_BASE, VHOST_USER_RESET_DEVICE,
};
/* The last of them that is asked while they get to know each other. */
#define LAST_OF_CONNECTING 5

/* Each sin that is seen without waiting, at each request. */
static const enum fake_sin quick_sins[] = {
	FAKE_HANG_UP,	FAKE_OTHER_REQUEST, FAKE_NO_REPLY_FLAG, FAKE_OTHER_VERSION,
	FAKE_TOO_SHORT, FAKE_HUGE,	    FAKE_DESCRIPTOR,	FAKE_REFUSE,
};

START_TEST(whatever_it_does_ends_in_an_error)
{
	uint32_t request = life[_i % (int)ARRAY_SIZE(life)];

	world.fake.sin = quick_sins[_i / (int)ARRAY_SIZE(life)];
	world.fake.sin_at = request;
	/* Nothing is refused by an answer with all features, or with more queues than there are. */
	if (world.fake.sin == FAKE_REFUSE &&
	    (request == VHOST_USER_GET_FEATURES || request == VHOST_USER_GET_PROTOCOL_FEATURES ||
	     request == VHOST_USER_GET_QUEUE_NUM || request == VHOST_USER_GET_SHMEM_CONFIG)) {
		ck_assert_int_eq(vhost_world_live(&world), 0);
		return;
	}
	ck_assert_int_lt(vhost_world_live(&world), 0);
	ck_assert(!world.frontend || _i % (int)ARRAY_SIZE(life) > LAST_OF_CONNECTING);
}
END_TEST

START_TEST(a_life_without_sins_goes_well)
{
	ck_assert_int_eq(vhost_world_live(&world), 0);
	ck_assert_uint_eq(fake_count(&world.fake, VHOST_USER_RESET_DEVICE), 1);
}
END_TEST

/* These take the whole limit. */
static const struct {
	enum fake_sin sin;
	uint32_t at;
} slow_sins[] = {
	{FAKE_SILENCE, VHOST_USER_GET_FEATURES},
	{FAKE_SILENCE, VHOST_USER_GET_VRING_BASE},
	{FAKE_HALF, VHOST_USER_SET_MEM_TABLE},
	{FAKE_TOO_LONG, VHOST_USER_SET_FEATURES},
};

START_TEST(who_stalls_is_given_up)
{
	world.fake.sin = slow_sins[_i].sin;
	world.fake.sin_at = slow_sins[_i].at;
	ck_assert_int_lt(vhost_world_live(&world), 0);
}
END_TEST

START_TEST(no_socket_of_another_kind_is_taken)
{
	struct vhost_sockets sockets;
	int pair[2];

	ck_assert_int_eq(pipe(pair), 0);
	ck_assert_int_eq(vhost_take(pair[0], &sockets), -ENOTSOCK);
	close(pair[0]);
	close(pair[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	ck_assert_int_eq(vhost_take(pair[0], &sockets), -EPROTOTYPE);
	close(pair[0]);
	close(pair[1]);
	ck_assert_int_eq(vhost_connect("/nonexistent/socket", &sockets), -ENOENT);
	ck_assert_int_eq(vhost_take(-1, &sockets), -EBADF);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("vhost frontend");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, they_get_to_know_each_other);
	tcase_add_test(tests, without_a_window_there_are_no_requests);
	tcase_add_loop_test(tests, rings_go_out_and_come_back, 0, ARRAY_SIZE(kinds_of_back_ends));
	tcase_add_test(tests, kicks_and_interrupts_are_shared);
	tcase_add_test(tests, memory_of_two_regions_is_one_file);
	tcase_add_loop_test(tests, rings_outside_memory_are_found, 0, ARRAY_SIZE(bad_rings));
	tcase_add_loop_test(tests, what_does_not_fit_is_refused, 0, ARRAY_SIZE(unfit));
	tcase_add_loop_test(tests, whatever_it_does_ends_in_an_error, 0,
			    ARRAY_SIZE(life) * ARRAY_SIZE(quick_sins));
	tcase_add_test(tests, a_life_without_sins_goes_well);
	tcase_add_loop_test(tests, who_stalls_is_given_up, 0, ARRAY_SIZE(slow_sins));
	tcase_add_test(tests, no_socket_of_another_kind_is_taken);
	return suite_run_case("vhost frontend", tests);
}
