/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/vhost_frontend.h"

#include "protocol/base/bytes.h"
#include "tests/unit/host/vmm/fake_back_end.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define RAM_BYTES (4ULL << 20)
#define WINDOW	  (2ULL << 20)
#define RINGS	  3

static struct fake_back_end fake;
static struct vhost_frontend *frontend;
static struct guest_memory ram;
static struct guestmem memory;
static struct vhost_ring ring[RINGS];
static const char *problem;

/* What it was asked to map, last. */
static struct {
	unsigned int maps, unmaps, copies, settles;
	uint64_t offset, length, file_offset;
	bool writable, is_file;
	int answer;
} asked;

static int map(void *owner, uint64_t offset, uint64_t length, int *fd, uint64_t file_offset,
	       bool writable)
{
	struct stat status;

	ck_assert_ptr_eq(owner, &asked);
	asked.maps++;
	asked.offset = offset;
	asked.length = length;
	asked.file_offset = file_offset;
	asked.writable = writable;
	asked.is_file = fstat(*fd, &status) == 0;
	return asked.answer;
}

static int unmap(void *owner, uint64_t offset, uint64_t length)
{
	ck_assert_ptr_eq(owner, &asked);
	asked.unmaps++;
	asked.offset = offset;
	asked.length = length;
	return asked.answer;
}

static int copy(void *owner, uint64_t gpa, uint64_t length, int memory_fd, uint64_t offset,
		bool into_guest)
{
	struct stat status;

	ck_assert_ptr_eq(owner, &asked);
	asked.copies++;
	asked.offset = gpa;
	asked.length = length;
	asked.file_offset = offset;
	asked.writable = into_guest;
	asked.is_file = fstat(memory_fd, &status) == 0;
	return asked.answer;
}

static void settle(void *owner, uint64_t device, uint64_t inode)
{
	ck_assert_ptr_eq(owner, &asked);
	asked.settles++;
	asked.offset = device;
	asked.length = inode;
}

static const struct vhost_handlers handlers = {map, unmap, copy, settle};

static void make(void)
{
	fake_init(&fake);
	memset(&asked, 0, sizeof(asked));
	memory = (struct guestmem){0};
	ck_assert_int_eq(guest_memory_new(&ram, &memory, RAM_BYTES, 0), 0);
	for (unsigned int i = 0; i < RINGS; i++) {
		uint64_t at = 0x10000 + 0x10000ULL * i;

		ring[i] = (struct vhost_ring){
			.layout = {256, at, at + 0x2000, at + 0x4000},
			.kick_fd = eventfd(0, EFD_CLOEXEC),
			.call_fd = eventfd(0, EFD_CLOEXEC),
			.error_fd = -EBADF,
		};
	}
}

static void unmake(void)
{
	vhost_frontend_free(frontend);
	frontend = NULL;
	fake_free(&fake);
	guest_memory_free(&ram);
	for (unsigned int i = 0; i < RINGS; i++) {
		close(ring[i].kick_fd);
		close(ring[i].call_fd);
	}
}

static int connect_to_fake(uint64_t window_bytes)
{
	struct vhost_setup setup = {&memory, &ram, window_bytes, &handlers, &asked};
	struct vhost_sockets sockets;

	ck_assert_int_eq(vhost_take(fake_start(&fake), &sockets), 0);
	return vhost_frontend_new(&sockets, &setup, &frontend, &problem);
}

/* --- A back end that is in order --- */

START_TEST(they_get_to_know_each_other)
{
	ck_assert_int_eq(connect_to_fake(WINDOW), 0);
	ck_assert_uint_eq(vhost_frontend_queues(frontend), 9);
	ck_assert_uint_eq(vhost_frontend_features(frontend), fake.features);
	ck_assert_int_ge(vhost_frontend_fd(frontend), 0);
	ck_assert_int_ge(vhost_frontend_requests_fd(frontend), 0);
}
END_TEST

START_TEST(without_a_window_there_are_no_requests)
{
	fake.protocol_features = FAKE_BIT(VHOST_USER_PROTOCOL_F_MQ);
	ck_assert_int_eq(connect_to_fake(0), 0);
	ck_assert_int_lt(vhost_frontend_requests_fd(frontend), 0);
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

	fake.protocol_features = kinds_of_back_ends[_i];
	fake.base[2] = 0xfffe;
	ck_assert_int_eq(connect_to_fake(0), 0);
	ring[1].layout.size = 0;
	ring[2].base = 77;
	ck_assert_int_eq(vhost_frontend_start(frontend, FAKE_BIT(VIRTIO_F_VERSION_1), ring, RINGS),
			 0);
	ck_assert_uint_eq(fake.set_features,
			  FAKE_BIT(VIRTIO_F_VERSION_1) | FAKE_BIT(VHOST_USER_F_PROTOCOL_FEATURES));
	ck_assert_uint_eq(fake.memory.count, 1);
	ck_assert_uint_eq(fake.memory.region[0].gpa, 0);
	ck_assert_uint_eq(fake.memory.region[0].size, RAM_BYTES);
	ck_assert_uint_eq(fake.memory.region[0].user, (uintptr_t)ram.mapping);
	ck_assert_uint_eq(fake.memory.region[0].offset, 0);
	ck_assert_int_eq(fstat(ram.fd, &ours) | fstat(fake.memory_fds[0], &theirs), 0);
	ck_assert_uint_eq(ours.st_ino, theirs.st_ino);
	ck_assert_uint_eq(fake.enabled[0], 1);
	ck_assert_uint_eq(fake.enabled[1], 0);
	ck_assert_uint_eq(fake.enabled[2], 1);
	ck_assert_uint_eq(fake.set_base[2], 77);
	ck_assert_uint_eq(fake.size[2], 256);
	ck_assert_uint_eq(fake.address[2].descriptors,
			  (uintptr_t)ram.mapping + ring[2].layout.descriptors);
	ck_assert_uint_eq(fake.address[2].available,
			  (uintptr_t)ram.mapping + ring[2].layout.available);
	ck_assert_uint_eq(fake.address[2].used, (uintptr_t)ram.mapping + ring[2].layout.used);
	ck_assert_int_eq(fake.kick[1], -EBADF);
	ck_assert_int_eq(vhost_frontend_stop(frontend, ring, RINGS), 0);
	ck_assert_uint_eq(fake.enabled[2], 0);
	ck_assert_uint_eq(ring[2].base, 0xfffe);
	ck_assert_int_eq(vhost_frontend_reset(frontend), 0);
}
END_TEST

START_TEST(kicks_and_interrupts_are_shared)
{
	eventfd_t count;

	ck_assert_int_eq(connect_to_fake(0), 0);
	close(ring[1].call_fd);
	ring[1].call_fd = -ENOENT;
	ck_assert_int_eq(vhost_frontend_start(frontend, 0, ring, RINGS), 0);
	eventfd_write(ring[0].kick_fd, 1);
	ck_assert_int_eq(eventfd_read(fake.kick[0], &count), 0);
	eventfd_write(fake.call[0], 1);
	ck_assert_int_eq(eventfd_read(ring[0].call_fd, &count), 0);
	ck_assert_int_lt(fake.call[1], 0);
	ring[1].call_fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_eq(vhost_frontend_set_call(frontend, 1, ring[1].call_fd), 0);
	eventfd_write(fake.call[1], 1);
	ck_assert_int_eq(eventfd_read(ring[1].call_fd, &count), 0);
}
END_TEST

START_TEST(memory_of_two_regions_is_one_file)
{
	struct guestmem two = {0};
	struct vhost_setup setup = {&two, &ram, 0, &handlers, &asked};
	struct vhost_sockets sockets;

	guestmem_add(&two, 0, ram.mapping, 1 << 20);
	guestmem_add(&two, 1ULL << 32, ram.mapping + (1 << 20), RAM_BYTES - (1 << 20));
	ck_assert_int_eq(vhost_take(fake_start(&fake), &sockets), 0);
	ck_assert_int_eq(vhost_frontend_new(&sockets, &setup, &frontend, &problem), 0);
	ck_assert_int_eq(vhost_frontend_start(frontend, 0, ring, 0), 0);
	ck_assert_uint_eq(fake.memory.count, 2);
	ck_assert_uint_eq(fake.memory.region[1].gpa, 1ULL << 32);
	ck_assert_uint_eq(fake.memory.region[1].offset, 1 << 20);
	ck_assert_int_ge(fake.memory_fds[1], 0);
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
	ck_assert_int_eq(connect_to_fake(0), 0);
	ck_assert(vhost_frontend_has_ring(frontend, &ring[0].layout));
	ck_assert(!vhost_frontend_has_ring(frontend, &bad_rings[_i]));
	ring[1].layout = bad_rings[_i];
	ck_assert_int_eq(vhost_frontend_start(frontend, 0, ring, RINGS), -EFAULT);
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
	fake.features = unfit[_i].features;
	fake.protocol_features = unfit[_i].protocol_features;
	fake.queues = unfit[_i].queues;
	fake.window_bytes = unfit[_i].window_bytes;
	ck_assert_int_eq(connect_to_fake(WINDOW), -EPROTO);
	ck_assert_ptr_nonnull(problem);
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

static int live(void)
{
	int error = connect_to_fake(WINDOW);

	if (!error)
		error = vhost_frontend_start(frontend, 0, ring, RINGS);
	if (!error)
		error = vhost_frontend_stop(frontend, ring, RINGS);
	return error ? error : vhost_frontend_reset(frontend);
}

/* Each sin that is seen without waiting, at each request. */
static const enum fake_sin quick_sins[] = {
	FAKE_HANG_UP,	FAKE_OTHER_REQUEST, FAKE_NO_REPLY_FLAG, FAKE_OTHER_VERSION,
	FAKE_TOO_SHORT, FAKE_HUGE,	    FAKE_DESCRIPTOR,	FAKE_REFUSE,
};

START_TEST(whatever_it_does_ends_in_an_error)
{
	uint32_t request = life[_i % (int)ARRAY_SIZE(life)];

	fake.sin = quick_sins[_i / (int)ARRAY_SIZE(life)];
	fake.sin_at = request;
	/* Nothing is refused by an answer with all features, or with more queues than there are. */
	if (fake.sin == FAKE_REFUSE &&
	    (request == VHOST_USER_GET_FEATURES || request == VHOST_USER_GET_PROTOCOL_FEATURES ||
	     request == VHOST_USER_GET_QUEUE_NUM || request == VHOST_USER_GET_SHMEM_CONFIG)) {
		ck_assert_int_eq(live(), 0);
		return;
	}
	ck_assert_int_lt(live(), 0);
	ck_assert(!frontend || _i % (int)ARRAY_SIZE(life) > LAST_OF_CONNECTING);
}
END_TEST

START_TEST(a_life_without_sins_goes_well)
{
	ck_assert_int_eq(live(), 0);
	ck_assert_uint_eq(fake_count(&fake, VHOST_USER_RESET_DEVICE), 1);
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
	fake.sin = slow_sins[_i].sin;
	fake.sin_at = slow_sins[_i].at;
	ck_assert_int_lt(live(), 0);
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

/* --- Its requests --- */

static int serve(void)
{
	struct pollfd wait = {.fd = vhost_frontend_requests_fd(frontend), .events = POLLIN};

	ck_assert_int_eq(poll(&wait, 1, 10000), 1);
	return vhost_frontend_serve(frontend);
}

struct question {
	uint32_t request;
	uint64_t offset, length, file_offset, flags;
	int fd;
	int64_t answer;
};

static void *ask(void *argument)
{
	struct question *question = argument;

	question->answer = fake_ask(&fake, question->request, question->offset, question->length,
				    question->fd, question->file_offset, question->flags);
	return NULL;
}

static int64_t ask_and_serve(struct question *question)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask, question), 0);
	ck_assert_int_eq(serve(), 0);
	pthread_join(thread, NULL);
	return question->answer;
}

START_TEST(files_are_mapped_on_request)
{
	struct question question = {VHOST_USER_BACKEND_SHMEM_MAP, 4096, 8192, 12288, 0, 0, 0};

	ck_assert_int_eq(connect_to_fake(WINDOW), 0);
	ck_assert_int_eq(ask_and_serve(&question), 0);
	ck_assert_uint_eq(asked.maps, 1);
	ck_assert_uint_eq(asked.offset, 4096);
	ck_assert_uint_eq(asked.length, 8192);
	ck_assert_uint_eq(asked.file_offset, 12288);
	ck_assert(!asked.writable);
	ck_assert(asked.is_file);
	question.flags = VHOST_USER_MAPPING_WRITE;
	ck_assert_int_eq(ask_and_serve(&question), 0);
	ck_assert(asked.writable);
	asked.answer = -ENOSPC;
	ck_assert_int_eq(ask_and_serve(&question), ENOSPC);
	question = (struct question){VHOST_USER_BACKEND_SHMEM_UNMAP, 0, 4096, 0, 0, -1, 0};
	asked.answer = 0;
	ck_assert_int_eq(ask_and_serve(&question), 0);
	ck_assert_uint_eq(asked.unmaps, 1);
}
END_TEST

/* The answer to a copy, of @size bytes and maybe a descriptor. */
static void *ask_to_copy(void *argument)
{
	struct question *question = argument;
	struct vhost_user_message message = {
		.header = {VHOST_USER_BACKEND_LODGE_COPY,
			   VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, question->request},
		.payload.copy = {question->offset, question->length, question->file_offset,
				 question->flags},
		.fd = {question->fd},
		.fds = question->fd >= 0,
	};

	question->answer = -1;
	if (vhost_user_send(fake.requests, &message) == 0 &&
	    vhost_user_receive(fake.requests, &message, 60000) > 0)
		question->answer = (int64_t)message.payload.number;
	return NULL;
}

static int64_t copy_and_serve(struct question question)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask_to_copy, &question), 0);
	ck_assert_int_eq(serve(), 0);
	pthread_join(thread, NULL);
	return question.answer;
}

START_TEST(what_is_in_the_window_is_copied_on_request)
{
	const uint32_t size = sizeof(struct vhost_user_copy);

	ck_assert_int_eq(connect_to_fake(WINDOW), 0);
	ck_assert_int_eq(copy_and_serve((struct question){size, 1 << 30, 8192, 12, 0, 0, 0}), 0);
	ck_assert_uint_eq(asked.copies, 1);
	ck_assert_uint_eq(asked.offset, 1 << 30);
	ck_assert_uint_eq(asked.length, 8192);
	ck_assert_uint_eq(asked.file_offset, 12);
	ck_assert(!asked.writable);
	ck_assert(asked.is_file);
	asked.answer = -EFAULT;
	ck_assert_int_eq(copy_and_serve((struct question){size, 1, 2, 3, 1, 0, 0}), EFAULT);
	ck_assert(asked.writable);
	/* Without a descriptor, or of another size. */
	ck_assert_int_eq(copy_and_serve((struct question){size, 1, 2, 3, 1, -1, 0}), EINVAL);
	ck_assert_int_eq(copy_and_serve((struct question){size - 8, 1, 2, 3, 1, 0, 0}), EINVAL);
	ck_assert_uint_eq(asked.copies, 2);
}
END_TEST

START_TEST(files_are_settled_on_request)
{
	struct vhost_user_message message = {
		.header = {VHOST_USER_BACKEND_LODGE_SETTLE,
			   VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, 16},
		.payload.file = {5, 77},
	};

	ck_assert_int_eq(connect_to_fake(WINDOW), 0);
	ck_assert_int_eq(vhost_user_send(fake.requests, &message), 0);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_gt(vhost_user_receive(fake.requests, &message, 60000), 0);
	ck_assert_uint_eq(message.payload.number, 0);
	ck_assert_uint_eq(asked.settles, 1);
	ck_assert_uint_eq(asked.offset, 5);
	ck_assert_uint_eq(asked.length, 77);
}
END_TEST

static const struct question wrong_questions[] = {
	{VHOST_USER_BACKEND_SHMEM_MAP, 0, 4096, 0, 0, -1, EINVAL},
	{VHOST_USER_BACKEND_SHMEM_UNMAP, 0, 4096, 0, 0, 0, EINVAL},
	{7, 0, 4096, 0, 0, -1, EOPNOTSUPP},
	{UINT32_MAX, 0, 4096, 0, 0, 0, EOPNOTSUPP},
};

START_TEST(wrong_questions_are_answered_so)
{
	struct question question = wrong_questions[_i];

	ck_assert_int_eq(connect_to_fake(WINDOW), 0);
	ck_assert_int_eq(ask_and_serve(&question), wrong_questions[_i].answer);
	ck_assert_uint_eq(asked.maps + asked.unmaps, 0);
}
END_TEST

/* Header, and how many bytes of payload come with it. */
static const struct {
	struct vhost_user_header header;
	size_t bytes;
	int error;
} garbage[] = {
	{{VHOST_USER_BACKEND_SHMEM_MAP, VHOST_USER_VERSION | VHOST_USER_REPLY, 8}, 8, -EPROTO},
	{{VHOST_USER_BACKEND_SHMEM_MAP, 0, 8}, 8, -EBADMSG},
	{{VHOST_USER_BACKEND_SHMEM_MAP, VHOST_USER_VERSION, UINT32_MAX}, 8, -EBADMSG},
	{{VHOST_USER_BACKEND_SHMEM_MAP, VHOST_USER_VERSION, 39}, 39, 0},
	{{VHOST_USER_BACKEND_SHMEM_UNMAP, VHOST_USER_VERSION, 0}, 0, 0},
};

START_TEST(garbage_is_not_obeyed)
{
	char bytes[256] = {0};

	ck_assert_int_eq(connect_to_fake(WINDOW), 0);
	memcpy(bytes, &garbage[_i].header, sizeof(garbage[_i].header));
	ck_assert_int_gt(
		send(fake.requests, bytes, sizeof(garbage[_i].header) + garbage[_i].bytes, 0), 0);
	ck_assert_int_eq(serve(), garbage[_i].error);
	ck_assert_uint_eq(asked.maps + asked.unmaps, 0);
}
END_TEST

START_TEST(its_end_is_seen_on_both_sockets)
{
	struct pollfd wait[2];

	ck_assert_int_eq(connect_to_fake(WINDOW), 0);
	fake_stop(&fake);
	wait[0] = (struct pollfd){.fd = vhost_frontend_fd(frontend), .events = POLLIN};
	wait[1] = (struct pollfd){.fd = vhost_frontend_requests_fd(frontend), .events = POLLIN};
	ck_assert_int_eq(poll(wait, 2, 10000), 2);
	ck_assert_int_eq(vhost_frontend_serve(frontend), -EPIPE);
	ck_assert_int_lt(vhost_frontend_start(frontend, 0, ring, RINGS), 0);
}
END_TEST

/* It asks for something before it answers: then we must not wait for each other. */
static void ask_first(struct fake_back_end *back_end, uint32_t request)
{
	if (request == VHOST_USER_GET_VRING_BASE)
		ck_assert_int_eq(
			fake_ask(back_end, VHOST_USER_BACKEND_SHMEM_UNMAP, 0, 4096, -1, 0, 0), 0);
}

START_TEST(requests_are_served_while_we_wait)
{
	fake.before = ask_first;
	ck_assert_int_eq(live(), 0);
	ck_assert_uint_eq(asked.unmaps, RINGS);
}
END_TEST

/* It asks and asks, and never answers: the limit holds. */
static void ask_for_ever(struct fake_back_end *back_end, uint32_t request)
{
	if (request == VHOST_USER_GET_VRING_BASE)
		while (fake_ask(back_end, VHOST_USER_BACKEND_SHMEM_UNMAP, 0, 4096, -1, 0, 0) == 0 &&
		       usleep(1000) == 0)
			;
}

START_TEST(requests_do_not_stretch_the_limit)
{
	fake.before = ask_for_ever;
	ck_assert_int_eq(live(), -ETIMEDOUT);
	ck_assert_uint_gt(asked.unmaps, 1);
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
	tcase_add_test(tests, files_are_mapped_on_request);
	tcase_add_test(tests, what_is_in_the_window_is_copied_on_request);
	tcase_add_test(tests, files_are_settled_on_request);
	tcase_add_loop_test(tests, wrong_questions_are_answered_so, 0, ARRAY_SIZE(wrong_questions));
	tcase_add_loop_test(tests, garbage_is_not_obeyed, 0, ARRAY_SIZE(garbage));
	tcase_add_test(tests, its_end_is_seen_on_both_sockets);
	tcase_add_test(tests, requests_are_served_while_we_wait);
	tcase_add_test(tests, requests_do_not_stretch_the_limit);
	return suite_run_case("vhost frontend", tests);
}
