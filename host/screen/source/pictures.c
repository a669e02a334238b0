/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A picture is asked for when somebody begins to look, and again some time after each has come,
 * three times as long as that took. A PPM's bytes are taken as they come, row by row; a PNG is read
 * when it is whole.
 */
#include "host/screen/source/pictures.h"

#include "host/screen/link.h"
#include "host/screen/source/png_picture.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX 40U /* "P6\n8192 8192\n255\n" */
#define PIXEL	   3U
#define KEY_MS	   50

struct pictures {
	struct source source;
	struct link *link;
	uv_timer_t *timer; /* the next */
	bool ended, watching, asked;
	bool is_current; /* one has come that was asked for since somebody watches */
	bool is_late;	 /* the one that was asked for is of before */
	uint64_t asked_ms, look_until_ms;
	/* What comes. */
	uint8_t word[4];
	size_t word_length;
	uint32_t chunk; /* bytes of it that are still to come */
	/* The picture. */
	char header[HEADER_MAX + 1];
	size_t header_length;
	uint32_t width, height, row, first,
		last; /* 0: the header is still to come; rows that differ */
	uint8_t pixels[SCREEN_MAX_SIZE * PIXEL]; /* a row */
	uint8_t *png;				 /* what there is of one */
	size_t png_length, png_capacity;
	size_t length;
	/* Keys that are down. */
	uint16_t key[PICTURES_MAX_KEYS];
	size_t keys;
	bool to_press; /* since the last were pressed, one has gone down */
};

static struct pictures *pictures_of(struct source *source)
{
	return CONTAINER_OF(source, struct pictures, source);
}

static uint64_t now_ms(const struct pictures *pictures)
{
	return uv_now(screen_loop(pictures->source.screen));
}

/* It may be freed in this. */
static void end(struct pictures *pictures, int error)
{
	if (pictures->ended)
		return;
	pictures->ended = true;
	uv_timer_stop(pictures->timer);
	if (error < 0)
		log_error("the pictures of the display: %s", error_text(error));
	screen_source_ended(pictures->source.screen, error);
}

/* --- Asking ----------------------------------------------------------------------------------- */

static void ask(struct pictures *pictures)
{
	const uint8_t message = PICTURES_ASK;

	uv_timer_stop(pictures->timer);
	if (pictures->asked || pictures->ended || link_send(pictures->link, &message, 1) < 0)
		return;
	pictures->asked = true;
	pictures->is_late = false;
	pictures->asked_ms = now_ms(pictures);
	pictures->header_length = pictures->length = 0;
	pictures->width = pictures->height = pictures->row = 0;
}

static void on_time(uv_timer_t *timer)
{
	ask(timer->data);
}

static void ask_later(struct pictures *pictures, uint64_t wait_ms)
{
	if (pictures->is_late)
		wait_ms = 0;
	if (pictures->watching || now_ms(pictures) < pictures->look_until_ms)
		uv_timer_start(pictures->timer, on_time, wait_ms, 0);
}

static void pictures_watch(struct source *source, bool watching)
{
	struct pictures *pictures = pictures_of(source);

	if (watching && !pictures->watching) {
		pictures->is_current = false;
		pictures->is_late = pictures->asked;
		ask(pictures);
	} else if (!watching && now_ms(pictures) >= pictures->look_until_ms) {
		uv_timer_stop(pictures->timer);
	}
	pictures->watching = watching;
}

static bool pictures_is_current(const struct source *source)
{
	return CONTAINER_OF(source, struct pictures, source)->is_current;
}

/* The monitor stays as it is; what the guest's session makes of the wish is looked for. */
static void pictures_set_mode(struct source *source, unsigned int head, bool enabled,
			      const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	struct pictures *pictures = pictures_of(source);

	(void)head, (void)enabled, (void)place, (void)width_mm, (void)height_mm;
	pictures->look_until_ms = now_ms(pictures) + PICTURES_LOOK_MS;
	ask(pictures);
}

/* --- A picture -------------------------------------------------------------------------------- */

static bool is_space(char letter)
{
	return letter == ' ' || letter == '\n' || letter == '\t' || letter == '\r';
}

/* The next number of a header, and one space. */
static bool take_number(const char **at, uint64_t most, uint32_t *number)
{
	char digits[8] = "";
	uint64_t value;
	size_t length = 0;

	while (is_space(**at))
		(*at)++;
	while (**at && !is_space(**at) && length < sizeof(digits) - 1)
		digits[length++] = *(*at)++;
	if (!is_space(**at) || parse_u64(digits, 1, most, &value) < 0)
		return false;
	(*at)++;
	*number = (uint32_t)value;
	return true;
}

/* It ends with the space after the third number. */
static bool is_whole_header(const struct pictures *pictures)
{
	unsigned int words = 0;

	for (size_t i = 1; i < pictures->header_length; i++)
		words += is_space(pictures->header[i]) && !is_space(pictures->header[i - 1]);
	return words == 4;
}

static void set_size(struct pictures *pictures, uint32_t width, uint32_t height)
{
	pictures->width = width;
	pictures->height = height;
	/* Rows of one that was not shown: it broke off. */
	pictures->last = MIN(pictures->last, height - 1);
	if (pictures->first != UINT32_MAX)
		pictures->first = MIN(pictures->first, pictures->last);
	/* The pixels go where the head is then. */
	screen_head_changed(pictures->source.screen, 0, width, height);
}

static int take_header(struct pictures *pictures)
{
	const char *at = pictures->header + 2;
	uint32_t width, height, most;

	pictures->header[pictures->header_length] = '\0';
	if (!is_space(*at) || !take_number(&at, SCREEN_MAX_SIZE, &width) ||
	    !take_number(&at, SCREEN_MAX_SIZE, &height) || !take_number(&at, UINT16_MAX, &most) ||
	    most != 255 || *at)
		return -EPROTO;
	set_size(pictures, width, height);
	return 0;
}

static void take_row(struct pictures *pictures)
{
	struct rectangle place;
	size_t stride;
	uint8_t *to = screen_pixels(pictures->source.screen, 0, &place, &stride);
	bool differs = false;

	if (to && pictures->row < place.height) {
		to += pictures->row * stride;
		for (uint32_t x = 0; x < MIN(place.width, pictures->width); x++) {
			const uint8_t *from = pictures->pixels + (size_t)x * PIXEL;
			uint32_t pixel = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];

			differs |= (load_le32(to + x * 4UL) & 0xffffff) != pixel;
			store_le32(to + x * 4UL, pixel);
		}
	}
	if (differs) {
		pictures->last = pictures->first == UINT32_MAX ? pictures->row
							       : MAX(pictures->last, pictures->row);
		pictures->first = MIN(pictures->first, pictures->row);
	}
	pictures->row++;
	pictures->length = 0;
}

static int keep_png(struct pictures *pictures, const uint8_t *bytes, size_t length)
{
	size_t needed = pictures->png_length + length;

	if (needed > PICTURES_MAX_PNG)
		return -EPROTO;
	if (needed > pictures->png_capacity) {
		size_t capacity = MAX(needed, 2 * pictures->png_capacity);
		uint8_t *grown = realloc(pictures->png, capacity);

		if (!grown)
			return -ENOMEM;
		pictures->png = grown;
		pictures->png_capacity = capacity;
	}
	memcpy(pictures->png + pictures->png_length, bytes, length);
	pictures->png_length = needed;
	return 0;
}

static void forget_png(struct pictures *pictures)
{
	free(pictures->png);
	pictures->png = NULL;
	pictures->png_length = pictures->png_capacity = 0;
}

static int read_png(struct pictures *pictures)
{
	_cleanup_free_ uint8_t *pixels = NULL;
	uint32_t width, height;
	int result =
		png_picture_read(pictures->png, pictures->png_length, &width, &height, &pixels);

	if (result < 0)
		return result;
	set_size(pictures, width, height);
	for (uint32_t y = 0; y < height; y++) {
		memcpy(pictures->pixels, pixels + (size_t)y * width * PIXEL, (size_t)width * PIXEL);
		take_row(pictures);
	}
	return 0;
}

static int take_bytes(struct pictures *pictures, const uint8_t *bytes, size_t length)
{
	if (pictures->png_length > 0 ||
	    (pictures->header_length == 0 && *bytes == PNG_PICTURE_FIRST))
		return keep_png(pictures, bytes, length);
	while (length > 0 && pictures->width == 0) {
		int result;

		if (pictures->header_length == HEADER_MAX)
			return -EPROTO;
		pictures->header[pictures->header_length++] = (char)*bytes++;
		length--;
		if (pictures->header_length == 2 && memcmp(pictures->header, "P6", 2) != 0)
			return -EPROTO;
		result = is_whole_header(pictures) ? take_header(pictures) : 0;
		if (result < 0)
			return result;
	}
	while (length > 0) {
		size_t row = (size_t)pictures->width * PIXEL;
		size_t some = MIN(length, row - pictures->length);

		if (pictures->row == pictures->height)
			return -EPROTO;
		memcpy(pictures->pixels + pictures->length, bytes, some);
		bytes += some;
		length -= some;
		pictures->length += some;
		if (pictures->length == row)
			take_row(pictures);
	}
	return 0;
}

static void show(struct pictures *pictures)
{
	struct rectangle where = {0, pictures->first, pictures->width,
				  pictures->last - pictures->first + 1};

	/* Who waits for the first is told even if all is as it was. */
	if (!pictures->is_late && !pictures->is_current) {
		pictures->is_current = pictures->watching;
		where = (struct rectangle){0, 0, pictures->width, pictures->height};
	}
	pictures->first = UINT32_MAX;
	if (where.y != UINT32_MAX)
		screen_damaged(pictures->source.screen, 0, &where);
}

static int take_end(struct pictures *pictures, uint32_t how)
{
	int result = how == PICTURES_WHOLE && pictures->png_length > 0 ? read_png(pictures) : 0;
	const bool is_whole = pictures->width > 0 && pictures->row == pictures->height;

	forget_png(pictures);
	if (result < 0)
		return result;
	pictures->asked = false;
	if (how == PICTURES_FAILED || !is_whole) {
		ask_later(pictures, PICTURES_RETRY_MS);
		return 0;
	}
	show(pictures);
	ask_later(pictures,
		  MAX(3 * (now_ms(pictures) - pictures->asked_ms), (uint64_t)PICTURES_PAUSE_MS));
	return 0;
}

/* --- What comes ------------------------------------------------------------------------------- */

static int take_length(struct pictures *pictures)
{
	uint32_t length = load_le32(pictures->word);

	pictures->word_length = 0;
	if (!pictures->asked)
		return -EPROTO;
	if (length == PICTURES_WHOLE || length == PICTURES_FAILED)
		return take_end(pictures, length);
	if (length > PICTURES_MAX_CHUNK)
		return -EPROTO;
	pictures->chunk = length;
	return 0;
}

static size_t on_received(void *owner, const uint8_t *bytes, size_t length)
{
	struct pictures *pictures = owner;
	size_t used = 0;

	while (used < length) {
		size_t some;
		int result = 0;

		if (pictures->chunk > 0) {
			some = MIN(length - used, pictures->chunk);
			result = take_bytes(pictures, bytes + used, some);
			pictures->chunk -= (uint32_t)some;
		} else {
			some = MIN(length - used, sizeof(pictures->word) - pictures->word_length);
			memcpy(pictures->word + pictures->word_length, bytes + used, some);
			pictures->word_length += some;
			if (pictures->word_length == sizeof(pictures->word))
				result = take_length(pictures);
		}
		used += some;
		if (result < 0) {
			end(pictures, result); /* it may be freed */
			return used;
		}
	}
	return used;
}

static void on_closed(void *owner, int error)
{
	end(owner, error);
}

static const struct link_handlers link_handlers = {.received = on_received, .closed = on_closed};

/* --- Keys ------------------------------------------------------------------------------------- */

static void press(struct pictures *pictures)
{
	uint8_t message[2 + 2 * PICTURES_MAX_KEYS] = {PICTURES_KEYS, (uint8_t)pictures->keys};

	for (size_t i = 0; i < pictures->keys; i++)
		store_le16(message + 2 + 2 * i, pictures->key[i]);
	pictures->to_press = false;
	if (pictures->keys > 0 && link_send(pictures->link, message, 2 + 2 * pictures->keys) < 0)
		log_debug("the pictures' other end does not take keys");
}

static size_t find_key(const struct pictures *pictures, uint32_t code)
{
	size_t at = 0;

	while (at < pictures->keys && pictures->key[at] != code)
		at++;
	return at;
}

/* What is down when the first goes up again has been pressed together; what goes down once more
 * repeats. */
static void pictures_key(struct source *source, uint32_t code, bool down)
{
	struct pictures *pictures = pictures_of(source);
	size_t at = find_key(pictures, code);

	if (down && at < pictures->keys) {
		press(pictures);
	} else if (down && pictures->keys < PICTURES_MAX_KEYS) {
		pictures->key[pictures->keys++] = (uint16_t)code;
		pictures->to_press = true;
	} else if (!down && at < pictures->keys) {
		if (pictures->to_press)
			press(pictures);
		pictures->keys--;
		memmove(pictures->key + at, pictures->key + at + 1,
			(pictures->keys - at) * sizeof(*pictures->key));
	}
}

/* --- Its life --------------------------------------------------------------------------------- */

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

static void pictures_free(struct source *source)
{
	struct pictures *pictures = pictures_of(source);

	uv_close((uv_handle_t *)pictures->timer, timer_closed);
	link_free(pictures->link);
	forget_png(pictures);
	free(pictures);
}

static const struct source_ops pictures_ops = {
	.name = "pictures",
	.key_ms = KEY_MS,
	.watch = pictures_watch,
	.is_current = pictures_is_current,
	.fixed = true,
	.set_mode = pictures_set_mode,
	.key = pictures_key,
	.free = pictures_free,
};

int pictures_source_new(struct screen *screen, int fd, struct source **source)
{
	_cleanup_close_ int owned = fd;
	_cleanup_free_ uv_timer_t *timer = calloc(1, sizeof(*timer));
	_cleanup_free_ struct pictures *pictures = calloc(1, sizeof(*pictures));

	if (!timer || !pictures)
		return -ENOMEM;
	pictures->source = (struct source){.ops = &pictures_ops, .screen = screen, .heads = 1};
	pictures->link = link_new(screen_loop(screen), take_fd(&owned));
	if (!pictures->link)
		return -ENOMEM;
	uv_timer_init(screen_loop(screen), timer);
	timer->data = pictures;
	pictures->timer = take_ptr(timer);
	link_set_handlers(pictures->link, &link_handlers, pictures);
	pictures->first = UINT32_MAX;
	/* The size is what everybody asks for first. */
	ask(pictures);
	*source = &take_ptr(pictures)->source;
	return 0;
}
