/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/display_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define PACKETS_A_TURN	 64 /* before other descriptors have theirs */
#define TENTHS_MM_A_INCH 254
#define DOTS_AN_INCH	 96

/* Calls what each of the devices does about it. */
#define TELL_GUEST(display, operation, ...)                                                        \
	for (unsigned int i_ = 0; i_ < (display)->guests; i_++)                                    \
		if ((display)->guest[i_].ops->operation)                                           \
	(display)->guest[i_].ops->operation((display)->guest[i_].owner, ##__VA_ARGS__)

/* --- What lodge-screen wants --------------------------------------------------------------------
 */

static uint32_t millimetres(uint32_t given, uint32_t dots)
{
	return given ? MIN(given, UINT16_MAX) : MAX(dots * TENTHS_MM_A_INCH / DOTS_AN_INCH / 10, 1);
}

static bool same_mode(const struct display_mode *a, const struct display_mode *b)
{
	if (a->enabled != b->enabled)
		return false;
	return !a->enabled ||
	       (a->width == b->width && a->height == b->height && a->width_mm == b->width_mm &&
		a->height_mm == b->height_mm && a->x == b->x && a->y == b->y);
}

static void take_mode(struct display *display, const struct channel_mode *packet)
{
	struct display_mode *old = &display->mode[packet->head], mode = *old;
	bool changed;

	mode.enabled = packet->enabled != 0;
	if (mode.enabled) {
		if (packet->width < CHANNEL_MIN_SIZE || packet->width > CHANNEL_MAX_SIZE ||
		    packet->height < CHANNEL_MIN_SIZE || packet->height > CHANNEL_MAX_SIZE)
			return;
		mode.width = packet->width;
		mode.height = packet->height;
		mode.width_mm = millimetres(packet->width_mm, packet->width);
		mode.height_mm = millimetres(packet->height_mm, packet->height);
		mode.x = (uint32_t)MAX(packet->x, 0);
		mode.y = (uint32_t)MAX(packet->y, 0);
	}
	pthread_mutex_lock(&display->lock);
	changed = !same_mode(&mode, old);
	*old = mode;
	pthread_mutex_unlock(&display->lock);
	if (changed)
		TELL_GUEST(display, mode_changed);
}

static void take_next(struct display *display, unsigned int head)
{
	pthread_mutex_lock(&display->lock);
	display->head[head].welcome = true;
	pthread_mutex_unlock(&display->lock);
}

union packet {
	uint32_t kind;
	struct channel_head head;
	struct channel_mode mode;
	struct channel_key key;
	struct channel_pointer pointer;
	struct channel_motion motion;
};

static size_t size_of(uint32_t kind)
{
	switch (kind) {
	case CHANNEL_NEXT:
		return sizeof(struct channel_head);
	case CHANNEL_MODE:
		return sizeof(struct channel_mode);
	case CHANNEL_KEY:
	case CHANNEL_BUTTON:
		return sizeof(struct channel_key);
	case CHANNEL_POINTER:
		return sizeof(struct channel_pointer);
	case CHANNEL_MOTION:
	case CHANNEL_WHEEL:
		return sizeof(struct channel_motion);
	default:
		return 0;
	}
}

/* Return: false if no lodge-screen sends such a thing. */
static bool take_packet(struct display *display, const union packet *packet, size_t size)
{
	if (size < sizeof(packet->kind) || size != size_of(packet->kind))
		return false;
	switch (packet->kind) {
	case CHANNEL_NEXT:
		if (packet->head.head >= display->heads)
			return false;
		take_next(display, packet->head.head);
		return true;
	case CHANNEL_MODE:
		if (packet->mode.head >= display->heads)
			return false;
		take_mode(display, &packet->mode);
		return true;
	case CHANNEL_KEY:
		TELL_GUEST(display, key, packet->key.code, packet->key.down);
		return true;
	case CHANNEL_POINTER:
		TELL_GUEST(display, pointer, MIN(packet->pointer.x, INT16_MAX),
			   MIN(packet->pointer.y, INT16_MAX));
		return true;
	case CHANNEL_MOTION:
		TELL_GUEST(display, motion, packet->motion.dx, packet->motion.dy);
		return true;
	case CHANNEL_BUTTON:
		TELL_GUEST(display, button, packet->key.code, packet->key.down);
		return true;
	default:
		TELL_GUEST(display, wheel, packet->motion.dx, packet->motion.dy);
		return true;
	}
}

/* --- Connections --------------------------------------------------------------------------------
 */

/* Everything that is in the area is read by who connects: only what comes later is told. */
static void forget(struct display *display, bool connected)
{
	pthread_mutex_lock(&display->lock);
	for (unsigned int i = 0; i < display->heads; i++) {
		struct display_head *head = &display->head[i];

		head->scanout_changed = head->flipped = head->cursor_changed = false;
		head->welcome = false;
		head->damage = (struct display_rectangle){0};
	}
	display->leds_changed = display->leds != 0;
	display->connected = connected;
	display->blocked = false;
	pthread_mutex_unlock(&display->lock);
}

static void disconnect(struct display *display)
{
	if (display->client_fd < 0)
		return;
	forget(display, false);
	loop_remove(display->client_source);
	display->client_source = NULL;
	cleanup_close(&display->client_fd);
	display->client_fd = -EBADF;
	TELL_GUEST(display, release_all);
}

static int send_hello(struct display *display, int fd)
{
	struct channel_hello hello = {
		.kind = CHANNEL_HELLO,
		.magic = CHANNEL_MAGIC,
		.version = CHANNEL_VERSION,
		.heads = display->heads,
		.ram_bytes = display->ram_bytes,
		.area_bytes = sizeof(struct channel_area),
	};
	int given[2] = {display->ram_fd, display->area.read_fd};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(given))];
	} control = {0};
	struct iovec iov = {.iov_base = &hello, .iov_len = sizeof(hello)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(given));
	memcpy(CMSG_DATA(&control.header), given, sizeof(given));
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Return: false when there is no more now, or the client has gone. */
static bool receive(struct display *display)
{
	union packet packet = {0};
	struct iovec iov = {.iov_base = &packet, .iov_len = sizeof(packet)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t got = recvmsg(display->client_fd, &message, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		disconnect(display);
		return false;
	}
	/* Descriptors that came with it were closed: there was no room for them. */
	if (message.msg_flags & MSG_TRUNC || !take_packet(display, &packet, (size_t)got)) {
		log_warning("display: whoever is connected is no lodge-screen: disconnected");
		disconnect(display);
		return false;
	}
	return true;
}

static void on_client(void *owner, uint32_t events)
{
	struct display *display = owner;
	unsigned int left = PACKETS_A_TURN;

	(void)events; /* a hang-up is read as the end */
	while (left > 0 && receive(display))
		left--;
	display_send(display);
}

static void on_listen(void *owner, uint32_t events)
{
	struct display *display = owner;
	int fd = accept4(display->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int error;

	(void)events;
	if (fd < 0)
		return;
	disconnect(display);
	/* Before HELLO, so that nothing that changes from here on is missed. */
	forget(display, true);
	error = send_hello(display, fd);
	if (!error)
		error = loop_add_fd(display->loop, fd, EPOLLIN, on_client, display,
				    &display->client_source);
	if (error) {
		log_warning("display: cannot serve who connected: %s", error_text(error));
		close(fd);
		forget(display, false);
		return;
	}
	display->client_fd = fd;
	display_send(display);
}

/* --- Making it ----------------------------------------------------------------------------------
 */

int display_add_ops(struct display *display, const struct display_ops *ops, void *owner)
{
	if (display->guests == DISPLAY_MAX_OPS)
		return -ENOSPC;
	display->guest[display->guests].ops = ops;
	display->guest[display->guests++].owner = owner;
	return 0;
}

static void set_first_modes(struct display *display, uint32_t width, uint32_t height)
{
	for (unsigned int i = 0; i < display->heads; i++)
		display->mode[i] = (struct display_mode){
			.enabled = i == 0,
			.width = width,
			.height = height,
			.width_mm = millimetres(0, width),
			.height_mm = millimetres(0, height),
			.x = i * width,
		};
}

static int watch(struct display *display)
{
	int error = loop_add_fd(display->loop, display->wake_fd, EPOLLIN, display_woken, display,
				&display->wake_source);

	if (!error)
		error = loop_add_fd(display->loop, display->timer_fd, EPOLLIN,
				    display_pause_is_over, display, &display->timer_source);
	if (!error)
		error = loop_add_fd(display->loop, display->listen_fd, EPOLLIN, on_listen, display,
				    &display->listen_source);
	return error;
}

static int make(struct display *display, int ram_fd)
{
	int error = display_area_new(&display->area);

	if (error)
		return error;
	display->ram_fd = display_area_reopen(ram_fd);
	if (display->ram_fd < 0)
		return display->ram_fd;
	display->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	display->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (display->wake_fd < 0 || display->timer_fd < 0)
		return -errno;
	return watch(display);
}

int display_new(const struct display_setup *setup, struct loop *loop, int listen_fd,
		struct display **display)
{
	struct display *made = calloc(1, sizeof(*made));
	int error;

	if (!made) {
		close(listen_fd);
		return -ENOMEM;
	}
	made->loop = loop;
	made->heads = setup->heads;
	made->ram = setup->ram;
	made->ram_bytes = setup->ram_bytes;
	made->listen_fd = listen_fd;
	made->ram_fd = made->client_fd = made->wake_fd = made->timer_fd = -EBADF;
	made->area.read_fd = -EBADF;
	pthread_mutex_init(&made->lock, NULL);
	set_first_modes(made, setup->width, setup->height);
	error = make(made, setup->ram_fd);
	if (error) {
		display_free(made);
		return error;
	}
	*display = made;
	return 0;
}

void display_free(struct display *display)
{
	if (!display)
		return;
	loop_remove(display->client_source);
	loop_remove(display->listen_source);
	loop_remove(display->wake_source);
	loop_remove(display->timer_source);
	cleanup_close(&display->client_fd);
	cleanup_close(&display->listen_fd);
	cleanup_close(&display->wake_fd);
	cleanup_close(&display->timer_fd);
	cleanup_close(&display->ram_fd);
	display_area_free(&display->area);
	pthread_mutex_destroy(&display->lock);
	free(display);
}
