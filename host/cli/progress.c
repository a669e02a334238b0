/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/progress.h"
#include "host/cli/terminal.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS      1000000000ULL
#define REDRAW_NS      (SECOND_NS / 8)
#define BAR_MAX	       40
#define LINE_MAX_BYTES 512

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* "[=====>    ] 52% " into @bar, @length columns between the brackets. */
static void draw_bar(double part, size_t length, char *bar, size_t capacity)
{
	char cells[BAR_MAX + 1];
	size_t full = (size_t)(part * (double)length);

	memset(cells, ' ', length);
	memset(cells, '=', full);
	if (full < length)
		cells[full] = '>';
	cells[length] = '\0';
	snprintf(bar, capacity, "[%s] %3d%% ", cells, (int)(part * 100));
}

/* What stands behind the bar: amount, rate, time left. */
static void describe(const struct progress *progress, uint64_t elapsed_ns, char *text,
		     size_t capacity)
{
	char done[16], total[16], rate[16];
	double seconds = (double)elapsed_ns / (double)SECOND_NS;
	double per_second = seconds > 0 ? (double)progress->done_bytes / seconds : 0;
	size_t used;

	format_size(progress->done_bytes, done, sizeof(done));
	format_size(progress->total_bytes, total, sizeof(total));
	format_size((uint64_t)per_second, rate, sizeof(rate));
	used = (size_t)snprintf(text, capacity, "%s%s%s, %s/s", done,
				progress->total_bytes ? " of " : "",
				progress->total_bytes ? total : "", rate);
	if (progress->items > 1 && used < capacity)
		used += (size_t)snprintf(text + used, capacity - used, ", %" PRIu64 " files",
					 progress->items);
	if (progress->total_bytes > progress->done_bytes && per_second > 0 && used < capacity) {
		uint64_t left = (uint64_t)((double)(progress->total_bytes - progress->done_bytes) /
					   per_second);

		if (left < 360000)
			snprintf(text + used, capacity - used, ", %" PRIu64 ":%02" PRIu64 " left",
				 left / 60, left % 60);
	}
}

void progress_line(const struct progress *progress, uint64_t elapsed_ns, size_t width, char *line,
		   size_t capacity)
{
	char figures[128], bar[BAR_MAX + 16] = "", text[LINE_MAX_BYTES];
	size_t taken, title = text_width(progress->title);

	describe(progress, elapsed_ns, figures, sizeof(figures));
	taken = strlen(figures) + title + strlen("[] 100% ") + 2;
	if (progress->total_bytes && width >= taken + 8) {
		double part = (double)MIN(progress->done_bytes, progress->total_bytes) /
			      (double)progress->total_bytes;

		draw_bar(part, MIN(width - taken, BAR_MAX), bar, sizeof(bar));
	}
	if (title + 1 + strlen(bar) + strlen(figures) <= width)
		snprintf(text, sizeof(text), "%s %s%s", progress->title, bar, figures);
	else
		snprintf(text, sizeof(text), "%s", figures);
	text_clean_into((struct slice){(const uint8_t *)text, MIN(strlen(text), width)}, line,
			capacity);
}

void progress_start(struct progress *progress, const char *title)
{
	*progress = (struct progress){
		.title = title, .started_ns = now_ns(), .on_terminal = isatty(STDERR_FILENO) == 1};
}

void progress_update(struct progress *progress)
{
	char line[LINE_MAX_BYTES];
	uint64_t now;
	struct terminal_size size;

	if (!progress->on_terminal)
		return;
	now = now_ns();
	if (now - progress->started_ns < SECOND_NS || now - progress->drawn_ns < REDRAW_NS)
		return;
	size = terminal_size(STDERR_FILENO);
	progress_line(progress, now - progress->started_ns, size.columns - 1, line, sizeof(line));
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
	progress->drawn_ns = now;
	progress->shown = true;
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
