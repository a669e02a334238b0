/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_figures - what a libvirt says of its running domains, all of them in one call
 */
#ifndef LODGE_DAEMON_LIBVIRT_FIGURES_H
#define LODGE_DAEMON_LIBVIRT_FIGURES_H

#include "host/statistics/figures.h"

#include <libvirt/libvirt.h>

struct lodged;
struct statistics_round;

struct libvirt_figures {
	char uuid[VIR_UUID_STRING_BUFLEN];
	struct figures figures;
};

/**
 * libvirt_figures_read() - in a thread, since it may take a while
 * @list:	set to an array, to be freed
 *
 * A domain that is busy with something else is told of without what would have to be waited for.
 *
 * Return: 0 or -EIO, with libvirt's last words to be asked for.
 */
int libvirt_figures_read(virConnectPtr connect, struct libvirt_figures **list, size_t *count);

/* Typed parameters of one domain as figures; for libvirt_figures_read(). */
void libvirt_figures_take(virTypedParameterPtr parameters, int count, struct figures *figures);

/* Takes over what is known in @news, and leaves the rest. */
void libvirt_figures_merge(struct figures *figures, const struct figures *news);

/* Asks libvirt's driver inside lodged for the VMs that it runs, if it is there. */
void libvirt_figures_count(struct lodged *lodged, struct statistics_round *round);

#endif
