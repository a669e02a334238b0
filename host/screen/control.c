/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client is a session of the protocol in which we are the guest's end. */
#include "host/screen/capture.h"
#include "host/screen/clipboard.h"
#include "host/screen/control_internal.h"
#include "host/screen/guest.h"
#include "host/screen/typing.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/display.h"
#include "protocol/pump/listener.h"
#include "protocol/pump/pumped_session.h"
#include "protocol/relay/relay.h"

struct control_client {
	struct control *control;
	struct control_client *next;
	struct pumped_session *pumped;
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

static void client_free(struct control_client *client)
{
	struct control_client **link = &client->control->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client->control->client_count--;
	pumped_session_free(client->pumped);
	free(client);
}

static void on_closed(void *owner, int error)
{
	(void)error;
	client_free(owner);
}

static const struct pumped_session_handlers session_handlers = {.request = on_request,
								.closed = on_closed};

int control_add_client(struct control *control, int fd)
{
	static const char *const capabilities[] = {"screen", NULL};
	_cleanup_close_ int owned = fd;
	struct control_client *client;
	struct pumped_session_options options = {
		.loop = screen_loop(control->services.screen),
		.role = SESSION_GUEST,
		.software = "lodge-screen " LODGE_VERSION,
		.capabilities = capabilities,
		.handlers = &session_handlers,
	};
	int result;

	if (control->client_count >= CONTROL_MAX_CLIENTS)
		return -EMFILE;
	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->control = control;
	options.owner = client;
	result = pumped_session_new(&options, take_fd(&owned), &client->pumped);
	if (result < 0) {
		free(client);
		return result;
	}
	client->next = control->clients;
	control->clients = client;
	control->client_count++;
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
	return listener_new(screen_loop(control->services.screen), fd, on_accepted, control,
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
	listener_free(control->listener);
	while (control->clients)
		client_free(control->clients);
	uv_close((uv_handle_t *)control->timer, timer_closed);
	free(control);
}
