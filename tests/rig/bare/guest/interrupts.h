/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interrupts - vectors, the local APIC, and how often each has come
 *
 * A processor exception ends the run with a line that says where. Everything else is counted.
 * Interrupts are off except while a test waits for one.
 */
#ifndef BARE_INTERRUPTS_H
#define BARE_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

/* Vectors from here on are free for devices. */
#define VECTOR_DEVICES	0x30
#define VECTOR_TIMER	0xe0
#define VECTOR_WAKE	0xe1
#define VECTOR_SPURIOUS 0xff

void interrupts_init(void);
/* The same on a CPU that was started later. */
void interrupts_init_cpu(void);

uint64_t interrupt_count(uint8_t vector);

/* Lets interrupts in until @vector has been counted @count times, or @ms are over. */
bool interrupt_wait(uint8_t vector, uint64_t count, uint64_t ms);
/* Lets in what is pending. */
void interrupts_drain(void);

/* What an MSI-X entry needs to reach @vector of this CPU. */
uint64_t msi_address(void);
uint32_t msi_data(uint8_t vector);

uint32_t apic_id(void);
void apic_send(uint32_t to_apic_id, uint32_t command);
/* One interrupt on VECTOR_TIMER, some @ticks of the APIC's bus from now. */
void apic_timer(uint32_t ticks);

#define APIC_INIT    0x4500
#define APIC_STARTUP 0x4600
#define APIC_FIXED   0x4000

#endif
