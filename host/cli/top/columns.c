/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/columns.h"

#include "host/cli/text.h"
#include "host/cli/top/view.h"

#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#define NAME_SHOWN_MAX 24
#define NAME_SHOWN_MIN 4
#define BAR_MIN	       8
#define BAR_MAX	       40

/* More than so much of its time waiting is worth a colour. */
#define PRESSURE_HIGH 0.01

static void cell_name(const struct snapshot_vm *vm, char *text)
{
	snprintf(text, COLUMN_TEXT, "%.*s", COLUMN_TEXT - 1, vm->name);
}

static void cell_state(const struct snapshot_vm *vm, char *text)
{
	snprintf(text, COLUMN_TEXT, "%s", vm->state);
}

static void cell_cpu(const struct snapshot_vm *vm, char *text)
{
	if (vm->cpu_part < 0)
		strcpy(text, "-");
	else
		snprintf(text, COLUMN_TEXT, "%.1f", vm->cpu_part * 100);
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
		snprintf(text, COLUMN_TEXT, "%.1f%%", vm->pressure * 100);
}

static void cell_memory(const struct snapshot_vm *vm, char *text)
{
	snprintf(text, COLUMN_TEXT, "%s", *vm->memory ? vm->memory : "-");
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

const struct column columns[COLUMNS] = {
	{"NAME", 0, 0, true, cell_name},	{"STATE", 8, 7, true, cell_state},
	{"CPU%", 6, 0, false, cell_cpu},	{"MEMORY", 0, 3, true, NULL},
	{"ACTUAL", 6, 0, false, cell_actual},	{"MAX", 6, 5, false, cell_maximum},
	{"TARGET", 6, 8, false, cell_target},	{"WORKING", 7, 9, false, cell_working},
	{"PRESS", 6, 4, false, cell_pressure},	{"READ/s", 6, 6, false, cell_read},
	{"WRITE/s", 7, 6, false, cell_written}, {"RX/s", 6, 6, false, cell_received},
	{"TX/s", 6, 6, false, cell_sent},	{"BALANCE", 9, 10, true, cell_memory},
};

enum column_mood column_mood(const struct column *column, const struct snapshot_vm *vm)
{
	if (column->cell == cell_pressure && vm->pressure > PRESSURE_HIGH)
		return COLUMN_BAD;
	if (column->cell == cell_state && strcmp(vm->state, "running") != 0)
		return COLUMN_ODD;
	return column->cell ? COLUMN_PLAIN : COLUMN_BAR;
}

/* --- Which fit ------------------------------------------------------------------------------ */

static size_t width_of(const struct column_layout *layout)
{
	size_t width = 0;

	for (size_t i = 0; i < COLUMNS; i++) {
		if (layout->shown[i])
			width += layout->width[i] + (width > 0);
	}
	return width;
}

/* Takes away the columns that go first. Return: false if none can go. */
static bool drop(struct column_layout *layout)
{
	unsigned int first = 0;

	for (size_t i = 0; i < COLUMNS; i++) {
		if (layout->shown[i])
			first = MAX(first, columns[i].goes);
	}
	for (size_t i = 0; first && i < COLUMNS; i++) {
		if (columns[i].goes == first)
			layout->shown[i] = false;
	}
	return first > 0;
}

void columns_lay_out(const struct snapshot *snapshot, size_t space, struct column_layout *layout)
{
	size_t name = NAME_SHOWN_MIN, used;

	for (size_t i = 0; i < snapshot->count; i++)
		name = MAX(name, text_width(snapshot->vms[i].name));
	for (size_t i = 0; i < COLUMNS; i++) {
		layout->shown[i] = true;
		layout->width[i] = columns[i].width	     ? columns[i].width
				   : columns[i].cell == NULL ? BAR_MIN
							     : MIN(name, NAME_SHOWN_MAX);
	}
	while (width_of(layout) > space && drop(layout))
		;
	used = width_of(layout);
	for (size_t i = 0; i < COLUMNS; i++) {
		if (!columns[i].cell && layout->shown[i] && space > used)
			layout->width[i] = MIN(BAR_MIN + space - used, BAR_MAX);
	}
}
