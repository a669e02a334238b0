/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "smp.h"

#include "acpi.h"
#include "interrupts.h"
#include "io.h"
#include "layout.h"
#include "lib.h"

#define AP_STACK_SIZE 8192
#define START_MS      3000

struct cpu {
	bool started;
	void (*function)(void *); /* NULL: idle */
	void *argument;
};

extern const char ap_trampoline[], ap_trampoline_end[];
void smp_ap_main(void);

/* Where the CPU that is being started finds its stack (start.S), and which it is. */
uint64_t ap_stack;
static unsigned ap_index;

static struct cpu cpus[ACPI_MAX_CPUS];
static char stacks[ACPI_MAX_CPUS][AP_STACK_SIZE] __attribute__((aligned(16)));

void smp_ap_main(void)
{
	struct cpu *cpu = &cpus[ap_index];

	interrupts_init_cpu();
	__atomic_store_n(&cpu->started, true, __ATOMIC_RELEASE);
	for (;;) {
		void (*function)(void *) = __atomic_load_n(&cpu->function, __ATOMIC_ACQUIRE);

		if (function == NULL) {
			/* Interrupts are off until the sleep, so a wake-up cannot slip by. */
			sleep_until_interrupt();
			continue;
		}
		function(cpu->argument);
		__atomic_store_n(&cpu->function, NULL, __ATOMIC_RELEASE);
	}
}

bool smp_start(unsigned index)
{
	struct cpu *cpu = &cpus[index];
	uint32_t id = acpi_get()->cpu_apic_id[index];

	if (cpu->started)
		return true;
	memcpy((void *)AP_TRAMPOLINE, ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	ap_stack = (uint64_t)stacks[index] + AP_STACK_SIZE;
	ap_index = index;
	apic_send(id, APIC_INIT);
	wait_for(false, 10);
	apic_send(id, APIC_STARTUP | AP_TRAMPOLINE >> 12);
	return wait_for(__atomic_load_n(&cpu->started, __ATOMIC_ACQUIRE), START_MS);
}

void smp_run(unsigned index, void (*function)(void *), void *argument)
{
	cpus[index].argument = argument;
	__atomic_store_n(&cpus[index].function, function, __ATOMIC_RELEASE);
	apic_send(acpi_get()->cpu_apic_id[index], APIC_FIXED | VECTOR_WAKE);
}

bool smp_wait(unsigned index, uint64_t ms)
{
	return wait_for(__atomic_load_n(&cpus[index].function, __ATOMIC_ACQUIRE) == NULL, ms);
}
