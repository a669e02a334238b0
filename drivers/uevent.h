/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uevent - the kernel's device events (netlink, NETLINK_KOBJECT_UEVENT)
 */
#ifndef LODGE_DRIVERS_UEVENT_H
#define LODGE_DRIVERS_UEVENT_H

#include <stdbool.h>
#include <stddef.h>

/* Return: a non-blocking socket that receives the kernel's events; negative errno. */
int uevent_open(void);

/**
 * uevent_drain() - read all events that wait
 * @subsystem:	which are of interest
 *
 * Messages not sent by the kernel are ignored.
 *
 * Return: was there one of @subsystem, or may one have been lost?
 */
bool uevent_drain(int fd, const char *subsystem);

/* Does the event in @bytes (strings with NUL behind each) belong to @subsystem? */
bool uevent_is_of(const char *bytes, size_t length, const char *subsystem);

#endif
