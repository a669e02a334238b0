/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_settings - memory.json, by which the next lodged knows how memory is to be shared
 */
#ifndef LODGE_DAEMON_MEMORY_SETTINGS_H
#define LODGE_DAEMON_MEMORY_SETTINGS_H

#include "host/daemon/memory/manager.h"

#define MEMORY_SETTINGS_FILE "memory.json"

/* From folder @path. What is not there, or makes no sense, is as it is without a file. */
void memory_settings_read(const char *path, struct memory_settings *settings);
/* Into folder @path, whole or not at all. 0 or -errno. */
int memory_settings_write(const char *path, const struct memory_settings *settings);

#endif
