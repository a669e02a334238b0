/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/display_internal.h"
#include "protocol/base/bytes.h"

#include <assert.h>
#include <sys/eventfd.h>

/* With the lock held. When the socket is full, its having room wakes. */
static void wake_if_due(struct display *display, const struct display_head *head)
{
	if (display->connected && !display->blocked && display_is_due(display, head))
		eventfd_write(display->wake_fd, 1);
}

unsigned int display_heads(const struct display *display)
{
	return display->heads;
}

struct display_mode display_mode(struct display *display, unsigned int head)
{
	struct display_mode mode;

	pthread_mutex_lock(&display->lock);
	mode = display->mode[head];
	pthread_mutex_unlock(&display->lock);
	return mode;
}

uint64_t display_ram_offset(const struct display *display, const void *host)
{
	return (uint64_t)((const uint8_t *)host - display->ram);
}

const void *display_ram(const struct display *display, uint64_t offset)
{
	return display->ram + offset;
}

void display_set_driver(struct display *display, bool present)
{
	display_area_set_driver(&display->area, present);
	pthread_mutex_lock(&display->lock);
	if (display->driver != present) {
		display->driver = present;
		for (unsigned int i = 0; i < display->heads; i++)
			display->head[i].scanout_changed = true;
		wake_if_due(display, &display->head[0]);
	}
	pthread_mutex_unlock(&display->lock);
}

void display_set_picture(struct display *display, unsigned int index,
			 const struct display_picture *picture)
{
	struct display_head *head = &display->head[index];
	uint32_t width = picture ? picture->width : 0, height = picture ? picture->height : 0;

	/* Nothing, again: not worth telling. */
	if (!picture && !head->enabled)
		return;
	display_area_set_picture(&display->area, index, picture);
	pthread_mutex_lock(&display->lock);
	if (head->enabled && head->width == width && head->height == height)
		head->flipped = true;
	else
		head->scanout_changed = true;
	/* All of it will be read: but a flip is told when its first damage comes. */
	if (head->scanout_changed)
		head->damage = (struct display_rectangle){0};
	head->enabled = picture != NULL;
	head->width = width;
	head->height = height;
	wake_if_due(display, head);
	pthread_mutex_unlock(&display->lock);
}

void display_set_cursor(struct display *display, unsigned int index,
			const struct display_cursor *cursor, const uint32_t *pixels)
{
	display_area_set_cursor(&display->area, index, cursor, pixels);
	pthread_mutex_lock(&display->lock);
	display->head[index].cursor_changed = true;
	wake_if_due(display, &display->head[index]);
	pthread_mutex_unlock(&display->lock);
}

void display_damage(struct display *display, unsigned int index, uint32_t x, uint32_t y,
		    uint32_t width, uint32_t height)
{
	struct display_head *head = &display->head[index];
	struct display_rectangle *damage = &head->damage;

	pthread_mutex_lock(&display->lock);
	/* A head that has a picture without pixels shows nothing. */
	if (!head->enabled) {
		pthread_mutex_unlock(&display->lock);
		return;
	}
	assert(width > 0 && x + width <= head->width && y + height <= head->height);
	if (damage->width > 0) {
		uint32_t right = MAX(damage->x + damage->width, x + width);
		uint32_t bottom = MAX(damage->y + damage->height, y + height);

		x = MIN(damage->x, x);
		y = MIN(damage->y, y);
		width = right - x;
		height = bottom - y;
	}
	*damage = (struct display_rectangle){x, y, width, height};
	wake_if_due(display, head);
	pthread_mutex_unlock(&display->lock);
}

void display_set_leds(struct display *display, uint32_t leds)
{
	pthread_mutex_lock(&display->lock);
	if (display->leds != leds) {
		display->leds = leds;
		display->leds_changed = true;
		if (display->connected && !display->blocked && !display->pausing)
			eventfd_write(display->wake_fd, 1);
	}
	pthread_mutex_unlock(&display->lock);
}
