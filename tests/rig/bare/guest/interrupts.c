/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interrupts.h"

#include "io.h"
#include "layout.h"
#include "lib.h"
#include "test.h"

#define MSR_APIC_BASE	 0x1b
#define APIC_BASE_ENABLE (1U << 11)
#define APIC_BASE_X2APIC (1U << 10)
#define CPUID_X2APIC	 (1U << 21)
#define APIC_MMIO	 0xfee00000ULL
#define MSR_X2APIC	 0x800

/* Register numbers, as x2APIC counts them; 16 bytes apart in memory. */
#define APIC_REGISTER_ID       0x02
#define APIC_REGISTER_TPR      0x08
#define APIC_REGISTER_EOI      0x0b
#define APIC_REGISTER_SPURIOUS 0x0f
#define APIC_REGISTER_ICR      0x30
#define APIC_REGISTER_ICR_HIGH 0x31
#define APIC_REGISTER_LVTT     0x32
#define APIC_REGISTER_TIMER    0x38
#define APIC_REGISTER_DIVIDE   0x3e
#define APIC_ENABLE	       0x100

#define EXCEPTIONS     32
#define EXCEPTION_NMI  2
#define GATE_INTERRUPT 0x8e

struct gate {
	uint16_t offset_low;
	uint16_t segment;
	uint8_t stack;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t zero;
};

/* As start.S pushes it. */
struct frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

extern const char interrupt_entries[];
void interrupt_dispatch(const struct frame *frame);

static struct gate idt[256] __attribute__((aligned(16)));
static volatile uint64_t counts[256];
static bool x2apic;

static void apic_write(unsigned number, uint32_t value)
{
	if (x2apic)
		msr_write(MSR_X2APIC + number, value);
	else
		mmio_write32(APIC_MMIO + 16 * number, value);
}

static uint32_t apic_read(unsigned number)
{
	if (x2apic)
		return (uint32_t)msr_read(MSR_X2APIC + number);
	return mmio_read32(APIC_MMIO + 16 * number);
}

void interrupt_dispatch(const struct frame *frame)
{
	if (frame->vector < EXCEPTIONS && frame->vector != EXCEPTION_NMI) {
		uint64_t cr2;

		__asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
		fatal("exception %lu (error 0x%lx) at rip 0x%lx, cr2 0x%lx", frame->vector,
		      frame->error, frame->rip, cr2);
	}
	__atomic_fetch_add(&counts[frame->vector], 1, __ATOMIC_SEQ_CST);
	if (frame->vector >= EXCEPTIONS && frame->vector != VECTOR_SPURIOUS)
		apic_write(APIC_REGISTER_EOI, 0);
}

void interrupts_init_cpu(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint64_t)idt};
	uint64_t base = msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	__asm__ volatile("lidt %0" : : "m"(pointer));
	msr_write(MSR_APIC_BASE, base);
	if (x2apic)
		msr_write(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
	apic_write(APIC_REGISTER_TPR, 0);
	apic_write(APIC_REGISTER_SPURIOUS, APIC_ENABLE | VECTOR_SPURIOUS);
}

void interrupts_init(void)
{
	/* Two interrupt controllers of the first PC may be there: masked, they keep still. */
	port_write8(0x21, 0xff);
	port_write8(0xa1, 0xff);
	for (unsigned i = 0; i < 256; i++) {
		uint64_t entry = (uint64_t)interrupt_entries + 16 * i;

		idt[i] = (struct gate){
			.offset_low = (uint16_t)entry,
			.segment = SEGMENT_CODE64,
			.type = GATE_INTERRUPT,
			.offset_middle = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
		};
	}
	x2apic = cpuid(1).ecx & CPUID_X2APIC;
	interrupts_init_cpu();
}

uint64_t interrupt_count(uint8_t vector)
{
	return counts[vector];
}

bool interrupt_wait(uint8_t vector, uint64_t count, uint64_t ms)
{
	bool came;

	interrupts_on();
	came = wait_for(counts[vector] >= count, ms);
	interrupts_off();
	return came;
}

void interrupts_drain(void)
{
	interrupts_on();
	wait_for(false, 2);
	interrupts_off();
}

uint32_t apic_id(void)
{
	uint32_t id = apic_read(APIC_REGISTER_ID);

	return x2apic ? id : id >> 24;
}

uint64_t msi_address(void)
{
	return APIC_MMIO | (uint64_t)(apic_id() & 0xff) << 12;
}

uint32_t msi_data(uint8_t vector)
{
	return vector; /* fixed, edge */
}

void apic_send(uint32_t to_apic_id, uint32_t command)
{
	if (x2apic) {
		msr_write(MSR_X2APIC + APIC_REGISTER_ICR, (uint64_t)to_apic_id << 32 | command);
		return;
	}
	apic_write(APIC_REGISTER_ICR_HIGH, to_apic_id << 24);
	apic_write(APIC_REGISTER_ICR, command);
}

void apic_timer(uint32_t ticks)
{
	apic_write(APIC_REGISTER_DIVIDE, 0x0b); /* by 1 */
	apic_write(APIC_REGISTER_LVTT, VECTOR_TIMER);
	apic_write(APIC_REGISTER_TIMER, ticks);
}
