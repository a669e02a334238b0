/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen_client - a session with a VM's lodge-screen (methods screen.*, protocol/display.h)
 */
#ifndef LODGE_CLI_SCREEN_CLIENT_H
#define LODGE_CLI_SCREEN_CLIENT_H

#include "host/cli/agent_client.h"
#include "protocol/display.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What one transfer may bring. */
#define SCREEN_MAX_BYTES CLIPBOARD_MAX_BYTES

struct screen_bytes {
	uint8_t *bytes;
	size_t length, capacity;
};

/* Frees what it holds. */
void screen_bytes_end(struct screen_bytes *bytes);
#define _cleanup_screen_bytes_ __attribute__((cleanup(screen_bytes_end)))
/* Adds some. -ENOMEM, -EFBIG. */
int screen_bytes_add(struct screen_bytes *bytes, const void *more, size_t length);
/* All that a descriptor has, to its end. -errno. */
int screen_bytes_read(struct screen_bytes *bytes, int fd);
/* All of it to a descriptor. -errno. */
int screen_bytes_write(const struct screen_bytes *bytes, int fd);

/**
 * screen_open() - a session with the screen of the VM named @vm
 *
 * Return: 0 and *screen, for agent_close(); negative errno after an error was printed.
 */
int screen_open(struct client *client, const char *vm, struct agent **screen);

/**
 * screen_call() - a request, its reply, and the bytes that go with either
 * @in:		sent on channel 0, or NULL
 * @out:	receives what comes on channel 1, or NULL
 * @reply:	receives the encoded map of the reply
 *
 * Return: its length; negative errno after an error was printed.
 */
ssize_t screen_call(struct agent *screen, const char *method, const struct message_type *type,
		    const void *params, const struct screen_bytes *in, struct screen_bytes *out,
		    uint8_t *reply, size_t capacity);

#endif
