/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ports - virtio-serial ports by name
 *
 * Found by sysfs, so that no udev is needed.
 */
#ifndef LODGE_GUEST_SYSTEM_PORTS_H
#define LODGE_GUEST_SYSTEM_PORTS_H

#include <stddef.h>

#define PORT_NAME   "org.lodge.agent.0"
#define PORTS_SYSFS "/sys/class/virtio-ports"

/**
 * ports_find() - the device of a port
 * @sysfs:	PORTS_SYSFS
 * @name:	of the port
 * @device:	receives "/dev/vport0p1"
 *
 * Return: 0; -ENOENT: no port of that name; another negative errno.
 */
int ports_find(const char *sysfs, const char *name, char *device, size_t capacity);

#endif
