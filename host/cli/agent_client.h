/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent_client - a session with a guest's agent, on a loop of its own
 *
 * lodged hands out a socket that speaks the native protocol (protocol/README.md); requests are made
 * on `session`, and agent_wait() runs the loop until they are done. When the connection is lost,
 * all streams end with -ECONNRESET, so that a caller need only wait for its streams.
 */
#ifndef LODGE_CLI_AGENT_CLIENT_H
#define LODGE_CLI_AGENT_CLIENT_H

#include "host/cli/client.h"
#include "protocol/message.h"
#include "protocol/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct pump;

struct agent {
	uv_loop_t loop;
	struct session *session;
	struct pump *pump;
	uv_timer_t timer;
	bool established;
	bool lost;
	const char *vm; /* the caller's; for error lines */
};

/**
 * agent_open() - a session with the agent in the VM named @vm
 *
 * Waits a while for an agent that is not up yet (a guest that boots).
 *
 * Return: 0 and *agent, to be closed; negative errno after an error was printed.
 */
int agent_open(struct client *client, const char *vm, struct agent **agent);

/* Its first half: a socket to the agent, which speaks the native protocol. Negative errno as above.
 */
int agent_connect(struct client *client, const char *vm);

/* The same over a socket that is there already. @fd becomes the agent's, also on failure. */
int agent_new(int fd, const char *vm, struct agent **agent);

/* Lets the loop run dry. NULL is fine. */
void agent_close(struct agent *agent);
static inline void agent_cleanup(struct agent **agent)
{
	agent_close(*agent);
}
#define _cleanup_agent_ __attribute__((cleanup(agent_cleanup)))

/* Runs the loop until *done. */
void agent_wait(struct agent *agent, const bool *done);

/**
 * agent_request() - session_request() with the parameters still to be encoded
 * @type:	of @params; NULL for none
 *
 * Return: as session_request().
 */
int agent_request(struct agent *agent, const char *method, const struct message_type *type,
		  const void *params, const struct stream_handlers *handlers, void *owner,
		  struct stream **stream);

/**
 * agent_call() - a request without streams, and its reply
 * @limit_ms:	after which it is cancelled (-ETIMEDOUT), and not waited for; 0 for none
 * @reply:	receives the encoded map of the reply
 *
 * Return: its length, or negative errno with words for people in @reply (cleaned, NUL-terminated).
 */
ssize_t agent_call(struct agent *agent, const char *method, const struct message_type *type,
		   const void *params, uint64_t limit_ms, uint8_t *reply, size_t capacity);

/* Why a stream failed, cleaned, in words of the guest if it has some; into @text. */
const char *agent_failure(const struct stream_result *result, char *text, size_t capacity);

#endif
