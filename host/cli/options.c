/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What getopt_long() gives for the option at index i. */
#define FIRST_CODE 256
#define HELP_CODE  255

int options_wrong(const struct command *command, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_error("%s: %s; see 'lodge %s --help'", command->name, text, command->name);
	return command->usage_status ? command->usage_status : EXIT_USAGE;
}

static void print_help(const struct command *command, const struct option_spec *specs, size_t count)
{
	printf("Usage: lodge %s [OPTIONS]%s%s\n\n%s.\n", command->name,
	       *command->operands ? " " : "", command->operands, command->summary);
	if (command->description)
		printf("\n%s", command->description);
	printf("\nOptions:\n");
	for (size_t i = 0; i < count; i++) {
		const struct option_spec *spec = &specs[i];
		char left[64], letter[5] = "    ";

		if (spec->letter)
			snprintf(letter, sizeof(letter), "-%c, ", spec->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, spec->name,
			 spec->argument ? " " : "", spec->argument ? spec->argument : "");
		printf("  %-28s %s\n", left, spec->summary);
	}
	printf("  %-28s %s\n", "-h, --help", "this text");
}

static int set_number(const struct command *command, const struct option_spec *spec,
		      const char *text)
{
	int error = spec->kind == OPTION_SIZE ? parse_size(text, spec->value)
					      : parse_u64(text, spec->min, spec->max, spec->value);

	if (!error && spec->kind == OPTION_SIZE && spec->max &&
	    (*(uint64_t *)spec->value < spec->min || *(uint64_t *)spec->value > spec->max))
		error = -ERANGE;
	if (!error)
		return 0;
	if (spec->kind == OPTION_SIZE)
		return options_wrong(command, "--%s '%s' is no size that fits, such as 512M or 2G",
				     spec->name, text);
	return options_wrong(command, "--%s '%s' is no number from %" PRIu64 " to %" PRIu64,
			     spec->name, text, spec->min, spec->max);
}

static int set_value(const struct command *command, const struct option_spec *spec,
		     const char *text)
{
	struct option_list *list = spec->value;

	switch (spec->kind) {
	case OPTION_FLAG:
		*(bool *)spec->value = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)spec->value = text;
		return 0;
	case OPTION_LIST:
		if (list->count == OPTION_LIST_MAX)
			return options_wrong(command, "--%s: at most %d are possible", spec->name,
					     OPTION_LIST_MAX);
		list->items[list->count++] = text;
		return 0;
	case OPTION_NUMBER:
	case OPTION_SIZE:
		return set_number(command, spec, text);
	}
	return 0;
}

/* The tables that getopt_long() wants. */
static void make_tables(const struct option_spec *specs, size_t count, struct option *longs,
			char *shorts)
{
	*shorts++ = '-'; /* operands come in their place, as code 1 */
	*shorts++ = ':'; /* a missing value is told apart from an unknown option */
	*shorts++ = 'h';
	for (size_t i = 0; i < count; i++) {
		bool takes = specs[i].kind != OPTION_FLAG;

		longs[i] = (struct option){specs[i].name, takes ? required_argument : no_argument,
					   NULL, FIRST_CODE + (int)i};
		if (specs[i].letter) {
			*shorts++ = specs[i].letter;
			if (takes)
				*shorts++ = ':';
		}
	}
	*shorts = '\0';
	longs[count] = (struct option){"help", no_argument, NULL, HELP_CODE};
	longs[count + 1] = (struct option){0};
}

static const struct option_spec *spec_of(const struct option_spec *specs, size_t count, int code)
{
	if (code >= FIRST_CODE)
		return &specs[code - FIRST_CODE];
	for (size_t i = 0; i < count; i++) {
		if (specs[i].letter && specs[i].letter == code)
			return &specs[i];
	}
	return NULL;
}

static int check_operands(const struct command *command, int count, char **operands)
{
	if (count < command->operands_min)
		return options_wrong(command, "%s needed: %s",
				     command->operands_min - count > 1 ? "arguments are"
								       : "an argument is",
				     command->operands);
	if (command->operands_max >= 0 && count > command->operands_max)
		return options_wrong(command, "unexpected argument '%s'",
				     operands[command->operands_max]);
	return 0;
}

/* One option, or one operand. Return: an exit status other than 0 if it is wrong. */
static int take(const struct command *command, const struct option_spec *specs, size_t count,
		int code, char **argv)
{
	const struct option_spec *spec = spec_of(specs, count, code);

	if (code == ':')
		return options_wrong(command, "option '%s' needs a value", argv[optind - 1]);
	if (!spec)
		return options_wrong(command, "unknown or unclear option '%s'", argv[optind - 1]);
	return set_value(command, spec, optarg);
}

bool options_parse(const struct command *command, const struct option_spec *specs, size_t count,
		   int *argc, char ***argv, int *status)
{
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 4];
	char **words = *argv;
	int code, operands = 0;

	make_tables(specs, count, longs, shorts);
	optind = 0;
	opterr = 0;
	*status = EXIT_DONE;
	while (*status == EXIT_DONE &&
	       (code = getopt_long(*argc, words, shorts, longs, NULL)) != -1) {
		if (code == 'h' || code == HELP_CODE) {
			print_help(command, specs, count);
			return false;
		}
		if (code != 1) {
			*status = take(command, specs, count, code, words);
			continue;
		}
		/* Operands gather at the front, where words have been read. */
		words[++operands] = optarg;
		if (command->options_end && operands == command->options_end)
			break;
	}
	if (*status != EXIT_DONE)
		return false;
	while (optind < *argc)
		words[++operands] = words[optind++];
	*argc = operands;
	*argv = words + 1;
	*status = check_operands(command, operands, *argv);
	return *status == EXIT_DONE;
}
