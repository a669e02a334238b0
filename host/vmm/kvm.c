/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/kvm.h"

#include "host/vmm/ioeventfd.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#define DEVICE "/dev/kvm"

/* More CPUID leaves than any kernel reports; the kernel refuses what is more than its own limit. */
#define MAX_CPUID_ENTRIES 256

/* Intel's KVM keeps four pages of its own in the guest's address space: below the BIOS area. */
#define TSS_ADDRESS	     0xfffbd000U
#define IDENTITY_MAP_ADDRESS 0xfffbc000ULL

#define IOAPIC_PINS 24

/* Slots below are the guest's RAM. */
#define FIRST_WINDOW_SLOT 4

/* The leaf with the width of addresses (AMD's and Intel's manuals); 36 bits where it is missing. */
#define CPUID_ADDRESS_SIZES 0x80000008U

static const struct {
	int capability;
	const char *name;
} needed[] = {
	{KVM_CAP_IRQCHIP, "interrupt controllers"},
	{KVM_CAP_USER_MEMORY, "user memory"},
	{KVM_CAP_IRQFD, "irqfd"},
	{KVM_CAP_IRQ_ROUTING, "interrupt routing"},
	{KVM_CAP_IOEVENTFD, "ioeventfd"},
	{KVM_CAP_IOEVENTFD_ANY_LENGTH, "ioeventfd of any length"},
	{KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
	{KVM_CAP_SIGNAL_MSI, "message-signalled interrupts"},
	{KVM_CAP_MP_STATE, "multiprocessor state"},
	{KVM_CAP_EXT_CPUID, "CPUID"},
};

static int open_device(struct kvm *kvm)
{
	kvm->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (kvm->fd >= 0)
		return 0;
	switch (errno) {
	case ENOENT:
		log_error("there is no " DEVICE ": load kvm_intel or kvm_amd, or run with "
			  "--accel tcg (lodge run)");
		return -ENOENT;
	case EACCES:
	case EPERM:
		log_error("no permission to open " DEVICE ": join the group kvm");
		return -EACCES;
	default:
		log_error("cannot open " DEVICE ": %s", error_text(errno));
		return -errno;
	}
}

static int check_capabilities(const struct kvm *kvm)
{
	int version = ioctl(kvm->fd, KVM_GET_API_VERSION, 0);

	if (version != KVM_API_VERSION) {
		log_error(DEVICE " speaks version %d of its interface, not %d", version,
			  KVM_API_VERSION);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (ioctl(kvm->fd, KVM_CHECK_EXTENSION, needed[i].capability) > 0)
			continue;
		log_error(DEVICE " of this kernel lacks %s: use a newer kernel", needed[i].name);
		return -ENOTSUP;
	}
	return 0;
}

static int read_lists(struct kvm *kvm)
{
	struct kvm_msr_list count = {0};

	kvm->cpuid =
		calloc(1, sizeof(*kvm->cpuid) + MAX_CPUID_ENTRIES * sizeof(kvm->cpuid->entries[0]));
	if (!kvm->cpuid)
		return -ENOMEM;
	kvm->cpuid->nent = MAX_CPUID_ENTRIES;
	if (ioctl(kvm->fd, KVM_GET_SUPPORTED_CPUID, kvm->cpuid) < 0)
		return -errno;

	if (ioctl(kvm->fd, KVM_GET_MSR_INDEX_LIST, &count) < 0 && errno != E2BIG)
		return -errno;
	kvm->msrs = calloc(1, sizeof(count) + count.nmsrs * sizeof(count.indices[0]));
	if (!kvm->msrs)
		return -ENOMEM;
	kvm->msrs->nmsrs = count.nmsrs;
	if (ioctl(kvm->fd, KVM_GET_MSR_INDEX_LIST, kvm->msrs) < 0)
		return -errno;
	return 0;
}

static int create_machine(struct kvm *kvm)
{
	uint64_t identity_map = IDENTITY_MAP_ADDRESS;
	int size;

	kvm->vm_fd = ioctl(kvm->fd, KVM_CREATE_VM, 0);
	if (kvm->vm_fd < 0)
		return -errno;
	/* Only Intel's KVM wants the next two; elsewhere they do nothing or are refused. */
	(void)ioctl(kvm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	(void)ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS);
	if (ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return -errno;
	size = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return size < 0 ? -errno : -ENOTSUP;
	kvm->run_size_bytes = (size_t)size;
	return 0;
}

int kvm_new(struct kvm **kvm)
{
	struct kvm *made = calloc(1, sizeof(*made));
	int error;

	if (!made) {
		log_error("out of memory");
		return -ENOMEM;
	}
	made->vm_fd = -EBADF;
	error = open_device(made);
	if (!error)
		error = check_capabilities(made);
	if (error)
		goto fail;
	error = read_lists(made);
	if (!error)
		error = create_machine(made);
	if (error) {
		log_error("cannot make a virtual machine with " DEVICE ": %s", error_text(error));
		goto fail;
	}
	*kvm = made;
	return 0;
fail:
	kvm_free(made);
	return error;
}

void kvm_free(struct kvm *kvm)
{
	if (!kvm)
		return;
	cleanup_close(&kvm->vm_fd);
	cleanup_close(&kvm->fd);
	free(kvm->cpuid);
	free(kvm->msrs);
	free(kvm);
}

static int set_region(struct kvm *kvm, uint32_t slot, uint64_t gpa, void *host, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

int kvm_set_memory(struct kvm *kvm, const struct guestmem *memory)
{
	for (uint32_t i = 0; i < memory->count; i++) {
		const struct guestmem_region *region = &memory->region[i];
		int error = set_region(kvm, i, region->gpa, region->host, region->size_bytes);

		if (error)
			return error;
	}
	return 0;
}

int kvm_set_window(struct kvm *kvm, unsigned int window, uint64_t gpa, void *host,
		   uint64_t size_bytes)
{
	return kvm ? set_region(kvm, FIRST_WINDOW_SLOT + window, gpa, host, size_bytes) : -ENOSYS;
}

unsigned int kvm_address_bits(const struct kvm *kvm)
{
	for (uint32_t i = 0; i < kvm->cpuid->nent; i++)
		if (kvm->cpuid->entries[i].function == CPUID_ADDRESS_SIZES)
			return kvm->cpuid->entries[i].eax & 0xff;
	return 36;
}

void kvm_set_irq(struct kvm *kvm, unsigned int gsi, bool level)
{
	struct kvm_irq_level irq = {.irq = gsi, .level = level};

	if (ioctl(kvm->vm_fd, KVM_IRQ_LINE, &irq) < 0)
		log_warning("cannot raise interrupt %u: %s", gsi, error_text(errno));
}

/* All pins masked and low, which is what the chip's data sheet says of reset. */
void kvm_reset_irqchip(struct kvm *kvm)
{
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_IOAPIC};

	if (ioctl(kvm->vm_fd, KVM_GET_IRQCHIP, &chip) < 0) {
		log_warning("cannot reset the I/O APIC: %s", error_text(errno));
		return;
	}
	chip.chip.ioapic.ioregsel = 0;
	chip.chip.ioapic.id = 0;
	chip.chip.ioapic.irr = 0;
	for (unsigned int i = 0; i < IOAPIC_PINS; i++) {
		chip.chip.ioapic.redirtbl[i].bits = 0;
		chip.chip.ioapic.redirtbl[i].fields.mask = 1;
	}
	if (ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &chip) < 0)
		log_warning("cannot reset the I/O APIC: %s", error_text(errno));
}

/* --- ioeventfd.h -------------------------------------------------------------------------------
 */

static int change_ioeventfd(struct kvm *kvm, uint64_t gpa, int fd, uint32_t flags)
{
	/* Length 0: any. KVM finds those fastest. */
	struct kvm_ioeventfd change = {.addr = gpa, .len = 0, .fd = fd, .flags = flags};

	if (!kvm)
		return -ENOSYS;
	return ioctl(kvm->vm_fd, KVM_IOEVENTFD, &change) < 0 ? -errno : 0;
}

int ioeventfd_add(struct kvm *kvm, uint64_t gpa, int fd)
{
	return change_ioeventfd(kvm, gpa, fd, 0);
}

void ioeventfd_remove(struct kvm *kvm, uint64_t gpa, int fd)
{
	(void)change_ioeventfd(kvm, gpa, fd, KVM_IOEVENTFD_FLAG_DEASSIGN);
}
