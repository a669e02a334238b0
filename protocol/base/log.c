/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/log.h"

#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"

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

/* Controls (C0, DEL, C1) and what is no UTF-8 never reach a terminal. */
static void make_printable(char *text, size_t length)
{
	uint8_t *bytes = (uint8_t *)text;
	uint32_t character = 0;

	for (size_t at = 0; at < length;) {
		size_t size = utf8_character(bytes + at, length - at, &character);
		bool control = character < 0x20 || (character >= 0x7f && character <= 0x9f);

		if (size > 0 && !control) {
			at += size;
			continue;
		}
		for (size_t end = at + MAX(size, (size_t)1); at < end; at++)
			bytes[at] = '?';
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

	size_t total = strlen(line);

	make_printable(line + prefix, total - (size_t)prefix);
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
