/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/screen/clipboard_world.h"

#include <sys/socket.h>

/* --- The world ------------------------------------------------------------------------------ */

static void on_expired(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("nothing happens any more");
}

static void on_changed(void *owner, struct viewer *by)
{
	struct world *world = owner;

	for (size_t i = 0; i < ARRAY_SIZE(world->viewer); i++) {
		if (&world->viewer[i].viewer != by)
			world->viewer[i].changes++;
	}
}

static void on_wake(void *owner)
{
	const struct end *end = owner;

	pump_wake(end->pump);
}

static uint64_t on_random(void *owner)
{
	static uint64_t next = 1234;

	(void)owner;
	return ++next;
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_host_established(void *owner, const struct session_peer *peer)
{
	struct end *end = owner;

	(void)peer;
	end->established = true;
	clipboard_guest_established(end->world->clipboard, end->session);
}

static void on_guest_established(void *owner, const struct session_peer *peer)
{
	struct end *end = owner;

	(void)peer;
	end->established = true;
}

static void on_attach_message(struct stream *stream, void *owner, struct slice name,
			      struct slice params)
{
	struct world *world = owner;
	struct clipboard_offer offer;
	struct cbor_reader reader;
	uint64_t count;
	int used;

	(void)stream;
	ck_assert(slice_is(name, "offer"));
	ck_assert_int_eq(message_decode(&message_clipboard_offer, params, &offer), 0);
	used = snprintf(world->offered, sizeof(world->offered),
			"%.*s:", (int)offer.selection.length, (const char *)offer.selection.bytes);
	world->offered_serial = offer.serial;
	world->offers++;
	reader = CBOR_READER(offer.types);
	for (count = offer.types.length ? cbor_get_array(&reader) : 0; count; count--) {
		const struct slice type = cbor_get_text(&reader);

		used += snprintf(world->offered + used, sizeof(world->offered) - (size_t)used,
				 " %.*s", (int)type.length, (const char *)type.bytes);
	}
}

static const struct stream_handlers attach_handlers = {.message = on_attach_message};

static void on_read_cancelled(struct stream *stream, void *owner)
{
	struct world *world = owner;

	world->read_cancelled = true;
	world->read = NULL;
	stream_fail(stream, ECANCELED, NULL);
}

static void flood(struct stream *stream, size_t budget)
{
	static const uint8_t bytes[32768];
	ssize_t taken = 1;

	while (budget && taken > 0) {
		taken = stream_send(stream, 1, bytes, MIN(budget, sizeof(bytes)));
		budget -= taken > 0 ? (size_t)taken : 0;
	}
}

static void on_read_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)owner;
	(void)channel;
	(void)bytes;
	flood(stream, 1 << 20);
}

static const struct stream_handlers read_handlers = {.cancelled = on_read_cancelled,
						     .credit = on_read_credit};

static void on_write_data(struct stream *stream, void *owner, unsigned int channel,
			  struct slice bytes)
{
	struct world *world = owner;

	ck_assert_uint_eq(channel, 0);
	ck_assert_uint_le(world->got_length + bytes.length, sizeof(world->got));
	memcpy(world->got + world->got_length, bytes.bytes, bytes.length);
	world->got_length += bytes.length;
	stream_consumed(stream, channel, bytes.length);
}

static void on_write_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct world *world = owner;

	(void)channel;
	world->got_end = true;
	stream_reply(stream, (struct slice){0});
}

static const struct stream_handlers write_handlers = {.data = on_write_data, .end = on_write_end};

static void on_guest_request(void *owner, struct stream *stream, struct slice method,
			     struct slice params)
{
	struct world *world = ((struct end *)owner)->world;
	struct clipboard_write write;

	if (slice_is(method, "clipboard.attach")) {
		world->attaches++;
		if (world->detached) {
			stream_fail(stream, ENOTCONN, "no desktop session has the screen");
			return;
		}
		world->attach = stream;
		stream_set_handlers(stream, &attach_handlers, world);
	} else if (slice_is(method, "clipboard.read")) {
		world->reads++;
		world->read = stream;
		stream_set_handlers(stream, &read_handlers, world);
		if (world->silent)
			return;
		if (world->sized) {
			flood(stream, 1 << 20);
			return;
		}
		if (!world->has) {
			stream_fail(stream, ENOENT, NULL);
			return;
		}
		stream_send(stream, 1, world->has, strlen(world->has));
		stream_reply(stream, (struct slice){0});
	} else if (slice_is(method, "clipboard.write")) {
		ck_assert_int_eq(message_decode(&message_clipboard_write, params, &write), 0);
		world->got_number = write.number;
		world->got_length = 0;
		stream_set_handlers(stream, &write_handlers, world);
	} else {
		stream_fail(stream, ENOSYS, NULL);
	}
}

static const struct session_handlers host_handlers = {
	.established = on_host_established, .lost = on_lost, .wake = on_wake, .random = on_random};
static const struct session_handlers guest_handlers = {.established = on_guest_established,
						       .lost = on_lost,
						       .request = on_guest_request,
						       .wake = on_wake,
						       .random = on_random};

static void on_pump_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
}

static const struct pump_handlers pump_handlers = {.closed = on_pump_closed};

static const char *const capabilities[] = {"clipboard", NULL};

bool attached(const struct world *world)
{
	return world->attach;
}

bool detached(const struct world *world)
{
	return world->attaches > 0;
}

void run_until(struct world *world, bool (*condition)(const struct world *world))
{
	uv_timer_start(&world->watchdog, on_expired, WAIT_MS, 0);
	while (!condition(world))
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_timer_stop(&world->watchdog);
}

static void on_pause(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* All that is to happen happens. */
void calm(struct world *world)
{
	bool over = false;
	uv_timer_t pause = {.data = &over};

	uv_timer_init(&world->loop, &pause);
	/* Again and again: the first time may be before the loop begins to wait. */
	uv_timer_start(&pause, on_pause, 100, 100);
	while (!over)
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&pause, NULL);
	uv_run(&world->loop, UV_RUN_NOWAIT);
}

void world_new(struct world *world, bool guest_detached)
{
	int fds[2];

	memset(world, 0, sizeof(*world));
	world->detached = guest_detached;
	uv_loop_init(&world->loop);
	uv_timer_init(&world->loop, &world->watchdog);
	world->clipboard = clipboard_new(&world->loop, on_changed, world);
	ck_assert_ptr_nonnull(world->clipboard);
	for (size_t i = 0; i < ARRAY_SIZE(world->viewer); i++)
		world->viewer[i].world = world;
	world->host.world = world->guest.world = world;
	world->host.session =
		session_new(SESSION_HOST, "host", capabilities, &host_handlers, &world->host);
	world->guest.session =
		session_new(SESSION_GUEST, "guest", capabilities, &guest_handlers, &world->guest);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(pump_new(&world->loop, fds[0], false, world->host.session, &pump_handlers,
				  world, &world->host.pump),
			 0);
	ck_assert_int_eq(pump_new(&world->loop, fds[1], false, world->guest.session, &pump_handlers,
				  world, &world->guest.pump),
			 0);
	session_start(world->host.session);
	run_until(world, guest_detached ? detached : attached);
}

void world_free(struct world *world)
{
	clipboard_free(world->clipboard);
	pump_free(world->host.pump);
	pump_free(world->guest.pump);
	world->host.pump = world->guest.pump = NULL;
	session_free(world->host.session);
	session_free(world->guest.session);
	uv_close((uv_handle_t *)&world->watchdog, NULL);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&world->loop), 0);
}

/* --- What the ends do ----------------------------------------------------------------------- */

void guest_copies_as(struct world *world, const char *selection, uint64_t serial,
		     const char *const *types, size_t count, bool secret)
{
	static uint8_t list[32768], bytes[40000];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	struct clipboard_offer offer = {
		.selection = slice_of(selection), .serial = serial, .secret = secret};

	cbor_put_array(&list_writer, count);
	for (size_t i = 0; i < count; i++)
		cbor_put_text(&list_writer, slice_of(types[i]));
	offer.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &offer, &writer);
	ck_assert_int_eq(stream_message(world->attach, slice_of("offer"), cbor_written(&writer)),
			 0);
	calm(world);
}

void guest_wants(struct world *world, uint64_t serial, const char *type)
{
	const struct clipboard_want want = {.id = 99,
					    .serial = serial,
					    .selection = slice_of("clipboard"),
					    .type = slice_of(type)};
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	world->got_end = false;
	world->got_number = 0;
	message_encode(&message_clipboard_want, &want, &writer);
	ck_assert_int_eq(stream_message(world->attach, slice_of("want"), cbor_written(&writer)), 0);
}

bool guest_got(const struct world *world)
{
	return world->got_end;
}

void on_wanted(struct viewer *viewer, uint64_t id, enum clipboard_selection selection,
	       const char *type)
{
	struct viewer_end *end = (struct viewer_end *)viewer;
	struct clipboard *clipboard = end->world->clipboard;

	(void)selection;
	end->wanted = id;
	end->wants++;
	snprintf(end->type, sizeof(end->type), "%s", type);
	if (!end->answers)
		return;
	ck_assert_int_eq(clipboard_answer(clipboard, viewer, id, "from the ", 9), 0);
	ck_assert_int_eq(clipboard_answer(clipboard, viewer, id, "viewer\r\n", 8), 0);
	clipboard_answered(clipboard, viewer, id, 0);
}

int viewer_copies(struct viewer_end *end, const char *type)
{
	const char *types[] = {type};
	int error = clipboard_copied(end->world->clipboard, &end->viewer, CLIPBOARD_CLIPBOARD,
				     types, 1, on_wanted);

	calm(end->world);
	return error;
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	struct answer *answer = owner;

	ck_assert(!answer->done);
	answer->done = true;
	answer->error = error;
	answer->length = bytes.length;
	answer->bytes = malloc(bytes.length + 1);
	if (bytes.length)
		memcpy(answer->bytes, bytes.bytes, bytes.length);
	answer->bytes[bytes.length] = '\0';
}

struct clipboard_paste *paste_start(struct world *world, struct viewer_end *viewer,
				    const char *type, size_t max, struct answer *answer)
{
	struct clipboard_paste *paste = NULL;

	free(answer->bytes);
	memset(answer, 0, sizeof(*answer));
	ck_assert_int_eq(clipboard_paste(world->clipboard, viewer ? &viewer->viewer : NULL,
					 CLIPBOARD_CLIPBOARD, type, max, on_pasted, answer, &paste),
			 0);
	ck_assert(!answer->done);
	return paste;
}

void await(struct world *world, const struct answer *answer)
{
	uv_timer_start(&world->watchdog, on_expired, WAIT_MS, 0);
	while (!answer->done)
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_timer_stop(&world->watchdog);
}

struct clipboard_types seen(struct viewer_end *viewer)
{
	return clipboard_types(viewer->world->clipboard, &viewer->viewer, CLIPBOARD_CLIPBOARD);
}

void allow(struct world *world, unsigned int to_guest, unsigned int to_host)
{
	clipboard_set_policy(world->clipboard,
			     (struct clipboard_policy){.to_guest = to_guest, .to_host = to_host});
	calm(world);
}
