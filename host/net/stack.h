/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stack - the network that the guest sees: libslirp, its timers, its descriptors
 *
 * 10.0.2.0/24 and fd6c:6f64:6765::/64; the host is .2, the name server .3, the guest .15 by DHCP.
 */
#ifndef LODGE_NET_STACK_H
#define LODGE_NET_STACK_H

#include "host/arguments/forward.h"

#include <poll.h>
#include <stddef.h>

/* What IPv6 asks of every link, and what libslirp's buffers hold. */
#define STACK_MTU_MIN	  1280
#define STACK_MTU_MAX	  65521
#define STACK_MTU_DEFAULT 1500

struct stack;

/* A frame for the guest. */
typedef void (*stack_output)(void *owner, const uint8_t *frame, size_t size);

/**
 * stack_new() - an empty network
 * @mtu_bytes:	the largest IP packet that @output gets: STACK_MTU_MIN to STACK_MTU_MAX
 *
 * Return: the stack, freed by stack_free(); NULL if libslirp refuses.
 */
struct stack *stack_new(uint16_t mtu_bytes, stack_output output, void *owner);
void stack_free(struct stack *stack);

/* Bind the host's port, to lead to the guest's address of the same family. Return: 0; -EADDRINUSE,
 * -EACCES, -EADDRNOTAVAIL ... as bind() has it. */
int stack_add_forward(struct stack *stack, const struct forward *forward);

/* A frame from the guest. */
void stack_input(struct stack *stack, const uint8_t *frame, size_t size);

/**
 * stack_wait() - wait for the stack's descriptors, its timers, and some more descriptors, and let
 * the stack do what is due
 * @extra:	@count descriptors more; their revents are set
 *
 * Return: 0 or negative errno.
 */
int stack_wait(struct stack *stack, struct pollfd *extra, size_t count);

#endif
