/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * picture_pump - a domain's pictures and keys, by libvirt, as a socket
 * (host/screen/source/pictures.h)
 *
 * A thread takes a screenshot (virDomainScreenshot) for each that is asked for, and presses keys
 * (virDomainSendKey); libvirt's calls may block as they like. It ends when the socket's other end
 * is closed, or libvirt is gone.
 */
#ifndef LODGE_DAEMON_PICTURE_PUMP_H
#define LODGE_DAEMON_PICTURE_PUMP_H

#include <libvirt/libvirt.h>

/* Return: a socket; -errno. */
int picture_pump_new(virDomainPtr domain);

#endif
