/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/view.h"

#include "host/cli/text.h"
#include "host/cli/top/columns.h"
#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_BAR 16
/* The host's three lines, the titles, and the line of keys. */
#define LINES_ABOVE 4
#define LINES_BELOW 1

#define SGR_OFF	   "\033[0m"
#define SGR_BOLD   "\033[1m"
#define SGR_TITLE  "\033[7m"
#define SGR_RED	   "\033[31m"
#define SGR_YELLOW "\033[33m"
#define SGR_GREEN  "\033[32m"

char *view_size(uint64_t bytes, char *text)
{
	char *end;

	format_size(bytes, text, 16);
	end = strchr(text, ' ');
	if (end)
		memmove(end, end + 1, strlen(end));
	end = strstr(text, "iB");
	if (end)
		*end = '\0';
	return text;
}

/* Columns of @width that @part of @whole takes, rounded. */
static size_t share_of(uint64_t part, uint64_t whole, size_t width)
{
	if (whole == 0)
		return 0;
	return (size_t)((double)MIN(part, whole) / (double)whole * (double)width + 0.5);
}

void view_bar(const struct snapshot_vm *vm, char *bar, size_t width)
{
	uint64_t actual = vm->actual ? vm->actual : vm->maximum;
	size_t has = share_of(actual, vm->maximum, width);
	size_t works = MIN(share_of(vm->working_set, vm->maximum, width), has);
	size_t goal = share_of(vm->target, vm->maximum, width);

	memset(bar, '.', width);
	memset(bar, '=', has);
	memset(bar, '#', works);
	if (vm->target && goal != has && width > 0)
		bar[goal > 0 ? goal - 1 : 0] = '|';
	bar[width] = '\0';
}

/* --- Lines --------------------------------------------------------------------------------- */

/* The first @width characters of @text, at most. Return: how many there were. */
static size_t put(FILE *file, const char *text, size_t width)
{
	size_t done = 0;

	for (; *text; text++) {
		if (((uint8_t)*text & 0xc0) != 0x80 && done++ == width)
			return width;
		fputc(*text, file);
	}
	return done;
}

static void pad(FILE *file, size_t count)
{
	for (; count > 0; count--)
		fputc(' ', file);
}

static void put_cell(FILE *file, const char *text, size_t width, bool left, const char *color)
{
	size_t length = MIN(text_width(text), width);

	if (!left)
		pad(file, width - length);
	if (color)
		fputs(color, file);
	put(file, text, width);
	if (color)
		fputs(SGR_OFF, file);
	if (left)
		pad(file, width - length);
}

static const char *color_of(const struct column *column, const struct snapshot_vm *vm)
{
	static const char *const colors[] = {
		[COLUMN_PLAIN] = NULL,
		[COLUMN_BAR] = SGR_GREEN,
		[COLUMN_ODD] = SGR_YELLOW,
		[COLUMN_BAD] = SGR_RED,
	};

	return colors[column_mood(column, vm)];
}

/* @vm NULL: the titles. */
static void put_row(FILE *file, const struct column_layout *layout, const struct view_look *look,
		    const struct snapshot_vm *vm)
{
	size_t left = look->columns, used = 0;

	if (!vm && look->color)
		fputs(SGR_TITLE, file);
	for (size_t i = 0; i < COLUMNS && left > 0; i++) {
		const struct column *column = &columns[i];
		char text[COLUMN_TEXT];
		size_t width;

		if (!layout->shown[i])
			continue;
		if (used > 0) {
			pad(file, 1);
			left--;
		}
		width = MIN(layout->width[i], left);
		if (!vm)
			snprintf(text, sizeof(text), "%s", column->title);
		else if (column->cell)
			column->cell(vm, text);
		else if (vm->maximum)
			view_bar(vm, text, width);
		else
			strcpy(text, "-");
		put_cell(file, text, width, column->left,
			 vm && look->color ? color_of(column, vm) : NULL);
		left -= width;
		used += width;
	}
	if (!vm && look->color)
		fputs(SGR_OFF, file);
	fputc('\n', file);
}

__attribute__((format(printf, 3, 4))) static void put_line(FILE *file, const struct view_look *look,
							   const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	put(file, text, look->columns);
	fputc('\n', file);
}

static void put_processors(FILE *file, const struct snapshot *snapshot,
			   const struct view_look *look)
{
	char busy[48] = "";

	if (snapshot->cpu_part >= 0 && snapshot->cpus)
		snprintf(busy, sizeof(busy), ", %.0f%% busy",
			 snapshot->cpu_part * 100 / (double)snapshot->cpus);
	put_line(file, look, "%zu VM%s   host: %" PRIu64 " CPUs%s", snapshot->count,
		 snapshot->count == 1 ? "" : "s", snapshot->cpus, busy);
}

static void put_memory(FILE *file, const struct snapshot *snapshot, const struct view_look *look)
{
	char used[16], total[16], vms[16], reserve[16], pressure[32] = "";
	struct snapshot_vm host = {.maximum = snapshot->total,
				   .actual = snapshot->total - snapshot->available,
				   .working_set = snapshot->charged};
	char bar[HOST_BAR + 1];

	if (snapshot->total == 0 || snapshot->available >= snapshot->total) {
		put_line(file, look, "memory: not known");
		return;
	}
	view_bar(&host, bar, HOST_BAR);
	if (snapshot->pressure >= 0)
		snprintf(pressure, sizeof(pressure), ", pressure %.1f%%", snapshot->pressure * 100);
	put_line(file, look, "memory [%s] %s of %s used, VMs %s, reserve %s%s", bar,
		 view_size(host.actual, used), view_size(snapshot->total, total),
		 view_size(snapshot->charged, vms), view_size(snapshot->reserve, reserve),
		 pressure);
}

static const char *emergency_text(uint64_t level)
{
	static const char *const texts[] = {
		"",
		"free memory is taken back",
		"cache is taken back",
		"all but minimums is taken",
		"VMs are limited",
		"a VM is paused",
	};

	return level < ARRAY_SIZE(texts) ? texts[level] : "the host runs short";
}

static void put_policy(FILE *file, const struct snapshot *snapshot, const struct view_look *look)
{
	char budget[16];

	if (snapshot->emergency) {
		if (look->color)
			fputs(SGR_RED, file);
		put_line(file, look, "EMERGENCY: the host runs short of memory; %s",
			 emergency_text(snapshot->emergency));
		if (look->color)
			fputs(SGR_OFF, file);
		return;
	}
	put_line(file, look, "sharing of memory: %s%s%s",
		 *snapshot->policy ? snapshot->policy : "not known",
		 snapshot->budget ? ", for VMs " : "",
		 snapshot->budget ? view_size(snapshot->budget, budget) : "");
}

static const char *order_name(enum snapshot_order order)
{
	static const char *const names[] = {"name", "CPU", "memory", "pressure"};

	return names[order];
}

size_t view_capacity(const struct view_look *look)
{
	if (look->rows == 0)
		return SIZE_MAX;
	return look->rows > LINES_ABOVE + LINES_BELOW ? look->rows - LINES_ABOVE - LINES_BELOW : 0;
}

static void draw(FILE *file, const struct snapshot *snapshot, const struct view_look *look)
{
	size_t capacity = view_capacity(look), shown = MIN(snapshot->count, capacity);
	size_t first = MIN(look->first, snapshot->count - shown);
	struct column_layout layout;

	columns_lay_out(snapshot, look->columns, &layout);
	put_processors(file, snapshot, look);
	put_memory(file, snapshot, look);
	put_policy(file, snapshot, look);
	put_row(file, &layout, look, NULL);
	for (size_t i = 0; i < shown; i++)
		put_row(file, &layout, look, &snapshot->vms[first + i]);
	if (look->rows == 0)
		return;
	if (snapshot->count == 0)
		put_line(file, look, "No VM runs. 'lodge run' starts one. q quits");
	else
		put_line(file, look,
			 "%zu-%zu of %zu, by %s   q quit  n name  c CPU  m memory  p pressure  "
			 "arrows move",
			 first + (shown > 0), first + shown, snapshot->count,
			 order_name(look->order));
}

/* Of a window too low for all of it, the first lines. */
static void cut_lines(char *text, size_t rows)
{
	for (; rows > 0 && *text; rows--)
		text += strcspn(text, "\n") + 1;
	*text = '\0';
}

char *view_draw(const struct snapshot *snapshot, const struct view_look *look)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	draw(file, snapshot, look);
	if (fclose(file) != 0) {
		free(text);
		return NULL;
	}
	if (look->rows > 0)
		cut_lines(text, look->rows);
	return text;
}
