/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/acpi/tables.h"

#include "host/vmm/boot/layout.h"
#include "host/vmm/guest_memory.h"
#include "host/vmm/options.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>

static uint8_t ram[BOOT_HIGH];
static struct guestmem memory;
static const uint8_t *rsdp;

static void write_for(unsigned int cpus, bool serial)
{
	struct acpi_machine machine = {cpus, {.serial = serial}};

	memory = (struct guestmem){0};
	memset(ram, 0xee, sizeof(ram));
	ck_assert_int_eq(guestmem_add(&memory, 0, ram, sizeof(ram)), 0);
	rsdp = ram + acpi_write(&machine, &memory);
}

static void write_two(void)
{
	write_for(2, true);
}

static uint8_t sum(const uint8_t *bytes, size_t length)
{
	uint8_t total = 0;

	while (length-- > 0)
		total = (uint8_t)(total + *bytes++);
	return total;
}

static const uint8_t *at(uint64_t address)
{
	ck_assert_uint_ge(address, BOOT_ACPI);
	ck_assert_uint_lt(address, BOOT_RESET_VECTOR);
	return ram + address;
}

/* As a kernel finds a table: by the XSDT. */
static const uint8_t *find(const char *signature)
{
	const uint8_t *xsdt = at(load_le64(rsdp + 24));

	for (uint32_t entry = 36; entry < load_le32(xsdt + 4); entry += 8) {
		const uint8_t *table = at(load_le64(xsdt + entry));

		if (memcmp(table, signature, 4) == 0)
			return table;
	}
	ck_abort_msg("no %s", signature);
}

START_TEST(the_rsdp_is_where_kernels_search)
{
	ck_assert_mem_eq(rsdp, "RSD PTR ", 8);
	ck_assert_uint_eq((uintptr_t)(rsdp - ram) % 16, 0);
	ck_assert_uint_eq(sum(rsdp, 20), 0);
	ck_assert_uint_eq(sum(rsdp, 36), 0);
	ck_assert_uint_eq(rsdp[15], 2);
}
END_TEST

START_TEST(checksums_are_right)
{
	static const char *const signatures[] = {"FACP", "APIC", "MCFG"};
	const uint8_t *xsdt = at(load_le64(rsdp + 24));
	const uint8_t *dsdt = at(load_le64(find("FACP") + 140));

	ck_assert_mem_eq(xsdt, "XSDT", 4);
	ck_assert_uint_eq(sum(xsdt, load_le32(xsdt + 4)), 0);
	ck_assert_mem_eq(dsdt, "DSDT", 4);
	ck_assert_uint_eq(sum(dsdt, load_le32(dsdt + 4)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		const uint8_t *table = find(signatures[i]);

		ck_assert_uint_eq(sum(table, load_le32(table + 4)), 0);
	}
}
END_TEST

START_TEST(the_fadt_is_of_a_hardware_reduced_machine)
{
	const uint8_t *fadt = find("FACP");

	ck_assert_uint_eq(load_le32(fadt + 4), 276);
	ck_assert_uint_eq(load_le32(fadt + 112) & (1U << 20 | 1U << 10), 1U << 20 | 1U << 10);
	ck_assert_uint_eq(load_le64(fadt + 116 + 4), 0x602); /* reset */
	ck_assert_uint_eq(load_le64(fadt + 244 + 4), 0x600); /* sleep control */
	ck_assert_uint_eq(load_le64(fadt + 256 + 4), 0x601); /* sleep status */
	ck_assert_uint_eq(load_le32(fadt + 56), 0);	     /* no fixed event block */
}
END_TEST

START_TEST(the_madt_lists_each_processor)
{
	const uint8_t *madt;
	unsigned int local = 0, io = 0;

	write_for(OPTIONS_MAX_CPUS, true);
	madt = find("APIC");
	ck_assert_uint_eq(load_le32(madt + 36), LAYOUT_LOCAL_APIC);
	for (uint32_t entry = 44; entry < load_le32(madt + 4); entry += madt[entry + 1]) {
		if (madt[entry] == 0) {
			ck_assert_uint_eq(madt[entry + 3], local++);
			ck_assert_uint_eq(load_le32(madt + entry + 4), 1);
		} else {
			ck_assert_uint_eq(load_le32(madt + entry + 4), LAYOUT_IOAPIC);
			io++;
		}
	}
	ck_assert_uint_eq(local, OPTIONS_MAX_CPUS);
	ck_assert_uint_eq(io, 1);
}
END_TEST

START_TEST(the_mcfg_has_one_bus)
{
	const uint8_t *mcfg = find("MCFG");

	ck_assert_uint_eq(load_le32(mcfg + 4), 60);
	ck_assert_uint_eq(load_le64(mcfg + 44), LAYOUT_ECAM);
	ck_assert_uint_eq(mcfg[54], 0);
	ck_assert_uint_eq(mcfg[55], 0);
}
END_TEST

static bool dsdt_has(const char *text)
{
	const uint8_t *dsdt = at(load_le64(find("FACP") + 140));

	return memmem(dsdt, load_le32(dsdt + 4), text, strlen(text)) != NULL;
}

START_TEST(the_dsdt_has_what_the_machine_has)
{
	static const char *const names[] = {"PCI0", "COM1", "PWRB", "ACPI0013", "QEMU0001", "_S5_"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_msg(dsdt_has(names[i]), "%s", names[i]);
	write_for(1, false);
	ck_assert(!dsdt_has("COM1"));
}
END_TEST

START_TEST(the_dsdt_has_a_window_above_ram_if_there_is_one)
{
	struct acpi_machine machine = {1, {true, 0x400000000, 0x280000000}};
	uint8_t window[46] = {0x8a, 43, 0, 0, 0x0c, 7}; /* QWordMemory, cacheable by prefetch, RW */

	store_le64(window + 14, 0x400000000);
	store_le64(window + 22, 0x67fffffff);
	store_le64(window + 38, 0x280000000);
	for (int i = 0; i < 2; i++) {
		const uint8_t *dsdt = at(load_le64(find("FACP") + 140));
		bool there = memmem(dsdt, load_le32(dsdt + 4), window, sizeof(window)) != NULL;

		ck_assert_int_eq(there, i);
		rsdp = ram + acpi_write(&machine, &memory);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("acpi tables");
	TCase *tc = tcase_create("acpi tables");

	tcase_add_checked_fixture(tc, write_two, NULL);
	tcase_add_test(tc, the_rsdp_is_where_kernels_search);
	tcase_add_test(tc, checksums_are_right);
	tcase_add_test(tc, the_fadt_is_of_a_hardware_reduced_machine);
	tcase_add_test(tc, the_madt_lists_each_processor);
	tcase_add_test(tc, the_mcfg_has_one_bus);
	tcase_add_test(tc, the_dsdt_has_what_the_machine_has);
	tcase_add_test(tc, the_dsdt_has_a_window_above_ram_if_there_is_one);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
