/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/libvirt_memory.h"

#include "host/daemon/agent_memory.h"
#include "host/daemon/backend/libvirt_internal.h"
#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"
#include "protocol/base/log.h"

#include <errno.h>

/* The VM's memory, if there is something to do with it; NULL: it starts, or has gone. */
static struct libvirt_memory *memory_of(const struct vm *vm)
{
	struct libvirt_machine *machine = vm->machine;

	return machine && !machine->starting && machine->uuid[0] ? &machine->memory : NULL;
}

static virDomainPtr find(struct libvirt_job *job)
{
	virConnectPtr connect =
		libvirt_connection_get(job->connection, job->text, sizeof(job->text));
	virDomainPtr domain = connect ? virDomainLookupByUUIDString(connect, job->uuid) : NULL;

	if (!connect)
		job->error = -EIO;
	else if (!domain)
		libvirt_job_fails(job);
	return domain;
}

/* --- Looking -------------------------------------------------------------------------------- */

static void look_runs(struct libvirt_job *job)
{
	virDomainPtr domain = find(job), list[] = {domain, NULL};
	virDomainStatsRecordPtr *records = NULL;

	if (!domain)
		return;
	/* It lasts as long as the machine. */
	if (job->wants_period && virDomainSetMemoryStatsPeriod(domain, MEMORY_FIGURES_PERIOD_S,
							       VIR_DOMAIN_AFFECT_LIVE) == 0)
		job->wants_period = false;
	if (virDomainListGetStats(list, VIR_DOMAIN_STATS_BALLOON, &records,
				  VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT) > 0)
		memory_figures_read(records[0]->params, records[0]->nparams, &job->figures);
	else
		libvirt_job_fails(job);
	if (records)
		virDomainStatsRecordListFree(records);
	virDomainFree(domain);
}

static void look_is_done(struct libvirt_job *job)
{
	struct libvirt_memory *memory = &job->machine->memory;

	memory->looking = false;
	if (!job->machine->vm || job->error)
		return;
	memory->has_period = !job->wants_period;
	memory_figures_tell(&memory->figures, &memory->driver, &job->figures,
			    job->machine->vm->memory);
}

static void observe(void *owner)
{
	struct vm *vm = owner;
	struct libvirt_memory *memory = memory_of(vm);
	struct libvirt_job *job;

	if (!memory || memory->looking)
		return;
	job = libvirt_job_new(vm, NULL, NULL);
	if (!job)
		return;
	memory->looking = true;
	job->wants_period = !memory->has_period;
	job->run = look_runs;
	job->after = look_is_done;
	libvirt_job_start(job, &vm->lodged->loop);
}

void libvirt_memory_sized(struct libvirt_machine *machine, uint64_t actual_bytes)
{
	memory_figures_tell_size(&machine->memory.figures, &machine->memory.driver, actual_bytes,
				 machine->vm->memory);
}

/* --- Setting -------------------------------------------------------------------------------- */

static void carry_out(struct vm *vm);

static void target_runs(struct libvirt_job *job)
{
	virDomainPtr domain = find(job);

	if (!domain)
		return;
	if (virDomainSetMemoryFlags(domain, job->target_bytes >> 10, VIR_DOMAIN_AFFECT_LIVE) < 0)
		libvirt_job_fails(job);
	virDomainFree(domain);
}

static void target_is_done(struct libvirt_job *job)
{
	struct vm *vm = job->machine->vm;

	job->machine->memory.setting = false;
	if (!vm)
		return;
	if (job->error) {
		log_debug("%s: its memory is not as it is to be: %s", vm->name, job->text);
		if (vm->memory)
			memory_member_failed(vm->memory);
	}
	carry_out(vm);
}

static void carry_out(struct vm *vm)
{
	struct libvirt_memory *memory = memory_of(vm);
	struct libvirt_job *job;

	if (!memory || memory->setting || !memory->has_target)
		return;
	job = libvirt_job_new(vm, NULL, NULL);
	if (!job)
		return;
	memory->setting = true;
	memory->has_target = false;
	job->target_bytes = memory->target_bytes;
	job->run = target_runs;
	job->after = target_is_done;
	libvirt_job_start(job, &vm->lodged->loop);
}

static void set_target(void *owner, uint64_t target_bytes)
{
	struct vm *vm = owner;
	struct libvirt_memory *memory = memory_of(vm);

	if (!memory) {
		if (vm->memory)
			memory_member_failed(vm->memory);
		return;
	}
	memory->target_bytes = target_bytes;
	memory->has_target = true;
	carry_out(vm);
}

const struct vm_memory_driver libvirt_memory_driver = {
	.observe = observe,
	.set_target = set_target,
	.set_limit = lodged_memory_limit,
	.can_limit = lodged_memory_can_limit,
	.pause = lodged_memory_pause,
	.reclaim = agent_memory_reclaim,
	.keep = lodged_memory_keep,
	.merges = true, /* QEMU, unless it is told not to */
};
