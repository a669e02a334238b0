/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "acpi.h"
#include "interrupts.h"
#include "lib.h"
#include "smp.h"
#include "suites.h"

static void remember_id(void *argument)
{
	*(volatile uint32_t *)argument = apic_id();
}

static void test_start(void)
{
	const struct acpi *acpi = acpi_get();

	if (acpi->cpus < 2) {
		test_skip("one CPU");
		return;
	}
	for (unsigned i = 1; i < acpi->cpus; i++) {
		volatile uint32_t id = UINT32_MAX;

		require(smp_start(i), "CPU %u does not start", i);
		smp_run(i, remember_id, (void *)&id);
		require(smp_wait(i, 3000), "CPU %u does not wake up from HLT by an IPI", i);
		check(id == acpi->cpu_apic_id[i], "CPU %u has APIC id %u, MADT says %u", i, id,
		      acpi->cpu_apic_id[i]);
	}
}

static const struct test tests[] = {
	{"start", test_start},
};

const struct suite suite_smp = {"smp", tests, ARRAY_SIZE(tests), NULL};
