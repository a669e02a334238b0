/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe - what this host offers for running VMs
 *
 * A /dev/kvm that opens is not enough: in some clouds it is backed by kvm_pvm, which interprets
 * unmodified kernels so slowly that they never boot. Then, and without KVM, VMs run under QEMU's
 * TCG.
 */
#ifndef LODGE_PROBE_H
#define LODGE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

enum probe_kvm {
	PROBE_KVM_GOOD,	       /* hardware virtualization, usable by this user */
	PROBE_KVM_MISSING,     /* no /dev/kvm */
	PROBE_KVM_FORBIDDEN,   /* there, but not for this user */
	PROBE_KVM_BROKEN,      /* opens, but cannot make a VM */
	PROBE_KVM_INTERPRETED, /* kvm_pvm: stock kernels do not boot on it */
};

struct probe {
	enum probe_kvm kvm;
	int kvm_error;	      /* errno of what failed, or 0 */
	bool cpu_virtualizes; /* svm or vmx in /proc/cpuinfo */
	bool qemu;	      /* qemu-system-x86_64 is installed */
	bool libvirt_driver;  /* libvirt's QEMU driver is installed, by which lodged runs QEMU */
	unsigned int cpus;    /* in /proc/cpuinfo */
	uint64_t memory_total_bytes, memory_available_bytes; /* 0: not known */
};

/**
 * probe_host() - look
 * @root:	"" for this host; tests give a folder with proc, dev, sys and usr in it
 */
void probe_host(const char *root, struct probe *probe);

/* What --accel auto comes to here: "kvm"; "tcg", for which QEMU and libvirt's driver are needed; or
 * "", when VMs cannot run. Constant. */
const char *probe_accelerator(const struct probe *probe);

/* One sentence on KVM here, for people, without a full stop. Constant. */
const char *probe_kvm_text(enum probe_kvm kvm);

/* What to do about it, or "" if there is nothing. Constant. */
const char *probe_kvm_advice(enum probe_kvm kvm);

#endif
