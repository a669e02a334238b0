/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/fs.h"

#include "host/vmm/dax_faults.h"
#include "host/vmm/pci/bus.h"
#include "tests/unit/host/vmm/fake_back_end.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_fs.h>
#include <sys/mman.h>
#include <sys/un.h>

#define WINDOW	 (2ULL << 20)
#define FEATURES (1ULL << VIRTIO_RING_F_EVENT_IDX)

static struct fake_back_end fake;
static struct guest guest;
static struct guest_memory ram;
static struct dax_window *window;
static struct options_fs options;

static void make(void)
{
	fake_init(&fake);
	guest = (struct guest){0};
	ram.fd = memfd_create("ram", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(ram.fd, GUEST_RAM_BYTES), 0);
	ram.size_bytes = GUEST_RAM_BYTES;
	ram.mapping = mmap(NULL, GUEST_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ram.fd, 0);
	ck_assert_ptr_ne(ram.mapping, MAP_FAILED);
	guest.ram = ram.mapping;
	ck_assert_int_eq(guestmem_add(&guest.memory, GUEST_RAM_AT, ram.mapping, GUEST_RAM_BYTES),
			 0);
	options = (struct options_fs){.tag = "home", .fd = -1};
}

static void unmake(void)
{
	if (guest.function)
		guest.function->ops->free(guest.function);
	dax_faults_forget(window);
	dax_window_free(window);
	window = NULL;
	fake_free(&fake);
	guest_memory_free(&ram);
}

static int make_device(const char *path, struct virtio_device **device)
{
	struct virtio_fs_setup setup = {
		.options = &options,
		.default_queues = 2,
		.memory = &guest.memory,
		.ram = &ram,
	};

	if (options.dax_bytes) {
		ck_assert_int_eq(dax_window_new(options.dax_bytes, &window), 0);
		ck_assert_int_eq(dax_faults_watch(window, &setup.window_timer_fd), 0);
		setup.window = window;
	}
	if (path)
		ck_assert_int_eq(connector_start(&setup.connector, path), 0);
	ck_assert_int_eq(vhost_take(fake_start(&fake), &setup.sockets), 0);
	return virtio_fs_new(&setup, device);
}

static void plug(const char *path)
{
	struct virtio_device *device;

	ck_assert_int_eq(make_device(path, &device), 0);
	guest_plug(&guest, device);
}

static void bring_up(void)
{
	ck_assert(guest_bring_up(&guest, FEATURES));
}

/* Until the device has seen that something is wrong. */
static void wait_until_broken(void)
{
	for (int i = 0; i < 10000 && !guest_is_broken(&guest); i++) {
		guest_run(&guest);
		usleep(1000);
	}
	ck_assert(guest_is_broken(&guest));
}

START_TEST(the_configuration_is_the_options)
{
	char tag[36] = "home", read[36];

	plug(NULL);
	for (unsigned int i = 0; i < sizeof(read); i++)
		read[i] = (char)guest_read(&guest, VIRTIO_BAR_CONFIG + i, 1);
	ck_assert_mem_eq(read, tag, sizeof(tag));
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 36, 4), 2);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 40, 4), UINT64_MAX);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_PCI_COMMON_NUMQ, 2), 3);
}
END_TEST

START_TEST(a_tag_may_fill_its_place)
{
	memset(options.tag, 'x', 36);
	options.queues = 8;
	plug(NULL);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 35, 1), 'x');
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 36, 4), 8);
}
END_TEST

static const struct {
	uint64_t queues;
	uint16_t wanted;
	unsigned int request_queues; /* 0: refused */
} queues[] = {
	{9, 0, 2}, {2, 0, 1}, {1, 0, 0}, {9, 8, 8}, {9, 9, 0}, {UINT64_MAX, 16, 16},
};

START_TEST(there_are_as_many_queues_as_both_have)
{
	struct virtio_device *device;

	fake.queues = queues[_i].queues;
	options.queues = queues[_i].wanted;
	if (queues[_i].request_queues == 0) {
		ck_assert_int_lt(make_device(NULL, &device), 0);
		return;
	}
	plug(NULL);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 36, 4), queues[_i].request_queues);
}
END_TEST

START_TEST(only_what_the_back_end_can_is_offered)
{
	uint64_t ring = FEATURES | 1ULL << VIRTIO_RING_F_INDIRECT_DESC;

	fake.features &= ~ring;
	plug(NULL);
	ck_assert_uint_eq(guest_offered_features(&guest), 1ULL << VIRTIO_F_VERSION_1);
	ck_assert(!guest_negotiate(&guest, 1ULL << VIRTIO_F_VERSION_1 | FEATURES));
	ck_assert(guest_bring_up(&guest, 0));
}
END_TEST

START_TEST(the_back_end_gets_the_queues_and_gives_them_back)
{
	plug(NULL);
	bring_up();
	ck_assert_uint_eq(fake.set_features, FEATURES | 1ULL << VIRTIO_F_VERSION_1 |
						     1ULL << VHOST_USER_F_PROTOCOL_FEATURES);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_uint_eq(fake.enabled[i], 1);
		ck_assert_uint_eq(fake.size[i], GUEST_MAX_SIZE);
		ck_assert_uint_eq(fake.set_base[i], 0);
		ck_assert_uint_eq(fake.address[i].used,
				  (uintptr_t)guest_at(&guest, guest.queue[i].used));
	}
	ck_assert_uint_eq(fake.enabled[3], 0);
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(fake_count(&fake, VHOST_USER_GET_VRING_BASE), 3);
	ck_assert_uint_eq(fake_count(&fake, VHOST_USER_RESET_DEVICE), 1);
	ck_assert_uint_eq(fake.enabled[0], 0);
	bring_up();
	ck_assert_uint_eq(fake.enabled[2], 1);
}
END_TEST

START_TEST(kicks_and_interrupts_pass)
{
	eventfd_t count;

	plug(NULL);
	bring_up();
	guest_kick(&guest, 1);
	ck_assert_int_eq(eventfd_read(fake.kick[1], &count), 0);
	ck_assert_uint_eq(count, 1);
	/* Queue N has vector N + 1 (guest.h): another one is told to the back end at once. */
	ck_assert_int_ge(fake.call[1], 0);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_MSIX, 2, 0xffff);
	ck_assert_int_lt(fake.call[1], 0);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	ck_assert_int_ge(fake.call[1], 0);
}
END_TEST

START_TEST(a_pause_takes_the_queues_and_a_resume_gives_them)
{
	plug(NULL);
	bring_up();
	for (unsigned int i = 0; i < 3; i++)
		fake.base[i] = (uint16_t)(100 + i);
	guest.device->ops->drain(guest.device);
	ck_assert_uint_eq(fake.enabled[1], 0);
	ck_assert_uint_eq(fake_count(&fake, VHOST_USER_RESET_DEVICE), 0);
	guest.device->ops->resume(guest.device);
	ck_assert_uint_eq(fake.enabled[1], 1);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_uint_eq(fake.set_base[i], 100 + i);
	/* A restart while it is paused: there are no rings to stop. */
	guest.device->ops->drain(guest.device);
	fake.requests_seen = 0;
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(fake_count(&fake, VHOST_USER_GET_VRING_BASE), 0);
	ck_assert_uint_eq(fake_count(&fake, VHOST_USER_RESET_DEVICE), 1);
	guest.device->ops->resume(guest.device);
	ck_assert_uint_eq(fake.enabled[1], 0);
	bring_up();
}
END_TEST

START_TEST(a_wild_ring_is_the_guests_fault)
{
	plug(NULL);
	ck_assert(guest_negotiate(&guest, 1ULL << VIRTIO_F_VERSION_1));
	guest_enable_queue(&guest, 0);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_USEDHI, 4, 0x100);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	guest_driver_ok(&guest);
	ck_assert(guest_is_broken(&guest));
	ck_assert_uint_eq(fake_count(&fake, VHOST_USER_SET_VRING_ENABLE), 0);
	bring_up();
}
END_TEST

/* --- A back end that dies, or does wrong --- */

START_TEST(its_death_breaks_the_device_until_there_is_another)
{
	plug(NULL);
	bring_up();
	fake_stop(&fake);
	wait_until_broken();
	guest_kick(&guest, 1);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	guest_write(&guest, VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
	guest.device->ops->drain(guest.device);
	guest.device->ops->resume(guest.device);
	guest_set_status(&guest, 0);
	ck_assert(!guest_is_broken(&guest));
	ck_assert(!guest_bring_up(&guest, 0));
}
END_TEST

/* In each state: while it starts, stops, is reset, and is paused. */
static const uint32_t deaths[] = {
	VHOST_USER_SET_FEATURES,     VHOST_USER_SET_MEM_TABLE,	VHOST_USER_SET_VRING_ADDR,
	VHOST_USER_SET_VRING_ENABLE, VHOST_USER_GET_VRING_BASE, VHOST_USER_RESET_DEVICE,
};

START_TEST(it_may_die_in_any_state)
{
	plug(NULL);
	fake.sin = FAKE_HANG_UP;
	fake.sin_at = deaths[_i];
	if (guest_bring_up(&guest, 0)) {
		if (deaths[_i] == VHOST_USER_GET_VRING_BASE) {
			guest.device->ops->drain(guest.device);
			ck_assert(guest_is_broken(&guest));
			guest.device->ops->resume(guest.device);
		}
		guest_set_status(&guest, 0);
	} else {
		ck_assert(guest_is_broken(&guest));
	}
	ck_assert(!guest_bring_up(&guest, 0));
}
END_TEST

START_TEST(what_nobody_asked_is_a_reason_to_hang_up)
{
	plug(NULL);
	bring_up();
	ck_assert_int_eq(send(fake.socket, "hello", 5, 0), 5);
	wait_until_broken();
}
END_TEST

START_TEST(a_ring_that_it_cannot_use_is_the_guests_fault)
{
	plug(NULL);
	bring_up();
	eventfd_write(fake.error[2], 1);
	wait_until_broken();
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(fake_count(&fake, VHOST_USER_GET_VRING_BASE), 3);
	bring_up();
}
END_TEST

static void listen_at(const char *path, int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(bind(*fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(*fd, 4), 0);
}

static void accept_as(struct fake_back_end *another, int listening)
{
	another->socket = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(another->socket, 0);
	ck_assert_int_eq(pthread_create(&another->thread, NULL, fake_thread, another), 0);
	another->running = true;
}

/* Until the guest's driver can have the device. */
static bool wait_until_up(void)
{
	for (int i = 0; i < 10000; i++) {
		guest_run(&guest);
		if (guest_bring_up(&guest, FEATURES))
			return true;
		usleep(1000);
	}
	return false;
}

START_TEST(another_back_end_is_found_and_used_after_a_reset)
{
	struct fake_back_end unfit, another;
	char folder[] = "/tmp/lodge-fs-XXXXXX", path[64];
	int listening;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	fake_init(&unfit);
	fake_init(&another);
	plug(path);
	bring_up();
	fake_stop(&fake);
	wait_until_broken();
	listen_at(path, &listening);
	/* Who can do less than the guest was told is not taken, and the next one asked for. */
	unfit.features &= ~FEATURES;
	accept_as(&unfit, listening);
	for (int i = 0; i < 10000 && fake_count(&unfit, VHOST_USER_SET_OWNER) == 0; i++) {
		guest_run(&guest);
		usleep(1000);
	}
	accept_as(&another, listening);
	ck_assert(wait_until_up());
	ck_assert_uint_eq(another.enabled[2], 1);
	ck_assert_uint_eq(fake_count(&unfit, VHOST_USER_SET_VRING_ENABLE), 0);
	guest_set_status(&guest, 0);
	fake_free(&unfit);
	fake_free(&another);
	close(listening);
	unlink(path);
	rmdir(folder);
}
END_TEST

/* --- The DAX window --- */

START_TEST(the_window_is_described_by_a_capability)
{
	bool found = false;

	options.dax_bytes = WINDOW;
	plug(NULL);
	for (uint32_t at = pci_function_config_read(guest.function, PCI_CAPABILITY_LIST, 1); at;
	     at = pci_function_config_read(guest.function, at + 1, 1)) {
		if (pci_function_config_read(guest.function, at, 1) != 0x09 ||
		    pci_function_config_read(guest.function, at + 3, 1) != 8)
			continue;
		found = true;
		ck_assert_uint_eq(pci_function_config_read(guest.function, at + 2, 1), 24);
		ck_assert_uint_eq(pci_function_config_read(guest.function, at + 4, 1), 4);
		ck_assert_uint_eq(pci_function_config_read(guest.function, at + 5, 1), 0);
		ck_assert_uint_eq(pci_function_config_read(guest.function, at + 8, 4), 0);
		ck_assert_uint_eq(pci_function_config_read(guest.function, at + 12, 4), WINDOW);
		ck_assert_uint_eq(pci_function_config_read(guest.function, at + 20, 4), 0);
	}
	ck_assert(found);
	ck_assert_uint_eq(guest.function->bar[4].size_bytes, WINDOW);
	ck_assert(guest.function->bar[4].prefetchable);
}
END_TEST

struct question {
	int fd;
	uint64_t offset;
	int64_t answer;
	atomic_bool done;
};

static void *ask(void *argument)
{
	struct question *question = argument;

	question->answer = fake_ask(&fake, VHOST_USER_BACKEND_SHMEM_MAP, question->offset, 8192,
				    question->fd, 0, VHOST_USER_MAPPING_WRITE);
	atomic_store(&question->done, true);
	return NULL;
}

static int64_t map(int fd, uint64_t offset)
{
	struct question question = {.fd = fd, .offset = offset};
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask, &question), 0);
	while (!atomic_load(&question.done))
		guest_run(&guest);
	pthread_join(thread, NULL);
	return question.answer;
}

static volatile uint8_t *bytes_of_window(void)
{
	return dax_window_host(window);
}

START_TEST(files_come_into_the_window_and_go_with_a_reset)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, "abc", 3, 0), 3);
	ck_assert_int_eq(ftruncate(fd, 8192), 0);
	options.dax_bytes = WINDOW;
	plug(NULL);
	ck_assert_int_eq(map(fd, 4096), ENODEV); /* nobody drives it */
	bring_up();
	ck_assert_int_eq(map(fd, 4096), 0);
	ck_assert_uint_eq(bytes_of_window()[4097], 'b');
	ck_assert_int_eq(map(fd, WINDOW - 4096), EINVAL);
	/* They outlive the back end, but not the driver. */
	fake_stop(&fake);
	wait_until_broken();
	ck_assert_uint_eq(bytes_of_window()[4097], 'b');
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(bytes_of_window()[4097], 0);
	close(fd);
}
END_TEST

/* The VMM's own access, as a device makes it whose buffer lies in the window. */
START_TEST(a_file_that_is_cut_short_hurts_nobody)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, "abc", 3, 4096), 3);
	ck_assert_int_eq(ftruncate(fd, 8192), 0);
	options.dax_bytes = WINDOW;
	plug(NULL);
	bring_up();
	ck_assert_int_eq(map(fd, 0), 0);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_uint_eq(bytes_of_window()[4097], 0);
	bytes_of_window()[0] = 1;
	ck_assert(!dax_faults_repair());
	ck_assert_int_eq(ftruncate(fd, 8192), 0);
	ck_assert_int_eq(pwrite(fd, "def", 3, 4096), 3);
	for (int i = 0; i < 10000 && bytes_of_window()[4097] != 'e'; i++) {
		guest_run(&guest);
		usleep(1000);
	}
	ck_assert_uint_eq(bytes_of_window()[4097], 'e');
	close(fd);
}
END_TEST

START_TEST(a_write_where_only_reading_is_allowed_is_dropped)
{
	int fd = memfd_create("file", MFD_CLOEXEC), given;
	char byte;

	ck_assert_int_eq(pwrite(fd, "abc", 3, 0), 3);
	options.dax_bytes = WINDOW;
	plug(NULL);
	bring_up();
	given = dup(fd);
	ck_assert_int_eq(dax_window_map(window, 0, 4096, &given, 0, false), 0);
	bytes_of_window()[0] = 'x';
	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	ck_assert_int_eq(byte, 'a');
	for (int i = 0; i < 10000 && bytes_of_window()[0] != 'a'; i++) {
		guest_run(&guest);
		usleep(1000);
	}
	ck_assert_uint_eq(bytes_of_window()[0], 'a');
	close(fd);
}
END_TEST

START_TEST(other_bad_accesses_end_the_process)
{
	uint8_t *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	options.dax_bytes = WINDOW;
	plug(NULL);
	*(volatile uint8_t *)page = 1;
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("virtio fs");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_configuration_is_the_options);
	tcase_add_test(tests, a_tag_may_fill_its_place);
	tcase_add_loop_test(tests, there_are_as_many_queues_as_both_have, 0, ARRAY_SIZE(queues));
	tcase_add_test(tests, only_what_the_back_end_can_is_offered);
	tcase_add_test(tests, the_back_end_gets_the_queues_and_gives_them_back);
	tcase_add_test(tests, kicks_and_interrupts_pass);
	tcase_add_test(tests, a_pause_takes_the_queues_and_a_resume_gives_them);
	tcase_add_test(tests, a_wild_ring_is_the_guests_fault);
	tcase_add_test(tests, its_death_breaks_the_device_until_there_is_another);
	tcase_add_loop_test(tests, it_may_die_in_any_state, 0, ARRAY_SIZE(deaths));
	tcase_add_test(tests, what_nobody_asked_is_a_reason_to_hang_up);
	tcase_add_test(tests, a_ring_that_it_cannot_use_is_the_guests_fault);
	tcase_add_test(tests, another_back_end_is_found_and_used_after_a_reset);
	tcase_add_test(tests, the_window_is_described_by_a_capability);
	tcase_add_test(tests, files_come_into_the_window_and_go_with_a_reset);
	tcase_add_test(tests, a_file_that_is_cut_short_hurts_nobody);
	tcase_add_test(tests, a_write_where_only_reading_is_allowed_is_dropped);
	tcase_add_test_raise_signal(tests, other_bad_accesses_end_the_process, SIGSEGV);
	return suite_run_case("virtio fs", tests);
}
