/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test - tests, and what the host hears of them
 *
 * A test is a function that calls check() and require(). For each, one line goes out on the serial
 * port, which the rig's script counts:
 *
 *	run SUITE/NAME			it starts (so that the culprit of a hang is known)
 *	ok SUITE/NAME
 *	not ok SUITE/NAME: WHY		the first check that failed
 *	skip SUITE/NAME: WHY		what it needs is not there (one CPU, no such device)
 *	# TEXT				a figure or a remark
 *
 * and at last "done". A guest that ends without it has failed.
 */
#ifndef BARE_TEST_H
#define BARE_TEST_H

#include <stdbool.h>
#include <stddef.h>

struct test {
	const char *name;
	void (*run)(void);
};

struct suite {
	const char *name;
	const struct test *tests;
	size_t count;
	/* Instead of a list of tests: makes them from a table and calls test_run() for each. */
	void (*run)(void);
};

/* Remembers the failure and goes on; returns @condition. */
#define check(condition, ...) ((condition) ? true : (test_failed(__VA_ARGS__), false))

/* Remembers the failure and ends the test. */
#define require(condition, ...)                                                                    \
	do {                                                                                       \
		if (!check(condition, __VA_ARGS__))                                                \
			return;                                                                    \
	} while (0)

void test_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
void test_skip(const char *why);
bool test_has_failed(void);

/* Runs one test; a subject that makes its tests from a table calls it itself. */
void test_run(const char *suite, const char *name, void (*run)(const void *), const void *argument);
void suite_run(const struct suite *suite);

/* The run cannot go on: says why and powers the machine off. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
