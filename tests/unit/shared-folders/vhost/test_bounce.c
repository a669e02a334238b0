/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/bounce.h"

#include "protocol/base/bytes.h"
#include "protocol/virtqueue/vhost_user.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW_AT 0x800000000ULL
#define HEADERS	  (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))

/* A machine whose window is a little memory. */
static struct vhost_window *window;
static pthread_t machine;
static int socket_of_machine;
static uint8_t seen[8192];
static unsigned int copies, refuse_after;

static int copy(const struct vhost_user_message *message)
{
	const struct vhost_user_copy *wanted = &message->payload.copy;
	uint8_t *bytes = seen + (wanted->gpa - WINDOW_AT);
	ssize_t done;

	ck_assert_uint_eq(message->header.request, VHOST_USER_BACKEND_LODGE_COPY);
	ck_assert_uint_eq(message->header.size, sizeof(*wanted));
	ck_assert_uint_eq(message->fds, 1);
	if (copies++ >= refuse_after || wanted->gpa < WINDOW_AT ||
	    wanted->gpa - WINDOW_AT > sizeof(seen) ||
	    wanted->length > sizeof(seen) - (wanted->gpa - WINDOW_AT))
		return 1;
	done = wanted->flags & VHOST_USER_COPY_INTO_GUEST
		       ? pread(message->fd[0], bytes, wanted->length, (off_t)wanted->offset)
		       : pwrite(message->fd[0], bytes, wanted->length, (off_t)wanted->offset);
	ck_assert_int_eq(done, wanted->length);
	return 0;
}

static void *run(void *owner)
{
	struct vhost_user_message message;

	(void)owner;
	while (vhost_user_receive(socket_of_machine, &message, -1) > 0) {
		int result = copy(&message);

		vhost_user_close(&message);
		message.payload.number = (uint64_t)result;
		vhost_user_reply(&message, sizeof(message.payload.number));
		ck_assert_int_eq(vhost_user_send(socket_of_machine, &message), 0);
	}
	return NULL;
}

/* A request, in pieces of which some are where we cannot be. */
static uint8_t headers[HEADERS], answer[sizeof(struct fuse_out_header)];
static struct iovec iov[8];
static uint64_t gpa[8];
static struct server_call call;
static struct vhost_bounce bounce;

static void begin_request(uint32_t opcode)
{
	struct fuse_in_header header = {.opcode = opcode};

	memcpy(headers, &header, sizeof(header));
	memset(answer, 0, sizeof(answer));
	iov[0] = (struct iovec){headers, HEADERS};
	call = (struct server_call){.in = iov, .in_count = 1, .out = iov + 1, .out_count = 0};
}

static void add(bool out, void *base, size_t length, uint64_t at)
{
	size_t count = call.in_count + call.out_count;

	iov[count] = (struct iovec){base, length};
	gpa[count] = at;
	if (out) {
		call.out_count++;
	} else {
		call.in_count++;
		call.out = iov + call.in_count;
	}
}

static void set_up(void)
{
	int pair[2];

	for (size_t i = 0; i < sizeof(seen); i++)
		seen[i] = (uint8_t)(i * 7);
	copies = 0;
	refuse_after = UINT32_MAX;
	bounce = (struct vhost_bounce){0};
	window = vhost_window_new(64U << 20);
	ck_assert_ptr_nonnull(window);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	socket_of_machine = pair[0];
	ck_assert_int_eq(pthread_create(&machine, NULL, run, NULL), 0);
	vhost_window_connect(window, pair[1], true);
}

static void tear_down(void)
{
	vhost_window_free(window);
	pthread_join(machine, NULL);
	close(socket_of_machine);
}

START_TEST(what_is_written_from_the_window_is_fetched)
{
	uint8_t here[16] = "of the guest";

	begin_request(FUSE_WRITE);
	add(false, NULL, 100, WINDOW_AT + 50);
	add(false, here, sizeof(here), 0);
	add(false, NULL, 1000, WINDOW_AT + 4096);
	add(true, answer, sizeof(answer), 0);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), 0);
	ck_assert_mem_eq(iov[1].iov_base, seen + 50, 100);
	ck_assert_ptr_eq(iov[2].iov_base, here);
	ck_assert_mem_eq(iov[3].iov_base, seen + 4096, 1000);
	ck_assert_uint_eq(vhost_bounce_end(&bounce, &call, 16), 16);
	ck_assert_uint_eq(copies, 2);
	ck_assert_ptr_null(bounce.bytes);
}
END_TEST

START_TEST(what_is_read_goes_there_as_far_as_it_was)
{
	uint8_t before = seen[2000 + 70];

	begin_request(FUSE_READ);
	add(true, answer, sizeof(answer), 0);
	add(true, NULL, 100, WINDOW_AT);
	add(true, NULL, 100, WINDOW_AT + 2000);
	add(true, NULL, 100, WINDOW_AT + 4000);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), 0);
	memset(iov[2].iov_base, 1, 100);
	memset(iov[3].iov_base, 2, 100);
	ck_assert_uint_eq(vhost_bounce_end(&bounce, &call, 16 + 100 + 70), 186);
	ck_assert_uint_eq(copies, 2);
	ck_assert_uint_eq(seen[0], 1);
	ck_assert_uint_eq(seen[99], 1);
	ck_assert_uint_eq(seen[2000], 2);
	ck_assert_uint_eq(seen[2069], 2);
	ck_assert_uint_eq(seen[2070], before);
}
END_TEST

START_TEST(a_page_that_is_gone_meanwhile_is_said)
{
	struct fuse_out_header said = {.len = 116, .unique = 77};

	refuse_after = 0;
	begin_request(FUSE_READ);
	add(true, answer, sizeof(answer), 0);
	add(true, NULL, 100, WINDOW_AT);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), 0);
	memcpy(answer, &said, sizeof(said));
	ck_assert_uint_eq(vhost_bounce_end(&bounce, &call, 116), sizeof(said));
	memcpy(&said, answer, sizeof(said));
	ck_assert_int_eq(said.error, -EFAULT);
	ck_assert_uint_eq(said.len, sizeof(said));
	ck_assert_uint_eq(said.unique, 77);
}
END_TEST

START_TEST(what_is_not_in_the_window_is_refused)
{
	begin_request(FUSE_WRITE);
	add(false, NULL, 100, 0x10);
	add(true, answer, sizeof(answer), 0);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), -EIO);
	ck_assert_ptr_null(bounce.bytes);
	ck_assert_uint_eq(vhost_bounce_end(&bounce, &call, 16), 16);
}
END_TEST

START_TEST(only_data_takes_the_detour)
{
	begin_request(FUSE_SETLKW);
	add(false, NULL, 100, WINDOW_AT);
	add(true, answer, sizeof(answer), 0);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), -EFAULT);
	/* Headers in the window. */
	begin_request(FUSE_READ);
	add(true, NULL, 100, WINDOW_AT);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), -EFAULT);
	begin_request(FUSE_READ);
	iov[0].iov_base = NULL;
	add(true, answer, sizeof(answer), 0);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), -EFAULT);
	/* More than any request has. */
	begin_request(FUSE_WRITE);
	add(false, NULL, VHOST_BOUNCE_MAX + 1, WINDOW_AT);
	add(true, answer, sizeof(answer), 0);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), -EFAULT);
	ck_assert_uint_eq(copies, 0);
}
END_TEST

START_TEST(without_a_window_or_a_front_end_that_copies_it_is_refused)
{
	begin_request(FUSE_WRITE);
	add(false, NULL, 100, WINDOW_AT);
	add(true, answer, sizeof(answer), 0);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, NULL, &call, iov, gpa), -EFAULT);
	vhost_window_connect(window, -EBADF, false);
	ck_assert_int_eq(vhost_bounce_begin(&bounce, window, &call, iov, gpa), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bounce");
	TCase *tc = tcase_create("bounce");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, what_is_written_from_the_window_is_fetched);
	tcase_add_test(tc, what_is_read_goes_there_as_far_as_it_was);
	tcase_add_test(tc, a_page_that_is_gone_meanwhile_is_said);
	tcase_add_test(tc, what_is_not_in_the_window_is_refused);
	tcase_add_test(tc, only_data_takes_the_detour);
	tcase_add_test(tc, without_a_window_or_a_front_end_that_copies_it_is_refused);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
