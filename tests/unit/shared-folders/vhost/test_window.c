/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/window.h"
#include "tests/unit/shared-folders/vhost/front_end.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define MIB	    (1U << 20)
#define WINDOW_SIZE (64 * MIB)

/* A machine that keeps a list of what it did, and says no where it is told to. */
static struct vhost_window *window;
static struct server_window ops;
static pthread_t machine;
static int socket_of_machine, socket_of_window;
static struct vhost_user_message asked[16];
static bool had_file[16];
static atomic_uint count; /* read while the machine may still run */
static uint64_t answer;
static bool maps_nothing_over; /* as the text has it */
static unsigned int mapped;    /* where maps_nothing_over: at most one is told apart */
static enum { WELL, HANGS_UP, ANOTHER_REQUEST, TOO_LONG, WITH_DESCRIPTOR } manner;

static void reply(struct vhost_user_message *message)
{
	bool maps = message->header.request == VHOST_USER_BACKEND_SHMEM_MAP;

	message->payload.number = answer;
	if (maps_nothing_over && maps && mapped)
		message->payload.number = 1;
	else
		mapped = maps;
	vhost_user_reply(message, sizeof(answer));
	switch (manner) {
	case ANOTHER_REQUEST:
		message->header.request++;
		break;
	case TOO_LONG:
		message->header.size = 16;
		break;
	case WITH_DESCRIPTOR:
		message->fd[0] = socket_of_machine;
		message->fds = 1;
		break;
	default:
		break;
	}
	ck_assert_int_eq(vhost_user_send(socket_of_machine, message), 0);
}

static void *run(void *owner)
{
	struct vhost_user_message message;

	(void)owner;
	while (vhost_user_receive(socket_of_machine, &message, -1) > 0) {
		had_file[count] = message.fds == 1;
		asked[count++] = message;
		if (manner == HANGS_UP)
			shutdown(socket_of_machine, SHUT_RDWR);
		else
			reply(&message);
		vhost_user_close(&message);
	}
	return NULL;
}

static void set_up(void)
{
	int pair[2];

	count = mapped = 0;
	maps_nothing_over = false;
	answer = 0;
	manner = WELL;
	window = vhost_window_new(WINDOW_SIZE);
	ck_assert_ptr_nonnull(window);
	vhost_window_describe(window, &ops);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	socket_of_machine = pair[0];
	socket_of_window = pair[1];
	ck_assert_int_eq(pthread_create(&machine, NULL, run, NULL), 0);
	vhost_window_connect(window, socket_of_window, true);
}

static void tear_down(void)
{
	vhost_window_free(window);
	pthread_join(machine, NULL);
	close(socket_of_machine);
}

static int map(uint64_t offset, uint64_t length)
{
	return ops.map(ops.owner, 0, 0, offset, length, 0);
}

START_TEST(a_file_is_mapped_and_taken_away)
{
	ck_assert_int_eq(
		ops.map(ops.owner, 0, 4 * MIB, 2 * MIB, 2 * MIB, FUSE_SETUPMAPPING_FLAG_WRITE), 0);
	ck_assert_uint_eq(asked[0].header.request, VHOST_USER_BACKEND_SHMEM_MAP);
	ck_assert_uint_eq(asked[0].payload.mapping.id, VIRTIO_FS_SHMCAP_ID_CACHE);
	ck_assert_uint_eq(asked[0].payload.mapping.file_offset, 4 * MIB);
	ck_assert_uint_eq(asked[0].payload.mapping.offset, 2 * MIB);
	ck_assert_uint_eq(asked[0].payload.mapping.length, 2 * MIB);
	ck_assert_uint_eq(asked[0].payload.mapping.flags, VHOST_USER_MAPPING_WRITE);
	ck_assert(had_file[0]);
	ck_assert_int_eq(ops.unmap(ops.owner, 2 * MIB, 2 * MIB), 0);
	ck_assert_uint_eq(asked[1].header.request, VHOST_USER_BACKEND_SHMEM_UNMAP);
	ck_assert_uint_eq(asked[1].payload.mapping.offset, 2 * MIB);
	ck_assert(!had_file[1]);
	ck_assert_int_eq(ops.unmap(ops.owner, 2 * MIB, 2 * MIB), 0);
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(what_is_in_the_way_is_replaced)
{
	ck_assert_int_eq(map(0, 2 * MIB), 0);
	ck_assert_int_eq(map(4 * MIB, 2 * MIB), 0);
	ck_assert_int_eq(map(2 * MIB, 2 * MIB), 0);
	ck_assert_int_eq(map(2 * MIB, 2 * MIB), 0);
	/* All three by one, and one is left. */
	ck_assert_int_eq(map(0, 8 * MIB), 0);
	ck_assert_uint_eq(count, 5);
	ck_assert_int_eq(ops.unmap(ops.owner, 0, UINT64_MAX), 0);
	ck_assert_uint_eq(count, 6);
	ck_assert_uint_eq(asked[5].payload.mapping.length, 8 * MIB);
}
END_TEST

START_TEST(what_is_in_the_way_is_taken_away_where_it_has_to)
{
	maps_nothing_over = true;
	ck_assert_int_eq(map(2 * MIB, 2 * MIB), 0);
	ck_assert_int_eq(map(2 * MIB, 2 * MIB), 0);
	ck_assert_uint_eq(count, 4);
	ck_assert_uint_eq(asked[1].header.request, VHOST_USER_BACKEND_SHMEM_MAP);
	ck_assert_uint_eq(asked[2].header.request, VHOST_USER_BACKEND_SHMEM_UNMAP);
	ck_assert_uint_eq(asked[2].payload.mapping.offset, 2 * MIB);
	ck_assert_uint_eq(asked[3].header.request, VHOST_USER_BACKEND_SHMEM_MAP);
	ck_assert(had_file[3]);
}
END_TEST

START_TEST(all_goes_by_one_length)
{
	ck_assert_int_eq(map(0, 2 * MIB), 0);
	ck_assert_int_eq(map(WINDOW_SIZE - 2 * MIB, 2 * MIB), 0);
	ck_assert_int_eq(ops.unmap(ops.owner, 0, UINT64_MAX), 0);
	ck_assert_uint_eq(count, 4);
}
END_TEST

START_TEST(nothing_is_cut)
{
	ck_assert_int_eq(map(2 * MIB, 4 * MIB), 0);
	ck_assert_int_eq(map(4 * MIB, 2 * MIB), -EINVAL);
	ck_assert_int_eq(map(0, 4 * MIB), -EINVAL);
	ck_assert_int_eq(ops.unmap(ops.owner, 2 * MIB, 2 * MIB), -EINVAL);
	ck_assert_uint_eq(count, 1);
}
END_TEST

static const struct {
	uint64_t file_offset, offset, length;
} wild[] = {
	{0, 0, 0},
	{0, 1, 4096},
	{0, 0, 4095},
	{1, 0, 4096},
	{0, WINDOW_SIZE, 4096},
	{0, WINDOW_SIZE - 4096, 8192},
	{0, UINT64_MAX - 4095, 4096},
	{0, 4096, UINT64_MAX - 4095},
	{UINT64_MAX - 4095, 0, 4096},
	{INT64_MAX - 4095, 0, 8192},
};

START_TEST(nothing_is_mapped_elsewhere)
{
	ck_assert_int_eq(
		ops.map(ops.owner, 0, wild[_i].file_offset, wild[_i].offset, wild[_i].length, 0),
		-EINVAL);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(a_machine_that_cannot_is_asked_again)
{
	answer = 1;
	ck_assert_int_eq(map(0, 2 * MIB), -EIO);
	answer = 0;
	ck_assert_int_eq(map(0, 2 * MIB), 0);
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(a_machine_that_misbehaves_is_not)
{
	manner = (typeof(manner))_i;
	ck_assert_int_eq(map(0, 2 * MIB), -EIO);
	ck_assert_int_eq(map(0, 2 * MIB), -EOPNOTSUPP);
	ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(a_file_is_settled)
{
	ops.settle(ops.owner, 0x801, 12345);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(asked[0].header.request, VHOST_USER_BACKEND_LODGE_SETTLE);
	ck_assert_uint_eq(asked[0].header.size, sizeof(struct vhost_user_file));
	ck_assert_uint_eq(asked[0].payload.file.device, 0x801);
	ck_assert_uint_eq(asked[0].payload.file.inode, 12345);
	ck_assert(!had_file[0]);
}
END_TEST

START_TEST(another_machine_has_nothing_mapped)
{
	ck_assert_int_eq(map(0, 2 * MIB), 0);
	vhost_window_connect(window, -EBADF, false);
	ck_assert_int_eq(map(2 * MIB, 2 * MIB), -EOPNOTSUPP);
	ck_assert_int_eq(ops.unmap(ops.owner, 0, 2 * MIB), 0);
}
END_TEST

/* --- Through the back end --- */

START_TEST(a_front_end_learns_of_it_and_is_asked)
{
	static struct front_end front;
	int pair[2];

	front_end_init(&front, 0, window);
	front_end_negotiate(&front);
	ck_assert(front_end_ask(&front, VHOST_USER_GET_SHMEM_CONFIG, NULL, 0, -1));
	ck_assert_uint_eq(front.message.payload.shmem.count, 1);
	ck_assert_uint_eq(front.message.payload.shmem.size[VIRTIO_FS_SHMCAP_ID_CACHE], WINDOW_SIZE);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_uint_eq(front_end_try(&front, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0, pair[1]),
			  0);
	close(pair[1]);
	/* The one of before is closed, so its machine ends; this one is the machine now. */
	pthread_join(machine, NULL);
	close(socket_of_machine);
	socket_of_machine = pair[0];
	ck_assert_int_eq(pthread_create(&machine, NULL, run, NULL), 0);
	ck_assert_int_eq(map(0, 2 * MIB), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(front_end_free(&front), 0);
	ck_assert_int_eq(map(0, 2 * MIB), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("window");
	TCase *tc = tcase_create("window");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_file_is_mapped_and_taken_away);
	tcase_add_test(tc, what_is_in_the_way_is_replaced);
	tcase_add_test(tc, what_is_in_the_way_is_taken_away_where_it_has_to);
	tcase_add_test(tc, all_goes_by_one_length);
	tcase_add_test(tc, nothing_is_cut);
	tcase_add_loop_test(tc, nothing_is_mapped_elsewhere, 0, ARRAY_SIZE(wild));
	tcase_add_test(tc, a_machine_that_cannot_is_asked_again);
	tcase_add_loop_test(tc, a_machine_that_misbehaves_is_not, HANGS_UP, WITH_DESCRIPTOR + 1);
	tcase_add_test(tc, a_file_is_settled);
	tcase_add_test(tc, another_machine_has_nothing_mapped);
	tcase_add_test(tc, a_front_end_learns_of_it_and_is_asked);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
