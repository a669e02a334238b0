/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/vcpu.h"

#include "host/vmm/cpuid.h"
#include "host/vmm/dax_faults.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <asm/processor-flags.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)
#define MSR_TSC	 0x10

/* All that KVM lets us read and write of a processor. */
struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	uint32_t msrs;
	struct kvm_msr_entry msr[];
};

/* --- Making one --------------------------------------------------------------------------------
 */

/* KVM takes a list of MSRs and stops at the first that it does not like, though it listed it. */
#define MSRS_AT_ONCE 64

/* Room for a list: kvm_msrs ends with its entries. */
union msr_list {
	struct kvm_msrs list;
	uint8_t room[sizeof(struct kvm_msrs) + MSRS_AT_ONCE * sizeof(struct kvm_msr_entry)];
};

/* Return: how many of the first @count entries were read or written. */
static uint32_t transfer_msrs(int fd, unsigned long request, struct kvm_msr_entry *entries,
			      uint32_t count)
{
	union msr_list batch = {.list.nmsrs = count};
	int done;

	memcpy(batch.list.entries, entries, count * sizeof(entries[0]));
	done = ioctl(fd, request, &batch.list);
	if (done <= 0)
		return 0;
	memcpy(entries, batch.list.entries, (size_t)done * sizeof(entries[0]));
	return (uint32_t)done;
}

/* What is listed but not given is taken off the list. */
static void read_msrs(int fd, struct vcpu_state *state)
{
	uint32_t at = 0;

	while (at < state->msrs) {
		uint32_t count = MIN(MSRS_AT_ONCE, state->msrs - at);
		uint32_t done = transfer_msrs(fd, KVM_GET_MSRS, &state->msr[at], count);

		at += done;
		if (done < count)
			state->msr[at] = state->msr[--state->msrs];
	}
}

/* What cannot be written (read-only features) is passed over. */
static void write_msrs(int fd, struct vcpu_state *state)
{
	uint32_t at = 0;

	while (at < state->msrs) {
		uint32_t count = MIN(MSRS_AT_ONCE, state->msrs - at);
		uint32_t done = transfer_msrs(fd, KVM_SET_MSRS, &state->msr[at], count);

		at += done + (done < count);
	}
}

static int save_power_on(struct vcpu *vcpu, const struct kvm_msr_list *msrs)
{
	size_t size = sizeof(struct vcpu_state) + msrs->nmsrs * sizeof(struct kvm_msr_entry);
	struct vcpu_state *state = calloc(1, size);

	if (!state)
		return -ENOMEM;
	vcpu->power_on = state;
	if (ioctl(vcpu->fd, KVM_GET_REGS, &state->regs) < 0 ||
	    ioctl(vcpu->fd, KVM_GET_SREGS, &state->sregs) < 0 ||
	    ioctl(vcpu->fd, KVM_GET_XSAVE, &state->xsave) < 0 ||
	    ioctl(vcpu->fd, KVM_GET_XCRS, &state->xcrs) < 0 ||
	    ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &state->debugregs) < 0 ||
	    ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &state->events) < 0 ||
	    ioctl(vcpu->fd, KVM_GET_LAPIC, &state->lapic) < 0 ||
	    ioctl(vcpu->fd, KVM_GET_MP_STATE, &state->mp_state) < 0)
		return -errno;
	/* The time stamp counter goes on through a restart, as it does on hardware. */
	for (uint32_t i = 0; i < msrs->nmsrs; i++)
		if (msrs->indices[i] != MSR_TSC)
			state->msr[state->msrs++].index = msrs->indices[i];
	read_msrs(vcpu->fd, state);
	return 0;
}

static int set_cpuid(struct vcpu *vcpu, const struct kvm *kvm, unsigned int cpus)
{
	int tsc_khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);
	struct cpuid_machine machine = {cpus, tsc_khz > 0 ? (uint32_t)tsc_khz : 0};
	_cleanup_free_ struct kvm_cpuid2 *cpuid = cpuid_for_vcpu(kvm->cpuid, &machine, vcpu->index);

	if (!cpuid)
		return -ENOMEM;
	return ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0 ? -errno : 0;
}

int vcpu_init(struct vcpu *vcpu, struct kvm *kvm, unsigned int cpus, unsigned int index,
	      struct io_bus *pio, struct io_bus *mmio)
{
	int error;

	*vcpu = (struct vcpu){.index = index,
			      .run = MAP_FAILED,
			      .run_size_bytes = kvm->run_size_bytes,
			      .pio = pio,
			      .mmio = mmio};
	vcpu->fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)index);
	if (vcpu->fd < 0)
		return -errno;
	vcpu->run =
		mmap(NULL, vcpu->run_size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		return -errno;
	error = set_cpuid(vcpu, kvm, cpus);
	if (!error)
		error = save_power_on(vcpu, kvm->msrs);
	return error;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->run && vcpu->run != MAP_FAILED)
		munmap(vcpu->run, vcpu->run_size_bytes);
	if (vcpu->run)
		cleanup_close(&vcpu->fd);
	free(vcpu->power_on);
	*vcpu = (struct vcpu){.fd = -EBADF};
}

/* --- Its state ---------------------------------------------------------------------------------
 */

/* An access that we have answered is carried out by KVM on the next entry; do that before the
 * registers change under it. */
static void finish_access(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	(void)ioctl(vcpu->fd, KVM_RUN, 0);
	vcpu->run->immediate_exit = 0;
}

/* Refused before the guest has set its clock up: then it has no watchdog either. */
void vcpu_was_parked(struct vcpu *vcpu)
{
	(void)ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0);
}

int vcpu_reset(struct vcpu *vcpu)
{
	struct vcpu_state *state = vcpu->power_on;

	finish_access(vcpu);
	/* First the processor's mode (it checks what may be loaded), last whether it waits. */
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &state->sregs) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_REGS, &state->regs) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_XCRS, &state->xcrs) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_XSAVE, &state->xsave) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &state->debugregs) < 0)
		return -errno;
	write_msrs(vcpu->fd, state);
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &state->lapic) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &state->events) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_MP_STATE, &state->mp_state) < 0)
		return -errno;
	return 0;
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.base = 0,
		.limit = UINT32_MAX,
		.selector = selector,
		.type = type,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
}

/* Selectors as Linux's boot protocol wants them: __BOOT_CS 10h, __BOOT_DS 18h. PVH has no say. */
static void set_flat_mode(struct kvm_sregs *sregs, const struct boot_entry *entry)
{
	struct kvm_segment data = flat_segment(0x18, 3);

	sregs->cs = flat_segment(0x10, 11);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = (struct kvm_segment){.limit = 0x67, .selector = 0x20, .type = 11, .present = 1};
	sregs->gdt.base = entry->gdt;
	sregs->gdt.limit = (uint16_t)(entry->gdt_size_bytes - 1);
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
	sregs->cr0 = X86_CR0_PE | X86_CR0_ET;
	sregs->cr4 = 0;
	if (entry->mode == BOOT_LONG) {
		sregs->cs.db = 0;
		sregs->cs.l = 1;
		sregs->cr0 |= X86_CR0_PG;
		sregs->cr3 = entry->page_tables;
		sregs->cr4 = X86_CR4_PAE;
		sregs->efer = EFER_LME | EFER_LMA;
	}
}

int vcpu_enter(struct vcpu *vcpu, const struct boot_entry *entry)
{
	struct kvm_sregs sregs = vcpu->power_on->sregs;
	struct kvm_regs regs = {.rip = entry->address, .rflags = X86_EFLAGS_FIXED};

	set_flat_mode(&sregs, entry);
	if (entry->mode == BOOT_LONG)
		regs.rsi = entry->argument;
	else
		regs.rbx = entry->argument;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

/* --- Running -----------------------------------------------------------------------------------
 */

static void port_access(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	unsigned int size = run->io.size;

	for (uint32_t i = 0; i < run->io.count; i++, data += size) {
		uint64_t value = 0;

		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&value, data, size);
			io_bus_write(vcpu->pio, run->io.port, size, le64toh(value));
		} else {
			value = htole64(io_bus_read(vcpu->pio, run->io.port, size));
			memcpy(data, &value, size);
		}
	}
}

static void memory_access(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	unsigned int size = run->mmio.len;
	uint64_t value = 0;

	if (size > sizeof(value))
		return;
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, size);
		io_bus_write(vcpu->mmio, run->mmio.phys_addr, size, le64toh(value));
	} else {
		value = htole64(io_bus_read(vcpu->mmio, run->mmio.phys_addr, size));
		memcpy(run->mmio.data, &value, size);
	}
}

static enum vcpu_exit failed(const struct vcpu *vcpu, const char *what, uint64_t detail)
{
	struct kvm_regs regs = {0};

	(void)ioctl(vcpu->fd, KVM_GET_REGS, &regs);
	log_error("processor %u cannot go on at rip 0x%llx: %s (0x%llx)", vcpu->index,
		  (unsigned long long)regs.rip, what, (unsigned long long)detail);
	return VCPU_FAILED;
}

/* How often an access is tried again when nothing was found to be repaired: another processor may
 * have been faster. */
#define MAX_FAULTS 3

/* KVM could not reach the memory behind an address. */
static enum vcpu_exit memory_fault(struct vcpu *vcpu)
{
	if (!dax_faults_watched())
		return failed(vcpu, error_text(EFAULT), EFAULT);
	if (dax_faults_repair()) {
		vcpu->faults = 0;
		return VCPU_AGAIN;
	}
	if (++vcpu->faults < MAX_FAULTS)
		return VCPU_AGAIN;
	vcpu->faults = 0;
	return VCPU_STUCK;
}

enum vcpu_exit vcpu_run(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return VCPU_INTERRUPTED;
		if (errno == EFAULT)
			return memory_fault(vcpu);
		return failed(vcpu, error_text(errno), (uint64_t)errno);
	}
	vcpu->faults = 0;
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		port_access(vcpu);
		return VCPU_AGAIN;
	case KVM_EXIT_MMIO:
		memory_access(vcpu);
		return VCPU_AGAIN;
	case KVM_EXIT_INTR:
		return VCPU_INTERRUPTED;
	case KVM_EXIT_SHUTDOWN:
		return VCPU_TRIPLE_FAULT;
	case KVM_EXIT_FAIL_ENTRY:
		return failed(vcpu, "the processor refused its state",
			      run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		return failed(vcpu, "KVM cannot emulate this", run->internal.suberror);
	default:
		return failed(vcpu, "KVM returned for a reason we do not know", run->exit_reason);
	}
}
