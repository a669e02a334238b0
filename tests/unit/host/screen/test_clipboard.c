/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bridge between viewers, the control socket and a guest that is played here, over a socket
 * pair with a session at each end.
 */
#include "host/screen/clipboard.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/pump/pump.h"

#include <check.h>
#include <sys/socket.h>

#define WAIT_MS 20000

struct end {
	struct world *world;
	struct session *session;
	struct pump *pump;
	bool established;
};

struct answer {
	bool done;
	int error;
	uint8_t *bytes;
	size_t length;
};

struct viewer_end {
	struct viewer viewer;
	struct world *world;
	unsigned int changes;
	uint64_t wanted; /* id of the last want */
	unsigned int wants;
	char type[128];
	bool answers; /* at once, with "from the viewer" */
};

struct world {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct clipboard *clipboard;
	struct end host, guest;
	struct viewer_end viewer[2];
	/* The guest. */
	bool detached; /* answers ENOTCONN to attach */
	bool silent;   /* reads are never answered */
	bool sized;    /* reads are answered by endless DATA */
	unsigned int reads, offers, attaches;
	struct stream *attach, *read;
	char offered[1024]; /* "clipboard: type type" of the host */
	uint64_t offered_serial;
	uint8_t got[64];
	size_t got_length;
	bool got_end;
	uint64_t got_number;
	const char *has; /* what a read gives */
	bool read_cancelled;
};

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

static bool attached(const struct world *world)
{
	return world->attach;
}

static bool detached(const struct world *world)
{
	return world->attaches > 0;
}

static void run_until(struct world *world, bool (*condition)(const struct world *world))
{
	uv_timer_start(&world->watchdog, on_expired, WAIT_MS, 0);
	while (!condition(world))
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_timer_stop(&world->watchdog);
}

static void on_pause(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
	uv_close((uv_handle_t *)timer, NULL);
}

/* All that is to happen happens. */
static void calm(struct world *world)
{
	bool over = false;
	uv_timer_t pause = {.data = &over};

	uv_timer_init(&world->loop, &pause);
	uv_timer_start(&pause, on_pause, 100, 0);
	while (!over)
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_run(&world->loop, UV_RUN_NOWAIT);
}

static void world_new(struct world *world, bool guest_detached)
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

static void world_free(struct world *world)
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

static void guest_copies_as(struct world *world, const char *selection, uint64_t serial,
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

#define GUEST_COPIES(world, ...)                                                                   \
	guest_copies_as(world, "clipboard", 7, (const char *const[]){__VA_ARGS__},                 \
			ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), false)

static void guest_wants(struct world *world, uint64_t serial, const char *type)
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

static bool guest_got(const struct world *world)
{
	return world->got_end;
}

static void on_wanted(struct viewer *viewer, uint64_t id, enum clipboard_selection selection,
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

static int viewer_copies(struct viewer_end *end, const char *type)
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

static struct clipboard_paste *paste_start(struct world *world, struct viewer_end *viewer,
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

static void await(struct world *world, const struct answer *answer)
{
	uv_timer_start(&world->watchdog, on_expired, WAIT_MS, 0);
	while (!answer->done)
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_timer_stop(&world->watchdog);
}

static struct clipboard_types seen(struct viewer_end *viewer)
{
	return clipboard_types(viewer->world->clipboard, &viewer->viewer, CLIPBOARD_CLIPBOARD);
}

static void allow(struct world *world, unsigned int to_guest, unsigned int to_host)
{
	clipboard_set_policy(world->clipboard,
			     (struct clipboard_policy){.to_guest = to_guest, .to_host = to_host});
	calm(world);
}

/* --- Tests ---------------------------------------------------------------------------------- */

START_TEST(text_of_the_guest_comes_when_it_is_pasted)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	world.has = "two\r\nlines";
	GUEST_COPIES(&world, "TARGETS", "STRING", "UTF8_STRING", "text/plain");
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], CLIPBOARD_TEXT);
	ck_assert_uint_eq(world.viewer[0].changes, 1);
	ck_assert_uint_eq(world.reads, 0);
	paste_start(&world, &world.viewer[0], CLIPBOARD_TEXT, 100, &answer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, 0);
	ck_assert_str_eq((char *)answer.bytes, "two\nlines");
	/* What the guest has is not offered to it. */
	ck_assert_uint_eq(world.offers, 0);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(one_fetch_serves_all_who_wait)
{
	struct world world;
	struct answer first = {0}, second = {0}, third = {0};
	struct clipboard_paste *given_up;

	world_new(&world, false);
	world.silent = true;
	GUEST_COPIES(&world, "text/plain;charset=utf-8");
	paste_start(&world, &world.viewer[0], CLIPBOARD_TEXT, 100, &first);
	paste_start(&world, &world.viewer[1], CLIPBOARD_TEXT, 3, &second);
	given_up = paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &third);
	calm(&world);
	ck_assert_uint_eq(world.reads, 1);
	clipboard_paste_cancel(given_up);
	stream_send(world.read, 1, "late", 4);
	stream_reply(world.read, (struct slice){0});
	await(&world, &first);
	await(&world, &second);
	ck_assert_str_eq((char *)first.bytes, "late");
	ck_assert_int_eq(second.error, -EFBIG);
	ck_assert(!third.done);
	free(first.bytes);
	free(second.bytes);
	world_free(&world);
}
END_TEST

START_TEST(nobody_waits_so_the_guest_is_told_to_stop)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	world.silent = true;
	GUEST_COPIES(&world, "text/plain");
	clipboard_paste_cancel(paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer));
	calm(&world);
	ck_assert(world.read_cancelled);
	/* A viewer that goes takes its pastes with it. */
	world.read_cancelled = false;
	paste_start(&world, &world.viewer[0], CLIPBOARD_TEXT, 100, &answer);
	clipboard_forget(world.clipboard, &world.viewer[0].viewer);
	calm(&world);
	ck_assert(world.read_cancelled);
	ck_assert(!answer.done);
	world_free(&world);
}
END_TEST

START_TEST(a_guest_that_never_answers_or_never_ends_is_left)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	clipboard_set_policy(world.clipboard, (struct clipboard_policy){.to_host = CLIPBOARD_ALL});
	world.sized = true;
	GUEST_COPIES(&world, "text/plain", "image/png");
	paste_start(&world, NULL, "image/png", 5 << 20, &answer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -EFBIG);
	world.sized = false;
	world.silent = true;
	paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ETIMEDOUT);
	world.silent = false;
	world.has = NULL;
	paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ENOENT);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(a_new_copy_ends_what_was_under_way)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	world.silent = true;
	GUEST_COPIES(&world, "text/plain");
	paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer);
	GUEST_COPIES(&world, "text/plain");
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ESTALE);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(text_of_a_viewer_leaves_when_the_guest_wants_it)
{
	struct world world;

	world_new(&world, false);
	world.viewer[0].answers = true;
	ck_assert_int_eq(viewer_copies(&world.viewer[0], "UTF8_STRING"), 0);
	ck_assert_str_eq(world.offered, "clipboard: text/plain;charset=utf-8");
	ck_assert_uint_eq(world.viewer[0].wants, 0);
	/* Not shown to who has it, but to the other viewer only if both ways allow it. */
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	ck_assert_uint_eq(seen(&world.viewer[1]).count, 1);
	ck_assert_uint_eq(world.viewer[0].changes, 0);
	ck_assert_uint_eq(world.viewer[1].changes, 1);
	guest_wants(&world, world.offered_serial, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, 0);
	ck_assert_uint_eq(world.got_length, 16);
	ck_assert_mem_eq(world.got, "from the viewer\n", 16);
	ck_assert_str_eq(world.viewer[0].type, "UTF8_STRING");
	world_free(&world);
}
END_TEST

START_TEST(the_guest_gets_only_what_it_was_shown)
{
	struct world world;

	world_new(&world, false);
	world.viewer[0].answers = true;
	guest_wants(&world, 1, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, ESTALE);
	viewer_copies(&world.viewer[0], CLIPBOARD_TEXT);
	guest_wants(&world, world.offered_serial + 1, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, ESTALE);
	guest_wants(&world, world.offered_serial, "image/png");
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, ESTALE);
	/* Its viewer was put on watching only. */
	world.viewer[0].viewer.view_only = true;
	guest_wants(&world, world.offered_serial, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, EPERM);
	world.viewer[0].viewer.view_only = false;
	/* The policy has changed since. */
	allow(&world, CLIPBOARD_OFF, CLIPBOARD_ALL);
	ck_assert_str_eq(world.offered, "clipboard:");
	guest_wants(&world, world.offered_serial, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, ESTALE);
	ck_assert_uint_eq(world.viewer[0].wants, 0);
	ck_assert_int_eq(viewer_copies(&world.viewer[0], CLIPBOARD_TEXT), -EPERM);
	world_free(&world);
}
END_TEST

START_TEST(a_viewer_goes_and_with_it_what_it_had)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	viewer_copies(&world.viewer[0], CLIPBOARD_TEXT);
	paste_start(&world, &world.viewer[1], CLIPBOARD_TEXT, 100, &answer);
	ck_assert_uint_eq(world.viewer[0].wants, 1);
	clipboard_forget(world.clipboard, &world.viewer[0].viewer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ESTALE);
	ck_assert_int_eq(clipboard_answer(world.clipboard, &world.viewer[0].viewer,
					  world.viewer[0].wanted, "x", 1),
			 -ESTALE);
	calm(&world);
	ck_assert_str_eq(world.offered, "clipboard:");
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(the_policy_holds_by_direction_and_type)
{
	struct world world;

	world_new(&world, false);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_ALL);
	GUEST_COPIES(&world, "image/png", "UTF8_STRING", "text/html");
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 3);
	ck_assert_str_eq(seen(&world.viewer[0]).type[1], CLIPBOARD_TEXT);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_TEXT_ONLY);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], CLIPBOARD_TEXT);
	world.viewer[1].viewer.view_only = true;
	ck_assert_uint_eq(seen(&world.viewer[1]).count, 0);
	world.viewer[1].viewer.view_only = false;
	GUEST_COPIES(&world, "image/png");
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_OFF);
	GUEST_COPIES(&world, "UTF8_STRING");
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	/* Secrets go only where everything does. */
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_TEXT_ONLY);
	guest_copies_as(&world, "clipboard", 8, (const char *const[]){"UTF8_STRING"}, 1, true);
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	GUEST_COPIES(&world, "UTF8_STRING", CLIPBOARD_SECRET);
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_ALL);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	/* PRIMARY only if it was asked for. */
	guest_copies_as(&world, "primary", 9, (const char *const[]){"STRING"}, 1, false);
	ck_assert_uint_eq(
		clipboard_types(world.clipboard, &world.viewer[0].viewer, CLIPBOARD_PRIMARY).serial,
		0);
	clipboard_set_policy(world.clipboard,
			     (struct clipboard_policy){.to_host = CLIPBOARD_ALL, .primary = true});
	ck_assert_uint_eq(
		clipboard_types(world.clipboard, &world.viewer[0].viewer, CLIPBOARD_PRIMARY).count,
		1);
	world_free(&world);
}
END_TEST

START_TEST(the_policy_knows_kinds)
{
	struct world world;

	world_new(&world, false);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_TEXT_ONLY | CLIPBOARD_IMAGES);
	GUEST_COPIES(&world, "text/html", "image/png", "text/uri-list", "UTF8_STRING");
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 2);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], "image/png");
	ck_assert_str_eq(seen(&world.viewer[0]).type[1], CLIPBOARD_TEXT);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_FILES);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], "text/uri-list");
	/* Not even secret files. */
	guest_copies_as(&world, "clipboard", 20, (const char *const[]){"text/uri-list"}, 1, true);
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	/* Between viewers: what both directions allow. */
	allow(&world, CLIPBOARD_TEXT_ONLY | CLIPBOARD_IMAGES, CLIPBOARD_IMAGES | CLIPBOARD_FILES);
	clipboard_copied(world.clipboard, &world.viewer[1].viewer, CLIPBOARD_CLIPBOARD,
			 (const char *const[]){"UTF8_STRING", "image/png", "text/uri-list"}, 3,
			 on_wanted);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], "image/png");
	world_free(&world);
}
END_TEST

static void count(void *owner)
{
	(*(unsigned int *)owner)++;
}

START_TEST(another_policy_is_told)
{
	struct world world;
	unsigned int changes = 0;

	world_new(&world, false);
	clipboard_watch_policy(world.clipboard, count, &changes);
	ck_assert_uint_eq(changes, 0);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_OFF);
	ck_assert_uint_eq(changes, 1);
	world_free(&world);
}
END_TEST

START_TEST(the_policy_bounds_copies)
{
	struct world world;

	world_new(&world, false);
	clipboard_set_policy(world.clipboard,
			     (struct clipboard_policy){.to_guest = CLIPBOARD_ALL, .max_bytes = 3});
	ck_assert_int_eq(clipboard_copied_bytes(world.clipboard, &world.viewer[0].viewer,
						CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "four", 4),
			 -EFBIG);
	ck_assert_int_eq(clipboard_copied_bytes(world.clipboard, &world.viewer[0].viewer,
						CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "two", 3),
			 0);
	world_free(&world);
}
END_TEST

START_TEST(offers_are_bounded)
{
	static char name[200][CLIPBOARD_TYPE_MAX + 20];
	const char *types[200];
	struct world world;

	world_new(&world, false);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_ALL);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		snprintf(name[i], sizeof(name[i]), i % 2 ? "x/%zu" : "x/%0140zu", i);
		types[i] = name[i];
	}
	guest_copies_as(&world, "clipboard", 1, types, ARRAY_SIZE(types), false);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, CLIPBOARD_MAX_TYPES);
	for (size_t i = 0; i < CLIPBOARD_MAX_TYPES; i++)
		ck_assert_str_eq(seen(&world.viewer[0]).type[i], name[2 * i + 1]);
	/* The same again, and again: said once. */
	world.viewer[0].changes = 0;
	guest_copies_as(&world, "nonsense", 1, types, 1, false);
	for (int i = 0; i < 100; i++) {
		clipboard_copied(world.clipboard, &world.viewer[1].viewer, CLIPBOARD_CLIPBOARD,
				 types + 1, 1, on_wanted);
	}
	calm(&world);
	ck_assert_uint_eq(world.viewer[0].changes, 1);
	ck_assert_uint_eq(world.offers, 1);
	world_free(&world);
}
END_TEST

START_TEST(a_guest_without_a_desktop_is_asked_again_later)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, true);
	viewer_copies(&world.viewer[0], CLIPBOARD_TEXT);
	ck_assert_ptr_null(world.attach);
	world.detached = false;
	clipboard_guest_changed(world.clipboard);
	run_until(&world, attached);
	calm(&world);
	ck_assert_str_eq(world.offered, "clipboard: text/plain;charset=utf-8");
	/* The desktop goes, and what it had; another comes after a while. */
	world.has = "x";
	GUEST_COPIES(&world, "STRING");
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	stream_fail(world.attach, ENOTCONN, NULL);
	world.attach = NULL;
	calm(&world);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 0);
	run_until(&world, attached);
	/* The agent goes in the middle. */
	world.silent = true;
	GUEST_COPIES(&world, "STRING");
	paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer);
	calm(&world);
	clipboard_guest_lost(world.clipboard);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ECONNRESET);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(bytes_may_be_there_already)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	ck_assert_int_eq(clipboard_copied_bytes(world.clipboard, &world.viewer[0].viewer,
						CLIPBOARD_CLIPBOARD, "STRING", "gr\xfc\xdf\r", 5),
			 0);
	paste_start(&world, &world.viewer[1], CLIPBOARD_TEXT, 100, &answer);
	await(&world, &answer);
	ck_assert_str_eq((char *)answer.bytes, "gr\xc3\xbc\xc3\x9f\n");
	calm(&world);
	guest_wants(&world, world.offered_serial, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_length, 7);
	/* Its owner takes it back, and only its owner can. */
	clipboard_copied(world.clipboard, &world.viewer[1].viewer, CLIPBOARD_CLIPBOARD, NULL, 0,
			 on_wanted);
	calm(&world);
	ck_assert_uint_eq(seen(&world.viewer[1]).count, 1);
	clipboard_copied(world.clipboard, &world.viewer[0].viewer, CLIPBOARD_CLIPBOARD, NULL, 0,
			 on_wanted);
	calm(&world);
	ck_assert_uint_eq(seen(&world.viewer[1]).count, 0);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clipboard");
	TCase *tc = tcase_create("clipboard");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, text_of_the_guest_comes_when_it_is_pasted);
	tcase_add_test(tc, one_fetch_serves_all_who_wait);
	tcase_add_test(tc, nobody_waits_so_the_guest_is_told_to_stop);
	tcase_add_test(tc, a_guest_that_never_answers_or_never_ends_is_left);
	tcase_add_test(tc, a_new_copy_ends_what_was_under_way);
	tcase_add_test(tc, text_of_a_viewer_leaves_when_the_guest_wants_it);
	tcase_add_test(tc, the_guest_gets_only_what_it_was_shown);
	tcase_add_test(tc, a_viewer_goes_and_with_it_what_it_had);
	tcase_add_test(tc, the_policy_holds_by_direction_and_type);
	tcase_add_test(tc, the_policy_knows_kinds);
	tcase_add_test(tc, another_policy_is_told);
	tcase_add_test(tc, the_policy_bounds_copies);
	tcase_add_test(tc, offers_are_bounded);
	tcase_add_test(tc, a_guest_without_a_desktop_is_asked_again_later);
	tcase_add_test(tc, bytes_may_be_there_already);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
