/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view - a snapshot as lines of text
 *
 * Pure: no terminal is asked. A row has as many columns as fit; the bar of a VM's memory takes what
 * is left. In a bar '#' is what the guest works with, '=' what else it has, '.' what it could get,
 * and '|' stands at its target where that is elsewhere.
 */
#ifndef LODGE_CLI_TOP_VIEW_H
#define LODGE_CLI_TOP_VIEW_H

#include "host/cli/top/snapshot.h"

struct view_look {
	size_t columns; /* no line is wider */
	size_t rows;	/* so many lines at most; 0: as many as there are VMs, and no last line */
	size_t first;	/* the VM at the top; cut to what there is */
	bool color;	/* SGR sequences may be used; they take no column */
	enum snapshot_order order;
};

/* Rows for VMs that fit. */
size_t view_capacity(const struct view_look *look);

/**
 * view_draw() - the lines, each ended by '\n'
 * @snapshot:	with its rates, sorted
 *
 * Return: text, to be freed; NULL without memory.
 */
char *view_draw(const struct snapshot *snapshot, const struct view_look *look);

/**
 * view_bar() - one bar of memory
 * @bar:	receives @width characters and a final 0
 */
void view_bar(const struct snapshot_vm *vm, char *bar, size_t width);

/* A size in six characters ("1.50G"), below 10 PiB. @text: 16 bytes. Return: @text. */
char *view_size(uint64_t bytes, char *text);

#endif
