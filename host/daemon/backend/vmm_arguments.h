/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmm_arguments - the command line of a VM's lodge-vmm
 */
#ifndef LODGE_DAEMON_BACKEND_VMM_ARGUMENTS_H
#define LODGE_DAEMON_BACKEND_VMM_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#define VMM_MAX_ARGUMENTS 160

struct vm;

struct vmm_arguments {
	char *list[VMM_MAX_ARGUMENTS]; /* NULL behind the last */
	size_t count;
	bool failed; /* there are too many, or no memory */
};

/* By the VM's options, its folder and what it shares; appended to what is there. */
void vmm_arguments_build(const struct vm *vm, const char *program, struct vmm_arguments *arguments);
void vmm_arguments_free(struct vmm_arguments *arguments);

#endif
