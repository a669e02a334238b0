/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/statistics/snapshot.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static uint8_t kept[4 * SNAPSHOT_ITEM_SIZE];
static size_t length;

static void keep(struct slice item)
{
	ck_assert_uint_gt(item.length, 0);
	memcpy(kept + length, item.bytes, item.length);
	length += item.length;
}

static struct snapshot_vm vm_named(const char *id)
{
	return (struct snapshot_vm){.id = slice_of(id),
				    .name = SLICE_LITERAL("größe"),
				    .state = SLICE_LITERAL("running"),
				    .backend = SLICE_LITERAL("vmm"),
				    .screen = SLICE_LITERAL("ready")};
}

START_TEST(what_is_told_is_read)
{
	struct snapshot_host host = {.realtime_ms = 1700000000123}, host_read;
	struct snapshot_vm vm = vm_named("vm/a"), vm_read;
	struct cbor_reader reader;
	uint8_t bytes[SNAPSHOT_ITEM_SIZE];

	length = 0;
	figures_set(&host.figures, HOST_CPU_TIME, UINT64_MAX);
	figures_set(&vm.figures, VM_DISK_READS, 0);
	figures_set(&vm.figures, VM_NETWORK_SENT_PACKETS, 7);
	keep(snapshot_put_host(&host, bytes));
	keep(snapshot_put_vm(&vm, bytes));
	vm.id = SLICE_LITERAL("vm/b");
	keep(snapshot_put_vm(&vm, bytes));

	reader = CBOR_READER(((struct slice){kept, length}));
	ck_assert_int_eq(snapshot_get_host(&reader, &host_read), 0);
	ck_assert_uint_eq(host_read.realtime_ms, 1700000000123);
	ck_assert_uint_eq(host_read.figures.known, 1U << HOST_CPU_TIME);
	ck_assert_uint_eq(host_read.figures.value[HOST_CPU_TIME], UINT64_MAX);
	ck_assert_int_eq(snapshot_get_vm(&reader, &vm_read), 1);
	ck_assert(slice_is(vm_read.id, "vm/a"));
	ck_assert(slice_is(vm_read.name, "größe"));
	ck_assert(slice_is(vm_read.screen, "ready"));
	/* Zero is something else than not known. */
	ck_assert(figures_have(&vm_read.figures, VM_DISK_READS));
	ck_assert(!figures_have(&vm_read.figures, VM_DISK_WRITES));
	ck_assert_uint_eq(vm_read.figures.value[VM_NETWORK_SENT_PACKETS], 7);
	ck_assert_int_eq(snapshot_get_vm(&reader, &vm_read), 1);
	ck_assert(slice_is(vm_read.id, "vm/b"));
	ck_assert_int_eq(snapshot_get_vm(&reader, &vm_read), 0);
}
END_TEST

START_TEST(the_largest_item_fits)
{
	static char name[SNAPSHOT_MAX_TEXT + 100];
	uint8_t bytes[SNAPSHOT_ITEM_SIZE];
	struct snapshot_vm vm, read;
	struct cbor_reader reader;

	memset(name, 'n', sizeof(name) - 1);
	vm = (struct snapshot_vm){.id = slice_of(name),
				  .name = slice_of(name),
				  .state = slice_of(name),
				  .backend = slice_of(name),
				  .screen = slice_of(name)};
	for (unsigned int i = 0; i < VM_FIGURES; i++)
		figures_set(&vm.figures, i, UINT64_MAX);
	length = 0;
	keep(snapshot_put_vm(&vm, bytes));
	reader = CBOR_READER(((struct slice){kept, length}));
	ck_assert_int_eq(snapshot_get_vm(&reader, &read), 1);
	ck_assert_uint_eq(read.name.length, SNAPSHOT_MAX_TEXT);
	ck_assert_uint_eq(read.figures.known, (1U << VM_FIGURES) - 1);
}
END_TEST

/* A figure that a later lodged knows, and a key that is another's. */
START_TEST(what_is_not_known_is_skipped)
{
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct snapshot_host host;
	struct cbor_reader reader;

	cbor_put_map(&writer, 2);
	cbor_put_text(&writer, SLICE_LITERAL("weather"));
	cbor_put_array(&writer, 1);
	cbor_put_text(&writer, SLICE_LITERAL("fine"));
	cbor_put_text(&writer, SLICE_LITERAL("figures"));
	cbor_put_map(&writer, 2);
	cbor_put_text(&writer, SLICE_LITERAL("Temperature"));
	cbor_put_int(&writer, -5);
	cbor_put_text(&writer, SLICE_LITERAL("SwapUsed"));
	cbor_put_uint(&writer, 9);
	reader = CBOR_READER(cbor_written(&writer));
	ck_assert_int_eq(snapshot_get_host(&reader, &host), 0);
	ck_assert_uint_eq(host.figures.known, 1U << HOST_SWAP_USED);
}
END_TEST

START_TEST(what_is_cut_short_is_refused)
{
	struct snapshot_vm vm = vm_named("vm/a"), read;
	uint8_t bytes[SNAPSHOT_ITEM_SIZE];

	length = 0;
	figures_set(&vm.figures, VM_TIME, 12345678);
	keep(snapshot_put_vm(&vm, bytes));
	for (size_t cut = 1; cut < length; cut++) {
		struct cbor_reader reader = CBOR_READER(((struct slice){kept, cut}));

		ck_assert_int_eq(snapshot_get_vm(&reader, &read), -EBADMSG);
	}
}
END_TEST

START_TEST(a_vm_without_an_id_is_refused)
{
	struct snapshot_vm vm = vm_named(""), read;
	uint8_t bytes[SNAPSHOT_ITEM_SIZE];
	struct cbor_reader reader = CBOR_READER(snapshot_put_vm(&vm, bytes));

	ck_assert_int_eq(snapshot_get_vm(&reader, &read), -EBADMSG);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("snapshot");

	tcase_add_test(tests, what_is_told_is_read);
	tcase_add_test(tests, the_largest_item_fits);
	tcase_add_test(tests, what_is_not_known_is_skipped);
	tcase_add_test(tests, what_is_cut_short_is_refused);
	tcase_add_test(tests, a_vm_without_an_id_is_refused);
	return suite_run_case("snapshot", tests);
}
