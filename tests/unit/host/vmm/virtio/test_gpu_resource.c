/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures that a driver makes, where their pixels are, and what of them is shown. */
#include "tests/unit/host/vmm/virtio/gpu_rig.h"

#include "host/vmm/virtio/gpu_resource.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <string.h>

static struct gpu_rig gpu;

static void set_up(void)
{
	gpu_rig_open(&gpu);
}

static void tear_down(void)
{
	gpu_rig_close(&gpu);
}

static const uint32_t formats[] = {1, 2, 3, 4, 67, 68, 121, 134};

START_TEST(all_formats_can_be_shown)
{
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, formats[_i], 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 1, PIXELS, 64 * 32 * 4), OK);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->enabled, 1);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->format, formats[_i]);
}
END_TEST

START_TEST(a_resource_has_limits)
{
	ck_assert_uint_eq(gpu_rig_create(&gpu, 0, BGRX, 8, 8),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, 0, 8, 8), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, 5, 8, 8), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 0, 8),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 8, 16385),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, UINT32_MAX, UINT32_MAX),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 8, 8), OK);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 8, 8),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(gpu_rig_unref(&gpu, 2), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(gpu_rig_unref(&gpu, 1), OK);
	ck_assert_uint_eq(gpu_rig_unref(&gpu, 1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
}
END_TEST

START_TEST(all_resources_have_a_limit)
{
	/* Four of 1 GiB. */
	for (uint32_t id = 1; id <= 4; id++)
		ck_assert_uint_eq(gpu_rig_create(&gpu, id, BGRX, 16384, 16384), OK);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 5, BGRX, 1, 1), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(gpu_rig_unref(&gpu, 2), OK);
	for (uint32_t id = 5; id < 5 + GPU_MAX_RESOURCES - 3; id++)
		ck_assert_uint_eq(gpu_rig_create(&gpu, id, BGRX, 1, 1), OK);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 2000, BGRX, 1, 1),
			  VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(gpu_rig_unref(&gpu, 7), OK);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 2000, BGRX, 1, 1), OK);
}
END_TEST

START_TEST(backing_is_inside_memory)
{
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 2, PIXELS, 64),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 1, 0, 64), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 1, RAM_END - 32, 64),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 1, UINT64_MAX - 8, 64),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 1, PIXELS, 0),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_attach_entries(&gpu, 1, 0, 0),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_detach(&gpu, 1), VIRTIO_GPU_RESP_ERR_UNSPEC);
	/* Fewer than it says; more than there may be. */
	gpu_rig_set_entry(&gpu, 0, PIXELS, 64);
	gpu_rig_set_entry(&gpu, 1, PIXELS, 64);
	ck_assert_uint_eq(gpu_rig_attach_entries(&gpu, 1, 3, 2),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_attach_entries(&gpu, 1, GPU_MAX_BACKING + 1, 2),
			  VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(gpu_rig_attach_entries(&gpu, 1, UINT32_MAX, 2),
			  VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(gpu_rig_attach_entries(&gpu, 1, 2, 2), OK);
	ck_assert_uint_eq(gpu_rig_attach_entries(&gpu, 1, 2, 2), VIRTIO_GPU_RESP_ERR_UNSPEC);
	ck_assert_uint_eq(gpu_rig_detach(&gpu, 1), OK);
	ck_assert_uint_eq(gpu_rig_detach(&gpu, 1), VIRTIO_GPU_RESP_ERR_UNSPEC);
}
END_TEST

START_TEST(backing_in_pieces_is_told_in_pieces)
{
	/* A picture of 32 rows of 256 bytes: pages out of order, two of them neighbours. */
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 64, 32), OK);
	gpu_rig_set_entry(&gpu, 0, PIXELS + 0x3000, 0x800);
	gpu_rig_set_entry(&gpu, 1, PIXELS + 0x1000, 0x400);
	gpu_rig_set_entry(&gpu, 2, PIXELS + 0x1400, 0x400);
	gpu_rig_set_entry(&gpu, 3, PIXELS, 0x1000);
	ck_assert_uint_eq(gpu_rig_attach_entries(&gpu, 1, 4, 4), OK);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extents, 3);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extent[0].offset, PIXELS - GUEST_RAM_AT + 0x3000);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extent[1].offset, PIXELS - GUEST_RAM_AT + 0x1000);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extent[1].length, 0x800);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extent[2].length, 0x1000);
	/* A part of it: only its rows, from the ninth on. */
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 16, 9, 32, 4), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->x, 16);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->y, 0);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->stride, 256);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extents, 1);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extent[0].offset, PIXELS - GUEST_RAM_AT + 0x1100);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extent[0].length, 3 * 256 + (16 + 32) * 4);
}
END_TEST

#define LIST_PIECES  256
#define LIST_ENTRIES 256 /* of a piece */

/* The control queue with as many entries as the device has, and indirect descriptors. */
static void bring_up_a_long_queue(void)
{
	struct guest_queue *queue = &gpu.guest.queue[VIRTIO_GPU_CONTROL];

	ck_assert(guest_negotiate(&gpu.guest, VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
						      VIRTIO_FEATURE(VIRTIO_F_VERSION_1)));
	guest_enable_queue(&gpu.guest, VIRTIO_GPU_CURSOR);
	guest_write(&gpu.guest, VIRTIO_PCI_COMMON_Q_SELECT, 2, VIRTIO_GPU_CONTROL);
	*queue = (struct guest_queue){
		.size = (uint16_t)guest_read(&gpu.guest, VIRTIO_PCI_COMMON_Q_SIZE, 2),
		.descriptors = GUEST_RAM_AT + 0x20000,
		.available = GUEST_RAM_AT + 0x22000,
		.used = GUEST_RAM_AT + 0x24000,
	};
	guest_write_layout(&gpu.guest, queue);
	guest_write(&gpu.guest, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	guest_driver_ok(&gpu.guest);
}

/* As Linux does it for 8192x8192: a page of entries a descriptor. */
START_TEST(the_longest_list_fits)
{
	struct virtio_gpu_resource_attach_backing request = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = 1,
		.nr_entries = LIST_PIECES * LIST_ENTRIES};
	uint64_t table = GUEST_RAM_AT + 0x28000;
	uint32_t id, written;

	bring_up_a_long_queue();
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 512, 512), OK);
	/* None continues the one before; all pieces are the same page. */
	for (unsigned int i = 0; i < LIST_ENTRIES; i++)
		gpu_rig_set_entry(&gpu, i, PIXELS + 16 * (uint64_t)(LIST_ENTRIES - 1 - i), 16);
	memcpy(guest_at(&gpu.guest, REQUEST), &request, sizeof(request));
	guest_set_descriptor(&gpu.guest, table, 0, REQUEST, sizeof(request), VRING_DESC_F_NEXT, 1);
	for (uint16_t i = 1; i <= LIST_PIECES; i++)
		guest_set_descriptor(&gpu.guest, table, i, ENTRIES, LIST_ENTRIES * 16,
				     VRING_DESC_F_NEXT, (uint16_t)(i + 1));
	guest_set_descriptor(&gpu.guest, table, LIST_PIECES + 1, RESPONSE, 24, VRING_DESC_F_WRITE,
			     0);
	guest_set_descriptor(&gpu.guest, gpu.guest.queue[VIRTIO_GPU_CONTROL].descriptors, 0, table,
			     (LIST_PIECES + 2) * 16, VRING_DESC_F_INDIRECT, 0);
	guest_make_available(&gpu.guest, VIRTIO_GPU_CONTROL, 0);
	guest_kick(&gpu.guest, VIRTIO_GPU_CONTROL);
	ck_assert(!guest_is_broken(&gpu.guest));
	ck_assert(guest_take_used(&gpu.guest, VIRTIO_GPU_CONTROL, &id, &written));
	ck_assert_uint_eq(load_le32(guest_at(&gpu.guest, RESPONSE)), OK);
	gpu.guest.queue[VIRTIO_GPU_CONTROL].next_descriptor = 1;
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 0, 0, 512, 512), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extents, CHANNEL_MAX_EXTENTS);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->extent[CHANNEL_MAX_EXTENTS - 1].offset,
			  PIXELS - GUEST_RAM_AT);
}
END_TEST

/* --- Scanouts --- */

START_TEST(a_scanout_needs_what_it_shows)
{
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, HEADS, 0, 0, 0, 0, 0),
			  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 0, 0, 64, 32),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 0, 0, 65, 32),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 1, 0, 64, 32),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 0, 0, 0, 32),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, UINT32_MAX, 0, 2, 32),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	/* No pixels yet: dark until there are, and once they are gone. */
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->enabled, 0);
	ck_assert_uint_eq(gpu_rig_flush(&gpu, 1, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 1, PIXELS, 64 * 32 * 4 - 1), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->enabled, 0);
	ck_assert_uint_eq(gpu_rig_detach(&gpu, 1), OK);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 1, PIXELS, 64 * 32 * 4), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->enabled, 1);
	ck_assert_uint_eq(gpu_rig_detach(&gpu, 1), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->enabled, 0);
}
END_TEST

START_TEST(a_scanout_larger_than_a_head_is_refused)
{
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 8193, 1), OK);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 0, 0, 8193, 1),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 0, 1, 1, 0, 8192, 1), OK);
}
END_TEST

START_TEST(what_is_gone_is_not_shown)
{
	gpu_rig_show_a_picture(&gpu, 0, 1);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 1, 1, 0, 0, 10, 10), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 1)->enabled, 1);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 1, 0, 0, 0, 0, 0), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 1)->enabled, 0);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 1, 1, 0, 0, 10, 10), OK);
	ck_assert_uint_eq(gpu_rig_unref(&gpu, 1), OK);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->enabled, 0);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 1)->enabled, 0);
}
END_TEST

START_TEST(a_flush_is_damage_where_it_is_seen)
{
	struct channel_damage damage;

	gpu_rig_show_a_picture(&gpu, 0, 1);
	ck_assert_uint_eq(gpu_rig_scan_out(&gpu, 1, 1, 32, 16, 32, 16), OK);
	gpu_rig_forget_packets(&gpu);
	display_client_next(&gpu.client, &gpu.rig, 0);
	display_client_next(&gpu.client, &gpu.rig, 1);
	ck_assert_uint_eq(gpu_rig_flush(&gpu, 1, 30, 10, 10, 20), OK);
	ck_assert_uint_eq(gpu_rig_next_packet(&gpu, &damage), CHANNEL_DAMAGE);
	ck_assert_uint_eq(damage.head, 0);
	ck_assert_uint_eq(damage.x, 30);
	ck_assert_uint_eq(damage.height, 20);
	ck_assert_uint_eq(gpu_rig_next_packet(&gpu, &damage), CHANNEL_DAMAGE);
	ck_assert_uint_eq(damage.head, 1);
	ck_assert_uint_eq(damage.x, 0);
	ck_assert_uint_eq(damage.y, 0);
	ck_assert_uint_eq(damage.width, 8);
	ck_assert_uint_eq(damage.height, 14);
	/* What is not seen is not told. */
	display_client_next(&gpu.client, &gpu.rig, 1);
	ck_assert_uint_eq(gpu_rig_flush(&gpu, 1, 0, 0, 32, 32), OK);
	ck_assert_uint_eq(gpu_rig_next_packet(&gpu, &damage), 0);
	ck_assert_uint_eq(gpu_rig_flush(&gpu, 2, 0, 0, 1, 1),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(gpu_rig_flush(&gpu, 1, 0, 0, 65, 1),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_flush(&gpu, 1, 0, UINT32_MAX, 1, 2),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}
END_TEST

START_TEST(a_transfer_is_checked)
{
	ck_assert_uint_eq(gpu_rig_transfer(&gpu, 1, 0, 0, 0, 1, 1),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(gpu_rig_create(&gpu, 1, BGRX, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_transfer(&gpu, 1, 0, 0, 0, 64, 32), VIRTIO_GPU_RESP_ERR_UNSPEC);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 1, PIXELS, 64 * 32 * 4), OK);
	ck_assert_uint_eq(gpu_rig_transfer(&gpu, 1, 0, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_transfer(&gpu, 1, (2 * 64 + 3) * 4, 3, 2, 61, 30), OK);
	ck_assert_uint_eq(gpu_rig_transfer(&gpu, 1, 0, 3, 2, 61, 30),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_transfer(&gpu, 1, 0, 0, 0, 65, 32),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(gpu_rig_transfer(&gpu, 1, 0, 0, 0, 0, 0),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("gpu resource");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, all_formats_can_be_shown, 0, ARRAY_SIZE(formats));
	tcase_add_test(tests, a_resource_has_limits);
	tcase_add_test(tests, all_resources_have_a_limit);
	tcase_add_test(tests, backing_is_inside_memory);
	tcase_add_test(tests, backing_in_pieces_is_told_in_pieces);
	tcase_add_test(tests, the_longest_list_fits);
	tcase_add_test(tests, a_scanout_needs_what_it_shows);
	tcase_add_test(tests, a_scanout_larger_than_a_head_is_refused);
	tcase_add_test(tests, what_is_gone_is_not_shown);
	tcase_add_test(tests, a_flush_is_damage_where_it_is_seen);
	tcase_add_test(tests, a_transfer_is_checked);
	return suite_run_case("gpu resource", tests);
}
