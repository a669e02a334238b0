/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/arguments/arguments.h"

#include "protocol/base/parse.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define MAX_OPTIONS 64

int arguments_refuse(const struct arguments *arguments, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(arguments->error, arguments->error_size, format, values);
	va_end(values);
	return -EINVAL;
}

static int take_descriptor(const struct arguments *arguments, const struct argument *argument,
			   const char *value)
{
	int *field = (int *)((char *)arguments->options + argument->offset);
	uint64_t number;

	if (parse_u64(value, 0, INT_MAX, &number) < 0)
		return arguments_refuse(arguments, "--%s '%s' is no descriptor", argument->name,
					value);
	*field = (int)number;
	return 0;
}

static int take(struct arguments *arguments, const struct argument *argument, const char *value)
{
	void *field = (char *)arguments->options + argument->offset;

	switch (argument->kind) {
	case ARGUMENT_ON:
	case ARGUMENT_OFF:
		*(bool *)field = argument->kind == ARGUMENT_ON;
		return 0;
	case ARGUMENT_TEXT:
		*(const char **)field = value;
		return 0;
	case ARGUMENT_DESCRIPTOR:
		return take_descriptor(arguments, argument, value);
	case ARGUMENT_OTHER:
		break;
	}
	return argument->take(arguments, value);
}

int arguments_parse(struct arguments *arguments, const struct argument *table, int count,
		    char *const words[])
{
	struct option longs[MAX_OPTIONS + 1] = {0};
	int which = 0, found, result = 0;

	for (size_t i = 0; table[i].name; i++) {
		bool has_value = table[i].kind > ARGUMENT_OFF;

		assert(i < MAX_OPTIONS);
		longs[i] = (struct option){table[i].name,
					   has_value ? required_argument : no_argument, NULL, 0};
	}
	optind = 0; /* begin anew, also in a test that parses twice */
	opterr = 0;
	while (result == 0 && (found = getopt_long(count, words, "+:", longs, &which)) != -1) {
		if (found == ':')
			return arguments_refuse(arguments, "%s needs a value; see --help",
						words[optind - 1]);
		if (found != 0)
			return arguments_refuse(arguments, "unknown option '%s'; see --help",
						words[optind - 1]);
		result = take(arguments, &table[which], optarg);
	}
	if (result == 0 && optind < count)
		return arguments_refuse(arguments, "unexpected argument '%s'; see --help",
					words[optind]);
	return result;
}
