/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share: folders of the host here (share_mounts.h, share_socket.h), and of this guest there
 * (share_export.h): protocol/share.h
 */
#include "protocol/share.h"
#include "guest-agent/agent/service.h"
#include "guest-agent/agent/share/share_export.h"
#include "guest-agent/agent/share/share_mounts.h"
#include "guest-agent/agent/share/share_socket.h"
#include "guest-agent/system/share_list.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct share_service {
	struct share_socket *socket; /* NULL: nobody can mount */
	struct share_mounts *mounts; /* NULL: nothing is mounted */
	struct share_exports *exports;
	struct stream *attach; /* NULL: the host has said nothing */
};

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct share_service *share = owner;
	int error;

	(void)stream;
	if (!share->mounts || !slice_is(name, "shares"))
		return;
	error = share_mounts_set(share->mounts, params);
	if (error)
		log_warning("the host's list of shares is not one: %s", error_text(error));
}

static void on_cancelled(struct stream *stream, void *owner)
{
	struct share_service *share = owner;

	share->attach = NULL;
	stream_fail(stream, ECANCELED, NULL);
}

/* A host that is not there asks when it is there again. */
static void on_told(void *owner, const struct share_line *line, int error, const char *text)
{
	const struct share_service *share = owner;
	const struct share_mounted mounted = {
		.name = slice_of(line->name),
		.at = slice_of(line->at),
		.error = (uint64_t)-error,
		.text = slice_of(text),
	};
	uint8_t bytes[PATH_MAX + MESSAGE_TEXT_MAX + 256];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_mounted, &mounted, &writer);
	if (share->attach)
		stream_message(share->attach, SLICE_LITERAL("mounted"), cbor_written(&writer));
}

/* What is mounted stays: the host comes again. */
static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct share_service *share = owner;

	(void)stream;
	(void)result;
	share->attach = NULL;
}

static const struct stream_handlers attach_handlers = {
	.message = on_message, .cancelled = on_cancelled, .closed = on_closed};

static void share_attach(void *state, struct stream *stream, struct slice params)
{
	struct share_service *share = state;

	(void)params;
	if (share->attach)
		stream_fail(share->attach, ECONNABORTED, "attached again");
	share->attach = stream;
	stream_set_handlers(stream, &attach_handlers, share);
}

static void share_export(void *state, struct stream *stream, struct slice params)
{
	const struct share_service *share = state;

	share_exports_call(share->exports, stream, params);
}

static void share_stop(void *state)
{
	struct share_service *share = state;

	share_exports_free(share->exports);
	share_mounts_free(share->mounts);
	share_socket_free(share->socket);
	free(share);
}

static int share_start(const struct service_context *context, void **state)
{
	struct share_service *share = calloc(1, sizeof(*share));
	int error = share ? share_exports_new(context, context->export_right, &share->exports)
			  : -ENOMEM;

	if (!error && context->share_socket)
		error = share_socket_new(context, context->share_socket, &share->socket);
	if (!error && context->share_socket)
		error = share_mounts_new(context, context->share_socket, context->share_list,
					 on_told, share, &share->mounts);
	if (error && share)
		share_stop(share);
	else
		*state = share;
	return error;
}

const struct service service_share = {
	.name = SHARE_CAPABILITY,
	.summary = "folders of the host in this guest, and of this guest on the host (share.*)",
	.start = share_start,
	.stop = share_stop,
	.methods =
		(const struct service_method[]){
			{"share.attach", share_attach},
			{"share.export", share_export},
			{NULL, NULL},
		},
};
