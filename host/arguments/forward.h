/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forward - a port of the host that leads to one of the guest
 *
 *	[tcp:|udp:][HOSTADDRESS:]HOSTPORT:GUESTPORT
 *
 * HOSTADDRESS is numeric, an IPv6 address in brackets; 127.0.0.1 if it is left out. From IPv6 to
 * IPv6 only TCP goes: libslirp has one address of the guest, and answers to a datagram often come
 * from another one.
 */
#ifndef LODGE_ARGUMENTS_FORWARD_H
#define LODGE_ARGUMENTS_FORWARD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define FORWARD_MAX 32 /* of one network */

/* For messages. */
#define FORWARD_FORM   "[tcp:|udp:][HOSTADDRESS:]HOSTPORT:GUESTPORT"
#define FORWARD_NO_UDP "only TCP can be forwarded from an IPv6 address"

struct forward {
	bool udp;
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} host; /* with its port */
	uint16_t guest_port;
};

/* Return: 0; -EINVAL if @text is no forward; -EPROTONOSUPPORT if it is one of UDP over IPv6. */
int forward_parse(const char *text, struct forward *forward);

#endif
