/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice: the port, and a session with this program's own services, as any host has one. The session
 * lives as long as the port is open on the other side.
 */
#include "guest-agent/agent/spice/spice_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_MS 2000

/* All that is done, and nothing else. */
#define CAPABILITIES                                                                               \
	(SPICE_CAP(MOUSE_STATE) | SPICE_CAP(MONITORS_CONFIG) | SPICE_CAP(REPLY) |                  \
	 SPICE_CAP(CLIPBOARD_BY_DEMAND) | SPICE_CAP(CLIPBOARD_SELECTION) |                         \
	 SPICE_CAP(SPARSE_MONITORS_CONFIG) | SPICE_CAP(GUEST_LINEEND_LF) |                         \
	 SPICE_CAP(MAX_CLIPBOARD) | SPICE_CAP(MONITORS_CONFIG_POSITION) |                          \
	 SPICE_CAP(FILE_XFER_DETAILED_ERRORS) | SPICE_CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB))

void spice_say(struct spice *spice, enum spice_type type, struct slice head, struct slice body)
{
	const int error = spice_wire_send(&spice->wire, SPICE_CLIENT_PORT, type, head, body);

	if (error)
		log_warning("the SPICE client is not told something: %s", error_text(error));
	pump_wake(spice->pump);
}

static void ignore_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

void spice_stream_let_go(struct stream *stream)
{
	static const struct stream_handlers ignore = {.closed = ignore_closed};

	stream_set_handlers(stream, &ignore, NULL);
	stream_cancel(stream);
}

/* --- The client ----------------------------------------------------------------------------- */

static void announce(struct spice *spice, bool request)
{
	const struct spice_capabilities said = {.request = request, .bits = CAPABILITIES};
	uint8_t bytes[SPICE_CAPABILITIES_SIZE];

	spice_capabilities_encode(&said, bytes);
	spice_say(spice, SPICE_ANNOUNCE_CAPABILITIES, (struct slice){bytes, sizeof(bytes)},
		  (struct slice){0});
}

static void client_gone(struct spice *spice)
{
	spice_files_end(spice);
	spice_clipboard_end(spice);
	spice_monitors_end(spice);
	spice->both = spice->theirs = 0;
	spice->mouse_said = false;
	spice->client_max = -1;
}

static void capabilities_message(struct spice *spice, struct slice payload)
{
	struct spice_capabilities said;

	if (spice_capabilities_parse(payload, &said) < 0)
		return;
	if (said.request)
		announce(spice, false);
	spice->theirs = said.bits;
	spice->both = said.bits & CAPABILITIES;
	spice_mouse_begin(spice);
	spice_monitors_begin(spice);
	spice_clipboard_tell(spice);
}

static void on_message(void *owner, uint32_t type, struct slice payload)
{
	struct spice *spice = owner;

	switch (type) {
	case SPICE_ANNOUNCE_CAPABILITIES:
		capabilities_message(spice, payload);
		break;
	case SPICE_MONITORS_CONFIG:
		spice_monitors_message(spice, payload);
		break;
	case SPICE_MOUSE_STATE:
		spice_mouse_message(spice, payload);
		break;
	case SPICE_CLIPBOARD:
	case SPICE_CLIPBOARD_GRAB:
	case SPICE_CLIPBOARD_REQUEST:
	case SPICE_CLIPBOARD_RELEASE:
		spice_clipboard_message(spice, (enum spice_type)type, payload);
		break;
	case SPICE_MAX_CLIPBOARD:
		if (payload.length >= 4)
			spice->client_max = (int32_t)load_le32(payload.bytes);
		break;
	case SPICE_FILE_XFER_START:
	case SPICE_FILE_XFER_STATUS:
	case SPICE_FILE_XFER_DATA:
		spice_files_message(spice, (enum spice_type)type, payload);
		break;
	case SPICE_CLIENT_DISCONNECTED:
		client_gone(spice);
		break;
	default: /* sounds, graphics devices: they come another way, or not at all */
		log_debug("SPICE message %u passes by", type);
		break;
	}
}

static void on_skipped(void *owner, uint32_t type, struct slice start)
{
	log_debug("SPICE message %u was too long", type);
	if (type == SPICE_CLIPBOARD)
		spice_clipboard_skipped(owner, start);
}

static uint32_t most(void *owner, uint32_t type)
{
	(void)owner;
	if (type == SPICE_CLIPBOARD)
		return SPICE_CLIP_BYTES;
	return type == SPICE_FILE_XFER_DATA ? 1U << 20 : 4096;
}

static const struct spice_wire_handlers wire_handlers = {
	.most = most,
	.message = on_message,
	.skipped = on_skipped,
};

/* --- Our own services ----------------------------------------------------------------------- */

static void open_streams(struct spice *spice)
{
	spice_monitors_attach(spice);
	spice_clipboard_attach(spice);
}

static void on_retry(uv_timer_t *timer)
{
	struct spice *spice = timer->data;

	if (spice->session && session_is_established(spice->session))
		open_streams(spice);
}

void spice_retry(struct spice *spice)
{
	uv_timer_start(spice->retry, on_retry, RETRY_MS, 0);
}

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)peer;
	open_streams(owner);
}

static void on_wake(void *owner)
{
	const struct spice *spice = owner;

	pump_wake(spice->session_pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.wake = on_wake,
};

static void on_session_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
}

static const struct pump_handlers session_pump_handlers = {.closed = on_session_closed};

static int join_services(struct spice *spice)
{
	static const char *const none[] = {NULL};
	int fds[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	error = agent_serve(spice->agent, fds[1]);
	spice->session =
		error ? NULL
		      : session_new(SESSION_HOST, "SPICE client", none, &session_handlers, spice);
	if (!spice->session) {
		close(fds[0]);
		return error ? error : -ENOMEM;
	}
	error = pump_new(spice->loop, fds[0], false, spice->session, &session_pump_handlers, spice,
			 &spice->session_pump);
	if (error) {
		session_free(spice->session);
		spice->session = NULL;
		return error;
	}
	session_start(spice->session);
	return 0;
}

static void leave_services(struct spice *spice)
{
	struct pump *pump = spice->session_pump;
	struct session *session = spice->session;

	client_gone(spice);
	spice->session_pump = NULL;
	pump_free(pump);
	spice->session = NULL;
	session_free(session);
	uv_timer_stop(spice->retry);
}

/* --- The port ------------------------------------------------------------------------------- */

static size_t port_output(void *owner, void *bytes, size_t capacity)
{
	struct byte_queue *out = &((struct spice *)owner)->wire.out;
	const size_t length = MIN(out->length, capacity);

	if (length) {
		memcpy(bytes, byte_queue_front(out), length);
		byte_queue_take(out, length);
	}
	return length;
}

static void port_disconnected(void *owner)
{
	struct spice *spice = owner;

	leave_services(spice);
	spice_wire_reset(&spice->wire);
}

static void port_opened(void *owner)
{
	struct spice *spice = owner;
	const int error = spice->session ? 0 : join_services(spice);

	if (error)
		log_warning("cannot serve the SPICE client: %s", error_text(error));
	else
		announce(spice, true);
}

static void drop_port(struct spice *spice)
{
	struct pump *pump = spice->pump;

	spice->pump = NULL;
	pump_free(pump);
	if (spice->session)
		leave_services(spice);
	uv_timer_stop(spice->retry);
	spice_wire_reset(&spice->wire);
}

/* A socket has ended: tests come again. */
static void port_closed(void *owner, int error)
{
	struct spice *spice = owner;

	(void)error;
	if (!port_is_virtio(spice->port)) {
		drop_port(spice);
		port_listen(spice->port);
	}
}

static void on_reopen(uv_timer_t *timer)
{
	port_reopen(((struct spice *)timer->data)->port);
}

/* A server sees a port that is closed and opened again as an agent that has just begun, and begins
 * anew with it. There is no other place in the stream that can be trusted: what somebody copied may
 * look like a message. */
static void begin_anew(struct spice *spice)
{
	log_warning("what comes over %s is not understood: the port is opened anew",
		    SPICE_PORT_NAME);
	drop_port(spice);
	if (port_is_virtio(spice->port))
		uv_timer_start(spice->retry, on_reopen, RETRY_MS, 0);
	else
		port_listen(spice->port);
}

static void port_input(void *owner, const void *bytes, size_t length)
{
	struct spice *spice = owner;

	if (spice_wire_receive(&spice->wire, bytes, length) < 0)
		begin_anew(spice);
}

static const struct pump_bytes port_bytes = {
	.output = port_output,
	.input = port_input,
	.disconnected = port_disconnected,
};
static const struct pump_handlers port_pump_handlers = {.closed = port_closed,
							.opened = port_opened};

static void on_connected(void *owner, int fd, bool is_port)
{
	struct spice *spice = owner;
	int error;

	/* The server would give the mouse to us and to nothing else. */
	if (is_port && !pointer_is_possible()) {
		log_info("port %s is not served: the kernel has no uinput", SPICE_PORT_NAME);
		close(fd);
		return;
	}
	error = pump_new_bytes(spice->loop, fd, is_port, &port_bytes, &port_pump_handlers, spice,
			       &spice->pump);
	if (error)
		log_warning("cannot use port %s: %s", SPICE_PORT_NAME, error_text(error));
	else if (!is_port)
		port_opened(spice);
}

static void on_removed(void *owner)
{
	drop_port(owner);
}

/* Another program has it, and serves the client. */
static void on_failed(void *owner, int error)
{
	(void)owner;
	log_info("port %s is not served: %s", SPICE_PORT_NAME, error_text(error));
}

static const struct port_handlers port_handlers = {
	.connected = on_connected,
	.removed = on_removed,
	.failed = on_failed,
};

static void on_released(uv_handle_t *timer)
{
	free(timer);
}

int spice_new(uv_loop_t *loop, struct agent *agent, const char *path, struct spice **result)
{
	struct spice *spice = calloc(1, sizeof(*spice));
	int error;

	if (!spice)
		return -ENOMEM;
	spice->loop = loop;
	spice->agent = agent;
	spice->client_max = -1;
	spice_wire_init(&spice->wire, &wire_handlers, spice);
	spice->retry = calloc(1, sizeof(*spice->retry));
	if (!spice->retry) {
		free(spice);
		return -ENOMEM;
	}
	uv_timer_init(loop, spice->retry);
	spice->retry->data = spice;
	error = spice_monitors_new(spice, &spice->monitors);
	if (error) {
		uv_close((uv_handle_t *)spice->retry, on_released);
		free(spice);
		return error;
	}
	error = port_new_named(loop, SPICE_PORT_NAME, path, &port_handlers, spice, &spice->port);
	if (error) {
		spice_free(spice);
		return error;
	}
	*result = spice;
	return 0;
}

void spice_free(struct spice *spice)
{
	if (!spice)
		return;
	drop_port(spice);
	port_free(spice->port);
	spice_monitors_end(spice);
	spice_monitors_free(spice->monitors);
	pointer_free(spice->pointer);
	uv_close((uv_handle_t *)spice->retry, on_released);
	free(spice);
}
