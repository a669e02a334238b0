/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A SPICE agent that is played here: what it is told, and hostile ones. */
#include "tests/unit/host/screen/spice/spice_world.h"

#include "host/screen/guest.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(struct spice_world *world, enum spice_type type, const void *bytes, size_t length)
{
	played_spice_say(&world->agent, type, bytes, length);
}

static void played_start(struct spice_world *world, uint32_t bits)
{
	const struct spice_capabilities capabilities = {.request = true, .bits = bits};
	uint8_t bytes[SPICE_CAPABILITIES_SIZE];
	int fds[2];

	spice_world_start(world);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	played_spice_start(&world->agent, &world->loop, fds[1]);
	spice_world_attach(world, fds[0]);
	WAIT_FOR(world, world->agent.count[SPICE_ANNOUNCE_CAPABILITIES] == 1);
	spice_capabilities_encode(&capabilities, bytes);
	say(world, SPICE_ANNOUNCE_CAPABILITIES, bytes, sizeof(bytes));
	WAIT_FOR(world, world->agent.count[SPICE_ANNOUNCE_CAPABILITIES] == 2);
}

#define AGENT_BITS                                                                                 \
	(SPICE_CAP(MONITORS_CONFIG) | SPICE_CAP(REPLY) | SPICE_CAP(CLIPBOARD_BY_DEMAND) |          \
	 SPICE_CAP(CLIPBOARD_SELECTION))

START_TEST(test_says_what_it_can)
{
	/* MONITORS_CONFIG REPLY BY_DEMAND SELECTION SPARSE POSITION DETAILED_ERRORS
	 * NO_RELEASE_ON_REGRAB; the second answer asks nothing. */
	static const uint8_t golden[] = {0, 0, 0, 0, 0xe6, 0x50, 1, 0};
	static const uint8_t monitors[] = {
		1, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	struct spice_world world;

	played_start(&world, AGENT_BITS);
	ck_assert_uint_eq(world.agent.length[SPICE_ANNOUNCE_CAPABILITIES], sizeof(golden));
	ck_assert_mem_eq(world.agent.last[SPICE_ANNOUNCE_CAPABILITIES], golden, sizeof(golden));
	WAIT_FOR(&world, strcmp(world.backend, "spice") == 0);
	spice_world_apply(&world, 1024, 768);
	WAIT_FOR(&world, world.agent.count[SPICE_MONITORS_CONFIG] == 1);
	ck_assert_uint_eq(world.agent.length[SPICE_MONITORS_CONFIG], sizeof(monitors));
	ck_assert_mem_eq(world.agent.last[SPICE_MONITORS_CONFIG], monitors, sizeof(monitors));
	ck_assert(!world.applied);
	say(&world, SPICE_REPLY, "\2\0\0\0\2\0\0\0", 8);
	WAIT_FOR(&world, world.applied);
	ck_assert_uint_eq(world.how.number, EIO);
	ck_assert_uint_eq(world.how.serial, world.serial);
	spice_world_stop(&world);
}
END_TEST

START_TEST(test_hostile)
{
	struct spice_world world;
	struct spice_call call;
	uint8_t grab[400] = {0};

	played_start(&world, AGENT_BITS);
	/* Wants what was never offered: nothing, and the host is not asked. */
	for (unsigned int i = 0; i < 1000; i++)
		say(&world, SPICE_CLIPBOARD_REQUEST, "\0\0\0\0\1\0\0\0", 8);
	WAIT_FOR(&world, world.agent.count[SPICE_CLIPBOARD] == 1000);
	ck_assert_mem_eq(world.agent.last[SPICE_CLIPBOARD], "\0\0\0\0\0\0\0\0", 8);
	ck_assert_uint_eq(world.wants, 0);
	/* Many types, wild ones, a selection that is not there, too short. */
	for (size_t i = 4; i < sizeof(grab); i += 4)
		store_le32(grab + i, i < 100 ? (uint32_t)(i << 20) : 2);
	say(&world, SPICE_CLIPBOARD_GRAB, grab, sizeof(grab));
	say(&world, SPICE_CLIPBOARD_GRAB, "\7\0\0\0\1\0\0\0", 8);
	say(&world, SPICE_CLIPBOARD_GRAB, "\0\0", 2);
	say(&world, SPICE_CLIPBOARD_RELEASE, "", 0);
	say(&world, SPICE_FILE_XFER_STATUS, "\1\0\0\0\0\0\0\0", 8);
	WAIT_FOR(&world, strcmp(world.offered, "image/png ") == 0);
	/* Another type than it was asked for, then none. */
	spice_world_read(&world, &call, "image/png");
	WAIT_FOR(&world, world.agent.count[SPICE_CLIPBOARD_REQUEST] == 1);
	say(&world, SPICE_CLIPBOARD, "\0\0\0\0\1\0\0\0text", 12);
	spice_world_pass(&world, 50);
	ck_assert(!call.done);
	say(&world, SPICE_CLIPBOARD, "\0\0\0\0\0\0\0\0", 8);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, -ENOENT);
	/* Success of a file before all of it has gone. */
	spice_world_send_file(&world, &call, "name", "12345", 5);
	WAIT_FOR(&world, world.agent.count[SPICE_FILE_XFER_START] == 1);
	say(&world, SPICE_FILE_XFER_STATUS, "\1\0\0\0\3\0\0\0", 8);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, -EPROTO);
	spice_world_send_file(&world, &call, "../name", "12345", 5);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, -EINVAL);
	/* What is no dialect: it is not listened to, and the port closed. */
	played_spice_write(&world.agent, grab, sizeof(grab));
	say(&world, SPICE_CLIPBOARD_GRAB, "\0\0\0\0\1\0\0\0", 8);
	WAIT_FOR(&world, world.agent.closed && world.host.closed);
	ck_assert_uint_eq(world.ended, 1);
	ck_assert_str_eq(world.offered, "image/png ");
	spice_world_stop(&world);
}
END_TEST

START_TEST(a_message_that_stops_is_the_end)
{
	static const uint8_t started[] = {1, 0, 0, 0, 48, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0};
	struct spice_world world;
	const uv_handle_t *stall;

	played_start(&world, AGENT_BITS);
	WAIT_FOR(&world, strcmp(world.backend, "spice") == 0);
	stall = (const uv_handle_t *)world.spice->stall;
	ck_assert(!uv_is_active(stall));
	played_spice_write(&world.agent, started, sizeof(started));
	WAIT_FOR(&world, uv_is_active(stall));
	/* So long after. */
	world.spice->stall->timer_cb(world.spice->stall);
	ck_assert_uint_eq(world.ended, 1);
	WAIT_FOR(&world, world.agent.closed);
	spice_world_stop(&world);
}
END_TEST

static void on_layout(void *owner)
{
	(void)owner;
}

static int spare(void *owner)
{
	return spice_guest_session(owner);
}

START_TEST(test_stands_in_for_an_agent)
{
	static const struct guest_handlers handlers = {.layout = on_layout};
	struct spice_world world;
	struct guest *guest;
	int fds[2];

	played_start(&world, AGENT_BITS);
	guest = guest_new(&world.loop, NULL, &handlers, NULL);
	ck_assert(!guest_can_apply(guest));
	guest_set_spare(guest, spare, world.spice);
	WAIT_FOR(&world, guest_can_apply(guest));
	ck_assert_str_eq(guest_layout(guest)->backend, "spice");
	/* Our agent comes, and goes. */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(guest_attach(guest, fds[0]), 0);
	ck_assert(!guest_can_apply(guest));
	spice_world_pass(&world, 50);
	ck_assert(!guest_can_apply(guest));
	close(fds[1]);
	WAIT_FOR(&world, guest_can_apply(guest));
	guest_set_spare(guest, NULL, NULL);
	ck_assert(!guest_can_apply(guest));
	guest_free(guest);
	spice_world_stop(&world);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("spice-guest");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_says_what_it_can);
	tcase_add_test(tests, test_hostile);
	tcase_add_test(tests, a_message_that_stops_is_the_end);
	tcase_add_test(tests, test_stands_in_for_an_agent);
	return suite_run_case("spice-guest", tests);
}
