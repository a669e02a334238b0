/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/keys.h"
#include "protocol/base/bytes.h"

#include <string.h>

#define CTRL_C	 '\003'
#define CTRL_D	 '\004'
#define SEQUENCE "\033["

/* Moves the first VM by @step, within what there is. */
static void move(struct view_look *look, size_t count, long step)
{
	size_t capacity = view_capacity(look), last = count > capacity ? count - capacity : 0;
	size_t first = MIN(look->first, last);

	if (step < 0)
		look->first = first - MIN(first, (size_t)-step);
	else
		look->first = first + MIN(last - first, (size_t)step);
}

static void apply_sequence(char key, struct view_look *look, size_t count)
{
	long page = (long)MIN(view_capacity(look), count);

	switch (key) {
	case 'A':
		move(look, count, -1);
		break;
	case 'B':
		move(look, count, 1);
		break;
	case 'H':
		look->first = 0;
		break;
	case 'F':
		move(look, count, (long)count);
		break;
	case '5':
		move(look, count, -page);
		break;
	case '6':
		move(look, count, page);
		break;
	default:
		break;
	}
}

/* Return: false for the end. */
static bool apply_letter(char key, struct view_look *look, size_t count)
{
	static const struct {
		char key;
		enum snapshot_order order;
	} orders[] = {
		{'n', SNAPSHOT_BY_NAME},
		{'c', SNAPSHOT_BY_CPU},
		{'m', SNAPSHOT_BY_MEMORY},
		{'p', SNAPSHOT_BY_PRESSURE},
	};

	if (key == 'q' || key == CTRL_C || key == CTRL_D)
		return false;
	if (key == 'j' || key == 'k')
		move(look, count, key == 'j' ? 1 : -1);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		if (orders[i].key == key) {
			look->order = orders[i].order;
			look->first = 0;
		}
	}
	return true;
}

bool keys_apply(const char *bytes, size_t length, struct view_look *look, size_t count)
{
	for (size_t i = 0; i < length; i++) {
		if (length - i > 2 && memcmp(bytes + i, SEQUENCE, 2) == 0) {
			apply_sequence(bytes[i + 2], look, count);
			/* Parameters, up to the letter that ends it (ECMA-48, 5.4). */
			for (i += 2; i < length && (bytes[i] < '@' || bytes[i] > '~'); i++)
				;
		} else if (!apply_letter(bytes[i], look, count)) {
			return false;
		}
	}
	return true;
}
