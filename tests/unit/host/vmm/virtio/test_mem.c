/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/mem.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/virtio_mem.h>
#include <poll.h>

#define BLOCK	 VIRTIO_MEM_BLOCK_BYTES
#define STEP	 VIRTIO_MEM_STEP_BYTES
#define REGION	 (4 * STEP)
#define AT	 0x100000000ULL
#define RESPONSE (GUEST_BUFFERS_AT + 0x100)

static struct guest guest;
static struct virtio_device *device;
static uint64_t given_offset, given_bytes, reached, told_plugged;
static unsigned int gifts;
static int give_back_error, reach_error;

static int give_back(void *owner, uint64_t offset, uint64_t length)
{
	ck_assert_ptr_eq(owner, &guest);
	ck_assert_uint_le(offset + length, REGION);
	if (give_back_error)
		return give_back_error;
	given_offset = offset;
	given_bytes = length;
	gifts++;
	return 0;
}

static int reach(void *owner, uint64_t bytes)
{
	ck_assert_ptr_eq(owner, &guest);
	if (!reach_error)
		reached = bytes;
	return reach_error;
}

static void plugged(void *owner, uint64_t bytes)
{
	ck_assert_ptr_eq(owner, &guest);
	told_plugged = bytes;
}

static const struct virtio_mem_ops ops = {give_back, reach, plugged};

static void set_up(void)
{
	struct virtio_mem_setup setup = {NULL, AT, REGION, &ops, &guest};

	given_offset = given_bytes = reached = told_plugged = gifts = 0;
	give_back_error = reach_error = 0;
	guest_init(&guest);
	setup.memory = &guest.memory;
	ck_assert_int_eq(virtio_mem_new(&setup, &device), 0);
	guest_plug(&guest, device);
}

static void tear_down(void)
{
	guest_free(&guest);
}

static struct virtio_mem_state state(void)
{
	struct virtio_mem_state read;

	virtio_mem_read(device, &read);
	return read;
}

static uint64_t read_config(size_t offset)
{
	return guest_read(&guest, VIRTIO_BAR_CONFIG + offset, 4) |
	       guest_read(&guest, VIRTIO_BAR_CONFIG + offset + 4, 4) << 32;
}

#define CONFIG(field) read_config(offsetof(struct virtio_mem_config, field))

/* The type of the response; its state in @found. */
static int ask(uint16_t type, uint64_t gpa, uint16_t blocks, uint16_t *found)
{
	struct virtio_mem_req request = {
		.type = htole16(type),
		.u.plug = {.addr = htole64(gpa), .nb_blocks = htole16(blocks)},
	};
	struct guest_buffer buffers[] = {
		{GUEST_BUFFERS_AT, sizeof(request), false},
		{RESPONSE, sizeof(struct virtio_mem_resp), true},
	};
	struct virtio_mem_resp response;
	uint32_t id, written;

	memcpy(guest_at(&guest, GUEST_BUFFERS_AT), &request, sizeof(request));
	guest_add(&guest, 0, buffers, 2);
	guest_kick(&guest, 0);
	ck_assert(guest_take_used(&guest, 0, &id, &written));
	ck_assert_uint_eq(written, sizeof(response));
	memcpy(&response, guest_at(&guest, RESPONSE), sizeof(response));
	if (found)
		*found = le16toh(response.u.state.state);
	return le16toh(response.type);
}

static int plug(uint64_t block, uint16_t count)
{
	return ask(VIRTIO_MEM_REQ_PLUG, AT + block * BLOCK, count, NULL);
}

static int unplug(uint64_t block, uint16_t count)
{
	return ask(VIRTIO_MEM_REQ_UNPLUG, AT + block * BLOCK, count, NULL);
}

START_TEST(the_driver_finds_the_region)
{
	ck_assert_uint_eq(CONFIG(block_size), BLOCK);
	ck_assert_uint_eq(CONFIG(addr), AT);
	ck_assert_uint_eq(CONFIG(region_size), REGION);
	ck_assert_uint_eq(CONFIG(usable_region_size), 0);
	ck_assert_uint_eq(CONFIG(requested_size), 0);
	ck_assert_int_eq(virtio_mem_request(device, STEP + 1), 0);
	ck_assert_uint_eq(CONFIG(requested_size), STEP + BLOCK);
	ck_assert_uint_eq(CONFIG(usable_region_size), 2 * STEP);
	ck_assert_uint_eq(reached, 2 * STEP);
	ck_assert(guest_offered_features(&guest) &
		  VIRTIO_FEATURE(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE));
}
END_TEST

START_TEST(blocks_go_in_and_out)
{
	struct pollfd changed = {.fd = virtio_mem_changed_fd(device), .events = POLLIN};

	ck_assert_int_eq(virtio_mem_request(device, STEP), 0);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert(state().driver);
	ck_assert_int_eq(poll(&changed, 1, 0), 0);
	ck_assert_int_eq(plug(3, 5), VIRTIO_MEM_RESP_ACK);
	ck_assert_int_eq(poll(&changed, 1, 0), 1);
	virtio_mem_seen(device);
	ck_assert_int_eq(poll(&changed, 1, 0), 0);
	ck_assert_uint_eq(told_plugged, 5 * BLOCK);
	ck_assert_uint_eq(CONFIG(plugged_size), 5 * BLOCK);
	ck_assert_uint_eq(gifts, 0);
	ck_assert_int_eq(unplug(4, 2), VIRTIO_MEM_RESP_ACK);
	ck_assert_uint_eq(gifts, 1);
	ck_assert_uint_eq(given_offset, 4 * BLOCK);
	ck_assert_uint_eq(given_bytes, 2 * BLOCK);
	ck_assert_uint_eq(state().plugged_bytes, 3 * BLOCK);
	ck_assert_int_eq(poll(&changed, 1, 0), 1);
}
END_TEST

START_TEST(states_are_told)
{
	uint16_t found;

	ck_assert_int_eq(virtio_mem_request(device, STEP), 0);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(plug(2, 2), VIRTIO_MEM_RESP_ACK);
	ck_assert_int_eq(ask(VIRTIO_MEM_REQ_STATE, AT, 2, &found), VIRTIO_MEM_RESP_ACK);
	ck_assert_int_eq(found, VIRTIO_MEM_STATE_UNPLUGGED);
	ck_assert_int_eq(ask(VIRTIO_MEM_REQ_STATE, AT + 2 * BLOCK, 2, &found), VIRTIO_MEM_RESP_ACK);
	ck_assert_int_eq(found, VIRTIO_MEM_STATE_PLUGGED);
	ck_assert_int_eq(ask(VIRTIO_MEM_REQ_STATE, AT, 3, &found), VIRTIO_MEM_RESP_ACK);
	ck_assert_int_eq(found, VIRTIO_MEM_STATE_MIXED);
}
END_TEST

START_TEST(no_more_than_requested_is_plugged_in)
{
	ck_assert_int_eq(virtio_mem_request(device, 10 * BLOCK), 0);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(plug(0, 11), VIRTIO_MEM_RESP_NACK);
	ck_assert_int_eq(plug(0, 8), VIRTIO_MEM_RESP_ACK);
	ck_assert_int_eq(plug(20, 3), VIRTIO_MEM_RESP_NACK);
	ck_assert_int_eq(virtio_mem_request(device, 4 * BLOCK), 0);
	ck_assert_int_eq(plug(20, 1), VIRTIO_MEM_RESP_NACK);
	ck_assert_uint_eq(state().plugged_bytes, 8 * BLOCK);
	ck_assert_int_eq(virtio_mem_request(device, REGION + 1), -ERANGE);
}
END_TEST

/* What is wrong in itself is an error, and changes nothing. */
START_TEST(wild_requests_are_errors)
{
	static const struct {
		uint16_t type;
		uint64_t gpa;
		uint16_t blocks;
	} wild[] = {
		{VIRTIO_MEM_REQ_PLUG, AT - BLOCK, 1},
		{VIRTIO_MEM_REQ_PLUG, 0, 1},
		{VIRTIO_MEM_REQ_PLUG, AT + 1, 1},
		{VIRTIO_MEM_REQ_PLUG, AT, 0},
		{VIRTIO_MEM_REQ_PLUG, AT, STEP / BLOCK + 1},
		{VIRTIO_MEM_REQ_PLUG, AT + STEP, 1},
		{VIRTIO_MEM_REQ_PLUG, AT + STEP - BLOCK, 2},
		{VIRTIO_MEM_REQ_PLUG, AT, UINT16_MAX},
		{VIRTIO_MEM_REQ_PLUG, UINT64_MAX - BLOCK + 1, UINT16_MAX},
		{VIRTIO_MEM_REQ_PLUG, AT, 1},		    /* it is */
		{VIRTIO_MEM_REQ_PLUG, AT, 3},		    /* the first is */
		{VIRTIO_MEM_REQ_UNPLUG, AT + 4 * BLOCK, 1}, /* it is not */
		{VIRTIO_MEM_REQ_UNPLUG, AT, 3},		    /* the last is not */
		{VIRTIO_MEM_REQ_UNPLUG, AT + STEP, 1},
		{VIRTIO_MEM_REQ_STATE, AT + STEP, 1},
		{VIRTIO_MEM_REQ_STATE, AT, 0},
		{4, AT, 1},
		{UINT16_MAX, AT, 1},
	};

	ck_assert_int_eq(virtio_mem_request(device, STEP), 0);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(plug(0, 2), VIRTIO_MEM_RESP_ACK);
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++)
		ck_assert_msg(ask(wild[i].type, wild[i].gpa, wild[i].blocks, NULL) ==
				      VIRTIO_MEM_RESP_ERROR,
			      "request %zu", i);
	ck_assert_uint_eq(state().plugged_bytes, 2 * BLOCK);
	ck_assert_uint_eq(gifts, 0);
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

START_TEST(all_of_it_goes_out)
{
	ck_assert_int_eq(virtio_mem_request(device, STEP), 0);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(ask(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), VIRTIO_MEM_RESP_ACK);
	ck_assert_uint_eq(gifts, 0);
	ck_assert_int_eq(plug(1, 7), VIRTIO_MEM_RESP_ACK);
	ck_assert_int_eq(ask(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), VIRTIO_MEM_RESP_ACK);
	ck_assert_uint_eq(gifts, 1);
	ck_assert_uint_eq(state().plugged_bytes, 0);
	ck_assert_int_eq(plug(1, 7), VIRTIO_MEM_RESP_ACK);
}
END_TEST

START_TEST(what_cannot_be_given_back_stays_in)
{
	ck_assert_int_eq(virtio_mem_request(device, STEP), 0);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(plug(0, 2), VIRTIO_MEM_RESP_ACK);
	give_back_error = -EBUSY;
	ck_assert_int_eq(unplug(0, 1), VIRTIO_MEM_RESP_BUSY);
	ck_assert_int_eq(ask(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), VIRTIO_MEM_RESP_BUSY);
	ck_assert_uint_eq(state().plugged_bytes, 2 * BLOCK);
	give_back_error = 0;
	ck_assert_int_eq(unplug(0, 1), VIRTIO_MEM_RESP_ACK);
}
END_TEST

START_TEST(what_cannot_be_reached_is_not_requested)
{
	reach_error = -ENOMEM;
	ck_assert_int_eq(virtio_mem_request(device, STEP), -ENOMEM);
	ck_assert_uint_eq(CONFIG(requested_size), 0);
	ck_assert_uint_eq(CONFIG(usable_region_size), 0);
}
END_TEST

START_TEST(a_reset_changes_nothing)
{
	ck_assert_int_eq(virtio_mem_request(device, STEP), 0);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(plug(0, 2), VIRTIO_MEM_RESP_ACK);
	guest_set_status(&guest, 0);
	ck_assert(!state().driver);
	ck_assert_uint_eq(CONFIG(plugged_size), 2 * BLOCK);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(plug(0, 1), VIRTIO_MEM_RESP_ERROR);
	ck_assert_int_eq(unplug(0, 2), VIRTIO_MEM_RESP_ACK);
}
END_TEST

START_TEST(a_restart_plugs_all_out)
{
	ck_assert_int_eq(virtio_mem_request(device, 3 * STEP), 0);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(plug(0, 2), VIRTIO_MEM_RESP_ACK);
	ck_assert_int_eq(virtio_mem_request(device, STEP), 0);
	ck_assert_uint_eq(CONFIG(usable_region_size), 3 * STEP);
	guest_set_status(&guest, 0);
	virtio_mem_restart(device);
	ck_assert_uint_eq(CONFIG(plugged_size), 0);
	ck_assert_uint_eq(told_plugged, 0);
	ck_assert_uint_eq(CONFIG(usable_region_size), STEP);
	ck_assert_uint_eq(CONFIG(requested_size), STEP);
	ck_assert_uint_eq(reached, STEP);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_int_eq(plug(0, 2), VIRTIO_MEM_RESP_ACK);
}
END_TEST

/* Too short to read, or too short to answer. */
START_TEST(half_a_request_breaks_the_device)
{
	struct guest_buffer buffers[] = {
		{GUEST_BUFFERS_AT, sizeof(struct virtio_mem_req) - (_i == 0), false},
		{RESPONSE, sizeof(struct virtio_mem_resp) - (_i == 1), true},
	};

	ck_assert(guest_bring_up(&guest, 0));
	guest_add(&guest, 0, buffers, 2);
	guest_kick(&guest, 0);
	ck_assert(guest_is_broken(&guest));
	ck_assert(!state().driver);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio_mem");
	TCase *tc = tcase_create("virtio_mem");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_driver_finds_the_region);
	tcase_add_test(tc, blocks_go_in_and_out);
	tcase_add_test(tc, states_are_told);
	tcase_add_test(tc, no_more_than_requested_is_plugged_in);
	tcase_add_test(tc, wild_requests_are_errors);
	tcase_add_test(tc, all_of_it_goes_out);
	tcase_add_test(tc, what_cannot_be_given_back_stays_in);
	tcase_add_test(tc, what_cannot_be_reached_is_not_requested);
	tcase_add_test(tc, a_reset_changes_nothing);
	tcase_add_test(tc, a_restart_plugs_all_out);
	tcase_add_loop_test(tc, half_a_request_breaks_the_device, 0, 2);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
