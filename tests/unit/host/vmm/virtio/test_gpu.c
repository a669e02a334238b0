/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Heads, cursors, and the queues of a GPU. */
#include "tests/unit/host/vmm/virtio/gpu_rig.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>

static struct gpu_rig gpu;

static void set_up(void)
{
	gpu_rig_open(&gpu);
}

static void tear_down(void)
{
	gpu_rig_close(&gpu);
}

START_TEST(configuration_says_how_many_heads)
{
	ck_assert_uint_eq(guest_read(&gpu.guest, VIRTIO_BAR_CONFIG, 4), 0);
	ck_assert_uint_eq(guest_read(&gpu.guest, VIRTIO_BAR_CONFIG + 8, 4), HEADS);
	ck_assert_uint_eq(guest_read(&gpu.guest, VIRTIO_BAR_CONFIG + 12, 4), 0);
	ck_assert(guest_offered_features(&gpu.guest) & VIRTIO_FEATURE(VIRTIO_GPU_F_EDID));
	ck_assert(!(guest_offered_features(&gpu.guest) & VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL)));
}
END_TEST

START_TEST(a_mode_becomes_an_event_and_an_edid)
{
	const struct virtio_gpu_resp_edid *answer = guest_at(&gpu.guest, RESPONSE);
	uint64_t generation = guest_read(&gpu.guest, VIRTIO_PCI_COMMON_CFGGENERATION, 1);

	ck_assert_uint_eq(gpu_rig_info(&gpu, 0).enabled, 1);
	ck_assert_uint_eq(gpu_rig_info(&gpu, 0).r.width, 640);
	ck_assert_uint_eq(gpu_rig_info(&gpu, 1).enabled, 0);
	gpu_rig_set_mode(&gpu, 1, true, 800, 600, 640);
	ck_assert_uint_eq(guest_read(&gpu.guest, VIRTIO_BAR_CONFIG, 4), VIRTIO_GPU_EVENT_DISPLAY);
	ck_assert_uint_ne(guest_read(&gpu.guest, VIRTIO_PCI_COMMON_CFGGENERATION, 1), generation);
	ck_assert_uint_eq(gpu_rig_info(&gpu, 1).enabled, 1);
	ck_assert_uint_eq(gpu_rig_info(&gpu, 1).r.width, 800);
	ck_assert_uint_eq(gpu_rig_info(&gpu, 1).r.x, 640);
	ck_assert_uint_eq(
		GPU_COMMAND(&gpu, virtio_gpu_cmd_get_edid, VIRTIO_GPU_CMD_GET_EDID, .scanout = 1),
		VIRTIO_GPU_RESP_OK_EDID);
	ck_assert_uint_eq(answer->size, 128);
	ck_assert_uint_eq(answer->edid[54 + 2] | (answer->edid[54 + 4] & 0xf0U) << 4, 800);
	/* Reading does not clear it, writing does; events_read itself cannot be written. */
	guest_write(&gpu.guest, VIRTIO_BAR_CONFIG, 4, 0);
	ck_assert_uint_eq(guest_read(&gpu.guest, VIRTIO_BAR_CONFIG, 4), VIRTIO_GPU_EVENT_DISPLAY);
	guest_write(&gpu.guest, VIRTIO_BAR_CONFIG + 4, 4, VIRTIO_GPU_EVENT_DISPLAY);
	ck_assert_uint_eq(guest_read(&gpu.guest, VIRTIO_BAR_CONFIG, 4), 0);
	gpu_rig_set_mode(&gpu, 1, false, 0, 0, 0);
	ck_assert_uint_eq(guest_read(&gpu.guest, VIRTIO_BAR_CONFIG, 4), VIRTIO_GPU_EVENT_DISPLAY);
	ck_assert_uint_eq(gpu_rig_info(&gpu, 1).enabled, 0);
}
END_TEST

START_TEST(an_edid_needs_a_head_and_the_feature)
{
	ck_assert_uint_eq(GPU_COMMAND(&gpu, virtio_gpu_cmd_get_edid, VIRTIO_GPU_CMD_GET_EDID,
				      .scanout = HEADS),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert(guest_bring_up(&gpu.guest, 0));
	ck_assert_uint_eq(GPU_COMMAND(&gpu, virtio_gpu_cmd_get_edid, VIRTIO_GPU_CMD_GET_EDID),
			  VIRTIO_GPU_RESP_ERR_UNSPEC);
}
END_TEST

START_TEST(a_cursor_is_copied)
{
	const struct channel_cursor *seen = &gpu.client.area->cursor[0];
	uint32_t *pixels = guest_at(&gpu.guest, PIXELS);

	ck_assert_uint_eq(gpu_rig_create(&gpu, 9, VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, 64, 64), OK);
	ck_assert_uint_eq(gpu_rig_cursor(&gpu, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 9, 0, 0, 0, 0),
			  VIRTIO_GPU_RESP_ERR_UNSPEC);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 9, PIXELS, 64 * 64 * 4), OK);
	pixels[65] = 0x80112233;
	ck_assert_uint_eq(
		gpu_rig_cursor(&gpu, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 9, 100, (uint32_t)-7, 5, 6),
		OK);
	ck_assert_uint_eq(seen->visible, 1);
	ck_assert_uint_eq(seen->pixels[65], 0x80332211);
	ck_assert_uint_eq(seen->hot_x, 5);
	ck_assert_int_eq(seen->x, 105);
	ck_assert_int_eq(seen->y, -1);
	ck_assert_uint_eq(gpu_rig_cursor(&gpu, VIRTIO_GPU_CMD_MOVE_CURSOR, 0, 9, 10, 20, 0, 0), OK);
	ck_assert_int_eq(seen->x, 15);
	ck_assert_int_eq(seen->y, 26);
	ck_assert_uint_eq(seen->visible, 1);
	ck_assert_uint_eq(
		gpu_rig_cursor(&gpu, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 0, 0, 0, UINT32_MAX, 0), OK);
	ck_assert_uint_eq(seen->visible, 0);
	ck_assert_uint_lt(seen->hot_x, CHANNEL_CURSOR_SIZE);
	ck_assert_uint_eq(gpu_rig_cursor(&gpu, VIRTIO_GPU_CMD_UPDATE_CURSOR, HEADS, 0, 0, 0, 0, 0),
			  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
	ck_assert_uint_eq(gpu_rig_cursor(&gpu, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 3, 0, 0, 0, 0),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
}
END_TEST

START_TEST(cursors_of_other_sizes_and_in_pieces)
{
	const struct channel_cursor *seen = &gpu.client.area->cursor[1];
	uint32_t *pixels = guest_at(&gpu.guest, PIXELS);

	/* Two pixels of 3 in the first piece of a row. */
	ck_assert_uint_eq(gpu_rig_create(&gpu, 9, BGRX, 3, 2), OK);
	gpu_rig_set_entry(&gpu, 0, PIXELS, 8);
	gpu_rig_set_entry(&gpu, 1, PIXELS + 0x100, 16);
	ck_assert_uint_eq(gpu_rig_attach_entries(&gpu, 9, 2, 2), OK);
	pixels[0] = 1;
	pixels[1] = 2;
	pixels[64] = 3;
	pixels[65] = 4;
	pixels[67] = 6;
	ck_assert_uint_eq(gpu_rig_cursor(&gpu, VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 9, 0, 0, 0, 0), OK);
	ck_assert_uint_eq(seen->pixels[0], 0xff000001);
	ck_assert_uint_eq(seen->pixels[2], 0xff000003);
	ck_assert_uint_eq(seen->pixels[3], 0);
	ck_assert_uint_eq(seen->pixels[64], 0xff000004);
	ck_assert_uint_eq(seen->pixels[66], 0xff000006);
	ck_assert_uint_eq(seen->pixels[128], 0);
	/* Larger than a cursor is: its corner. */
	ck_assert_uint_eq(gpu_rig_create(&gpu, 10, BGRX, 100, 100), OK);
	ck_assert_uint_eq(gpu_rig_attach(&gpu, 10, PIXELS, 100 * 100 * 4), OK);
	pixels[63 * 100 + 63] = 0x77;
	ck_assert_uint_eq(gpu_rig_cursor(&gpu, VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 10, 0, 0, 0, 0),
			  OK);
	ck_assert_uint_eq(seen->pixels[63 * 64 + 63], 0xff000077);
}
END_TEST

/* --- The queue --- */

START_TEST(fences_are_answered)
{
	const struct virtio_gpu_ctrl_hdr *answer = guest_at(&gpu.guest, RESPONSE);
	struct virtio_gpu_resource_unref request = {.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
							    .flags = VIRTIO_GPU_FLAG_FENCE,
							    .fence_id = 0x123456789abcdef0,
							    .ctx_id = 7},
						    .resource_id = 1};

	ck_assert_uint_eq(
		gpu_rig_submit(&gpu, VIRTIO_GPU_CONTROL, &request, sizeof(request), 0, 24),
		VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(answer->flags, VIRTIO_GPU_FLAG_FENCE);
	ck_assert(answer->fence_id == 0x123456789abcdef0);
	ck_assert_uint_eq(answer->ctx_id, 7);
	request.hdr.flags = 0;
	gpu_rig_submit(&gpu, VIRTIO_GPU_CONTROL, &request, sizeof(request), 0, 24);
	ck_assert_uint_eq(answer->flags, 0);
	ck_assert(answer->fence_id == 0);
}
END_TEST

START_TEST(what_is_not_known_is_refused)
{
	static const uint32_t types[] = {0,
					 VIRTIO_GPU_CMD_GET_CAPSET,
					 VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
					 VIRTIO_GPU_CMD_CTX_CREATE,
					 VIRTIO_GPU_CMD_SUBMIT_3D,
					 VIRTIO_GPU_CMD_MOVE_CURSOR,
					 UINT32_MAX};
	uint8_t request[64] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		store_le32(request, types[i]);
		ck_assert_uint_eq(
			gpu_rig_submit(&gpu, VIRTIO_GPU_CONTROL, request, sizeof(request), 0, 24),
			VIRTIO_GPU_RESP_ERR_UNSPEC);
	}
	store_le32(request, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	ck_assert_uint_eq(gpu_rig_submit(&gpu, VIRTIO_GPU_CURSOR, request, sizeof(request), 0, 24),
			  VIRTIO_GPU_RESP_ERR_UNSPEC);
	store_le32(request, VIRTIO_GPU_CMD_GET_CAPSET_INFO);
	ck_assert_uint_eq(gpu_rig_submit(&gpu, VIRTIO_GPU_CONTROL, request, 32, 0, 24),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}
END_TEST

START_TEST(short_requests_and_answers_do_no_harm)
{
	uint8_t request[64] = {0};
	const uint8_t *answer = guest_at(&gpu.guest, RESPONSE);

	store_le32(request, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D);
	ck_assert_uint_eq(gpu_rig_submit(&gpu, VIRTIO_GPU_CONTROL, request, 23, 0, 24),
			  VIRTIO_GPU_RESP_ERR_UNSPEC);
	ck_assert_uint_eq(gpu_rig_submit(&gpu, VIRTIO_GPU_CONTROL, request, 39, 0, 24),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	store_le32(request, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	ck_assert_uint_eq(gpu_rig_submit(&gpu, VIRTIO_GPU_CONTROL, request, 24, 0, 30),
			  VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	ck_assert_uint_eq(answer[30], 0xee);
	ck_assert_uint_eq(gpu_rig_submit(&gpu, VIRTIO_GPU_CONTROL, request, 24, 0, 0), 0);
	ck_assert(!guest_is_broken(&gpu.guest));
}
END_TEST

START_TEST(a_reset_forgets_all_but_modes)
{
	gpu_rig_set_mode(&gpu, 1, true, 800, 600, 640);
	gpu_rig_show_a_picture(&gpu, 0, 1);
	ck_assert_uint_eq(gpu.client.area->driver, 1);
	guest_set_status(&gpu.guest, 0);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->enabled, 0);
	ck_assert_uint_eq(gpu.client.area->driver, 0);
	ck_assert_uint_eq(guest_read(&gpu.guest, VIRTIO_BAR_CONFIG, 4), 0);
	ck_assert(guest_bring_up(&gpu.guest, VIRTIO_FEATURE(VIRTIO_GPU_F_EDID)));
	ck_assert_uint_eq(gpu.client.area->driver, 1);
	ck_assert_uint_eq(gpu_rig_unref(&gpu, 1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(gpu_rig_info(&gpu, 1).r.width, 800);
	gpu_rig_show_a_picture(&gpu, 0, 1);
	ck_assert_uint_eq(gpu_rig_shown(&gpu, 0)->enabled, 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("gpu");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, configuration_says_how_many_heads);
	tcase_add_test(tests, a_mode_becomes_an_event_and_an_edid);
	tcase_add_test(tests, an_edid_needs_a_head_and_the_feature);
	tcase_add_test(tests, a_cursor_is_copied);
	tcase_add_test(tests, cursors_of_other_sizes_and_in_pieces);
	tcase_add_test(tests, fences_are_answered);
	tcase_add_test(tests, what_is_not_known_is_refused);
	tcase_add_test(tests, short_requests_and_answers_do_no_harm);
	tcase_add_test(tests, a_reset_forgets_all_but_modes);
	return suite_run_case("gpu", tests);
}
