/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pixels are copied when somebody looks, and no more often than the pace allows: the first damage
 * at once, what comes within FRAME_MS after it together. CHANNEL_NEXT goes out after the copy, so
 * the VMM sends one packet a frame and none while nobody looks. When somebody begins to look, all
 * is copied at once: the picture is right when screen_watch() returns.
 */
#include "host/screen/source/vmm.h"

#include "host/screen/descriptors.h"
#include "host/screen/source/area.h"
#include "host/screen/source/packet_queue.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FRAME_MS     8
#define PACKETS_TURN 64 /* before others have theirs */
#define MAX_PACKET   256

struct vmm_head {
	struct surface surface;
	struct rectangle dirty;
	bool asked; /* CHANNEL_NEXT has been sent, no damage has come */
};

struct vmm_source {
	struct source source;
	int fd;
	uv_poll_t *poll;
	uv_timer_t *pace;
	struct area area;
	unsigned int heads; /* 0: before HELLO */
	bool watching, sending, ended;
	struct vmm_head head[CHANNEL_MAX_HEADS];
	uint64_t held[VIEWER_KEYS / 64];
	struct packet_queue queue;
};

static struct vmm_source *vmm_of(struct source *source)
{
	return CONTAINER_OF(source, struct vmm_source, source);
}

static void end(struct vmm_source *vmm, int error)
{
	if (vmm->ended)
		return;
	vmm->ended = true;
	uv_poll_stop(vmm->poll);
	uv_timer_stop(vmm->pace);
	if (error < 0)
		log_error("lodge-vmm's display channel: %s", error_text(error));
	screen_source_ended(vmm->source.screen, error);
}

/* --- Sending -----------------------------------------------------------------------------------
 */

static void on_socket(uv_poll_t *poll, int status, int events);

/* A broken socket is noticed by reading. */
static void flush(struct vmm_source *vmm)
{
	bool waits = packet_queue_send(&vmm->queue, vmm->fd) == -EAGAIN;

	if (waits == vmm->sending || vmm->ended)
		return;
	vmm->sending = waits;
	uv_poll_start(vmm->poll, UV_READABLE | (waits ? UV_WRITABLE : 0), on_socket);
}

static void send_packet(struct vmm_source *vmm, const union packet *packet)
{
	if (vmm->ended)
		return;
	if (!packet_queue_put(&vmm->queue, packet))
		log_debug("lodge-vmm does not read: dropped packet %u", packet->kind);
	flush(vmm);
}

static void ask(struct vmm_source *vmm, unsigned int head)
{
	union packet packet = {.head = {.kind = CHANNEL_NEXT, .head = head}};

	if (vmm->head[head].asked || !vmm->watching)
		return;
	vmm->head[head].asked = true;
	send_packet(vmm, &packet);
}

/* --- Pixels ------------------------------------------------------------------------------------
 */

static void copy_dirty(struct vmm_source *vmm, unsigned int head)
{
	struct vmm_head *mine = &vmm->head[head];
	struct rectangle dirty = mine->dirty, place;
	uint8_t *pixels;
	size_t stride;

	mine->dirty = (struct rectangle){0};
	pixels = screen_pixels(vmm->source.screen, head, &place, &stride);
	if (!pixels || !mine->surface.enabled)
		return;
	/* What is in the picture may be less than the head, never more than the surface. */
	place.width = MIN(place.width, mine->surface.width);
	place.height = MIN(place.height, mine->surface.height);
	if (dirty.x >= place.width || dirty.y >= place.height)
		return;
	dirty.width = MIN(dirty.width, place.width - dirty.x);
	dirty.height = MIN(dirty.height, place.height - dirty.y);
	surface_copy(&vmm->area, &mine->surface, &dirty, pixels + dirty.y * stride + dirty.x * 4UL,
		     stride);
	screen_damaged(vmm->source.screen, head, &dirty);
}

static bool is_dirty(const struct vmm_head *head)
{
	return head->dirty.width > 0;
}

static void on_pace(uv_timer_t *timer);

/* Return: whether anything was copied. */
static bool copy_all(struct vmm_source *vmm)
{
	bool any = false;

	for (unsigned int i = 0; i < vmm->heads && vmm->watching; i++) {
		if (!is_dirty(&vmm->head[i]))
			continue;
		copy_dirty(vmm, i);
		any = true;
		ask(vmm, i);
	}
	return any;
}

static void copy_now_or_later(struct vmm_source *vmm)
{
	if (!vmm->watching || uv_is_active((uv_handle_t *)vmm->pace))
		return;
	if (copy_all(vmm) && !vmm->ended)
		uv_timer_start(vmm->pace, on_pace, FRAME_MS, 0);
}

static void on_pace(uv_timer_t *timer)
{
	copy_now_or_later(timer->data);
}

static void add_dirty(struct vmm_head *head, const struct rectangle *more)
{
	struct rectangle *dirty = &head->dirty;
	uint32_t right, bottom;

	if (!is_dirty(head)) {
		*dirty = *more;
		return;
	}
	right = MAX(dirty->x + dirty->width, more->x + more->width);
	bottom = MAX(dirty->y + dirty->height, more->y + more->height);
	dirty->x = MIN(dirty->x, more->x);
	dirty->y = MIN(dirty->y, more->y);
	dirty->width = right - dirty->x;
	dirty->height = bottom - dirty->y;
}

static void all_dirty(struct vmm_head *head)
{
	head->dirty =
		(struct rectangle){.width = head->surface.width, .height = head->surface.height};
}

/* --- Packets -----------------------------------------------------------------------------------
 */

static int read_scanout(struct vmm_source *vmm, unsigned int head)
{
	struct vmm_head *mine = &vmm->head[head];
	uint32_t width = mine->surface.width, height = mine->surface.height;
	int result = area_read_scanout(&vmm->area, head, &mine->surface);

	if (result == -EAGAIN)
		return 0;
	if (result < 0)
		return result;
	all_dirty(mine);
	if (mine->surface.width != width || mine->surface.height != height ||
	    !mine->surface.enabled)
		screen_head_changed(vmm->source.screen, head, mine->surface.width,
				    mine->surface.height);
	return 0;
}

static void read_cursor(struct vmm_source *vmm, unsigned int head)
{
	struct channel_cursor read;
	struct desktop_cursor cursor;

	if (area_read_cursor(&vmm->area, head, &read) < 0)
		return;
	cursor = (struct desktop_cursor){
		.visible = read.visible,
		.width = CHANNEL_CURSOR_SIZE,
		.height = CHANNEL_CURSOR_SIZE,
		.hot_x = read.hot_x,
		.hot_y = read.hot_y,
		.x = read.x,
		.y = read.y,
		.pixels = read.pixels,
	};
	screen_set_cursor(vmm->source.screen, head, &cursor);
}

static int take_damage(struct vmm_source *vmm, const struct channel_damage *damage)
{
	struct rectangle where = {damage->x, damage->y, damage->width, damage->height};
	struct vmm_head *mine = &vmm->head[damage->head];

	mine->asked = false;
	/* Of a scanout that is no more, perhaps: within any that could be. */
	if (where.x > CHANNEL_MAX_SIZE || where.y > CHANNEL_MAX_SIZE ||
	    where.width > CHANNEL_MAX_SIZE || where.height > CHANNEL_MAX_SIZE)
		return -EPROTO;
	if (where.width > 0 && where.height > 0)
		add_dirty(mine, &where);
	else
		ask(vmm, damage->head);
	return 0;
}

static int take_hello(struct vmm_source *vmm, const struct channel_hello *hello, int ram_fd,
		      int area_fd)
{
	int result = area_map(hello, ram_fd, area_fd, &vmm->area);

	if (result < 0)
		return result;
	vmm->heads = hello->heads;
	for (unsigned int i = 0; i < vmm->heads; i++) {
		result = read_scanout(vmm, i);
		if (result < 0)
			return result;
		read_cursor(vmm, i);
		ask(vmm, i);
	}
	vmm->source.heads = hello->heads;
	screen_source_ready(vmm->source.screen);
	copy_now_or_later(vmm);
	return 0;
}

static int take_packet(struct vmm_source *vmm, const uint8_t *bytes, size_t length, const int fd[2])
{
	union {
		uint32_t kind;
		struct channel_hello hello;
		struct channel_head head;
		struct channel_damage damage;
		struct channel_leds leds;
	} packet = {0};

	memcpy(&packet, bytes, MIN(length, sizeof(packet)));
	if (length < sizeof(packet.kind) || (packet.kind == CHANNEL_HELLO) != (vmm->heads == 0))
		return -EPROTO;
	switch (packet.kind) {
	case CHANNEL_HELLO:
		if (length != sizeof(packet.hello) || fd[0] < 0 || fd[1] < 0)
			return -EPROTO;
		return take_hello(vmm, &packet.hello, fd[0], fd[1]);
	case CHANNEL_SCANOUT:
	case CHANNEL_CURSOR:
		if (length != sizeof(packet.head) || packet.head.head >= vmm->heads)
			return -EPROTO;
		if (packet.kind == CHANNEL_SCANOUT)
			return read_scanout(vmm, packet.head.head);
		read_cursor(vmm, packet.head.head);
		return 0;
	case CHANNEL_DAMAGE:
		if (length != sizeof(packet.damage) || packet.damage.head >= vmm->heads)
			return -EPROTO;
		return take_damage(vmm, &packet.damage);
	case CHANNEL_LEDS:
		if (length != sizeof(packet.leds))
			return -EPROTO;
		screen_set_leds(vmm->source.screen, packet.leds.leds);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Return: 1: one was taken; 0: there is none; negative errno, -ECONNRESET at the end. */
static int read_packet(struct vmm_source *vmm)
{
	uint8_t bytes[MAX_PACKET];
	int fd[2], result;
	ssize_t got = descriptors_receive(vmm->fd, bytes, sizeof(bytes), fd, ARRAY_SIZE(fd));

	if (got == -EAGAIN || got == -EINTR)
		return 0;
	if (got == 0)
		result = -ECONNRESET;
	else
		result = got < 0 ? (int)got : take_packet(vmm, bytes, (size_t)got, fd);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
	return result < 0 ? result : 1;
}

static void read_packets(struct vmm_source *vmm)
{
	int result = 1;

	for (unsigned int i = 0; i < PACKETS_TURN && result > 0 && !vmm->ended; i++)
		result = read_packet(vmm);
	if (result < 0)
		end(vmm, result == -ECONNRESET ? 0 : result);
	else
		copy_now_or_later(vmm);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct vmm_source *vmm = poll->data;

	if (events & UV_WRITABLE)
		flush(vmm);
	/* A hang-up is read as the end. */
	if (status < 0 || events & UV_READABLE)
		read_packets(vmm);
}

/* --- The screen's side -------------------------------------------------------------------------
 */

/* While nobody looked the guest may have flipped to another surface, or moved its cursor: that is
 * not told then. */
static void catch_up(struct vmm_source *vmm, unsigned int head)
{
	int result = vmm->head[head].surface.enabled ? read_scanout(vmm, head) : 0;

	if (result < 0)
		end(vmm, result);
	else
		read_cursor(vmm, head);
}

static void vmm_watch(struct source *source, bool watching)
{
	struct vmm_source *vmm = vmm_of(source);

	vmm->watching = watching;
	if (!watching) {
		uv_timer_stop(vmm->pace);
		return;
	}
	for (unsigned int i = 0; i < vmm->heads && !vmm->ended; i++) {
		all_dirty(&vmm->head[i]);
		catch_up(vmm, i);
		ask(vmm, i);
	}
	copy_now_or_later(vmm);
}

static void vmm_set_mode(struct source *source, unsigned int head, bool enabled,
			 const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	union packet packet = {.mode = {.kind = CHANNEL_MODE,
					.head = head,
					.enabled = enabled,
					.width = place->width,
					.height = place->height,
					.width_mm = width_mm,
					.height_mm = height_mm,
					.x = (int32_t)place->x,
					.y = (int32_t)place->y}};

	if (head < vmm_of(source)->heads)
		send_packet(vmm_of(source), &packet);
}

/* The guest repeats keys itself. */
static void vmm_key(struct source *source, uint32_t code, bool down)
{
	struct vmm_source *vmm = vmm_of(source);
	union packet packet = {.key = {.kind = CHANNEL_KEY, .code = code, .down = down}};
	uint64_t bit = 1ULL << code % 64;

	if (((vmm->held[code / 64] & bit) != 0) == down)
		return;
	vmm->held[code / 64] ^= bit;
	send_packet(vmm, &packet);
}

static void vmm_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
			const struct rectangle *at)
{
	union packet packet = {.pointer = {.kind = CHANNEL_POINTER, .x = x, .y = y}};

	(void)head;
	(void)at;
	send_packet(vmm_of(source), &packet);
}

static void vmm_motion(struct source *source, int32_t dx, int32_t dy)
{
	union packet packet = {.motion = {.kind = CHANNEL_MOTION, .dx = dx, .dy = dy}};

	send_packet(vmm_of(source), &packet);
}

static void vmm_button(struct source *source, uint32_t code, bool down)
{
	union packet packet = {.key = {.kind = CHANNEL_BUTTON, .code = code, .down = down}};

	send_packet(vmm_of(source), &packet);
}

static void vmm_wheel(struct source *source, int32_t dx, int32_t dy)
{
	union packet packet = {.motion = {.kind = CHANNEL_WHEEL, .dx = dx, .dy = dy}};

	send_packet(vmm_of(source), &packet);
}

static void handle_closed(uv_handle_t *handle)
{
	free(handle);
}

static void vmm_free(struct source *source)
{
	struct vmm_source *vmm = vmm_of(source);

	uv_close((uv_handle_t *)vmm->poll, handle_closed);
	uv_close((uv_handle_t *)vmm->pace, handle_closed);
	close(vmm->fd);
	for (unsigned int i = 0; i < CHANNEL_MAX_HEADS; i++)
		surface_free(&vmm->head[i].surface);
	area_unmap(&vmm->area);
	free(vmm);
}

static const struct source_ops vmm_ops = {
	.name = "vmm",
	.watch = vmm_watch,
	.set_mode = vmm_set_mode,
	.key = vmm_key,
	.pointer = vmm_pointer,
	.motion = vmm_motion,
	.button = vmm_button,
	.wheel = vmm_wheel,
	.free = vmm_free,
};

int vmm_source_new(struct screen *screen, int fd, struct source **source)
{
	_cleanup_close_ int owned = fd;
	_cleanup_free_ struct vmm_source *vmm = calloc(1, sizeof(*vmm));
	_cleanup_free_ uv_poll_t *poll = calloc(1, sizeof(*poll));
	_cleanup_free_ uv_timer_t *pace = calloc(1, sizeof(*pace));
	int result;

	if (!vmm || !poll || !pace)
		return -ENOMEM;
	result = uv_poll_init(screen_loop(screen), poll, fd);
	if (result < 0)
		return result;
	uv_timer_init(screen_loop(screen), pace);
	vmm->source = (struct source){.ops = &vmm_ops, .screen = screen};
	vmm->fd = take_fd(&owned);
	poll->data = pace->data = vmm;
	uv_poll_start(poll, UV_READABLE, on_socket);
	vmm->poll = take_ptr(poll);
	vmm->pace = take_ptr(pace);
	*source = &vmm->source;
	vmm = NULL;
	return 0;
}

int vmm_source_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}
