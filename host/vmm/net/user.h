/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The `user` backend: a network without privileges, by a lodge-net process
 *
 * During set-up only.
 */
#ifndef LODGE_VMM_NET_USER_H
#define LODGE_VMM_NET_USER_H

#include "host/vmm/net/backend.h"
#include "host/vmm/options.h"

/**
 * net_user_new() - start a lodge-net, or connect to the one that options->socket names
 *
 * A lodge-net that was started has its forwarded ports when this returns, and ends when the backend
 * is freed or the VMM ends in any other way.
 *
 * Return: 0; negative errno after log_error() (here or in lodge-net) has said what is wrong.
 */
int net_user_new(const struct options_net *options, struct net_backend **backend);

#endif
