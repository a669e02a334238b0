/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/info.h"

#include "host/screen/guest.h"
#include "host/screen/resize.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/display.h"

#define HEADS_BYTES   4096
#define VIEWERS_BYTES 12288

static const char *who_name(enum screen_who who)
{
	switch (who) {
	case SCREEN_BY_VIEWER:
		return "viewer";
	case SCREEN_BY_USER:
		return "user";
	default:
		return "guest";
	}
}

static struct screen_head head_of(const struct control_services *services, unsigned int number)
{
	const struct guest_head *known = &guest_layout(services->guest)->head[number];
	const struct desktop_head *shown = &screen_desktop(services->screen)->head[number];
	struct resize_status status = resize_status(services->resize, number);
	struct screen_head head = {
		.head = number,
		.enabled = shown->enabled,
		.primary = known->known && known->primary,
		.x = known->known ? known->x : (int32_t)shown->place.x,
		.y = known->known ? known->y : (int32_t)shown->place.y,
		.width = shown->enabled ? shown->place.width : 0,
		.height = shown->enabled ? shown->place.height : 0,
		.scale_milli = known->known ? known->scale_milli : 0,
		.by = slice_of(shown->enabled || status.asked ? who_name(status.by) : ""),
		.followed = slice_of(resize_followed_name(status.followed)),
	};

	if (status.asked && status.enabled) {
		head.requested_width = status.width;
		head.requested_height = status.height;
	}
	return head;
}

/* All heads that show something, were asked for, or the guest has named; the first always. */
static void write_heads(const struct control_services *services, struct cbor_writer *writer)
{
	bool listed[DESKTOP_MAX_HEADS];
	unsigned int count = 0;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		listed[i] = i == 0 || screen_desktop(services->screen)->head[i].enabled ||
			    resize_status(services->resize, i).asked ||
			    guest_layout(services->guest)->head[i].known;
		count += listed[i];
	}
	cbor_put_array(writer, count);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		struct screen_head head;

		if (!listed[i])
			continue;
		head = head_of(services, i);
		message_encode(&message_screen_head, &head, writer);
	}
}

/* Those that are people's: not what works for a moment for the control socket itself. */
static bool is_listed(const struct viewer *viewer)
{
	return viewer->peer[0] != '\0';
}

static void write_viewers(const struct control_services *services, struct cbor_writer *writer)
{
	const struct viewer *first = screen_viewers(services->screen), *viewer;
	unsigned int count = 0;

	for (viewer = first; viewer; viewer = viewer->next)
		count += is_listed(viewer);
	cbor_put_array(writer, count);
	for (viewer = first; viewer; viewer = viewer->next) {
		const struct screen_viewer listed = {
			.protocol = slice_of(viewer->ops->protocol),
			.peer = slice_of(viewer->peer),
			.view_only = viewer->view_only,
			.watching = viewer->watching,
		};

		if (is_listed(viewer))
			message_encode(&message_screen_viewer, &listed, writer);
	}
}

void info_write(const struct control_services *services, struct cbor_writer *writer)
{
	uint8_t heads[HEADS_BYTES], viewers[VIEWERS_BYTES];
	struct cbor_writer head_writer = CBOR_WRITER(heads);
	struct cbor_writer viewer_writer = CBOR_WRITER(viewers);
	const struct guest_layout *layout = guest_layout(services->guest);
	struct screen_info info = {
		.source = slice_of(screen_source_name(services->screen)),
		.leds = screen_leds(services->screen),
		.session = slice_of(layout->session),
		.desktop = slice_of(layout->desktop),
		.head_count = screen_heads(services->screen),
		.driverless = screen_is_driverless(services->screen),
	};

	write_heads(services, &head_writer);
	write_viewers(services, &viewer_writer);
	info.heads = cbor_written(&head_writer);
	info.viewers = cbor_written(&viewer_writer);
	message_encode(&message_screen_info, &info, writer);
}
