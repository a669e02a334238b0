/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/share/vm_shares_internal.h"

#include "host/daemon/lodged.h"
#include "host/daemon/share/share_server.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long who adds a share waits for the guest to mount it. */
#define MOUNT_PATIENCE_MS 10000
#define PATIENCE_STEP_MS  500

/* --- The list ------------------------------------------------------------------------------- */

struct vm_share *vm_share_find(const struct vm_shares *shares, const char *name, size_t length)
{
	for (struct vm_share *at = shares->list; at; at = at->next) {
		if (strlen(at->spec.name) == length && memcmp(at->spec.name, name, length) == 0)
			return at;
	}
	return NULL;
}

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

/* It goes, and whoever added it is told why. */
static void drop(struct vm_share *share, int error, const char *text)
{
	struct vm_shares *shares = share->shares;

	take_out(share);
	/* Mounts must not find it any more when their streams end. */
	vm_shares_tell(shares);
	share_server_end(share->server);
	keep(shares);
	tell_who_added(share, error, text);
	free_share(share);
}

/* --- Its place in the guest ----------------------------------------------------------------- */

/* A guest that says nothing may mount it yet. */
static void on_patience(uv_timer_t *timer)
{
	struct vm_shares *shares = timer->data;
	uint64_t now_ms = uv_now(timer->loop);
	bool is_left = false;

	for (struct vm_share *at = shares->list; at; at = at->next) {
		if (at->patience_ms && now_ms >= at->patience_ms) {
			at->patience_ms = 0;
			tell_who_added(at, 0, "");
		}
		is_left |= at->patience_ms > 0;
	}
	if (!is_left)
		uv_timer_stop(timer);
}

void vm_shares_agent_lost(struct vm_shares *shares)
{
	for (struct vm_share *at = shares->list; at; at = at->next) {
		at->place = VM_SHARE_NOT_TOLD;
		if (!at->patience_ms)
			continue;
		at->patience_ms = 0;
		tell_who_added(at, 0, "");
	}
}

void vm_share_told(struct vm_share *share, bool is_mounted, const char *why)
{
	bool is_awaited = share->patience_ms > 0;
	char text[sizeof(share->trouble)];

	share->patience_ms = 0;
	snprintf(text, sizeof(text), "the guest cannot mount it at %.160s: %s", share->spec.at,
		 why);
	if (is_awaited && !is_mounted) {
		drop(share, -EIO, text);
		return;
	}
	share->place = is_mounted ? VM_SHARE_MOUNTED : VM_SHARE_NOT_MOUNTED;
	/* One whose server has failed has that to tell. */
	if (share->server)
		snprintf(share->trouble, sizeof(share->trouble), "%s", is_mounted ? "" : text);
	if (is_awaited)
		tell_who_added(share, 0, "");
}

static void await_mount(struct vm_share *share)
{
	uv_timer_t *timer = &share->shares->patience;

	share->patience_ms = uv_now(timer->loop) + MOUNT_PATIENCE_MS;
	if (!uv_is_active((uv_handle_t *)timer))
		uv_timer_start(timer, on_patience, PATIENCE_STEP_MS, PATIENCE_STEP_MS);
}

/* --- Its server ----------------------------------------------------------------------------- */

static void on_ready(void *owner)
{
	struct vm_share *share = owner;
	bool is_new = !share->was_ready;

	share->was_ready = true;
	if (!is_new)
		return;
	if (share->done && share->shares->vm->state != VM_STARTING)
		keep(share->shares);
	vm_shares_tell(share->shares);
	if (share->done && share->spec.at && share->shares->attach)
		await_mount(share);
	else
		tell_who_added(share, 0, "");
}

static void on_failed(void *owner, int error, const char *text)
{
	struct vm_share *share = owner;

	share_server_end(share->server);
	share->server = NULL;
	if (share->patience_ms) {
		/* The guest and the next lodged know it already. */
		drop(share, error, text);
		return;
	}
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
	if (vm_share_find(shares, spec->name, strlen(spec->name)) || count >= SHARE_MAX) {
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
	struct vm_share *share = vm_share_find(vm->shares, name, strlen(name));

	if (!share)
		return -ENOENT;
	drop(share, -ECANCELED, "the share was removed");
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
		.state = !share->server				? "failed"
			 : !share_server_session(share->server) ? "starting"
			 : share->place == VM_SHARE_NOT_MOUNTED ? "unmounted"
			 : share->place == VM_SHARE_MOUNTED	? "mounted"
								: "ready",
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
	uv_timer_init(&vm->lodged->loop, &shares->patience);
	shares->again.data = shares->patience.data = shares;
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

static void on_timer_closed(uv_handle_t *handle)
{
	struct vm_shares *shares = handle->data;

	if (--shares->timers == 0)
		free(shares);
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
	shares->timers = 2;
	uv_close((uv_handle_t *)&shares->again, on_timer_closed);
	uv_close((uv_handle_t *)&shares->patience, on_timer_closed);
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
