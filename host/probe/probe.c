/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/probe/probe.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/kernel_counts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PROBE_PATH 512

/* A whole word in the flags line of the first processor. */
static bool has_word(const char *line, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = line; (at = strstr(at, word)) != NULL; at += length) {
		if (at > line && at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n'))
			return true;
	}
	return false;
}

static FILE *open_file(const char *root, const char *file)
{
	char path[PROBE_PATH];

	snprintf(path, sizeof(path), "%s/%s", root, file);
	return fopen(path, "re");
}

/* All processors have the same flags. */
static void read_cpuinfo(const char *root, struct probe *probe)
{
	_cleanup_fclose_ FILE *cpuinfo = open_file(root, "proc/cpuinfo");
	_cleanup_free_ char *line = NULL;
	bool has_flags = false;
	size_t capacity = 0;

	while (cpuinfo && getline(&line, &capacity, cpuinfo) > 0) {
		if (strncmp(line, "processor\t", 10) == 0)
			probe->cpus++;
		if (has_flags || strncmp(line, "flags", 5) != 0)
			continue;
		has_flags = true;
		probe->cpu_virtualizes = has_word(line, "svm") || has_word(line, "vmx");
	}
}

static void read_meminfo(const char *root, struct probe *probe)
{
	const struct kernel_count wanted[] = {
		{"MemTotal", &probe->memory_total_bytes},
		{"MemAvailable", &probe->memory_available_bytes},
	};
	char path[PROBE_PATH];

	snprintf(path, sizeof(path), "%s/proc/meminfo", root);
	(void)kernel_counts_read(path, wanted, ARRAY_SIZE(wanted), NULL);
}

/* Makes a VM with one processor, which is the only proof that KVM works. */
static enum probe_kvm try_kvm(const char *path, int *error)
{
	_cleanup_close_ int kvm = open(path, O_RDWR | O_CLOEXEC);
	_cleanup_close_ int vm = -EBADF;
	_cleanup_close_ int vcpu = -EBADF;

	if (kvm < 0) {
		*error = errno;
		if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
			return PROBE_KVM_MISSING;
		return errno == EACCES || errno == EPERM ? PROBE_KVM_FORBIDDEN : PROBE_KVM_BROKEN;
	}
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		*error = errno ? errno : ENOTSUP;
		return PROBE_KVM_BROKEN;
	}
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm >= 0)
		vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vm < 0 || vcpu < 0) {
		*error = errno;
		return PROBE_KVM_BROKEN;
	}
	return PROBE_KVM_GOOD;
}

static bool is_in(const char *root, const char *const *folders, const char *file, int mode)
{
	char path[PROBE_PATH];

	for (; *folders; folders++) {
		snprintf(path, sizeof(path), "%s%s/%s", root, *folders, file);
		if (access(path, mode) == 0)
			return true;
	}
	return false;
}

static const char *const program_folders[] = {"/usr/bin", "/usr/local/bin", "/bin", NULL};
static const char *const driver_folders[] = {"/usr/lib/x86_64-linux-gnu/libvirt/connection-driver",
					     "/usr/lib64/libvirt/connection-driver",
					     "/usr/lib/libvirt/connection-driver", NULL};

void probe_host(const char *root, struct probe *probe)
{
	static const char *const modules[] = {"/sys/module", NULL};
	char path[PROBE_PATH];

	*probe = (struct probe){0};
	read_cpuinfo(root, probe);
	read_meminfo(root, probe);
	snprintf(path, sizeof(path), "%s/dev/kvm", root);
	probe->kvm = try_kvm(path, &probe->kvm_error);
	if (probe->kvm == PROBE_KVM_GOOD && !probe->cpu_virtualizes &&
	    is_in(root, modules, "kvm_pvm", F_OK))
		probe->kvm = PROBE_KVM_INTERPRETED;
	probe->qemu = is_in(root, program_folders, "qemu-system-x86_64", X_OK);
	probe->libvirt_driver = is_in(root, driver_folders, "libvirt_driver_qemu.so", R_OK);
}

const char *probe_accelerator(const struct probe *probe)
{
	if (probe->kvm == PROBE_KVM_GOOD)
		return "kvm";
	return probe->qemu && probe->libvirt_driver ? "tcg" : "";
}

static const struct {
	const char *text, *advice;
} words[] = {
	[PROBE_KVM_GOOD] = {"KVM hardware is usable", ""},
	[PROBE_KVM_MISSING] =
		{"this host has no /dev/kvm",
		 "load kvm-amd or kvm-intel, or enable virtualization in the firmware"},
	[PROBE_KVM_FORBIDDEN] = {"/dev/kvm is there, but not for this user",
				 "join the group kvm, or run as root"},
	[PROBE_KVM_BROKEN] = {"/dev/kvm opens, but cannot make a VM",
			      "see the kernel's log for kvm messages"},
	[PROBE_KVM_INTERPRETED] =
		{"/dev/kvm is backed by kvm_pvm, on which stock kernels do not boot",
		 "use a host with hardware virtualization; until then VMs run under TCG"},
};

const char *probe_kvm_text(enum probe_kvm kvm)
{
	return words[kvm].text;
}

const char *probe_kvm_advice(enum probe_kvm kvm)
{
	return words[kvm].advice;
}
