/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * descriptor - vm.json, by which the next lodged knows a VM
 *
 * Kept as json_file.h has it.
 */
#ifndef LODGE_DAEMON_DESCRIPTOR_H
#define LODGE_DAEMON_DESCRIPTOR_H

#include "host/daemon/options.h"

#include <stdint.h>
#include <sys/types.h>

struct descriptor {
	char backend[16];
	pid_t pid;
	int64_t started_ns;
	struct vm_options options;
};

#define DESCRIPTOR_FILE "vm.json"

/* Into folder @path. 0 or -errno. */
int descriptor_write(const char *path, const struct descriptor *descriptor);

/* From folder @path; on success free with descriptor_free(). -EBADMSG if it makes no sense. */
int descriptor_read(const char *path, struct descriptor *descriptor);

void descriptor_free(struct descriptor *descriptor);

#endif
