/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "acpi.h"

#include "io.h"
#include "lib.h"
#include "test.h"

/* Offsets in the tables, where each is read once. */
#define RSDP_XSDT	    24
#define HEADER_SIZE	    36
#define FADT_DSDT	    40
#define FADT_PM1A_CONTROL   64
#define FADT_FLAGS	    112
#define FADT_RESET_REGISTER 116
#define FADT_RESET_VALUE    128
#define FADT_X_DSDT	    140
#define FADT_SLEEP_CONTROL  244
#define FADT_SIZE_5	    268

#define FLAG_RESET_SUPPORTED  (1U << 10)
#define FLAG_HARDWARE_REDUCED (1U << 20)

/* Generic address structure: space, width, offset, access size, then the address. */
#define GAS_IO	    1
#define GAS_ADDRESS 4

#define MADT_ENTRIES 44
#define MADT_LAPIC   0
#define MADT_X2APIC  9

#define MCFG_ENTRIES 44

static struct acpi acpi;

static uint32_t load32(const uint8_t *at)
{
	uint32_t value;

	__builtin_memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t load64(const uint8_t *at)
{
	return load32(at) | (uint64_t)load32(at + 4) << 32;
}

static uint16_t gas_port(const uint8_t *gas)
{
	return gas[0] == GAS_IO ? (uint16_t)load64(gas + GAS_ADDRESS) : 0;
}

static uint8_t sum(const uint8_t *bytes, size_t len)
{
	uint8_t total = 0;

	while (len-- > 0)
		total = (uint8_t)(total + *bytes++);
	return total;
}

/* Name(\_S5, Package(){type, ...}): "_S5_" PackageOp length count, then an integer. */
static uint8_t sleep_type_of(const uint8_t *dsdt)
{
	size_t length = load32(dsdt + 4);

	for (size_t i = HEADER_SIZE; i + 8 < length; i++) {
		const uint8_t *at = dsdt + i;

		if (memcmp(at, "_S5_\x12", 5) != 0)
			continue;
		at += 5;
		at += 1 + (*at >> 6); /* PkgLength */
		at++;		      /* count */
		if (*at == 0x0a)      /* BytePrefix */
			return at[1];
		return *at; /* ZeroOp, OneOp */
	}
	return 0;
}

static void read_fadt(const uint8_t *fadt)
{
	uint32_t length = load32(fadt + 4);
	uint32_t flags = load32(fadt + FADT_FLAGS);
	uint64_t dsdt = length >= FADT_X_DSDT + 8 ? load64(fadt + FADT_X_DSDT) : 0;

	if (dsdt == 0)
		dsdt = load32(fadt + FADT_DSDT);
	if (sum((const uint8_t *)dsdt, load32((const uint8_t *)dsdt + 4)) != 0)
		acpi.checksums_right = false;
	acpi.sleep_type = sleep_type_of((const uint8_t *)dsdt);
	acpi.hardware_reduced = flags & FLAG_HARDWARE_REDUCED;
	if (acpi.hardware_reduced && length >= FADT_SIZE_5)
		acpi.sleep_port = gas_port(fadt + FADT_SLEEP_CONTROL);
	else
		acpi.sleep_port = (uint16_t)load32(fadt + FADT_PM1A_CONTROL);
	if (flags & FLAG_RESET_SUPPORTED) {
		acpi.reset_port = gas_port(fadt + FADT_RESET_REGISTER);
		acpi.reset_value = fadt[FADT_RESET_VALUE];
	}
}

static void add_cpu(uint32_t apic_id, uint32_t flags)
{
	if ((flags & 1) && acpi.cpus < ACPI_MAX_CPUS)
		acpi.cpu_apic_id[acpi.cpus++] = apic_id;
}

static void read_madt(const uint8_t *madt)
{
	uint32_t length = load32(madt + 4);

	for (uint32_t i = MADT_ENTRIES; i + 2 <= length && madt[i + 1] >= 2; i += madt[i + 1]) {
		const uint8_t *entry = madt + i;

		if (entry[0] == MADT_LAPIC)
			add_cpu(entry[3], load32(entry + 4));
		else if (entry[0] == MADT_X2APIC)
			add_cpu(load32(entry + 4), load32(entry + 8));
	}
}

void acpi_init(uint64_t rsdp)
{
	const uint8_t *xsdt;
	size_t count;

	if (rsdp == 0 || memcmp((const void *)rsdp, "RSD PTR ", 8) != 0)
		fatal("no ACPI root pointer at 0x%lx", rsdp);
	acpi.checksums_right = sum((const uint8_t *)rsdp, 20) == 0;
	xsdt = (const uint8_t *)load64((const uint8_t *)rsdp + RSDP_XSDT);
	/* A firmware of revision 0 (SeaBIOS) has an RSDT alone: 32-bit addresses. */
	bool wide = ((const uint8_t *)rsdp)[15] >= 2;

	if (!wide)
		xsdt = (const uint8_t *)(uint64_t)load32((const uint8_t *)rsdp + 16);
	else if (sum((const uint8_t *)rsdp, 36) != 0)
		acpi.checksums_right = false;
	count = (load32(xsdt + 4) - HEADER_SIZE) / (wide ? 8 : 4);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *table = (const uint8_t *)(wide ? load64(xsdt + HEADER_SIZE + 8 * i)
							      : load32(xsdt + HEADER_SIZE + 4 * i));

		acpi.tables++;
		if (sum(table, load32(table + 4)) != 0)
			acpi.checksums_right = false;
		if (memcmp(table, "FACP", 4) == 0)
			read_fadt(table);
		else if (memcmp(table, "APIC", 4) == 0)
			read_madt(table);
		else if (memcmp(table, "MCFG", 4) == 0)
			acpi.ecam = load64(table + MCFG_ENTRIES);
	}
}

const struct acpi *acpi_get(void)
{
	return &acpi;
}

_Noreturn void acpi_power_off(void)
{
	interrupts_off();
	if (acpi.hardware_reduced)
		port_write8(acpi.sleep_port, (uint8_t)(acpi.sleep_type << 2 | 1 << 5));
	else
		port_write16(acpi.sleep_port, (uint16_t)(acpi.sleep_type << 10 | 1 << 13));
	for (;;)
		sleep_until_interrupt();
}

_Noreturn void acpi_reset(void)
{
	interrupts_off();
	port_write8(acpi.reset_port, acpi.reset_value);
	for (;;)
		sleep_until_interrupt();
}
