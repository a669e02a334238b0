/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dsdt - the devices that a guest cannot find by itself, in AML
 *
 * The PCI host bridge, COM1, pvpanic, the power button, the device that raises its event, and the
 * sleep type for "off".
 */
#ifndef LODGE_VMM_ACPI_DSDT_H
#define LODGE_VMM_ACPI_DSDT_H

#include "host/vmm/acpi/aml.h"

struct dsdt_machine {
	bool serial;				 /* there is a COM1 */
	uint64_t high_window, high_window_bytes; /* for BARs above RAM; 0 bytes: there is none */
};

void dsdt_write(struct aml *aml, const struct dsdt_machine *machine);

#endif
