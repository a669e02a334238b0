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

/* @with_serial: there is a COM1. */
void dsdt_write(struct aml *aml, bool with_serial);

#endif
