/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/stream/stream.h"

#include "protocol/base/bytes.h"
#include "protocol/pump/pump.h"
#include "protocol/share.h"
#include "shared-folders/fuse/cutter.h"
#include "shared-folders/stream/looker.h"
#include "tests/unit/shared-folders/stream/fake_server.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PATIENCE_MS 60000

/* A mounter, as far as a server sees it. */
struct client {
	uv_loop_t *loop;
	struct session *session;
	struct pump *pump;
	struct stream *stream;
	bool established, closed, keep_credit;
	int error;
	struct share_opened opened;
	bool is_open;
	struct cutter cutter;
	uint8_t *out; /* to be sent */
	size_t out_length, out_at;
	uint64_t received;		    /* messages */
	unsigned int replies[FAKE_UNIQUES]; /* of each unique */
	unsigned int notifications;
	size_t bytes;
	uint64_t last;
};

static uv_loop_t loop;
static struct stream_server *server;
static uint8_t id[SHARE_SESSION_SIZE] = "0123456789abcdef";
static unsigned int unused;
static struct looker *looker; /* NULL: there is one road */

static void on_unused(void *owner)
{
	(void)owner;
	unused++;
}

static void begin(uint64_t keep_ms)
{
	const struct server_options folder = {.root = -1};
	const struct stream_server_options options = {
		.server = &folder, .keep_ms = keep_ms, .looker = looker, .unused = on_unused};

	ck_assert_int_eq(uv_loop_init(&loop), 0);
	fake_server_reset();
	unused = 0;
	ck_assert_int_eq(stream_server_new(&loop, &options, &server), 0);
}

static void on_tick(uv_timer_t *timer)
{
	const uint64_t *deadline = timer->data;

	ck_assert_msg(uv_now(timer->loop) < *deadline, "nothing came of it");
}

/* Run the loop until @condition, which is soon. What threads do is seen without an event. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		uint64_t deadline_ = uv_hrtime() / 1000000 + PATIENCE_MS;                          \
		uv_timer_t tick_;                                                                  \
		uv_timer_init(&loop, &tick_);                                                      \
		tick_.data = &deadline_;                                                           \
		uv_timer_start(&tick_, on_tick, 10, 10);                                           \
		while (!(condition))                                                               \
			uv_run(&loop, UV_RUN_ONCE);                                                \
		uv_close((uv_handle_t *)&tick_, NULL);                                             \
		uv_run(&loop, UV_RUN_NOWAIT);                                                      \
	} while (0)

static void finish(void)
{
	stream_server_free(server);
	ck_assert_uint_eq(fake_servers(), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* --- The client ----------------------------------------------------------------------------- */

static void on_established(void *owner, const struct session_peer *peer)
{
	struct client *client = owner;

	(void)peer;
	client->established = true;
}

static void on_lost(void *owner, int reason)
{
	struct client *client = owner;

	(void)reason;
	client->established = false;
}

static void on_wake(void *owner)
{
	const struct client *client = owner;

	pump_wake(client->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established, .lost = on_lost, .wake = on_wake};

static void on_pump_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
}

static const struct pump_handlers pump_handlers = {.closed = on_pump_closed};

static void client_connect(struct client *client)
{
	static const char *const none[] = {NULL};
	int fds[2];

	*client = (struct client){.loop = &loop};
	client->cutter = CUTTER(sizeof(struct fuse_out_header), SERVER_MAX_MESSAGE);
	client->out = malloc(64U << 20);
	ck_assert_ptr_nonnull(client->out);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(stream_server_connect(server, fds[0]), 0);
	client->session = session_new(SESSION_HOST, "test", none, &session_handlers, client);
	ck_assert_ptr_nonnull(client->session);
	ck_assert_int_eq(pump_new(&loop, fds[1], false, client->session, &pump_handlers, client,
				  &client->pump),
			 0);
	session_start(client->session);
	UNTIL(client->established);
}

static void client_drop(struct client *client)
{
	pump_free(client->pump);
	session_free(client->session);
	client->session = NULL;
	client->pump = NULL;
	cutter_clear(&client->cutter);
	free(client->out);
	client->out = NULL;
}

static void send_more(struct client *client)
{
	while (client->stream && client->out_at < client->out_length) {
		ssize_t sent = stream_send(client->stream, 0, client->out + client->out_at,
					   client->out_length - client->out_at);

		if (sent <= 0)
			return;
		client->out_at += (size_t)sent;
	}
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct client *client = owner;

	(void)stream;
	ck_assert(slice_is(name, "opened"));
	ck_assert_int_eq(message_decode(&message_share_opened, params, &client->opened), 0);
	client->is_open = true;
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct client *client = owner;
	const size_t taken = bytes.length;
	struct fuse_out_header header;
	uint8_t *message;
	size_t length;

	ck_assert_uint_eq(channel, 0);
	while (cutter_take(&client->cutter, &bytes, &message, &length) > 0) {
		memcpy(&header, message, sizeof(header));
		ck_assert_uint_eq(header.len, length);
		if (header.unique == 0)
			client->notifications++;
		else if (header.unique < FAKE_UNIQUES)
			client->replies[header.unique]++;
		client->received++;
		client->last = header.unique;
		free(message);
	}
	client->bytes += taken;
	if (!client->keep_credit)
		stream_consumed(stream, channel, taken);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	send_more(owner);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct client *client = owner;

	(void)stream;
	client->stream = NULL;
	client->closed = true;
	client->error = result->error;
}

static const struct stream_handlers stream_handlers = {
	.message = on_message, .data = on_data, .credit = on_credit, .closed = on_closed};

static void client_open(struct client *client, bool resume, uint64_t received)
{
	const struct share_open open = {.name = slice_of("folder"),
					.session = {id, sizeof(id)},
					.resume = resume,
					.received = received};
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_open, &open, &writer);
	client->closed = client->is_open = false;
	client->received = received;
	ck_assert_int_eq(session_request(client->session, slice_of("share.open"),
					 cbor_written(&writer), &stream_handlers, client,
					 &client->stream),
			 0);
	UNTIL(client->is_open || client->closed);
	ck_assert(client->is_open);
}

static void client_say(struct client *client, uint32_t opcode, uint64_t unique, uint64_t node,
		       const void *body, size_t length)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + length),
					.opcode = opcode,
					.unique = unique,
					.nodeid = node};

	memcpy(client->out + client->out_length, &header, sizeof(header));
	client->out_length += sizeof(header);
	if (length > 0)
		memcpy(client->out + client->out_length, body, length);
	client->out_length += length;
	send_more(client);
}

static void say_room(struct client *client, uint64_t unique, uint32_t length)
{
	uint8_t body[4];

	store_le32(body, length);
	client_say(client, FAKE_ROOM, unique, 1, body, sizeof(body));
}

static void say_received(struct client *client, uint64_t received, uint64_t carried)
{
	const struct share_received has = {.received = received, .carried = carried};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_received, &has, &writer);
	ck_assert_int_eq(
		stream_message(client->stream, slice_of("received"), cbor_written(&writer)), 0);
}

static void acknowledge(struct client *client, uint64_t carried)
{
	say_received(client, client->received, carried);
}

/* --- Tests ---------------------------------------------------------------------------------- */

START_TEST(requests_are_run_and_answered)
{
	struct client client;
	uint8_t *big = calloc(1, SERVER_MAX_PAYLOAD);

	begin(0);
	client_connect(&client);
	client_open(&client, false, 0);
	ck_assert(!client.opened.resumed);
	client_say(&client, FAKE_ECHO, 1, 1, "abc", 3);
	client_say(&client, FAKE_SILENT, 2, 1, NULL, 0);
	client_say(&client, FAKE_ECHO, 3, 1, big, SERVER_MAX_PAYLOAD);
	say_room(&client, 4, SERVER_MAX_PAYLOAD);
	UNTIL(client.received == 3);
	ck_assert_uint_eq(client.replies[1], 1);
	ck_assert_uint_eq(client.replies[2], 0);
	ck_assert_uint_eq(client.replies[3], 1);
	ck_assert_uint_eq(client.replies[4], 1);
	ck_assert_uint_eq(fake_server_runs(2), 1);
	ck_assert_uint_eq(client.bytes,
			  3 * sizeof(struct fuse_out_header) + 3 + 2 * SERVER_MAX_PAYLOAD);
	stream_end(client.stream, 0);
	UNTIL(client.closed && fake_servers() == 0);
	ck_assert_int_eq(client.error, 0);
	ck_assert(!stream_server_is_in_use(server));
	client_drop(&client);
	free(big);
	finish();
}
END_TEST

START_TEST(nothing_is_run_twice_or_lost_when_a_stream_is)
{
	struct client client;
	uint64_t received;

	begin(0);
	client_connect(&client);
	client_open(&client, false, 0);
	for (uint64_t unique = 1; unique <= 40; unique++)
		client_say(&client, FAKE_ECHO, unique, 1, "abc", 3);
	/* Half a request goes lost with the stream. */
	UNTIL(client.received >= 20);
	received = 20;
	UNTIL(fake_server_runs(40) == 1);
	client_drop(&client);
	client_connect(&client);
	client_open(&client, true, received);
	ck_assert(client.opened.resumed);
	ck_assert_uint_eq(client.opened.received, 40);
	UNTIL(client.received == 40);
	for (uint64_t unique = 1; unique <= 40; unique++)
		ck_assert_uint_eq(fake_server_runs(unique), 1);
	ck_assert_uint_eq(fake_servers_made(), 1);
	/* What is acknowledged is not sent again. */
	acknowledge(&client, 0);
	client_say(&client, FAKE_ECHO, 41, 1, NULL, 0);
	UNTIL(client.replies[41] == 1);
	client_drop(&client);
	client_connect(&client);
	client_open(&client, true, 39);
	ck_assert_msg(!client.opened.resumed, "39 is less than what was acknowledged");
	ck_assert_msg(!fake_server_is_crowded(fake_server_latest()),
		      "the other one ends, or is gone");
	UNTIL(fake_servers() == 1);
	client_drop(&client);
	finish();
}
END_TEST

START_TEST(half_a_request_goes_with_its_stream)
{
	struct client client;
	struct fuse_in_header header = {
		.len = sizeof(header) + 3, .opcode = FAKE_ECHO, .unique = 9, .nodeid = 1};

	begin(0);
	client_connect(&client);
	client_open(&client, false, 0);
	client_say(&client, FAKE_ECHO, 1, 1, NULL, 0);
	memcpy(client.out + client.out_length, &header, sizeof(header));
	client.out_length += sizeof(header) - 10;
	send_more(&client);
	UNTIL(client.replies[1] == 1);
	client_drop(&client);
	client_connect(&client);
	client_open(&client, true, 1);
	ck_assert(client.opened.resumed);
	ck_assert_uint_eq(client.opened.received, 1);
	client_say(&client, FAKE_ECHO, 9, 1, "abc", 3);
	UNTIL(client.replies[9] == 1);
	client_drop(&client);
	finish();
}
END_TEST

START_TEST(a_session_that_nobody_comes_for_ends)
{
	struct client client;

	begin(1);
	client_connect(&client);
	client_open(&client, false, 0);
	client_say(&client, FAKE_WAIT, 1, 1, NULL, 0);
	UNTIL(fake_server_runs(1) == 1);
	client_drop(&client);
	UNTIL(!stream_server_is_in_use(server));
	ck_assert_uint_eq(fake_servers(), 0);
	client_connect(&client);
	client_open(&client, true, 0);
	ck_assert(!client.opened.resumed);
	client_drop(&client);
	finish();
}
END_TEST

static void expect_end(const struct fuse_in_header *header)
{
	struct client client;

	begin(0);
	client_connect(&client);
	client_open(&client, false, 0);
	memcpy(client.out, header, sizeof(*header));
	client.out_length = sizeof(*header);
	send_more(&client);
	UNTIL(client.closed && !stream_server_is_in_use(server));
	ck_assert_int_eq(client.error, -EPROTO);
	client_drop(&client);
	finish();
}

START_TEST(it_is_unused_when_nobody_can_come_back)
{
	struct client client;

	begin(1);
	client_connect(&client);
	client_open(&client, false, 0);
	client_drop(&client);
	UNTIL(unused > 0);
	ck_assert_uint_eq(fake_servers(), 0);
	/* Without a session, as soon as the connection ends. */
	client_connect(&client);
	UNTIL(client.established);
	client_drop(&client);
	UNTIL(unused > 1);
	ck_assert_uint_eq(unused, 2);
	finish();
}
END_TEST

START_TEST(nonsense_ends_the_session)
{
	static const struct fuse_in_header headers[] = {
		{.len = 0, .opcode = FAKE_ECHO, .unique = 1},
		{.len = sizeof(struct fuse_in_header) - 1, .opcode = FAKE_ECHO, .unique = 1},
		{.len = SERVER_MAX_MESSAGE + 1, .opcode = FAKE_ECHO, .unique = 1},
		{.len = UINT32_MAX, .opcode = FAKE_ECHO, .unique = 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		expect_end(&headers[i]);
}
END_TEST

START_TEST(what_nobody_sent_cannot_have_been_received)
{
	for (uint64_t i = 0; i < 2; i++) {
		struct client client;

		begin(0);
		client_connect(&client);
		client_open(&client, false, 0);
		say_received(&client, i, 1 - i);
		UNTIL(client.closed && !stream_server_is_in_use(server));
		ck_assert_int_eq(client.error, -EPROTO);
		client_drop(&client);
		finish();
	}
}
END_TEST

START_TEST(a_peer_that_takes_nothing_is_given_little)
{
	struct client client;

	begin(0);
	client_connect(&client);
	client_open(&client, false, 0);
	client.keep_credit = true;
	/* 400 MiB are asked for; what nobody takes and acknowledges is not even read from files. */
	for (uint64_t unique = 1; unique <= 400; unique++)
		say_room(&client, unique, SERVER_MAX_PAYLOAD);
	UNTIL(client.bytes == SESSION_WINDOW);
	ck_assert_uint_eq(fake_server_runs(100), 0);
	ck_assert_uint_eq(fake_server_runs(400), 0);
	client_drop(&client);
	finish();
}
END_TEST

START_TEST(what_is_acknowledged_makes_room)
{
	struct client client;

	begin(0);
	client_connect(&client);
	client_open(&client, false, 0);
	for (uint64_t unique = 1; unique <= 100; unique++) {
		say_room(&client, unique, SERVER_MAX_PAYLOAD);
		UNTIL(client.received == unique);
		acknowledge(&client, 0);
	}
	client_drop(&client);
	finish();
}
END_TEST

START_TEST(notifications_are_bounded_and_kept)
{
	struct fuse_out_header note = {.len = sizeof(note), .error = FUSE_NOTIFY_INVAL_INODE};
	const struct iovec message = {&note, sizeof(note)};
	struct client client;

	begin(0);
	client_connect(&client);
	client_open(&client, false, 0);
	for (unsigned int i = 0; i < SHARE_NOTIFY_MAX; i++)
		ck_assert_int_eq(fake_server_notify(&message, 1), 0);
	ck_assert_int_eq(fake_server_notify(&message, 1), -ENOBUFS);
	UNTIL(client.notifications == SHARE_NOTIFY_MAX);
	acknowledge(&client, 24);
	client_say(&client, FAKE_ECHO, 1, 1, NULL, 0);
	UNTIL(client.replies[1] == 1);
	for (unsigned int i = 0; i < 24; i++)
		ck_assert_int_eq(fake_server_notify(&message, 1), 0);
	ck_assert_int_eq(fake_server_notify(&message, 1), -ENOBUFS);
	client_drop(&client);
	/* Those that were on their way are sent again. */
	client_connect(&client);
	client_open(&client, true, SHARE_NOTIFY_MAX + 1);
	ck_assert(client.opened.resumed);
	UNTIL(client.notifications == 24);
	client_drop(&client);
	finish();
}
END_TEST

START_TEST(a_second_stream_takes_the_session)
{
	struct client one, two;

	begin(0);
	client_connect(&one);
	client_open(&one, false, 0);
	client_say(&one, FAKE_ECHO, 1, 1, NULL, 0);
	UNTIL(one.replies[1] == 1);
	client_connect(&two);
	client_open(&two, true, 1);
	ck_assert(two.opened.resumed);
	UNTIL(one.closed);
	ck_assert_int_eq(one.error, -ECONNABORTED);
	client_say(&two, FAKE_ECHO, 2, 1, NULL, 0);
	UNTIL(two.replies[2] == 1);
	client_drop(&one);
	client_drop(&two);
	finish();
}
END_TEST

/* --- Who looks for a machine ---------------------------------------------------------------- */

/* A server of the other road. */
static struct server *machine_begin(void)
{
	const struct server_options options = {.root = -1, .looks = true};
	struct server *machine;

	looker = looker_new();
	ck_assert_ptr_nonnull(looker);
	ck_assert_int_eq(server_new(&options, &machine), 0);
	looker_serve(looker, machine);
	return machine;
}

static void machine_end(struct server *machine)
{
	looker_serve(looker, NULL);
	server_free(machine);
	finish();
	looker_free(looker);
	looker = NULL;
}

static void client_watch(struct client *client, uint64_t pid)
{
	const struct share_watch watch = {.name = slice_of("folder"), .pid = pid};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_watch, &watch, &writer);
	client->closed = false;
	ck_assert_int_eq(session_request(client->session, slice_of("share.watch"),
					 cbor_written(&writer), &stream_handlers, client,
					 &client->stream),
			 0);
}

/* Return: as looker_notify(). */
static int notify_once(uint32_t length)
{
	static uint8_t body[LOOKER_MAX_BYTES];
	struct fuse_out_header header = {.len = (uint32_t)sizeof(header) + length,
					 .error = SERVER_NOTIFY_CHANGE};
	const struct iovec message[] = {{&header, sizeof(header)}, {body, length}};

	return looker_notify(looker, message, 2);
}

START_TEST(a_looker_is_told_and_says_how_far_it_is)
{
	const struct share_watched watched = {.id = 12};
	struct server *machine = machine_begin();
	uint8_t bytes[32];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct client client, other;

	begin(0);
	ck_assert_int_eq(notify_once(8), -ENOBUFS);
	client_connect(&client);
	client_watch(&client, 4711);
	UNTIL(fake_server_looker(machine) == 4711);
	for (unsigned int i = 0; i < 10; i++)
		ck_assert_int_eq(notify_once(8 + i), 0);
	UNTIL(client.notifications == 10);
	message_encode(&message_share_watched, &watched, &writer);
	ck_assert_int_eq(stream_message(client.stream, slice_of("watched"), cbor_written(&writer)),
			 0);
	UNTIL(fake_server_looker_done(machine) == 12);
	/* One is enough, until it goes without a word. */
	client_connect(&other);
	client_watch(&other, 4712);
	UNTIL(other.closed);
	ck_assert_int_eq(other.error, -EBUSY);
	ck_assert_uint_eq(fake_server_looker(machine), 4711);
	client_drop(&client);
	UNTIL(fake_server_looker(machine) == 0);
	ck_assert_int_eq(notify_once(8), -ENOBUFS);
	client_watch(&other, 4712);
	UNTIL(fake_server_looker(machine) == 4712);
	client_drop(&other);
	UNTIL(fake_server_looker(machine) == 0);
	client_connect(&client);
	client_watch(&client, 0);
	UNTIL(client.closed);
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

	begin(0);
	client_connect(&client);
	client.keep_credit = true;
	client_watch(&client, 4711);
	UNTIL(fake_server_looker(machine) == 4711);
	while (count < 100000 && notify_once(4096) == 0)
		count++;
	ck_assert_uint_lt(count, 2 * LOOKER_MAX_BYTES / 4096);
	ck_assert_int_eq(notify_once(LOOKER_MAX_BYTES), -ENOBUFS);
	UNTIL(client.bytes > 0);
	client.keep_credit = false;
	stream_consumed(client.stream, 0, client.bytes);
	UNTIL(client.notifications == count);
	client_drop(&client);
	machine_end(machine);
}
END_TEST

START_TEST(a_looker_ends_with_its_machine)
{
	struct server *machine = machine_begin();
	struct client client;

	begin(0);
	client_connect(&client);
	client_watch(&client, 4711);
	UNTIL(fake_server_looker(machine) == 4711);
	looker_serve(looker, NULL);
	UNTIL(client.closed);
	ck_assert_int_eq(client.error, -EAGAIN);
	client_watch(&client, 4711);
	UNTIL(client.closed);
	ck_assert_int_eq(client.error, -EAGAIN);
	/* The machine's server and a stream's change one folder. */
	looker_serve(looker, machine);
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

	begin(0);
	client_connect(&client);
	client_watch(&client, 4711);
	UNTIL(client.closed);
	ck_assert_int_eq(client.error, -ENOSYS);
	client_drop(&client);
	finish();
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("stream");

	tcase_set_timeout(tests, PATIENCE_MS / 1000.0 + 10);
	tcase_add_test(tests, requests_are_run_and_answered);
	tcase_add_test(tests, nothing_is_run_twice_or_lost_when_a_stream_is);
	tcase_add_test(tests, half_a_request_goes_with_its_stream);
	tcase_add_test(tests, a_session_that_nobody_comes_for_ends);
	tcase_add_test(tests, it_is_unused_when_nobody_can_come_back);
	tcase_add_test(tests, nonsense_ends_the_session);
	tcase_add_test(tests, what_nobody_sent_cannot_have_been_received);
	tcase_add_test(tests, a_peer_that_takes_nothing_is_given_little);
	tcase_add_test(tests, what_is_acknowledged_makes_room);
	tcase_add_test(tests, notifications_are_bounded_and_kept);
	tcase_add_test(tests, a_second_stream_takes_the_session);
	tcase_add_test(tests, a_looker_is_told_and_says_how_far_it_is);
	tcase_add_test(tests, a_looker_that_takes_nothing_is_given_little);
	tcase_add_test(tests, a_looker_ends_with_its_machine);
	tcase_add_test(tests, where_there_is_one_road_nobody_looks);
	return suite_run_case("stream", tests);
}
