/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream_world - a stream server whose server of the folder is fake_server's, and mounters of it
 */
#ifndef LODGE_TESTS_STREAM_WORLD_H
#define LODGE_TESTS_STREAM_WORLD_H

#include "protocol/share.h"
#include "shared-folders/fuse/cutter.h"
#include "shared-folders/stream/looker.h"
#include "shared-folders/stream/stream.h"
#include "tests/unit/played_end.h"
#include "tests/unit/shared-folders/stream/fake_server.h"

#define PATIENCE_MS 60000

struct stream_world {
	uv_loop_t loop;
	struct stream_server *server;
	struct looker *looker;		/* the test's; NULL: there is one road */
	uint8_t id[SHARE_SESSION_SIZE]; /* of the session that clients open */
	unsigned int unused;		/* how often nobody could come back any more */
};

void stream_world_begin(struct stream_world *world, uint64_t keep_ms);
/* All clients are gone. */
void stream_world_finish(struct stream_world *world);

void stream_world_tick(uv_timer_t *timer);
/* Run the loop until @condition, which is soon. What threads do is seen without an event. */
#define UNTIL(world, condition)                                                                    \
	do {                                                                                       \
		uint64_t deadline_ = uv_hrtime() / 1000000 + PATIENCE_MS;                          \
		uv_timer_t tick_;                                                                  \
		uv_timer_init(&(world)->loop, &tick_);                                             \
		tick_.data = &deadline_;                                                           \
		uv_timer_start(&tick_, stream_world_tick, 10, 10);                                 \
		while (!(condition))                                                               \
			uv_run(&(world)->loop, UV_RUN_ONCE);                                       \
		uv_close((uv_handle_t *)&tick_, NULL);                                             \
		uv_run(&(world)->loop, UV_RUN_NOWAIT);                                             \
	} while (0)

/* A mounter, as far as a server sees it. */
struct client {
	struct stream_world *world;
	struct played_end end;
	struct stream *stream;
	bool closed, keep_credit;
	int error;
	struct share_opened opened;
	bool is_open;
	struct cutter cutter;
	uint8_t *out; /* to be sent */
	size_t out_length, out_at;
	uint64_t received;		    /* messages */
	unsigned int replies[FAKE_UNIQUES]; /* of each unique */
	unsigned int notifications;
	size_t bytes;
	uint64_t last;
};

void client_connect(struct client *client, struct stream_world *world);
/* As when a process dies. */
void client_drop(struct client *client);
/* Ask for a session, and for what a looker is told; the second does not wait. */
void client_open(struct client *client, bool resume, uint64_t received);
void client_watch(struct client *client, uint64_t pid);

/* A request. Its opcode says what fake_server does. */
void client_say(struct client *client, uint32_t opcode, uint64_t unique, uint64_t node,
		const void *body, size_t length);
/* One whose reply has @length bytes. */
void client_say_room(struct client *client, uint64_t unique, uint32_t length);
/* What is in client->out, as far as there is credit. */
void client_send_more(struct client *client);
/* That so much has come; the second: all that has. */
void client_say_received(struct client *client, uint64_t received, uint64_t carried);
void client_acknowledge(struct client *client, uint64_t carried);

#endif
