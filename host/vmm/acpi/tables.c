/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/acpi/tables.h"

#include "host/vmm/boot/layout.h"
#include "host/vmm/guest_memory.h"
#include "host/vmm/ports.h"
#include "host/vmm/power.h"
#include "protocol/base/bytes.h"

#include <assert.h>

#define HEADER_SIZE 36
#define RSDP_SIZE   36
#define FADT_SIZE   276

/* FADT flags (ACPI 6.4, table 5.10). */
#define FADT_WBINVD		  (1U << 0)
#define FADT_POWER_BUTTON_CONTROL (1U << 4) /* no fixed one: a control-method device, if any */
#define FADT_SLEEP_BUTTON_CONTROL (1U << 5)
#define FADT_RESET_REGISTER	  (1U << 10)
#define FADT_HEADLESS		  (1U << 12)
#define FADT_HARDWARE_REDUCED	  (1U << 20)

/* IA-PC boot architecture (table 5.11): what a kernel need not look for. There is no 8042 and
 * there are no legacy devices because their bits are clear. */
#define BOOT_NO_VGA  (1U << 2)
#define BOOT_NO_ASPM (1U << 4)
#define BOOT_NO_CMOS (1U << 5)

#define MADT_LOCAL_APIC	       0
#define MADT_IOAPIC	       1
#define MADT_PROCESSOR_ENABLED 1

#define SPACE_SYSTEM_IO 1
#define ACCESS_BYTE	1

/* Writes tables one behind the other; each begins at a multiple of 16. */
struct writer {
	uint8_t *bytes;
	size_t capacity;
	size_t at;
};

static uint8_t checksum(const uint8_t *bytes, size_t length)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

static uint8_t *reserve(struct writer *writer, size_t length)
{
	uint8_t *bytes = writer->bytes + writer->at;

	assert(length <= writer->capacity - writer->at);
	memset(bytes, 0, length);
	writer->at = (writer->at + length + 15) & ~(size_t)15;
	return bytes;
}

static uint64_t address_of(const struct writer *writer, const uint8_t *table)
{
	return BOOT_ACPI + (uint64_t)(table - writer->bytes);
}

/* The header that all tables but the RSDP have; call it when the table is complete. */
static void finish(uint8_t *table, const char *signature, uint8_t revision, size_t length)
{
	memcpy(table, signature, 4);
	store_le32(table + 4, (uint32_t)length);
	table[8] = revision;
	memcpy(table + 10, "LODGE ", 6);
	memcpy(table + 16, "LODGEVMM", 8);
	store_le32(table + 24, 1);
	memcpy(table + 28, "LDGE", 4);
	store_le32(table + 32, 1);
	table[9] = 0;
	table[9] = checksum(table, length);
}

static uint64_t write_dsdt(struct writer *writer, const struct acpi_machine *machine)
{
	uint8_t *table = writer->bytes + writer->at;
	struct aml aml = {.bytes = table + HEADER_SIZE,
			  .capacity = writer->capacity - writer->at - HEADER_SIZE};

	dsdt_write(&aml, &machine->devices);
	assert(!aml.overflow);
	finish(table, "DSDT", 2, HEADER_SIZE + aml.length);
	writer->at = (writer->at + HEADER_SIZE + aml.length + 15) & ~(size_t)15;
	return address_of(writer, table);
}

/* A Generic Address Structure: one byte of I/O space. */
static void put_port(uint8_t *gas, uint16_t port)
{
	gas[0] = SPACE_SYSTEM_IO;
	gas[1] = 8; /* bits */
	gas[3] = ACCESS_BYTE;
	store_le64(gas + 4, port);
}

static uint64_t write_fadt(struct writer *writer, uint64_t dsdt)
{
	uint8_t *table = reserve(writer, FADT_SIZE);

	store_le16(table + 109, BOOT_NO_VGA | BOOT_NO_ASPM | BOOT_NO_CMOS);
	store_le32(table + 112, FADT_WBINVD | FADT_POWER_BUTTON_CONTROL |
					FADT_SLEEP_BUTTON_CONTROL | FADT_RESET_REGISTER |
					FADT_HEADLESS | FADT_HARDWARE_REDUCED);
	put_port(table + 116, POWER_PORT + POWER_RESET);
	table[128] = POWER_RESET_VALUE;
	table[131] = 4; /* minor version: 6.4 */
	store_le64(table + 140, dsdt);
	put_port(table + 244, POWER_PORT + POWER_SLEEP_CONTROL);
	put_port(table + 256, POWER_PORT + POWER_SLEEP_STATUS);
	memcpy(table + 268, "LODGE", 5); /* hypervisor vendor */
	finish(table, "FACP", 6, FADT_SIZE);
	return address_of(writer, table);
}

static uint64_t write_madt(struct writer *writer, unsigned int cpus)
{
	size_t length = HEADER_SIZE + 8 + 8 * (size_t)cpus + 12;
	uint8_t *table = reserve(writer, length);
	uint8_t *entry = table + HEADER_SIZE + 8;

	store_le32(table + HEADER_SIZE, LAYOUT_LOCAL_APIC);
	for (unsigned int i = 0; i < cpus; i++, entry += 8) {
		entry[0] = MADT_LOCAL_APIC;
		entry[1] = 8;
		entry[2] = (uint8_t)i;
		entry[3] = (uint8_t)i;
		store_le32(entry + 4, MADT_PROCESSOR_ENABLED);
	}
	entry[0] = MADT_IOAPIC;
	entry[1] = 12;
	store_le32(entry + 4, LAYOUT_IOAPIC);
	finish(table, "APIC", 5, length);
	return address_of(writer, table);
}

/* One bus: a kernel does not look for others. */
static uint64_t write_mcfg(struct writer *writer)
{
	size_t length = HEADER_SIZE + 8 + 16;
	uint8_t *table = reserve(writer, length);

	store_le64(table + HEADER_SIZE + 8, LAYOUT_ECAM);
	finish(table, "MCFG", 1, length);
	return address_of(writer, table);
}

static uint64_t write_xsdt(struct writer *writer, const uint64_t *tables, size_t count)
{
	size_t length = HEADER_SIZE + 8 * count;
	uint8_t *table = reserve(writer, length);

	for (size_t i = 0; i < count; i++)
		store_le64(table + HEADER_SIZE + 8 * i, tables[i]);
	finish(table, "XSDT", 1, length);
	return address_of(writer, table);
}

static void write_rsdp(uint8_t *rsdp, uint64_t xsdt)
{
	memset(rsdp, 0, RSDP_SIZE);
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "LODGE ", 6);
	rsdp[15] = 2; /* revision */
	store_le32(rsdp + 20, RSDP_SIZE);
	store_le64(rsdp + 24, xsdt);
	rsdp[8] = checksum(rsdp, 20);
	rsdp[32] = checksum(rsdp, RSDP_SIZE);
}

uint64_t acpi_write(const struct acpi_machine *machine, const struct guestmem *memory)
{
	struct writer writer = {.bytes = guestmem_ptr(memory, BOOT_ACPI, BOOT_ACPI_SIZE),
				.capacity = BOOT_RESET_VECTOR - BOOT_ACPI};
	uint8_t *rsdp;
	uint64_t tables[3];

	assert(writer.bytes);
	rsdp = reserve(&writer, RSDP_SIZE);
	tables[0] = write_fadt(&writer, write_dsdt(&writer, machine));
	tables[1] = write_madt(&writer, machine->cpus);
	tables[2] = write_mcfg(&writer);
	write_rsdp(rsdp, write_xsdt(&writer, tables, ARRAY_SIZE(tables)));
	return address_of(&writer, rsdp);
}
