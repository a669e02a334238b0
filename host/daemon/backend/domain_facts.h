/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * domain_facts - what matters of a running domain's XML (https://libvirt.org/formatdomain.html)
 */
#ifndef LODGE_DAEMON_DOMAIN_FACTS_H
#define LODGE_DAEMON_DOMAIN_FACTS_H

#include "host/daemon/backend/memory_metadata.h"

#include <stdbool.h>
#include <stdint.h>

/* The port that our agent has in the guest. */
#define DOMAIN_AGENT_PORT "org.lodge.agent.0"

enum domain_graphics {
	DOMAIN_GRAPHICS_NONE,
	DOMAIN_GRAPHICS_PICTURES, /* of another kind, as SPICE: libvirt's screenshots are left */
	DOMAIN_GRAPHICS_VNC,
	DOMAIN_GRAPHICS_DBUS, /* org.qemu.Display1, peer to peer */
};

struct domain_facts {
	char type[16]; /* "kvm", "qemu" */
	uint64_t memory_bytes;
	uint64_t cpus;
	bool has_channel;	/* DOMAIN_AGENT_PORT, as a unix socket that QEMU listens on */
	char channel_path[108]; /* that socket, or "" if it is longer */
	bool has_console;
	enum domain_graphics graphics; /* the best there is for us */
	unsigned int graphics_index;   /* as virDomainOpenGraphicsFD() counts */
	bool has_balloon;
	bool autodeflate; /* which the guest takes memory from before it ends a process */
	unsigned int balloon_period;	    /* seconds between the figures of its driver; 0: none */
	struct memory_member_config memory; /* what its metadata says */
	bool bad_metadata;		    /* which cannot be meant */
};

/* 0; -EBADMSG: that is no domain. */
int domain_facts_read(const char *xml, struct domain_facts *facts);

#endif
