/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts that never come to be. What a mount does: tests/rig/stream, tests/e2e/shares/commands. */
#include "host/cli/mount/guest_mount.h"

#include "tests/unit/host/cli/mount/played_lodged.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static struct played_lodged *played;
static unsigned int mounted;

static void set_up(void)
{
	mounted = 0;
	played = played_lodged_start();
}

static void tear_down(void)
{
	ck_assert_uint_eq(mounted, 0);
	played_lodged_stop(played);
}

static void on_mounted(void *owner)
{
	(void)owner;
	mounted++;
}

static int run(void)
{
	const struct guest_mount_options options = {
		.vm = "one",
		.path = "/srv",
		.mount = {.source = "one:/srv", .directory = "/nowhere"},
		.mounted = on_mounted,
	};

	return guest_mount_run(&options);
}

/* What happens once the agent was asked to share. */
static void *once_asked(void *act)
{
	while (atomic_load(&played->exports) == 0)
		poll(NULL, 0, 5);
	((void (*)(void))act)();
	return NULL;
}

static int run_until_asked(void (*act)(void))
{
	pthread_t thread;
	int r;

	ck_assert_int_eq(pthread_create(&thread, NULL, once_asked, (void *)act), 0);
	r = run();
	pthread_join(thread, NULL);
	return r;
}

START_TEST(there_has_to_be_such_a_vm)
{
	atomic_store(&played->manner, PLAYED_GONE);
	ck_assert_int_lt(run(), 0);
	ck_assert_uint_eq(atomic_load(&played->opened), 0);
}
END_TEST

START_TEST(there_has_to_be_an_agent)
{
	atomic_store(&played->manner, PLAYED_WITHOUT);
	ck_assert_int_lt(run(), 0);
}
END_TEST

START_TEST(an_agent_has_to_be_able_to)
{
	atomic_store(&played->manner, PLAYED_SHARELESS);
	ck_assert_int_eq(run(), -ENOSYS);
	ck_assert_uint_eq(atomic_load(&played->exports), 0);
}
END_TEST

START_TEST(what_the_guest_refuses_is_not_tried_again)
{
	static const int reasons[] = {ENOENT, EACCES, ENOTDIR};

	atomic_store(&played->refuse, reasons[_i]);
	ck_assert_int_eq(run(), -reasons[_i]);
	ck_assert_uint_eq(atomic_load(&played->exports), 1);
}
END_TEST

static void vanish(void)
{
	atomic_store(&played->manner, PLAYED_GONE);
	atomic_fetch_add(&played->hang_ups, 1);
}

START_TEST(a_vm_that_ends_is_waited_for_no_longer)
{
	ck_assert_int_eq(run_until_asked(vanish), -ENOENT);
}
END_TEST

static void refuse_the_next(void)
{
	atomic_store(&played->refuse, EACCES);
	atomic_fetch_add(&played->hang_ups, 1);
}

START_TEST(an_agent_that_comes_again_is_asked_again)
{
	ck_assert_int_eq(run_until_asked(refuse_the_next), -EACCES);
	ck_assert_uint_eq(atomic_load(&played->exports), 2);
	ck_assert_uint_eq(atomic_load(&played->opened), 2);
}
END_TEST

static void terminate(void)
{
	kill(getpid(), SIGTERM);
}

START_TEST(a_signal_ends_it)
{
	ck_assert_int_eq(run_until_asked(terminate), -EINTR);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("guest_mount");

	tcase_set_timeout(tests, 70);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, there_has_to_be_such_a_vm);
	tcase_add_test(tests, there_has_to_be_an_agent);
	tcase_add_test(tests, an_agent_has_to_be_able_to);
	tcase_add_loop_test(tests, what_the_guest_refuses_is_not_tried_again, 0, 3);
	tcase_add_test(tests, a_vm_that_ends_is_waited_for_no_longer);
	tcase_add_test(tests, an_agent_that_comes_again_is_asked_again);
	tcase_add_test(tests, a_signal_ends_it);
	return suite_run_case("guest_mount", tests);
}
