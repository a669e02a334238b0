/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/capture.h"

#include "host/screen/png_encoder.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/display.h"

#define CHANNEL	       1
#define PIXELS_A_PIECE (64U << 10) /* encoded in one turn of the loop */

struct capture {
	struct viewer viewer;
	struct captures *captures;
	struct capture *next;
	struct stream *stream;
	uv_timer_t timer; /* waits for the picture; then runs the encoder, a piece a turn */
	struct screen_capture wanted;
	bool is_raw, watches;
	struct rectangle place; /* of what was copied */
	uint8_t *pixels;	/* NULL: it is still to come */
	size_t sent;		/* of raw bytes */
	uint32_t row;		/* next for the encoder */
	struct png_encoder *encoder;
};

struct captures {
	struct screen *screen;
	struct capture *first;
	unsigned int count;
};

/* --- Its end ---------------------------------------------------------------------------------- */

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void capture_free(struct capture *capture)
{
	struct captures *captures = capture->captures;
	struct capture **link = &captures->first;

	while (*link != capture)
		link = &(*link)->next;
	*link = capture->next;
	captures->count--;
	if (capture->watches)
		screen_remove_viewer(&capture->viewer);
	png_encoder_free(capture->encoder);
	free(capture->pixels);
	uv_close((uv_handle_t *)&capture->timer, timer_closed);
}

static void capture_fail(struct capture *capture, int error, const char *text)
{
	stream_fail(capture->stream, error, text);
	capture_free(capture);
}

static void capture_done(struct capture *capture)
{
	const struct screen_captured captured = {.width = capture->place.width,
						 .height = capture->place.height};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	stream_end(capture->stream, CHANNEL);
	message_encode(&message_screen_captured, &captured, &writer);
	stream_reply(capture->stream, cbor_written(&writer));
	capture_free(capture);
}

/* --- Sending ---------------------------------------------------------------------------------- */

static void on_turn(uv_timer_t *timer);

/* Comes back in the loop's next turn: others have theirs. */
static void go_on(struct capture *capture)
{
	uv_timer_start(&capture->timer, on_turn, 0, 0);
}

static void send_raw(struct capture *capture)
{
	size_t length = (size_t)capture->place.width * capture->place.height * 4;
	ssize_t taken = 1;

	while (capture->sent < length && taken > 0) {
		taken = stream_send(capture->stream, CHANNEL, capture->pixels + capture->sent,
				    length - capture->sent);
		capture->sent += taken > 0 ? (size_t)taken : 0;
	}
	if (taken < 0)
		capture_fail(capture, (int)taken, NULL);
	else if (capture->sent == length)
		capture_done(capture);
}

/* Return: what is still to be taken; negative errno. */
static ssize_t send_encoded(struct capture *capture)
{
	size_t length;
	const uint8_t *bytes = png_encoder_output(capture->encoder, &length);
	ssize_t taken = length ? stream_send(capture->stream, CHANNEL, bytes, length) : 0;

	if (taken < 0)
		return taken;
	png_encoder_taken(capture->encoder, (size_t)taken);
	return (ssize_t)length - taken;
}

static void send_png(struct capture *capture)
{
	size_t stride = capture->place.width * 4UL;
	uint32_t rows = MIN(MAX(PIXELS_A_PIECE / capture->place.width, 1),
			    capture->place.height - capture->row);
	ssize_t left = send_encoded(capture);
	int result;

	if (left > 0)
		return; /* until there is credit */
	if (left == 0 && rows == 0) {
		capture_done(capture);
		return;
	}
	result = left < 0 ? (int)left
			  : png_encoder_rows(capture->encoder,
					     capture->pixels + capture->row * stride, stride, rows);
	if (result < 0) {
		capture_fail(capture, result, NULL);
		return;
	}
	capture->row += rows;
	go_on(capture);
}

static void send_more(struct capture *capture)
{
	if (capture->is_raw)
		send_raw(capture);
	else
		send_png(capture);
}

static void on_turn(uv_timer_t *timer)
{
	send_more(timer->data);
}

/* --- Taking the picture ----------------------------------------------------------------------- */

static uint8_t blend(uint32_t above, uint32_t alpha, uint8_t below)
{
	return (uint8_t)MIN(above + below * (255 - alpha) / 255, 255);
}

static void draw_cursor(struct capture *capture, const struct desktop_cursor *cursor)
{
	const struct rectangle *place = &capture->place;
	int64_t left = (int64_t)cursor->x - cursor->hot_x - place->x;
	int64_t top = (int64_t)cursor->y - cursor->hot_y - place->y;

	for (uint32_t y = 0; y < cursor->height; y++) {
		for (uint32_t x = 0; x < cursor->width; x++) {
			uint32_t pixel = cursor->pixels[(size_t)y * cursor->width + x];
			uint8_t *at;

			if (left + x < 0 || left + x >= place->width || top + y < 0 ||
			    top + y >= place->height)
				continue;
			at = capture->pixels +
			     ((size_t)(top + y) * place->width + (size_t)(left + x)) * 4;
			for (unsigned int i = 0; i < 3; i++)
				at[i] = blend(pixel >> (8 * i) & 0xff, pixel >> 24, at[i]);
		}
	}
}

static bool find_place(struct capture *capture, const struct desktop *desktop)
{
	const struct desktop_head *head = &desktop->head[capture->wanted.head];

	if (!capture->wanted.one)
		capture->place = (struct rectangle){0, 0, desktop->width, desktop->height};
	else if (head->enabled)
		capture->place = head->place;
	return desktop->pixels && capture->place.width > 0 && capture->place.height > 0;
}

static int copy_picture(struct capture *capture)
{
	const struct desktop *desktop = screen_desktop(capture->captures->screen);
	const struct desktop_cursor *cursor = screen_cursor(capture->captures->screen);
	const struct rectangle *place = &capture->place;
	size_t stride;

	if (!find_place(capture, desktop))
		return -ENODATA;
	stride = place->width * 4UL;
	capture->pixels = malloc(stride * place->height);
	if (!capture->pixels)
		return -ENOMEM;
	for (size_t y = 0; y < place->height; y++)
		memcpy(capture->pixels + y * stride,
		       desktop->pixels + (place->y + y) * desktop->stride + place->x * 4UL, stride);
	if (capture->wanted.cursor && cursor->visible && cursor->pixels)
		draw_cursor(capture, cursor);
	if (capture->is_raw)
		return 0;
	capture->encoder = png_encoder_new(place->width, place->height);
	return capture->encoder ? 0 : -ENOMEM;
}

static void look(struct capture *capture)
{
	int result;

	if (capture->pixels || !screen_is_current(capture->captures->screen))
		return;
	result = copy_picture(capture);
	capture->watches = false;
	screen_remove_viewer(&capture->viewer);
	if (result == -ENODATA)
		capture_fail(capture, result,
			     capture->wanted.one ? "this head shows nothing"
						 : "the guest shows nothing");
	else if (result < 0)
		capture_fail(capture, result, NULL);
	else
		go_on(capture);
}

static void on_late(uv_timer_t *timer)
{
	capture_fail(timer->data, ETIMEDOUT, "the picture has not come");
}

static void on_desktop_changed(struct viewer *viewer)
{
	(void)viewer;
}

/* Looks when the source is done with telling. */
static void on_look(uv_timer_t *timer)
{
	struct capture *capture = timer->data;

	if (screen_is_current(capture->captures->screen))
		look(capture);
	else
		uv_timer_start(timer, on_late, CAPTURE_TIMEOUT_MS, 0);
}

static void on_damaged(struct viewer *viewer, const struct rectangle *where)
{
	struct capture *capture = CONTAINER_OF(viewer, struct capture, viewer);

	(void)where;
	if (screen_is_current(capture->captures->screen))
		uv_timer_start(&capture->timer, on_look, 0, 0);
}

static void on_close(struct viewer *viewer)
{
	struct capture *capture = CONTAINER_OF(viewer, struct capture, viewer);

	capture->watches = false;
	capture_fail(capture, ESHUTDOWN, "the screen has ended");
}

static const struct viewer_ops viewer_ops = {
	.protocol = "capture",
	.desktop_changed = on_desktop_changed,
	.damaged = on_damaged,
	.close = on_close,
};

/* --- The request ------------------------------------------------------------------------------ */

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct capture *capture = owner;

	(void)stream;
	(void)bytes;
	if (channel == CHANNEL && capture->pixels)
		go_on(capture);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	capture_fail(owner, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	capture_free(owner);
}

static const struct stream_handlers stream_handlers = {
	.credit = on_credit, .cancelled = on_cancelled, .closed = on_closed};

static struct capture *capture_new(struct captures *captures, struct stream *stream,
				   const struct screen_capture *wanted)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	if (!capture)
		return NULL;
	capture->captures = captures;
	capture->stream = stream;
	capture->wanted = *wanted;
	capture->is_raw = slice_is(wanted->format, "raw");
	capture->wanted.format = (struct slice){0};
	capture->viewer.ops = &viewer_ops;
	capture->viewer.view_only = true;
	if (screen_add_viewer(captures->screen, &capture->viewer) < 0) {
		free(capture);
		return NULL;
	}
	capture->watches = true;
	uv_timer_init(screen_loop(captures->screen), &capture->timer);
	capture->timer.data = capture;
	capture->next = captures->first;
	captures->first = capture;
	captures->count++;
	stream_set_handlers(stream, &stream_handlers, capture);
	return capture;
}

void capture_call(struct captures *captures, struct stream *stream, struct slice params)
{
	struct screen_capture wanted;
	struct capture *capture;

	if (message_decode(&message_screen_capture, params, &wanted) < 0) {
		stream_fail(stream, EBADMSG, "capture: malformed parameters");
		return;
	}
	if (wanted.format.length && !slice_is(wanted.format, "png") &&
	    !slice_is(wanted.format, "raw")) {
		stream_fail(stream, EINVAL, "capture: the format is png or raw");
		return;
	}
	capture = captures->count < CAPTURE_MAX ? capture_new(captures, stream, &wanted) : NULL;
	if (!capture) {
		stream_fail(stream, EAGAIN, "too many captures, or viewers, at once");
		return;
	}
	uv_timer_start(&capture->timer, on_look, 0, 0);
	screen_watch(&capture->viewer, true);
}

struct captures *captures_new(struct screen *screen)
{
	struct captures *captures = calloc(1, sizeof(*captures));

	if (captures)
		captures->screen = screen;
	return captures;
}

void captures_free(struct captures *captures)
{
	if (!captures)
		return;
	while (captures->first)
		capture_fail(captures->first, ESHUTDOWN, "the screen has ended");
	free(captures);
}
