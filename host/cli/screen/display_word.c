/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/display_word.h"

#include "protocol/base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PIXELS_MIN 64
#define PIXELS_MAX 8192
/* As far as desktops go. */
#define SCALE_MIN_MILLI 250
#define SCALE_MAX_MILLI 8000
#define PLACE_MAX	32767

/* "1.25" as thousandths. */
static int parse_scale(const char *text, uint64_t *milli)
{
	char whole[8], part[4] = "000";
	const char *dot = strchr(text, '.');
	size_t length = dot ? (size_t)(dot - text) : strlen(text);
	uint64_t units, thousandths;

	if (length == 0 || length >= sizeof(whole) || (dot && strlen(dot + 1) > 3) ||
	    (dot && !dot[1]))
		return -EINVAL;
	memcpy(whole, text, length);
	whole[length] = '\0';
	if (dot)
		memcpy(part, dot + 1, strlen(dot + 1));
	/* One helper reads numbers; leading zeroes are no octal there. */
	if (parse_u64(whole, 0, SCALE_MAX_MILLI / 1000, &units) < 0 ||
	    parse_u64(part, 0, 999, &thousandths) < 0)
		return -EINVAL;
	*milli = units * 1000 + thousandths;
	return *milli >= SCALE_MIN_MILLI && *milli <= SCALE_MAX_MILLI ? 0 : -EINVAL;
}

int display_word_mode(const char *text, uint64_t *width, uint64_t *height, uint64_t *scale_milli)
{
	char copy[32], *at, *x;

	*width = *height = *scale_milli = 0;
	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	at = strchr(copy, '@');
	if (at) {
		*at = '\0';
		if (parse_scale(at + 1, scale_milli) < 0)
			return -EINVAL;
	}
	if (!copy[0])
		return at ? 0 : -EINVAL;
	x = strchr(copy, 'x');
	if (!x)
		return -EINVAL;
	*x = '\0';
	if (parse_u64(copy, PIXELS_MIN, PIXELS_MAX, width) < 0 ||
	    parse_u64(x + 1, PIXELS_MIN, PIXELS_MAX, height) < 0)
		return -EINVAL;
	return 0;
}

/* A sign, which may be missing before the first, and digits, up to @end. */
static int parse_coordinate(const char *text, size_t length, int64_t *value)
{
	char copy[8];
	bool minus = text[0] == '-';
	uint64_t number;

	if (length > 0 && (minus || text[0] == '+')) {
		text++;
		length--;
	}
	if (length == 0 || length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (parse_u64(copy, 0, PLACE_MAX, &number) < 0)
		return -EINVAL;
	*value = minus ? -(int64_t)number : (int64_t)number;
	return 0;
}

int display_word_place(const char *text, int64_t *x, int64_t *y)
{
	size_t length;
	const char *second;

	if (!text[0])
		return -EINVAL;
	/* The first may have a sign, and then the second must have one, or a comma before it. */
	length = 1 + strcspn(text + 1, "+-,");
	second = text + length;
	if (!*second)
		return -EINVAL;
	if (*second == ',')
		second++;
	if (parse_coordinate(text, length, x) < 0)
		return -EINVAL;
	return parse_coordinate(second, strlen(second), y);
}

void display_word_scale(uint64_t scale_milli, char text[16])
{
	size_t length;

	snprintf(text, 16, "%" PRIu64 ".%03u", scale_milli / 1000 % 1000000,
		 (unsigned int)(scale_milli % 1000));
	for (length = strlen(text); text[length - 1] == '0'; length--)
		;
	if (text[length - 1] == '.')
		length--;
	text[length] = '\0';
}
