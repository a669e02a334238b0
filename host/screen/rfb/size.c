/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sizes, both ways: DesktopSize, and ExtendedDesktopSize with SetDesktopSize.
 *
 * A viewer's wish goes to the screen, and is answered when the desktop has that size. If it comes
 * to another, it is given a moment more, and then answered with what it is; if nothing happens in
 * WISH_MS, the answer is that the wish was passed on.
 */
#include "host/screen/rfb/rfb_internal.h"

#include <errno.h>

#define WISH_MS	    2500 /* the guest, its session and a replug have had their time */
#define OTHER_MS    300
#define MAX_ANSWERS 16U

enum {
	BY_SERVER = 0,
	BY_THIS = 1,
	BY_OTHER = 2,
};

enum {
	STATUS_OK = 0,
	STATUS_PROHIBITED = 1,
	STATUS_RESOURCES = 2,
	STATUS_INVALID = 3,
	STATUS_FORWARDED = 4,
};

#define SCREEN_BYTES 16U

/* --- To the viewer ---------------------------------------------------------------------------- */

void rfb_size(const struct rfb *rfb, uint32_t *width, uint32_t *height)
{
	const struct desktop *desktop = screen_desktop(rfb->viewer.screen);

	*width = desktop->width;
	*height = desktop->height;
	if (*width == 0 || *height == 0) {
		*width = rfb->width ? rfb->width : RFB_NO_WIDTH;
		*height = rfb->height ? rfb->height : RFB_NO_HEIGHT;
	}
}

static bool other_has_wished(const struct rfb *rfb)
{
	for (const struct viewer *viewer = screen_viewers(rfb->viewer.screen); viewer;
	     viewer = viewer->next) {
		const struct rfb *other = (const struct rfb *)viewer;

		if (viewer->ops == &rfb_viewer_ops && other != rfb &&
		    (other->wish.owed || other->wish.due))
			return true;
	}
	return false;
}

static void answer(struct rfb *rfb, unsigned int status)
{
	struct rfb_wish *wish = &rfb->wish;

	wish->due = MIN(wish->due + wish->owed, MAX_ANSWERS);
	wish->owed = 0;
	wish->status = status;
	uv_timer_stop(&rfb->limit);
	rfb_update_soon(rfb);
}

static bool is_as_wished(const struct rfb *rfb)
{
	const struct desktop *desktop = screen_desktop(rfb->viewer.screen);

	return desktop->width == rfb->wish.width && desktop->height == rfb->wish.height;
}

void rfb_size_changed(struct rfb *rfb)
{
	static const struct rectangle all = {.width = UINT32_MAX, .height = UINT32_MAX};
	uint32_t width, height;

	rfb_size(rfb, &width, &height);
	if (rfb->can.extended_desktop_size ||
	    (rfb->can.desktop_size && (width != rfb->width || height != rfb->height))) {
		rfb->pending.size = true;
		rfb->pending.why = other_has_wished(rfb) ? BY_OTHER : BY_SERVER;
	}
	rfb_refresh(rfb, &all);
	if (rfb->wish.owed && is_as_wished(rfb)) {
		answer(rfb, STATUS_OK);
	} else if (rfb->wish.owed) {
		rfb->wish.changed = true;
		rfb_start_limit(rfb, OTHER_MS);
	}
	rfb_update_soon(rfb);
}

void rfb_wish_expired(struct rfb *rfb)
{
	if (rfb->wish.owed)
		answer(rfb, rfb->wish.changed ? STATUS_OK : STATUS_FORWARDED);
}

/* The change itself goes as the answer, if there is one that says it has come about. */
static bool tells_change(const struct rfb *rfb)
{
	return rfb->pending.size && !(rfb->wish.due && rfb->wish.status == STATUS_OK);
}

unsigned int rfb_count_size(const struct rfb *rfb)
{
	if (!rfb->can.extended_desktop_size)
		return rfb->pending.size && rfb->can.desktop_size;
	return rfb->wish.due + tells_change(rfb);
}

/* There are viewers for whom 0 is no screen. */
static uint32_t id_of(unsigned int head)
{
	return head + 1;
}

static void put_screens(struct rfb *rfb)
{
	const struct desktop *desktop = screen_desktop(rfb->viewer.screen);
	struct wire *out = &rfb->out;
	unsigned int count = 0;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		count += desktop->head[i].enabled;
	wire_put8(out, MAX(count, 1));
	wire_put(out, "\0\0", 3);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		const struct rectangle *place = &desktop->head[i].place;

		if (!desktop->head[i].enabled)
			continue;
		wire_put32(out, id_of(i));
		wire_put16(out, place->x);
		wire_put16(out, place->y);
		wire_put16(out, place->width);
		wire_put16(out, place->height);
		wire_put32(out, 0);
	}
	if (count == 0) {
		wire_put32(out, id_of(0));
		wire_put32(out, 0);
		wire_put16(out, rfb->width);
		wire_put16(out, rfb->height);
		wire_put32(out, 0);
	}
}

static void put_extended(struct rfb *rfb, unsigned int reason, unsigned int status)
{
	struct rectangle place = {reason, status, rfb->width, rfb->height};

	encode_header(&rfb->out, &place, RFB_EXTENDED_DESKTOP_SIZE);
	put_screens(rfb);
}

void rfb_put_size(struct rfb *rfb)
{
	unsigned int due = rfb->can.extended_desktop_size ? rfb->wish.due : 0;
	bool tells = tells_change(rfb);
	uint32_t width, height;

	rfb_size(rfb, &width, &height);
	if (width != rfb->width || height != rfb->height) {
		if (damage_resize(&rfb->damage, width, height) < 0) {
			rfb_close(rfb, -ENOMEM);
			return;
		}
		rfb->width = width;
		rfb->height = height;
	}
	if (!rfb->can.extended_desktop_size) {
		struct rectangle place = {0, 0, width, height};

		encode_header(&rfb->out, &place, RFB_DESKTOP_SIZE);
	} else if (tells) {
		put_extended(rfb, rfb->pending.why, STATUS_OK);
	}
	for (unsigned int i = 0; i < due; i++)
		put_extended(rfb, BY_THIS, rfb->wish.status);
	rfb->wish.due = 0;
	rfb->pending.size = false;
	rfb->pending.why = BY_SERVER;
}

/* --- From the viewer -------------------------------------------------------------------------- */

/* The head that a screen's identifier means: its own, or any that is free, first of all one that
 * shows something. */
static unsigned int head_for(const struct rfb *rfb, const struct screen_wish *wish, uint32_t id,
			     bool alone)
{
	const struct desktop *desktop = screen_desktop(rfb->viewer.screen);
	unsigned int head = id - id_of(0), free = DESKTOP_MAX_HEADS;

	/* The only one stays where it is. */
	if (head < DESKTOP_MAX_HEADS && !wish->head[head].named &&
	    (!alone || desktop->head[head].enabled))
		return head;
	for (unsigned int i = DESKTOP_MAX_HEADS; i-- > 0;) {
		if (!wish->head[i].named &&
		    (free == DESKTOP_MAX_HEADS || desktop->head[i].enabled ||
		     !desktop->head[free].enabled))
			free = i;
	}
	return free;
}

/* Return: a status. */
static unsigned int read_screens(const struct rfb *rfb, const uint8_t *screens, unsigned int count,
				 uint32_t width, uint32_t height, struct screen_wish *wish)
{
	wish->all = true;
	if (count == 0)
		return STATUS_INVALID;
	if (count > DESKTOP_MAX_HEADS)
		return STATUS_RESOURCES;
	for (unsigned int i = 0; i < count; i++, screens += SCREEN_BYTES) {
		unsigned int number = head_for(rfb, wish, load_be32(screens), count == 1);
		/* Viewers that know of one screen do not always say where it is. */
		uint32_t x = count > 1 ? load_be16(screens + 4) : 0;
		uint32_t y = count > 1 ? load_be16(screens + 6) : 0;
		__typeof__(&wish->head[0]) head = &wish->head[number];

		head->named = head->enabled = true;
		head->width = load_be16(screens + 8);
		head->height = load_be16(screens + 10);
		if (head->width == 0 || head->height == 0 || x + head->width > width ||
		    y + head->height > height)
			return STATUS_INVALID;
		head->placed = count > 1;
		head->x = (int32_t)x;
		head->y = (int32_t)y;
	}
	return STATUS_OK;
}

static unsigned int pass_on(struct rfb *rfb, const struct screen_wish *wish)
{
	switch (screen_request(rfb->viewer.screen, &rfb->viewer, SCREEN_BY_VIEWER, wish)) {
	case 0:
		return STATUS_OK;
	case -EPERM:
	case -EOPNOTSUPP:
		return STATUS_PROHIBITED;
	case -EINVAL:
		return STATUS_INVALID;
	default:
		return STATUS_RESOURCES;
	}
}

ssize_t rfb_set_desktop_size(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	struct screen_wish wish = {0};
	unsigned int count, status;
	size_t need;

	if (length < 8)
		return 0;
	count = bytes[6];
	need = 8 + count * SCREEN_BYTES;
	if (length < need)
		return 0;
	rfb->wish.width = load_be16(bytes + 2);
	rfb->wish.height = load_be16(bytes + 4);
	rfb->wish.changed = false;
	/* May change the desktop before it returns. */
	rfb->wish.owed = MIN(rfb->wish.owed + 1, MAX_ANSWERS);
	status = read_screens(rfb, bytes + 8, count, rfb->wish.width, rfb->wish.height, &wish);
	if (status == STATUS_OK)
		status = pass_on(rfb, &wish);
	if (rfb->closed || !rfb->wish.owed)
		return (ssize_t)need;
	if (status != STATUS_OK || is_as_wished(rfb))
		answer(rfb, status);
	else
		rfb_start_limit(rfb, WISH_MS);
	return (ssize_t)need;
}
