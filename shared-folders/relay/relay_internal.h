/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * relay_internal - what the parts of a share_relay have in common; nobody else includes this
 *
 * share_relay.c (its life, and for how long requests wait) stands on relay_kernel.c (requests of
 * the kernel's), relay_stream.c (streams that come and go) and relay_reply.c (what the server
 * says).
 */
#ifndef LODGE_SHARED_FOLDERS_RELAY_INTERNAL_H
#define LODGE_SHARED_FOLDERS_RELAY_INTERNAL_H

#include "protocol/share.h"
#include "shared-folders/fuse/cutter.h"
#include "shared-folders/relay/known.h"
#include "shared-folders/relay/notices.h"
#include "shared-folders/relay/requests.h"
#include "shared-folders/relay/share_relay.h"

#include <linux/fuse.h>

/* Between one try to open a stream and the next, at first. */
#define RELAY_RETRY_MS 100

struct share_relay {
	struct share_relay_options options;
	char *target, *user;
	struct session *session; /* NULL: none */
	struct stream *stream;	 /* NULL: none */
	bool is_open;		 /* `opened` has come on it */
	bool was_open;		 /* once, with this id */
	bool gave_up;
	bool is_leaving; /* unmounted */
	bool has_ended;	 /* `ended` was called */
	bool has_complained;
	uint8_t id[SHARE_SESSION_SIZE];
	char text[256]; /* why the stream was refused */

	uv_timer_t retry, wait;
	uint64_t retry_ms;
	uv_async_t carried;
	unsigned int handles;

	int fuse_fd;
	uv_poll_t poll;
	int poll_events;
	uint8_t *scratch; /* SERVER_MAX_MESSAGE bytes; NULL: to be made */
	struct requests requests;
	struct known known;

	struct cutter cutter;
	uint64_t received, acknowledged; /* messages of the server */
	size_t unacknowledged_bytes;
	struct notices *notices;
	uint64_t notes_before;	/* notifications handed on before this session */
	uint64_t notes_added;	/* handed on, at all */
	uint64_t notes_dropped; /* of this session, not handed on */
	uint64_t notes_said;	/* carried, as the server knows */

	uint8_t *init; /* the kernel's, for servers that begin anew */
	size_t init_length;
	struct fuse_init_out init_out; /* as the kernel knows it */
	bool has_init, is_renewing;
	pid_t echo;	    /* 0: none */
	uint64_t echo_done; /* of this server's changes, those up to here */
};

/* --- share_relay.c --------------------------------------------------------------------------- */

/* `ended`, once. */
void relay_end(struct share_relay *relay, int error);
/* Requests wait from now on, if they do not already. */
void relay_start_wait(struct share_relay *relay);
/* It was unmounted: the server's session can go, too. */
void relay_leave(struct share_relay *relay);
/* While leaving: it has ended after @wait_ms at the latest. */
void relay_say_farewell(struct share_relay *relay, uint64_t wait_ms);

/* --- relay_kernel.c -------------------------------------------------------------------------- */

/* Begin to read requests from relay->fuse_fd. Return: 0 or negative errno. */
int relay_kernel_start(struct share_relay *relay);
/* The kernel may have no use for it any more. */
void relay_tell_kernel(const struct share_relay *relay, const void *message, size_t length);
void relay_fail_request(const struct share_relay *relay, uint64_t unique, int error);
/* All that wait. */
void relay_fail_all(struct share_relay *relay, int error);
/* What it may be asked for has changed. */
void relay_update_poll(struct share_relay *relay);

/* --- relay_stream.c -------------------------------------------------------------------------- */

/* What there is goes out; the kernel is asked for more if there is room. */
void relay_go_on(struct share_relay *relay);
/* A new session, in which nothing has been said. */
void relay_draw_id(struct share_relay *relay);
/* Timer of relay->retry. */
void relay_on_retry(uv_timer_t *timer);

/* --- relay_reply.c --------------------------------------------------------------------------- */

/* To people, once. @what makes no sense. */
void relay_complain(struct share_relay *relay, const char *what);
/* One of the server's. @message: becomes the relay's */
void relay_take_message(struct share_relay *relay, uint8_t *message, size_t length);
/* Tell the server how much has come. */
void relay_acknowledge(struct share_relay *relay);
/* Tell the server who carries out changes. */
void relay_tell_echo(struct share_relay *relay);
/* Begin to carry out notifications. Return: 0 or negative errno. */
int relay_notices_start(struct share_relay *relay, int fuse_fd);
/* Of relay->carried: another one is. */
void relay_on_carried(uv_async_t *async);

#endif
