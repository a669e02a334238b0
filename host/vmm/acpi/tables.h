/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tables - the machine as ACPI describes it (ACPI 6.4, chapter 5; PCI firmware spec for MCFG)
 *
 * RSDP, XSDT, FADT (hardware-reduced), DSDT, MADT, MCFG.
 */
#ifndef LODGE_VMM_ACPI_TABLES_H
#define LODGE_VMM_ACPI_TABLES_H

#include "host/vmm/acpi/dsdt.h"
#include "protocol/virtqueue/guestmem.h"

struct acpi_machine {
	unsigned int cpus;
	struct dsdt_machine devices;
};

/**
 * acpi_write() - put all tables into guest memory at BOOT_ACPI
 *
 * Return: guest-physical address of the RSDP.
 */
uint64_t acpi_write(const struct acpi_machine *machine, const struct guestmem *memory);

#endif
