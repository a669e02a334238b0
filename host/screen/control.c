/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client is a session of the protocol in which we are the guest's end. */
#include "host/screen/capture.h"
#include "host/screen/clipboard.h"
#include "host/screen/control_internal.h"
#include "host/screen/guest.h"
#include "host/screen/link_listener.h"
#include "host/screen/typing.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/display.h"
#include "protocol/pump/pump.h"
#include "protocol/relay/relay.h"

struct control_client {
	struct control *control;
	struct control_client *next;
	struct session *session;
	struct pump *pump;
};

/* --- Methods ---------------------------------------------------------------------------------- */

static void call_info(struct control *control, struct stream *stream, struct slice params)
{
	(void)params;
	control_reply_info(control, stream);
}

static void call_watch(struct control *control, struct stream *stream, struct slice params)
{
	(void)params;
	control_add_wait(control, stream, 0);
}

static void refuse_display(const struct control *control, struct stream *stream, int error)
{
	unsigned int heads = screen_heads(control->services.screen);
	char text[64];

	switch (error) {
	case -ENXIO:
		if (strcmp(screen_source_name(control->services.screen), "vnc") == 0)
			snprintf(text, sizeof(text), "QEMU's VNC server shows one head only");
		else
			snprintf(text, sizeof(text), "it has %u head%s, the last is %u", heads,
				 heads == 1 ? "" : "s", heads - 1);
		stream_fail(stream, ENXIO, text);
		break;
	case -EINVAL:
		stream_fail(stream, EINVAL, "one head must stay on");
		break;
	case -EOPNOTSUPP:
		stream_fail(stream, ENODEV, "there is no display yet");
		break;
	default:
		stream_fail(stream, -error, NULL);
		break;
	}
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
	if (result < 0)
		refuse_display(control, stream, result);
	else
		control_add_wait(control, stream, CONTROL_FOLLOW_MS);
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

static void call_send_file(struct control *control, struct stream *stream, struct slice params)
{
	struct session *guest = guest_takes_files(control->services.guest);
	int error;

	if (!clipboard_takes_files(control->services.clipboard)) {
		stream_fail(stream, EPERM, "the policy lets no files into the guest");
		return;
	}
	error = guest ? relay_request(stream, guest, SLICE_LITERAL("files.receive"), params, NULL,
				      NULL)
		      : -ENOTCONN;
	if (error)
		stream_fail(stream, error == -EMFILE ? EAGAIN : -error,
			    guest ? NULL : "the guest has no agent that takes files");
}

static const struct {
	const char *method;
	void (*call)(struct control *control, struct stream *stream, struct slice params);
} methods[] = {
	{"screen.info", call_info},	      {"screen.watch", call_watch},
	{"screen.display", call_display},     {"screen.capture", call_capture},
	{"screen.type", call_type},	      {"screen.key", call_key},
	{"screen.send-file", call_send_file},
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
