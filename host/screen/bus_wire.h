/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus_wire - what has to be known of a message's bytes before libdbus reads them */
#ifndef LODGE_SCREEN_BUS_WIRE_H
#define LODGE_SCREEN_BUS_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BUS_WIRE_START 16 /* bytes that tell the length */

/* The whole length of the message that begins with these BUS_WIRE_START bytes; -EPROTO: it is none,
 * or longer than BUS_PEER_MAX_MESSAGE. */
ssize_t bus_wire_length(const uint8_t start[BUS_WIRE_START]);

/* How many descriptors its header says there are; the header says none afterwards, since libdbus
 * has not received them. -EPROTO: the header is broken. */
ssize_t bus_wire_take_fds(uint8_t *message, size_t length);

#endif
