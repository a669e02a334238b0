/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a viewer is sent what.
 *
 * An update begins when the viewer has asked (or has continuous updates), something is there for
 * it, and little is queued; not sooner than PACE_MS after the last one. What it consists of is
 * settled then, but encoded piece by piece, SLICE_MS at a time, while the queue is short: so one
 * update delays nobody's input, and a stalled viewer's memory is bounded by a queue and a piece.
 * What changes meanwhile is sent as it is when its turn comes, and once more with the next update.
 */
#include "host/screen/rfb/rfb_internal.h"

#include <errno.h>

#define PACE_MS		   15U
#define SLICE_NS	   2000000U
#define MAX_QUEUED	   (192UL << 10)
#define FLUSH_BYTES	   (64UL << 10)
#define MAX_PIXELS	   (16U << 20) /* of one update */
#define PATIENCE_MS	   2000	       /* without a request: it does not look */
#define SOME_PIXELS	   (128U << 10)
#define RAW_PIXELS	   (16U << 10)
#define MESSAGE_UPDATE	   0
#define MESSAGE_COLOUR_MAP 1
#define MAP_ENTRIES	   256U
#define UNCOUNTED	   0xffffU

/* --- Beginning -------------------------------------------------------------------------------- */

/* What the viewer may be sent now. */
static bool asked_for(const struct rfb *rfb, struct rectangle *area)
{
	if (rfb->flow.continuous) {
		*area = rfb->flow.area;
		return true;
	}
	*area = rfb->request;
	return rfb->requested;
}

/* A viewer that waits for an answer about its size may not ask for pixels until it comes. */
static bool may_size(const struct rfb *rfb)
{
	return rfb->looks && rfb->can.extended_desktop_size && rfb_count_size(rfb) > 0;
}

static bool has_something(const struct rfb *rfb)
{
	return rfb->damage.count > 0 || rfb->refreshes || rfb_count_size(rfb) > 0 ||
	       rfb_count_pseudo(rfb) > 0;
}

static bool has_room(const struct rfb *rfb)
{
	return link_queued(rfb->link) < MAX_QUEUED;
}

static bool may_begin(const struct rfb *rfb)
{
	struct rectangle area;

	return !rfb->closed && rfb->state == RFB_RUNNING && !rfb->update.active &&
	       ((asked_for(rfb, &area) && has_something(rfb)) || may_size(rfb)) && has_room(rfb) &&
	       !rfb_is_full(rfb);
}

void rfb_update_soon(struct rfb *rfb)
{
	uint64_t now = rfb_now(rfb), due = rfb->update_ms + PACE_MS;

	if (may_begin(rfb) && !uv_is_active((uv_handle_t *)&rfb->pace))
		uv_timer_start(&rfb->pace, rfb_on_pace, due > now ? due - now : 0, 0);
}

static void put_colour_map(struct rfb *rfb)
{
	wire_put8(&rfb->out, MESSAGE_COLOUR_MAP);
	wire_put8(&rfb->out, 0);
	wire_put16(&rfb->out, 0);
	wire_put16(&rfb->out, MAP_ENTRIES);
	for (unsigned int i = 0; i < MAP_ENTRIES; i++) {
		uint16_t colour[3];

		pixel_format_map_entry(i, colour);
		for (unsigned int j = 0; j < ARRAY_SIZE(colour); j++)
			wire_put16(&rfb->out, colour[j]);
	}
}

/* What the viewer has said while the last update was made. */
static void take_settings(struct rfb *rfb)
{
	struct encoder *encoder = &rfb->encoder;

	if (rfb->format_waits)
		encoder_set_format(encoder, &rfb->next_format);
	if (rfb->map_waits)
		put_colour_map(rfb); /* a message of its own, before the update's */
	rfb->format_waits = rfb->map_waits = false;
	encoder->compression = rfb->can.compression;
	encoder->quality = rfb->can.quality;
	encoder->jpeg_quality = rfb->can.jpeg_quality;
	encoder->jpeg_subsample = rfb->can.jpeg_subsample;
	encoder->may_split = rfb->can.last_rect;
}

static void put_update(struct rfb *rfb, unsigned int rectangles)
{
	wire_put8(&rfb->out, MESSAGE_UPDATE);
	wire_put8(&rfb->out, 0);
	wire_put16(&rfb->out, rectangles);
}

/* Continues with those that have come meanwhile. */
static void end_update(struct rfb *rfb)
{
	if (rfb->update.last_rect) {
		struct rectangle nowhere = {0};

		encode_header(&rfb->out, &nowhere, RFB_LAST_RECT);
	}
	rfb->update.active = false;
	uv_idle_stop(&rfb->work);
	rfb_flush(rfb);
	rfb_put_fence(rfb);
	rfb_flush_aside(rfb);
	rfb_update_soon(rfb);
}

/* What is to be encoded next: everything, or, where that need not be counted before, some rows,
 * which are still in the cache then. Goes on below what was taken last. */
static void take_pieces(struct rfb *rfb)
{
	struct rfb_update *update = &rfb->update;
	struct damage_limits limits = {RFB_MAX_PIECES, MAX_PIXELS, DAMAGE_MAX_PIXELS};
	uint32_t bottom = update->area.y + update->area.height;
	size_t dirty;

	if (rfb->can.encoding == RFB_RAW) /* long, so in small parts */
		limits.rectangle = RAW_PIXELS;
	if (update->last_rect)
		limits.pixels = MAX(SOME_PIXELS, rfb->width * DAMAGE_TILE);
	dirty = rfb->damage.count;
	update->next = 0;
	update->count = damage_take(&rfb->damage, &update->area, screen_desktop(rfb->viewer.screen),
				    &limits, update->piece);
	update->tiles -= MIN(update->tiles, dirty - rfb->damage.count);
	if (update->count == 0)
		return;
	update->area.y = update->piece[update->count - 1].y;
	update->area.height = bottom - MIN(bottom, update->area.y);
}

/* Before hashes of what is new take the place of those of what was sent. */
static size_t take_copies(struct rfb *rfb, const struct rectangle *area)
{
	rfb->scroll.count = 0;
	/* A pointer in the picture would be copied with it. Without memory there are none. */
	if (rfb->can.copy_rect && !rfb->pointer.painted)
		(void)scroll_find(&rfb->damage, area, screen_desktop(rfb->viewer.screen),
				  &rfb->scroll);
	return rfb->scroll.count;
}

static void put_copies(struct rfb *rfb)
{
	const struct scroll *scroll = &rfb->scroll;

	for (size_t i = 0; i < scroll->count; i++) {
		encode_header(&rfb->out, &scroll->copy[i], RFB_COPY_RECT);
		wire_put16(&rfb->out, scroll->copy[i].x);
		wire_put16(&rfb->out, (uint32_t)((int32_t)scroll->copy[i].y + scroll->rows));
	}
}

static void begin_update(struct rfb *rfb)
{
	struct rfb_update *update = &rfb->update;
	unsigned int others = rfb_count_size(rfb);
	bool requested = false;
	struct rectangle area;

	asked_for(rfb, &area);
	update->count = update->next = 0;
	update->last_rect = false;
	if (others) {
		uint32_t width = rfb->width, height = rfb->height;

		put_update(rfb, others);
		rfb_put_size(rfb);
		/* With these there may be no pixels. Who has asked for some gets them with the next
		 * update; for those of another size it will ask again. */
		requested = rfb->requested && width == rfb->width && height == rfb->height;
	} else {
		if (rfb->refreshes)
			damage_mark(&rfb->damage, &rfb->refresh, true);
		rfb->refreshes = false;
		others = rfb_count_pseudo(rfb) + (unsigned int)take_copies(rfb, &area);
		update->last_rect = rfb->can.last_rect;
		update->area = area;
		update->tiles = rfb->damage.count;
		take_pieces(rfb);
		if (update->count + others == 0)
			return;
		take_settings(rfb);
		update->last_rect = update->last_rect && update->count > 0;
		put_update(rfb,
			   update->last_rect ? UNCOUNTED : (unsigned int)update->count + others);
		rfb_put_pseudo(rfb);
		put_copies(rfb);
	}
	if (rfb->closed)
		return;
	rfb->requested = requested;
	update->active = true;
	rfb->update_ms = rfb_now(rfb);
	rfb_on_work(&rfb->work);
	if (update->active && !rfb->closed)
		uv_idle_start(&rfb->work, rfb_on_work);
}

void rfb_on_pace(uv_timer_t *timer)
{
	struct rfb *rfb = timer->data;

	if (may_begin(rfb))
		begin_update(rfb);
}

/* --- Making it -------------------------------------------------------------------------------- */

/* A copy: as much of @place as the desktop has, the rest black; with the pointer on it. */
static int patch(struct rfb *rfb, const struct desktop *desktop, struct piece *piece)
{
	const struct rectangle *place = &piece->place;
	size_t row = place->width * 4UL;
	uint32_t right = MIN(place->x + place->width, desktop->width);
	uint8_t *room;

	rfb->patch.length = 0;
	room = wire_room(&rfb->patch, row * place->height);
	if (!room)
		return -ENOMEM;
	memset(room, 0, row * place->height);
	for (uint32_t y = 0; y < place->height && place->y + y < desktop->height; y++) {
		if (place->x < right)
			memcpy(room + y * row,
			       desktop->pixels + (place->y + y) * desktop->stride + place->x * 4UL,
			       (right - place->x) * 4UL);
	}
	rfb_paint_pointer(rfb, place, room, row);
	piece->pixels = room;
	piece->stride = row;
	return 0;
}

static int put_piece(struct rfb *rfb, const struct rectangle *place)
{
	const struct desktop *desktop = screen_desktop(rfb->viewer.screen);
	struct piece piece = {.place = *place};
	int result = 0;

	if (place->x + place->width > desktop->width ||
	    place->y + place->height > desktop->height || rfb_pointer_is_on(rfb, place)) {
		result = patch(rfb, desktop, &piece);
	} else {
		piece.pixels = desktop->pixels + place->y * desktop->stride + place->x * 4UL;
		piece.stride = desktop->stride;
	}
	if (result == 0)
		result = encode_piece(&rfb->encoder, rfb->can.encoding, &piece, &rfb->out);
	return result < 0 ? result : 0;
}

static bool has_more(struct rfb *rfb)
{
	struct rfb_update *update = &rfb->update;

	/* No more tiles than there were at its beginning, however fast they change. */
	if (update->next == update->count && update->last_rect && update->tiles)
		take_pieces(rfb);
	return update->next < update->count;
}

void rfb_on_work(uv_idle_t *idle)
{
	struct rfb *rfb = idle->data;
	struct rfb_update *update = &rfb->update;
	uint64_t start = uv_hrtime();

	while (has_more(rfb) && has_room(rfb)) {
		int result = put_piece(rfb, &update->piece[update->next]);

		if (result < 0) {
			rfb_close(rfb, result);
			return;
		}
		update->next++;
		if (rfb->out.length >= FLUSH_BYTES)
			rfb_flush(rfb);
		if (rfb->closed)
			return;
		if (uv_hrtime() - start >= SLICE_NS)
			break;
	}
	if (!has_more(rfb)) {
		end_update(rfb);
		return;
	}
	rfb_flush(rfb);
	/* Until the queue is empty. */
	if (!rfb->closed && !has_room(rfb))
		uv_idle_stop(&rfb->work);
}

void rfb_drained(struct rfb *rfb)
{
	if (rfb->closed || rfb->state != RFB_RUNNING)
		return;
	if (rfb->update.active)
		uv_idle_start(&rfb->work, rfb_on_work);
	else
		rfb_update_soon(rfb);
}

/* --- What is asked for, and what has changed -------------------------------------------------- */

static struct rectangle around(const struct rectangle *a, const struct rectangle *b)
{
	uint64_t right = MAX((uint64_t)a->x + a->width, (uint64_t)b->x + b->width);
	uint64_t bottom = MAX((uint64_t)a->y + a->height, (uint64_t)b->y + b->height);
	uint32_t x = MIN(a->x, b->x), y = MIN(a->y, b->y);

	return (struct rectangle){x, y, (uint32_t)MIN(right - x, UINT32_MAX),
				  (uint32_t)MIN(bottom - y, UINT32_MAX)};
}

/* Noted, and done once an update: so it costs the same however often it is asked for. */
void rfb_refresh(struct rfb *rfb, const struct rectangle *area)
{
	rfb->refresh = rfb->refreshes ? around(&rfb->refresh, area) : *area;
	rfb->refreshes = true;
}

void rfb_request(struct rfb *rfb, bool incremental, const struct rectangle *area)
{
	if (!incremental) {
		rfb_refresh(rfb, area);
		/* So a viewer learns what screens there are, whenever it wants. */
		rfb->pending.size |= rfb->can.extended_desktop_size;
	}
	rfb->request = rfb->requested ? around(&rfb->request, area) : *area;
	rfb->requested = rfb->looks = true;
	screen_watch(&rfb->viewer, true);
	rfb_update_soon(rfb);
}

void rfb_damaged(struct rfb *rfb, const struct rectangle *where)
{
	struct rectangle area;

	/* Pixels that are being sent may be of before or of after. */
	damage_mark(&rfb->damage, where, rfb->update.active);
	/* Nobody has to copy pixels for who does not take them; a request brings it back. */
	if (!asked_for(rfb, &area) && !rfb->update.active &&
	    rfb_now(rfb) > rfb->update_ms + PATIENCE_MS)
		screen_watch(&rfb->viewer, false);
	else
		rfb_update_soon(rfb);
}
