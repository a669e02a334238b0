/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place - one side of a copy: "VM:/PATH", a path on the host, or "-"
 *
 * "VM:" is what comes before the first ':', if no '/' comes before that: "./a:b" is a file. A
 * domain of libvirt may have its whole name: "libvirt:NAME:/PATH", "qemu:///system/NAME:/PATH".
 */
#ifndef LODGE_CLI_PLACE_H
#define LODGE_CLI_PLACE_H

#include <stdbool.h>

#define PLACE_VM_MAX 512

struct place {
	char vm[PLACE_VM_MAX]; /* empty: on the host */
	const char *path;      /* in the caller's text; absolute if in a VM */
	bool is_stream;	       /* "-": standard input or output */
};

/**
 * place_parse() - understand one argument of cp
 * @problem:	set to a constant, what is wrong, on failure
 *
 * Return: 0 or -EINVAL.
 */
int place_parse(const char *text, struct place *place, const char **problem);

/* The last component of a path, without slashes behind it, into @name. Return: 0; -EINVAL if there
 * is none ("/", "."); -ENAMETOOLONG. */
int place_base_name(const char *path, char *name, unsigned int capacity);

#endif
