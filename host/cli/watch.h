/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch - answers of lodged, while the loop does something else
 *
 * One call that may take as long as the VM lives: VM.Wait().
 */
#ifndef LODGE_CLI_WATCH_H
#define LODGE_CLI_WATCH_H

#include "host/cli/client.h"

#include <uv.h>

struct watch;

/* @reply: the answer, an error, or NULL if lodged has gone. Valid during the call. */
typedef void (*watch_answer)(void *owner, DBusMessage *reply);

/**
 * watch_new() - send @message and watch for the answer
 * @message:	consumed
 *
 * Return: 0 or negative errno.
 */
int watch_new(uv_loop_t *loop, struct client *client, DBusMessage *message, watch_answer answer,
	      void *owner, struct watch **watch);

/* Memory goes when the loop has let go. NULL is fine. */
void watch_free(struct watch *watch);

#endif
