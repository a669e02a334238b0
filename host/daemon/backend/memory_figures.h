/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_figures - what libvirt tells of a domain's memory (virConnectGetAllDomainStats,
 * "balloon.")
 *
 * What the guest's balloon driver says passes through QEMU and libvirt as it is: claims.
 */
#ifndef LODGE_DAEMON_MEMORY_FIGURES_H
#define LODGE_DAEMON_MEMORY_FIGURES_H

#include "host/daemon/memory/vm_memory.h"

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

/* How often a balloon driver is to tell the guest's figures. */
#define MEMORY_FIGURES_PERIOD_S 1

/* QEMU needs 30 to 60 MiB for itself, and 100 under TCG. */
#define MEMORY_BESIDE_MAX (128ULL << 20)

/* A figure that is not known is 0. */
struct memory_figures {
	uint64_t actual_bytes;	/* maximum less balloon */
	uint64_t maximum_bytes; /* of the balloon: all memory */
	uint64_t process_bytes; /* resident, of the process */
	uint64_t beside_bytes;	/* of those, what is no memory of the guest; see update */
	/* The guest's. */
	uint64_t told_s;	  /* CLOCK_REALTIME: when it told; 0: it has not yet */
	uint64_t free_bytes;	  /* MemFree */
	bool has_available;	  /* kernels since 4.6 tell */
	uint64_t available_bytes; /* MemAvailable */
	uint64_t cache_bytes;	  /* that could be dropped */
	uint64_t swapped_in_bytes, swapped_out_bytes; /* counters */
};

void memory_figures_read(const virTypedParameter *parameters, int count,
			 struct memory_figures *figures);

/**
 * memory_figures_update() - take @told after the @last
 *
 * Of a domain that is busy libvirt tells sizes alone: then the rest is as it was. What the guest
 * has told is repeated until it tells again.
 *
 * What a QEMU needs for itself nobody tells. It is no more than what it has beyond the memory that
 * its guest uses: the least of that at times when the guest's memory is at rest, and never more
 * than MEMORY_BESIDE_MAX, since memory that is free in the guest may be resident too. Until it is
 * known, 0.
 *
 * Return: the guest has told anew.
 */
bool memory_figures_update(struct memory_figures *last, const struct memory_figures *told);

/* What is resident of the guest's memory. */
uint64_t memory_figures_resident(const struct memory_figures *figures);

/**
 * memory_figures_tell() - figures were told; the manager is told what is new in them
 * @last:	what was told before; becomes @now
 * @driver:	whether a balloon driver has been seen at work; may become true
 * @member:	NULL: there is nobody to tell
 */
void memory_figures_tell(struct memory_figures *last, bool *driver,
			 const struct memory_figures *now, struct memory_member *member);

/* The same when all that is told is that the balloon has left the guest so much. */
void memory_figures_tell_size(struct memory_figures *last, bool *driver, uint64_t actual_bytes,
			      struct memory_member *member);

#endif
