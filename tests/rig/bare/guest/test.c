/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "acpi.h"
#include "lib.h"
#include "virtio.h"

static struct {
	const char *suite, *name;
	bool failed, skipped;
	char why[256];
} current;

void test_failed(const char *format, ...)
{
	va_list arguments;

	if (current.failed)
		return;
	current.failed = true;
	va_start(arguments, format);
	format_text_list(current.why, sizeof(current.why), format, arguments);
	va_end(arguments);
}

void test_skip(const char *why)
{
	if (!current.failed && !current.skipped)
		format_text(current.why, sizeof(current.why), "%s", why);
	current.skipped = true;
}

bool test_has_failed(void)
{
	return current.failed;
}

void test_run(const char *suite, const char *name, void (*run)(const void *), const void *argument)
{
	uint64_t mark = memory_mark();

	current.suite = suite;
	current.name = name;
	current.failed = current.skipped = false;
	print("run %s/%s\n", suite, name);
	run(argument);
	if (current.failed)
		print("not ok %s/%s: %s\n", suite, name, current.why);
	else if (current.skipped)
		print("skip %s/%s: %s\n", suite, name, current.why);
	else
		print("ok %s/%s\n", suite, name);
	current.name = NULL;
	/* No device may go on writing to memory that the next test gets. */
	virtio_stop_all();
	memory_release(mark);
}

static void run_plain(const void *argument)
{
	const struct test *test = argument;

	test->run();
}

void suite_run(const struct suite *suite)
{
	if (suite->run != NULL)
		suite->run();
	for (size_t i = 0; i < suite->count; i++)
		test_run(suite->name, suite->tests[i].name, run_plain, &suite->tests[i]);
}

_Noreturn void fatal(const char *format, ...)
{
	char why[256];
	va_list arguments;

	va_start(arguments, format);
	format_text_list(why, sizeof(why), format, arguments);
	va_end(arguments);
	if (current.name != NULL)
		print("not ok %s/%s: %s\n", current.suite, current.name, why);
	else
		print("not ok guest: %s\n", why);
	acpi_power_off();
}
