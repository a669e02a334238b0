/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/snapshot.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

static struct json_object *json(const char *text)
{
	struct json_object *object = json_tokener_parse(text);

	ck_assert_ptr_nonnull(object);
	return object;
}

START_TEST(all_is_read)
{
	struct snapshot_sources sources = {
		.host = json(
			"{\"Time\": 5, \"Processors\": 4, \"CpuTime\": 0, \"MemoryTotal\": 100, "
			"\"MemoryAvailable\": 60}"),
		.vms = json(
			"{\"a\": {\"State\": \"running\", \"Time\": 7, \"Processors\": 2, "
			"\"CpuTime\": 8, \"DiskReadBytes\": 9, \"NetworkSentBytes\": 10, "
			"\"MemoryStallTime\": 11, \"MemoryMaximum\": 12, \"MemoryResident\": 13}, "
			"\"b\": {\"State\": \"paused\"}}"),
		.memory = json("{\"a\": {\"maximum\": 14, \"actual\": 15, \"pressure\": 0.25, "
			       "\"source\": \"agent\", \"state\": \"followed\"}, \"b\": "
			       "{\"pressure\": 0, \"source\": \"balloon\"}}"),
		.policy = json("{\"mode\": \"on\", \"reserve\": 16, \"emergency\": 3}"),
	};
	struct snapshot snapshot;

	ck_assert_int_eq(snapshot_read(&sources, &snapshot), 0);
	ck_assert_uint_eq(snapshot.at_ns, 5);
	ck_assert_uint_eq(snapshot.cpus, 4);
	ck_assert(snapshot.has_cpu && !snapshot.has_stall);
	ck_assert_uint_eq(snapshot.total, 100);
	ck_assert_uint_eq(snapshot.available, 60);
	ck_assert_str_eq(snapshot.policy, "on");
	ck_assert_uint_eq(snapshot.reserve, 16);
	ck_assert_uint_eq(snapshot.emergency, 3);
	ck_assert_uint_eq(snapshot.count, 2);
	ck_assert_str_eq(snapshot.vms[0].name, "a");
	ck_assert_str_eq(snapshot.vms[0].state, "running");
	ck_assert_uint_eq(snapshot.vms[0].cpus, 2);
	ck_assert(snapshot.vms[0].has_cpu && snapshot.vms[0].has_stall);
	ck_assert(snapshot.vms[0].has_counter[SNAPSHOT_DISK_READ]);
	ck_assert(!snapshot.vms[0].has_counter[SNAPSHOT_DISK_WRITTEN]);
	ck_assert_uint_eq(snapshot.vms[0].counter[SNAPSHOT_NET_SENT], 10);
	/* The memory manager has the last word. */
	ck_assert_uint_eq(snapshot.vms[0].maximum, 14);
	ck_assert_uint_eq(snapshot.vms[0].actual, 15);
	ck_assert_uint_eq(snapshot.vms[0].resident, 13);
	ck_assert_double_eq_tol(snapshot.vms[0].pressure, 0.25, 1e-9);
	ck_assert_str_eq(snapshot.vms[0].memory, "followed");
	ck_assert_str_eq(snapshot.vms[1].state, "paused");
	ck_assert_str_eq(snapshot.vms[1].memory, "");
	ck_assert(!snapshot.vms[1].has_cpu);
	ck_assert_double_lt(snapshot.vms[1].pressure, 0);
	snapshot_end(&snapshot);
	json_object_put(sources.host);
	json_object_put(sources.vms);
	json_object_put(sources.memory);
	json_object_put(sources.policy);
}
END_TEST

START_TEST(nothing_is_told)
{
	const struct snapshot_sources sources = {0};
	struct snapshot snapshot;

	ck_assert_int_eq(snapshot_read(&sources, &snapshot), 0);
	ck_assert_uint_eq(snapshot.count, 0);
	ck_assert_uint_eq(snapshot.total, 0);
	ck_assert_double_lt(snapshot.cpu_part, 0);
	snapshot_end(&snapshot);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("snapshot_read");

	tcase_add_test(tc, all_is_read);
	tcase_add_test(tc, nothing_is_told);
	return suite_run_case("snapshot_read", tc);
}
