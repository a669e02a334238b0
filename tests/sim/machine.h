/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine - what the simulator assumes of hosts, disks and balloons
 *
 * These are assumptions, of an ordinary machine with an SSD; results compare controllers under the
 * same ones, and are no measurements of a machine.
 */
#ifndef LODGE_SIM_MACHINE_H
#define LODGE_SIM_MACHINE_H

#define HOST_BYTES	(16 * GIB)
#define HOST_SWAP_BYTES (1 * GIB) /* beyond it the host kills a VM */
#define VM_BYTES	(4 * GIB)
#define VM_MINIMUM	(512 * MIB)
#define OTHER_BYTES	(0.5 * GIB)	   /* of the host, used by what is no VM */
#define SHOCK_BYTES	(0.3 * HOST_BYTES) /* another program takes them, at */
#define SHOCK_RATE	(200 * MIB)
#define RUN_MS		1800000

#define KERNEL_BYTES	 (120 * MIB) /* of a guest, for itself */
#define GUEST_SWAP_BYTES (1 * GIB)

/* A second: the balloon's, by what it takes. */
#define DEFLATE_RATE	   (2 * GIB)
#define INFLATE_FREE_RATE  (1 * GIB)
#define INFLATE_CACHE_RATE (512 * MIB)
#define INFLATE_SWAP_RATE  (50 * MIB)

#define ALLOCATION_RATE (1 * GIB)   /* of new anonymous memory */
#define REFAULT_RATE	(150 * MIB) /* small reads of a disk, as refaults and swap are */
#define READ_RATE	(400 * MIB)
#define RESTART_MS	30000.0 /* after an OOM kill */

#endif
