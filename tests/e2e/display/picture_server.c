/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * picture_server - lodge-screen's VNC with a made picture in place of a guest
 *
 * Listens on a port of 127.0.0.1, shows one head (or two) with a test picture of which a part
 * moves, follows every wish for another size after 50 ms, and writes the input it gets to standard
 * output.
 *
 *	picture_server [-p PORT] [-P PASSWORD] [-t no|optional|required] [-v] [-2] [-s]
 *	-v  viewers may only look    -2  two heads    -s  stand still
 */
#include "host/screen/keyboard.h"
#include "host/screen/rfb/rfb.h"
#include "host/screen/tls.h"
#include "protocol/base/bytes.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
	struct screen *screen;
	struct source source;
	struct rfb_options options;
	struct rfb_attempts attempts;
	struct screen_wish wish;
	uv_timer_t resize, frame;
	uv_poll_t poll;
	int fd;
	unsigned int ticks;
	bool still;
};

static void paint(struct server *server, unsigned int head)
{
	struct rectangle place, all;
	size_t stride;
	uint8_t *pixels = screen_pixels(server->screen, head, &place, &stride);

	if (!pixels)
		return;
	for (uint32_t y = 0; y < place.height; y++) {
		for (uint32_t x = 0; x < place.width; x++) {
			uint32_t colour = 0x305080;

			if (x < 64 && y < 64)
				colour = 0xff0000;
			else if (x >= place.width - 64 && y < 64)
				colour = 0x00ff00;
			else if (x < 64 && y >= place.height - 64)
				colour = 0x0000ff;
			else if (x >= place.width - 64 && y >= place.height - 64)
				colour = 0xffffff;
			else if (x > place.width / 2 && y > place.height / 2)
				colour = (x * 255 / place.width) << 16 |
					 (y * 255 / place.height) << 8 | ((x ^ y) & 0xff);
			else if (y > place.height / 2)
				colour = (x / 4 + y / 4) % 2 ? 0x000000 : 0xc0c0c0;
			store_le32(pixels + y * stride + x * 4UL, colour);
		}
	}
	all = (struct rectangle){0, 0, place.width, place.height};
	screen_damaged(server->screen, head, &all);
}

static void on_frame(uv_timer_t *timer)
{
	struct server *server = timer->data;
	struct rectangle place, part;
	size_t stride;
	uint8_t *pixels = screen_pixels(server->screen, 0, &place, &stride);

	if (!pixels || place.width < 300 || place.height < 200)
		return;
	server->ticks++;
	part = (struct rectangle){100, 80, 160, 40};
	for (uint32_t y = 0; y < part.height; y++) {
		for (uint32_t x = 0; x < part.width; x++)
			store_le32(pixels + (part.y + y) * stride + (part.x + x) * 4UL,
				   (x + server->ticks) % 32 < 16 ? 0xffff00 : 0x202020);
	}
	screen_damaged(server->screen, 0, &part);
}

static void on_resize(uv_timer_t *timer)
{
	struct server *server = timer->data;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (server->wish.head[i].named && server->wish.head[i].enabled) {
			screen_head_changed(server->screen, i, server->wish.head[i].width,
					    server->wish.head[i].height);
			paint(server, i);
		} else if (server->wish.all) {
			screen_head_changed(server->screen, i, 0, 0);
		}
	}
}

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	struct server *server = owner;

	(void)who;
	server->wish = *wish;
	printf("wish %ux%u\n", wish->head[0].width, wish->head[0].height);
	uv_timer_start(&server->resize, on_resize, 50, 0);
}

static const struct screen_hooks hooks = {.requested = on_requested};

static void source_watch(struct source *source, bool watching)
{
	(void)source;
	printf("watch %d\n", watching);
}

static void source_set_mode(struct source *source, unsigned int head, bool enabled,
			    const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	(void)source, (void)head, (void)enabled, (void)place, (void)width_mm, (void)height_mm;
}

static void source_key(struct source *source, uint32_t code, bool down)
{
	(void)source;
	printf("key %u %d\n", code, down);
}

static void source_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
			   const struct rectangle *at)
{
	(void)source, (void)x, (void)y;
	printf("pointer %u %u,%u\n", head, at->x, at->y);
}

static void source_motion(struct source *source, int32_t dx, int32_t dy)
{
	(void)source;
	printf("motion %d,%d\n", dx, dy);
}

static void source_button(struct source *source, uint32_t code, bool down)
{
	(void)source;
	printf("button %x %d\n", code, down);
}

static void source_wheel(struct source *source, int32_t dx, int32_t dy)
{
	(void)source;
	printf("wheel %d,%d\n", dx, dy);
}

static void source_free(struct source *source)
{
	(void)source;
}

static const struct source_ops source_ops = {
	.name = "picture",
	.watch = source_watch,
	.set_mode = source_set_mode,
	.key = source_key,
	.pointer = source_pointer,
	.motion = source_motion,
	.button = source_button,
	.wheel = source_wheel,
	.free = source_free,
};

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct server *server = poll->data;
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct link *link;

	(void)status, (void)events;
	if (fd < 0)
		return;
	link = link_new(screen_loop(server->screen), fd);
	if (link && rfb_accept(server->screen, link, &server->options, "127.0.0.1") < 0)
		fprintf(stderr, "picture_server: a viewer was not accepted\n");
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0) {
		perror("picture_server");
		exit(1);
	}
	return fd;
}

static void set_cursor(struct server *server)
{
	uint32_t pixels[24 * 24];
	struct desktop_cursor cursor = {.visible = true, .width = 24, .height = 24};

	for (uint32_t i = 0; i < ARRAY_SIZE(pixels); i++) {
		uint32_t x = i % 24, y = i / 24;

		pixels[i] = x > y ? 0 : x == y || x == 0 ? 0xff000000 : 0xffff8000;
	}
	cursor.pixels = pixels;
	screen_set_cursor(server->screen, 0, &cursor);
}

static void take_options(struct server *server, int argc, char **argv, uint16_t *port, bool *two)
{
	int option;

	while ((option = getopt(argc, argv, "p:P:t:v2s")) != -1) {
		switch (option) {
		case 'p':
			*port = (uint16_t)atoi(optarg); /* NOLINT(cert-err34-c): a test's */
			break;
		case 'P':
			server->options.password = optarg;
			break;
		case 't':
			server->options.tls = *optarg == 'r'   ? RFB_TLS_REQUIRED
					      : *optarg == 'o' ? RFB_TLS_OPTIONAL
							       : RFB_TLS_NO;
			break;
		case 'v':
			server->options.view_only = true;
			break;
		case '2':
			*two = true;
			break;
		case 's':
			server->still = true;
			break;
		default:
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct server server = {0};
	struct tls_credentials *credentials = NULL, *anonymous = NULL;
	struct keyboard *keyboard = NULL;
	uv_loop_t loop;
	uint16_t port = 5999;
	bool two = false;

	setvbuf(stdout, NULL, _IOLBF, 0);
	take_options(&server, argc, argv, &port, &two);
	uv_loop_init(&loop);
	server.screen = screen_new(&loop, "picture");
	server.source.ops = &source_ops;
	server.source.heads = DESKTOP_MAX_HEADS;
	server.options.attempts = &server.attempts;
	if (server.options.tls != RFB_TLS_NO &&
	    (tls_credentials_self_signed("picture", &credentials) < 0 ||
	     tls_credentials_anonymous(&anonymous) < 0))
		return 1;
	server.options.credentials = credentials;
	server.options.anonymous = anonymous;
	screen_set_source(server.screen, &server.source);
	screen_set_hooks(server.screen, &hooks, &server);
	if (keyboard_new("us", &keyboard) == 0)
		screen_set_keyboard(server.screen, keyboard);
	uv_timer_init(&loop, &server.resize);
	uv_timer_init(&loop, &server.frame);
	server.resize.data = server.frame.data = server.poll.data = &server;
	screen_head_changed(server.screen, 0, 1024, 768);
	if (two)
		screen_head_changed(server.screen, 1, 640, 480);
	paint(&server, 0);
	paint(&server, 1);
	set_cursor(&server);
	server.fd = listen_on(port);
	uv_poll_init(&loop, &server.poll, server.fd);
	uv_poll_start(&server.poll, UV_READABLE, on_connection);
	if (!server.still)
		uv_timer_start(&server.frame, on_frame, 50, 50);
	return uv_run(&loop, UV_RUN_DEFAULT);
}
