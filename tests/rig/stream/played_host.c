/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_host - what lodged does for shared folders, for an agent on this machine, without a VM
 *
 * usage: played_host AGENT_SOCKET FSD_SOCKET NAME [AT]
 *	  played_host AGENT_SOCKET --mount PATH DIRECTORY
 *
 * The first tells the agent of a share, and passes its share.open and share.watch on to a
 * lodge-fsd. The second mounts a folder of the agent's machine, as lodge mount does. Both come back
 * to an agent that was started anew.
 */
#include "guest-agent/common/unix_socket.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pump.h"
#include "protocol/relay/relay.h"
#include "protocol/share.h"
#include "shared-folders/mount/fuse_mount.h"
#include "shared-folders/mount/link.h"
#include "shared-folders/relay/share_relay.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MS 100

struct host {
	uv_loop_t loop;
	uv_timer_t retry;
	const char *path;
	struct session *agent;
	struct pump *pump;
	struct link *link;
	struct session *server; /* NULL: it is away */
	const char *name, *at;
	struct stream *attach;
	struct share_relay *relay;
	struct mount_options options;
};

/* --- The agent ------------------------------------------------------------------------------ */

static void on_attach_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct host *host = owner;

	(void)stream;
	(void)result;
	host->attach = NULL;
}

static void tell_share(struct host *host)
{
	static const struct stream_handlers handlers = {.closed = on_attach_closed};
	const struct share_entry entry = {.name = slice_of(host->name),
					  .at = slice_of(host->at ? host->at : ""),
					  .options = SLICE_LITERAL("stream,noexec")};
	uint8_t item_bytes[8192], bytes[8192];
	struct cbor_writer items = CBOR_WRITER(item_bytes), writer = CBOR_WRITER(bytes);
	struct share_list list;

	cbor_put_array(&items, 1);
	message_encode(&message_share_entry, &entry, &items);
	list.shares = cbor_written(&items);
	message_encode(&message_share_list, &list, &writer);
	if (session_request(host->agent, SLICE_LITERAL("share.attach"), (struct slice){0},
			    &handlers, host, &host->attach) == 0)
		stream_message(host->attach, SLICE_LITERAL("shares"), cbor_written(&writer));
}

static void on_established(void *owner, const struct session_peer *peer)
{
	struct host *host = owner;

	(void)peer;
	if (host->relay)
		share_relay_connect(host->relay, host->agent);
	else
		tell_share(host);
}

static void on_lost(void *owner, int reason)
{
	struct host *host = owner;

	(void)reason;
	if (host->relay)
		share_relay_disconnect(host->relay);
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct host *host = owner;
	int error = -EAGAIN;

	if (!slice_is(method, "share.open") && !slice_is(method, "share.watch"))
		error = -ENOSYS;
	else if (host->server)
		error = relay_request(stream, host->server, method, params, NULL, NULL);
	if (error)
		stream_fail(stream, error, NULL);
}

static void on_wake(void *owner)
{
	const struct host *host = owner;

	pump_wake(host->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.wake = on_wake,
};

static void on_closed(void *owner, int error)
{
	struct host *host = owner;

	(void)error;
	pump_free(take_ptr(host->pump));
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

static void on_retry(uv_timer_t *timer)
{
	struct host *host = timer->data;
	int fd = host->pump ? -EBUSY : unix_socket_connect(host->path);

	if (fd < 0)
		return;
	if (pump_new(&host->loop, fd, false, host->agent, &pump_handlers, host, &host->pump) == 0)
		session_start(host->agent);
}

/* --- The server ----------------------------------------------------------------------------- */

static void on_server(void *owner, struct session *session)
{
	struct host *host = owner;

	host->server = session;
}

static void on_server_lost(void *owner)
{
	struct host *host = owner;

	host->server = NULL;
}

static const struct link_handlers link_handlers = {.connected = on_server, .lost = on_server_lost};

/* --- A mount here --------------------------------------------------------------------------- */

static void on_opened(void *owner)
{
	struct host *host = owner;
	_cleanup_close_ int fd = fuse_mount_open();
	int error = fd < 0 ? fd : fuse_mount(&host->options, fd);

	if (!error)
		error = share_relay_use(host->relay, take_fd(&fd));
	if (error) {
		log_error("cannot mount: %s", error_text(error));
		uv_stop(&host->loop);
	}
}

static void on_started(void *owner)
{
	(void)owner;
	puts("mounted");
	fflush(stdout);
}

static void on_ended(void *owner, int error, const char *text)
{
	struct host *host = owner;

	if (error)
		log_error("%s: %s", error_text(error), text);
	uv_stop(&host->loop);
}

static const struct share_relay_handlers relay_handlers = {
	.opened = on_opened, .started = on_started, .ended = on_ended};

static int start(struct host *host, char **words)
{
	const struct share_relay_options options = {
		.loop = &host->loop,
		.method = "share.export",
		.target = words[1],
		.hostile = true,
		.handlers = &relay_handlers,
		.owner = host,
	};

	if (strcmp(words[0], "--mount") == 0) {
		host->options = (struct mount_options){.name = "backwards", .target = words[2]};
		return share_relay_new(&options, &host->relay);
	}
	host->name = words[1];
	host->at = words[2];
	return link_new(&host->loop, words[0], &link_handlers, host, &host->link);
}

int main(int argc, char **argv)
{
	static const char *const none[] = {NULL};
	struct host host = {0};

	log_setup("played_host", LOG_LEVEL_INFO);
	if (argc < 4 || argc > 5 || (strcmp(argv[2], "--mount") == 0 && argc != 5)) {
		log_error("wrong use");
		return 2;
	}
	host.path = argv[1];
	uv_loop_init(&host.loop);
	host.agent = session_new(SESSION_HOST, "played_host", none, &session_handlers, &host);
	if (!host.agent || start(&host, argv + 2) < 0)
		return 1;
	uv_timer_init(&host.loop, &host.retry);
	host.retry.data = &host;
	uv_timer_start(&host.retry, on_retry, 0, RETRY_MS);
	uv_run(&host.loop, UV_RUN_DEFAULT);
	return 0;
}
