/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_vms.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static uint64_t now_ms(void *owner)
{
	return ((struct played_vms *)owner)->now_ms;
}

static uint64_t held(const struct played_vms *host)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < host->count; i++)
		sum += host->vm[i].member ? host->vm[i].actual : 0;
	return sum;
}

static int read_host(void *owner, struct host_memory *figures)
{
	const struct played_vms *host = owner;
	uint64_t used = held(host) + host->other;

	if (host->host_error)
		return host->host_error;
	figures->total_bytes = host->total;
	figures->available_bytes = used < host->total ? host->total - used : 0;
	figures->ksm_saved_bytes = host->ksm_saved;
	return 0;
}

static void wanted(void *owner)
{
	((struct played_vms *)owner)->wanted++;
}

static void ready(void *owner, void *member_owner)
{
	(void)owner;
	((struct played_vm *)member_owner)->ready = true;
}

static void write_log(void *owner, const char *text)
{
	struct played_vms *host = owner;

	snprintf(host->log, sizeof(host->log), "%s", text);
	host->logged++;
}

const struct memory_manager_hooks played_hooks = {now_ms, read_host, wanted, ready, write_log};

void played_vms_new(struct played_vms *host, uint64_t total)
{
	const struct memory_settings settings = {.speed = MEMORY_SPEED_NORMAL};

	memset(host, 0, sizeof(*host));
	host->now_ms = 1000;
	host->total = total;
	ck_assert_int_eq(memory_manager_new(&settings, &played_hooks, host, &host->manager), 0);
}

void played_vms_free(struct played_vms *host)
{
	memory_manager_free(host->manager);
}

/* --- The driver ------------------------------------------------------------------------------- */

static void observe(void *owner)
{
	struct played_vm *vm = owner;
	struct memory_observation seen = {.driver = true};
	struct memory_statistics statistics = {.has_available = true, .period_ms = 1000};
	struct memory_sample sample;

	vm->looks++;
	if (vm->silent)
		return;
	if (vm->target && !vm->refuses && !vm->paused)
		vm->actual = vm->target < vm->used ? vm->used : vm->target;
	seen.actual_bytes = seen.resident_bytes = vm->actual;
	memory_member_observe(vm->member, &seen);
	if (vm->speechless)
		return;
	statistics.actual_bytes = vm->actual;
	statistics.free_bytes = statistics.available_bytes = vm->actual - vm->used;
	statistics.stalls = vm->stalls;
	statistics.age_ms = vm->age_ms;
	memory_sample_of_statistics(&statistics, memory_member_now(vm->member), &sample);
	sample.reclaims = vm->reclaims;
	sample.swap_free_bytes = vm->reclaims ? vm->machine : 0;
	memory_member_sample(vm->member, MEMORY_FROM_BALLOON, &sample);
}

static void set_target(void *owner, uint64_t target_bytes)
{
	struct played_vm *vm = owner;

	vm->target = target_bytes;
	vm->targets++;
}

static void set_limit(void *owner, uint64_t limit_bytes)
{
	struct played_vm *vm = owner;

	vm->limit = limit_bytes;
	vm->limits++;
}

static void pause_vm(void *owner, bool pause)
{
	struct played_vm *vm = owner;

	vm->paused = pause;
	vm->pauses++;
}

static void reclaim(void *owner, uint64_t bytes)
{
	struct played_vm *vm = owner;

	vm->used -= bytes;
	vm->reclaimed += bytes;
}

static void keep(void *owner, const struct memory_member_config *config)
{
	struct played_vm *vm = owner;

	vm->config = *config;
	vm->kept++;
}

const struct vm_memory_driver played_driver = {
	.observe = observe,
	.set_target = set_target,
	.set_limit = set_limit,
	.pause = pause_vm,
	.reclaim = reclaim,
	.keep = keep,
};

struct played_vm *played_vm_new(struct played_vms *host, uint64_t machine)
{
	struct played_vm *vm = &host->vm[host->count++];

	ck_assert_uint_le(host->count, PLAYED_VMS);
	*vm = (struct played_vm){.machine = machine, .actual = machine, .used = machine / 5};
	return vm;
}

void played_vm_admit(struct played_vms *host, struct played_vm *vm,
		     const struct memory_member_config *config)
{
	struct memory_member_config standard;
	char name[16], error[512];

	memory_config_default(vm->machine, &standard);
	snprintf(name, sizeof(name), "vm%zu", (size_t)(vm - host->vm) + 1);
	ck_assert_int_eq(memory_manager_admit(host->manager, name, vm->machine,
					      config ? config : &standard, &played_driver, vm,
					      error, sizeof(error), &vm->member),
			 0);
}

void played_vms_run(struct played_vms *host, unsigned int ticks)
{
	while (ticks-- > 0) {
		host->now_ms += MEMORY_TICK_MS;
		memory_manager_tick(host->manager);
	}
}
