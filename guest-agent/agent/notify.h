/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notify - tell the service manager (sd_notify(3), the protocol by hand)
 */
#ifndef LODGE_AGENT_NOTIFY_H
#define LODGE_AGENT_NOTIFY_H

/**
 * notify_send() - say @state, such as "READY=1"
 * @socket:	$NOTIFY_SOCKET: a path, or an abstract name after '@'; NULL: nobody listens
 *
 * Return: 0, also where nobody listens; negative errno.
 */
int notify_send(const char *socket, const char *state);

#endif
