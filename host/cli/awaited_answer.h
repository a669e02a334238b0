/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * awaited_answer - answers of lodged, while the loop does something else
 *
 * One call that may take as long as the VM lives: VM.Wait().
 */
#ifndef LODGE_CLI_AWAITED_ANSWER_H
#define LODGE_CLI_AWAITED_ANSWER_H

#include "host/cli/client.h"

#include <uv.h>

struct awaited_answer;

/* @reply: the answer, an error, or NULL if lodged has gone. Valid during the call. */
typedef void (*answer_handler)(void *owner, DBusMessage *reply);

/**
 * awaited_answer_new() - send @message, and tell when the answer comes
 * @message:	consumed
 *
 * Return: 0 or negative errno.
 */
int awaited_answer_new(uv_loop_t *loop, struct client *client, DBusMessage *message,
		       answer_handler answer, void *owner, struct awaited_answer **awaited);

/* Memory goes when the loop has let go. NULL is fine. */
void awaited_answer_free(struct awaited_answer *awaited);

#endif
