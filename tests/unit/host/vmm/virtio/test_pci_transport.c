/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>

#define ACK	    VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER	    VIRTIO_CONFIG_S_DRIVER
#define FEATURES_OK VIRTIO_CONFIG_S_FEATURES_OK
#define DRIVER_OK   VIRTIO_CONFIG_S_DRIVER_OK
#define VERSION_1   VIRTIO_FEATURE(VIRTIO_F_VERSION_1)

#define FEATURE_A  VIRTIO_FEATURE(3)
#define FEATURE_B  VIRTIO_FEATURE(4) /* needs A */
#define QUEUES	   2
#define QUEUE_SIZE 16

/* A device that counts what is asked of it. */
struct counter {
	struct virtio_device device;
	uint8_t config[6];
	unsigned int activated, reset, ready[QUEUES], config_writes;
};

static struct guest guest;
static struct counter *counter;

static bool features_ok(const struct virtio_device *device, uint64_t features)
{
	(void)device;
	return !(features & FEATURE_B) || features & FEATURE_A;
}

static void config_write(struct virtio_device *device, size_t offset, const void *bytes,
			 size_t size)
{
	ck_assert_uint_le(offset + size, device->config_size);
	memcpy(counter->config + offset, bytes, size);
	counter->config_writes++;
}

static void activated(struct virtio_device *device)
{
	(void)device;
	counter->activated++;
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct virtqueue_chain chain;

	counter->ready[index]++;
	while (virtio_pop(device, index, &chain)) {
		virtqueue_push(virtio_queue(device, index), chain.head, 0);
		virtio_notify(device, index);
	}
}

static void was_reset(struct virtio_device *device)
{
	(void)device;
	counter->reset++;
}

static void free_counter(struct virtio_device *device)
{
	virtio_device_release(device);
	free(counter);
}

static const struct virtio_device_ops ops = {
	.name = "counter",
	.id = 42,
	.class_code = 0x00ff00,
	.features_ok = features_ok,
	.config_write = config_write,
	.activate = activated,
	.queue_ready = queue_ready,
	.reset = was_reset,
	.free = free_counter,
};

static void set_up(void)
{
	guest_init(&guest);
	counter = calloc(1, sizeof(*counter));
	counter->device = (struct virtio_device){
		.ops = &ops,
		.name = "counter",
		.offered_features = FEATURE_A | FEATURE_B,
		.config = counter->config,
		.config_size = sizeof(counter->config),
		.queues = QUEUES,
	};
	memcpy(counter->config, "abcdef", sizeof(counter->config));
	ck_assert_int_eq(virtio_device_init(&counter->device, &guest.memory, QUEUE_SIZE), 0);
	guest_plug(&guest, &counter->device);
}

static void tear_down(void)
{
	guest_free(&guest);
}

static uint64_t common(uint64_t offset, unsigned int size)
{
	return guest_read(&guest, VIRTIO_BAR_COMMON + offset, size);
}

static void set_common(uint64_t offset, unsigned int size, uint64_t value)
{
	guest_write(&guest, VIRTIO_BAR_COMMON + offset, size, value);
}

/* --- Discovery --- */

START_TEST(capabilities_lead_to_all_parts)
{
	const uint8_t *config = guest.function->config;
	unsigned int found = 0;

	ck_assert_uint_eq(load_le16(config), 0x1af4);
	ck_assert_uint_eq(load_le16(config + 2), 0x1040 + 42);
	ck_assert_uint_ge(config[8], 1); /* revision: modern */
	for (unsigned int at = config[0x34]; at; at = config[at + 1]) {
		if (config[at] != 0x09)
			continue;
		ck_assert_uint_ge(config[at + 2], 16);
		found |= 1U << config[at + 3];
		if (config[at + 3] != VIRTIO_PCI_CAP_PCI_CFG)
			ck_assert_uint_le(load_le32(config + at + 8) + load_le32(config + at + 12),
					  VIRTIO_BAR_BYTES);
	}
	ck_assert_uint_eq(found, 1U << VIRTIO_PCI_CAP_COMMON_CFG | 1U << VIRTIO_PCI_CAP_NOTIFY_CFG |
					 1U << VIRTIO_PCI_CAP_ISR_CFG |
					 1U << VIRTIO_PCI_CAP_DEVICE_CFG |
					 1U << VIRTIO_PCI_CAP_PCI_CFG);
}
END_TEST

START_TEST(registers_begin_as_after_reset)
{
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_STATUS, 1), 0);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_NUMQ, 2), QUEUES);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_SIZE, 2), QUEUE_SIZE);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	set_common(VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_NOFF, 2), 1);
}
END_TEST

/* --- Status and features --- */

START_TEST(the_usual_way_up)
{
	ck_assert(guest_bring_up(&guest, FEATURE_A | FEATURE_B));
	ck_assert_uint_eq(guest_status(&guest), ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	ck_assert_uint_eq(counter->activated, 1);
	ck_assert_uint_eq(counter->device.features, FEATURE_A | FEATURE_B | VERSION_1);
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(guest_status(&guest), 0);
	ck_assert_uint_eq(counter->reset, 1);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert_uint_eq(counter->activated, 2);
}
END_TEST

static const uint64_t unacceptable[] = {
	0,				/* not modern */
	FEATURE_A,			/* not modern */
	VERSION_1 | VIRTIO_FEATURE(5),	/* not offered */
	VERSION_1 | FEATURE_B,		/* B without A */
	VERSION_1 | VIRTIO_FEATURE(34), /* packed rings, not offered */
	UINT64_MAX,
};

START_TEST(unacceptable_features_are_not_confirmed)
{
	ck_assert(!guest_negotiate(&guest, unacceptable[_i]));
	ck_assert_uint_eq(guest_status(&guest), ACK | DRIVER);
	/* A driver that goes on nevertheless gets nowhere. */
	guest_set_status(&guest, ACK | DRIVER | DRIVER_OK);
	ck_assert_uint_eq(counter->activated, 0);
	ck_assert(guest_is_broken(&guest));
	/* And may try again. */
	ck_assert(guest_bring_up(&guest, 0));
}
END_TEST

START_TEST(features_are_offered_in_halves)
{
	ck_assert_uint_eq(guest_offered_features(&guest),
			  FEATURE_A | FEATURE_B | VERSION_1 |
				  VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
				  VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX));
	set_common(VIRTIO_PCI_COMMON_DFSELECT, 4, 2);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_DF, 4), 0);
	set_common(VIRTIO_PCI_COMMON_GFSELECT, 4, UINT32_MAX);
	set_common(VIRTIO_PCI_COMMON_GF, 4, UINT32_MAX);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_GF, 4), 0);
}
END_TEST

START_TEST(status_bits_are_only_cleared_by_reset)
{
	ck_assert(guest_negotiate(&guest, VERSION_1));
	guest_set_status(&guest, ACK);
	ck_assert_uint_eq(guest_status(&guest), ACK | DRIVER | FEATURES_OK);
	guest_set_status(&guest, 0xff); /* FAILED and DRIVER_OK, and a bit that is ours */
	ck_assert(!guest_is_broken(&guest));
	ck_assert_uint_eq(counter->activated, 1);
	guest_set_status(&guest, 0xff);
	ck_assert_uint_eq(counter->activated, 1);
}
END_TEST

START_TEST(features_freeze)
{
	ck_assert(guest_negotiate(&guest, VERSION_1));
	set_common(VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	set_common(VIRTIO_PCI_COMMON_GF, 4, FEATURE_A);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_GF, 4), 0);
	ck_assert(guest_is_broken(&guest));
}
END_TEST

/* --- Queues --- */

static const uint16_t bad_sizes[] = {0, 3, 12, QUEUE_SIZE * 2, 0x8000, UINT16_MAX};

START_TEST(impossible_queue_sizes_are_ignored)
{
	guest_negotiate(&guest, VERSION_1);
	set_common(VIRTIO_PCI_COMMON_Q_SIZE, 2, bad_sizes[_i]);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_SIZE, 2), QUEUE_SIZE);
	set_common(VIRTIO_PCI_COMMON_Q_SIZE, 2, 4);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_SIZE, 2), 4);
}
END_TEST

START_TEST(queues_that_are_not_there_read_as_zero)
{
	set_common(VIRTIO_PCI_COMMON_Q_SELECT, 2, QUEUES);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	set_common(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	set_common(VIRTIO_PCI_COMMON_Q_SELECT, 2, UINT16_MAX);
	set_common(VIRTIO_PCI_COMMON_Q_DESCLO, 4, 1);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_DESCLO, 4), 0);
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

static const struct {
	uint64_t offset;
	unsigned int size;
} frozen[] = {
	{VIRTIO_PCI_COMMON_Q_SIZE, 2},	  {VIRTIO_PCI_COMMON_Q_ENABLE, 2},
	{VIRTIO_PCI_COMMON_Q_DESCLO, 4},  {VIRTIO_PCI_COMMON_Q_DESCHI, 4},
	{VIRTIO_PCI_COMMON_Q_AVAILLO, 4}, {VIRTIO_PCI_COMMON_Q_AVAILHI, 4},
	{VIRTIO_PCI_COMMON_Q_USEDLO, 4},  {VIRTIO_PCI_COMMON_Q_USEDHI, 4},
};

START_TEST(queue_registers_freeze_on_activation)
{
	uint64_t before;
	struct guest_buffer buffer = {GUEST_BUFFERS_AT, 1, false};

	ck_assert(guest_bring_up(&guest, 0));
	set_common(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	before = common(frozen[_i].offset, frozen[_i].size);
	set_common(frozen[_i].offset, frozen[_i].size, 2);
	ck_assert_uint_eq(common(frozen[_i].offset, frozen[_i].size), before);
	ck_assert(guest_is_broken(&guest));

	/* Its queues rest until it is reset. */
	guest_add(&guest, 0, &buffer, 1);
	guest_kick(&guest, 0);
	ck_assert_uint_eq(counter->ready[0], 0);
	ck_assert(guest_bring_up(&guest, 0));
	guest_add(&guest, 0, &buffer, 1);
	guest_kick(&guest, 0);
	ck_assert_uint_gt(counter->ready[0], 0);
}
END_TEST

START_TEST(vectors_can_be_changed_and_must_exist)
{
	ck_assert(guest_bring_up(&guest, 0));
	set_common(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set_common(VIRTIO_PCI_COMMON_Q_MSIX, 2, QUEUES);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_MSIX, 2), QUEUES);
	set_common(VIRTIO_PCI_COMMON_Q_MSIX, 2, QUEUES + 1);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	set_common(VIRTIO_PCI_COMMON_MSIX, 2, 0x1234);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

START_TEST(a_ring_outside_memory_breaks_the_device)
{
	guest_negotiate(&guest, VERSION_1);
	guest_enable_queue(&guest, 0);
	set_common(VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	set_common(VIRTIO_PCI_COMMON_Q_DESCHI, 4, UINT32_MAX);
	set_common(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	guest_driver_ok(&guest);
	ck_assert(guest_is_broken(&guest));
}
END_TEST

START_TEST(a_kick_reaches_its_queue_and_sets_the_isr)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT, 1, false};
	uint32_t id, written;

	ck_assert(guest_bring_up(&guest, 0));
	guest_add(&guest, 1, &buffer, 1);
	guest_kick(&guest, 1);
	ck_assert(guest_take_used(&guest, 1, &id, &written));
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_ISR, 1), 1);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_ISR, 1), 0);
}
END_TEST

START_TEST(a_malformed_ring_breaks_one_device_until_reset)
{
	ck_assert(guest_bring_up(&guest, 0));
	guest_make_available(&guest, 0, QUEUE_SIZE);
	guest_kick(&guest, 0);
	ck_assert(guest_is_broken(&guest));
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_ISR, 1), 2);
	ck_assert(guest_bring_up(&guest, 0));
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

/* --- Accesses of every kind --- */

START_TEST(device_configuration_has_bounds)
{
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 1), 'a');
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 1, 2), 'b' | 'c' << 8);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 5, 1), 'f');
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 5, 2), UINT64_MAX);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 8), UINT64_MAX);
	guest_write(&guest, VIRTIO_BAR_CONFIG + 3, 4, 0);
	ck_assert_uint_eq(counter->config_writes, 0);
	guest_write(&guest, VIRTIO_BAR_CONFIG + 4, 2, 'x' | 'y' << 8);
	ck_assert_int_eq(memcmp(counter->config, "abcdxy", 6), 0);
}
END_TEST

static const unsigned int widths[] = {1, 2, 4, 8};

/* Nothing may crash, and what is no register changes nothing. */
START_TEST(every_offset_can_be_accessed_at_every_width)
{
	unsigned int size = widths[_i];

	for (uint64_t at = 0; at + size <= VIRTIO_BAR_BYTES; at++) {
		guest_read(&guest, at, size);
		guest_write(&guest, at, size, UINT64_MAX);
		guest_read(&guest, at, size);
		guest_write(&guest, at, size, 0);
	}
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(guest_status(&guest), 0);
	ck_assert(guest_bring_up(&guest, 0));
	for (uint64_t at = 0; at + size <= VIRTIO_BAR_BYTES; at++) {
		guest_write(&guest, at, size, 0x0123456789abcdef);
		guest_read(&guest, at, size);
	}
	guest_run(&guest);
	ck_assert(guest_bring_up(&guest, 0));
}
END_TEST

START_TEST(a_field_has_its_own_width_only)
{
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_STATUS, 2), UINT64_MAX);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_NUMQ, 1), UINT64_MAX);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_DF + 2, 2), UINT64_MAX);
	set_common(VIRTIO_PCI_COMMON_Q_DESCLO, 8, UINT64_MAX);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_Q_DESCLO, 4), 0);
	ck_assert_uint_eq(common(0x38, 4), UINT64_MAX);
}
END_TEST

/* --- The window in PCI configuration space --- */

static unsigned int find_window(void)
{
	const uint8_t *config = guest.function->config;

	for (unsigned int at = config[0x34]; at; at = config[at + 1]) {
		if (config[at] == 0x09 && config[at + 3] == VIRTIO_PCI_CAP_PCI_CFG)
			return at;
	}
	ck_abort_msg("no window");
}

static void aim(unsigned int window, uint8_t bar, uint32_t offset, uint32_t length)
{
	pci_function_config_write(guest.function, window + 4, 1, bar);
	pci_function_config_write(guest.function, window + 8, 4, offset);
	pci_function_config_write(guest.function, window + 12, 4, length);
}

START_TEST(the_window_reads_and_writes_registers)
{
	unsigned int window = find_window();

	aim(window, 0, VIRTIO_PCI_COMMON_STATUS, 1);
	pci_function_config_write(guest.function, window + 16, 4, ACK);
	ck_assert_uint_eq(guest_status(&guest), ACK);
	ck_assert_uint_eq(pci_function_config_read(guest.function, window + 16, 4) & 0xff, ACK);
	aim(window, 0, VIRTIO_PCI_COMMON_NUMQ, 2);
	ck_assert_uint_eq(pci_function_config_read(guest.function, window + 16, 2), QUEUES);
}
END_TEST

static const struct {
	uint8_t bar;
	uint32_t offset, length;
} stray[] = {
	{1, 0, 4},
	{2, 0, 4},
	{0xff, 0, 4},
	{0, 0, 0},
	{0, 0, 3},
	{0, 0, 8},
	{0, 1, 4},
	{0, VIRTIO_BAR_BYTES, 4},
	{0, UINT32_MAX - 3, 4},
	{0, UINT32_MAX, 1},
	{0, 0, UINT32_MAX},
};

START_TEST(the_window_goes_nowhere_else)
{
	unsigned int window = find_window();

	aim(window, stray[_i].bar, stray[_i].offset, stray[_i].length);
	pci_function_config_write(guest.function, window + 16, 4, 0x5a5a5a5a);
	pci_function_config_read(guest.function, window + 16, 4);
	ck_assert_uint_eq(guest_status(&guest), 0);
	ck_assert_uint_eq(common(VIRTIO_PCI_COMMON_DFSELECT, 4), 0);
}
END_TEST

START_TEST(a_machine_reset_resets_the_device)
{
	ck_assert(guest_bring_up(&guest, 0));
	guest.function->ops->reset(guest.function);
	ck_assert_uint_eq(counter->reset, 1);
	ck_assert_uint_eq(guest_status(&guest), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_transport");
	TCase *tc = tcase_create("pci_transport");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, capabilities_lead_to_all_parts);
	tcase_add_test(tc, registers_begin_as_after_reset);
	tcase_add_test(tc, the_usual_way_up);
	tcase_add_loop_test(tc, unacceptable_features_are_not_confirmed, 0,
			    ARRAY_SIZE(unacceptable));
	tcase_add_test(tc, features_are_offered_in_halves);
	tcase_add_test(tc, status_bits_are_only_cleared_by_reset);
	tcase_add_test(tc, features_freeze);
	tcase_add_loop_test(tc, impossible_queue_sizes_are_ignored, 0, ARRAY_SIZE(bad_sizes));
	tcase_add_test(tc, queues_that_are_not_there_read_as_zero);
	tcase_add_loop_test(tc, queue_registers_freeze_on_activation, 0, ARRAY_SIZE(frozen));
	tcase_add_test(tc, vectors_can_be_changed_and_must_exist);
	tcase_add_test(tc, a_ring_outside_memory_breaks_the_device);
	tcase_add_test(tc, a_kick_reaches_its_queue_and_sets_the_isr);
	tcase_add_test(tc, a_malformed_ring_breaks_one_device_until_reset);
	tcase_add_test(tc, device_configuration_has_bounds);
	tcase_add_loop_test(tc, every_offset_can_be_accessed_at_every_width, 0, ARRAY_SIZE(widths));
	tcase_add_test(tc, a_field_has_its_own_width_only);
	tcase_add_test(tc, the_window_reads_and_writes_registers);
	tcase_add_loop_test(tc, the_window_goes_nowhere_else, 0, ARRAY_SIZE(stray));
	tcase_add_test(tc, a_machine_reset_resets_the_device);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
