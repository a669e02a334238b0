/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * columns - what a row of a VM consists of, and which of it a terminal is wide enough for
 */
#ifndef LODGE_CLI_TOP_COLUMNS_H
#define LODGE_CLI_TOP_COLUMNS_H

#include "host/cli/top/snapshot.h"

#include <stdbool.h>
#include <stddef.h>

#define COLUMNS	    14
#define COLUMN_TEXT 128 /* bytes of a cell, at most */

/* Too narrow for all: the column with the largest `goes` goes first. 0: it stays. */
struct column {
	const char *title;
	size_t width; /* 0: the name's, or the bar's */
	unsigned int goes;
	bool left;
	void (*cell)(const struct snapshot_vm *vm, char *text); /* COLUMN_TEXT; NULL: the bar */
};

extern const struct column columns[COLUMNS];

/* What a colour may say of a cell. */
enum column_mood {
	COLUMN_PLAIN,
	COLUMN_BAR,
	COLUMN_ODD,
	COLUMN_BAD,
};
enum column_mood column_mood(const struct column *column, const struct snapshot_vm *vm);

struct column_layout {
	bool shown[COLUMNS];
	size_t width[COLUMNS];
};

/* Fit @space characters: columns go until the others do, then the bar takes what is left. */
void columns_lay_out(const struct snapshot *snapshot, size_t space, struct column_layout *layout);

#endif
