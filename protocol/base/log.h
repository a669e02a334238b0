/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log - what a program says to people: one line on standard error
 *
 * "PROGRAM: text". Under systemd (JOURNAL_STREAM names our stderr) lines carry a syslog level
 * prefix instead ("<3>text"). Bytes outside printable ASCII and UTF-8 are shown as '?', so that
 * nothing a guest says can drive a terminal.
 */
#ifndef LODGE_BASE_LOG_H
#define LODGE_BASE_LOG_H

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/**
 * log_setup() - name the program and set what is shown; once, before threads start
 * @program:	name before each line; stays the caller's for ever
 * @level:	most detailed level shown; $LODGE_DEBUG=1 shows all
 */
void log_setup(const char *program, enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * error_text() - the plain words for an errno value, positive or negative
 *
 * Return: a constant string.
 */
const char *error_text(int error);

#endif
