/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/pci/msix.h"

#include "host/vmm/pci/bus.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <sys/eventfd.h>

#define VECTORS 3
#define PENDING 2048

/* Remembers the messages, as KVM's routing table does. */
static uint64_t routed_address[2 * VECTORS + 1];
static uint32_t routed_data[2 * VECTORS + 1];
static unsigned int routings, unroutings, next_gsi;

static int route(struct msi_router *router, int fd, uint32_t *gsi, uint64_t address, uint32_t data)
{
	(void)router;
	(void)fd;
	routings++;
	if (!*gsi)
		*gsi = ++next_gsi;
	routed_address[*gsi] = address;
	routed_data[*gsi] = data;
	return 0;
}

static void unroute(struct msi_router *router, int fd, uint32_t *gsi)
{
	(void)router;
	(void)fd;
	unroutings++;
	*gsi = 0;
}

static struct msi_router router = {route, unroute};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct io_bus pio, mmio;
static struct pci_bus bus;
static struct pci_function function;
static struct msix *msix;
static uint64_t table;

static void plug(void)
{
	static const struct pci_identity identity = {.name = "test", .vendor = 0x1af4};
	static const struct pci_function_ops ops = {NULL};
	struct pci_window window = {0xc0000000, 0x100000};

	io_bus_init(&pio, &lock);
	io_bus_init(&mmio, &lock);
	routings = unroutings = next_gsi = 0;
	ck_assert_int_eq(pci_bus_init(&bus, &pio, &mmio, 0xe0000000, window), 0);
	pci_function_init(&function, &identity, &ops);
	ck_assert_int_eq(msix_new(&function, 2, VECTORS, &router, &msix), 0);
	ck_assert_int_eq(pci_bus_add(&bus, &function), 0);
	table = pci_function_config_read(&function, PCI_BASE_ADDRESS_2, 4) & ~0xfULL;
	pci_function_config_write(&function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

static void unplug(void)
{
	msix_free(msix);
}

static void set_control(uint16_t control)
{
	pci_function_config_write(&function, 0x40 + PCI_MSIX_FLAGS, 2, control);
}

static void set_vector(unsigned int vector, uint32_t data, uint32_t control)
{
	uint64_t entry = table + vector * PCI_MSIX_ENTRY_SIZE;

	io_bus_write(&mmio, entry + PCI_MSIX_ENTRY_LOWER_ADDR, 4, 0xfee00000);
	io_bus_write(&mmio, entry + PCI_MSIX_ENTRY_UPPER_ADDR, 4, 0);
	io_bus_write(&mmio, entry + PCI_MSIX_ENTRY_DATA, 4, data);
	io_bus_write(&mmio, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 4, control);
}

/* Interrupts that have reached KVM since the last call. */
static unsigned int fired(unsigned int vector)
{
	eventfd_t count;

	return eventfd_read(msix_vector_fd(msix, vector), &count) == 0 ? (unsigned int)count : 0;
}

static uint64_t pending(void)
{
	return io_bus_read(&mmio, table + PENDING, 8);
}

START_TEST(the_capability_describes_the_table)
{
	ck_assert_uint_eq(pci_function_config_read(&function, 0x40, 4), (VECTORS - 1) << 16 | 0x11);
	ck_assert_uint_eq(pci_function_config_read(&function, 0x40 + PCI_MSIX_TABLE, 4), 2);
	ck_assert_uint_eq(pci_function_config_read(&function, 0x40 + PCI_MSIX_PBA, 4), PENDING | 2);
	set_control(0xffff);
	ck_assert_uint_eq(pci_function_config_read(&function, 0x40 + PCI_MSIX_FLAGS, 2),
			  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL | (VECTORS - 1));
}
END_TEST

START_TEST(an_unmasked_vector_fires_and_is_routed_once)
{
	set_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(1, 0x41, 0);
	ck_assert_uint_eq(routings, 1);
	ck_assert_uint_eq(routed_address[1], 0xfee00000);
	ck_assert_uint_eq(routed_data[1], 0x41);
	msix_notify(msix, 1);
	msix_notify(msix, 1);
	ck_assert_uint_eq(fired(1), 2);
	ck_assert_uint_eq(fired(0), 0);
	set_vector(1, 0x41, 1);
	set_vector(1, 0x41, 0);
	ck_assert_uint_eq(routings, 1);
	set_vector(1, 0x42, 0);
	ck_assert_uint_eq(routed_data[1], 0x42);
}
END_TEST

START_TEST(masked_vectors_wait_in_the_pending_bits)
{
	set_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(2, 0x41, 1);
	msix_notify(msix, 2);
	msix_notify(msix, 2);
	ck_assert_uint_eq(fired(2), 0);
	ck_assert_uint_eq(pending(), 4);
	set_vector(2, 0x43, 0);
	ck_assert_uint_eq(fired(2), 1);
	ck_assert_uint_eq(routed_data[1], 0x43);
	ck_assert_uint_eq(pending(), 0);
}
END_TEST

START_TEST(the_function_mask_holds_all_back)
{
	set_control(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	set_vector(0, 0x41, 0);
	set_vector(1, 0x42, 0);
	msix_notify(msix, 0);
	msix_notify(msix, 1);
	ck_assert_uint_eq(pending(), 3);
	ck_assert_uint_eq(routings, 0);
	set_control(PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(fired(0), 1);
	ck_assert_uint_eq(fired(1), 1);
	ck_assert_uint_eq(pending(), 0);
}
END_TEST

/* As KVM would deliver it: only what is routed reaches the guest. */
START_TEST(a_lent_vector_is_taken_off_kvm_while_it_is_masked)
{
	int fd;

	set_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(1, 0x41, 0);
	fd = msix_lend(msix, 1);
	ck_assert_int_eq(fd, msix_vector_fd(msix, 1));
	ck_assert_uint_eq(unroutings, 0);
	set_vector(1, 0x41, 1);
	ck_assert_uint_eq(unroutings, 1);
	ck_assert_uint_eq(pending(), 0);
	eventfd_write(fd, 1);
	eventfd_write(fd, 1);
	ck_assert_uint_eq(pending(), 2);
	ck_assert_uint_eq(fired(1), 0); /* the signal is the pending bit now */
	set_vector(1, 0x42, 0);
	ck_assert_uint_eq(fired(1), 1);
	ck_assert_uint_eq(routed_data[next_gsi], 0x42);
	ck_assert_uint_eq(pending(), 0);
}
END_TEST

START_TEST(lent_vectors_wait_for_msix_too)
{
	int fd = msix_lend(msix, 0);

	set_vector(0, 0x41, 0);
	eventfd_write(fd, 1);
	ck_assert_uint_eq(routings, 0);
	set_control(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	ck_assert_uint_eq(routings, 0);
	ck_assert_uint_eq(pending(), 1);
	set_control(PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(routings, 1);
	ck_assert_uint_eq(fired(0), 1);
	set_control(0);
	ck_assert_uint_eq(unroutings, 1);
	ck_assert_int_eq(msix_lend(msix, VECTORS), -ENOENT);
	ck_assert_int_eq(msix_lend(msix, 0xffff), -ENOENT);
}
END_TEST

START_TEST(what_was_signalled_is_kept_when_lending_ends)
{
	int fd = msix_lend(msix, 1);

	set_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(1, 0x41, 1);
	eventfd_write(fd, 1);
	msix_end_lending(msix);
	ck_assert_uint_eq(pending(), 2);
	set_vector(1, 0x41, 0);
	ck_assert_uint_eq(fired(1), 1);
	set_vector(1, 0x41, 1);
	ck_assert_uint_eq(unroutings, 0); /* nobody else signals it: it may stay */
}
END_TEST

START_TEST(without_msix_enabled_nothing_happens)
{
	set_vector(0, 0x41, 0);
	msix_notify(msix, 0);
	ck_assert_uint_eq(fired(0), 0);
	ck_assert_uint_eq(pending(), 0);
	set_control(PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(fired(0), 0);
	msix_notify(msix, VECTORS);
	msix_notify(msix, 0xffff);
}
END_TEST

/* Offset, size: past the vectors, into the pending bits, unaligned, too small. */
static const struct {
	uint64_t offset;
	unsigned int size;
} wild[] = {
	{VECTORS * 16, 4},
	{PENDING - 16, 8},
	{PENDING, 4},
	{PENDING + 1024, 8},
	{4094, 2},
	{2, 4},
	{4, 8},
	{0, 1},
	{0, 2},
};

START_TEST(wild_accesses_change_nothing)
{
	set_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(0, 0x41, 0);
	io_bus_write(&mmio, table + wild[_i].offset, wild[_i].size, UINT64_MAX);
	(void)io_bus_read(&mmio, table + wild[_i].offset, wild[_i].size);
	ck_assert_uint_eq(io_bus_read(&mmio, table, 8), 0xfee00000);
	ck_assert_uint_eq(io_bus_read(&mmio, table + 8, 8), 0x41);
	ck_assert_uint_eq(pending(), 0);
	ck_assert_uint_eq(routings, 1);
}
END_TEST

START_TEST(reset_masks_all)
{
	set_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(0, 0x41, 0);
	set_vector(1, 0x41, 1);
	msix_notify(msix, 1);
	msix_reset(msix);
	pci_function_reset(&function);
	msix_notify(msix, 0);
	ck_assert_uint_eq(fired(0), 0);
	pci_function_config_write(&function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(pending(), 0);
	ck_assert_uint_eq(io_bus_read(&mmio, table, 8), 0);
	ck_assert_uint_eq(io_bus_read(&mmio, table + 12, 4), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("msix");
	TCase *tc = tcase_create("msix");

	tcase_add_checked_fixture(tc, plug, unplug);
	tcase_add_test(tc, the_capability_describes_the_table);
	tcase_add_test(tc, an_unmasked_vector_fires_and_is_routed_once);
	tcase_add_test(tc, masked_vectors_wait_in_the_pending_bits);
	tcase_add_test(tc, the_function_mask_holds_all_back);
	tcase_add_test(tc, a_lent_vector_is_taken_off_kvm_while_it_is_masked);
	tcase_add_test(tc, lent_vectors_wait_for_msix_too);
	tcase_add_test(tc, what_was_signalled_is_kept_when_lending_ends);
	tcase_add_test(tc, without_msix_enabled_nothing_happens);
	tcase_add_loop_test(tc, wild_accesses_change_nothing, 0, sizeof(wild) / sizeof(wild[0]));
	tcase_add_test(tc, reset_masks_all);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
