/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/vmm_arguments.h"

#include "host/daemon/screen/screen.h"
#include "host/daemon/share/vm_shares.h"
#include "host/daemon/vm.h"
#include "protocol/base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vmm_arguments_free(struct vmm_arguments *arguments)
{
	for (size_t i = 0; i < arguments->count; i++)
		free(arguments->list[i]);
}

static void add(struct vmm_arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct vmm_arguments *arguments, const char *format, ...)
{
	va_list values;
	char *text;

	va_start(values, format);
	if (arguments->count + 1 >= VMM_MAX_ARGUMENTS || vasprintf(&text, format, values) < 0)
		arguments->failed = true;
	else
		arguments->list[arguments->count++] = text;
	va_end(values);
}

static void add_pair(struct vmm_arguments *arguments, const char *flag, const char *value)
{
	if (value && value[0]) {
		add(arguments, "%s", flag);
		add(arguments, "%s", value);
	}
}

/* For values that are lists: a comma of the path is written twice. NULL without memory. */
static char *in_list(const char *path)
{
	char *copy = malloc(2 * strlen(path) + 1), *to = copy;

	for (const char *from = path; copy && *from; from++) {
		if (*from == ',')
			*to++ = ',';
		*to++ = *from;
	}
	if (copy)
		*to = '\0';
	return copy;
}

static void add_shares(struct vmm_arguments *arguments, const struct vm *vm)
{
	const struct share_spec *spec;
	const char *socket;

	for (size_t i = 0; (spec = vm_share_device_at(vm, i, &socket)) != NULL; i++) {
		_cleanup_free_ char *path = in_list(socket);
		char dax[32] = "";

		if (spec->dax_bytes)
			snprintf(dax, sizeof(dax), ",dax=%llu",
				 (unsigned long long)spec->dax_bytes);
		arguments->failed |= !path;
		if (path)
			add(arguments, "--fs=tag=%s,socket=%s%s", spec->name, path, dax);
	}
}

static void add_display(struct vmm_arguments *arguments, const struct vm *vm)
{
	_cleanup_free_ char *path = in_list(vm->path);

	if (!path) {
		arguments->failed = true;
		return;
	}
	add(arguments, "--display=socket=%s/" SCREEN_DISPLAY ",heads=%llu,size=%s", path,
	    (unsigned long long)vm->options.heads, vm->options.size);
}

static void add_memory(struct vmm_arguments *arguments, const struct vm_options *options)
{
	unsigned long long start = options->memory, most = options->memory_most;

	if (most)
		add(arguments, "--memory=%llu,max=%llu", start, most);
	else
		add(arguments, "--memory=%llu", start);
}

void vmm_arguments_build(const struct vm *vm, const char *program, struct vmm_arguments *arguments)
{
	const struct vm_options *options = &vm->options;

	add(arguments, "%s", program);
	add_pair(arguments, "--name", vm->name);
	add(arguments, "--cpus=%llu", (unsigned long long)options->cpus);
	add_memory(arguments, options);
	add(arguments, "--balloon");
	add_pair(arguments, "--kernel", options->kernel);
	add_pair(arguments, "--initrd", options->initrd);
	add_pair(arguments, "--append", options->append);
	for (size_t i = 0; options->disks && options->disks[i]; i++)
		add_pair(arguments, "--disk", options->disks[i]);
	if (strcmp(options->net, "user") == 0)
		add_pair(arguments, "--net", "user");
	for (size_t i = 0; options->forwards && options->forwards[i]; i++)
		add_pair(arguments, "--forward", options->forwards[i]);
	add_pair(arguments, "--on-reboot", options->on_reboot);
	add_pair(arguments, "--on-panic", options->on_panic);
	add(arguments, "--control=%s/control.sock", vm->path);
	add(arguments, "--serial=unix:%s/console.sock", vm->path);
	if (strcmp(options->display, "on") == 0) {
		add(arguments, "--port=" SCREEN_SPICE_PORT "=%s/" SCREEN_SPICE, vm->path);
		add_display(arguments, vm);
	}
	add(arguments, "--port=org.lodge.agent.0=%s/agent.sock", vm->path);
	add_shares(arguments, vm);
}
