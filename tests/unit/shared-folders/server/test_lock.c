/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/internal.h"
#include "tests/unit/shared-folders/server/files.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define END ((uint64_t)INT64_MAX)

static struct peer peer;
static struct file file;
static int host; /* the same file, on this side */

static void set_up(void)
{
	peer_begin(&peer);
	peer.options.posix_lock = peer.options.flock = true;
	peer_start(&peer, FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS);
	peer_write(&peer, "file", "text");
	file = file_open(&peer, "file", O_RDWR);
	host = open(peer_path(&peer, "file"), O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(host, 0);
}

static void tear_down(void)
{
	close(host);
	peer_end(&peer);
}

static int set(uint64_t owner, uint32_t type, uint64_t start, uint64_t end)
{
	return file_lock_call(&peer, FUSE_SETLK, file_lock(file, owner, type, start, end));
}

static const struct fuse_file_lock *get(uint64_t owner, uint32_t type, uint64_t start, uint64_t end)
{
	ck_assert_int_eq(
		file_lock_call(&peer, FUSE_GETLK, file_lock(file, owner, type, start, end)), 0);
	ck_assert_uint_eq(peer.length, sizeof(struct fuse_lk_out));
	return &PEER_BODY(&peer, struct fuse_lk_out)->lk;
}

static int host_set(int command, short type, off_t start, off_t length)
{
	struct flock range = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	return fcntl(host, command, &range) < 0 ? -errno : 0;
}

START_TEST(owners_exclude_each_other)
{
	ck_assert_int_eq(set(1, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(set(2, F_WRLCK, 5, 5), -EAGAIN);
	ck_assert_int_eq(set(2, F_RDLCK, 5, 5), -EAGAIN);
	ck_assert_int_eq(set(2, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(set(1, F_RDLCK, 0, 9), 0);
	ck_assert_int_eq(set(2, F_RDLCK, 0, 9), 0);
	ck_assert_int_eq(set(1, F_UNLCK, 0, END), 0);
	ck_assert_int_eq(set(2, F_WRLCK, 0, END), 0);
}
END_TEST

START_TEST(the_host_is_excluded_and_excludes)
{
	ck_assert_int_eq(set(1, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(host_set(F_SETLK, F_WRLCK, 15, 1), -EAGAIN);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_RDLCK, 15, 1), -EAGAIN);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 20, 10), 0);
	ck_assert_int_eq(set(1, F_WRLCK, 20, 20), -EAGAIN);
	ck_assert_uint_eq(get(1, F_WRLCK, 0, END)->type, F_WRLCK);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_lk_out)->lk.start, 20);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_lk_out)->lk.end, 29);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_lk_out)->lk.pid, 0);
}
END_TEST

START_TEST(who_holds_is_told)
{
	const struct fuse_file_lock *held;

	ck_assert_uint_eq(get(1, F_WRLCK, 0, END)->type, F_UNLCK);
	ck_assert_int_eq(set(1, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(set(2, F_WRLCK, 30, END), 0);
	ck_assert_uint_eq(get(1, F_WRLCK, 10, 19)->type, F_UNLCK);
	held = get(3, F_RDLCK, 0, 15);
	ck_assert_uint_eq(held->start, 10);
	ck_assert_uint_eq(held->end, 19);
	ck_assert_uint_eq(held->pid, 1);
	held = get(1, F_RDLCK, 0, END);
	ck_assert_uint_eq(held->start, 30);
	ck_assert_uint_eq(held->end, END);
	ck_assert_uint_eq(held->pid, 2);
}
END_TEST

START_TEST(flush_drops_the_owner_alone)
{
	struct fuse_flush_in in = {.fh = file.handle, .lock_owner = 1};

	ck_assert_int_eq(set(1, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(set(2, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_FLUSH, .node = file.node, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 10, 10), -EAGAIN);
}
END_TEST

START_TEST(release_drops_all)
{
	ck_assert_int_eq(set(1, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(set(2, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(file_release(&peer, file), 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 0), 0);
}
END_TEST

START_TEST(flock_belongs_to_the_handle)
{
	struct lock_request lock = file_lock(file, 1, F_WRLCK, 0, END);

	lock.in.lk_flags = FUSE_LK_FLOCK;
	ck_assert_int_eq(file_lock_call(&peer, FUSE_SETLK, lock), 0);
	ck_assert_int_eq(flock(host, LOCK_SH | LOCK_NB), -1);
	lock.in.lk.type = F_RDLCK;
	ck_assert_int_eq(file_lock_call(&peer, FUSE_SETLK, lock), 0);
	ck_assert_int_eq(flock(host, LOCK_SH | LOCK_NB), 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 0), 0);
	ck_assert_int_eq(file_release(&peer, file), 0);
	ck_assert_int_eq(flock(host, LOCK_EX | LOCK_NB), 0);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	struct lock_request lock = file_lock(file, 1, F_WRLCK, 0, END);

	ck_assert_int_eq(set(1, 77, 0, 1), -EINVAL);
	ck_assert_int_eq(set(1, F_WRLCK, 2, 1), -EINVAL);
	ck_assert_int_eq(set(1, F_WRLCK, UINT64_MAX, UINT64_MAX), -EINVAL);
	lock.in.fh ^= 1;
	ck_assert_int_eq(file_lock_call(&peer, FUSE_SETLK, lock), -EBADF);
	lock = file_lock(file, 1, 99, 0, 0);
	lock.in.lk_flags = FUSE_LK_FLOCK;
	ck_assert_int_eq(file_lock_call(&peer, FUSE_SETLK, lock), -EINVAL);
}
END_TEST

START_TEST(who_waits_gets_it_when_it_is_free)
{
	struct lock_request whole = file_lock(file, 1, F_RDLCK, 0, END);
	struct pending waiting, other;

	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	ck_assert_int_eq(flock(host, LOCK_EX), 0);
	pending_start(&peer, &waiting, file_lock(file, 1, F_WRLCK, 5, 5));
	whole.in.lk_flags = FUSE_LK_FLOCK;
	pending_start(&peer, &other, whole);
	/* The server goes on meanwhile. */
	ck_assert_int_eq((int)file_read(&peer, file, 0, 4), 4);
	ck_assert(!pending_answered(&waiting));
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_UNLCK, 0, 0), 0);
	ck_assert_int_eq(pending_wait(&waiting), 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 5, 1), -EAGAIN);
	ck_assert(!pending_answered(&other));
	ck_assert_int_eq(flock(host, LOCK_UN), 0);
	ck_assert_int_eq(pending_wait(&other), 0);
	ck_assert_int_eq(flock(host, LOCK_EX | LOCK_NB), -1);
}
END_TEST

START_TEST(an_interrupt_ends_waiting)
{
	struct fuse_interrupt_in in;
	struct pending waiting[8];

	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	ck_assert_int_eq(set(1, F_WRLCK, 100, 109), 0);
	for (int i = 0; i < 8; i++)
		pending_start(&peer, &waiting[i], file_lock(file, 1, F_WRLCK, 5, 105));
	for (int i = 0; i < 8; i++) {
		in.unique = waiting[i].header.unique;
		ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_INTERRUPT, .arguments = &in,
					   .arguments_bytes = sizeof(in)),
				 1);
		ck_assert_int_eq(pending_wait(&waiting[i]), -EINTR);
	}
	/* What was held before is held still, and no more. */
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 100, 10), -EAGAIN);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 5, 95), 0);
}
END_TEST

START_TEST(an_interrupt_may_come_first)
{
	struct fuse_interrupt_in in = {.unique = peer.unique + 2};
	struct pending waiting;

	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_INTERRUPT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 1);
	pending_start(&peer, &waiting, file_lock(file, 1, F_WRLCK, 5, 5));
	ck_assert_int_eq(pending_wait(&waiting), -EINTR);
}
END_TEST

START_TEST(closing_ends_what_was_waited_for)
{
	struct fuse_flush_in in = {.fh = file.handle, .lock_owner = 1};
	struct pending waiting;

	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	pending_start(&peer, &waiting, file_lock(file, 1, F_WRLCK, 5, 5));
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_FLUSH, .node = file.node, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_UNLCK, 0, 0), 0);
	ck_assert_int_eq(pending_wait(&waiting), -EBADF);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 0), 0);
}
END_TEST

START_TEST(the_end_of_the_session_ends_all_waiting)
{
	struct pending waiting[16];

	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	for (int i = 0; i < 16; i++)
		pending_start(&peer, &waiting[i], file_lock(file, (uint64_t)i + 1, F_WRLCK, 5, 5));
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_DESTROY), 0);
	for (int i = 0; i < 16; i++) {
		ck_assert(pending_answered(&waiting[i]));
		ck_assert_int_eq(pending_wait(&waiting[i]), -EINTR);
	}
}
END_TEST

START_TEST(locks_that_were_not_asked_for_do_not_exist)
{
	struct lock_request lock = file_lock(file, 1, F_WRLCK, 0, END);

	server_free(peer.server);
	peer.options.posix_lock = peer.options.flock = false;
	peer_start(&peer, FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS);
	ck_assert_int_eq(file_lock_call(&peer, FUSE_SETLK, lock), -ENOSYS);
	ck_assert_int_eq(file_lock_call(&peer, FUSE_GETLK, lock), -ENOSYS);
	lock.in.lk_flags = FUSE_LK_FLOCK;
	ck_assert_int_eq(file_lock_call(&peer, FUSE_SETLKW, lock), -ENOSYS);
}
END_TEST

/* A kernel's owner is the address of something that is freed and used again, while the RELEASE of
 * the handle that it was known by is still under way, or somebody still uses that. */
START_TEST(an_owner_s_number_is_used_again)
{
	struct file old = file, other = file_open(&peer, "file", O_RDWR), third;
	struct fuse_interrupt_in in;
	struct pending waiting;

	/* What was given back leaves nothing behind that a late RELEASE drops. */
	ck_assert_int_eq(set(1, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(set(1, F_UNLCK, 0, 9), 0);
	file = other;
	ck_assert_int_eq(set(1, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(file_release(&peer, old), 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 1), -EAGAIN);
	/* Who waits keeps his handle in use; what he held goes when somebody else has the number.
	 */
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 100, 10), 0);
	pending_start(&peer, &waiting, file_lock(file, 1, F_WRLCK, 100, 109));
	ck_assert_int_eq(file_release(&peer, other), 0);
	ck_assert(!pending_answered(&waiting));
	third = file_open(&peer, "file", O_RDWR);
	file = third;
	ck_assert_int_eq(set(1, F_WRLCK, 20, 29), 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	in.unique = waiting.header.unique;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_INTERRUPT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 1);
	ck_assert_int_eq(pending_wait(&waiting), -EINTR);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 20, 10), -EAGAIN);
	ck_assert_int_eq(file_release(&peer, third), 0);
	ck_assert_int_eq(host_set(F_OFD_SETLK, F_WRLCK, 20, 10), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("lock");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, owners_exclude_each_other);
	tcase_add_test(tests, the_host_is_excluded_and_excludes);
	tcase_add_test(tests, who_holds_is_told);
	tcase_add_test(tests, flush_drops_the_owner_alone);
	tcase_add_test(tests, release_drops_all);
	tcase_add_test(tests, flock_belongs_to_the_handle);
	tcase_add_test(tests, nonsense_is_refused);
	tcase_add_test(tests, who_waits_gets_it_when_it_is_free);
	tcase_add_test(tests, an_interrupt_ends_waiting);
	tcase_add_test(tests, an_interrupt_may_come_first);
	tcase_add_test(tests, closing_ends_what_was_waited_for);
	tcase_add_test(tests, the_end_of_the_session_ends_all_waiting);
	tcase_add_test(tests, locks_that_were_not_asked_for_do_not_exist);
	tcase_add_test(tests, an_owner_s_number_is_used_again);
	return suite_run_case("server/lock", tests);
}
