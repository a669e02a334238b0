/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How VMs are called. Those that Lodge started have the first claim to a name. */
#include "host/daemon/lodged.h"
#include "host/daemon/vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANY_LIBVIRT "libvirt:"

bool vm_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > VM_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789-_.") == length;
}

struct vm *vm_find(struct lodged *lodged, const char *name)
{
	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		if (!vm->source && strcmp(vm->name, name) == 0)
			return vm;
	}
	return NULL;
}

/* "SOURCE/NAME" */
static bool is_of_full_name(const struct vm *vm, const char *words)
{
	size_t length = strlen(vm->source);

	return strncmp(words, vm->source, length) == 0 && words[length] == '/' &&
	       strcmp(words + length + 1, vm->name) == 0;
}

static int find_foreign(struct lodged *lodged, const char *name, struct vm **found)
{
	*found = NULL;
	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		if (!vm->source)
			continue;
		if (is_of_full_name(vm, name)) {
			*found = vm;
			return 0;
		}
		if (strcmp(vm->name, name) != 0)
			continue;
		if (*found)
			return -ENOTUNIQ;
		*found = vm;
	}
	return *found ? 0 : -ENOENT;
}

int vm_look_up(struct lodged *lodged, const char *words, struct vm **vm)
{
	*vm = vm_find(lodged, words);
	if (*vm)
		return 0;
	if (strncmp(words, ANY_LIBVIRT, strlen(ANY_LIBVIRT)) == 0)
		words += strlen(ANY_LIBVIRT);
	return find_foreign(lodged, words, vm);
}

const char *vm_label(const struct vm *vm, char label[VM_LABEL_MAX])
{
	struct vm *found;

	if (!vm->source || (vm_look_up(vm->lodged, vm->name, &found) == 0 && found == vm))
		snprintf(label, VM_LABEL_MAX, "%s", vm->name);
	else
		snprintf(label, VM_LABEL_MAX, "%s/%s", vm->source, vm->name);
	return label;
}
