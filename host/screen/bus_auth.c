/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/bus_auth.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define MAX_LINES 16

enum state {
	CLIENT_WAITS_OK,
	CLIENT_WAITS_AGREE,
	SERVER_WAITS_AUTH,
	SERVER_WAITS_DATA,
	SERVER_WAITS_BEGIN,
};

/* The user id in decimal, each digit in hexadecimal. */
static void write_uid(char *hex, size_t capacity)
{
	char decimal[16];
	size_t length = (size_t)snprintf(decimal, sizeof(decimal), "%u", (unsigned int)geteuid());

	for (size_t i = 0; i < length && 2 * i + 2 < capacity; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned int)decimal[i]);
}

size_t bus_auth_begin(struct bus_auth *auth, bool is_server, char answer[BUS_AUTH_MAX_ANSWER])
{
	char uid[40] = "";

	*auth = (struct bus_auth){
		.is_server = is_server,
		.state = is_server ? SERVER_WAITS_AUTH : CLIENT_WAITS_OK,
	};
	answer[0] = '\0';
	if (is_server)
		return 0;
	write_uid(uid, sizeof(uid));
	return (size_t)snprintf(answer, BUS_AUTH_MAX_ANSWER, "AUTH EXTERNAL %s\r\n", uid);
}

/* The first word of a line; true also if it is all of it. */
static bool begins(const char *line, size_t length, const char *word)
{
	size_t end = strlen(word);

	return length >= end && memcmp(line, word, end) == 0 && (length == end || line[end] == ' ');
}

static int client_line(struct bus_auth *auth, const char *line, size_t length,
		       char answer[BUS_AUTH_MAX_ANSWER])
{
	bool agrees = begins(line, length, "AGREE_UNIX_FD");

	if (begins(line, length, "REJECTED"))
		return -EACCES;
	if (auth->state == CLIENT_WAITS_OK && begins(line, length, "OK")) {
		strcpy(answer, "NEGOTIATE_UNIX_FD\r\n");
		auth->state = CLIENT_WAITS_AGREE;
		return 0;
	}
	if (auth->state == CLIENT_WAITS_AGREE && (agrees || begins(line, length, "ERROR"))) {
		strcpy(answer, "BEGIN\r\n");
		auth->passes_fds = agrees;
		auth->is_done = true;
		return 0;
	}
	return -EPROTO;
}

static void write_ok(struct bus_auth *auth, char answer[BUS_AUTH_MAX_ANSWER])
{
	unsigned char bytes[16] = {0};
	char id[33] = "";

	/* Only to tell servers apart. */
	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) < 0)
		bytes[0] = 1;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	snprintf(answer, BUS_AUTH_MAX_ANSWER, "OK %s\r\n", id);
	auth->state = SERVER_WAITS_BEGIN;
}

static int server_line(struct bus_auth *auth, const char *line, size_t length,
		       char answer[BUS_AUTH_MAX_ANSWER])
{
	bool external = length >= 13 && begins(line, length, "AUTH") &&
			begins(line + 5, length - 5, "EXTERNAL");

	if (auth->state == SERVER_WAITS_BEGIN && begins(line, length, "BEGIN")) {
		auth->is_done = true;
	} else if (auth->state == SERVER_WAITS_BEGIN && begins(line, length, "NEGOTIATE_UNIX_FD")) {
		auth->passes_fds = true;
		strcpy(answer, "AGREE_UNIX_FD\r\n");
	} else if (auth->state == SERVER_WAITS_AUTH && external && length > 14) {
		write_ok(auth, answer);
	} else if (auth->state == SERVER_WAITS_AUTH && external) {
		auth->state = SERVER_WAITS_DATA;
		strcpy(answer, "DATA\r\n");
	} else if (auth->state == SERVER_WAITS_DATA && begins(line, length, "DATA")) {
		write_ok(auth, answer);
	} else if (begins(line, length, "AUTH") || begins(line, length, "CANCEL") ||
		   begins(line, length, "ERROR")) {
		auth->state = SERVER_WAITS_AUTH;
		strcpy(answer, "REJECTED EXTERNAL\r\n");
	} else if (begins(line, length, "BEGIN")) {
		return -EPROTO;
	} else {
		strcpy(answer, "ERROR\r\n");
	}
	return 0;
}

int bus_auth_line(struct bus_auth *auth, const char *line, size_t length,
		  char answer[BUS_AUTH_MAX_ANSWER])
{
	answer[0] = '\0';
	if (auth->is_done || ++auth->lines > MAX_LINES)
		return -EPROTO;
	return auth->is_server ? server_line(auth, line, length, answer)
			       : client_line(auth, line, length, answer);
}
