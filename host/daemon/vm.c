/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/vm.h"

#include "host/daemon/backend.h"
#include "host/daemon/broker/agent_link.h"
#include "host/daemon/bus/bus.h"
#include "host/daemon/console.h"
#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"
#include "host/daemon/screen/screen.h"
#include "host/daemon/share/share_server.h"
#include "host/daemon/share/vm_shares.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

/* So long a VM that ended at once is listed as stopped. */
#define LINGER_MS 5000

static const struct backend *const backends[] = {&backend_vmm, &backend_libvirt};

const struct backend *backend_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	}
	return NULL;
}

const char *vm_state_text(enum vm_status state)
{
	static const char *const text[] = {
		[VM_STARTING] = "starting", [VM_RUNNING] = "running", [VM_PAUSED] = "paused",
		[VM_STOPPING] = "stopping", [VM_STOPPED] = "stopped",
	};

	return text[state];
}

int vm_file(const struct vm *vm, const char *file, char *path, size_t capacity)
{
	int length = snprintf(path, capacity, "%s/%s", vm->path, file);

	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}

void vm_free_alone(struct vm *vm)
{
	vm_shares_leave(vm->shares);
	vm_options_free(&vm->options);
	free(vm->id);
	free(vm->path);
	free(vm);
}

static struct vm *vm_allocate(struct lodged *lodged, const char *id, const char *name)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->lodged = lodged;
	snprintf(vm->name, sizeof(vm->name), "%s", name);
	vm->id = strdup(id);
	if (!vm->id || asprintf(&vm->path, "%s/%s", lodged->runtime, id) < 0) {
		vm->path = NULL;
		vm_free_alone(vm);
		return NULL;
	}
	if (vm_shares_new(vm) < 0) {
		vm_free_alone(vm);
		return NULL;
	}
	return vm;
}

struct vm *vm_allocate_own(struct lodged *lodged, const char *name)
{
	char id[sizeof("vm/") + VM_FOREIGN_NAME_MAX];

	snprintf(id, sizeof(id), "vm/%s", name);
	return vm_allocate(lodged, id, name);
}

struct vm *vm_new_foreign(struct lodged *lodged, const char *id, const char *name,
			  const char *source)
{
	struct vm *vm = vm_allocate(lodged, id, name);

	if (vm)
		vm->source = source;
	return vm;
}

bool vm_is_unused(const struct vm *vm)
{
	bool takes_part = vm->memory && !memory_member_config(vm->memory)->watched;

	return vm->source && !vm->agent && !vm->console && !vm->screen && !takes_part;
}

void vm_list(struct vm *vm)
{
	vm->next = vm->lodged->vms;
	vm->lodged->vms = vm;
	bus_vm_added(vm->lodged->bus, vm);
	lodged_check_idle(vm->lodged);
}

static void timer_closed(uv_handle_t *timer)
{
	free(timer);
}

static void vm_free(struct vm *vm)
{
	struct lodged *lodged = vm->lodged;

	if (vm->lingering)
		uv_close((uv_handle_t *)vm->lingering, timer_closed);
	if (vm->stopping)
		uv_close((uv_handle_t *)vm->stopping, timer_closed);
	for (struct vm **at = &lodged->vms; *at; at = &(*at)->next) {
		if (*at == vm) {
			*at = vm->next;
			break;
		}
	}
	lodged_memory_leave(vm);
	vm_screen_leave(vm->screen);
	agent_link_free(vm->agent);
	console_free(vm->console);
	vm->backend->release(vm);
	vm_free_alone(vm);
	lodged_check_idle(lodged);
}

/* A socket's path has room for 107 bytes. */
static bool paths_fit(const struct vm *vm)
{
	struct sockaddr_un address;

	return strlen(vm->path) + strlen("/console.sock") < sizeof(address.sun_path);
}

static int64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int vm_new(struct lodged *lodged, const char *name, const struct backend *backend,
	   struct vm_options *options, struct vm **result)
{
	struct vm *vm = vm_find(lodged, name);

	if (vm && vm->state == VM_STOPPED)
		vm_free(vm);
	else if (vm)
		return -EEXIST;
	vm = vm_allocate_own(lodged, name);
	if (!vm)
		return -ENOMEM;
	if (!paths_fit(vm)) {
		vm_free_alone(vm);
		return -ENAMETOOLONG;
	}
	/* What a VM that died without lodged may have left. */
	vm_clear_folder(vm->path);
	if (mkdir(vm->path, 0700) < 0) {
		int r = -errno;

		vm_free_alone(vm);
		return r;
	}
	vm->started_ns = realtime_ns();
	vm->backend = backend;
	vm->options = *options;
	*options = (struct vm_options){0};
	vm_list(vm);
	*result = vm;
	return 0;
}

void vm_clear_folder(const char *path)
{
	vm_screen_end_orphan(path);
	share_server_end_orphans(path);
	remove_folder(path);
}

int vm_make_folder(const struct vm *vm)
{
	char parent[PATH_MAX];

	if (!paths_fit(vm))
		return -ENAMETOOLONG;
	snprintf(parent, sizeof(parent), "%s", vm->path);
	*strrchr(parent, '/') = '\0';
	if ((mkdir(parent, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(vm->path, 0700) < 0 && errno != EEXIST))
		return -errno;
	return 0;
}

void vm_wake(struct vm_waiter **list)
{
	while (*list) {
		struct vm_waiter *waiter = *list;

		*list = waiter->next;
		waiter->done(waiter);
	}
}

void vm_stop_waiting(struct vm_waiter **list, struct vm_waiter *waiter)
{
	for (; *list; list = &(*list)->next) {
		if (*list == waiter) {
			*list = waiter->next;
			return;
		}
	}
}

void vm_keep(struct vm *vm)
{
	struct descriptor descriptor = {
		.pid = vm->pid,
		.started_ns = vm->started_ns,
		.options = vm->options,
	};
	int r;

	snprintf(descriptor.backend, sizeof(descriptor.backend), "%s", vm->backend->name);
	r = descriptor_write(vm->path, &descriptor);
	if (r < 0)
		log_warning("%s: cannot write its descriptor, the next lodged will not know it: %s",
			    vm->name, error_text(r));
}

void vm_started(struct vm *vm)
{
	vm_keep(vm);
	vm_connect_to_guest(vm, false);
	vm_set_state(vm, VM_RUNNING, "");
}

void vm_set_state(struct vm *vm, enum vm_status state, const char *reason)
{
	if (vm->state == state && strcmp(vm->reason, reason) == 0)
		return;
	vm->state = state;
	snprintf(vm->reason, sizeof(vm->reason), "%s", reason);
	bus_vm_changed(vm->lodged->bus, vm);
}

static void button_pressed(void *owner, int error, const char *text)
{
	(void)owner;
	if (error)
		log_warning("cannot press the power button: %s", text);
}

static void stopping_over(uv_timer_t *timer)
{
	struct vm *vm = timer->data;

	if (vm->state == VM_STOPPING)
		vm_set_state(vm, VM_RUNNING, "");
}

void vm_ask_to_stop(struct vm *vm)
{
	vm_set_state(vm, VM_STOPPING, "");
	if (!vm->stopping) {
		vm->stopping = malloc(sizeof(*vm->stopping));
		if (vm->stopping)
			uv_timer_init(&vm->lodged->loop, vm->stopping);
	}
	if (vm->stopping) {
		vm->stopping->data = vm;
		uv_timer_start(vm->stopping, stopping_over, VM_STOP_LIMIT_MS, 0);
	}
	if (vm_ask_agent(vm, "off") < 0)
		vm->backend->command(vm, BACKEND_POWER_BUTTON, button_pressed, NULL);
}

static void forget(struct vm *vm)
{
	bus_vm_removed(vm->lodged->bus, vm);
	vm_free(vm);
}

static void linger_over(uv_timer_t *timer)
{
	forget(timer->data);
}

static bool linger(struct vm *vm)
{
	vm->lingering = malloc(sizeof(*vm->lingering));
	if (!vm->lingering)
		return false;
	uv_timer_init(&vm->lodged->loop, vm->lingering);
	vm->lingering->data = vm;
	uv_timer_start(vm->lingering, linger_over, LINGER_MS, 0);
	return true;
}

void vm_gone(struct vm *vm, const char *reason, int exit_status)
{
	bool is_young = realtime_ns() - vm->started_ns < LINGER_MS * 1000000LL;
	bool has_run = vm->state != VM_STARTING;

	vm->exit_status = exit_status;
	agent_link_free(vm->agent);
	vm->agent = NULL;
	vm_screen_end(vm->screen);
	vm->screen = NULL;
	vm_shares_end(vm->shares);
	lodged_memory_leave(vm);
	console_end(vm->console);
	vm_set_state(vm, VM_STOPPED, reason);
	vm_wake(&vm->agent_waiters);
	vm_wake(&vm->screen_waiters);
	vm_wake(&vm->stop_waiters);
	vm->backend->release(vm);
	remove_folder(vm->path);
	if (!has_run || !is_young || !linger(vm))
		forget(vm);
}

void vm_leave(struct vm *vm)
{
	/* They are told that lodged ends: the state is not "stopped". */
	vm_wake(&vm->memory_waiters);
	vm_wake(&vm->agent_waiters);
	vm_wake(&vm->screen_waiters);
	vm_wake(&vm->stop_waiters);
	vm_free(vm);
}
