/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The channel to lodge-vmm: packets both ways, monitors, and the source's life. */
#include "host/screen/descriptors.h"
#include "host/screen/source/limit.h"
#include "host/screen/source/vmm_internal.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PACKETS_TURN 64 /* before others have theirs */
#define MAX_PACKET   256

void vmm_end(struct vmm_source *vmm, int error)
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

void vmm_send(struct vmm_source *vmm, const union packet *packet)
{
	if (vmm->ended)
		return;
	if (!packet_queue_put(&vmm->queue, packet))
		log_debug("lodge-vmm does not read: dropped packet %u", packet->kind);
	flush(vmm);
}

/* --- Packets -----------------------------------------------------------------------------------
 */

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
		vmm_add_dirty(mine, &where);
	else
		vmm_ask(vmm, damage->head);
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
		result = vmm_read_scanout(vmm, i);
		if (result < 0)
			return result;
		vmm_read_cursor(vmm, i);
		vmm_ask(vmm, i);
	}
	vmm->source.heads = hello->heads;
	vmm->source.driverless = !area_has_driver(&vmm->area);
	screen_source_ready(vmm->source.screen);
	vmm_show(vmm);
	return 0;
}

static int take_scanout(struct vmm_source *vmm, unsigned int head)
{
	const bool driverless = !area_has_driver(&vmm->area);

	if (driverless != vmm->source.driverless) {
		vmm->source.driverless = driverless;
		screen_status_changed(vmm->source.screen);
	}
	return vmm_read_scanout(vmm, head);
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
			return take_scanout(vmm, packet.head.head);
		vmm_read_cursor(vmm, packet.head.head);
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
		vmm_end(vmm, result == -ECONNRESET ? 0 : result);
	else
		vmm_show(vmm);
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
		vmm_send(vmm_of(source), &packet);
}

/* Surfaces are in the guest's own memory, of which it needs some for itself; a compositor without a
 * graphics processor has a shadow of each beside them, and its clients have windows as large. */
static void vmm_limit(const struct source *source, unsigned int head,
		      struct rectangle size[DESKTOP_MAX_HEADS])
{
	const struct vmm_source *vmm = CONTAINER_OF(source, struct vmm_source, source);

	limit_to_bytes(vmm->area.ram_bytes / 4, UINT64_MAX, SCREEN_MIN_SIZE, head, size);
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
	.key_ms = 10,
	.watch = vmm_watch,
	.set_mode = vmm_set_mode,
	.limit = vmm_limit,
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
