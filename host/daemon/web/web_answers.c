/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lodge-web may ask for. */
#include "host/daemon/web/internal.h"

#include "host/daemon/backend.h"
#include "host/daemon/lodged.h"
#include "host/daemon/screen/screen.h"
#include "host/statistics/channel.h"
#include "host/statistics/snapshot.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/byte_queue.h"
#include "protocol/display.h"
#include "protocol/relay/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MILLISECONDS	 1000U
#define MS_A_NS		 1000000U
#define PICTURE_LIMIT_MS 8000

/* --- Snapshots -------------------------------------------------------------------------------- */

struct telling {
	struct statistics_waiter waiter; /* while figures are read */
	struct lodged *lodged;
	struct stream *stream;
	struct byte_queue bytes;
	bool waits, failed;
};

static void free_telling(struct telling *telling)
{
	if (telling->waits)
		statistics_forget(telling->lodged->statistics, &telling->waiter);
	byte_queue_clear(&telling->bytes);
	free(telling);
}

static void append(struct telling *telling, struct slice item)
{
	if (item.length == 0 || byte_queue_append(&telling->bytes, item.bytes, item.length) < 0)
		telling->failed = true;
}

static uint64_t realtime_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * MILLISECONDS + (uint64_t)time.tv_nsec / MS_A_NS;
}

static const char *screen_of(const struct vm *vm)
{
	if (vm_screen_is_missing(vm->screen))
		return "off";
	return vm_screen_is_ready(vm->screen) ? "ready" : "starting";
}

static void append_all(struct telling *telling)
{
	struct snapshot_host host = {.realtime_ms = realtime_ms(),
				     .figures = *statistics_of_host(telling->lodged->statistics)};
	uint8_t bytes[SNAPSHOT_ITEM_SIZE];
	char label[VM_LABEL_MAX];

	append(telling, snapshot_put_host(&host, bytes));
	for (const struct vm *vm = telling->lodged->vms; vm; vm = vm->next) {
		struct snapshot_vm item = {
			.id = slice_of(vm->id),
			.name = slice_of(vm_label(vm, label)),
			.state = slice_of(vm_state_text(vm->state)),
			.backend = slice_of(vm->backend->name),
			.screen = slice_of(screen_of(vm)),
			.figures = vm->figures,
		};

		append(telling, snapshot_put_vm(&item, bytes));
	}
}

/* As far as there is credit; the end when all is gone. */
static void send_on(struct telling *telling)
{
	while (telling->bytes.length > 0) {
		ssize_t sent =
			stream_send(telling->stream, WEB_DATA_CHANNEL,
				    byte_queue_front(&telling->bytes), telling->bytes.length);

		if (sent == 0)
			return;
		if (sent < 0) {
			stream_fail(telling->stream, (int)sent, NULL);
			free_telling(telling);
			return;
		}
		byte_queue_take(&telling->bytes, (size_t)sent);
	}
	stream_reply(telling->stream, (struct slice){NULL, 0});
	free_telling(telling);
}

static void on_figures(struct statistics_waiter *waiter)
{
	struct telling *telling = CONTAINER_OF(waiter, struct telling, waiter);

	telling->waits = false;
	append_all(telling);
	if (!telling->failed) {
		send_on(telling);
		return;
	}
	stream_fail(telling->stream, ENOMEM, NULL);
	free_telling(telling);
}

static void telling_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct telling *telling = owner;

	(void)stream;
	(void)channel;
	(void)bytes;
	if (!telling->waits)
		send_on(telling);
}

static void telling_cancelled(struct stream *stream, void *owner)
{
	stream_fail(stream, ECANCELED, NULL);
	free_telling(owner);
}

static void telling_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	free_telling(owner);
}

static void tell_snapshot(struct web *web, struct stream *stream, struct slice params)
{
	static const struct stream_handlers handlers = {
		.credit = telling_credit,
		.cancelled = telling_cancelled,
		.closed = telling_closed,
	};
	struct telling *telling = calloc(1, sizeof(*telling));

	(void)params;
	/* Somebody looks: a lodged with nothing else to do stays a little longer. */
	lodged_check_idle(web->lodged);
	if (!telling) {
		stream_fail(stream, ENOMEM, NULL);
		return;
	}
	telling->lodged = web->lodged;
	telling->stream = stream;
	telling->waiter.done = on_figures;
	telling->waits = true;
	stream_set_handlers(stream, &handlers, telling);
	statistics_ask(web->lodged->statistics, &telling->waiter);
}

/* --- A VM's screen ---------------------------------------------------------------------------- */

/* NULL: the stream has been failed. */
static struct vm *find_vm(struct web *web, struct stream *stream, struct slice params)
{
	struct web_vm message;

	if (message_decode(&message_web_vm, params, &message) < 0) {
		stream_fail(stream, EBADMSG, NULL);
		return NULL;
	}
	for (struct vm *vm = web->lodged->vms; vm; vm = vm->next) {
		if (!slice_is(message.vm, vm->id))
			continue;
		if (vm_screen_is_ready(vm->screen))
			return vm;
		stream_fail(stream, ENOENT, "It has no screen now.");
		return NULL;
	}
	stream_fail(stream, ENOENT, "There is no such virtual machine.");
	return NULL;
}

/* --- A picture of it -------------------------------------------------------------------------- */

/* A connection to the VM's lodge-screen, for one picture. */
struct taking {
	struct pumped_session *session;
	struct stream *near; /* lodge-web's; NULL: it is the relay's, or answered */
	uv_timer_t timer;    /* its limit, then its end */
	bool over;
};

static void taking_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void end_taking(uv_timer_t *timer)
{
	struct taking *taking = timer->data;
	struct stream *near = taking->near;

	taking->over = true;
	taking->near = NULL;
	if (near)
		stream_fail(near, ETIMEDOUT, "The screen does not answer.");
	pumped_session_free(taking->session);
	uv_close((uv_handle_t *)timer, taking_closed);
}

/* Not now: a session is in the middle of a call. */
static void end_soon(void *owner)
{
	struct taking *taking = owner;

	if (!taking->over)
		uv_timer_start(&taking->timer, end_taking, 0, 0);
}

static void near_cancelled(struct stream *stream, void *owner)
{
	struct taking *taking = owner;

	stream_fail(stream, ECANCELED, NULL);
	taking->near = NULL;
	end_soon(taking);
}

static void near_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct taking *taking = owner;

	(void)stream;
	(void)result;
	taking->near = NULL;
	end_soon(taking);
}

static void screen_established(void *owner, const struct session_peer *peer)
{
	struct screen_capture capture = {.cursor = true};
	struct taking *taking = owner;
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	(void)peer;
	if (!taking->near)
		return;
	message_encode(&message_screen_capture, &capture, &writer);
	if (relay_request(taking->near, pumped_session_session(taking->session),
			  SLICE_LITERAL("screen.capture"), cbor_written(&writer), end_soon,
			  taking) == 0)
		taking->near = NULL;
	else
		end_soon(taking);
}

static void screen_lost(void *owner, int reason)
{
	(void)reason;
	end_soon(owner);
}

static void screen_closed(void *owner, int error)
{
	(void)error;
	end_soon(owner);
}

static int connect_screen(struct taking *taking, uv_loop_t *loop, const struct vm *vm)
{
	static const struct pumped_session_handlers handlers = {
		.established = screen_established, .lost = screen_lost, .closed = screen_closed};
	static const char *const capabilities[] = {NULL};
	const struct pumped_session_options options = {.loop = loop,
						       .role = SESSION_HOST,
						       .software = "lodged " LODGE_VERSION,
						       .capabilities = capabilities,
						       .handlers = &handlers,
						       .owner = taking};
	char path[PATH_MAX];
	int fd = vm_file(vm, SCREEN_CONTROL, path, sizeof(path));

	if (fd == 0)
		fd = connect_unix(path);
	return fd < 0 ? fd : pumped_session_new(&options, fd, &taking->session);
}

static void take_picture(struct web *web, struct stream *stream, struct slice params)
{
	static const struct stream_handlers handlers = {
		.cancelled = near_cancelled,
		.closed = near_closed,
	};
	const struct vm *vm = find_vm(web, stream, params);
	struct taking *taking;
	int result;

	if (!vm)
		return;
	taking = calloc(1, sizeof(*taking));
	if (!taking) {
		stream_fail(stream, ENOMEM, NULL);
		return;
	}
	uv_timer_init(&web->lodged->loop, &taking->timer);
	taking->timer.data = taking;
	result = connect_screen(taking, &web->lodged->loop, vm);
	if (result < 0) {
		uv_close((uv_handle_t *)&taking->timer, taking_closed);
		stream_fail(stream, result, "The screen does not answer.");
		return;
	}
	taking->near = stream;
	stream_set_handlers(stream, &handlers, taking);
	uv_timer_start(&taking->timer, end_taking, PICTURE_LIMIT_MS, 0);
}

/* --- Where it is shown ------------------------------------------------------------------------ */

struct listening {
	struct stream *stream; /* NULL: nobody wants to know any more */
	struct viewer_listener listener;
};

static void reply_address(struct stream *stream, const struct viewer_listener *listener)
{
	uint8_t bytes[LISTENER_URL_SIZE + 64];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	char url[LISTENER_URL_SIZE];
	struct web_screen screen;

	viewer_listener_url(listener, url);
	screen.address = slice_of(url);
	message_encode(&message_web_screen, &screen, &writer);
	stream_reply(stream, cbor_written(&writer));
}

static void listened(void *owner, int error, const char *text)
{
	struct listening *listening = owner;

	if (listening->stream && error)
		stream_fail(listening->stream, error, text);
	else if (listening->stream)
		reply_address(listening->stream, &listening->listener);
	free(listening);
}

static void listening_cancelled(struct stream *stream, void *owner)
{
	((struct listening *)owner)->stream = NULL;
	stream_fail(stream, ECANCELED, NULL);
}

static void listening_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	((struct listening *)owner)->stream = NULL;
}

/* The one that `lodge view --web` opens, too. */
static void open_screen(struct web *web, struct stream *stream, struct slice params)
{
	static const struct stream_handlers handlers = {
		.cancelled = listening_cancelled,
		.closed = listening_closed,
	};
	struct vm *vm = find_vm(web, stream, params);
	const struct viewer_listener *old = vm ? vm_screen_listener(vm->screen, "web") : NULL;
	struct listening *listening;
	int result;

	if (!vm)
		return;
	if (old && old->web && !old->view_only) {
		reply_address(stream, old);
		return;
	}
	listening = calloc(1, sizeof(*listening));
	if (!listening) {
		stream_fail(stream, ENOMEM, NULL);
		return;
	}
	listening->stream = stream;
	listening->listener = (struct viewer_listener){.web = true, .id = "web", .fd = -EBADF};
	make_secret(listening->listener.secret, LISTENER_TOKEN_LENGTH);
	stream_set_handlers(stream, &handlers, listening);
	result = vm_screen_listen(vm->screen, "", &listening->listener, listened, listening);
	if (result < 0)
		listened(listening, result, "The screen does not listen for viewers.");
}

/* --- Requests --------------------------------------------------------------------------------- */

static const struct {
	const char *method;
	void (*call)(struct web *web, struct stream *stream, struct slice params);
} methods[] = {
	{WEB_SNAPSHOT, tell_snapshot},
	{WEB_PICTURE, take_picture},
	{WEB_SCREEN, open_screen},
};

void web_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (slice_is(method, methods[i].method)) {
			methods[i].call(owner, stream, params);
			return;
		}
	}
	stream_fail(stream, ENOSYS, "lodged does not know this method");
}
