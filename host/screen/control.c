/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client is a session of the protocol in which we are the guest's end. Watchers of the state, and
 * those who wait for a display to follow, are streams in one list; what changes within a turn of
 * the loop is told once.
 */
#include "host/screen/control.h"

#include "host/screen/capture.h"
#include "host/screen/clipboard.h"
#include "host/screen/info.h"
#include "host/screen/link_listener.h"
#include "host/screen/resize.h"
#include "host/screen/typing.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/display.h"
#include "protocol/pump/pump.h"

#define TELL_MS 20 /* between two "changed" */

struct control_client {
	struct control *control;
	struct control_client *next;
	struct session *session;
	struct pump *pump;
};

/* A stream of "screen.watch", or of "screen.display" that waits. */
struct control_wait {
	struct control *control;
	struct control_wait *next;
	struct stream *stream;
	uint64_t until_ms; /* 0: a watch */
};

struct control {
	struct control_services services;
	struct viewer viewer; /* hears of changes while anybody waits */
	bool is_viewer;
	struct link_listener *listener;
	struct control_client *clients;
	unsigned int client_count;
	struct control_wait *waits;
	uv_timer_t *timer;
	uint64_t tell_at_ms; /* 0: nothing to tell */
};

/* --- Info ------------------------------------------------------------------------------------- */

static void reply_info(struct control *control, struct stream *stream)
{
	uint8_t bytes[INFO_MAX_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	info_write(&control->services, &writer);
	stream_reply(stream, cbor_written(&writer));
}

/* --- Waiting ---------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void await_next(struct control *control)
{
	uint64_t next = control->tell_at_ms, now = uv_now(screen_loop(control->services.screen));

	for (struct control_wait *wait = control->waits; wait; wait = wait->next) {
		if (wait->until_ms && (next == 0 || wait->until_ms < next))
			next = wait->until_ms;
	}
	if (next == 0)
		uv_timer_stop(control->timer);
	else
		uv_timer_start(control->timer, on_timer, next > now ? next - now : 0, 0);
}

static void changed(struct control *control)
{
	if (control->tell_at_ms || !control->waits)
		return;
	control->tell_at_ms = uv_now(screen_loop(control->services.screen)) + TELL_MS;
	await_next(control);
}

static void on_desktop_changed(struct viewer *viewer)
{
	changed(CONTAINER_OF(viewer, struct control, viewer));
}

static void on_status_changed(struct viewer *viewer)
{
	changed(CONTAINER_OF(viewer, struct control, viewer));
}

static void on_viewer_close(struct viewer *viewer)
{
	CONTAINER_OF(viewer, struct control, viewer)->is_viewer = false;
}

static const struct viewer_ops viewer_ops = {
	.protocol = "control",
	.desktop_changed = on_desktop_changed,
	.status_changed = on_status_changed,
	.close = on_viewer_close,
};

static void wait_free(struct control_wait *wait)
{
	struct control *control = wait->control;
	struct control_wait **link = &control->waits;

	while (*link != wait)
		link = &(*link)->next;
	*link = wait->next;
	free(wait);
	if (control->waits)
		return;
	if (control->is_viewer)
		screen_remove_viewer(&control->viewer);
	control->is_viewer = false;
	control->tell_at_ms = 0;
	uv_timer_stop(control->timer);
}

static void on_wait_cancelled(struct stream *stream, void *owner)
{
	struct control_wait *wait = owner;

	if (wait->until_ms)
		stream_fail(stream, ECANCELED, NULL);
	else
		stream_reply(stream, (struct slice){0});
	wait_free(wait);
}

static void on_wait_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	wait_free(owner);
}

static const struct stream_handlers wait_handlers = {.cancelled = on_wait_cancelled,
						     .closed = on_wait_closed};

static bool tell(struct control_wait *wait, struct slice info, uint64_t now)
{
	struct control *control = wait->control;

	if (wait->until_ms == 0) {
		if (control->tell_at_ms && control->tell_at_ms <= now)
			stream_message(wait->stream, SLICE_LITERAL("changed"), info);
		return false;
	}
	if (resize_is_waiting(control->services.resize) && wait->until_ms > now)
		return false;
	stream_reply(wait->stream, info);
	return true;
}

static void on_timer(uv_timer_t *timer)
{
	struct control *control = timer->data;
	uint64_t now = uv_now(screen_loop(control->services.screen));
	uint8_t bytes[INFO_MAX_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct control_wait *next;

	info_write(&control->services, &writer);
	for (struct control_wait *wait = control->waits; wait; wait = next) {
		next = wait->next;
		if (tell(wait, cbor_written(&writer), now))
			wait_free(wait);
	}
	if (control->tell_at_ms && control->tell_at_ms <= now)
		control->tell_at_ms = 0;
	await_next(control);
}

/* @for_ms 0: a watch. */
static void add_wait(struct control *control, struct stream *stream, uint64_t for_ms)
{
	struct screen *screen = control->services.screen;
	struct control_wait *wait = calloc(1, sizeof(*wait));

	control->viewer.ops = &viewer_ops;
	control->viewer.view_only = true;
	if (!wait || (!control->is_viewer && screen_add_viewer(screen, &control->viewer) < 0)) {
		free(wait);
		stream_fail(stream, EAGAIN, "there are too many viewers");
		return;
	}
	control->is_viewer = true;
	wait->control = control;
	wait->stream = stream;
	wait->until_ms = for_ms ? uv_now(screen_loop(screen)) + for_ms : 0;
	wait->next = control->waits;
	control->waits = wait;
	stream_set_handlers(stream, &wait_handlers, wait);
	changed(control);
	await_next(control);
}

/* --- Methods ---------------------------------------------------------------------------------- */

static void call_info(struct control *control, struct stream *stream, struct slice params)
{
	(void)params;
	reply_info(control, stream);
}

static void call_watch(struct control *control, struct stream *stream, struct slice params)
{
	(void)params;
	add_wait(control, stream, 0);
}

static void call_display(struct control *control, struct stream *stream, struct slice params)
{
	struct screen_wish wish = {0};
	struct screen_display wanted;
	__typeof__(&wish.head[0]) head;
	int result;

	if (message_decode(&message_screen_display, params, &wanted) < 0 || wanted.x < INT16_MIN ||
	    wanted.x > INT16_MAX || wanted.y < INT16_MIN || wanted.y > INT16_MAX) {
		stream_fail(stream, EBADMSG, "display: malformed parameters");
		return;
	}
	head = &wish.head[wanted.head];
	head->named = true;
	head->enabled = !wanted.off;
	head->width = (uint32_t)wanted.width;
	head->height = (uint32_t)wanted.height;
	head->scale_milli = (uint32_t)wanted.scale_milli;
	head->placed = wanted.placed;
	head->x = (int32_t)wanted.x;
	head->y = (int32_t)wanted.y;
	result = screen_request(control->services.screen, NULL, SCREEN_BY_USER, &wish);
	if (result == -EINVAL)
		stream_fail(stream, result, "one head must stay on");
	else if (result == -ENXIO &&
		 strcmp(screen_source_name(control->services.screen), "vnc") == 0)
		stream_fail(stream, result, "QEMU's VNC server shows one head only");
	else if (result == -ENXIO)
		stream_fail(stream, result, "the machine has no such head");
	else if (result == -EOPNOTSUPP)
		stream_fail(stream, ENODEV, "there is no display yet");
	else if (result < 0)
		stream_fail(stream, result, NULL);
	else
		add_wait(control, stream, CONTROL_FOLLOW_MS);
}

static void call_capture(struct control *control, struct stream *stream, struct slice params)
{
	capture_call(control->services.captures, stream, params);
}

static void call_type(struct control *control, struct stream *stream, struct slice params)
{
	typing_call_text(control->services.typing, stream, params);
}

static void call_key(struct control *control, struct stream *stream, struct slice params)
{
	typing_call_keys(control->services.typing, stream, params);
}

static const struct {
	const char *method;
	void (*call)(struct control *control, struct stream *stream, struct slice params);
} methods[] = {
	{"screen.info", call_info},	  {"screen.watch", call_watch},
	{"screen.display", call_display}, {"screen.capture", call_capture},
	{"screen.type", call_type},	  {"screen.key", call_key},
};

/* --- Clients ---------------------------------------------------------------------------------- */

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct control_client *client = owner;
	struct control *control = client->control;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (slice_is(method, methods[i].method)) {
			methods[i].call(control, stream, params);
			return;
		}
	}
	if (!clipboard_call(control->services.clipboard, stream, method, params))
		stream_fail(stream, ENOSYS, "lodge-screen does not know this method");
}

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_wake(void *owner)
{
	pump_wake(((struct control_client *)owner)->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.wake = on_wake,
};

static void client_free(struct control_client *client)
{
	struct control_client **link = &client->control->clients;
	struct pump *pump = take_ptr(client->pump);

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client->control->client_count--;
	pump_free(pump);
	session_free(client->session);
	free(client);
}

static void on_closed(void *owner, int error)
{
	(void)error;
	client_free(owner);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

int control_add_client(struct control *control, int fd)
{
	static const char *const capabilities[] = {"screen", NULL};
	_cleanup_close_ int owned = fd;
	struct control_client *client;
	int result;

	if (control->client_count >= CONTROL_MAX_CLIENTS)
		return -EMFILE;
	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->control = control;
	client->session = session_new(SESSION_GUEST, "lodge-screen " LODGE_VERSION, capabilities,
				      &session_handlers, client);
	if (!client->session) {
		free(client);
		return -ENOMEM;
	}
	result = pump_new(screen_loop(control->services.screen), take_fd(&owned), false,
			  client->session, &pump_handlers, client, &client->pump);
	if (result < 0) {
		session_free(client->session);
		free(client);
		return result;
	}
	client->next = control->clients;
	control->clients = client;
	control->client_count++;
	session_start(client->session);
	return 0;
}

static void on_accepted(void *owner, int fd, const char *peer)
{
	int result = control_add_client(owner, fd);

	if (result < 0)
		log_warning("cannot serve a client (%s) of the control socket: %s", peer,
			    error_text(result));
}

/* --- Its life --------------------------------------------------------------------------------- */

struct control *control_new(const struct control_services *services)
{
	_cleanup_free_ struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return NULL;
	control->timer = calloc(1, sizeof(*control->timer));
	if (!control->timer)
		return NULL;
	control->services = *services;
	uv_timer_init(screen_loop(services->screen), control->timer);
	control->timer->data = control;
	return take_ptr(control);
}

int control_listen(struct control *control, int fd)
{
	return link_listener_new(screen_loop(control->services.screen), fd, on_accepted, control,
				 &control->listener);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void control_free(struct control *control)
{
	if (!control)
		return;
	link_listener_free(control->listener);
	while (control->clients)
		client_free(control->clients);
	uv_close((uv_handle_t *)control->timer, timer_closed);
	free(control);
}
