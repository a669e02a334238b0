/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/render.h"

#include "host/statistics/snapshot.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t bytes[4 * SNAPSHOT_ITEM_SIZE];
static size_t length;
static char *text;
static size_t text_length;

static void keep(struct slice item)
{
	memcpy(bytes + length, item.bytes, item.length);
	length += item.length;
}

static void add_vm(const char *id, const char *name, uint64_t cpu_time)
{
	struct snapshot_vm vm = {.id = slice_of(id),
				 .name = slice_of(name),
				 .state = SLICE_LITERAL("running"),
				 .backend = SLICE_LITERAL("vmm"),
				 .screen = SLICE_LITERAL("off")};
	uint8_t item[SNAPSHOT_ITEM_SIZE];

	if (cpu_time)
		figures_set(&vm.figures, VM_CPU_TIME, cpu_time);
	figures_set(&vm.figures, VM_DISK_READS, 5);
	keep(snapshot_put_vm(&vm, item));
}

static void set_up(void)
{
	struct snapshot_host host = {.realtime_ms = 1234};
	uint8_t item[SNAPSHOT_ITEM_SIZE];

	length = 0;
	figures_set(&host.figures, HOST_PROCESSORS, 2);
	figures_set(&host.figures, HOST_CPU_TIME, 3000000007);
	keep(snapshot_put_host(&host, item));
}

static void tear_down(void)
{
	free(text);
	text = NULL;
}

static int render(int (*write)(struct slice snapshot, FILE *file))
{
	FILE *file = open_memstream(&text, &text_length);
	int result;

	ck_assert_ptr_nonnull(file);
	result = write((struct slice){bytes, length}, file);
	fclose(file);
	return result;
}

static int point(struct slice snapshot, FILE *file)
{
	return render_point(snapshot, 42, file);
}

static bool has(const char *part)
{
	return strstr(text, part) != NULL;
}

START_TEST(a_point_is_json)
{
	add_vm("vm/a", "a", 0);
	add_vm("vm/b", "\"b\"\n</script>\xff", 9);
	ck_assert_int_eq(render(point), 0);
	ck_assert(strncmp(text, "{\"n\":42,\"t\":1234,\"host\":[null,2,3000000007,null,", 47) == 0);
	ck_assert(has("\"vms\":[{\"id\":\"vm/a\",\"name\":\"a\",\"state\":\"running\","));
	ck_assert(has("\"f\":[null,null,null,"));
	ck_assert(has("},{\"id\":\"vm/b\",\"name\":\"\\u0022b\\u0022\\u000a</script>?\","));
	ck_assert(has("\"f\":[null,null,9,null,"));
	ck_assert_str_eq(text + strlen(text) - 4, "]}]}");
}
END_TEST

START_TEST(a_host_without_vms_is_a_point)
{
	ck_assert_int_eq(render(point), 0);
	ck_assert(has("\"vms\":[]}"));
}
END_TEST

START_TEST(metrics_are_prometheus)
{
	add_vm("vm/a", "a", 1500000000);
	add_vm("vm/b", "b", 0);
	ck_assert_int_eq(render(render_metrics), 0);
	ck_assert(has("# TYPE lodge_host_processors gauge\nlodge_host_processors 2\n"));
	ck_assert(has("lodge_host_cpu_seconds_total 3.000000007\n"));
	ck_assert(has("# TYPE lodge_vm_cpu_seconds_total counter\n"
		      "lodge_vm_cpu_seconds_total{vm=\"a\"} 1.500000000\n#"));
	ck_assert(has("lodge_vm_disk_reads_total{vm=\"a\"} 5\n"
		      "lodge_vm_disk_reads_total{vm=\"b\"} 5\n"));
	ck_assert(has("lodge_vm_info{vm=\"a\",state=\"running\",backend=\"vmm\"} 1\n"));
	/* What nobody has is not there, not even its head. */
	ck_assert(!has("lodge_vm_disk_writes_total"));
	ck_assert(!has("_time"));
}
END_TEST

START_TEST(labels_are_escaped)
{
	add_vm("vm/a", "a\"} 1\nevil{x=\"\\", 1);
	ck_assert_int_eq(render(render_metrics), 0);
	ck_assert(
		has("lodge_vm_cpu_seconds_total{vm=\"a\\\"} 1\\nevil{x=\\\"\\\\\"} 0.000000001\n"));
	ck_assert(!has("\nevil"));
}
END_TEST

START_TEST(nonsense_is_refused)
{
	bytes[length++] = 0xff;
	ck_assert_int_eq(render(point), -EBADMSG);
	tear_down();
	ck_assert_int_eq(render(render_metrics), -EBADMSG);
	tear_down();
	length = 0;
	ck_assert_int_eq(render(point), -EBADMSG);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("render");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_point_is_json);
	tcase_add_test(tests, a_host_without_vms_is_a_point);
	tcase_add_test(tests, metrics_are_prometheus);
	tcase_add_test(tests, labels_are_escaped);
	tcase_add_test(tests, nonsense_is_refused);
	return suite_run_case("render", tests);
}
