/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/probe/probe.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

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

static bool cpu_virtualizes(const char *root)
{
	char path[PROBE_PATH];
	_cleanup_fclose_ FILE *cpuinfo = NULL;
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0;

	snprintf(path, sizeof(path), "%s/proc/cpuinfo", root);
	cpuinfo = fopen(path, "re");
	while (cpuinfo && getline(&line, &capacity, cpuinfo) > 0) {
		if (strncmp(line, "flags", 5) == 0)
			return has_word(line, "svm") || has_word(line, "vmx");
	}
	return false;
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

static bool in_path(const char *program)
{
	const char *directories[] = {"/usr/bin", "/usr/local/bin", "/bin"};
	char path[PROBE_PATH];

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		snprintf(path, sizeof(path), "%s/%s", directories[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

void probe_host(const char *root, struct probe *probe)
{
	char path[PROBE_PATH];

	*probe = (struct probe){.cpu_virtualizes = cpu_virtualizes(root)};
	snprintf(path, sizeof(path), "%s/dev/kvm", root);
	probe->kvm = try_kvm(path, &probe->kvm_error);
	snprintf(path, sizeof(path), "%s/sys/module/kvm_pvm", root);
	if (probe->kvm == PROBE_KVM_GOOD && !probe->cpu_virtualizes && access(path, F_OK) == 0)
		probe->kvm = PROBE_KVM_INTERPRETED;
	probe->qemu = in_path("qemu-system-x86_64");
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
