/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/acpi/dsdt.h"

#include "host/vmm/guest_memory.h"
#include "host/vmm/ports.h"
#include "host/vmm/power.h"

#define STATUS_PRESENT_ENABLED_WORKING 0x0b /* but not shown in a user interface */
#define NOTIFY_BUTTON_PRESSED	       0x80

/* Interrupts are MSIs only, so there is no _PRT. */
static void write_pci(struct aml *aml, const struct dsdt_machine *machine)
{
	struct aml_mark device = aml_begin_device(aml, "PCI0");
	struct aml_mark resources;

	aml_name_eisa_id(aml, "_HID", "PNP0A08");
	aml_name_eisa_id(aml, "_CID", "PNP0A03");
	aml_name_integer(aml, "_SEG", 0);
	aml_name_integer(aml, "_BBN", 0);
	aml_name_integer(aml, "_UID", 0);
	resources = aml_begin_resources(aml, "_CRS");
	aml_resource_buses(aml, 0, 0);
	aml_resource_ports(aml, 0xcf8, 8);
	aml_resource_memory_window(aml, LAYOUT_BAR_BASE, LAYOUT_BAR_SIZE);
	if (machine->high_window_bytes > 0)
		aml_resource_high_memory_window(aml, machine->high_window,
						machine->high_window_bytes);
	aml_end_resources(aml, resources);
	aml_end(aml, device);
}

static void write_serial(struct aml *aml)
{
	struct aml_mark device = aml_begin_device(aml, "COM1");
	struct aml_mark resources;

	aml_name_eisa_id(aml, "_HID", "PNP0501");
	aml_name_integer(aml, "_UID", 0);
	resources = aml_begin_resources(aml, "_CRS");
	aml_resource_ports(aml, SERIAL_PORT, 8);
	aml_resource_interrupt(aml, SERIAL_IRQ, AML_EDGE);
	aml_end_resources(aml, resources);
	aml_end(aml, device);
}

/* The name that Linux's pvpanic driver looks for. */
static void write_pvpanic(struct aml *aml)
{
	struct aml_mark device = aml_begin_device(aml, "PEVT");
	struct aml_mark resources;

	aml_name_string(aml, "_HID", "QEMU0001");
	aml_name_integer(aml, "_STA", STATUS_PRESENT_ENABLED_WORKING);
	resources = aml_begin_resources(aml, "_CRS");
	aml_resource_ports(aml, PVPANIC_PORT, 1);
	aml_end_resources(aml, resources);
	aml_end(aml, device);
}

/* Hardware-reduced machines have no fixed power button: a generic event device (ACPI 6.4, 5.6.9)
 * takes the interrupt, its _EVT reads what happened (which clears it) and notifies the button. The
 * interrupt is a level: a press is not lost on a guest that has not loaded its driver yet. */
static void write_power_button(struct aml *aml)
{
	struct aml_mark device = aml_begin_device(aml, "PWRB");
	struct aml_mark resources, field, method, condition;

	aml_name_eisa_id(aml, "_HID", "PNP0C0C");
	aml_end(aml, device);

	device = aml_begin_device(aml, "GED");
	aml_name_string(aml, "_HID", "ACPI0013");
	resources = aml_begin_resources(aml, "_CRS");
	aml_resource_interrupt(aml, POWER_IRQ, AML_LEVEL);
	aml_end_resources(aml, resources);
	aml_port_region(aml, "EVTR", POWER_PORT + POWER_EVENT, 1);
	field = aml_begin_byte_field(aml, "EVTR");
	aml_field_unit(aml, "EVTS", 8);
	aml_end(aml, field);
	method = aml_begin_method(aml, "_EVT", 1, true);
	aml_store_in_local0(aml, "EVTS");
	condition = aml_begin_if_local0_has(aml, POWER_EVENT_BUTTON);
	aml_notify(aml, "PWRB", NOTIFY_BUTTON_PRESSED);
	aml_end(aml, condition);
	aml_end(aml, method);
	aml_end(aml, device);
}

static void write_sleep_off(struct aml *aml)
{
	struct aml_mark package;

	aml_name(aml, "_S5");
	package = aml_begin_package(aml, 4);
	aml_integer(aml, POWER_SLEEP_OFF);
	for (int i = 0; i < 3; i++)
		aml_integer(aml, 0);
	aml_end(aml, package);
}

void dsdt_write(struct aml *aml, const struct dsdt_machine *machine)
{
	struct aml_mark scope = aml_begin_scope(aml, "\\_SB");

	write_pci(aml, machine);
	if (machine->serial)
		write_serial(aml);
	write_pvpanic(aml);
	write_power_button(aml);
	aml_end(aml, scope);
	write_sleep_off(aml);
}
