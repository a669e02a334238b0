/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/pci/function.h"

#include "host/vmm/pci/bus.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/pci_regs.h>

#define ECAM 0xe0000000ULL
#define SLOT 1

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct io_bus pio, mmio;
static struct pci_bus bus;
static struct pci_function function;
static uint64_t mapped_at;
static unsigned int reads_before, writes_after;
static int last_offset;

static uint64_t bar_read(void *owner, uint64_t offset, unsigned int size)
{
	(void)owner;
	(void)size;
	return 0xba0 + offset;
}

static void bar_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)owner;
	(void)offset;
	(void)size;
	(void)value;
}

static void bar_mapped(void *owner, uint64_t gpa)
{
	(void)owner;
	mapped_at = gpa;
}

static void bar_unmapped(void *owner, uint64_t gpa)
{
	(void)owner;
	ck_assert_uint_eq(gpa, mapped_at);
	mapped_at = 0;
}

static const struct pci_bar_ops bar_ops = {{bar_read, bar_write}, bar_mapped, bar_unmapped};

static void before_read(void *owner, int offset, unsigned int size)
{
	(void)owner;
	(void)size;
	reads_before++;
	last_offset = offset;
}

static void after_write(void *owner, int offset, unsigned int size)
{
	(void)owner;
	(void)size;
	writes_after++;
	last_offset = offset;
}

static const struct pci_capability_ops capability_ops = {before_read, after_write};
static const struct pci_function_ops function_ops = {NULL};
static const struct pci_identity identity = {
	.name = "test",
	.vendor = 0x1af4,
	.device = 0x1042,
	.subsystem_vendor = 0x1af4,
	.subsystem = 0x0002,
	.class_code = 0x010000,
	.revision = 1,
};

static void plug(void)
{
	struct pci_window window = {0xc0000000, 0x20000000};
	static const uint8_t body[4] = {1, 2, 3, 4}, writable[4] = {0, 0xff, 0x0f, 0};

	io_bus_init(&pio, &lock);
	io_bus_init(&mmio, &lock);
	mapped_at = reads_before = writes_after = 0;
	ck_assert_int_eq(pci_bus_init(&bus, &pio, &mmio, ECAM, window), 0);
	pci_function_init(&function, &identity, &function_ops);
	pci_function_add_bar(&function, 0, 0x4000, true, &bar_ops, NULL);
	ck_assert_uint_eq(pci_function_add_capability(&function, 9, body, writable, sizeof(body),
						      &capability_ops, NULL),
			  0x40);
	ck_assert_uint_eq(pci_function_add_capability(&function, 5, body, NULL, 3, NULL, NULL),
			  0x48);
	ck_assert_int_eq(pci_bus_add(&bus, &function), 0);
}

/* As a guest does it: through the ECAM. */
static uint64_t config_read(unsigned int slot, unsigned int offset, unsigned int size)
{
	return io_bus_read(&mmio, ECAM + slot * 0x8000 + offset, size);
}

static void config_write(unsigned int offset, unsigned int size, uint32_t value)
{
	io_bus_write(&mmio, ECAM + SLOT * 0x8000 + offset, size, value);
}

START_TEST(the_identity_is_read_only)
{
	config_write(PCI_VENDOR_ID, 4, 0);
	config_write(PCI_CLASS_REVISION, 4, 0);
	config_write(PCI_SUBSYSTEM_VENDOR_ID, 4, 0);
	config_write(PCI_HEADER_TYPE, 1, 0xff);
	ck_assert_uint_eq(config_read(SLOT, PCI_VENDOR_ID, 4), 0x10421af4);
	ck_assert_uint_eq(config_read(SLOT, PCI_CLASS_REVISION, 4), 0x01000001);
	ck_assert_uint_eq(config_read(SLOT, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x00021af4);
	ck_assert_uint_eq(config_read(SLOT, PCI_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(config_read(SLOT, PCI_INTERRUPT_PIN, 1), 0);
}
END_TEST

START_TEST(the_command_register_keeps_what_is_implemented)
{
	config_write(PCI_COMMAND, 2, 0xffff);
	ck_assert_uint_eq(config_read(SLOT, PCI_COMMAND, 2),
			  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	ck_assert(pci_function_is_bus_master(&function));
	config_write(PCI_COMMAND, 2, 0);
	ck_assert(!pci_function_is_bus_master(&function));
}
END_TEST

START_TEST(a_bar_tells_its_size)
{
	config_write(PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	config_write(PCI_BASE_ADDRESS_1, 4, 0xffffffff);
	/* 64-bit, prefetchable, 16 KiB. */
	ck_assert_uint_eq(config_read(SLOT, PCI_BASE_ADDRESS_0, 4), 0xffffc00c);
	ck_assert_uint_eq(config_read(SLOT, PCI_BASE_ADDRESS_1, 4), 0xffffffff);
	config_write(PCI_BASE_ADDRESS_2, 4, 0xffffffff);
	ck_assert_uint_eq(config_read(SLOT, PCI_BASE_ADDRESS_2, 4), 0);
	config_write(PCI_ROM_ADDRESS, 4, 0xffffffff);
	ck_assert_uint_eq(config_read(SLOT, PCI_ROM_ADDRESS, 4), 0);
}
END_TEST

START_TEST(a_bar_answers_while_memory_is_decoded)
{
	uint64_t at = config_read(SLOT, PCI_BASE_ADDRESS_0, 4) & ~0xfULL;

	ck_assert_uint_ge(at, 0xc0000000);
	ck_assert_uint_eq(io_bus_read(&mmio, at, 4), 0xffffffff);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(mapped_at, at);
	ck_assert_uint_eq(io_bus_read(&mmio, at + 8, 4), 0xba8);

	config_write(PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	ck_assert_uint_eq(mapped_at, 0xd0000000);
	ck_assert_uint_eq(io_bus_read(&mmio, at, 4), 0xffffffff);
	ck_assert_uint_eq(io_bus_read(&mmio, 0xd0000000, 4), 0xba0);

	config_write(PCI_COMMAND, 2, 0);
	ck_assert_uint_eq(mapped_at, 0);
	ck_assert_uint_eq(io_bus_read(&mmio, 0xd0000000, 4), 0xffffffff);
}
END_TEST

/* Low and high half: outside the window, over the ECAM, wrapping. */
static const struct {
	uint32_t low, high;
} wild[] = {
	{0, 0},
	{0xe0000000, 0},
	{0xdffffff0, 1},
	{0xffffffff, 0xffffffff},
	{0xc0000000, 0xffffffff},
};

START_TEST(a_bar_in_a_wild_place_answers_nowhere)
{
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	config_write(PCI_BASE_ADDRESS_0, 4, wild[_i].low);
	config_write(PCI_BASE_ADDRESS_1, 4, wild[_i].high);
	ck_assert_uint_eq(mapped_at, 0);
	ck_assert_uint_eq(config_read(0, PCI_VENDOR_ID, 2), 0x1b36);
}
END_TEST

START_TEST(capabilities_form_a_list)
{
	ck_assert_uint_eq(config_read(SLOT, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST,
			  PCI_STATUS_CAP_LIST);
	ck_assert_uint_eq(config_read(SLOT, PCI_CAPABILITY_LIST, 1), 0x48);
	ck_assert_uint_eq(config_read(SLOT, 0x48, 2), 0x4005);
	ck_assert_uint_eq(config_read(SLOT, 0x40, 4), 0x02010009);
}
END_TEST

START_TEST(capability_writes_obey_their_mask)
{
	config_write(0x40, 4, 0xffffffff);
	ck_assert_uint_eq(config_read(SLOT, 0x40, 4), 0xff010009);
	config_write(0x44, 2, 0xffff);
	ck_assert_uint_eq(config_read(SLOT, 0x44, 2), 0x040f);
}
END_TEST

START_TEST(hooks_see_accesses_that_touch_their_capability)
{
	config_read(SLOT, 0x3c, 4);
	config_read(SLOT, 0x48, 4);
	ck_assert_uint_eq(reads_before, 0);
	config_read(SLOT, 0x44, 2);
	ck_assert_uint_eq(reads_before, 1);
	ck_assert_int_eq(last_offset, 4);
	pci_function_config_write(&function, 0x3e, 4, 0); /* straddles its beginning */
	ck_assert_uint_eq(writes_after, 1);
	ck_assert_int_eq(last_offset, -2);
}
END_TEST

START_TEST(accesses_beyond_the_end_do_nothing)
{
	static const unsigned int sizes[] = {0, 3, 5, 8};

	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(pci_function_config_read(&function, 0, sizes[i]), UINT32_MAX);
	ck_assert_uint_eq(pci_function_config_read(&function, 253, 4), UINT32_MAX);
	ck_assert_uint_eq(pci_function_config_read(&function, UINT32_MAX, 4), UINT32_MAX);
	pci_function_config_write(&function, 254, 4, 0);
	pci_function_config_write(&function, UINT32_MAX - 1, 4, 0);
	ck_assert_uint_eq(config_read(SLOT, 0x100, 4), UINT32_MAX);
}
END_TEST

START_TEST(reset_is_power_on)
{
	uint32_t bar = (uint32_t)config_read(SLOT, PCI_BASE_ADDRESS_0, 4);

	config_write(PCI_COMMAND, 2, 0xffff);
	config_write(PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	config_write(0x40, 4, 0xffffffff);
	pci_function_reset(&function);
	ck_assert_uint_eq(mapped_at, 0);
	ck_assert_uint_eq(config_read(SLOT, PCI_COMMAND, 2), 0);
	ck_assert_uint_eq(config_read(SLOT, PCI_BASE_ADDRESS_0, 4), bar);
	ck_assert_uint_eq(config_read(SLOT, 0x40, 4), 0x02010009);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci function");
	TCase *tc = tcase_create("pci function");

	tcase_add_checked_fixture(tc, plug, NULL);
	tcase_add_test(tc, the_identity_is_read_only);
	tcase_add_test(tc, the_command_register_keeps_what_is_implemented);
	tcase_add_test(tc, a_bar_tells_its_size);
	tcase_add_test(tc, a_bar_answers_while_memory_is_decoded);
	tcase_add_loop_test(tc, a_bar_in_a_wild_place_answers_nowhere, 0,
			    sizeof(wild) / sizeof(wild[0]));
	tcase_add_test(tc, capabilities_form_a_list);
	tcase_add_test(tc, capability_writes_obey_their_mask);
	tcase_add_test(tc, hooks_see_accesses_that_touch_their_capability);
	tcase_add_test(tc, accesses_beyond_the_end_do_nothing);
	tcase_add_test(tc, reset_is_power_on);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
