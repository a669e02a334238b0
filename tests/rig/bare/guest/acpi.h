/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acpi - what the guest needs of the tables: ECAM, CPUs, and the registers for power (ACPI 6.5)
 */
#ifndef BARE_ACPI_H
#define BARE_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_MAX_CPUS 16

struct acpi {
	uint64_t ecam; /* MCFG: segment 0, bus 0; 0 if there is none */
	uint32_t cpu_apic_id[ACPI_MAX_CPUS];
	size_t cpus;
	bool hardware_reduced;
	uint16_t sleep_port; /* SLEEP_CONTROL_REG or PM1a_CNT; 0 if there is none */
	uint8_t sleep_type;  /* of \_S5 */
	uint16_t reset_port;
	uint8_t reset_value;
	size_t tables;
	bool checksums_right;
};

/* Reads the tables below the RSDP at @rsdp. Ends the run without them. */
void acpi_init(uint64_t rsdp);
const struct acpi *acpi_get(void);

_Noreturn void acpi_power_off(void);
_Noreturn void acpi_reset(void);

#endif
