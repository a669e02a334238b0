/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/lodged_memory.h"

#include "host/daemon/agent_memory.h"
#include "host/daemon/backend.h"
#include "host/daemon/lodged.h"
#include "host/daemon/memory/host_memory.h"
#include "host/daemon/memory/ksm.h"
#include "host/daemon/memory/vm_cgroup.h"
#include "host/daemon/memory_ksm.h"
#include "host/daemon/memory_settings.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

/* KSM that an earlier lodged drove runs on for so long without a VM that takes part: domains of
 * libvirt are found by then. */
#define WITHOUT_VMS_MS 15000

struct lodged_memory {
	struct lodged *lodged;
	struct memory_manager *manager;
	uv_timer_t timer;
	uv_poll_t pressure;
	int pressure_fd;	/* -1: there is no trigger */
	char cgroups[PATH_MAX]; /* for VMs' processes; "": there are none */
	bool running;
	struct ksm ksm;
	unsigned int closing;
};

/* --- The clock -------------------------------------------------------------------------------- */

static void close_pressure(uv_handle_t *handle)
{
	struct lodged_memory *memory = handle->data;

	close(memory->pressure_fd);
	memory->pressure_fd = -1;
}

static void on_pressure(uv_poll_t *poll, int status, int events)
{
	struct lodged_memory *memory = poll->data;

	if (status < 0)
		uv_poll_stop(poll);
	else if (events & UV_PRIORITIZED)
		memory_manager_stalled(memory->manager);
}

static uint64_t now_ms(void *owner)
{
	(void)owner;
	return uv_hrtime() / 1000000;
}

static void keep_ksm(void *owner, const struct ksm_kept *kept)
{
	const struct lodged *lodged = ((struct lodged_memory *)owner)->lodged;
	int r = memory_ksm_keep(lodged->runtime, lodged->host_root, kept);

	if (r < 0)
		log_warning("the next lodged will not know why KSM runs: %s", error_text(r));
}

static bool begin_ksm(struct lodged_memory *memory)
{
	const struct lodged *lodged = memory->lodged;
	struct ksm_keeper keeper = {.keep = keep_ksm, .owner = memory};

	memory_ksm_read(lodged->runtime, lodged->host_root, &keeper.found);
	return ksm_begin(&memory->ksm, lodged->host_root, &keeper);
}

static void look_at_ksm(struct lodged_memory *memory)
{
	static const char *const said[] = {
		[KSM_STARTED] = "KSM runs: VMs want nearly all memory that there is",
		[KSM_STOPPED] = "KSM stops: memory is no longer scarce",
		[KSM_POINTLESS] = "KSM stops for a while: it finds next to nothing to merge",
		[KSM_REFUSED] = "KSM is left alone: its files cannot be read or written",
		[KSM_TAKEN] = "KSM is left alone: somebody else starts and stops it",
	};
	struct memory_manager_view view;
	struct ksm_need need;
	enum ksm_event event;

	memory_manager_view(memory->manager, &view);
	need = (struct ksm_need){
		/* The policy counts half of what is saved. */
		.budget_bytes = view.totals.budget_bytes -
				MIN(view.host.ksm_saved_bytes / 2, view.totals.budget_bytes),
		.demand_bytes = view.totals.demand_bytes,
		.mergeable_bytes = view.mergeable_bytes,
	};
	event = ksm_look(&memory->ksm, &need, now_ms(memory));
	if (event != KSM_NOTHING)
		log_info("memory: %s", said[event]);
}

static bool drives_ksm(const struct memory_settings *settings)
{
	return settings->ksm && settings->mode == MEMORY_MODE_ON;
}

static void stop(struct lodged_memory *memory)
{
	memory->running = false;
	ksm_end(&memory->ksm);
	uv_timer_stop(&memory->timer);
	if (memory->pressure_fd >= 0)
		uv_poll_stop(&memory->pressure);
}

static void on_tick(uv_timer_t *timer)
{
	struct lodged_memory *memory = timer->data;

	if (!memory_manager_is_busy(memory->manager)) {
		stop(memory);
		return;
	}
	memory_manager_tick(memory->manager);
	if (drives_ksm(memory_manager_settings(memory->manager)))
		look_at_ksm(memory);
}

static void on_wanted(void *owner)
{
	struct lodged_memory *memory = owner;

	/* Not yet: it is being made. */
	if (!memory->manager || memory->running || !memory_manager_is_busy(memory->manager))
		return;
	memory->running = true;
	if (!memory->ksm.own.driven)
		begin_ksm(memory);
	uv_timer_start(&memory->timer, on_tick, 0, MEMORY_TICK_MS);
	if (memory->pressure_fd >= 0)
		uv_poll_start(&memory->pressure, UV_PRIORITIZED, on_pressure);
}

static int read_host(void *owner, struct host_memory *host)
{
	const struct lodged_memory *memory = owner;

	return host_memory_read(memory->lodged->host_root, host);
}

static void on_ready(void *owner, void *member_owner)
{
	struct vm *vm = member_owner;

	(void)owner;
	vm_wake(&vm->memory_waiters);
}

static void on_log(void *owner, const char *text)
{
	(void)owner;
	log_info("memory: %s", text);
}

static const struct memory_manager_hooks hooks = {
	.now_ms = now_ms,
	.read_host = read_host,
	.wanted = on_wanted,
	.ready = on_ready,
	.log = on_log,
};

/* --- Life ------------------------------------------------------------------------------------- */

static void free_memory(uv_handle_t *handle)
{
	struct lodged_memory *memory = handle->data;

	if (handle->type == UV_POLL)
		close_pressure(handle);
	if (--memory->closing == 0)
		free(memory);
}

/* What an earlier lodged that was killed drove goes on while there is need, and is stopped else. */
static void take_ksm_back(struct lodged_memory *memory)
{
	if (!begin_ksm(memory))
		return;
	log_info("memory: KSM runs on: an earlier lodged has started it");
	if (drives_ksm(memory_manager_settings(memory->manager)))
		uv_timer_start(&memory->timer, on_tick, WITHOUT_VMS_MS, MEMORY_TICK_MS);
	else
		ksm_end(&memory->ksm);
}

int lodged_memory_new(struct lodged *lodged, struct lodged_memory **result)
{
	struct lodged_memory *memory = calloc(1, sizeof(*memory));
	struct memory_settings settings;
	int r;

	if (!memory)
		return -ENOMEM;
	memory->lodged = lodged;
	r = vm_cgroup_prepare(lodged->host_root, memory->cgroups, sizeof(memory->cgroups));
	if (r < 0) {
		memory->cgroups[0] = '\0';
		log_debug("VMs are not limited by cgroups: %s", error_text(r));
	}
	memory_settings_read(lodged->runtime, &settings);
	if (lodged->memory_total)
		settings.total_bytes = lodged->memory_total;
	r = memory_manager_new(&settings, &hooks, memory, &memory->manager);
	if (r < 0) {
		free(memory);
		return r;
	}
	uv_timer_init(&lodged->loop, &memory->timer);
	uv_unref((uv_handle_t *)&memory->timer);
	memory->timer.data = memory->pressure.data = memory;
	memory->closing = 1;
	take_ksm_back(memory);
	memory->pressure_fd = host_memory_open_pressure(lodged->host_root);
	if (memory->pressure_fd >= 0 &&
	    uv_poll_init(&lodged->loop, &memory->pressure, memory->pressure_fd) == 0) {
		uv_unref((uv_handle_t *)&memory->pressure);
		memory->closing = 2;
	} else if (memory->pressure_fd >= 0) {
		close(memory->pressure_fd);
		memory->pressure_fd = -1;
	}
	*result = memory;
	return 0;
}

void lodged_memory_free(struct lodged_memory *memory)
{
	if (!memory)
		return;
	ksm_end(&memory->ksm);
	memory_manager_free(memory->manager);
	memory->manager = NULL;
	uv_close((uv_handle_t *)&memory->timer, free_memory);
	if (memory->closing == 2)
		uv_close((uv_handle_t *)&memory->pressure, free_memory);
}

struct memory_manager *lodged_memory_manager(struct lodged_memory *memory)
{
	return memory ? memory->manager : NULL;
}

int lodged_memory_set(struct lodged_memory *memory, const struct memory_settings *settings,
		      char *error, size_t capacity)
{
	bool driven = drives_ksm(memory_manager_settings(memory->manager));
	int r = memory_manager_set(memory->manager, settings, error, capacity);

	if (r < 0)
		return r;
	if (driven != drives_ksm(settings)) {
		ksm_end(&memory->ksm);
		begin_ksm(memory);
	}
	r = memory_settings_write(memory->lodged->runtime, settings);
	if (r < 0)
		snprintf(error, capacity, "set, but not kept for the next lodged: %s",
			 error_text(r));
	return r < 0 ? -EIO : 0;
}

/* --- VMs -------------------------------------------------------------------------------------- */

void lodged_memory_keep_done(const struct vm *vm, enum memory_kept what, bool done)
{
	static const char *const is[MEMORY_KEPT_KINDS] = {"paused", "limited"};
	int r = memory_keep(vm, what, done);

	if (r < 0)
		log_warning("%s: the next lodged will not know why it is %s: %s", vm->name,
			    is[what], error_text(r));
}

static void config_of(const struct vm *vm, struct memory_member_config *config)
{
	const struct vm_options *options = &vm->options;

	memory_config_default(options->memory, config);
	if (options->memory_most) {
		config->start_bytes = options->memory;
		config->maximum_bytes = options->memory_most;
	}
	if (options->memory_max)
		config->maximum_bytes = options->memory_max;
	if (config->minimum_bytes > config->maximum_bytes)
		config->minimum_bytes = config->maximum_bytes;
	if (options->memory_min)
		config->minimum_bytes = options->memory_min;
	if (options->memory_shares)
		config->shares = (uint32_t)options->memory_shares;
	config->fixed_bytes = options->memory_fixed;
	config->watched = options->memory_sharing && strcmp(options->memory_sharing, "off") == 0;
}

int lodged_memory_admit(struct vm *vm, char *error, size_t capacity)
{
	struct memory_manager *manager = lodged_memory_manager(vm->lodged->memory);
	struct memory_member_config config;

	if (!manager || !vm->backend->memory)
		return 0;
	config_of(vm, &config);
	return memory_manager_admit(manager, vm->name, vm_options_most(&vm->options), &config,
				    vm->backend->memory, vm, error, capacity, &vm->memory);
}

void lodged_memory_adopt(struct vm *vm, const struct memory_member_config *config)
{
	struct memory_manager *manager = lodged_memory_manager(vm->lodged->memory);
	struct memory_member_config own;
	char error[512], label[VM_LABEL_MAX];

	if (!manager || !vm->backend->memory || vm->memory)
		return;
	if (!config)
		config_of(vm, &own);
	if (memory_manager_adopt(manager, vm_label(vm, label), vm_options_most(&vm->options),
				 config ? config : &own, vm->backend->memory, vm, error,
				 sizeof(error), &vm->memory) < 0)
		log_warning("%s: its memory is left alone: %s", vm->name, error);
	if (vm->memory && memory_is_kept(vm, MEMORY_KEPT_PAUSE))
		memory_member_was_paused(vm->memory);
	/* A cgroup of ours tells what is in it, so nothing is kept. */
	if (vm->memory && (memory_is_kept(vm, MEMORY_KEPT_LIMIT) || lodged_memory_can_limit(vm)))
		memory_member_was_limited(vm->memory);
	agent_memory_start(vm);
}

void lodged_memory_keep(void *owner, const struct memory_member_config *config)
{
	struct vm *vm = owner;
	struct vm_options *options = &vm->options;

	options->memory_max = config->maximum_bytes;
	options->memory_min = config->minimum_bytes;
	options->memory_shares = config->shares;
	options->memory_fixed = config->fixed_bytes;
	if (vm_option_set_text(options, vm_option_named("memory_sharing"),
			       config->watched ? "off" : "on") < 0)
		log_warning("%s: out of memory", vm->name);
	vm_keep(vm);
}

static void paused(void *owner, int error, const char *text)
{
	(void)owner;
	if (error)
		log_warning("a VM does not pause or go on: %s", text);
}

void lodged_memory_pause(void *owner, bool pause)
{
	struct vm *vm = owner;

	lodged_memory_keep_done(vm, MEMORY_KEPT_PAUSE, pause);
	vm->backend->command(vm, pause ? BACKEND_PAUSE : BACKEND_RESUME, paused, NULL);
}

static const char *cgroups_of(const struct vm *vm)
{
	return vm->lodged->memory ? vm->lodged->memory->cgroups : "";
}

void lodged_memory_limit(void *owner, uint64_t limit_bytes)
{
	struct vm *vm = owner;
	int r = vm_cgroup_limit(cgroups_of(vm), vm->pid, limit_bytes);

	if (r < 0 && r != -ENOENT)
		log_warning("%s: its memory is not limited: %s", vm->name, error_text(r));
}

bool lodged_memory_can_limit(void *owner)
{
	const struct vm *vm = owner;

	return vm_cgroup_check(cgroups_of(vm), vm->pid) == 0;
}

void lodged_memory_contain(struct vm *vm)
{
	int r = cgroups_of(vm)[0] ? vm_cgroup_enter(cgroups_of(vm), vm->pid) : 0;

	if (r < 0)
		log_warning("%s: it cannot be limited: no cgroup for it: %s", vm->name,
			    error_text(r));
}

void lodged_memory_leave(struct vm *vm)
{
	if (vm->state == VM_STOPPED)
		vm_cgroup_remove(cgroups_of(vm), vm->pid);
	memory_member_free(vm->memory);
	vm->memory = NULL;
	vm_wake(&vm->memory_waiters);
}
