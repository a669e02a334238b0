/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who looks for a machine that has the folder by another road. */
#include "tests/unit/shared-folders/stream/stream_world.h"

#include "tests/unit/suite.h"

#include <errno.h>
#include <linux/fuse.h>

static struct stream_world world;

/* A server of the other road. */
static struct server *machine_begin(void)
{
	const struct server_options options = {.root = -1, .looks = true};
	struct server *machine;

	world.looker = looker_new();
	ck_assert_ptr_nonnull(world.looker);
	ck_assert_int_eq(server_new(&options, &machine), 0);
	looker_serve(world.looker, machine);
	return machine;
}

static void machine_end(struct server *machine)
{
	looker_serve(world.looker, NULL);
	server_free(machine);
	stream_world_finish(&world);
	looker_free(world.looker);
	world.looker = NULL;
}

/* Return: as looker_notify(). */
static int notify_once(uint32_t length)
{
	static uint8_t body[LOOKER_MAX_BYTES];
	struct fuse_out_header header = {.len = (uint32_t)sizeof(header) + length,
					 .error = SERVER_NOTIFY_CHANGE};
	const struct iovec message[] = {{&header, sizeof(header)}, {body, length}};

	return looker_notify(world.looker, message, 2);
}

START_TEST(a_looker_is_told_and_says_how_far_it_is)
{
	const struct share_watched watched = {.id = 12};
	struct server *machine = machine_begin();
	uint8_t bytes[32];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct client client, other;

	stream_world_begin(&world, 0);
	ck_assert_int_eq(notify_once(8), -ENOBUFS);
	client_connect(&client, &world);
	client_watch(&client, 4711);
	UNTIL(&world, fake_server_looker(machine) == 4711);
	for (unsigned int i = 0; i < 10; i++)
		ck_assert_int_eq(notify_once(8 + i), 0);
	UNTIL(&world, client.notifications == 10);
	message_encode(&message_share_watched, &watched, &writer);
	ck_assert_int_eq(stream_message(client.stream, slice_of("watched"), cbor_written(&writer)),
			 0);
	UNTIL(&world, fake_server_looker_done(machine) == 12);
	/* One is enough, until it goes without a word. */
	client_connect(&other, &world);
	client_watch(&other, 4712);
	UNTIL(&world, other.closed);
	ck_assert_int_eq(other.error, -EBUSY);
	ck_assert_uint_eq(fake_server_looker(machine), 4711);
	client_drop(&client);
	UNTIL(&world, fake_server_looker(machine) == 0);
	ck_assert_int_eq(notify_once(8), -ENOBUFS);
	client_watch(&other, 4712);
	UNTIL(&world, fake_server_looker(machine) == 4712);
	client_drop(&other);
	UNTIL(&world, fake_server_looker(machine) == 0);
	client_connect(&client, &world);
	client_watch(&client, 0);
	UNTIL(&world, client.closed);
	ck_assert_int_eq(client.error, -EBADMSG);
	client_drop(&client);
	machine_end(machine);
}
END_TEST

START_TEST(a_looker_that_takes_nothing_is_given_little)
{
	struct server *machine = machine_begin();
	unsigned int count = 0;
	struct client client;

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client.keep_credit = true;
	client_watch(&client, 4711);
	UNTIL(&world, fake_server_looker(machine) == 4711);
	while (count < 100000 && notify_once(4096) == 0)
		count++;
	ck_assert_uint_lt(count, 2 * LOOKER_MAX_BYTES / 4096);
	ck_assert_int_eq(notify_once(LOOKER_MAX_BYTES), -ENOBUFS);
	UNTIL(&world, client.bytes > 0);
	client.keep_credit = false;
	stream_consumed(client.stream, 0, client.bytes);
	UNTIL(&world, client.notifications == count);
	client_drop(&client);
	machine_end(machine);
}
END_TEST

START_TEST(a_looker_ends_with_its_machine)
{
	struct server *machine = machine_begin();
	struct client client;

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_watch(&client, 4711);
	UNTIL(&world, fake_server_looker(machine) == 4711);
	looker_serve(world.looker, NULL);
	UNTIL(&world, client.closed);
	ck_assert_int_eq(client.error, -EAGAIN);
	client_watch(&client, 4711);
	UNTIL(&world, client.closed);
	ck_assert_int_eq(client.error, -EAGAIN);
	/* The machine's server and a stream's change one folder. */
	looker_serve(world.looker, machine);
	ck_assert(!fake_server_is_crowded(machine));
	client_open(&client, false, 0);
	ck_assert(fake_server_is_crowded(machine));
	client_drop(&client);
	machine_end(machine);
}
END_TEST

START_TEST(where_there_is_one_road_nobody_looks)
{
	struct client client;

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_watch(&client, 4711);
	UNTIL(&world, client.closed);
	ck_assert_int_eq(client.error, -ENOSYS);
	client_drop(&client);
	stream_world_finish(&world);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("looker");

	tcase_set_timeout(tests, PATIENCE_MS / 1000.0 + 10);
	tcase_add_test(tests, a_looker_is_told_and_says_how_far_it_is);
	tcase_add_test(tests, a_looker_that_takes_nothing_is_given_little);
	tcase_add_test(tests, a_looker_ends_with_its_machine);
	tcase_add_test(tests, where_there_is_one_road_nobody_looks);
	return suite_run_case("looker", tests);
}
