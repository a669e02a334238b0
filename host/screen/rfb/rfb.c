/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A viewer's struct outlives its connection until libuv has let go of its handles; whoever calls
 * something that may close it looks at `closed` afterwards.
 */
#include "host/screen/rfb/rfb_internal.h"
#include "protocol/base/log.h"

#include <errno.h>

#define SEND_BYTES (32UL << 10)
#define MAX_ASIDE  (2UL * RFB_MAX_CUT_TEXT)

/* --- The connection --------------------------------------------------------------------------- */

uint64_t rfb_now(const struct rfb *rfb)
{
	return uv_now(rfb->limit.loop);
}

void rfb_send(struct rfb *rfb, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	/* In parts, for which the queue has memory again and again. When it fails, closed() comes.
	 */
	while (length && !rfb->closed) {
		size_t part = MIN(length, SEND_BYTES);

		if (link_send(rfb->link, at, part) < 0)
			return;
		at += part;
		length -= part;
	}
}

void rfb_flush(struct rfb *rfb)
{
	if (rfb->out.failed)
		rfb_close(rfb, -ENOMEM);
	else
		rfb_send(rfb, rfb->out.bytes, rfb->out.length);
	rfb->out.length = 0;
}

void rfb_flush_aside(struct rfb *rfb)
{
	size_t queued = rfb->closed ? 0 : link_queued(rfb->link);

	if (rfb->aside.failed || rfb->aside.length + queued > MAX_ASIDE) {
		/* It makes us say things and does not read them. */
		rfb_close(rfb, rfb->aside.failed ? -ENOMEM : -ENOBUFS);
		return;
	}
	if (rfb->update.active)
		return;
	rfb_send(rfb, rfb->aside.bytes, rfb->aside.length);
	wire_free(&rfb->aside);
}

static size_t on_received(void *owner, const uint8_t *bytes, size_t length)
{
	struct rfb *rfb = owner;
	size_t used = 0;

	while (used < length && !rfb->closed) {
		bool running = rfb->state == RFB_RUNNING;
		ssize_t result = running ? rfb_message(rfb, bytes + used, length - used)
					 : rfb_handshake(rfb, bytes + used, length - used);

		if (result < 0)
			rfb_close(rfb, (int)result);
		if (result <= 0)
			break;
		used += (size_t)result;
		/* What follows may be for another layer. */
		if (!running)
			break;
	}
	return used;
}

static void on_drained(void *owner)
{
	rfb_drained(owner);
}

static void on_closed(void *owner, int error)
{
	rfb_close(owner, error);
}

static const struct link_handlers link_handlers = {
	.received = on_received,
	.drained = on_drained,
	.closed = on_closed,
};

/* --- What the screen tells -------------------------------------------------------------------- */

static void on_desktop_changed(struct viewer *viewer)
{
	if (rfb_of(viewer)->state == RFB_RUNNING)
		rfb_size_changed(rfb_of(viewer));
}

static void on_damaged(struct viewer *viewer, const struct rectangle *where)
{
	rfb_damaged(rfb_of(viewer), where);
}

static void on_cursor_changed(struct viewer *viewer)
{
	if (rfb_of(viewer)->state == RFB_RUNNING)
		rfb_cursor_changed(rfb_of(viewer));
}

static void on_leds_changed(struct viewer *viewer, uint32_t leds)
{
	struct rfb *rfb = rfb_of(viewer);

	(void)leds;
	if (rfb->state != RFB_RUNNING || !(rfb->can.qemu_leds || rfb->can.vmware_leds))
		return;
	rfb->pending.leds = true;
	rfb_update_soon(rfb);
}

static void on_clipboard_changed(struct viewer *viewer)
{
	if (rfb_of(viewer)->state == RFB_RUNNING)
		rfb_clipboard_changed(rfb_of(viewer));
}

/* The screen has removed it. */
static void on_close(struct viewer *viewer)
{
	rfb_close(rfb_of(viewer), 0);
}

const struct viewer_ops rfb_viewer_ops = {
	.protocol = "vnc",
	.desktop_changed = on_desktop_changed,
	.damaged = on_damaged,
	.cursor_changed = on_cursor_changed,
	.leds_changed = on_leds_changed,
	.clipboard_changed = on_clipboard_changed,
	.close = on_close,
};

/* --- Life ------------------------------------------------------------------------------------- */

static void free_rfb(struct rfb *rfb)
{
	damage_free(&rfb->damage);
	encoder_free(&rfb->encoder);
	free(rfb->update.piece);
	wire_free(&rfb->out);
	wire_free(&rfb->aside);
	wire_free(&rfb->patch);
	wire_free(&rfb->message.text);
	explicit_bzero(rfb->password, sizeof(rfb->password));
	free(rfb);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct rfb *rfb = handle->data;

	if (--rfb->handles == 0)
		free_rfb(rfb);
}

void rfb_close(struct rfb *rfb, int error)
{
	if (rfb->closed)
		return;
	rfb->closed = true;
	if (error < 0)
		log_info("VNC viewer %s: %s", rfb->viewer.peer,
			 error == -EPROTO ? "it does not speak the protocol" : error_text(error));
	rfb_clipboard_end(rfb);
	screen_remove_viewer(&rfb->viewer);
	if (error == 0)
		link_finish(rfb->link);
	else
		link_free(rfb->link);
	uv_close((uv_handle_t *)&rfb->limit, on_handle_closed);
	uv_close((uv_handle_t *)&rfb->pace, on_handle_closed);
	uv_close((uv_handle_t *)&rfb->work, on_handle_closed);
}

static void on_limit(uv_timer_t *timer)
{
	struct rfb *rfb = timer->data;

	if (rfb->state == RFB_RUNNING)
		rfb_wish_expired(rfb);
	else
		rfb_close(rfb, -ETIMEDOUT);
}

void rfb_start_limit(struct rfb *rfb, unsigned int milliseconds)
{
	uv_timer_start(&rfb->limit, on_limit, milliseconds, 0);
}

static void init_handles(struct rfb *rfb, uv_loop_t *loop)
{
	uv_timer_init(loop, &rfb->limit);
	uv_timer_init(loop, &rfb->pace);
	uv_idle_init(loop, &rfb->work);
	rfb->limit.data = rfb->pace.data = rfb->work.data = rfb;
	rfb->handles = 3;
}

static struct rfb *new_rfb(const struct rfb_options *options, const char *peer)
{
	struct rfb *rfb = calloc(1, sizeof(*rfb));

	if (!rfb)
		return NULL;
	rfb->viewer.ops = &rfb_viewer_ops;
	/* Until it has got in. */
	rfb->viewer.view_only = true;
	(void)snprintf(rfb->viewer.peer, sizeof(rfb->viewer.peer), "%s", peer);
	rfb->view_only = options->view_only;
	rfb->exclusive = options->exclusive;
	rfb->tls = options->tls;
	rfb->credentials = options->credentials;
	rfb->anonymous = options->anonymous;
	rfb->attempts = options->attempts;
	if (options->password && *options->password) {
		rfb->needs_password = true;
		memcpy(rfb->password, options->password,
		       strnlen(options->password, sizeof(rfb->password)));
	}
	rfb->update.piece = calloc(RFB_MAX_PIECES, sizeof(*rfb->update.piece));
	if (!rfb->update.piece) {
		free_rfb(rfb);
		return NULL;
	}
	return rfb;
}

int rfb_accept(struct screen *screen, struct link *link, const struct rfb_options *options,
	       const char *peer)
{
	struct rfb *rfb;
	int result;

	if (options->tls == RFB_TLS_REQUIRED && !options->credentials && !options->anonymous) {
		link_free(link);
		return -EINVAL;
	}
	rfb = new_rfb(options, peer);
	if (!rfb) {
		link_free(link);
		return -ENOMEM;
	}
	result = screen_add_viewer(screen, &rfb->viewer);
	if (result < 0) {
		free_rfb(rfb);
		link_free(link);
		return result;
	}
	rfb->link = link;
	init_handles(rfb, screen_loop(screen));
	rfb_start_limit(rfb, RFB_HANDSHAKE_MS);
	link_set_handlers(link, &link_handlers, rfb);
	rfb_begin(rfb);
	return 0;
}
