/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/counters.h"

#include "host/vmm/virtio/device.h"
#include "protocol/message.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/virtio_ids.h>

static const struct virtio_device_ops disk_ops = {.name = "blk", .id = VIRTIO_ID_BLOCK};
static const struct virtio_device_ops card_ops = {.name = "net", .id = VIRTIO_ID_NET};
static const struct virtio_device_ops random_ops = {.name = "rng", .id = VIRTIO_ID_RNG};

static struct vm vm;

static struct vm_counters describe(void)
{
	static uint8_t bytes[COUNTERS_SIZE];
	struct vm_counters counters;

	ck_assert_int_eq(
		message_decode(&message_vm_counters, counters_describe(&vm, bytes), &counters), 0);
	return counters;
}

START_TEST(devices_of_a_kind_are_summed)
{
	static struct virtio_device disk[2], card, other;
	struct vm_counters counters;

	disk[0].ops = disk[1].ops = &disk_ops;
	card.ops = &card_ops;
	other.ops = &random_ops;
	disk[0].next = &card;
	card.next = &other;
	other.next = &disk[1];
	vm.devices = &disk[0];
	virtio_count(&disk[0], VIRTIO_TO_GUEST, 4096);
	virtio_count(&disk[1], VIRTIO_TO_GUEST, 512);
	virtio_count(&disk[1], VIRTIO_FROM_GUEST, 1024);
	virtio_count(&card, VIRTIO_TO_GUEST, 60);
	virtio_count(&card, VIRTIO_FROM_GUEST, 1500);
	virtio_count(&card, VIRTIO_FROM_GUEST, 1514);
	virtio_count(&other, VIRTIO_TO_GUEST, 7);
	counters = describe();
	ck_assert_uint_eq(counters.disk_read_bytes, 4608);
	ck_assert_uint_eq(counters.disk_reads, 2);
	ck_assert_uint_eq(counters.disk_written_bytes, 1024);
	ck_assert_uint_eq(counters.disk_writes, 1);
	ck_assert_uint_eq(counters.network_received_bytes, 60);
	ck_assert_uint_eq(counters.network_received_frames, 1);
	ck_assert_uint_eq(counters.network_sent_bytes, 3014);
	ck_assert_uint_eq(counters.network_sent_frames, 2);
}
END_TEST

START_TEST(the_largest_counts_fit)
{
	static struct virtio_device disk, card;
	struct vm_counters counters;

	disk.ops = &disk_ops;
	card.ops = &card_ops;
	disk.next = &card;
	vm.devices = &disk;
	for (int way = 0; way < VIRTIO_DIRECTIONS; way++) {
		disk.traffic.bytes[way] = disk.traffic.operations[way] = UINT64_MAX;
		card.traffic.bytes[way] = card.traffic.operations[way] = UINT64_MAX;
	}
	counters = describe();
	ck_assert_uint_eq(counters.disk_writes, UINT64_MAX);
	ck_assert_uint_eq(counters.network_sent_frames, UINT64_MAX);
}
END_TEST

START_TEST(time_goes_on)
{
	uint64_t before = describe().cpu_ns;

	while (describe().cpu_ns <= before)
		;
	ck_assert_uint_gt(describe().cpu_ns, before);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("counters");

	tcase_add_test(tests, devices_of_a_kind_are_summed);
	tcase_add_test(tests, the_largest_counts_fit);
	tcase_add_test(tests, time_goes_on);
	return suite_run_case("counters", tests);
}
