/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Set once before threads start, constant from then on. */
static struct {
	const char *program;
	enum log_level level;
	bool journal;
} setup = {.program = "lodge", .level = LOG_LEVEL_WARNING};

/* syslog(3) priorities, which the journal reads from "<N>". */
static const char journal_prefix[] = {
	[LOG_LEVEL_ERROR] = '3',
	[LOG_LEVEL_WARNING] = '4',
	[LOG_LEVEL_INFO] = '6',
	[LOG_LEVEL_DEBUG] = '7',
};

void log_setup(const char *program, enum log_level level)
{
	const char *debug = getenv("LODGE_DEBUG");

	setup.program = program;
	setup.level = debug && strcmp(debug, "1") == 0 ? LOG_LEVEL_DEBUG : level;
	setup.journal = getenv("JOURNAL_STREAM") != NULL;
}

/* Control characters, DEL and the C1 controls (U+0080..U+009F as UTF-8) never reach a terminal. */
static void make_printable(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at; at++) {
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
		else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
			at[0] = at[1] = '?';
	}
}

/* One write() a line, so that lines of several threads and programs do not mix. */
static void say(enum log_level level, const char *format, va_list arguments)
{
	char line[2048];
	int prefix, length;

	if (level > setup.level)
		return;
	if (setup.journal)
		prefix = snprintf(line, sizeof(line), "<%c>", journal_prefix[level]);
	else
		prefix = snprintf(line, sizeof(line), "%s: ", setup.program);
	length = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, arguments);
	if (length < 0)
		return;
	make_printable(line + prefix);

	size_t total = strlen(line);

	line[total++] = '\n';
	if (write(STDERR_FILENO, line, total) < 0)
		return; /* there is nobody left to tell */
}

#define DEFINE_LOG(name, level)                                                                    \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list arguments;                                                                 \
                                                                                                   \
		va_start(arguments, format);                                                       \
		say(level, format, arguments);                                                     \
		va_end(arguments);                                                                 \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)

const char *error_text(int error)
{
	const char *text = strerrordesc_np(error < 0 ? -error : error);

	return text ? text : "unknown error";
}
