/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking up the VMs that an earlier lodged left: each has a folder with a descriptor in it.
 */
#include "host/daemon/backend.h"
#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"
#include "host/daemon/screen/screen.h"
#include "host/daemon/vm.h"
#include "protocol/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

static int adopt(struct lodged *lodged, const char *name)
{
	struct descriptor descriptor;
	char error[512];
	struct vm *vm;
	int r;

	vm = vm_allocate_own(lodged, name);
	if (!vm)
		return -ENOMEM;
	r = descriptor_read(vm->path, &descriptor);
	if (r == 0) {
		vm->backend = backend_named(descriptor.backend);
		vm->pid = descriptor.pid;
		vm->started_ns = descriptor.started_ns;
		vm->options = descriptor.options;
		r = vm->backend ? vm->backend->adopt(vm) : -EBADMSG;
	}
	if (r < 0) {
		/* It has died, or never lived. */
		log_info("%s: not taken up again: %s", name, error_text(r));
		vm_clear_folder(vm->path);
		vm_free_alone(vm);
		return r;
	}
	if (vm->state == VM_STARTING)
		vm->state = VM_RUNNING;
	vm_list(vm);
	lodged_memory_adopt(vm, NULL);
	if (vm_screen_new(vm, true, error, sizeof(error)) < 0)
		log_warning("%s: it goes on without a screen: %s", name, error);
	vm_connect_to_guest(vm, true);
	log_info("%s: taken up again", name);
	return 0;
}

void vm_adopt_all(struct lodged *lodged)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder;

	if (snprintf(path, sizeof(path), "%s/vm", lodged->runtime) >= (int)sizeof(path))
		return;
	folder = opendir(path);
	while (folder && (entry = readdir(folder)) != NULL) {
		if (vm_name_is_valid(entry->d_name))
			adopt(lodged, entry->d_name);
	}
	if (folder)
		closedir(folder);
}
