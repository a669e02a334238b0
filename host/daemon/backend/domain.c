/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/domain.h"

#include "host/daemon/lodged.h"
#include "host/daemon/screen/screen.h"
#include "host/daemon/share/vm_shares.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <dbus/dbus.h>
#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct domain *domain_of(const struct domain_host *host, const struct vm *vm)
{
	struct domain *domain = vm->backend == &backend_domain ? vm->machine : NULL;

	return domain && domain->host == host ? domain : NULL;
}

void domain_put(struct domain *domain)
{
	if (--domain->users == 0)
		free(domain);
}

static void id_of(const struct domain_host *host, const char *uuid, char *id, size_t capacity)
{
	snprintf(id, capacity, "domain/%s-%s", host->label, uuid);
}

int domain_folder(const struct domain_host *host, const char *uuid, char *path, size_t capacity)
{
	char id[64];
	int length;

	id_of(host, uuid, id, sizeof(id));
	length = snprintf(path, capacity, "%s/%s", host->lodged->runtime, id);
	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}

/* --- Listing -------------------------------------------------------------------------------- */

/* libvirt's file with the process id of a domain's QEMU, for its two usual places. */
static int pid_file(const struct domain_host *host, const char *name, char *path, size_t capacity)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int length;

	if (strcmp(host->uri, "qemu:///system") == 0)
		length = snprintf(path, capacity, "/run/libvirt/qemu/%s.pid", name);
	else if (strcmp(host->uri, "qemu:///session") == 0 && runtime)
		length = snprintf(path, capacity, "%s/libvirt/qemu/run/%s.pid", runtime, name);
	else
		return -ENOENT;
	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}

/* Where libvirt does not let us look, they stay 0. */
static void find_process(struct vm *vm, const struct domain_host *host, const char *name)
{
	char path[PATH_MAX], text[16] = "";
	_cleanup_fclose_ FILE *file = NULL;
	struct stat status;
	uint64_t pid;

	if (pid_file(host, name, path, sizeof(path)) == 0)
		file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file) || fstat(fileno(file), &status) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (parse_u64(text, 1, INT_MAX, &pid) < 0)
		return;
	vm->pid = (pid_t)pid;
	vm->started_ns = status.st_mtim.tv_sec * 1000000000LL + status.st_mtim.tv_nsec;
}

/* What it is like, as far as others ask. */
static int fill_options(struct vm *vm, const struct domain_facts *facts)
{
	struct vm_options *options = &vm->options;

	options->accel = strdup(strcmp(facts->type, "qemu") == 0 ? "tcg" : facts->type);
	options->clipboard = strdup("both");
	options->cpus = facts->cpus;
	options->memory = facts->memory_bytes;
	return options->accel && options->clipboard ? 0 : -ENOMEM;
}

/* An earlier lodged showed it: its lodge-screen is in the folder. */
static void take_up_screen(struct vm *vm)
{
	char error[512], path[PATH_MAX];

	if (vm_file(vm, SCREEN_HANDOFF, path, sizeof(path)) < 0 || access(path, F_OK) < 0)
		return;
	if (domain_start_screen(vm, true, error, sizeof(error)) < 0)
		log_warning("%s: it goes on without a screen: %s", vm->name, error);
}

/* An earlier lodged gave it shared folders: they are still served. */
static void take_up_shares(struct vm *vm)
{
	struct descriptor descriptor;

	if (descriptor_read(vm->path, &descriptor) < 0)
		return;
	vm->options.shares = take_ptr(descriptor.options.shares);
	descriptor_free(&descriptor);
	if (!vm->options.shares)
		return;
	vm_shares_start(vm, true);
	domain_attend(vm, BACKEND_PORT_AGENT, NULL, NULL);
}

int domain_add(struct domain_host *host, const struct domain_found *found)
{
	struct domain *domain = calloc(1, sizeof(*domain));
	const char *name = found->name;
	struct vm *vm = NULL;
	char id[64];

	/* D-Bus takes UTF-8 only. */
	if (!dbus_validate_utf8(name, NULL) || strlen(name) > VM_FOREIGN_NAME_MAX)
		name = found->uuid;
	id_of(host, found->uuid, id, sizeof(id));
	if (domain)
		vm = vm_new_foreign(host->lodged, id, name, host->uri);
	if (!vm || fill_options(vm, &found->facts) < 0) {
		if (vm)
			vm_free_alone(vm);
		free(domain);
		return -ENOMEM;
	}
	domain->host = host;
	domain->vm = vm;
	domain->users = 1;
	domain->facts = found->facts;
	strcpy(domain->uuid, found->uuid);
	vm->backend = &backend_domain;
	vm->machine = domain;
	find_process(vm, host, found->name);
	vm->state = found->state;
	snprintf(vm->reason, sizeof(vm->reason), "%s", found->reason);
	vm_list(vm);
	domain_memory_begin(domain);
	take_up_screen(vm);
	take_up_shares(vm);
	return 0;
}

void domain_ended(struct domain *domain, const char *reason)
{
	static const struct {
		const char *reason;
		int status;
	} statuses[] = {{"", 0}, {"migrated", 0}, {"saved", 0}, {"panic", 7}, {"killed", 10}};
	int status = 1;

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (strcmp(statuses[i].reason, reason) == 0)
			status = statuses[i].status;
	}
	vm_gone(domain->vm, reason[0] ? reason : "power-off", status);
}

/* --- Commands ------------------------------------------------------------------------------- */

static int carry_out(virDomainPtr domain, enum backend_command command)
{
	switch (command) {
	case BACKEND_POWER_BUTTON:
		return virDomainShutdown(domain);
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

static void ask_command(struct domain_call *call, virDomainPtr domain)
{
	if (carry_out(domain, call->command) < 0)
		domain_call_fails(call, -EIO);
}

static void command_answered(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	(void)vm;
	call->done(call->owner, error, text);
}

static void command(struct vm *vm, enum backend_command what, backend_done done, void *owner)
{
	struct domain_call *call = domain_call_new(vm, ask_command, command_answered);

	if (!call) {
		done(owner, -ENOMEM, "out of memory");
		return;
	}
	call->command = what;
	call->done = done;
	call->owner = owner;
	domain_call_start(call);
}

static void release(struct vm *vm)
{
	struct domain *domain = vm->machine;

	if (!domain)
		return;
	vm->machine = NULL;
	domain->vm = NULL;
	domain_put(domain);
}

static const char *graphics_kind(const struct vm *vm)
{
	const struct domain *domain = vm->machine;

	switch (domain->facts.graphics) {
	case DOMAIN_GRAPHICS_PICTURES:
		return "pictures";
	case DOMAIN_GRAPHICS_VNC:
		return "vnc";
	default:
		return "qemu";
	}
}

const struct backend backend_domain = {
	.name = "domain",
	.command = command,
	.open_graphics = domain_open_graphics,
	.graphics_kind = graphics_kind,
	.memory = &domain_memory_driver,
	.attend = domain_attend,
	.attach = domain_attach_agent,
	.open_agent = domain_open_agent,
	.release = release,
};
