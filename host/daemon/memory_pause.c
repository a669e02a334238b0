/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory_pause.h"

#include "host/daemon/json_file.h"
#include "host/daemon/vm.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <unistd.h>

#define FILE_NAME "memory-pause.json"

int memory_pause_keep(const struct vm *vm, bool paused)
{
	_cleanup_json_ struct json_object *object = NULL;
	char path[PATH_MAX];
	int r;

	if (!paused) {
		r = vm_file(vm, FILE_NAME, path, sizeof(path));
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
	return json_file_write(vm->path, FILE_NAME, object);
}

bool memory_pause_is_kept(const struct vm *vm)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *pid;

	return json_file_read(vm->path, FILE_NAME, &object) == 0 &&
	       json_file_get(object, "pid", json_type_int, &pid) &&
	       json_object_get_int64(pid) == vm->pid;
}
