/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory_kept.h"

#include "host/daemon/json_file.h"
#include "host/daemon/vm.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <unistd.h>

static const char *const file_name[MEMORY_KEPT_KINDS] = {
	[MEMORY_KEPT_PAUSE] = "memory-pause.json",
	[MEMORY_KEPT_LIMIT] = "memory-limit.json",
};

int memory_keep(const struct vm *vm, enum memory_kept what, bool done)
{
	_cleanup_json_ struct json_object *object = NULL;
	char path[PATH_MAX];
	int r;

	if (!done) {
		r = vm_file(vm, file_name[what], path, sizeof(path));
		if (r == 0 && unlink(path) < 0 && errno != ENOENT)
			r = -errno;
		return r;
	}
	/* A domain that nothing was kept of has none yet. */
	r = vm_make_folder(vm);
	if (r < 0)
		return r;
	object = json_object_new_object();
	json_object_object_add(object, "pid", json_object_new_int64(vm->pid));
	return json_file_write(vm->path, file_name[what], object);
}

bool memory_is_kept(const struct vm *vm, enum memory_kept what)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *pid;

	return json_file_read(vm->path, file_name[what], &object) == 0 &&
	       json_file_get(object, "pid", json_type_int, &pid) &&
	       json_object_get_int64(pid) == vm->pid;
}
