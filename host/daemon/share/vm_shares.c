/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/share/vm_shares.h"

#include "host/daemon/broker/agent_link.h"
#include "host/daemon/lodged.h"
#include "host/daemon/share/share_server.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/message.h"
#include "protocol/relay/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An agent that ended share.attach is asked again after this. */
#define ATTACH_AGAIN_MS 1000
/* A whole list as a message. */
#define LIST_MAX 65000

struct vm_share {
	struct vm_share *next;
	struct vm_shares *shares;
	struct share_spec spec;
	struct share_server *server; /* NULL: it failed */
	backend_done done;	     /* who added it waits; NULL: nobody */
	void *owner;
	unsigned int mounts;
	bool was_ready; /* the agent knows it */
	char trouble[512];
};

struct vm_shares {
	struct vm *vm;
	struct vm_share *list;
	struct stream *attach; /* NULL: the agent is not told */
	uv_timer_t again;
	bool started;
	backend_done prepared; /* who waits for all; NULL: nobody */
	void *prepared_owner;
	size_t preparing; /* not ready yet */
};

static void on_again(uv_timer_t *timer);

static struct vm_share *find(const struct vm_shares *shares, const char *name, size_t length)
{
	for (struct vm_share *at = shares->list; at; at = at->next) {
		if (strlen(at->spec.name) == length && memcmp(at->spec.name, name, length) == 0)
			return at;
	}
	return NULL;
}

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

static void tell_list(struct vm_shares *shares)
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
	if (result->error != -ECONNRESET)
		uv_timer_start(&shares->again, on_again, ATTACH_AGAIN_MS, 0);
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
	static const struct stream_handlers handlers = {.closed = attach_closed};
	int r;

	if (shares->attach || !agent_link_is_available(shares->vm->agent) ||
	    !agent_knows_shares(shares))
		return;
	r = agent_link_request(shares->vm->agent, "share.attach", (struct slice){NULL, 0},
			       &handlers, shares, &shares->attach);
	if (r == 0)
		tell_list(shares);
	else
		log_warning("%s: its agent is not told of its shares: %s", shares->vm->name,
			    error_text(r));
}

static void on_again(uv_timer_t *timer)
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
	struct vm_share *share = find(shares, (const char *)name.bytes, name.length);
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

/* --- The list ------------------------------------------------------------------------------- */

/* vm->options say what the next lodged is to know. */
static void keep(struct vm_shares *shares)
{
	const struct vm_option *option = vm_option_named("shares");
	struct vm *vm = shares->vm;

	vm_option_clear(&vm->options, option);
	for (const struct vm_share *at = shares->list; at; at = at->next) {
		_cleanup_free_ char *line = share_spec_line(&at->spec);

		if (!line || vm_option_add(&vm->options, option, line) < 0)
			log_warning("%s: the next lodged will not know its share %s", vm->name,
				    at->spec.name);
	}
	vm_keep(vm);
}

static void take_out(struct vm_share *share)
{
	for (struct vm_share **at = &share->shares->list; *at; at = &(*at)->next) {
		if (*at == share) {
			*at = share->next;
			return;
		}
	}
}

/* Off the list already, and its server gone: relays have told their end. */
static void free_share(struct vm_share *share)
{
	share_spec_free(&share->spec);
	free(share);
}

/* Whoever added it is told, once. */
static void tell_who_added(struct vm_share *share, int error, const char *text)
{
	backend_done done = share->done;

	share->done = NULL;
	if (done)
		done(share->owner, error, text);
}

static void on_ready(void *owner)
{
	struct vm_share *share = owner;
	bool is_new = !share->was_ready;

	share->was_ready = true;
	if (!is_new)
		return;
	if (share->done && share->shares->vm->state != VM_STARTING)
		keep(share->shares);
	tell_list(share->shares);
	tell_who_added(share, 0, "");
}

static void on_failed(void *owner, int error, const char *text)
{
	struct vm_share *share = owner;

	share_server_end(share->server);
	share->server = NULL;
	if (share->done) {
		take_out(share);
		tell_who_added(share, error, text);
		free_share(share);
		return;
	}
	snprintf(share->trouble, sizeof(share->trouble), "%s", text);
	log_warning("%s: its share %s is not there: %s", share->shares->vm->name, share->spec.name,
		    text);
}

static int start(struct vm_share *share, enum share_device device)
{
	static const struct share_server_handlers handlers = {on_ready, on_failed};
	struct vm *vm = share->shares->vm;

	return share_server_new(&vm->lodged->loop, vm->path, &share->spec, device, &handlers, share,
				&share->server);
}

/* At the end of the list. Takes @spec's memory. NULL without memory. */
static struct vm_share *append(struct vm_shares *shares, struct share_spec *spec)
{
	struct vm_share *share = calloc(1, sizeof(*share)), **at = &shares->list;

	if (!share) {
		share_spec_free(spec);
		return NULL;
	}
	share->shares = shares;
	share->spec = *spec;
	*spec = (struct share_spec){0};
	while (*at)
		at = &(*at)->next;
	*at = share;
	return share;
}

void vm_share_add(struct vm *vm, struct share_spec *spec, backend_done done, void *owner)
{
	struct vm_shares *shares = vm->shares;
	struct vm_share *share;
	char text[256];
	size_t count = 0;
	int r;

	for (share = shares->list; share; share = share->next)
		count++;
	if (find(shares, spec->name, strlen(spec->name)) || count >= SHARE_MAX) {
		snprintf(text, sizeof(text),
			 count >= SHARE_MAX ? "'%.100s' has %d shares, and no more are possible"
					    : "'%.100s' has a share of that name already",
			 vm->name, SHARE_MAX);
		share_spec_free(spec);
		done(owner, count >= SHARE_MAX ? -EMFILE : -EEXIST, text);
		return;
	}
	share = append(shares, spec);
	if (!share) {
		done(owner, -ENOMEM, "out of memory");
		return;
	}
	r = vm_make_folder(vm);
	if (r == 0)
		r = start(share, SHARE_DEVICE_NONE);
	if (r == 0) {
		share->done = done;
		share->owner = owner;
		return;
	}
	snprintf(text, sizeof(text), "the share cannot be served: %s",
		 r == -ENAMETOOLONG ? "its name, or the VM's, is too long for a socket's path"
				    : error_text(r));
	take_out(share);
	free_share(share);
	done(owner, r, text);
}

int vm_share_remove(struct vm *vm, const char *name)
{
	struct vm_share *share = find(vm->shares, name, strlen(name));

	if (!share)
		return -ENOENT;
	take_out(share);
	/* Mounts must not find it any more when their streams end. */
	tell_list(vm->shares);
	share_server_end(share->server);
	keep(vm->shares);
	tell_who_added(share, -ECANCELED, "the share was removed");
	free_share(share);
	return 0;
}

const struct share_spec *vm_share_device_at(const struct vm *vm, size_t index, const char **socket)
{
	for (const struct vm_share *at = vm->shares->list; at; at = at->next) {
		const char *path = at->server ? share_server_device(at->server) : NULL;

		if (!path || index-- > 0)
			continue;
		*socket = path;
		return &at->spec;
	}
	return NULL;
}

bool vm_share_at(const struct vm *vm, size_t index, struct vm_share_state *state)
{
	const struct vm_share *share = vm->shares ? vm->shares->list : NULL;

	while (share && index-- > 0)
		share = share->next;
	if (!share)
		return false;
	*state = (struct vm_share_state){
		.spec = &share->spec,
		.state = !share->server			       ? "failed"
			 : share_server_session(share->server) ? "ready"
							       : "starting",
		.trouble = share->trouble,
		.mounts = share->mounts,
	};
	return true;
}

/* --- Beginning and end ---------------------------------------------------------------------- */

int vm_shares_new(struct vm *vm)
{
	struct vm_shares *shares = calloc(1, sizeof(*shares));

	if (!shares)
		return -ENOMEM;
	shares->vm = vm;
	uv_timer_init(&vm->lodged->loop, &shares->again);
	shares->again.data = shares;
	vm->shares = shares;
	return 0;
}

int vm_shares_check(const struct vm_options *options, const struct backend *backend, char *error,
		    size_t capacity)
{
	char program[PATH_MAX];
	int r = 0;

	if (options->shares && options->shares[0] &&
	    lodged_find_program(SHARE_PROGRAM, program, sizeof(program)) < 0) {
		snprintf(error, capacity,
			 "no folder can be shared: " SHARE_PROGRAM
			 " is not installed beside lodged");
		return -ENOENT;
	}
	for (char **line = options->shares; r == 0 && line && *line; line++) {
		struct share_spec spec;

		r = share_spec_parse(*line, &spec, error, capacity);
		if (r < 0)
			return r;
		r = share_spec_check_directory(&spec, error, capacity);
		if (r == 0 && spec.dax_bytes && backend != &backend_vmm) {
			snprintf(error, capacity, "--share %s: dax needs lodge-vmm, that is KVM",
				 spec.name);
			r = -EINVAL;
		}
		share_spec_free(&spec);
	}
	return r;
}

/* Those that can be are devices. */
static enum share_device device_of(const struct vm_share *share, enum share_device wanted,
				   size_t index)
{
	bool fits = strlen(share->spec.name) <= SHARE_TAG_MAX && index < SHARE_MAX_DEVICES;

	return wanted == SHARE_DEVICE && !fits ? SHARE_DEVICE_NONE : wanted;
}

static void start_all(struct vm *vm, enum share_device device)
{
	struct vm_shares *shares = vm->shares;
	char error[512];
	size_t count = 0;

	if (shares->started)
		return;
	shares->started = true;
	for (char **line = vm->options.shares; line && *line; line++) {
		struct share_spec spec;
		struct vm_share *share = NULL;
		int r = share_spec_parse(*line, &spec, error, sizeof(error));

		if (r == 0)
			share = append(shares, &spec);
		if (share) {
			share->was_ready = device == SHARE_DEVICE_AS_BEFORE;
			r = start(share, device_of(share, device, count++));
			snprintf(error, sizeof(error), "%s", error_text(r));
		}
		if (r < 0 && share)
			on_failed(share, r, error);
		else if (r < 0)
			log_warning("%s: a share of it is not there: %s", vm->name, error);
	}
}

void vm_shares_start(struct vm *vm, bool adopted)
{
	start_all(vm, adopted ? SHARE_DEVICE_AS_BEFORE : SHARE_DEVICE_NONE);
}

/* One of those that were to be prepared. */
static void on_prepared(void *owner, int error, const char *text)
{
	struct vm_shares *shares = owner;
	backend_done done = shares->prepared;

	shares->preparing--;
	if (!done || (!error && shares->preparing > 0))
		return;
	shares->prepared = NULL;
	done(shares->prepared_owner, error, text);
}

void vm_shares_prepare(struct vm *vm, backend_done done, void *owner)
{
	struct vm_shares *shares = vm->shares;

	start_all(vm, SHARE_DEVICE);
	for (struct vm_share *at = shares->list; at; at = at->next) {
		if (!at->server) {
			done(owner, -EIO, at->trouble);
			return;
		}
		at->done = on_prepared;
		at->owner = shares;
		shares->preparing++;
	}
	if (shares->preparing == 0) {
		done(owner, 0, "");
		return;
	}
	shares->prepared = done;
	shares->prepared_owner = owner;
}

static void free_shares(uv_handle_t *handle)
{
	free(handle->data);
}

static void let_go(struct vm_shares *shares, void (*server)(struct share_server *server))
{
	while (shares->list) {
		struct vm_share *share = shares->list;

		shares->list = share->next;
		server(share->server);
		tell_who_added(share, -ECONNRESET, "the VM has ended, or lodged");
		free_share(share);
	}
	shares->vm->shares = NULL;
	uv_close((uv_handle_t *)&shares->again, free_shares);
}

void vm_shares_leave(struct vm_shares *shares)
{
	if (shares)
		let_go(shares, share_server_leave);
}

void vm_shares_end(struct vm_shares *shares)
{
	if (shares)
		let_go(shares, share_server_end);
}
