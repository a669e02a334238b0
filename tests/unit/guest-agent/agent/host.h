/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host - the host's side of an agent that runs in the same process, over a socket pair
 */
#ifndef LODGE_TEST_AGENT_HOST_H
#define LODGE_TEST_AGENT_HOST_H

#include "guest-agent/agent/agent.h"
#include "protocol/message.h"
#include "protocol/pump/pump.h"

#define HOST_WAIT_MS 20000

struct host {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct agent *agent;
	struct session *session;
	struct pump *pump;
	bool established;
	bool expired;
};

void host_start(struct host *host);
void host_start_with(struct host *host, const struct agent_options *options);
/* The host side goes away and comes back. */
void host_restart(struct host *host);
void host_stop(struct host *host);

/* One request and all that comes of it. */
struct call {
	struct host *host;
	struct stream *stream;
	bool done;
	int error; /* negative errno */
	char text[MESSAGE_TEXT_MAX];
	uint8_t *reply;
	size_t reply_length;
	uint8_t *out[3]; /* received on each channel */
	size_t out_length[3], out_capacity[3];
	bool ended[3];
	bool hold; /* give no credit back */
	size_t held;
	char message[64]; /* name of the last stream message */
	unsigned int messages;
	struct slice message_params; /* a copy */
	/* To be sent on channel 0. */
	const uint8_t *in;
	size_t in_length, in_sent;
	bool in_end;
};

void call_start(struct host *host, struct call *call, const char *method,
		const struct message_type *type, const void *params);
/* Send these on channel 0 as credit comes, and the end after them if @end. They stay the caller's.
 */
void call_send(struct call *call, const void *bytes, size_t length, bool end);
/* Run the loop until the call is done; fails the test when that takes too long. */
void call_wait(struct call *call);
/* Run the loop until @condition(@data). */
void host_wait(struct host *host, bool (*condition)(void *data), void *data);
void host_run_ms(struct host *host, unsigned int milliseconds);
/* The reply as its message. */
void call_reply(struct call *call, const struct message_type *type, void *message);
void call_clear(struct call *call);

/* start, wait, and expect this error. */
void call_expect(struct host *host, struct call *call, const char *method,
		 const struct message_type *type, const void *params, int error);

#endif
