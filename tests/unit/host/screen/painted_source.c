/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "painted_source.h"

#include "protocol/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

static struct painted_source *painted_of(const struct source *source)
{
	return CONTAINER_OF(source, struct painted_source, source);
}

static void __attribute__((format(printf, 2, 3)))
note(struct painted_source *painted, const char *format, ...)
{
	size_t used = strlen(painted->log);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(painted->log + used, sizeof(painted->log) - used, format, arguments);
	va_end(arguments);
}

uint32_t painted_pixel(unsigned int head, uint32_t x, uint32_t y)
{
	return (head * 0x400000U + (x * 7 + y * 13 + (x ^ y)) * 0x10305U) & 0xffffff;
}

static void paint_head(struct painted_source *painted, unsigned int head)
{
	struct rectangle place, where;
	size_t stride;
	uint8_t *pixels = screen_pixels(painted->source.screen, head, &place, &stride);

	if (!pixels)
		return;
	for (uint32_t y = 0; y < place.height; y++) {
		for (uint32_t x = 0; x < place.width; x++) {
			uint32_t pixel = painted_pixel(head, x, y) | 0xaa000000;

			store_le32(pixels + y * stride + x * 4UL, pixel);
		}
	}
	where = (struct rectangle){0, 0, place.width, place.height};
	screen_damaged(painted->source.screen, head, &where);
}

void painted_source_paint(struct painted_source *painted)
{
	painted->is_current = true;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (painted->width[i])
			paint_head(painted, i);
	}
}

void painted_source_show(struct painted_source *painted, unsigned int head, uint32_t width,
			 uint32_t height)
{
	painted->width[head] = width;
	painted->height[head] = height;
	screen_head_changed(painted->source.screen, head, width, height);
	if (painted->watching && !painted->is_late)
		painted_source_paint(painted);
}

static void on_watch(struct source *source, bool watching)
{
	struct painted_source *painted = painted_of(source);

	painted->watching = watching;
	note(painted, "watch %d;", watching);
	if (!watching)
		painted->is_current = false;
	else if (!painted->is_late)
		painted_source_paint(painted);
}

static bool is_current(const struct source *source)
{
	return painted_of(source)->is_current;
}

static void on_mode(struct source *source, unsigned int head, bool enabled,
		    const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	struct painted_source *painted = painted_of(source);

	(void)width_mm;
	(void)height_mm;
	if (enabled)
		note(painted, "mode %u %ux%u;", head, place->width, place->height);
	else
		note(painted, "mode %u off;", head);
	if (painted->follows)
		painted_source_show(painted, head, enabled ? place->width : 0,
				    enabled ? place->height : 0);
}

static void on_key(struct source *source, uint32_t code, bool down)
{
	note(painted_of(source), "%c%u ", down ? '+' : '-', code);
}

static bool is_behind(struct source *source)
{
	return painted_of(source)->is_behind;
}

static void on_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		       const struct rectangle *at)
{
	(void)x;
	(void)y;
	note(painted_of(source), "pointer %u %u,%u;", head, at->x, at->y);
}

static void on_motion(struct source *source, int32_t dx, int32_t dy)
{
	note(painted_of(source), "motion %d,%d;", dx, dy);
}

static void on_button(struct source *source, uint32_t code, bool down)
{
	note(painted_of(source), "button %u %d;", code, down);
}

static void on_wheel(struct source *source, int32_t dx, int32_t dy)
{
	note(painted_of(source), "wheel %d,%d;", dx, dy);
}

static void on_free(struct source *source)
{
	painted_of(source)->freed = true;
}

static const struct source_ops ops = {
	.name = "painted",
	.key_ms = 1,
	.watch = on_watch,
	.is_current = is_current,
	.set_mode = on_mode,
	.key = on_key,
	.is_behind = is_behind,
	.pointer = on_pointer,
	.motion = on_motion,
	.button = on_button,
	.wheel = on_wheel,
	.free = on_free,
};

void painted_source_init(struct painted_source *painted)
{
	*painted = (struct painted_source){.source = {.ops = &ops, .heads = DESKTOP_MAX_HEADS}};
}

const char *painted_source_log(struct painted_source *painted)
{
	static char last[sizeof(painted->log)];

	memcpy(last, painted->log, sizeof(last));
	painted->log[0] = '\0';
	return last;
}
