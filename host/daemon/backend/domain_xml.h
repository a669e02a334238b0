/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * domain_xml - a VM's options as libvirt's domain XML (https://libvirt.org/formatdomain.html)
 *
 * q35, the kernel booted directly, virtio devices only; the same sockets as under lodge-vmm.
 */
#ifndef LODGE_DAEMON_DOMAIN_XML_H
#define LODGE_DAEMON_DOMAIN_XML_H

#include "host/daemon/options.h"

#include <stdbool.h>
#include <stddef.h>

/* A virtio file system; whoever listens on the socket serves it. */
struct domain_share {
	const char *tag, *socket;
};

struct domain_plan {
	const char *name, *uuid;
	const char *folder; /* where agent.sock and console.sock are to be */
	const char *emulator;
	const char *net_socket; /* where a lodge-net listens; NULL: no network */
	bool kvm;
	const struct domain_share *shares; /* @share_count of them */
	size_t share_count;
	const struct vm_options *options; /* completed */
};

/**
 * domain_xml_new() - write it
 * @xml:	set on success; to be freed
 * @error:	receives one line for people on failure
 *
 * Return: 0; -EINVAL for what cannot be; -errno of a disk that is not there; -ENOMEM.
 */
int domain_xml_new(const struct domain_plan *plan, char **xml, char *error, size_t capacity);

#endif
