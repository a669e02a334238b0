/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include "host/screen/rfb/rfb.h"

#include <stdlib.h>
#include <unistd.h>

struct ours {
	struct screen *screen;
	struct source source;
	const uint32_t *frames;
	unsigned int shown;
	uv_poll_t poll;
	int next;
};

static void no_watch(struct source *source, bool watching)
{
	(void)source, (void)watching;
}

static void no_free(struct source *source)
{
	(void)source;
}

/* Nothing is typed. */
static const struct source_ops source_ops = {
	.name = "bench",
	.watch = no_watch,
	.free = no_free,
};

static void show_next(struct ours *ours)
{
	struct rectangle place, all = {0, 0, BENCH_WIDTH, BENCH_HEIGHT};
	size_t stride;
	uint8_t *pixels = screen_pixels(ours->screen, 0, &place, &stride);

	if (stride != BENCH_WIDTH * 4UL)
		abort();
	bench_paint(ours->frames, ours->shown++, pixels);
	screen_damaged(ours->screen, 0, &all);
}

static void on_next(uv_poll_t *poll, int status, int events)
{
	struct ours *ours = poll->data;
	char byte;

	(void)status, (void)events;
	if (read(ours->next, &byte, 1) != 1)
		uv_stop(screen_loop(ours->screen));
	else
		show_next(ours);
}

void bench_ours(const uint32_t *frames, int fd, int next)
{
	const struct rfb_options options = {0};
	struct ours ours = {.source.ops = &source_ops, .frames = frames, .next = next};
	uv_loop_t loop;

	uv_loop_init(&loop);
	ours.screen = screen_new(&loop, "bench");
	screen_set_source(ours.screen, &ours.source);
	screen_head_changed(ours.screen, 0, BENCH_WIDTH, BENCH_HEIGHT);
	show_next(&ours);
	uv_poll_init(&loop, &ours.poll, next);
	ours.poll.data = &ours;
	uv_poll_start(&ours.poll, UV_READABLE, on_next);
	if (rfb_accept(ours.screen, link_new(&loop, fd), &options, "bench") == 0)
		uv_run(&loop, UV_RUN_DEFAULT);
}
