/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream_pump - a libvirt stream as a socket
 *
 * Two threads pass the bytes on, one each way; libvirt's calls may block as they like. Both end
 * when either side does.
 */
#ifndef LODGE_DAEMON_STREAM_PUMP_H
#define LODGE_DAEMON_STREAM_PUMP_H

#include <libvirt/libvirt.h>

/**
 * stream_pump_new() - pass on what a stream carries
 * @stream:	opened, blocking; becomes the pump's, also on failure
 *
 * Return: a socket; -errno.
 */
int stream_pump_new(virStreamPtr stream);

#endif
