/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What passes between a VM's shares and its agent. */
#include "host/daemon/share/vm_shares_internal.h"

#include "host/daemon/broker/agent_link.h"
#include "host/daemon/lodged.h"
#include "host/daemon/share/share_server.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/message.h"
#include "protocol/relay/relay.h"
#include "protocol/share.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An agent that ended share.attach is asked again after this. */
#define ATTACH_AGAIN_MS 1000
/* A whole list as a message. */
#define LIST_MAX 65000

/* --- What the agent is told ----------------------------------------------------------------- */

static struct slice encode_list(const struct vm_shares *shares, uint8_t *bytes, size_t capacity)
{
	_cleanup_free_ uint8_t *item_bytes = malloc(capacity);
	struct cbor_writer items = {.bytes = item_bytes, .capacity = item_bytes ? capacity : 0};
	struct cbor_writer writer = {.bytes = bytes, .capacity = capacity};
	struct share_list list;
	uint64_t count = 0;

	for (const struct vm_share *at = shares->list; at; at = at->next)
		count += at->was_ready;
	cbor_put_array(&items, count);
	for (const struct vm_share *at = shares->list; at; at = at->next) {
		struct share_entry entry = {
			.name = slice_of(at->spec.name),
			.at = at->spec.at ? slice_of(at->spec.at) : (struct slice){NULL, 0},
			.read_only = at->spec.read_only,
			.options = slice_of(at->spec.options),
		};

		if (at->was_ready)
			message_encode(&message_share_entry, &entry, &items);
	}
	list.shares = cbor_written(&items);
	message_encode(&message_share_list, &list, &writer);
	return cbor_written(&writer);
}

void vm_shares_tell(struct vm_shares *shares)
{
	_cleanup_free_ uint8_t *bytes = shares->attach ? malloc(LIST_MAX) : NULL;
	struct slice list;
	int r;

	if (!bytes)
		return;
	list = encode_list(shares, bytes, LIST_MAX);
	r = stream_message(shares->attach, slice_of("shares"), list);
	if (r < 0)
		log_warning("%s: its agent is not told of its shares: %s", shares->vm->name,
			    error_text(r));
}

static void attach_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct vm_shares *shares = owner;

	(void)stream;
	shares->attach = NULL;
	vm_shares_agent_lost(shares);
	if (result->error != -ECONNRESET)
		uv_timer_start(&shares->again, vm_shares_on_again, ATTACH_AGAIN_MS, 0);
}

/* Its word: it may be about anything. */
static void attach_message(struct stream *stream, void *owner, struct slice name,
			   struct slice params)
{
	struct vm_shares *shares = owner;
	struct share_mounted mounted;
	struct vm_share *share;
	char why[256];

	(void)stream;
	if (!slice_is(name, "mounted") ||
	    message_decode(&message_share_mounted, params, &mounted) < 0)
		return;
	share = vm_share_find(shares, (const char *)mounted.name.bytes, mounted.name.length);
	if (!share || !share->spec.at || !slice_is(mounted.at, share->spec.at))
		return;
	if (mounted.text.length > 0)
		snprintf(why, sizeof(why), "%.*s", (int)MIN(mounted.text.length, sizeof(why) - 1),
			 (const char *)mounted.text.bytes);
	else
		snprintf(why, sizeof(why), "%s", error_text((int)mounted.error));
	vm_share_told(share, mounted.error == 0, why);
}

static bool agent_knows_shares(const struct vm_shares *shares)
{
	const char *const *at = agent_link_capabilities(shares->vm->agent);

	while (*at && strcmp(*at, SHARE_CAPABILITY) != 0)
		at++;
	return *at;
}

void vm_shares_agent_changed(struct vm_shares *shares)
{
	static const struct stream_handlers handlers = {.message = attach_message,
							.closed = attach_closed};
	int r;

	if (shares->attach || !agent_link_is_available(shares->vm->agent) ||
	    !agent_knows_shares(shares))
		return;
	r = agent_link_request(shares->vm->agent, "share.attach", (struct slice){NULL, 0},
			       &handlers, shares, &shares->attach);
	if (r == 0)
		vm_shares_tell(shares);
	else
		log_warning("%s: its agent is not told of its shares: %s", shares->vm->name,
			    error_text(r));
}

void vm_shares_on_again(uv_timer_t *timer)
{
	vm_shares_agent_changed(timer->data);
}

/* --- What the agent asks -------------------------------------------------------------------- */

static void mount_ended(void *owner)
{
	struct vm_share *share = owner;

	share->mounts--;
}

static void pass_on(struct vm_shares *shares, struct stream *stream, struct slice method,
		    struct slice params, struct slice name)
{
	struct vm_share *share = vm_share_find(shares, (const char *)name.bytes, name.length);
	struct session *server;
	int r;

	server = share && share->server ? share_server_session(share->server) : NULL;
	if (!share)
		stream_fail(stream, ENOENT, "this VM has no share of that name");
	else if (!server)
		stream_fail(stream, EAGAIN, "the share's server is not ready");
	else if (share->mounts >= SHARE_MAX_MOUNTS)
		stream_fail(stream, EMFILE, "the share is mounted too many times");
	if (!server || share->mounts >= SHARE_MAX_MOUNTS)
		return;
	r = relay_request(stream, server, method, params, mount_ended, share);
	if (r < 0)
		stream_fail(stream, EAGAIN, "the share's server does not answer");
	else
		share->mounts++;
}

static void open_share(struct vm_shares *shares, struct stream *stream, struct slice method,
		       struct slice params)
{
	struct share_open wish;

	if (message_decode(&message_share_open, params, &wish) < 0 ||
	    wish.session.length != SHARE_SESSION_SIZE)
		stream_fail(stream, EBADMSG, "share.open: no such parameters");
	else
		pass_on(shares, stream, method, params, wish.name);
}

static void watch_share(struct vm_shares *shares, struct stream *stream, struct slice method,
			struct slice params)
{
	struct share_watch wish;

	if (message_decode(&message_share_watch, params, &wish) < 0)
		stream_fail(stream, EBADMSG, "share.watch: no such parameters");
	else
		pass_on(shares, stream, method, params, wish.name);
}

void vm_shares_request(struct vm_shares *shares, struct stream *stream, struct slice method,
		       struct slice params)
{
	if (slice_is(method, "share.open"))
		open_share(shares, stream, method, params);
	else if (slice_is(method, "share.watch"))
		watch_share(shares, stream, method, params);
	else
		stream_fail(stream, ENOSYS, "a guest cannot ask for that");
}
