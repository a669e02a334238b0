/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/bus/bus_auth.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdio.h>

#define REJECTED "REJECTED EXTERNAL ANONYMOUS\r\n"

void bus_auth_server(struct bus_auth *auth, const char *guid)
{
	*auth = (struct bus_auth){.state = BUS_AUTH_NUL};
	snprintf(auth->guid, sizeof(auth->guid), "%s", guid);
}

size_t bus_auth_client(struct bus_auth *auth, uid_t uid, char hello[BUS_AUTH_MAX_ANSWER])
{
	char digits[16];
	size_t length;

	*auth = (struct bus_auth){.state = BUS_AUTH_OK};
	snprintf(digits, sizeof(digits), "%u", (unsigned int)uid);
	hello[0] = '\0'; /* is sent too */
	length = 1 + (size_t)snprintf(hello + 1, BUS_AUTH_MAX_ANSWER - 1, "AUTH EXTERNAL ");
	for (const char *digit = digits; *digit; digit++)
		length += (size_t)snprintf(hello + length, BUS_AUTH_MAX_ANSWER - length, "%02x",
					   (unsigned int)*digit);
	return length + (size_t)snprintf(hello + length, BUS_AUTH_MAX_ANSWER - length, "\r\n");
}

/* Whether @line is @command, alone or with words behind it. */
static bool is_command(const char *line, const char *command)
{
	size_t length = strlen(command);

	return strncmp(line, command, length) == 0 && (line[length] == '\0' || line[length] == ' ');
}

static void say(char answer[BUS_AUTH_MAX_ANSWER], size_t *length, const char *text)
{
	*length = (size_t)snprintf(answer, BUS_AUTH_MAX_ANSWER, "%s", text);
}

static void let_in(struct bus_auth *auth, char answer[BUS_AUTH_MAX_ANSWER], size_t *length)
{
	*length = (size_t)snprintf(answer, BUS_AUTH_MAX_ANSWER, "OK %s\r\n", auth->guid);
	auth->state = BUS_AUTH_BEGIN;
}

static int serve(struct bus_auth *auth, const char *line, char answer[BUS_AUTH_MAX_ANSWER],
		 size_t *length)
{
	if (is_command(line, "AUTH EXTERNAL") || is_command(line, "AUTH ANONYMOUS")) {
		/* Without a name of his own: it is asked for, and may be empty. */
		if (strcmp(line, "AUTH EXTERNAL") == 0) {
			auth->state = BUS_AUTH_DATA;
			say(answer, length, "DATA\r\n");
		} else {
			let_in(auth, answer, length);
		}
	} else if (is_command(line, "AUTH") || is_command(line, "CANCEL") ||
		   (is_command(line, "ERROR") && auth->state != BUS_AUTH_BEGIN)) {
		auth->state = BUS_AUTH_IDLE;
		say(answer, length, REJECTED);
	} else if (is_command(line, "DATA") && auth->state == BUS_AUTH_DATA) {
		let_in(auth, answer, length);
	} else if (is_command(line, "NEGOTIATE_UNIX_FD") && auth->state == BUS_AUTH_BEGIN) {
		auth->fds = true;
		say(answer, length, "AGREE_UNIX_FD\r\n");
	} else if (is_command(line, "BEGIN")) {
		if (auth->state != BUS_AUTH_BEGIN)
			return -EBADMSG;
		auth->state = BUS_AUTH_DONE;
	} else {
		say(answer, length, "ERROR\r\n");
	}
	return 0;
}

static int ask(struct bus_auth *auth, const char *line, char answer[BUS_AUTH_MAX_ANSWER],
	       size_t *length)
{
	if (auth->state == BUS_AUTH_FDS) {
		auth->fds = is_command(line, "AGREE_UNIX_FD");
		if (!auth->fds && !is_command(line, "ERROR"))
			return -EBADMSG;
		auth->state = BUS_AUTH_DONE;
		say(answer, length, "BEGIN\r\n");
	} else if (is_command(line, "OK")) {
		auth->state = BUS_AUTH_FDS;
		say(answer, length, "NEGOTIATE_UNIX_FD\r\n");
	} else if (is_command(line, "DATA")) {
		say(answer, length, "DATA\r\n");
	} else if (is_command(line, "REJECTED") && auth->state == BUS_AUTH_OK) {
		auth->state = BUS_AUTH_OK_ANONYMOUS;
		say(answer, length, "AUTH ANONYMOUS\r\n");
	} else {
		return is_command(line, "REJECTED") ? -EACCES : -EBADMSG;
	}
	return 0;
}

int bus_auth_take(struct bus_auth *auth, const uint8_t *bytes, size_t length, size_t *used,
		  char answer[BUS_AUTH_MAX_ANSWER], size_t *answer_length)
{
	char line[BUS_AUTH_MAX_LINE];
	const uint8_t *end;
	size_t size;

	*used = *answer_length = 0;
	if (auth->state == BUS_AUTH_NUL) {
		if (length == 0)
			return -EAGAIN;
		if (bytes[0] != '\0')
			return -EBADMSG;
		*used = 1;
		auth->state = BUS_AUTH_IDLE;
		return 0;
	}
	end = memmem(bytes, MIN(length, sizeof(line)), "\r\n", 2);
	if (!end)
		return length < sizeof(line) ? -EAGAIN : -EBADMSG;
	size = (size_t)(end - bytes);
	*used = size + 2;
	if (memchr(bytes, '\0', size) || ++auth->lines > BUS_AUTH_MAX_LINES)
		return -EBADMSG;
	memcpy(line, bytes, size);
	line[size] = '\0';
	if (auth->state < BUS_AUTH_OK)
		return serve(auth, line, answer, answer_length);
	return ask(auth, line, answer, answer_length);
}
