/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/work.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sleeper {
	struct work work;
	unsigned int *done;
	useconds_t us;
};

static void sleeper_run(struct work *work)
{
	usleep(CONTAINER_OF(work, struct sleeper, work)->us);
}

static void sleeper_done(struct work *work)
{
	(*CONTAINER_OF(work, struct sleeper, work)->done)++;
}

static unsigned int count_threads(void)
{
	char line[128];
	unsigned int count = 0;
	FILE *file = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Threads:", 8) == 0)
			count = (unsigned int)atoi(line + 8);
	}
	fclose(file);
	return count;
}

static void start(struct workers *workers, struct sleeper *sleeper, unsigned int *done,
		  useconds_t us)
{
	*sleeper = (struct sleeper){
		.work = {.run = sleeper_run, .done = sleeper_done}, .done = done, .us = us};
	workers_submit(workers, &sleeper->work);
}

START_TEST(the_slow_do_not_delay_the_quick)
{
	struct sleeper slow[20], quick;
	unsigned int slow_done = 0, quick_done = 0;
	struct workers *workers;
	uint64_t before;
	uv_loop_t loop;

	uv_loop_init(&loop);
	ck_assert_int_eq(workers_new(&loop, &workers), 0);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++)
		start(workers, &slow[i], &slow_done, 700000);
	before = uv_hrtime();
	start(workers, &quick, &quick_done, 0);
	while (!quick_done)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_lt(uv_hrtime() - before, 500000000);
	ck_assert(workers_pending(workers));
	while (slow_done < ARRAY_SIZE(slow))
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert(!workers_pending(workers));
	workers_free(workers);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

START_TEST(threads_come_on_demand_and_go_when_idle)
{
	struct sleeper works[8];
	unsigned int done = 0;
	struct workers *workers;
	uv_loop_t loop;

	uv_loop_init(&loop);
	ck_assert_int_eq(workers_new(&loop, &workers), 0);
	ck_assert_uint_eq(count_threads(), 1);
	for (size_t i = 0; i < ARRAY_SIZE(works); i++)
		start(workers, &works[i], &done, 50000);
	ck_assert_uint_eq(count_threads(), 1 + ARRAY_SIZE(works));
	while (done < ARRAY_SIZE(works))
		uv_run(&loop, UV_RUN_ONCE);
	sleep(2);
	ck_assert_uint_eq(count_threads(), 1);
	workers_free(workers);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}
END_TEST

START_TEST(more_than_the_limit_wait_their_turn)
{
	struct sleeper works[WORKERS_MAX + 40];
	unsigned int done = 0;
	struct workers *workers;
	uv_loop_t loop;

	uv_loop_init(&loop);
	ck_assert_int_eq(workers_new(&loop, &workers), 0);
	for (size_t i = 0; i < ARRAY_SIZE(works); i++)
		start(workers, &works[i], &done, 300000);
	ck_assert(workers_busy(workers));
	ck_assert_uint_le(count_threads(), 1 + WORKERS_MAX);
	while (done < ARRAY_SIZE(works))
		uv_run(&loop, UV_RUN_ONCE);
	workers_free(workers);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}
END_TEST

START_TEST(freeing_does_not_wait_for_what_hangs)
{
	static struct sleeper slow;
	unsigned int done = 0;
	struct workers *workers;
	uint64_t before = uv_hrtime();
	uv_loop_t loop;

	uv_loop_init(&loop);
	ck_assert_int_eq(workers_new(&loop, &workers), 0);
	start(workers, &slow, &done, 1000000);
	usleep(20000);
	workers_free(workers);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	ck_assert_uint_lt(uv_hrtime() - before, 900000000);
	ck_assert_uint_eq(done, 0);
	sleep(2); /* the thread ends and frees; the sanitizer would tell */
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("work");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, the_slow_do_not_delay_the_quick);
	tcase_add_test(tc, threads_come_on_demand_and_go_when_idle);
	tcase_add_test(tc, more_than_the_limit_wait_their_turn);
	tcase_add_test(tc, freeing_does_not_wait_for_what_hangs);
	return suite_run_case("work", tc);
}
