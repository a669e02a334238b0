/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest: the port, and the session in which what is behind it looks like our agent
 */
#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* All that is done, and nothing else. */
#define CAPABILITIES                                                                               \
	(SPICE_CAP(MONITORS_CONFIG) | SPICE_CAP(REPLY) | SPICE_CAP(CLIPBOARD_BY_DEMAND) |          \
	 SPICE_CAP(CLIPBOARD_SELECTION) | SPICE_CAP(SPARSE_MONITORS_CONFIG) |                      \
	 SPICE_CAP(MONITORS_CONFIG_POSITION) | SPICE_CAP(FILE_XFER_DETAILED_ERRORS) |              \
	 SPICE_CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB))

void spice_guest_say(struct spice_guest *spice, enum spice_type type, struct slice head,
		     struct slice body)
{
	const int error = spice_wire_send(&spice->wire, SPICE_CLIENT_PORT, type, head, body);

	if (error)
		log_debug("the guest's SPICE agent is not told something: %s", error_text(error));
	pump_wake(spice->pump);
}

/* --- The guest ------------------------------------------------------------------------------ */

static void announce(struct spice_guest *spice, bool request)
{
	const struct spice_capabilities said = {.request = request, .bits = CAPABILITIES};
	uint8_t bytes[SPICE_CAPABILITIES_SIZE];

	spice_capabilities_encode(&said, bytes);
	spice_guest_say(spice, SPICE_ANNOUNCE_CAPABILITIES, (struct slice){bytes, sizeof(bytes)},
			(struct slice){0});
}

static void capabilities_message(struct spice_guest *spice, struct slice payload)
{
	struct spice_capabilities said;

	if (spice_capabilities_parse(payload, &said) < 0)
		return;
	/* Who asks has just begun, and knows nothing of before. */
	if (said.request) {
		announce(spice, false);
		spice_guest_files_begin(spice);
	}
	spice->theirs = said.bits;
	spice->both = said.bits & CAPABILITIES;
	spice_guest_display_begin(spice);
	spice_guest_clipboard_begin(spice);
}

static void on_message(void *owner, uint32_t type, struct slice payload)
{
	struct spice_guest *spice = owner;

	switch (type) {
	case SPICE_ANNOUNCE_CAPABILITIES:
		capabilities_message(spice, payload);
		break;
	case SPICE_REPLY:
		spice_guest_display_replied(spice, payload);
		break;
	case SPICE_CLIPBOARD:
	case SPICE_CLIPBOARD_GRAB:
	case SPICE_CLIPBOARD_REQUEST:
	case SPICE_CLIPBOARD_RELEASE:
		spice_guest_clipboard_message(spice, (enum spice_type)type, payload);
		break;
	case SPICE_FILE_XFER_STATUS:
		spice_guest_files_status(spice, payload);
		break;
	default: /* the mouse, sounds: they come another way, or not at all */
		break;
	}
}

static void on_skipped(void *owner, uint32_t type, struct slice start)
{
	if (type == SPICE_CLIPBOARD)
		spice_guest_clipboard_skipped(owner, start);
}

static uint32_t most(void *owner, uint32_t type)
{
	(void)owner;
	return type == SPICE_CLIPBOARD ? SPICE_CLIP_BYTES : 4096;
}

static const struct spice_wire_handlers wire_handlers = {
	.most = most,
	.message = on_message,
	.skipped = on_skipped,
};

/* --- The session ---------------------------------------------------------------------------- */

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct spice_guest *spice = owner;

	if (slice_is(method, "display.attach"))
		spice_guest_display_attach(spice, stream);
	else if (slice_is(method, "clipboard.attach"))
		spice_guest_clipboard_attach(spice, stream);
	else if (slice_is(method, "clipboard.read"))
		spice_guest_clipboard_read(spice, stream, params);
	else if (slice_is(method, "clipboard.write"))
		spice_guest_clipboard_write(spice, stream, params);
	else if (slice_is(method, "files.receive"))
		spice_guest_files_receive(spice, stream, params);
	else
		stream_fail(stream, ENOSYS, "a SPICE agent has no such method");
}

static void on_wake(void *owner)
{
	const struct spice_guest *spice = owner;

	pump_wake(spice->session_pump);
}

static uint64_t on_random(void *owner)
{
	uint64_t value = 0;

	(void)owner;
	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		value = uv_hrtime();
	return value;
}

static const struct session_handlers session_handlers = {
	.request = on_request,
	.wake = on_wake,
	.random = on_random,
};

static void leave_session(struct spice_guest *spice)
{
	struct session *session = spice->session;
	struct pump *pump = spice->session_pump;

	spice->session = NULL;
	spice->session_pump = NULL;
	pump_free(pump);
	session_free(session);
}

static void on_session_closed(void *owner, int error)
{
	(void)error;
	leave_session(owner);
}

static const struct pump_handlers session_pump_handlers = {.closed = on_session_closed};

int spice_guest_session(struct spice_guest *spice)
{
	static const char *const capabilities[] = {"display", "clipboard", "files", NULL};
	int fds[2], error;

	if (!spice->pump)
		return -ENOTCONN;
	leave_session(spice);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	spice->session =
		session_new(SESSION_GUEST, "SPICE agent", capabilities, &session_handlers, spice);
	if (!spice->session) {
		close(fds[0]);
		close(fds[1]);
		return -ENOMEM;
	}
	error = pump_new(spice->loop, fds[1], false, spice->session, &session_pump_handlers, spice,
			 &spice->session_pump);
	if (error) {
		leave_session(spice);
		close(fds[0]);
		return error;
	}
	return fds[0];
}

/* --- The port ------------------------------------------------------------------------------- */

static size_t port_output(void *owner, void *bytes, size_t capacity)
{
	struct spice_guest *spice = owner;
	struct byte_queue *out = &spice->wire.out;
	size_t length;

	spice_guest_files_more(spice);
	length = MIN(out->length, capacity);
	if (length) {
		memcpy(bytes, byte_queue_front(out), length);
		byte_queue_take(out, length);
	}
	return length;
}

static void drop_port(struct spice_guest *spice)
{
	struct pump *pump = spice->pump;

	spice->pump = NULL;
	pump_free(pump);
	leave_session(spice);
	spice_wire_reset(&spice->wire);
	uv_timer_stop(spice->stall);
}

static void begin_anew(struct spice_guest *spice, const char *why)
{
	log_warning("what the guest says on port %s %s: the port is opened anew", SPICE_PORT_NAME,
		    why);
	drop_port(spice);
	spice->ended(spice->owner);
}

static void on_stall(uv_timer_t *timer)
{
	begin_anew(timer->data, "stopped within a message");
}

static void port_input(void *owner, const void *bytes, size_t length)
{
	struct spice_guest *spice = owner;

	if (spice_wire_receive(&spice->wire, bytes, length) < 0)
		begin_anew(spice, "is not understood");
	else if (spice_wire_is_within(&spice->wire))
		uv_timer_start(spice->stall, on_stall, SPICE_GUEST_STALL_MS, 0);
	else
		uv_timer_stop(spice->stall);
}

static void port_disconnected(void *owner)
{
	struct spice_guest *spice = owner;

	leave_session(spice);
	spice_wire_reset(&spice->wire);
}

static void port_closed(void *owner, int error)
{
	struct spice_guest *spice = owner;

	(void)error;
	drop_port(spice);
	spice->ended(spice->owner);
}

static const struct pump_bytes port_bytes = {
	.output = port_output,
	.input = port_input,
	.disconnected = port_disconnected,
};
static const struct pump_handlers port_handlers = {.closed = port_closed};

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

int spice_guest_new(uv_loop_t *loop, int fd, void (*ended)(void *owner), void *owner,
		    struct spice_guest **result)
{
	struct spice_guest *spice = calloc(1, sizeof(*spice));
	uv_timer_t *stall = calloc(1, sizeof(*stall));
	int error;

	if (!spice || !stall) {
		close(fd);
		free(spice);
		free(stall);
		return -ENOMEM;
	}
	spice->loop = loop;
	spice->ended = ended;
	spice->owner = owner;
	spice->stall = stall;
	uv_timer_init(loop, stall);
	stall->data = spice;
	spice_wire_init(&spice->wire, &wire_handlers, spice);
	error = pump_new_bytes(loop, fd, false, &port_bytes, &port_handlers, spice, &spice->pump);
	if (error) {
		uv_close((uv_handle_t *)stall, timer_closed);
		free(spice);
		return error;
	}
	announce(spice, true);
	*result = spice;
	return 0;
}

void spice_guest_free(struct spice_guest *spice)
{
	if (!spice)
		return;
	drop_port(spice);
	uv_close((uv_handle_t *)spice->stall, timer_closed);
	free(spice);
}
