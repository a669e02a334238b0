/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.watch and memory.reclaim, before a system whose memory is files in a folder. */
#include "protocol/base/bytes.h"
#include "tests/unit/guest-agent/agent/host.h"
#include "tests/unit/guest-agent/memory_folder.h"
#include "tests/unit/suite.h"

#include <errno.h>

static struct host host;
static struct call call, other;
static struct guest_memory_report report;

static const struct guest_memory_watch fast = {.period_ms = 100};

static void setup(void)
{
	const struct agent_options options = {.root = folder};

	make_memory();
	host_start_with(&host, &options);
}

static void teardown(void)
{
	call_clear(&call);
	call_clear(&other);
	host_stop(&host);
	remove_folder();
}

static void watch(struct call *watcher, const struct guest_memory_watch *wish)
{
	call_start(&host, watcher, "memory.watch", wish ? &message_guest_memory_watch : NULL, wish);
}

static void end_watch(struct call *watcher)
{
	stream_cancel(watcher->stream);
	call_wait(watcher);
	ck_assert_int_eq(watcher->error, 0);
}

/* The last message is of that name, and says so. */
static bool has_told(const struct call *watcher, const char *name)
{
	if (strcmp(watcher->message, name) != 0)
		return false;
	ck_assert_int_eq(
		message_decode(&message_guest_memory_report, watcher->message_params, &report), 0);
	return true;
}

static bool has_report(void *data)
{
	return has_told(data, "report");
}

static bool has_urgent(void *data)
{
	return has_told(data, "urgent");
}

static bool has_pressure(void *data)
{
	return has_told(data, "report") && report.pressure;
}

static bool has_less(void *data)
{
	return has_told(data, "report") && report.available_bytes == 500000 * 1024;
}

START_TEST(who_watches_is_told_at_once_and_of_changes)
{
	watch(&call, NULL);
	host_wait(&host, has_report, &call);
	ck_assert_uint_eq(report.total_bytes, 1000000 * 1024);
	ck_assert_uint_eq(report.period_ms, 1000);
	ck_assert(!report.pressure && !report.trigger);
	ck_assert_uint_eq(report.reclaim.length, 0);
	watch(&other, &fast);
	host_wait(&host, has_report, &other);
	set_meminfo(500000);
	host_wait(&host, has_less, &call);
	host_wait(&host, has_less, &other);
	end_watch(&call);
	end_watch(&other);
}
END_TEST

START_TEST(nobody_who_watches_no_more_is_told)
{
	unsigned int messages;

	watch(&call, &fast);
	host_wait(&host, has_report, &call);
	end_watch(&call);
	messages = call.messages;
	set_meminfo(500000);
	host_run_ms(&host, 400);
	ck_assert_uint_eq(call.messages, messages);
}
END_TEST

START_TEST(a_guest_that_runs_short_is_urgent)
{
	watch(&call, &fast);
	host_wait(&host, has_report, &call);
	set_meminfo(20000);
	host_wait(&host, has_urgent, &call);
	ck_assert(slice_is(report.cause, "low"));
	ck_assert_uint_eq(report.available_bytes, 20000 * 1024);
	end_watch(&call);
}
END_TEST

START_TEST(without_triggers_stalls_are_urgent_all_the_same)
{
	watch(&call, &fast);
	host_wait(&host, has_report, &call);
	set_pressure(1000, 0);
	host_wait(&host, has_pressure, &call);
	ck_assert(!report.trigger);
	/* More than any time that can have passed. */
	set_pressure(1000000000, 0);
	host_wait(&host, has_urgent, &call);
	ck_assert(slice_is(report.cause, "stall"));
	ck_assert_uint_eq(report.some_us, 1000000000);
	end_watch(&call);
}
END_TEST

START_TEST(a_host_that_comes_again_watches_again)
{
	watch(&call, &fast);
	host_wait(&host, has_report, &call);
	host_restart(&host);
	ck_assert(call.done);
	watch(&other, &fast);
	host_wait(&host, has_report, &other);
	end_watch(&other);
}
END_TEST

START_TEST(wishes_out_of_bounds_and_too_many_are_refused)
{
	const struct guest_memory_watch often = {.period_ms = 1};
	struct call watchers[9];

	call_expect(&host, &call, "memory.watch", &message_guest_memory_watch, &often, -ERANGE);
	for (size_t i = 0; i < 8; i++)
		watch(&watchers[i], NULL);
	watch(&watchers[8], NULL);
	call_wait(&watchers[8]);
	ck_assert_int_eq(watchers[8].error, -EAGAIN);
	for (size_t i = 0; i < 8; i++)
		end_watch(&watchers[i]);
	for (size_t i = 0; i < 9; i++)
		call_clear(&watchers[i]);
}
END_TEST

START_TEST(memory_is_reclaimed_where_the_kernel_can)
{
	const struct guest_memory_reclaim want = {.bytes = 20 << 20};
	struct guest_memory_reclaimed got;

	call_expect(&host, &call, "memory.reclaim", NULL, NULL, -EBADMSG);
	call_clear(&call);
	call_expect(&host, &call, "memory.reclaim", &message_guest_memory_reclaim, &want,
		    -EOPNOTSUPP);
	call_clear(&call);
	make_folder_of("sys");
	make_folder_of("sys/fs");
	make_folder_of("sys/fs/cgroup");
	make_file("sys/fs/cgroup/cgroup.controllers", "memory\n");
	make_file("sys/fs/cgroup/memory.reclaim", "");
	call_expect(&host, &call, "memory.reclaim", &message_guest_memory_reclaim, &want, 0);
	call_reply(&call, &message_guest_memory_reclaimed, &got);
	ck_assert_uint_eq(got.bytes, 20 << 20);
	ck_assert(slice_is(got.by, "cgroup"));
	watch(&other, NULL);
	host_wait(&host, has_report, &other);
	ck_assert(slice_is(report.reclaim, "cgroup"));
	end_watch(&other);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("agent_memory");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, who_watches_is_told_at_once_and_of_changes);
	tcase_add_test(tests, nobody_who_watches_no_more_is_told);
	tcase_add_test(tests, a_guest_that_runs_short_is_urgent);
	tcase_add_test(tests, without_triggers_stalls_are_urgent_all_the_same);
	tcase_add_test(tests, a_host_that_comes_again_watches_again);
	tcase_add_test(tests, wishes_out_of_bounds_and_too_many_are_refused);
	tcase_add_test(tests, memory_is_reclaimed_where_the_kernel_can);
	return suite_run_case("agent_memory", tests);
}
