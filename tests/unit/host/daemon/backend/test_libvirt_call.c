/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/libvirt_call.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uv_loop_t loop;
static struct libvirt_calls *calls;
static unsigned int answers, releases;

struct asked {
	struct libvirt_call call;
	sem_t *hangs; /* until somebody posts it; NULL: it does not */
	int fails;
	int error; /* what `done` said */
	char text[64];
};

static void run(struct libvirt_call *call)
{
	struct asked *asked = CONTAINER_OF(call, struct asked, call);

	if (asked->hangs)
		sem_wait(asked->hangs);
	call->error = asked->fails;
	if (asked->fails)
		strcpy(call->text, "it does not want to");
}

static void done(struct libvirt_call *call, int error, const char *text)
{
	struct asked *asked = CONTAINER_OF(call, struct asked, call);

	asked->error = error;
	snprintf(asked->text, sizeof(asked->text), "%s", text);
	answers++;
}

static void release(struct libvirt_call *call)
{
	(void)call;
	releases++;
}

static void start(struct asked *asked, uint64_t limit_ms)
{
	asked->call = (struct libvirt_call){.run = run, .done = done, .release = release};
	libvirt_call_start(calls, &asked->call, limit_ms);
}

static void on_turn(uv_timer_t *timer)
{
	(void)timer;
}

/* Turns of the loop until a count is what it should be; the runner's limit ends one that never is.
 */
static void run_until(const unsigned int *count, unsigned int value)
{
	uv_timer_t turn;

	uv_timer_init(&loop, &turn);
	uv_timer_start(&turn, on_turn, 1, 1);
	while (*count != value)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&turn, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void set_up(void)
{
	answers = releases = 0;
	uv_loop_init(&loop);
	calls = libvirt_calls_new(&loop);
	ck_assert_ptr_nonnull(calls);
}

static void tear_down(void)
{
	libvirt_calls_free(calls);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(a_call_is_answered_and_released)
{
	struct asked good = {0}, bad = {.fails = -EIO};

	start(&good, 0);
	start(&bad, 60000);
	run_until(&releases, 2);
	ck_assert_uint_eq(answers, 2);
	ck_assert_int_eq(good.error, 0);
	ck_assert_int_eq(bad.error, -EIO);
	ck_assert_str_eq(bad.text, "it does not want to");
}
END_TEST

START_TEST(one_that_hangs_holds_nobody_up)
{
	struct asked hanging = {0}, other = {0};
	sem_t hangs;

	sem_init(&hangs, 0, 0);
	hanging.hangs = &hangs;
	start(&hanging, 1);
	run_until(&answers, 1);
	ck_assert_int_eq(hanging.error, -ETIMEDOUT);
	ck_assert_uint_eq(releases, 0);
	start(&other, 0);
	run_until(&releases, 1);
	ck_assert_int_eq(other.error, 0);
	/* It comes back: released, and not answered again. */
	sem_post(&hangs);
	run_until(&releases, 2);
	ck_assert_uint_eq(answers, 2);
	ck_assert_int_eq(hanging.error, -ETIMEDOUT);
}
END_TEST

START_TEST(there_are_not_too_many)
{
	struct asked many[LIBVIRT_CALLS_MAX + 1] = {0};
	sem_t hangs;

	sem_init(&hangs, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		many[i].hangs = &hangs;
		start(&many[i], 0);
	}
	ck_assert_uint_eq(answers, 1);
	ck_assert_int_eq(many[LIBVIRT_CALLS_MAX].error, -EAGAIN);
	for (size_t i = 0; i < LIBVIRT_CALLS_MAX; i++)
		sem_post(&hangs);
	run_until(&releases, LIBVIRT_CALLS_MAX + 1);
	ck_assert_uint_eq(answers, LIBVIRT_CALLS_MAX + 1);
}
END_TEST

START_TEST(at_the_end_who_waits_is_told)
{
	struct asked hanging = {0};
	struct libvirt_calls *old = calls;
	sem_t hangs;

	sem_init(&hangs, 0, 0);
	hanging.hangs = &hangs;
	start(&hanging, 0);
	libvirt_calls_free(old);
	ck_assert_uint_eq(answers, 1);
	ck_assert_int_eq(hanging.error, -ECANCELED);
	calls = libvirt_calls_new(&loop);
	sem_post(&hangs);
	run_until(&releases, 1);
	ck_assert_uint_eq(answers, 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_call_is_answered_and_released);
	tcase_add_test(tc, one_that_hangs_holds_nobody_up);
	tcase_add_test(tc, there_are_not_too_many);
	tcase_add_test(tc, at_the_end_who_waits_is_told);
	return suite_run_case("libvirt_call", tc);
}
