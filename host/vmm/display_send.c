/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/display_internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* After what the reader does not pace: a guest may do such things as fast as it can. */
#define PAUSE_NS 4000000L

/* Return: false if it has to be sent again. A broken socket is noticed by reading. */
static bool send_packet(struct display *display, const void *packet, size_t size)
{
	if (send(display->client_fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	display->blocked = errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
	return false;
}

static bool send_head(struct display *display, uint32_t kind, unsigned int head)
{
	struct channel_head packet = {.kind = kind, .head = head};

	return send_packet(display, &packet, sizeof(packet));
}

static bool damage_is_due(const struct display_head *head)
{
	return head->welcome && head->damage.width > 0 && !head->scanout_changed;
}

/* A flip is shown with the damage that follows it. */
static bool flip_is_due(const struct display_head *head)
{
	return head->flipped && damage_is_due(head);
}

static bool scanout_is_due(const struct display *display, const struct display_head *head)
{
	return head->scanout_changed && !display->pausing;
}

static bool cursor_is_due(const struct display *display, const struct display_head *head)
{
	return head->cursor_changed && head->welcome && !display->pausing;
}

bool display_is_due(const struct display *display, const struct display_head *head)
{
	return scanout_is_due(display, head) || cursor_is_due(display, head) || damage_is_due(head);
}

static bool send_damage(struct display *display, unsigned int index)
{
	struct display_head *head = &display->head[index];
	struct channel_damage packet = {
		.kind = CHANNEL_DAMAGE,
		.head = index,
		.x = head->damage.x,
		.y = head->damage.y,
		.width = head->damage.width,
		.height = head->damage.height,
	};

	if (!send_packet(display, &packet, sizeof(packet)))
		return false;
	head->damage = (struct display_rectangle){0};
	head->welcome = false;
	return true;
}

/* @pause: set if something was sent that the reader does not pace. */
static bool send_due(struct display *display, unsigned int index, bool *pause)
{
	struct display_head *head = &display->head[index];

	if (scanout_is_due(display, head) || flip_is_due(head)) {
		if (!send_head(display, CHANNEL_SCANOUT, index))
			return false;
		*pause |= head->scanout_changed;
		head->scanout_changed = head->flipped = false;
	}
	if (cursor_is_due(display, head)) {
		if (!send_head(display, CHANNEL_CURSOR, index))
			return false;
		*pause = true;
		head->cursor_changed = false;
	}
	return !damage_is_due(head) || send_damage(display, index);
}

static bool send_leds(struct display *display, bool *pause)
{
	struct channel_leds packet = {.kind = CHANNEL_LEDS, .leds = display->leds};

	if (!display->leds_changed || display->pausing)
		return true;
	if (!send_packet(display, &packet, sizeof(packet)))
		return false;
	display->leds_changed = false;
	*pause = true;
	return true;
}

static void begin_pause(struct display *display)
{
	struct itimerspec pause = {.it_value.tv_nsec = PAUSE_NS};

	display->pausing = timerfd_settime(display->timer_fd, 0, &pause, NULL) == 0;
}

void display_send(struct display *display)
{
	bool was_blocked, blocked, sent, pause = false;

	if (display->client_fd < 0)
		return;
	pthread_mutex_lock(&display->lock);
	was_blocked = display->blocked;
	display->blocked = false;
	sent = send_leds(display, &pause);
	for (unsigned int i = 0; i < display->heads && sent; i++)
		sent = send_due(display, i, &pause);
	if (pause)
		begin_pause(display);
	blocked = display->blocked;
	pthread_mutex_unlock(&display->lock);
	if (blocked != was_blocked)
		loop_modify(display->client_source, EPOLLIN | (blocked ? EPOLLOUT : 0));
}

void display_pause_is_over(void *owner, uint32_t events)
{
	struct display *display = owner;
	uint64_t ignored;

	(void)events;
	if (read(display->timer_fd, &ignored, sizeof(ignored)) < 0)
		return;
	pthread_mutex_lock(&display->lock);
	display->pausing = false;
	pthread_mutex_unlock(&display->lock);
	display_send(display);
}

void display_woken(void *owner, uint32_t events)
{
	struct display *display = owner;
	eventfd_t ignored;

	(void)events;
	eventfd_read(display->wake_fd, &ignored);
	display_send(display);
}
