/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a VM under QEMU starts: its network first, then the domain. */
#include "host/daemon/backend/libvirt_internal.h"

#include "host/daemon/backend/domain_xml.h"
#include "host/daemon/backend/kernel_file.h"
#include "host/daemon/backend/user_network.h"
#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"
#include "host/daemon/share/vm_shares.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMULATOR "/usr/bin/" QEMU

/* A domain of that name is one that no lodged knows: its folder is gone. */
static void remove_orphan(virConnectPtr connect, const char *name)
{
	virDomainPtr domain = virDomainLookupByName(connect, name);

	if (!domain)
		return;
	virDomainDestroy(domain);
	virDomainFree(domain);
}

static void start_runs(struct libvirt_job *job)
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
		libvirt_job_fails(job);
	if (job->network)
		user_network_cancel(job->socket);
}

static void start_is_done(struct libvirt_job *job)
{
	struct libvirt_machine *machine = job->machine;
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
	lodged_memory_contain(vm);
	vm_started(vm);
	job->done(job->owner, 0, "");
	if (machine->stopped)
		libvirt_machine_ended(machine);
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

static size_t list_shares(const struct vm *vm, struct domain_share shares[SHARE_MAX_DEVICES])
{
	const struct share_spec *spec;
	size_t count = 0;

	while (count < SHARE_MAX_DEVICES &&
	       (spec = vm_share_device_at(vm, count, &shares[count].socket)) != NULL)
		shares[count++].tag = spec->name;
	return count;
}

/* All that the job needs, from the VM's options. */
static int prepare_start(struct libvirt_job *job, struct vm *vm)
{
	struct domain_plan plan = {
		.name = vm->name,
		.uuid = job->uuid,
		.folder = vm->path,
		.emulator = EMULATOR,
		.kvm = strcmp(vm->options.accel, "kvm") == 0,
		.options = &vm->options,
	};
	struct domain_share shares[SHARE_MAX_DEVICES];
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
	plan.shares = shares;
	plan.share_count = list_shares(vm, shares);
	return domain_xml_new(&plan, &job->xml, job->text, sizeof(job->text));
}

void libvirt_start(struct vm *vm, backend_done done, void *owner)
{
	struct libvirt_machine *machine = libvirt_machine_new(vm);
	struct libvirt_job *job = NULL;

	if (machine) {
		make_uuid(machine->uuid);
		job = libvirt_job_new(vm, done, owner);
	}
	if (!job) {
		done(owner, -ENOMEM, "out of memory");
		vm_gone(vm, "error", 1);
		return;
	}
	job->error = prepare_start(job, vm);
	if (job->error) {
		done(owner, job->error, job->text);
		libvirt_job_free(job);
		vm_gone(vm, "error", 1);
		return;
	}
	machine->starting = true;
	vm_keep(vm);
	job->run = start_runs;
	job->after = start_is_done;
	libvirt_job_start(job, &vm->lodged->loop);
}
