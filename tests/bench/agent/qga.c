/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QEMU guest agent's dialect: a JSON object a line, file contents in base64. Replies are read
 * with the least effort that is correct for what this program asks.
 */
#include "tests/bench/agent/client.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of a file in a request: of 64 KiB to 16 MiB, about the fastest for qemu-ga 7.2. */
#define CHUNK_DEFAULT (1024 * 1024)
#define LINE_BYTES    (40 * 1024 * 1024)

struct client {
	int fd;
	size_t chunk;
	char *request, *reply;
};

static void base64_encode(const uint8_t *bytes, size_t length, char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; length >= 3; bytes += 3, length -= 3) {
		const uint32_t group =
			(uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];

		*text++ = digits[group >> 18];
		*text++ = digits[group >> 12 & 63];
		*text++ = digits[group >> 6 & 63];
		*text++ = digits[group & 63];
	}
	if (length > 0) {
		const uint32_t group =
			(uint32_t)bytes[0] << 16 | (length > 1 ? (uint32_t)bytes[1] << 8 : 0);

		*text++ = digits[group >> 18];
		*text++ = digits[group >> 12 & 63];
		*text++ = length > 1 ? digits[group >> 6 & 63] : '=';
		*text++ = '=';
	}
	*text = '\0';
}

static void fill_values(uint8_t values[256])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (uint8_t i = 0; i < 64; i++)
		values[(uint8_t)digits[i]] = i;
}

/* Up to the closing quote. Return: bytes. */
static size_t base64_decode(const char *text, uint8_t *bytes)
{
	static uint8_t values[256];
	const uint8_t *at = (const uint8_t *)text;
	uint8_t *const start = bytes;

	if (!values['B'])
		fill_values(values);
	while (*at != '"') {
		const uint32_t group = (uint32_t)values[at[0]] << 18 |
				       (uint32_t)values[at[1]] << 12 |
				       (uint32_t)values[at[2]] << 6 | values[at[3]];

		*bytes++ = (uint8_t)(group >> 16);
		if (at[2] != '=')
			*bytes++ = (uint8_t)(group >> 8);
		if (at[3] != '=')
			*bytes++ = (uint8_t)group;
		at += 4;
	}
	return (size_t)(bytes - start);
}

/* Sends client->request, reads a line. */
static const char *ask(struct client *client)
{
	size_t length = 0;

	write_fully(client->fd, client->request, strlen(client->request));
	do {
		const ssize_t count =
			read(client->fd, client->reply + length, LINE_BYTES - 1 - length);

		if (count <= 0)
			fail("qemu-ga: read");
		length += (size_t)count;
	} while (client->reply[length - 1] != '\n');
	client->reply[length] = '\0';
	if (strncmp(client->reply, "{\"error\"", 8) == 0)
		fail(client->reply);
	return client->reply;
}

static const char *value_of(const char *reply, const char *key)
{
	const char *at = strstr(reply, key);

	if (!at)
		fail("qemu-ga: a reply without what was asked for");
	return at + strlen(key);
}

static struct client *qga_open(const char *socket)
{
	struct client *client = calloc(1, sizeof(*client));
	const char *chunk = getenv("QGA_CHUNK");

	client->chunk = chunk ? strtoul(chunk, NULL, 10) : CHUNK_DEFAULT;
	client->fd = connect_to(socket);
	client->request = malloc(LINE_BYTES);
	client->reply = malloc(LINE_BYTES);
	return client;
}

static void qga_ping(struct client *client)
{
	strcpy(client->request, "{\"execute\":\"guest-ping\"}\n");
	ask(client);
}

static void qga_exec(struct client *client)
{
	long pid;

	strcpy(client->request, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\","
				"\"capture-output\":true}}\n");
	pid = strtol(value_of(ask(client), "\"pid\": "), NULL, 10);
	sprintf(client->request,
		"{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":%ld}}\n", pid);
	while (!strstr(ask(client), "\"exited\": true"))
		; /* without a pause: the sooner it learns the better for it */
}

static long open_file(struct client *client, const char *path, const char *mode)
{
	sprintf(client->request,
		"{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"%s\",\"mode\":\"%s\"}}"
		"\n",
		path, mode);
	return strtol(value_of(ask(client), "\"return\": "), NULL, 10);
}

static void close_file(struct client *client, long handle)
{
	sprintf(client->request,
		"{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":%ld}}\n", handle);
	ask(client);
}

static void qga_write(struct client *client, const char *path, const void *bytes, size_t size)
{
	const long handle = open_file(client, path, "w");

	for (size_t at = 0; at < size; at += client->chunk) {
		const size_t length = size - at < client->chunk ? size - at : client->chunk;
		char *request = client->request;

		request +=
			sprintf(request,
				"{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%ld,"
				"\"buf-b64\":\"",
				handle);
		base64_encode((const uint8_t *)bytes + at, length, request);
		strcpy(request + (length + 2) / 3 * 4, "\"}}\n");
		ask(client);
	}
	close_file(client, handle);
}

static void qga_read(struct client *client, const char *path, void *bytes, size_t size)
{
	const long handle = open_file(client, path, "r");
	size_t received = 0;

	while (received < size) {
		sprintf(client->request,
			"{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":%ld,"
			"\"count\":%zu}}\n",
			handle, size - received < client->chunk ? size - received : client->chunk);
		received += base64_decode(value_of(ask(client), "\"buf-b64\": \""),
					  (uint8_t *)bytes + received);
	}
	close_file(client, handle);
}

const struct agent_kind kind_qga = {
	.name = "qemu-ga",
	.open = qga_open,
	.ping = qga_ping,
	.exec = qga_exec,
	.write = qga_write,
	.read = qga_read,
};
