/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/placement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int choose_accelerator(const char *wanted, const struct probe *probe, const char **accel,
			      char *error, size_t capacity)
{
	bool kvm = probe->kvm == PROBE_KVM_GOOD;

	if (strcmp(wanted, "kvm") == 0) {
		*accel = "kvm";
		if (kvm || probe->kvm == PROBE_KVM_INTERPRETED)
			return 0;
		snprintf(error, capacity, "%s: %s", probe_kvm_text(probe->kvm),
			 probe_kvm_advice(probe->kvm));
		return -ENODEV;
	}
	if (strcmp(wanted, "auto") == 0 && kvm) {
		*accel = "kvm";
		return 0;
	}
	*accel = "tcg";
	if (probe->qemu && probe->libvirt_driver)
		return 0;
	snprintf(error, capacity, "%s%s%s is not installed: install %s",
		 kvm ? "" : probe_kvm_text(probe->kvm), kvm ? "" : ", and ",
		 probe->qemu ? "libvirt's QEMU driver" : "QEMU, which TCG is part of,",
		 probe->qemu ? "libvirt-daemon-driver-qemu" : "qemu-system-x86");
	return -ENODEV;
}

/* What a backend cannot do; NULL. */
static const char *lack(const struct backend *backend, const struct vm_options *options)
{
	return backend != &backend_vmm && options->memory_most
		       ? "--memory with max= needs lodge-vmm, which runs VMs on KVM only: QEMU's "
			 "start with all that they can have"
		       : NULL;
}

static int choose_backend(const char *wanted, const char *accel, const struct probe *probe,
			  const struct backend **backend, char *error, size_t capacity)
{
	bool kvm = strcmp(accel, "kvm") == 0;

	if (strcmp(wanted, "auto") == 0)
		*backend = kvm ? &backend_vmm : &backend_libvirt;
	else
		*backend = backend_named(wanted);
	if (*backend == &backend_vmm && !kvm) {
		snprintf(error, capacity, "lodge-vmm runs VMs on KVM only, not under TCG");
		return -EINVAL;
	}
	if (*backend == &backend_libvirt && !(probe->qemu && probe->libvirt_driver)) {
		snprintf(error, capacity,
			 "QEMU or libvirt's driver for it is not installed: install "
			 "qemu-system-x86 and libvirt-daemon-driver-qemu");
		return -ENODEV;
	}
	return *backend ? 0 : -EINVAL;
}

int placement_decide(struct vm_options *options, const struct probe *probe,
		     const struct backend **backend, char *error, size_t capacity)
{
	const char *accel, *missing;
	int r;

	r = choose_accelerator(options->accel, probe, &accel, error, capacity);
	if (r == 0)
		r = choose_backend(options->backend, accel, probe, backend, error, capacity);
	missing = r == 0 ? lack(*backend, options) : NULL;
	if (missing) {
		snprintf(error, capacity, "%s", missing);
		return -EINVAL;
	}
	if (r == 0)
		r = vm_option_set_text(options, vm_option_named("accel"), accel);
	if (r == 0)
		r = vm_option_set_text(options, vm_option_named("backend"), (*backend)->name);
	return r;
}
