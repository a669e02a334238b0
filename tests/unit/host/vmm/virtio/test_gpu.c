/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/gpu.h"
#include "host/vmm/virtio/gpu_resource.h"
#include "tests/unit/host/vmm/display_rig.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/virtio_gpu.h>

#define HEADS 2

#define REQUEST	 GUEST_BUFFERS_AT
#define ENTRIES	 (GUEST_BUFFERS_AT + 0x1000)
#define RESPONSE (GUEST_BUFFERS_AT + 0x4000)
#define PIXELS	 (GUEST_RAM_AT + 0x40000)
#define RAM_END	 (GUEST_RAM_AT + GUEST_RAM_BYTES)

#define BGRX VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM
#define OK   VIRTIO_GPU_RESP_OK_NODATA

static struct guest guest;
static struct display_rig rig;
static struct display_client client;

static void set_up(void)
{
	struct virtio_device *device;

	guest_init(&guest);
	display_rig_open(&rig, guest.ram, GUEST_RAM_BYTES, HEADS);
	ck_assert_int_eq(virtio_gpu_new(&guest.memory, rig.display, &device), 0);
	guest_plug(&guest, device);
	ck_assert(guest_bring_up(&guest, VIRTIO_FEATURE(VIRTIO_GPU_F_EDID)));
	ck_assert(display_client_open(&client, &rig));
}

static void tear_down(void)
{
	display_client_close(&client);
	guest_free(&guest);
	display_rig_close(&rig);
}

/* --- Commands --- */

static uint32_t submit(unsigned int queue, const void *request, uint32_t size, uint32_t entries,
		       uint32_t room)
{
	struct guest_buffer buffers[3] = {{REQUEST, size, false}};
	unsigned int count = 1;
	uint32_t id, written;

	memcpy(guest_at(&guest, REQUEST), request, size);
	memset(guest_at(&guest, RESPONSE), 0xee, 2048);
	if (entries)
		buffers[count++] = (struct guest_buffer){ENTRIES, entries * 16, false};
	if (room)
		buffers[count++] = (struct guest_buffer){RESPONSE, room, true};
	guest_add(&guest, queue, buffers, count);
	guest_kick(&guest, queue);
	ck_assert(guest_take_used(&guest, queue, &id, &written));
	return room >= 4 ? load_le32(guest_at(&guest, RESPONSE)) : written;
}

#define COMMAND(structure, command, ...)                                                           \
	({                                                                                         \
		struct structure request_ = {.hdr.type = (command), ##__VA_ARGS__};                \
                                                                                                   \
		submit(VIRTIO_GPU_CONTROL, &request_, sizeof(request_), 0, 1100);                  \
	})

static uint32_t create(uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
	return COMMAND(virtio_gpu_resource_create_2d, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		       .resource_id = id, .format = format, .width = width, .height = height);
}

static void set_entry(unsigned int index, uint64_t address, uint32_t length)
{
	uint8_t *entry = (uint8_t *)guest_at(&guest, ENTRIES) + 16 * (size_t)index;

	store_le64(entry, address);
	store_le32(entry + 8, length);
}

/* Entries as set_entry() left them. */
static uint32_t attach_entries(uint32_t id, uint32_t claimed, uint32_t there)
{
	struct virtio_gpu_resource_attach_backing request = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = id,
		.nr_entries = claimed};

	return submit(VIRTIO_GPU_CONTROL, &request, sizeof(request), there, 24);
}

static uint32_t attach(uint32_t id, uint64_t address, uint32_t length)
{
	set_entry(0, address, length);
	return attach_entries(id, 1, 1);
}

static uint32_t detach(uint32_t id)
{
	return COMMAND(virtio_gpu_resource_detach_backing, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
		       .resource_id = id);
}

static uint32_t unref(uint32_t id)
{
	return COMMAND(virtio_gpu_resource_unref, VIRTIO_GPU_CMD_RESOURCE_UNREF, .resource_id = id);
}

static uint32_t scan_out(uint32_t head, uint32_t id, uint32_t x, uint32_t y, uint32_t width,
			 uint32_t height)
{
	return COMMAND(virtio_gpu_set_scanout, VIRTIO_GPU_CMD_SET_SCANOUT, .scanout_id = head,
		       .resource_id = id, .r = {x, y, width, height});
}

static uint32_t flush(uint32_t id, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	return COMMAND(virtio_gpu_resource_flush, VIRTIO_GPU_CMD_RESOURCE_FLUSH, .resource_id = id,
		       .r = {x, y, width, height});
}

static uint32_t transfer(uint32_t id, uint64_t offset, uint32_t x, uint32_t y, uint32_t width,
			 uint32_t height)
{
	return COMMAND(virtio_gpu_transfer_to_host_2d, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
		       .resource_id = id, .offset = offset, .r = {x, y, width, height});
}

static uint32_t cursor(uint32_t type, uint32_t head, uint32_t id, uint32_t x, uint32_t y,
		       uint32_t hot_x, uint32_t hot_y)
{
	struct virtio_gpu_update_cursor request = {.hdr.type = type,
						   .pos = {head, x, y},
						   .resource_id = id,
						   .hot_x = hot_x,
						   .hot_y = hot_y};

	return submit(VIRTIO_GPU_CURSOR, &request, sizeof(request), 0, 24);
}

/* A picture of 64x32 at PIXELS, on a head. */
static void show_a_picture(uint32_t head, uint32_t id)
{
	ck_assert_uint_eq(create(id, BGRX, 64, 32), OK);
	ck_assert_uint_eq(attach(id, PIXELS, 64 * 32 * 4), OK);
	ck_assert_uint_eq(scan_out(head, id, 0, 0, 64, 32), OK);
}

static const struct channel_scanout *shown(unsigned int head)
{
	return &client.area->scanout[head];
}

/* The next packet, 0 if there is none. */
static uint32_t next_packet(struct channel_damage *packet)
{
	memset(packet, 0, sizeof(*packet));
	display_rig_turn(&rig);
	return display_client_receive(&client, packet, sizeof(*packet)) > 0 ? packet->kind : 0;
}

static void forget_packets(void)
{
	struct channel_damage packet;

	while (next_packet(&packet) != 0)
		;
}

/* --- Display --- */

START_TEST(configuration_says_how_many_heads)
{
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 4), 0);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 8, 4), HEADS);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 12, 4), 0);
	ck_assert(guest_offered_features(&guest) & VIRTIO_FEATURE(VIRTIO_GPU_F_EDID));
	ck_assert(!(guest_offered_features(&guest) & VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL)));
}
END_TEST

static void set_mode(uint32_t head, bool enabled, uint32_t width, uint32_t height, int32_t x)
{
	struct channel_mode mode = {CHANNEL_MODE, head, enabled, width, height, 0, 0, x, 0};

	display_client_send(&client, &mode, sizeof(mode));
	display_rig_turn(&rig);
}

static struct virtio_gpu_display_one info_of(unsigned int head)
{
	const struct virtio_gpu_resp_display_info *info = guest_at(&guest, RESPONSE);
	struct virtio_gpu_ctrl_hdr request = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};

	ck_assert_uint_eq(submit(VIRTIO_GPU_CONTROL, &request, sizeof(request), 0, 1100),
			  VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	return info->pmodes[head];
}

START_TEST(a_mode_becomes_an_event_and_an_edid)
{
	const struct virtio_gpu_resp_edid *answer = guest_at(&guest, RESPONSE);
	uint64_t generation = guest_read(&guest, VIRTIO_PCI_COMMON_CFGGENERATION, 1);

	ck_assert_uint_eq(info_of(0).enabled, 1);
	ck_assert_uint_eq(info_of(0).r.width, 640);
	ck_assert_uint_eq(info_of(1).enabled, 0);
	set_mode(1, true, 800, 600, 640);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 4), VIRTIO_GPU_EVENT_DISPLAY);
	ck_assert_uint_ne(guest_read(&guest, VIRTIO_PCI_COMMON_CFGGENERATION, 1), generation);
	ck_assert_uint_eq(info_of(1).enabled, 1);
	ck_assert_uint_eq(info_of(1).r.width, 800);
	ck_assert_uint_eq(info_of(1).r.x, 640);
	ck_assert_uint_eq(COMMAND(virtio_gpu_cmd_get_edid, VIRTIO_GPU_CMD_GET_EDID, .scanout = 1),
			  VIRTIO_GPU_RESP_OK_EDID);
	ck_assert_uint_eq(answer->size, 128);
	ck_assert_uint_eq(answer->edid[54 + 2] | (answer->edid[54 + 4] & 0xf0U) << 4, 800);
	/* Reading does not clear it, writing does; events_read itself cannot be written. */
	guest_write(&guest, VIRTIO_BAR_CONFIG, 4, 0);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 4), VIRTIO_GPU_EVENT_DISPLAY);
	guest_write(&guest, VIRTIO_BAR_CONFIG + 4, 4, VIRTIO_GPU_EVENT_DISPLAY);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 4), 0);
	set_mode(1, false, 0, 0, 0);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 4), VIRTIO_GPU_EVENT_DISPLAY);
	ck_assert_uint_eq(info_of(1).enabled, 0);
}
END_TEST

START_TEST(an_edid_needs_a_head_and_the_feature)
{
	ck_assert_uint_eq(
		COMMAND(virtio_gpu_cmd_get_edid, VIRTIO_GPU_CMD_GET_EDID, .scanout = HEADS),
		VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_uint_eq(COMMAND(virtio_gpu_cmd_get_edid, VIRTIO_GPU_CMD_GET_EDID),
			  VIRTIO_GPU_RESP_ERR_UNSPEC);
}
END_TEST

/* --- Resources --- */

static const uint32_t formats[] = {1, 2, 3, 4, 67, 68, 121, 134};

START_TEST(all_formats_can_be_shown)
{
	ck_assert_uint_eq(create(1, formats[_i], 64, 32), OK);
	ck_assert_uint_eq(attach(1, PIXELS, 64 * 32 * 4), OK);
	ck_assert_uint_eq(scan_out(0, 1, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(shown(0)->enabled, 1);
	ck_assert_uint_eq(shown(0)->format, formats[_i]);
}
END_TEST

START_TEST(a_resource_has_limits)
{
	ck_assert_uint_eq(create(0, BGRX, 8, 8), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(create(1, 0, 8, 8), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(create(1, 5, 8, 8), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(create(1, BGRX, 0, 8), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(create(1, BGRX, 8, 16385), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(create(1, BGRX, UINT32_MAX, UINT32_MAX),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(create(1, BGRX, 8, 8), OK);
	ck_assert_uint_eq(create(1, BGRX, 8, 8), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(unref(2), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(unref(1), OK);
	ck_assert_uint_eq(unref(1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
}
END_TEST

START_TEST(all_resources_have_a_limit)
{
	/* Four of 1 GiB. */
	for (uint32_t id = 1; id <= 4; id++)
		ck_assert_uint_eq(create(id, BGRX, 16384, 16384), OK);
	ck_assert_uint_eq(create(5, BGRX, 1, 1), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(unref(2), OK);
	for (uint32_t id = 5; id < 5 + GPU_MAX_RESOURCES - 3; id++)
		ck_assert_uint_eq(create(id, BGRX, 1, 1), OK);
	ck_assert_uint_eq(create(2000, BGRX, 1, 1), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(unref(7), OK);
	ck_assert_uint_eq(create(2000, BGRX, 1, 1), OK);
}
END_TEST

START_TEST(backing_is_inside_memory)
{
	ck_assert_uint_eq(create(1, BGRX, 64, 32), OK);
	ck_assert_uint_eq(attach(2, PIXELS, 64), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(attach(1, 0, 64), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(attach(1, RAM_END - 32, 64), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(attach(1, UINT64_MAX - 8, 64), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(attach(1, PIXELS, 0), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(attach_entries(1, 0, 0), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(detach(1), VIRTIO_GPU_RESP_ERR_UNSPEC);
	/* Fewer than it says; more than there may be. */
	set_entry(0, PIXELS, 64);
	set_entry(1, PIXELS, 64);
	ck_assert_uint_eq(attach_entries(1, 3, 2), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(attach_entries(1, GPU_MAX_BACKING + 1, 2),
			  VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(attach_entries(1, UINT32_MAX, 2), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(attach_entries(1, 2, 2), OK);
	ck_assert_uint_eq(attach_entries(1, 2, 2), VIRTIO_GPU_RESP_ERR_UNSPEC);
	ck_assert_uint_eq(detach(1), OK);
	ck_assert_uint_eq(detach(1), VIRTIO_GPU_RESP_ERR_UNSPEC);
}
END_TEST

START_TEST(backing_in_pieces_is_told_in_pieces)
{
	/* A picture of 32 rows of 256 bytes: pages out of order, two of them neighbours. */
	ck_assert_uint_eq(create(1, BGRX, 64, 32), OK);
	set_entry(0, PIXELS + 0x3000, 0x800);
	set_entry(1, PIXELS + 0x1000, 0x400);
	set_entry(2, PIXELS + 0x1400, 0x400);
	set_entry(3, PIXELS, 0x1000);
	ck_assert_uint_eq(attach_entries(1, 4, 4), OK);
	ck_assert_uint_eq(scan_out(0, 1, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(shown(0)->extents, 3);
	ck_assert_uint_eq(shown(0)->extent[0].offset, PIXELS - GUEST_RAM_AT + 0x3000);
	ck_assert_uint_eq(shown(0)->extent[1].offset, PIXELS - GUEST_RAM_AT + 0x1000);
	ck_assert_uint_eq(shown(0)->extent[1].length, 0x800);
	ck_assert_uint_eq(shown(0)->extent[2].length, 0x1000);
	/* A part of it: only its rows, from the ninth on. */
	ck_assert_uint_eq(scan_out(0, 1, 16, 9, 32, 4), OK);
	ck_assert_uint_eq(shown(0)->x, 16);
	ck_assert_uint_eq(shown(0)->y, 0);
	ck_assert_uint_eq(shown(0)->stride, 256);
	ck_assert_uint_eq(shown(0)->extents, 1);
	ck_assert_uint_eq(shown(0)->extent[0].offset, PIXELS - GUEST_RAM_AT + 0x1100);
	ck_assert_uint_eq(shown(0)->extent[0].length, 3 * 256 + (16 + 32) * 4);
}
END_TEST

#define LIST_PIECES  256
#define LIST_ENTRIES 256 /* of a piece */

/* The control queue with as many entries as the device has, and indirect descriptors. */
static void bring_up_a_long_queue(void)
{
	struct guest_queue *queue = &guest.queue[VIRTIO_GPU_CONTROL];

	ck_assert(guest_negotiate(&guest, VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
						  VIRTIO_FEATURE(VIRTIO_F_VERSION_1)));
	guest_enable_queue(&guest, VIRTIO_GPU_CURSOR);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_SELECT, 2, VIRTIO_GPU_CONTROL);
	*queue = (struct guest_queue){
		.size = (uint16_t)guest_read(&guest, VIRTIO_PCI_COMMON_Q_SIZE, 2),
		.descriptors = GUEST_RAM_AT + 0x20000,
		.available = GUEST_RAM_AT + 0x22000,
		.used = GUEST_RAM_AT + 0x24000,
	};
	guest_write_layout(&guest, queue);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	guest_driver_ok(&guest);
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
	ck_assert_uint_eq(create(1, BGRX, 512, 512), OK);
	/* None continues the one before; all pieces are the same page. */
	for (unsigned int i = 0; i < LIST_ENTRIES; i++)
		set_entry(i, PIXELS + 16 * (uint64_t)(LIST_ENTRIES - 1 - i), 16);
	memcpy(guest_at(&guest, REQUEST), &request, sizeof(request));
	guest_set_descriptor(&guest, table, 0, REQUEST, sizeof(request), VRING_DESC_F_NEXT, 1);
	for (uint16_t i = 1; i <= LIST_PIECES; i++)
		guest_set_descriptor(&guest, table, i, ENTRIES, LIST_ENTRIES * 16,
				     VRING_DESC_F_NEXT, (uint16_t)(i + 1));
	guest_set_descriptor(&guest, table, LIST_PIECES + 1, RESPONSE, 24, VRING_DESC_F_WRITE, 0);
	guest_set_descriptor(&guest, guest.queue[VIRTIO_GPU_CONTROL].descriptors, 0, table,
			     (LIST_PIECES + 2) * 16, VRING_DESC_F_INDIRECT, 0);
	guest_make_available(&guest, VIRTIO_GPU_CONTROL, 0);
	guest_kick(&guest, VIRTIO_GPU_CONTROL);
	ck_assert(!guest_is_broken(&guest));
	ck_assert(guest_take_used(&guest, VIRTIO_GPU_CONTROL, &id, &written));
	ck_assert_uint_eq(load_le32(guest_at(&guest, RESPONSE)), OK);
	guest.queue[VIRTIO_GPU_CONTROL].next_descriptor = 1;
	ck_assert_uint_eq(scan_out(0, 1, 0, 0, 512, 512), OK);
	ck_assert_uint_eq(shown(0)->extents, CHANNEL_MAX_EXTENTS);
	ck_assert_uint_eq(shown(0)->extent[CHANNEL_MAX_EXTENTS - 1].offset, PIXELS - GUEST_RAM_AT);
}
END_TEST

/* --- Scanouts --- */

START_TEST(a_scanout_needs_what_it_shows)
{
	ck_assert_uint_eq(scan_out(HEADS, 0, 0, 0, 0, 0), VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
	ck_assert_uint_eq(scan_out(0, 1, 0, 0, 64, 32), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(create(1, BGRX, 64, 32), OK);
	ck_assert_uint_eq(scan_out(0, 1, 0, 0, 65, 32), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(scan_out(0, 1, 1, 0, 64, 32), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(scan_out(0, 1, 0, 0, 0, 32), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(scan_out(0, 1, UINT32_MAX, 0, 2, 32),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	/* No pixels yet: dark until there are, and once they are gone. */
	ck_assert_uint_eq(scan_out(0, 1, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(shown(0)->enabled, 0);
	ck_assert_uint_eq(flush(1, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(attach(1, PIXELS, 64 * 32 * 4 - 1), OK);
	ck_assert_uint_eq(shown(0)->enabled, 0);
	ck_assert_uint_eq(detach(1), OK);
	ck_assert_uint_eq(attach(1, PIXELS, 64 * 32 * 4), OK);
	ck_assert_uint_eq(shown(0)->enabled, 1);
	ck_assert_uint_eq(detach(1), OK);
	ck_assert_uint_eq(shown(0)->enabled, 0);
}
END_TEST

START_TEST(a_scanout_larger_than_a_head_is_refused)
{
	ck_assert_uint_eq(create(1, BGRX, 8193, 1), OK);
	ck_assert_uint_eq(scan_out(0, 1, 0, 0, 8193, 1), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(scan_out(0, 1, 1, 0, 8192, 1), OK);
}
END_TEST

START_TEST(what_is_gone_is_not_shown)
{
	show_a_picture(0, 1);
	ck_assert_uint_eq(scan_out(1, 1, 0, 0, 10, 10), OK);
	ck_assert_uint_eq(shown(1)->enabled, 1);
	ck_assert_uint_eq(scan_out(1, 0, 0, 0, 0, 0), OK);
	ck_assert_uint_eq(shown(1)->enabled, 0);
	ck_assert_uint_eq(scan_out(1, 1, 0, 0, 10, 10), OK);
	ck_assert_uint_eq(unref(1), OK);
	ck_assert_uint_eq(shown(0)->enabled, 0);
	ck_assert_uint_eq(shown(1)->enabled, 0);
}
END_TEST

START_TEST(a_flush_is_damage_where_it_is_seen)
{
	struct channel_damage damage;

	show_a_picture(0, 1);
	ck_assert_uint_eq(scan_out(1, 1, 32, 16, 32, 16), OK);
	forget_packets();
	display_client_next(&client, &rig, 0);
	display_client_next(&client, &rig, 1);
	ck_assert_uint_eq(flush(1, 30, 10, 10, 20), OK);
	ck_assert_uint_eq(next_packet(&damage), CHANNEL_DAMAGE);
	ck_assert_uint_eq(damage.head, 0);
	ck_assert_uint_eq(damage.x, 30);
	ck_assert_uint_eq(damage.height, 20);
	ck_assert_uint_eq(next_packet(&damage), CHANNEL_DAMAGE);
	ck_assert_uint_eq(damage.head, 1);
	ck_assert_uint_eq(damage.x, 0);
	ck_assert_uint_eq(damage.y, 0);
	ck_assert_uint_eq(damage.width, 8);
	ck_assert_uint_eq(damage.height, 14);
	/* What is not seen is not told. */
	display_client_next(&client, &rig, 1);
	ck_assert_uint_eq(flush(1, 0, 0, 32, 32), OK);
	ck_assert_uint_eq(next_packet(&damage), 0);
	ck_assert_uint_eq(flush(2, 0, 0, 1, 1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(flush(1, 0, 0, 65, 1), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(flush(1, 0, UINT32_MAX, 1, 2), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}
END_TEST

START_TEST(a_transfer_is_checked)
{
	ck_assert_uint_eq(transfer(1, 0, 0, 0, 1, 1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(create(1, BGRX, 64, 32), OK);
	ck_assert_uint_eq(transfer(1, 0, 0, 0, 64, 32), VIRTIO_GPU_RESP_ERR_UNSPEC);
	ck_assert_uint_eq(attach(1, PIXELS, 64 * 32 * 4), OK);
	ck_assert_uint_eq(transfer(1, 0, 0, 0, 64, 32), OK);
	ck_assert_uint_eq(transfer(1, (2 * 64 + 3) * 4, 3, 2, 61, 30), OK);
	ck_assert_uint_eq(transfer(1, 0, 3, 2, 61, 30), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(transfer(1, 0, 0, 0, 65, 32), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	ck_assert_uint_eq(transfer(1, 0, 0, 0, 0, 0), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}
END_TEST

/* --- The cursor --- */

START_TEST(a_cursor_is_copied)
{
	const struct channel_cursor *seen = &client.area->cursor[0];
	uint32_t *pixels = guest_at(&guest, PIXELS);

	ck_assert_uint_eq(create(9, VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, 64, 64), OK);
	ck_assert_uint_eq(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 9, 0, 0, 0, 0),
			  VIRTIO_GPU_RESP_ERR_UNSPEC);
	ck_assert_uint_eq(attach(9, PIXELS, 64 * 64 * 4), OK);
	pixels[65] = 0x80112233;
	ck_assert_uint_eq(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 9, 100, (uint32_t)-7, 5, 6), OK);
	ck_assert_uint_eq(seen->visible, 1);
	ck_assert_uint_eq(seen->pixels[65], 0x80332211);
	ck_assert_uint_eq(seen->hot_x, 5);
	ck_assert_int_eq(seen->x, 105);
	ck_assert_int_eq(seen->y, -1);
	ck_assert_uint_eq(cursor(VIRTIO_GPU_CMD_MOVE_CURSOR, 0, 9, 10, 20, 0, 0), OK);
	ck_assert_int_eq(seen->x, 15);
	ck_assert_int_eq(seen->y, 26);
	ck_assert_uint_eq(seen->visible, 1);
	ck_assert_uint_eq(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 0, 0, 0, UINT32_MAX, 0), OK);
	ck_assert_uint_eq(seen->visible, 0);
	ck_assert_uint_lt(seen->hot_x, CHANNEL_CURSOR_SIZE);
	ck_assert_uint_eq(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, HEADS, 0, 0, 0, 0, 0),
			  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
	ck_assert_uint_eq(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 3, 0, 0, 0, 0),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
}
END_TEST

START_TEST(cursors_of_other_sizes_and_in_pieces)
{
	const struct channel_cursor *seen = &client.area->cursor[1];
	uint32_t *pixels = guest_at(&guest, PIXELS);

	/* Two pixels of 3 in the first piece of a row. */
	ck_assert_uint_eq(create(9, BGRX, 3, 2), OK);
	set_entry(0, PIXELS, 8);
	set_entry(1, PIXELS + 0x100, 16);
	ck_assert_uint_eq(attach_entries(9, 2, 2), OK);
	pixels[0] = 1;
	pixels[1] = 2;
	pixels[64] = 3;
	pixels[65] = 4;
	pixels[67] = 6;
	ck_assert_uint_eq(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 9, 0, 0, 0, 0), OK);
	ck_assert_uint_eq(seen->pixels[0], 0xff000001);
	ck_assert_uint_eq(seen->pixels[2], 0xff000003);
	ck_assert_uint_eq(seen->pixels[3], 0);
	ck_assert_uint_eq(seen->pixels[64], 0xff000004);
	ck_assert_uint_eq(seen->pixels[66], 0xff000006);
	ck_assert_uint_eq(seen->pixels[128], 0);
	/* Larger than a cursor is: its corner. */
	ck_assert_uint_eq(create(10, BGRX, 100, 100), OK);
	ck_assert_uint_eq(attach(10, PIXELS, 100 * 100 * 4), OK);
	pixels[63 * 100 + 63] = 0x77;
	ck_assert_uint_eq(cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 10, 0, 0, 0, 0), OK);
	ck_assert_uint_eq(seen->pixels[63 * 64 + 63], 0xff000077);
}
END_TEST

/* --- The queue --- */

START_TEST(fences_are_answered)
{
	const struct virtio_gpu_ctrl_hdr *answer = guest_at(&guest, RESPONSE);
	struct virtio_gpu_resource_unref request = {.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
							    .flags = VIRTIO_GPU_FLAG_FENCE,
							    .fence_id = 0x123456789abcdef0,
							    .ctx_id = 7},
						    .resource_id = 1};

	ck_assert_uint_eq(submit(VIRTIO_GPU_CONTROL, &request, sizeof(request), 0, 24),
			  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(answer->flags, VIRTIO_GPU_FLAG_FENCE);
	ck_assert(answer->fence_id == 0x123456789abcdef0);
	ck_assert_uint_eq(answer->ctx_id, 7);
	request.hdr.flags = 0;
	submit(VIRTIO_GPU_CONTROL, &request, sizeof(request), 0, 24);
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
		ck_assert_uint_eq(submit(VIRTIO_GPU_CONTROL, request, sizeof(request), 0, 24),
				  VIRTIO_GPU_RESP_ERR_UNSPEC);
	}
	store_le32(request, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	ck_assert_uint_eq(submit(VIRTIO_GPU_CURSOR, request, sizeof(request), 0, 24),
			  VIRTIO_GPU_RESP_ERR_UNSPEC);
	store_le32(request, VIRTIO_GPU_CMD_GET_CAPSET_INFO);
	ck_assert_uint_eq(submit(VIRTIO_GPU_CONTROL, request, 32, 0, 24),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}
END_TEST

START_TEST(short_requests_and_answers_do_no_harm)
{
	uint8_t request[64] = {0};
	const uint8_t *answer = guest_at(&guest, RESPONSE);

	store_le32(request, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D);
	ck_assert_uint_eq(submit(VIRTIO_GPU_CONTROL, request, 23, 0, 24),
			  VIRTIO_GPU_RESP_ERR_UNSPEC);
	ck_assert_uint_eq(submit(VIRTIO_GPU_CONTROL, request, 39, 0, 24),
			  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	store_le32(request, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	ck_assert_uint_eq(submit(VIRTIO_GPU_CONTROL, request, 24, 0, 30),
			  VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	ck_assert_uint_eq(answer[30], 0xee);
	ck_assert_uint_eq(submit(VIRTIO_GPU_CONTROL, request, 24, 0, 0), 0);
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

START_TEST(a_reset_forgets_all_but_modes)
{
	set_mode(1, true, 800, 600, 640);
	show_a_picture(0, 1);
	ck_assert_uint_eq(client.area->driver, 1);
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(shown(0)->enabled, 0);
	ck_assert_uint_eq(client.area->driver, 0);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 4), 0);
	ck_assert(guest_bring_up(&guest, VIRTIO_FEATURE(VIRTIO_GPU_F_EDID)));
	ck_assert_uint_eq(client.area->driver, 1);
	ck_assert_uint_eq(unref(1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	ck_assert_uint_eq(info_of(1).r.width, 800);
	show_a_picture(0, 1);
	ck_assert_uint_eq(shown(0)->enabled, 1);
}
END_TEST

static void add_display_tests(TCase *tc)
{
	tcase_add_test(tc, configuration_says_how_many_heads);
	tcase_add_test(tc, a_mode_becomes_an_event_and_an_edid);
	tcase_add_test(tc, an_edid_needs_a_head_and_the_feature);
	tcase_add_test(tc, a_cursor_is_copied);
	tcase_add_test(tc, cursors_of_other_sizes_and_in_pieces);
}

static void add_resource_tests(TCase *tc)
{
	tcase_add_loop_test(tc, all_formats_can_be_shown, 0, ARRAY_SIZE(formats));
	tcase_add_test(tc, a_resource_has_limits);
	tcase_add_test(tc, all_resources_have_a_limit);
	tcase_add_test(tc, backing_is_inside_memory);
	tcase_add_test(tc, backing_in_pieces_is_told_in_pieces);
	tcase_add_test(tc, the_longest_list_fits);
	tcase_add_test(tc, a_scanout_needs_what_it_shows);
	tcase_add_test(tc, a_scanout_larger_than_a_head_is_refused);
	tcase_add_test(tc, what_is_gone_is_not_shown);
	tcase_add_test(tc, a_flush_is_damage_where_it_is_seen);
	tcase_add_test(tc, a_transfer_is_checked);
}

static void add_queue_tests(TCase *tc)
{
	tcase_add_test(tc, fences_are_answered);
	tcase_add_test(tc, what_is_not_known_is_refused);
	tcase_add_test(tc, short_requests_and_answers_do_no_harm);
	tcase_add_test(tc, a_reset_forgets_all_but_modes);
}

int main(void)
{
	static void (*const add[])(TCase * tc) = {add_display_tests, add_resource_tests,
						  add_queue_tests};
	static const char *const names[] = {"display", "resources", "queue"};
	Suite *suite = suite_create("gpu");

	for (size_t i = 0; i < ARRAY_SIZE(add); i++) {
		TCase *tc = tcase_create(names[i]);

		tcase_add_checked_fixture(tc, set_up, tear_down);
		add[i](tc);
		suite_add_tcase(suite, tc);
	}
	return suite_run(suite);
}
