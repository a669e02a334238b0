/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options - the command line of lodge-net
 */
#ifndef LODGE_NET_OPTIONS_H
#define LODGE_NET_OPTIONS_H

#include "host/arguments/forward.h"

#include <stddef.h>

struct net_options {
	int fd;		    /* connected socket; negative: none was given */
	const char *listen; /* path of a socket to make; NULL: none was given */
	uint16_t mtu_bytes;
	int ready_fd; /* gets a byte when the ports are bound; negative: none was given */
	struct forward forward[FORWARD_MAX];
	size_t forwards;
	bool sandbox;
	bool help, version;
};

/**
 * net_options_parse() - read a command line
 * @options:	set on success; points into @words
 * @error:	on failure: one line for people
 *
 * Return: 0; -EINVAL with @error.
 */
int net_options_parse(int count, char *const words[], struct net_options *options, char *error,
		      size_t error_size);

extern const char net_options_help[];

#endif
