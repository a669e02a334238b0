/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection to the server: how it begins, what it is asked for, how it ends.
 *
 * A picture is asked for when somebody begins to look, whole, and then changes of it, one update
 * after the other; the server sends one when there is something, so nothing comes while nobody
 * looks, and nothing wakes up.
 */
#include "host/screen/rfb/wire.h"
#include "host/screen/source/limit.h"
#include "host/screen/source/vnc_internal.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>

#define VERSION		 "RFB 003.008\n"
#define SECURITY_NONE	 1
#define INIT_SIZE	 24
#define VNC_SHOWN_WIDTH	 5120
#define VNC_SHOWN_HEIGHT 2160
#define MAX_QUEUE	 (64U << 10)
#define WIDTH_STEP	 16 /* QEMU before 6.2 rounds up to it */

static void end(struct vnc *vnc, int error)
{
	if (vnc->ended)
		return;
	vnc->ended = true;
	if (error < 0)
		log_error("QEMU's VNC display: %s",
			  error == -EACCES ? "it wants a password" : error_text(error));
	screen_source_ended(vnc->source.screen, error);
}

bool vnc_send(struct vnc *vnc, const void *bytes, size_t length)
{
	int result =
		link_queued(vnc->link) > MAX_QUEUE ? -ENOBUFS : link_send(vnc->link, bytes, length);

	if (result < 0)
		log_debug("QEMU's VNC display does not take a message: %s", error_text(result));
	return result == 0;
}

/* --- Pictures and sizes ------------------------------------------------------------------------
 */

static void request(struct vnc *vnc, bool incremental, uint32_t width, uint32_t height)
{
	uint8_t message[10] = {3, incremental};

	store_be16(message + 6, width);
	store_be16(message + 8, height);
	vnc->requested = vnc_send(vnc, message, sizeof(message));
	if (!incremental && vnc->requested)
		vnc->questions++;
}

void vnc_question(struct vnc *vnc)
{
	request(vnc, false, 1, 1);
}

/* QEMU 6 and later answer each with the size as soon as it was read, and then with pixels; before,
 * with pixels alone, several at a time. */
void vnc_answered(struct vnc *vnc, bool with_pixels)
{
	if (!with_pixels && vnc->questions > 0)
		vnc->questions--;
	else if (with_pixels && !vnc->is_resizable)
		vnc->questions = 0;
}

void vnc_ask(struct vnc *vnc, bool incremental)
{
	if (!vnc->ready || !vnc->watching || vnc->width == 0)
		return;
	if (!incremental)
		vnc->missing = (uint64_t)vnc->width * vnc->height;
	request(vnc, incremental, vnc->width, vnc->height);
}

static void tell_size(struct vnc *vnc)
{
	if (vnc->is_known)
		screen_head_changed(vnc->source.screen, 0, vnc->is_off ? 0 : vnc->width,
				    vnc->is_off ? 0 : vnc->height);
}

void vnc_size_is_known(struct vnc *vnc)
{
	if (vnc->is_known)
		return;
	vnc->is_known = true;
	tell_size(vnc);
}

int vnc_take_size(struct vnc *vnc, uint32_t width, uint32_t height)
{
	uint32_t exact = vnc->asked_width;

	if (width > VNC_MAX_SIDE || height > VNC_MAX_SIDE)
		return -EPROTO;
	if (height == vnc->asked_height && width % WIDTH_STEP == 0 && width > exact &&
	    width - exact < WIDTH_STEP)
		width = exact;
	if (width == 0 || height == 0)
		width = height = 0;
	if (width == vnc->width && height == vnc->height)
		return 0;
	vnc->width = width;
	vnc->height = height;
	/* All of it will come with the next update. */
	vnc->missing = (uint64_t)width * height;
	tell_size(vnc);
	if (vnc->watching && !vnc->requested)
		vnc_ask(vnc, true);
	return 0;
}

static void vnc_watch(struct source *source, bool watching)
{
	struct vnc *vnc = vnc_of(source);

	vnc->watching = watching;
	vnc_ask(vnc, false);
	if (watching)
		vnc_nudge(vnc);
}

static bool vnc_is_current(const struct source *source)
{
	const struct vnc *vnc = vnc_of(source);

	return vnc->is_known && vnc->missing == 0;
}

/* A size of nothing unplugs the monitor. */
static void vnc_set_mode(struct source *source, unsigned int head, bool enabled,
			 const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	struct vnc *vnc = vnc_of(source);
	uint8_t message[24] = {251};

	(void)width_mm;
	(void)height_mm;
	if (head != 0)
		return;
	vnc->asked_width = enabled ? place->width : 0;
	vnc->asked_height = enabled ? place->height : 0;
	if (!vnc->is_resizable) {
		log_debug("QEMU's VNC display takes no sizes");
		return;
	}
	store_be16(message + 2, vnc->asked_width);
	store_be16(message + 4, vnc->asked_height);
	message[6] = 1; /* a screen: id, place, size, flags */
	store_be16(message + 16, vnc->asked_width);
	store_be16(message + 18, vnc->asked_height);
	vnc_send(vnc, message, sizeof(message));
	if (vnc->is_off == !enabled)
		return;
	vnc->is_off = !enabled;
	tell_size(vnc);
	vnc_ask(vnc, false);
}

/* --- Beginning -------------------------------------------------------------------------------- */

static void begin(struct vnc *vnc)
{
	static const int32_t encodings[] = {
		RFB_RAW,
		RFB_EXTENDED_CLIPBOARD,
		RFB_EXTENDED_DESKTOP_SIZE,
		RFB_DESKTOP_SIZE,
		RFB_QEMU_KEYS,
		RFB_QEMU_LEDS,
		RFB_QEMU_MOTION,
		RFB_CURSOR,
		RFB_ALPHA_CURSOR,
	};
	/* 32 bits, of which 24 count; least significant byte first: B G R X. */
	static const uint8_t format[20] = {0, 0,   0, 0,   32, 24, 0, 1, 0, 255,
					   0, 255, 0, 255, 16, 8,  0, 0, 0, 0};
	uint8_t message[4 + sizeof(encodings)] = {2};

	vnc_send(vnc, format, sizeof(format));
	store_be16(message + 2, ARRAY_SIZE(encodings));
	for (size_t i = 0; i < ARRAY_SIZE(encodings); i++)
		store_be32(message + 4 + 4 * i, (uint32_t)encodings[i]);
	vnc_send(vnc, message, sizeof(message));
	vnc->ready = true;
}

static ssize_t read_init(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	int result;

	if (length < INIT_SIZE)
		return -EAGAIN;
	result = vnc_take_size(vnc, load_be16(bytes), load_be16(bytes + 2));
	if (result < 0)
		return result;
	begin(vnc);
	vnc_expect_message(vnc, load_be32(bytes + 20)); /* its name */
	/* Before pixels it says whether it takes sizes: a few are enough. */
	if (vnc->watching)
		vnc_ask(vnc, false);
	else
		vnc_question(vnc);
	return INIT_SIZE;
}

static ssize_t read_result(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	const uint8_t shared = 1;

	if (length < 4)
		return -EAGAIN;
	if (load_be32(bytes) != 0)
		return -EACCES;
	vnc_send(vnc, &shared, 1);
	vnc->step = read_init;
	return 4;
}

static ssize_t read_security(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	const uint8_t none = SECURITY_NONE;

	if (length < 1 || length < 1U + bytes[0])
		return -EAGAIN;
	if (!memchr(bytes + 1, SECURITY_NONE, bytes[0]))
		return -EACCES;
	vnc_send(vnc, &none, 1);
	vnc->step = read_result;
	return 1 + bytes[0];
}

static ssize_t read_version(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	if (length < strlen(VERSION))
		return -EAGAIN;
	/* Nobody has an older one. */
	if (memcmp(bytes, VERSION, strlen(VERSION)) != 0)
		return -EPROTONOSUPPORT;
	vnc_send(vnc, VERSION, strlen(VERSION));
	vnc->step = read_security;
	return (ssize_t)strlen(VERSION);
}

/* --- Its life --------------------------------------------------------------------------------- */

static size_t on_received(void *owner, const uint8_t *bytes, size_t length)
{
	struct vnc *vnc = owner;
	size_t used = 0;

	while (!vnc->ended) {
		ssize_t some = vnc->step(vnc, bytes + used, length - used);

		if (some == -EAGAIN)
			return used;
		if (some < 0) {
			end(vnc, (int)some); /* it may be freed */
			return used;
		}
		used += (size_t)some;
	}
	return length;
}

static void on_drained(void *owner)
{
	struct vnc *vnc = owner;

	if (!vnc->requested)
		vnc_ask(vnc, vnc->missing == 0);
	vnc_drained(vnc);
}

static void on_closed(void *owner, int error)
{
	end(owner, error);
}

static const struct link_handlers link_handlers = {
	.received = on_received, .drained = on_drained, .closed = on_closed};

static void vnc_free(struct source *source)
{
	struct vnc *vnc = vnc_of(source);

	vnc_clipboard_free(vnc->clipboard);
	link_free(vnc->link);
	free(vnc->kept);
	free(vnc->cursor.pixels);
	free(vnc);
}

/* The server shows no more of a picture. */
static void vnc_limit(const struct source *source, unsigned int head,
		      struct rectangle size[DESKTOP_MAX_HEADS])
{
	(void)source;
	size[head].width = MIN(size[head].width, VNC_SHOWN_WIDTH);
	size[head].height = MIN(size[head].height, VNC_SHOWN_HEIGHT);
	limit_to_bytes(LIMIT_QEMU_BYTES, UINT64_MAX, LIMIT_QEMU_HEIGHT, head, size);
}

static const struct source_ops vnc_ops = {
	.name = "vnc",
	.session = vnc_session,
	.key_ms = 30, /* 64 events, or a PS/2 keyboard's 16 */
	.watch = vnc_watch,
	.is_current = vnc_is_current,
	.set_mode = vnc_set_mode,
	.limit = vnc_limit,
	.key = vnc_key,
	.is_behind = vnc_is_behind,
	.pointer = vnc_pointer,
	.motion = vnc_motion,
	.button = vnc_button,
	.wheel = vnc_wheel,
	.free = vnc_free,
};

int vnc_source_new(struct screen *screen, int fd, struct source **source)
{
	_cleanup_close_ int owned = fd;
	struct vnc *vnc = calloc(1, sizeof(*vnc));

	if (!vnc)
		return -ENOMEM;
	vnc->source = (struct source){.ops = &vnc_ops, .screen = screen};
	vnc->step = read_version;
	vnc->is_absolute = true;
	vnc->link = link_new(screen_loop(screen), take_fd(&owned));
	if (!vnc->link) {
		free(vnc);
		return -ENOMEM;
	}
	link_set_handlers(vnc->link, &link_handlers, vnc);
	*source = &vnc->source;
	return 0;
}
