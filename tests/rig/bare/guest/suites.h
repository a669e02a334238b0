/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* suites - one a subject; a new one is a line here and one in main.c */
#ifndef BARE_SUITES_H
#define BARE_SUITES_H

#include "test.h"

extern const struct suite suite_machine;    /* tables, CPUs, PCI identity of what is there */
extern const struct suite suite_interrupts; /* MSI-X: delivered, masked, pending, from HLT */
extern const struct suite suite_smp;
extern const struct suite suite_rng;
extern const struct suite suite_blk;
extern const struct suite suite_console;
extern const struct suite suite_net;
extern const struct suite suite_gpu;
extern const struct suite suite_input;
extern const struct suite suite_fs;
extern const struct suite suite_fs_use; /* what works, and the device left in use */
extern const struct suite suite_balloon;
extern const struct suite suite_balloon_host; /* with balloon.py at the control socket */
extern const struct suite suite_mem;
extern const struct suite suite_mem_host; /* with mem.py at the control socket */
/* Only where they are named, since they do not end: */
extern const struct suite suite_memory_idle;	/* gives what it has to the balloon */
extern const struct suite suite_memory_works;	/* uses more and more */
extern const struct suite suite_memory_refuses; /* gives nothing back */

extern const struct suite suite_rings;	   /* hostile: what is in the rings, and where they are */
extern const struct suite suite_lifecycle; /* hostile: status, features, queue registers, resets */
extern const struct suite suite_registers; /* hostile: every register, every width, MSI-X table */
extern const struct suite suite_config;	   /* hostile: configuration space, BARs moved */
extern const struct suite suite_ports;	   /* hostile: I/O ports */
extern const struct suite suite_figures;   /* what things cost */

#endif
