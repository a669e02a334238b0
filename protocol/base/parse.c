/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int digit_value(char c, unsigned int base)
{
	int value;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	else
		return -1;
	return value < (int)base ? value : -1;
}

/* Digits at the start of *@text, which moves behind them. */
static int parse_digits(const char **text, unsigned int base, uint64_t *value)
{
	const char *at = *text;
	uint64_t sum = 0;

	if (digit_value(*at, base) < 0)
		return -EINVAL;
	for (int digit; (digit = digit_value(*at, base)) >= 0; at++) {
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)digit, &sum))
			return -ERANGE;
	}
	*text = at;
	*value = sum;
	return 0;
}

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	uint64_t parsed;
	int r;

	if (hexadecimal)
		text += 2;
	r = parse_digits(&text, hexadecimal ? 16 : 10, &parsed);
	if (r < 0)
		return r;
	if (*text != '\0')
		return -EINVAL;
	if (parsed < min || parsed > max)
		return -ERANGE;
	*value = parsed;
	return 0;
}

static const char units[] = "KMGT";

int parse_size(const char *text, uint64_t *size_bytes)
{
	uint64_t number;
	unsigned int shift = 0;
	int r = parse_digits(&text, 10, &number);

	if (r < 0)
		return r;
	if (*text != '\0') {
		const char upper = (char)(*text & ~0x20);
		const char *unit = strchr(units, upper);

		if (!unit || upper == '\0')
			return -EINVAL;
		shift = 10 * (unsigned int)(unit - units + 1);
		text++;
		if (*text != '\0' && strcasecmp(text, "iB") != 0 && strcasecmp(text, "B") != 0)
			return -EINVAL;
	}
	if (number > UINT64_MAX >> shift)
		return -ERANGE;
	*size_bytes = number << shift;
	return 0;
}

char *format_size(uint64_t size_bytes, char *text, unsigned int capacity)
{
	double number = (double)size_bytes;
	size_t unit = 0;

	if (size_bytes < 1024) {
		snprintf(text, capacity, "%" PRIu64 " B", size_bytes);
		return text;
	}
	do {
		number /= 1024;
		unit++;
	} while (number >= 1023.5 && unit < sizeof(units) - 1);
	snprintf(text, capacity, "%.*f %ciB",
		 number < 9.995	  ? 2
		 : number < 99.95 ? 1
				  : 0,
		 number, units[unit - 1]);
	return text;
}
