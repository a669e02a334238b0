/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forward - a port of the host that leads to one of the guest
 *
 *	[tcp:|udp:][HOSTADDRESS:]HOSTPORT:GUESTPORT
 *
 * HOSTADDRESS is numeric IPv4, 127.0.0.1 if it is left out.
 */
#ifndef LODGE_NET_FORWARD_H
#define LODGE_NET_FORWARD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct forward {
	bool udp;
	struct in_addr host_address;
	uint16_t host_port, guest_port;
};

/* Return: 0; -EINVAL if @text is no forward; -EAFNOSUPPORT if it names an IPv6 address. */
int forward_parse(const char *text, struct forward *forward);

#endif
