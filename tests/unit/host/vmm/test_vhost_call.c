/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a back end asks of its front end, right and wrong, and when. */
#include "tests/unit/host/vmm/vhost_world.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
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

static int serve(void)
{
	struct pollfd wait = {.fd = vhost_frontend_requests_fd(world.frontend), .events = POLLIN};

	ck_assert_int_eq(poll(&wait, 1, 10000), 1);
	return vhost_frontend_serve(world.frontend);
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

	question->answer =
		fake_ask(&world.fake, question->request, question->offset, question->length,
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

	ck_assert_int_eq(vhost_world_connect(&world, WINDOW), 0);
	ck_assert_int_eq(ask_and_serve(&question), 0);
	ck_assert_uint_eq(world.asked.maps, 1);
	ck_assert_uint_eq(world.asked.offset, 4096);
	ck_assert_uint_eq(world.asked.length, 8192);
	ck_assert_uint_eq(world.asked.file_offset, 12288);
	ck_assert(!world.asked.writable);
	ck_assert(world.asked.is_file);
	question.flags = VHOST_USER_MAPPING_WRITE;
	ck_assert_int_eq(ask_and_serve(&question), 0);
	ck_assert(world.asked.writable);
	world.asked.answer = -ENOSPC;
	ck_assert_int_eq(ask_and_serve(&question), ENOSPC);
	question = (struct question){VHOST_USER_BACKEND_SHMEM_UNMAP, 0, 4096, 0, 0, -1, 0};
	world.asked.answer = 0;
	ck_assert_int_eq(ask_and_serve(&question), 0);
	ck_assert_uint_eq(world.asked.unmaps, 1);
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
	if (vhost_user_send(world.fake.requests, &message) == 0 &&
	    vhost_user_receive(world.fake.requests, &message, 60000) > 0)
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

	ck_assert_int_eq(vhost_world_connect(&world, WINDOW), 0);
	ck_assert_int_eq(copy_and_serve((struct question){size, 1 << 30, 8192, 12, 0, 0, 0}), 0);
	ck_assert_uint_eq(world.asked.copies, 1);
	ck_assert_uint_eq(world.asked.offset, 1 << 30);
	ck_assert_uint_eq(world.asked.length, 8192);
	ck_assert_uint_eq(world.asked.file_offset, 12);
	ck_assert(!world.asked.writable);
	ck_assert(world.asked.is_file);
	world.asked.answer = -EFAULT;
	ck_assert_int_eq(copy_and_serve((struct question){size, 1, 2, 3, 1, 0, 0}), EFAULT);
	ck_assert(world.asked.writable);
	/* Without a descriptor, or of another size. */
	ck_assert_int_eq(copy_and_serve((struct question){size, 1, 2, 3, 1, -1, 0}), EINVAL);
	ck_assert_int_eq(copy_and_serve((struct question){size - 8, 1, 2, 3, 1, 0, 0}), EINVAL);
	ck_assert_uint_eq(world.asked.copies, 2);
}
END_TEST

START_TEST(files_are_settled_on_request)
{
	struct vhost_user_message message = {
		.header = {VHOST_USER_BACKEND_LODGE_SETTLE,
			   VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, 16},
		.payload.file = {5, 77},
	};

	ck_assert_int_eq(vhost_world_connect(&world, WINDOW), 0);
	ck_assert_int_eq(vhost_user_send(world.fake.requests, &message), 0);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_gt(vhost_user_receive(world.fake.requests, &message, 60000), 0);
	ck_assert_uint_eq(message.payload.number, 0);
	ck_assert_uint_eq(world.asked.settles, 1);
	ck_assert_uint_eq(world.asked.offset, 5);
	ck_assert_uint_eq(world.asked.length, 77);
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

	ck_assert_int_eq(vhost_world_connect(&world, WINDOW), 0);
	ck_assert_int_eq(ask_and_serve(&question), wrong_questions[_i].answer);
	ck_assert_uint_eq(world.asked.maps + world.asked.unmaps, 0);
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

	ck_assert_int_eq(vhost_world_connect(&world, WINDOW), 0);
	memcpy(bytes, &garbage[_i].header, sizeof(garbage[_i].header));
	ck_assert_int_gt(
		send(world.fake.requests, bytes, sizeof(garbage[_i].header) + garbage[_i].bytes, 0),
		0);
	ck_assert_int_eq(serve(), garbage[_i].error);
	ck_assert_uint_eq(world.asked.maps + world.asked.unmaps, 0);
}
END_TEST

START_TEST(its_end_is_seen_on_both_sockets)
{
	struct pollfd wait[2];

	ck_assert_int_eq(vhost_world_connect(&world, WINDOW), 0);
	fake_stop(&world.fake);
	wait[0] = (struct pollfd){.fd = vhost_frontend_fd(world.frontend), .events = POLLIN};
	wait[1] =
		(struct pollfd){.fd = vhost_frontend_requests_fd(world.frontend), .events = POLLIN};
	ck_assert_int_eq(poll(wait, 2, 10000), 2);
	ck_assert_int_eq(vhost_frontend_serve(world.frontend), -EPIPE);
	ck_assert_int_lt(vhost_frontend_start(world.frontend, 0, world.ring, RINGS), 0);
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
	world.fake.before = ask_first;
	ck_assert_int_eq(vhost_world_live(&world), 0);
	ck_assert_uint_eq(world.asked.unmaps, RINGS);
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
	world.fake.before = ask_for_ever;
	ck_assert_int_eq(vhost_world_live(&world), -ETIMEDOUT);
	ck_assert_uint_gt(world.asked.unmaps, 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("vhost call");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, files_are_mapped_on_request);
	tcase_add_test(tests, what_is_in_the_window_is_copied_on_request);
	tcase_add_test(tests, files_are_settled_on_request);
	tcase_add_loop_test(tests, wrong_questions_are_answered_so, 0, ARRAY_SIZE(wrong_questions));
	tcase_add_loop_test(tests, garbage_is_not_obeyed, 0, ARRAY_SIZE(garbage));
	tcase_add_test(tests, its_end_is_seen_on_both_sockets);
	tcase_add_test(tests, requests_are_served_while_we_wait);
	tcase_add_test(tests, requests_do_not_stretch_the_limit);
	return suite_run_case("vhost call", tests);
}
