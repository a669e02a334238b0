/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VMs under QEMU, by libvirt's driver inside lodged (libvirt_connection.h). Every call of libvirt
 * is a job on a worker thread; a job owns copies of all it needs, since its VM may go meanwhile.
 */
#include "host/daemon/backend.h"
#include "host/daemon/backend/domain_xml.h"
#include "host/daemon/backend/kernel_file.h"
#include "host/daemon/backend/libvirt_connection.h"
#include "host/daemon/backend/user_network.h"
#include "host/daemon/lodged.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QEMU	 "qemu-system-x86_64"
#define EMULATOR "/usr/bin/" QEMU

struct machine {
	struct vm *vm;			   /* NULL once it was released */
	unsigned int users;		   /* the VM, and jobs */
	char uuid[VIR_UUID_STRING_BUFLEN]; /* "" until it is known */
	bool starting;
	bool stopped; /* it ended while a job was starting it */
	char reason[16];
};

static void machine_put(struct machine *machine)
{
	if (--machine->users == 0)
		free(machine);
}

static struct machine *machine_new(struct vm *vm)
{
	struct machine *machine = calloc(1, sizeof(*machine));

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

static void ended(struct machine *machine)
{
	const char *reason = machine->reason[0] ? machine->reason : "power-off";

	vm_gone(machine->vm, reason, status_of(reason));
}

/* --- Events --------------------------------------------------------------------------------- */

static struct machine *find_machine(struct lodged *lodged, const struct libvirt_event *event)
{
	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		struct machine *machine = vm->machine;

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
	struct machine *machine = find_machine(owner, event);

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
			ended(machine);
		return;
	}
	if (machine->starting)
		return;
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

struct job {
	uv_work_t work;
	void (*run)(struct job *job);	/* on a worker thread */
	void (*after)(struct job *job); /* on the loop; the machine's VM may be gone */
	struct libvirt_connection *connection;
	struct machine *machine;
	backend_done done; /* NULL: nobody asked */
	void *owner;
	char name[VM_FOREIGN_NAME_MAX + 1];
	char uuid[VIR_UUID_STRING_BUFLEN];
	enum backend_command command;
	/* Of a start. */
	char *xml;
	char program[PATH_MAX], socket[PATH_MAX], log[PATH_MAX];
	char **forwards; /* a copy */
	bool network;
	/* What came of it. */
	int error;
	char text[1024];
	pid_t pid;
	bool paused;
	int fd; /* of a display */
	void (*opened)(struct vm *vm, int fd, const char *text);
};

static void free_job(struct job *job)
{
	for (size_t i = 0; job->forwards && job->forwards[i]; i++)
		free(job->forwards[i]);
	free(job->forwards);
	free(job->xml);
	free(job);
}

static void job_runs(uv_work_t *work)
{
	struct job *job = work->data;

	job->run(job);
}

static void job_is_done(uv_work_t *work, int status)
{
	struct job *job = work->data;

	(void)status;
	job->after(job);
	machine_put(job->machine);
	free_job(job);
}

static struct job *job_new(struct vm *vm, backend_done done, void *owner)
{
	struct libvirt_connection *connection;
	struct machine *machine = vm->machine;
	struct job *job;

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

static void job_start(struct job *job, uv_loop_t *loop)
{
	job->machine->users++;
	uv_queue_work(loop, &job->work, job_runs, job_is_done);
}

static void job_fails(struct job *job)
{
	const char *lock;

	libvirt_last_words(job->text, sizeof(job->text));
	lock = strstr(job->text, "Failed to get");
	job->error = lock && strstr(lock, "lock") ? -EBUSY : -EIO;
}

/* --- Starting ------------------------------------------------------------------------------- */

/* A domain of that name is one that no lodged knows: its folder is gone. */
static void remove_orphan(virConnectPtr connect, const char *name)
{
	virDomainPtr domain = virDomainLookupByName(connect, name);

	if (!domain)
		return;
	virDomainDestroy(domain);
	virDomainFree(domain);
}

static void start_runs(struct job *job)
{
	virConnectPtr connect;
	virDomainPtr domain;

	if (job->network) {
		job->error = user_network_start(job->program, job->socket, job->forwards, job->log,
						job->text, sizeof(job->text));
		if (job->error)
			return;
	}
	connect = libvirt_connection_get(job->connection, job->text, sizeof(job->text));
	if (connect)
		remove_orphan(connect, job->name);
	domain = connect ? virDomainCreateXML(connect, job->xml, VIR_DOMAIN_NONE) : NULL;
	if (domain) {
		job->pid = libvirt_domain_pid(job->connection, job->name);
		virDomainFree(domain);
		return;
	}
	job->error = -EIO;
	if (connect)
		job_fails(job);
	if (job->network)
		user_network_cancel(job->socket);
}

static void start_is_done(struct job *job)
{
	struct machine *machine = job->machine;
	struct vm *vm = machine->vm;

	if (!vm) {
		job->done(job->owner, -ECANCELED, "lodged is ending");
		return;
	}
	machine->starting = false;
	if (job->error) {
		job->done(job->owner, job->error, job->text);
		vm_gone(vm, "error", 1);
		return;
	}
	vm->pid = job->pid;
	vm_started(vm);
	job->done(job->owner, 0, "");
	if (machine->stopped)
		ended(machine);
}

static int copy_list(char *const *list, char ***copy)
{
	size_t count = 0;

	while (list && list[count])
		count++;
	*copy = calloc(count + 1, sizeof(**copy));
	if (!*copy)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		(*copy)[i] = strdup(list[i]);
		if (!(*copy)[i])
			return -ENOMEM;
	}
	return 0;
}

static void make_uuid(char uuid[VIR_UUID_STRING_BUFLEN])
{
	uint64_t high = (random_u64() & ~0xf000ULL) | 0x4000; /* version 4: random (RFC 9562) */
	uint64_t low = (random_u64() & ~(3ULL << 62)) | 2ULL << 62;

	snprintf(uuid, VIR_UUID_STRING_BUFLEN, "%08x-%04x-%04x-%04x-%012llx",
		 (unsigned int)(high >> 32), (unsigned int)(high >> 16 & 0xffff),
		 (unsigned int)(high & 0xffff), (unsigned int)(low >> 48),
		 (unsigned long long)(low & 0xffffffffffffULL));
}

/* All that the job needs, from the VM's options. */
static int prepare_start(struct job *job, struct vm *vm)
{
	struct domain_plan plan = {
		.name = vm->name,
		.uuid = job->uuid,
		.folder = vm->path,
		.emulator = EMULATOR,
		.kvm = strcmp(vm->options.accel, "kvm") == 0,
		.options = &vm->options,
	};
	int r = kernel_file_check(vm->options.kernel, job->text, sizeof(job->text));

	if (r < 0)
		return r;
	job->network = strcmp(vm->options.net, "user") == 0;
	if (vm_file(vm, "net.sock", job->socket, sizeof(job->socket)) < 0 ||
	    vm_file(vm, "log", job->log, sizeof(job->log)) < 0 ||
	    copy_list(vm->options.forwards, &job->forwards) < 0) {
		snprintf(job->text, sizeof(job->text), "out of memory");
		return -ENOMEM;
	}
	if (job->network) {
		r = lodged_find_program("lodge-net", job->program, sizeof(job->program));
		if (r < 0) {
			snprintf(job->text, sizeof(job->text),
				 "lodge-net is not installed beside lodged; --net none does "
				 "without");
			return r;
		}
		plan.net_socket = job->socket;
	}
	return domain_xml_new(&plan, &job->xml, job->text, sizeof(job->text));
}

static void start(struct vm *vm, backend_done done, void *owner)
{
	struct machine *machine = machine_new(vm);
	struct job *job = NULL;

	if (machine) {
		make_uuid(machine->uuid);
		job = job_new(vm, done, owner);
	}
	if (!job) {
		done(owner, -ENOMEM, "out of memory");
		vm_gone(vm, "error", 1);
		return;
	}
	job->error = prepare_start(job, vm);
	if (job->error) {
		done(owner, job->error, job->text);
		free_job(job);
		vm_gone(vm, "error", 1);
		return;
	}
	machine->starting = true;
	vm_keep(vm);
	job->run = start_runs;
	job->after = start_is_done;
	job_start(job, &vm->lodged->loop);
}

/* --- Taking up again ------------------------------------------------------------------------ */

static void adopt_runs(struct job *job)
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

static void adopt_is_done(struct job *job)
{
	struct machine *machine = job->machine;

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
	struct machine *machine;
	struct job *job;

	if (vm->pid > 0 && !process_runs(vm->pid, QEMU))
		return -ESRCH;
	machine = machine_new(vm);
	job = machine ? job_new(vm, NULL, NULL) : NULL;
	if (!job) {
		if (machine)
			vm->backend->release(vm);
		return -ENOMEM;
	}
	job->run = adopt_runs;
	job->after = adopt_is_done;
	job_start(job, &vm->lodged->loop);
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

static void command_runs(struct job *job)
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
		job_fails(job);
	/* It ended by itself meanwhile. */
	if (job->error && job->command == BACKEND_KILL &&
	    virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
		job->error = 0;
	if (domain)
		virDomainFree(domain);
}

static void command_is_done(struct job *job)
{
	job->done(job->owner, job->error, job->text);
}

static void command(struct vm *vm, enum backend_command what, backend_done done, void *owner)
{
	struct job *job = job_new(vm, done, owner);

	if (!job) {
		done(owner, -ENOMEM, "out of memory");
		return;
	}
	job->command = what;
	job->run = command_runs;
	job->after = command_is_done;
	job_start(job, &vm->lodged->loop);
}

/* --- The display ---------------------------------------------------------------------------- */

static void graphics_runs(struct job *job)
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

static void graphics_is_done(struct job *job)
{
	if (job->machine->vm)
		job->opened(job->machine->vm, job->fd, job->text);
	else if (job->fd >= 0)
		close(job->fd);
}

static void open_graphics(struct vm *vm, void (*done)(struct vm *vm, int fd, const char *text))
{
	struct job *job = job_new(vm, NULL, NULL);

	if (!job) {
		done(vm, -ENOMEM, "out of memory");
		return;
	}
	job->opened = done;
	job->run = graphics_runs;
	job->after = graphics_is_done;
	job_start(job, &vm->lodged->loop);
}

static void release(struct vm *vm)
{
	struct machine *machine = vm->machine;

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
	.start = start,
	.adopt = adopt,
	.command = command,
	.open_graphics = open_graphics,
	.graphics_kind = graphics_kind,
	.release = release,
};
