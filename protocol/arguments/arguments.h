/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arguments - a command line of long options, read by a table
 *
 * What an option sets is a field of the program's options, found by its offset; what is neither a
 * switch, a text nor a descriptor has a function of its own.
 */
#ifndef LODGE_ARGUMENTS_H
#define LODGE_ARGUMENTS_H

#include <stddef.h>

/* One reading of a command line. */
struct arguments {
	void *options; /* of the program: the table's offsets count from here */
	char *error;   /* receives one line for people when something is wrong */
	size_t error_size;
};

enum argument_kind {
	ARGUMENT_ON,	     /* no value; a bool becomes true */
	ARGUMENT_OFF,	     /* no value; a bool becomes false */
	ARGUMENT_TEXT,	     /* a const char * that points into the command line */
	ARGUMENT_DESCRIPTOR, /* an int, not negative */
	ARGUMENT_OTHER,	     /* take() reads the value */
};

struct argument {
	const char *name; /* without its dashes; NULL ends a table */
	enum argument_kind kind;
	size_t offset;
	/* Return: 0; negative errno, with arguments_refuse() where @value is to blame. */
	int (*take)(struct arguments *arguments, const char *value);
};

/**
 * arguments_parse() - read a command line
 * @table:	what is known
 * @words:	@count of them, the first the program's name
 *
 * Return: 0; -EINVAL with arguments->error; what take() returns.
 */
int arguments_parse(struct arguments *arguments, const struct argument *table, int count,
		    char *const words[]);

/* Say what is wrong. Return: -EINVAL. */
int arguments_refuse(const struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
