/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VMs under QEMU, by libvirt's driver inside lodged (libvirt_connection.h). Every call of libvirt
 * is a job on a worker thread; a job owns copies of all it needs, since its VM may go meanwhile.
 */
#include "host/daemon/backend/libvirt_internal.h"

#include "host/daemon/lodged.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void machine_put(struct libvirt_machine *machine)
{
	if (--machine->users == 0)
		free(machine);
}

struct libvirt_machine *libvirt_machine_new(struct vm *vm)
{
	struct libvirt_machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return NULL;
	machine->vm = vm;
	machine->users = 1;
	vm->machine = machine;
	return machine;
}

/* --- The end -------------------------------------------------------------------------------- */

/* As lodge-vmm exits for the same reasons. */
static int status_of(const char *reason)
{
	static const struct {
		const char *reason;
		int status;
	} list[] = {{"power-off", 0}, {"panic", 7}, {"reboot", 9}, {"killed", 10}};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (strcmp(list[i].reason, reason) == 0)
			return list[i].status;
	}
	return 1;
}

void libvirt_machine_ended(struct libvirt_machine *machine)
{
	const char *reason = machine->reason[0] ? machine->reason : "power-off";

	vm_gone(machine->vm, reason, status_of(reason));
}

/* --- Events --------------------------------------------------------------------------------- */

static struct libvirt_machine *find_machine(struct lodged *lodged,
					    const struct libvirt_event *event)
{
	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		struct libvirt_machine *machine = vm->machine;

		if (vm->backend != &backend_libvirt || !machine)
			continue;
		if (machine->uuid[0] ? strcmp(machine->uuid, event->uuid) == 0
				     : strcmp(vm->name, event->name) == 0)
			return machine;
	}
	return NULL;
}

static void on_event(void *owner, const struct libvirt_event *event)
{
	struct libvirt_machine *machine = find_machine(owner, event);

	if (!machine)
		return;
	/* The first word counts: QEMU that libvirt ends after a guest's power-off was "killed",
	 * too. */
	if (event->reason[0] && !machine->reason[0])
		snprintf(machine->reason, sizeof(machine->reason), "%s", event->reason);
	if (event->kind == LIBVIRT_EVENT_STOPPED) {
		if (machine->starting)
			machine->stopped = true;
		else
			libvirt_machine_ended(machine);
		return;
	}
	if (machine->starting)
		return;
	if (event->kind == LIBVIRT_EVENT_BALLOON)
		libvirt_memory_sized(machine, event->bytes);
	if (event->kind == LIBVIRT_EVENT_PAUSED)
		vm_set_state(machine->vm, VM_PAUSED, "");
	else if (event->kind == LIBVIRT_EVENT_RESUMED)
		vm_set_state(machine->vm, VM_RUNNING, "");
	else if (event->kind == LIBVIRT_EVENT_PANICKED)
		vm_set_state(machine->vm, VM_PAUSED, "panic");
}

static int connection_of(struct lodged *lodged, struct libvirt_connection **connection)
{
	struct libvirt_events *events = lodged_libvirt_events(lodged);
	int r = 0;

	if (!events)
		return -EIO;
	if (!lodged->libvirt)
		r = libvirt_connection_new(events, lodged->runtime, on_event, lodged,
					   &lodged->libvirt);
	*connection = lodged->libvirt;
	return r;
}

/* --- Jobs ----------------------------------------------------------------------------------- */

void libvirt_job_free(struct libvirt_job *job)
{
	for (size_t i = 0; job->forwards && job->forwards[i]; i++)
		free(job->forwards[i]);
	free(job->forwards);
	free(job->xml);
	free(job);
}

static void job_runs(uv_work_t *work)
{
	struct libvirt_job *job = work->data;

	job->run(job);
}

static void job_is_done(uv_work_t *work, int status)
{
	struct libvirt_job *job = work->data;

	(void)status;
	job->after(job);
	machine_put(job->machine);
	libvirt_job_free(job);
}

struct libvirt_job *libvirt_job_new(struct vm *vm, backend_done done, void *owner)
{
	struct libvirt_connection *connection;
	struct libvirt_machine *machine = vm->machine;
	struct libvirt_job *job;

	if (connection_of(vm->lodged, &connection) < 0)
		return NULL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->work.data = job;
	job->connection = connection;
	job->machine = machine;
	job->done = done;
	job->owner = owner;
	snprintf(job->name, sizeof(job->name), "%s", vm->name);
	strcpy(job->uuid, machine->uuid);
	return job;
}

void libvirt_job_start(struct libvirt_job *job, uv_loop_t *loop)
{
	job->machine->users++;
	uv_queue_work(loop, &job->work, job_runs, job_is_done);
}

void libvirt_job_fails(struct libvirt_job *job)
{
	const char *lock;

	libvirt_last_words(job->text, sizeof(job->text));
	lock = strstr(job->text, "Failed to get");
	job->error = lock && strstr(lock, "lock") ? -EBUSY : -EIO;
}

/* --- Taking up again ------------------------------------------------------------------------ */

static void adopt_runs(struct libvirt_job *job)
{
	virConnectPtr connect =
		libvirt_connection_get(job->connection, job->text, sizeof(job->text));
	virDomainPtr domain = connect ? virDomainLookupByName(connect, job->name) : NULL;
	int state = VIR_DOMAIN_NOSTATE, reason = 0;

	if (!domain) {
		job->error = connect ? -ESRCH : -EIO;
		return;
	}
	virDomainGetUUIDString(domain, job->uuid);
	virDomainGetState(domain, &state, &reason, 0);
	job->paused = state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_CRASHED;
	job->pid = libvirt_domain_pid(job->connection, job->name);
	virDomainFree(domain);
}

static void adopt_is_done(struct libvirt_job *job)
{
	struct libvirt_machine *machine = job->machine;

	if (!machine->vm)
		return;
	if (job->error == -ESRCH) {
		vm_gone(machine->vm, "killed", status_of("killed"));
		return;
	}
	if (job->error) {
		log_error("%s: not under control, though it may run: %s", job->name, job->text);
		return;
	}
	strcpy(machine->uuid, job->uuid);
	machine->vm->pid = job->pid;
	if (job->paused)
		vm_set_state(machine->vm, VM_PAUSED, "");
}

/* If it was starting when lodged died, only libvirt knows whether it still runs: the VM goes when
 * libvirt's driver is up and does not know it. */
static int adopt(struct vm *vm)
{
	struct libvirt_machine *machine;
	struct libvirt_job *job;

	if (vm->pid > 0 && !process_runs(vm->pid, QEMU))
		return -ESRCH;
	machine = libvirt_machine_new(vm);
	job = machine ? libvirt_job_new(vm, NULL, NULL) : NULL;
	if (!job) {
		if (machine)
			vm->backend->release(vm);
		return -ENOMEM;
	}
	job->run = adopt_runs;
	job->after = adopt_is_done;
	libvirt_job_start(job, &vm->lodged->loop);
	return 0;
}

/* --- Commands ------------------------------------------------------------------------------- */

static int carry_out(virDomainPtr domain, enum backend_command command)
{
	switch (command) {
	case BACKEND_POWER_BUTTON:
		return virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
	case BACKEND_KILL:
		return virDomainDestroy(domain);
	case BACKEND_REBOOT:
		return virDomainReset(domain, 0);
	case BACKEND_PAUSE:
		return virDomainSuspend(domain);
	case BACKEND_RESUME:
		return virDomainResume(domain);
	}
	return -1;
}

static void command_runs(struct libvirt_job *job)
{
	virConnectPtr connect =
		libvirt_connection_get(job->connection, job->text, sizeof(job->text));
	virDomainPtr domain;

	if (!connect) {
		job->error = -EIO;
		return;
	}
	domain = job->uuid[0] ? virDomainLookupByUUIDString(connect, job->uuid)
			      : virDomainLookupByName(connect, job->name);
	if (!domain || carry_out(domain, job->command) < 0)
		libvirt_job_fails(job);
	/* It ended by itself meanwhile. */
	if (job->error && job->command == BACKEND_KILL &&
	    virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
		job->error = 0;
	if (domain)
		virDomainFree(domain);
}

static void command_is_done(struct libvirt_job *job)
{
	job->done(job->owner, job->error, job->text);
}

static void command(struct vm *vm, enum backend_command what, backend_done done, void *owner)
{
	struct libvirt_job *job = libvirt_job_new(vm, done, owner);

	if (!job) {
		done(owner, -ENOMEM, "out of memory");
		return;
	}
	job->command = what;
	job->run = command_runs;
	job->after = command_is_done;
	libvirt_job_start(job, &vm->lodged->loop);
}

/* --- The display ---------------------------------------------------------------------------- */

static void graphics_runs(struct libvirt_job *job)
{
	virConnectPtr connect =
		libvirt_connection_get(job->connection, job->text, sizeof(job->text));
	virDomainPtr domain = connect ? virDomainLookupByName(connect, job->name) : NULL;

	job->fd = domain ? virDomainOpenGraphicsFD(domain, 0, 0) : -1;
	if (job->fd < 0 && connect)
		libvirt_last_words(job->text, sizeof(job->text));
	if (domain)
		virDomainFree(domain);
}

static void graphics_is_done(struct libvirt_job *job)
{
	if (job->machine->vm)
		job->opened(job->machine->vm, job->fd, job->text);
	else if (job->fd >= 0)
		close(job->fd);
}

static void open_graphics(struct vm *vm, void (*done)(struct vm *vm, int fd, const char *text))
{
	struct libvirt_job *job = libvirt_job_new(vm, NULL, NULL);

	if (!job) {
		done(vm, -ENOMEM, "out of memory");
		return;
	}
	job->opened = done;
	job->run = graphics_runs;
	job->after = graphics_is_done;
	libvirt_job_start(job, &vm->lodged->loop);
}

static void release(struct vm *vm)
{
	struct libvirt_machine *machine = vm->machine;

	if (!machine)
		return;
	vm->machine = NULL;
	machine->vm = NULL;
	machine_put(machine);
}

static const char *graphics_kind(const struct vm *vm)
{
	(void)vm;
	return "qemu";
}

const struct backend backend_libvirt = {
	.name = "libvirt",
	.start = libvirt_start,
	.adopt = adopt,
	.command = command,
	.open_graphics = open_graphics,
	.graphics_kind = graphics_kind,
	.memory = &libvirt_memory_driver,
	.release = release,
};
