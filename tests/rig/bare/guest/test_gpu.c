/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The graphics adapter. "pictures" and "drags" need ../screen.py at the other end of the display
 * channel. */
#include "gpu.h"
#include "io.h"
#include "lib.h"
#include "suites.h"

#define SCREEN_MS 60000 /* for what the host does */
/* As large as ../screen.py drags. */
#define LARGEST_WIDTH  800
#define LARGEST_HEIGHT 600
#define OK	       VIRTIO_GPU_RESP_OK_NODATA

static void test_modes(void)
{
	struct virtio_gpu_display_one mode;
	struct gpu gpu;
	uint32_t heads;

	require(gpu_start(&gpu), "the device does not start");
	heads = mmio_read32(gpu.device.config + offsetof(struct virtio_gpu_config, num_scanouts));
	check(heads >= 1 && heads <= VIRTIO_GPU_MAX_SCANOUTS, "%u heads", heads);
	require(gpu_mode(&gpu, 0, &mode), "no display information");
	check(mode.enabled == 1, "the first head is not enabled");
	check(mode.r.width >= 64 && mode.r.height >= 64, "%ux%u", mode.r.width, mode.r.height);
	for (uint32_t i = heads; i < VIRTIO_GPU_MAX_SCANOUTS; i++) {
		require(gpu_mode(&gpu, i, &mode), "no display information");
		check(mode.enabled == 0, "head %u of %u is enabled", i, heads);
	}
}

static void test_edid(void)
{
	struct virtio_gpu_cmd_get_edid request = {.hdr.type = VIRTIO_GPU_CMD_GET_EDID};
	struct virtio_gpu_resp_edid *answer;
	struct gpu gpu;
	uint8_t sum = 0;

	require(gpu_start(&gpu), "the device does not start");
	require(gpu.device.features & FEATURE(VIRTIO_GPU_F_EDID), "not offered");
	require(gpu_do(&gpu, &request, sizeof(request)) == VIRTIO_GPU_RESP_OK_EDID, "no EDID");
	answer = gpu.answer;
	require(answer->size >= 128 && answer->size % 128 == 0, "%u bytes", answer->size);
	for (unsigned i = 0; i < 128; i++)
		sum = (uint8_t)(sum + answer->edid[i]);
	check(sum == 0, "its sum is %u", sum);
	request.scanout = VIRTIO_GPU_MAX_SCANOUTS;
	check(gpu_do(&gpu, &request, sizeof(request)) == VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
	      "a head that is not there has one");
}

static void test_refusals(void)
{
	struct virtio_gpu_ctrl_hdr unknown = {.type = 0x7777};
	struct gpu gpu;

	require(gpu_start(&gpu), "the device does not start");
	check(gpu_do(&gpu, &unknown, sizeof(unknown)) == VIRTIO_GPU_RESP_ERR_UNSPEC, "7777h");
	check(gpu_create(&gpu, 0, 64, 64) == VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "id 0");
	check(gpu_create(&gpu, 1, 0, 64) == VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "no width");
	check(gpu_create(&gpu, 1, UINT32_MAX, UINT32_MAX) == VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
	      "a size beyond all");
	check(gpu_show(&gpu, 0, 1, 64, 64) == VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
	      "a resource that is not there is shown");
	require(gpu_create(&gpu, 1, 64, 64) == OK, "no resource");
	check(gpu_create(&gpu, 1, 64, 64) == VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "id twice");
	check(gpu_attach_halves(&gpu, 1, (void *)0xfffffffffffff000, 4096) ==
		      VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
	      "pixels beyond all memory");
	check(gpu_show(&gpu, VIRTIO_GPU_MAX_SCANOUTS, 1, 64, 64) ==
		      VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
	      "a head that is not there");
	check(gpu_show(&gpu, 0, 1, 65, 64) == VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "too wide");
}

/* Waits for a change, and says that it was seen. */
static bool wait_change(struct gpu *gpu)
{
	uint64_t config = gpu->device.config;

	if (!wait_for(mmio_read32(config + offsetof(struct virtio_gpu_config, events_read)) &
			      VIRTIO_GPU_EVENT_DISPLAY,
		      SCREEN_MS))
		return false;
	mmio_write32(config + offsetof(struct virtio_gpu_config, events_clear),
		     VIRTIO_GPU_EVENT_DISPLAY);
	return true;
}

static bool show(struct gpu *gpu, uint32_t id, uint32_t *pixels, uint32_t width, uint32_t height)
{
	return gpu_create(gpu, id, width, height) == OK &&
	       gpu_attach_halves(gpu, id, pixels, width * height * 4) == OK &&
	       gpu_show(gpu, 0, id, width, height) == OK && gpu_flush(gpu, id, width, height) == OK;
}

/* The upper half of the picture lies behind the lower one. */
static uint32_t *pixel(uint32_t *pixels, uint32_t width, uint32_t height, uint32_t x, uint32_t y)
{
	return pixels + ((y + height / 2) % height) * width + x;
}

static void show_cursor(struct gpu *gpu)
{
	struct virtio_gpu_update_cursor request = {
		.hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR, .resource_id = 9, .hot_x = 7, .hot_y = 8};
	struct virtio_gpu_resource_create_2d create = {.hdr.type =
							       VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
						       .resource_id = 9,
						       .format = VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,
						       .width = 64,
						       .height = 64};
	uint8_t *pixels = allocate(64 * 64 * 4, 4096);

	for (uint32_t i = 0; i < 8; i++)
		pixels[64 * 64 * 2 + i] = (uint8_t)(i + 1);
	check(gpu_do(gpu, &create, sizeof(create)) == OK, "no cursor");
	check(gpu_attach_halves(gpu, 9, pixels, 64 * 64 * 4) == OK, "no pixels of a cursor");
	check(gpu_do_cursor(gpu, &request), "the cursor is not taken");
	request.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR;
	request.pos.x = 10;
	request.pos.y = 20;
	check(gpu_do_cursor(gpu, &request), "the cursor is not moved");
}

static void test_pictures(void)
{
	struct virtio_gpu_display_one mode;
	uint32_t *first = allocate(320 * 200 * 4, 4096), *second;
	struct gpu gpu;

	require(gpu_start(&gpu), "the device does not start");
	for (uint32_t y = 0; y < 200; y++)
		for (uint32_t x = 0; x < 320; x++)
			*pixel(first, 320, 200, x, y) = (x & 0xff) << 16 | (y & 0xff) << 8 | 0x5a;
	require(show(&gpu, 1, first, 320, 200), "the first picture is not taken");
	/* Once more, for who has connected since. */
	show_cursor(&gpu);
	require(wait_for(gpu_flush(&gpu, 1, 320, 200) != OK ||
				 mmio_read32(gpu.device.config) & VIRTIO_GPU_EVENT_DISPLAY,
			 SCREEN_MS),
		"nobody asks for another mode");
	require(wait_change(&gpu), "no event");
	require(gpu_mode(&gpu, 0, &mode), "no display information");
	require(mode.r.width == 800 && mode.r.height == 600, "the mode is %ux%u", mode.r.width,
		mode.r.height);
	second = allocate(800 * 600 * 4, 4096);
	memset(second, 0x34, 800 * 600 * 4);
	require(show(&gpu, 2, second, 800, 600), "the second picture is not taken");
	require(wait_change(&gpu), "nobody unplugs the monitor");
	require(gpu_mode(&gpu, 0, &mode), "no display information");
	check(mode.enabled == 0, "an unplugged monitor is enabled");
	check(gpu_show(&gpu, 0, 0, 0, 0) == OK, "the head does not go dark");
}

static bool unref(struct gpu *gpu, uint32_t id)
{
	struct virtio_gpu_resource_unref request = {.hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
						    .resource_id = id};

	return gpu_do(gpu, &request, sizeof(request)) == OK;
}

/* Follows whatever ../screen.py wishes, as a driver does: the new picture, then the old one goes;
 * until the monitor is unplugged. */
static void test_drags(void)
{
	struct virtio_gpu_display_one mode;
	uint32_t *pixels = allocate(LARGEST_WIDTH * LARGEST_HEIGHT * 4, 4096);
	uint32_t shown = 0;
	struct gpu gpu;

	require(gpu_start(&gpu), "the device does not start");
	for (;;) {
		require(gpu_mode(&gpu, 0, &mode), "no display information");
		if (!mode.enabled && shown)
			break;
		if (mode.enabled) {
			uint32_t next = shown == 1 ? 2 : 1;

			require(mode.r.width <= LARGEST_WIDTH && mode.r.height <= LARGEST_HEIGHT,
				"the mode is %ux%u", mode.r.width, mode.r.height);
			require(show(&gpu, next, pixels, mode.r.width, mode.r.height),
				"a picture is not taken");
			require(!shown || unref(&gpu, shown), "the old picture does not go");
			shown = next;
		}
		require(wait_change(&gpu), "nobody asks for another mode");
	}
	check(gpu_show(&gpu, 0, 0, 0, 0) == OK, "the head does not go dark");
}

static const struct test tests[] = {
	{"modes", test_modes},	     {"edid", test_edid},   {"refusals", test_refusals},
	{"pictures", test_pictures}, {"drags", test_drags},
};

const struct suite suite_gpu = {"gpu", tests, ARRAY_SIZE(tests), NULL};
