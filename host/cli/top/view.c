/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/view.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define NAME_SHOWN_MAX 24
#define NAME_SHOWN_MIN 4
#define BAR_MIN	       8
#define BAR_MAX	       40
#define CELL_MAX       128
/* The host's three lines, the titles, and the line of keys. */
#define LINES_ABOVE 4
#define LINES_BELOW 1

/* More than so much of its time waiting is worth a colour. */
#define PRESSURE_HIGH 0.01

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

/* --- Cells --------------------------------------------------------------------------------- */

static void cell_name(const struct snapshot_vm *vm, char *text)
{
	snprintf(text, CELL_MAX, "%.*s", CELL_MAX - 1, vm->name);
}

static void cell_state(const struct snapshot_vm *vm, char *text)
{
	snprintf(text, CELL_MAX, "%s", vm->state);
}

static void cell_cpu(const struct snapshot_vm *vm, char *text)
{
	if (vm->cpu_part < 0)
		strcpy(text, "-");
	else
		snprintf(text, CELL_MAX, "%.1f", vm->cpu_part * 100);
}

static void cell_size(uint64_t bytes, char *text)
{
	if (bytes)
		view_size(bytes, text);
	else
		strcpy(text, "-");
}

static void cell_actual(const struct snapshot_vm *vm, char *text)
{
	cell_size(vm->actual, text);
}

static void cell_maximum(const struct snapshot_vm *vm, char *text)
{
	cell_size(vm->maximum, text);
}

static void cell_target(const struct snapshot_vm *vm, char *text)
{
	cell_size(vm->target, text);
}

static void cell_working(const struct snapshot_vm *vm, char *text)
{
	cell_size(vm->working_set, text);
}

static void cell_pressure(const struct snapshot_vm *vm, char *text)
{
	if (vm->pressure < 0)
		strcpy(text, "-");
	else
		snprintf(text, CELL_MAX, "%.1f%%", vm->pressure * 100);
}

static void cell_memory(const struct snapshot_vm *vm, char *text)
{
	snprintf(text, CELL_MAX, "%s", *vm->memory ? vm->memory : "-");
}

static void cell_rate(const struct snapshot_vm *vm, enum snapshot_counter counter, char *text)
{
	if (vm->rate[counter] < 0)
		strcpy(text, "-");
	else
		view_size((uint64_t)vm->rate[counter], text);
}

static void cell_read(const struct snapshot_vm *vm, char *text)
{
	cell_rate(vm, SNAPSHOT_DISK_READ, text);
}

static void cell_written(const struct snapshot_vm *vm, char *text)
{
	cell_rate(vm, SNAPSHOT_DISK_WRITTEN, text);
}

static void cell_received(const struct snapshot_vm *vm, char *text)
{
	cell_rate(vm, SNAPSHOT_NET_RECEIVED, text);
}

static void cell_sent(const struct snapshot_vm *vm, char *text)
{
	cell_rate(vm, SNAPSHOT_NET_SENT, text);
}

/* Too narrow for all: the column with the largest `goes` goes first. 0: it stays. */
struct column {
	const char *title;
	size_t width; /* 0: the name's, or the bar's */
	unsigned int goes;
	bool left;
	void (*cell)(const struct snapshot_vm *vm, char *text); /* NULL: the bar */
};

static const struct column columns[] = {
	{"NAME", 0, 0, true, cell_name},	{"STATE", 8, 7, true, cell_state},
	{"CPU%", 6, 0, false, cell_cpu},	{"MEMORY", 0, 3, true, NULL},
	{"ACTUAL", 6, 0, false, cell_actual},	{"MAX", 6, 5, false, cell_maximum},
	{"TARGET", 6, 8, false, cell_target},	{"WORKING", 7, 9, false, cell_working},
	{"PRESS", 6, 4, false, cell_pressure},	{"READ/s", 6, 6, false, cell_read},
	{"WRITE/s", 7, 6, false, cell_written}, {"RX/s", 6, 6, false, cell_received},
	{"TX/s", 6, 6, false, cell_sent},	{"BALANCE", 9, 10, true, cell_memory},
};

struct layout {
	bool shown[ARRAY_SIZE(columns)];
	size_t width[ARRAY_SIZE(columns)];
};

static size_t width_of(const struct layout *layout)
{
	size_t width = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (layout->shown[i])
			width += layout->width[i] + (width > 0);
	}
	return width;
}

/* Takes away the columns that go first. Return: false if none can go. */
static bool drop(struct layout *layout)
{
	unsigned int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (layout->shown[i])
			first = MAX(first, columns[i].goes);
	}
	for (size_t i = 0; first && i < ARRAY_SIZE(columns); i++) {
		if (columns[i].goes == first)
			layout->shown[i] = false;
	}
	return first > 0;
}

static void lay_out(const struct snapshot *snapshot, size_t space, struct layout *layout)
{
	size_t name = NAME_SHOWN_MIN, used;

	for (size_t i = 0; i < snapshot->count; i++)
		name = MAX(name, text_width(snapshot->vms[i].name));
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		layout->shown[i] = true;
		layout->width[i] = columns[i].width	     ? columns[i].width
				   : columns[i].cell == NULL ? BAR_MIN
							     : MIN(name, NAME_SHOWN_MAX);
	}
	while (width_of(layout) > space && drop(layout))
		;
	used = width_of(layout);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (!columns[i].cell && layout->shown[i] && space > used)
			layout->width[i] = MIN(BAR_MIN + space - used, BAR_MAX);
	}
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
	if (column->cell == cell_pressure && vm->pressure > PRESSURE_HIGH)
		return SGR_RED;
	if (column->cell == cell_state && strcmp(vm->state, "running") != 0)
		return SGR_YELLOW;
	if (!column->cell)
		return SGR_GREEN;
	return NULL;
}

/* @vm NULL: the titles. */
static void put_row(FILE *file, const struct layout *layout, const struct view_look *look,
		    const struct snapshot_vm *vm)
{
	size_t left = look->columns, used = 0;

	if (!vm && look->color)
		fputs(SGR_TITLE, file);
	for (size_t i = 0; i < ARRAY_SIZE(columns) && left > 0; i++) {
		const struct column *column = &columns[i];
		char text[CELL_MAX];
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
	char bar[BAR_MIN * 2 + 1];

	if (snapshot->total == 0 || snapshot->available >= snapshot->total) {
		put_line(file, look, "memory: not known");
		return;
	}
	view_bar(&host, bar, BAR_MIN * 2);
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
	struct layout layout;

	lay_out(snapshot, look->columns, &layout);
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
