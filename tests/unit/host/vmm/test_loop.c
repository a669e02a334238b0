/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/loop.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct loop *loop;
static int fd;
static unsigned int calls;
static struct loop_source *source, *other;

static void make(void)
{
	loop = loop_new();
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	calls = 0;
	source = other = NULL;
	ck_assert_ptr_nonnull(loop);
}

static void release(void)
{
	loop_free(loop);
	close(fd);
}

static void read_and_stop(void *owner, uint32_t events)
{
	eventfd_t value;

	ck_assert_uint_eq(events, EPOLLIN);
	ck_assert_int_eq(eventfd_read(fd, &value), 0);
	ck_assert_ptr_eq(owner, &calls);
	calls++;
	loop_stop(loop);
}

START_TEST(a_descriptor_that_is_ready_is_handled)
{
	ck_assert_int_eq(loop_add_fd(loop, fd, EPOLLIN, read_and_stop, &calls, &source), 0);
	eventfd_write(fd, 1);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(calls, 1);
}
END_TEST

static void stop(void *argument)
{
	(void)argument;
	loop_stop(loop);
}

START_TEST(modified_and_removed_sources_are_silent)
{
	ck_assert_int_eq(loop_add_fd(loop, fd, EPOLLIN, read_and_stop, &calls, &source), 0);
	ck_assert_int_eq(loop_modify(source, 0), 0);
	eventfd_write(fd, 1);
	ck_assert_int_eq(loop_post(loop, stop, NULL), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(calls, 0);
	loop_remove(source);
	ck_assert_int_eq(loop_post(loop, stop, NULL), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

/* Both are ready; the first that is called removes the other, and itself. */
static void remove_both(void *owner, uint32_t events)
{
	(void)owner;
	(void)events;
	calls++;
	loop_remove(source);
	loop_remove(other);
	loop_stop(loop);
}

START_TEST(a_source_removed_in_the_same_round_is_not_called)
{
	int second = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);

	eventfd_write(fd, 1);
	ck_assert_int_eq(loop_add_fd(loop, fd, EPOLLIN, remove_both, NULL, &source), 0);
	ck_assert_int_eq(loop_add_fd(loop, second, EPOLLIN, remove_both, NULL, &other), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(calls, 1);
	close(second);
}
END_TEST

static void *run(void *argument)
{
	(void)argument;
	loop_run(loop);
	return NULL;
}

static void note_thread(void *argument)
{
	*(pthread_t *)argument = pthread_self();
}

START_TEST(calls_run_in_the_loops_thread_and_are_waited_for)
{
	pthread_t thread, ran_in = pthread_self();

	pthread_create(&thread, NULL, run, NULL);
	for (int i = 0; i < 1000; i++) {
		loop_call(loop, note_thread, &ran_in);
		/* Until the loop runs, the call runs here. */
		ck_assert(pthread_equal(ran_in, thread) || pthread_equal(ran_in, pthread_self()));
	}
	loop_stop(loop);
	pthread_join(thread, NULL);
	loop_call(loop, note_thread, &ran_in);
	ck_assert(pthread_equal(ran_in, pthread_self()));
}
END_TEST

static void count(void *argument)
{
	atomic_fetch_add((_Atomic unsigned int *)argument, 1);
}

static void *post_many(void *argument)
{
	for (int i = 0; i < 1000; i++)
		if (loop_post(loop, count, argument) < 0)
			abort();
	return NULL;
}

START_TEST(nothing_posted_is_lost)
{
	_Atomic unsigned int counted = 0;
	pthread_t threads[3], runner;

	pthread_create(&runner, NULL, run, NULL);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, post_many, &counted);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	loop_stop(loop);
	pthread_join(runner, NULL);
	ck_assert_uint_eq(counted, 3000);
}
END_TEST

START_TEST(a_loop_told_to_stop_beforehand_stops)
{
	loop_stop(loop);
	ck_assert_int_eq(loop_run(loop), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *tc = tcase_create("loop");

	tcase_add_checked_fixture(tc, make, release);
	tcase_add_test(tc, a_descriptor_that_is_ready_is_handled);
	tcase_add_test(tc, modified_and_removed_sources_are_silent);
	tcase_add_test(tc, a_source_removed_in_the_same_round_is_not_called);
	tcase_add_test(tc, calls_run_in_the_loops_thread_and_are_waited_for);
	tcase_add_test(tc, nothing_posted_is_lost);
	tcase_add_test(tc, a_loop_told_to_stop_beforehand_stops);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
