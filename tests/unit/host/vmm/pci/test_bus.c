/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/pci/bus.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/pci_regs.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct io_bus pio, mmio;
static struct pci_bus bus;
static struct pci_function functions[PCI_SLOTS];
static unsigned int resets;

static void count_reset(struct pci_function *function)
{
	(void)function;
	resets++;
}

static const struct pci_function_ops ops = {.reset = count_reset};
static const struct pci_bar_ops bar_ops = {{NULL, NULL}, NULL, NULL};

static void empty_bus(void)
{
	struct pci_window window = {0xc0000000, 0x100000};

	io_bus_init(&pio, &lock);
	io_bus_init(&mmio, &lock);
	resets = 0;
	ck_assert_int_eq(pci_bus_init(&bus, &pio, &mmio, 0xe0000000, window), 0);
}

static int add(unsigned int index, uint64_t bar_size)
{
	struct pci_identity identity = {
		.name = "test", .vendor = 0x1af4, .device = (uint16_t)(0x1040 + index)};

	pci_function_init(&functions[index], &identity, &ops);
	if (bar_size)
		pci_function_add_bar(&functions[index], 0, bar_size, false, &bar_ops, NULL);
	return pci_bus_add(&bus, &functions[index]);
}

START_TEST(functions_get_slots_until_there_are_none)
{
	for (unsigned int i = 0; i < PCI_SLOTS - 1; i++)
		ck_assert_int_eq(add(i, 0), 0);
	ck_assert_int_eq(add(PCI_SLOTS - 1, 0), -ENOSPC);
	ck_assert_uint_eq(functions[30].slot, 31);
}
END_TEST

START_TEST(bars_are_placed_aligned_and_apart)
{
	ck_assert_int_eq(add(0, 0x1000), 0);
	ck_assert_int_eq(add(1, 0x10000), 0);
	ck_assert_int_eq(add(2, 0x1000), 0);
	ck_assert_uint_eq(pci_function_config_read(&functions[0], PCI_BASE_ADDRESS_0, 4),
			  0xc0000004);
	ck_assert_uint_eq(pci_function_config_read(&functions[1], PCI_BASE_ADDRESS_0, 4),
			  0xc0010004);
	ck_assert_uint_eq(pci_function_config_read(&functions[2], PCI_BASE_ADDRESS_0, 4),
			  0xc0020004);
	ck_assert_int_eq(add(3, 0x100000), -ENOSPC);
}
END_TEST

START_TEST(prefetchable_bars_are_placed_above_ram)
{
	struct pci_window high = {0x400000000, 0x20000000};
	static const struct pci_identity identity = {.name = "window", .vendor = 0x1af4};

	ck_assert_int_eq(add(0, 0x1000), 0);
	pci_bus_set_high_window(&bus, high);
	for (unsigned int i = 1; i < 4; i++) {
		pci_function_init(&functions[i], &identity, &ops);
		pci_function_add_bar(&functions[i], 0, 0x1000, false, &bar_ops, NULL);
		pci_function_add_bar(&functions[i], 4, i == 1 ? 0x200000 : 0x10000000, true,
				     &bar_ops, NULL);
	}
	ck_assert_int_eq(pci_bus_add(&bus, &functions[1]), 0);
	ck_assert_int_eq(pci_bus_add(&bus, &functions[2]), 0);
	ck_assert_int_eq(pci_bus_add(&bus, &functions[3]), -ENOSPC);
	ck_assert_uint_eq(pci_function_config_read(&functions[1], PCI_BASE_ADDRESS_0, 4),
			  0xc0001004);
	ck_assert_uint_eq(pci_function_config_read(&functions[1], PCI_BASE_ADDRESS_4, 4), 0xc);
	ck_assert_uint_eq(pci_function_config_read(&functions[1], PCI_BASE_ADDRESS_5, 4), 4);
	ck_assert_uint_eq(pci_function_config_read(&functions[2], PCI_BASE_ADDRESS_4, 4),
			  0x1000000c);
	/* It answers there, and where a guest moves it within the window, but not outside. */
	pci_function_config_write(&functions[2], PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(functions[2].bar[4].mapped_at, 0x410000000);
	pci_function_config_write(&functions[2], PCI_BASE_ADDRESS_4, 4, 0);
	ck_assert_uint_eq(functions[2].bar[4].mapped_at, 0x400000000);
	pci_function_config_write(&functions[2], PCI_BASE_ADDRESS_5, 4, 5);
	ck_assert_uint_eq(functions[2].bar[4].mapped_at, 0);
	pci_function_config_write(&functions[2], PCI_BASE_ADDRESS_4, 4, 0x20000000);
	pci_function_config_write(&functions[2], PCI_BASE_ADDRESS_5, 4, 4);
	ck_assert_uint_eq(functions[2].bar[4].mapped_at, 0);
}
END_TEST

static uint32_t port_read(uint32_t address, unsigned int offset, unsigned int size)
{
	io_bus_write(&pio, 0xcf8, 4, address);
	return (uint32_t)io_bus_read(&pio, 0xcfc + offset, size);
}

START_TEST(the_ports_reach_bus_0)
{
	ck_assert_int_eq(add(0, 0), 0);
	ck_assert_uint_eq(port_read(0x80000800, 0, 4), 0x10401af4);
	ck_assert_uint_eq(port_read(0x80000800, 2, 2), 0x1040);
	ck_assert_uint_eq(io_bus_read(&pio, 0xcf8, 4), 0x80000800);
	ck_assert_uint_eq(port_read(0x00000800, 0, 4), UINT32_MAX); /* not enabled */
	ck_assert_uint_eq(port_read(0x80010800, 0, 4), UINT32_MAX); /* bus 1 */
	ck_assert_uint_eq(port_read(0x80000900, 0, 4), UINT32_MAX); /* function 1 */
	ck_assert_uint_eq(port_read(0x80001000, 0, 4), UINT32_MAX); /* empty slot */
	/* The address register takes 32-bit writes only. */
	io_bus_write(&pio, 0xcf8, 1, 0xff);
	ck_assert_uint_eq(io_bus_read(&pio, 0xcf8, 4), 0x80001000);
}
END_TEST

START_TEST(the_ecam_reaches_functions_0)
{
	ck_assert_int_eq(add(0, 0), 0);
	ck_assert_uint_eq(io_bus_read(&mmio, 0xe0000000, 4), 0x00081b36);
	ck_assert_uint_eq(io_bus_read(&mmio, 0xe0008000, 4), 0x10401af4);
	ck_assert_uint_eq(io_bus_read(&mmio, 0xe0009000, 4), UINT32_MAX);
	ck_assert_uint_eq(io_bus_read(&mmio, 0xe0010000, 4), UINT32_MAX);
	ck_assert_uint_eq(io_bus_read(&mmio, 0xe0008000, 8), UINT64_MAX);
	io_bus_write(&mmio, 0xe0009004, 4, UINT32_MAX);
	io_bus_write(&mmio, 0xe00ffffc, 4, UINT32_MAX);
	ck_assert_uint_eq(pci_function_config_read(&functions[0], PCI_COMMAND, 2), 0);
}
END_TEST

START_TEST(reset_reaches_all)
{
	ck_assert_int_eq(add(0, 0), 0);
	ck_assert_int_eq(add(1, 0), 0);
	pci_function_config_write(&functions[1], PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	io_bus_write(&pio, 0xcf8, 4, 0x80000800);
	pci_bus_reset(&bus);
	ck_assert_uint_eq(resets, 2);
	ck_assert(!pci_function_is_bus_master(&functions[1]));
	ck_assert_uint_eq(io_bus_read(&pio, 0xcf8, 4), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci bus");
	TCase *tc = tcase_create("pci bus");

	tcase_add_checked_fixture(tc, empty_bus, NULL);
	tcase_add_test(tc, functions_get_slots_until_there_are_none);
	tcase_add_test(tc, bars_are_placed_aligned_and_apart);
	tcase_add_test(tc, prefetchable_bars_are_placed_above_ram);
	tcase_add_test(tc, the_ports_reach_bus_0);
	tcase_add_test(tc, the_ecam_reaches_functions_0);
	tcase_add_test(tc, reset_reaches_all);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
