/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/console.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <fcntl.h>
#include <linux/virtio_console.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PORTS	     3
#define BUFFER_BYTES 256
#define TO_HOST	     (GUEST_BUFFERS_AT + 0x20000) /* what the driver sends lies here */

static const char *const names[PORTS] = {"org.lodge.agent.0", "one", "two"};

static struct guest guest;
static struct sockaddr_un address[PORTS];
static char directory[] = "/tmp/lodge-test-console-XXXXXX";

static void listen_at(unsigned int port, struct virtio_console_port *options)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address[port].sun_family = AF_UNIX;
	snprintf(address[port].sun_path, sizeof(address[port].sun_path), "%s/%u", directory, port);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address[port], sizeof(address[port])), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	*options = (struct virtio_console_port){names[port], fd};
}

static void set_up(void)
{
	struct virtio_console_port options[PORTS];
	struct virtio_device *device;

	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	guest_init(&guest);
	for (unsigned int i = 0; i < PORTS; i++)
		listen_at(i, &options[i]);
	ck_assert_int_eq(virtio_console_new(&guest.memory, options, PORTS, &device), 0);
	guest_plug(&guest, device);
}

static void tear_down(void)
{
	guest_free(&guest);
	for (unsigned int i = 0; i < PORTS; i++)
		unlink(address[i].sun_path);
	rmdir(directory);
}

static int connect_to(unsigned int port)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address[port], sizeof(address[port])), 0);
	guest_run(&guest);
	return fd;
}

static void add_buffer(unsigned int queue)
{
	uint64_t at = GUEST_BUFFERS_AT +
		      (queue * 64ULL + guest.queue[queue].next_descriptor) * BUFFER_BYTES;
	struct guest_buffer buffer = {at, BUFFER_BYTES, true};

	guest_add(&guest, queue, &buffer, 1);
}

/* Return: bytes that came; NULL if nothing did. */
static const uint8_t *take(unsigned int queue, uint32_t *size)
{
	uint32_t id;

	if (!guest_take_used(&guest, queue, &id, size))
		return NULL;
	return guest_at(&guest, GUEST_BUFFERS_AT + (queue * 64ULL + id) * BUFFER_BYTES);
}

static void send_bytes(unsigned int queue, const void *bytes, uint32_t size)
{
	struct guest_buffer buffer = {TO_HOST + 0x1000ULL * queue, size, false};

	memcpy(guest_at(&guest, buffer.gpa), bytes, size);
	guest_add(&guest, queue, &buffer, 1);
	guest_kick(&guest, queue);
}

static void send_control(uint32_t port, uint16_t event, uint16_t value)
{
	uint8_t message[8];

	store_le32(message, port);
	store_le16(message + 4, event);
	store_le16(message + 6, value);
	send_bytes(VIRTIO_CONSOLE_CONTROL_TRANSMIT, message, sizeof(message));
}

static void expect_control(uint32_t port, uint16_t event, uint16_t value, const char *name)
{
	uint32_t size;
	const uint8_t *message = take(VIRTIO_CONSOLE_CONTROL_RECEIVE, &size);

	ck_assert_ptr_nonnull(message);
	ck_assert_uint_eq(size, 8 + strlen(name));
	ck_assert_uint_eq(load_le32(message), port);
	ck_assert_uint_eq(load_le16(message + 4), event);
	ck_assert_uint_eq(load_le16(message + 6), value);
	ck_assert_int_eq(memcmp(message + 8, name, strlen(name)), 0);
}

static void expect_no_control(void)
{
	uint32_t size;

	ck_assert_ptr_null(take(VIRTIO_CONSOLE_CONTROL_RECEIVE, &size));
}

static void bring_up(void)
{
	ck_assert(guest_bring_up(&guest, VIRTIO_FEATURE(VIRTIO_CONSOLE_F_MULTIPORT)));
	for (int i = 0; i < 32; i++)
		add_buffer(VIRTIO_CONSOLE_CONTROL_RECEIVE);
}

/* Each with its name, which is told again when the driver is ready for it. */
static void expect_ports(void)
{
	for (unsigned int i = 0; i < PORTS; i++) {
		expect_control(i, VIRTIO_CONSOLE_PORT_ADD, 1, "");
		expect_control(i, VIRTIO_CONSOLE_PORT_NAME, 1, names[i]);
	}
}

/* As far as Linux goes before somebody opens the device file. */
static void bring_up_ports(void)
{
	bring_up();
	send_control(UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_ports();
	for (unsigned int i = 0; i < PORTS; i++) {
		send_control(i, VIRTIO_CONSOLE_PORT_READY, 1);
		expect_control(i, VIRTIO_CONSOLE_PORT_NAME, 1, names[i]);
	}
	expect_no_control();
}

static void open_port(unsigned int port, int buffers)
{
	for (int i = 0; i < buffers; i++)
		add_buffer(VIRTIO_CONSOLE_RECEIVE(port));
	send_control(port, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

static void expect_bytes(unsigned int port, const char *text)
{
	uint32_t size;
	const uint8_t *bytes = take(VIRTIO_CONSOLE_RECEIVE(port), &size);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_uint_eq(size, strlen(text));
	ck_assert_int_eq(memcmp(bytes, text, size), 0);
}

static void expect_from_socket(int fd, const char *text)
{
	char bytes[256];
	ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	ck_assert_int_eq(got, (ssize_t)strlen(text));
	ck_assert_int_eq(memcmp(bytes, text, (size_t)got), 0);
}

START_TEST(ports_are_announced_by_name)
{
	bring_up_ports();
}
END_TEST

START_TEST(the_guest_is_told_of_clients_truthfully)
{
	int fd;

	bring_up_ports();
	fd = connect_to(1);
	expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	close(fd);
	guest_run(&guest);
	expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	expect_no_control();
}
END_TEST

START_TEST(a_client_that_came_first_is_told_when_the_port_is_ready)
{
	int fd = connect_to(0);

	bring_up();
	send_control(UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_ports();
	send_control(0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_control(0, VIRTIO_CONSOLE_PORT_NAME, 1, names[0]);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	close(fd);
}
END_TEST

START_TEST(a_client_that_follows_another_is_told_as_another)
{
	int first, second;

	bring_up_ports();
	first = connect_to(2);
	expect_control(2, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	second = connect_to(2); /* waits */
	expect_no_control();
	close(first);
	guest_run(&guest);
	expect_control(2, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	expect_control(2, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	close(second);
}
END_TEST

START_TEST(changes_are_told_when_there_is_room)
{
	const struct guest_queue *control = &guest.queue[VIRTIO_CONSOLE_CONTROL_RECEIVE];
	int fd;

	bring_up_ports();
	/* For pairs of an open and a close. */
	if ((control->next_available - control->next_used) % 2)
		add_buffer(VIRTIO_CONSOLE_CONTROL_RECEIVE);
	while (control->next_used < control->next_available) {
		fd = connect_to(0);
		close(fd);
		guest_run(&guest);
		while (take(VIRTIO_CONSOLE_CONTROL_RECEIVE, &(uint32_t){0}))
			;
	}
	/* No buffer is left. Many come and go; the guest needs to know what is so, not how often.
	 */
	for (int i = 0; i < 10; i++) {
		fd = connect_to(0);
		close(fd);
		guest_run(&guest);
	}
	fd = connect_to(0);
	for (int i = 0; i < 4; i++)
		add_buffer(VIRTIO_CONSOLE_CONTROL_RECEIVE);
	guest_kick(&guest, VIRTIO_CONSOLE_CONTROL_RECEIVE);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	expect_no_control();
	close(fd);
}
END_TEST

START_TEST(bytes_go_both_ways)
{
	int fd;

	bring_up_ports();
	fd = connect_to(1);
	open_port(1, 4);
	ck_assert_int_eq(write(fd, "hello", 5), 5);
	guest_run(&guest);
	expect_bytes(1, "hello");
	send_bytes(VIRTIO_CONSOLE_TRANSMIT(1), "world", 5);
	expect_from_socket(fd, "world");
	close(fd);
}
END_TEST

START_TEST(bytes_wait_until_the_guest_opens_the_port)
{
	uint32_t size;
	int fd;

	bring_up_ports();
	fd = connect_to(0);
	for (int i = 0; i < 4; i++)
		add_buffer(VIRTIO_CONSOLE_RECEIVE(0));
	guest_kick(&guest, VIRTIO_CONSOLE_RECEIVE(0));
	ck_assert_int_eq(write(fd, "early", 5), 5);
	guest_run(&guest);
	ck_assert_ptr_null(take(VIRTIO_CONSOLE_RECEIVE(0), &size));
	send_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	expect_bytes(0, "early");
	send_control(0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert_int_eq(write(fd, "late", 4), 4);
	guest_run(&guest);
	ck_assert_ptr_null(take(VIRTIO_CONSOLE_RECEIVE(0), &size));
	close(fd);
}
END_TEST

START_TEST(bytes_wait_until_the_guest_has_room)
{
	uint32_t size;
	int fd;

	bring_up_ports();
	fd = connect_to(0);
	open_port(0, 1);
	ck_assert_int_eq(write(fd, "first", 5), 5);
	guest_run(&guest);
	ck_assert_int_eq(write(fd, "second", 6), 6);
	guest_run(&guest);
	expect_bytes(0, "first");
	ck_assert_ptr_null(take(VIRTIO_CONSOLE_RECEIVE(0), &size));
	add_buffer(VIRTIO_CONSOLE_RECEIVE(0));
	guest_kick(&guest, VIRTIO_CONSOLE_RECEIVE(0));
	expect_bytes(0, "second");
	close(fd);
}
END_TEST

START_TEST(a_client_that_left_is_read_to_its_end)
{
	int fd;

	bring_up_ports();
	fd = connect_to(0);
	open_port(0, 1);
	ck_assert_int_eq(write(fd, "first", 5), 5);
	guest_run(&guest);
	ck_assert_int_eq(write(fd, "last", 4), 4);
	close(fd);
	guest_run(&guest);
	expect_bytes(0, "first");
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	/* Meanwhile the guest kicks without buffers, and sends to nobody. */
	guest_kick(&guest, VIRTIO_CONSOLE_RECEIVE(0));
	send_bytes(VIRTIO_CONSOLE_TRANSMIT(0), "gone", 4);
	expect_no_control();
	add_buffer(VIRTIO_CONSOLE_RECEIVE(0));
	add_buffer(VIRTIO_CONSOLE_RECEIVE(0));
	guest_kick(&guest, VIRTIO_CONSOLE_RECEIVE(0));
	expect_bytes(0, "last");
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
}
END_TEST

START_TEST(a_client_that_only_listens_stays)
{
	int fd;

	bring_up_ports();
	fd = connect_to(0);
	open_port(0, 4);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	ck_assert_int_eq(write(fd, "question", 8), 8);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	guest_run(&guest);
	expect_bytes(0, "question");
	send_bytes(VIRTIO_CONSOLE_TRANSMIT(0), "answer", 6);
	expect_from_socket(fd, "answer");
	expect_no_control();
	close(fd);
	guest_run(&guest);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
}
END_TEST

START_TEST(a_client_that_does_not_read_stalls_its_port_only)
{
	static char bytes[4096], got[4096];
	unsigned int sent = 0, received = 0;
	uint32_t id, written;
	int stalled, other;
	ssize_t part;

	bring_up_ports();
	stalled = connect_to(1);
	other = connect_to(2);
	open_port(1, 4);
	open_port(2, 4);
	memset(bytes, 'x', sizeof(bytes));
	do {
		send_bytes(VIRTIO_CONSOLE_TRANSMIT(1), bytes, sizeof(bytes));
		sent++;
	} while (guest_take_used(&guest, VIRTIO_CONSOLE_TRANSMIT(1), &id, &written));
	ck_assert_uint_gt(sent, 1);

	send_bytes(VIRTIO_CONSOLE_TRANSMIT(2), "free", 4);
	expect_from_socket(other, "free");
	ck_assert_int_eq(write(other, "free", 4), 4);
	ck_assert_int_eq(write(stalled, "this way too", 12), 12);
	guest_run(&guest);
	expect_bytes(2, "free");
	expect_bytes(1, "this way too");

	/* It reads at last: nothing is lost. */
	while ((part = recv(stalled, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		received += (unsigned int)part;
		guest_run(&guest);
	}
	ck_assert_uint_eq(received, sent * sizeof(bytes));
	ck_assert(guest_take_used(&guest, VIRTIO_CONSOLE_TRANSMIT(1), &id, &written));
	close(stalled);
	close(other);
}
END_TEST

START_TEST(a_stalled_client_that_goes_frees_the_port)
{
	static char bytes[4096];
	uint32_t id, written;
	int fd;

	bring_up_ports();
	fd = connect_to(1);
	do {
		send_bytes(VIRTIO_CONSOLE_TRANSMIT(1), bytes, sizeof(bytes));
	} while (guest_take_used(&guest, VIRTIO_CONSOLE_TRANSMIT(1), &id, &written));
	send_bytes(VIRTIO_CONSOLE_TRANSMIT(1), "more", 4);
	close(fd);
	guest_run(&guest);
	ck_assert(guest_take_used(&guest, VIRTIO_CONSOLE_TRANSMIT(1), &id, &written));
	ck_assert(guest_take_used(&guest, VIRTIO_CONSOLE_TRANSMIT(1), &id, &written));
	fd = connect_to(1);
	send_bytes(VIRTIO_CONSOLE_TRANSMIT(1), "new", 3);
	expect_from_socket(fd, "new");
	close(fd);
}
END_TEST

START_TEST(without_a_client_bytes_are_dropped)
{
	uint32_t id, written;

	bring_up_ports();
	send_bytes(VIRTIO_CONSOLE_TRANSMIT(0), "nobody", 6);
	ck_assert(guest_take_used(&guest, VIRTIO_CONSOLE_TRANSMIT(0), &id, &written));
}
END_TEST

START_TEST(a_reset_forgets_the_guest_and_keeps_the_client)
{
	int fd;

	bring_up_ports();
	fd = connect_to(0);
	open_port(0, 4);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	guest_set_status(&guest, 0);
	ck_assert_int_eq(write(fd, "waits", 5), 5);
	guest_run(&guest);
	bring_up();
	send_control(UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_ports();
	send_control(0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_control(0, VIRTIO_CONSOLE_PORT_NAME, 1, names[0]);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	open_port(0, 4);
	expect_bytes(0, "waits");
	close(fd);
}
END_TEST

START_TEST(a_reset_in_mid_request_is_safe)
{
	static char bytes[4096];
	uint32_t id, written;
	int fd;

	bring_up_ports();
	fd = connect_to(1);
	do {
		send_bytes(VIRTIO_CONSOLE_TRANSMIT(1), bytes, sizeof(bytes));
	} while (guest_take_used(&guest, VIRTIO_CONSOLE_TRANSMIT(1), &id, &written));
	guest_set_status(&guest, 0);
	memset(guest.ram, 0, GUEST_RAM_BYTES);
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		guest_run(&guest);
	ck_assert(guest_ram_is_zero(&guest, 0x60000));
	close(fd);
	guest_run(&guest);
	bring_up_ports();
}
END_TEST

START_TEST(a_driver_without_multiport_has_the_first_port)
{
	int fd;

	ck_assert(guest_bring_up(&guest, 0));
	fd = connect_to(0);
	add_buffer(VIRTIO_CONSOLE_RECEIVE(0));
	guest_kick(&guest, VIRTIO_CONSOLE_RECEIVE(0));
	ck_assert_int_eq(write(fd, "hello", 5), 5);
	guest_run(&guest);
	expect_bytes(0, "hello");
	close(fd);
}
END_TEST

START_TEST(control_messages_of_all_kinds_do_no_harm)
{
	static const uint32_t ports[] = {0, PORTS - 1, PORTS, 0x7fffffff, UINT32_MAX};
	static const uint16_t values[] = {0, 1, 2, UINT16_MAX};

	bring_up();
	for (uint16_t event = 0; event < 16; event++) {
		for (size_t port = 0; port < ARRAY_SIZE(ports); port++) {
			for (size_t value = 0; value < ARRAY_SIZE(values); value++)
				send_control(ports[port], event, values[value]);
		}
	}
	send_bytes(VIRTIO_CONSOLE_CONTROL_TRANSMIT, "short", 5);
	ck_assert(!guest_is_broken(&guest));
	bring_up_ports();
}
END_TEST

START_TEST(buffers_of_the_wrong_kind_break_the_device)
{
	struct guest_buffer small = {GUEST_BUFFERS_AT, 7, true};
	struct guest_buffer read_only = {GUEST_BUFFERS_AT, 64, false};
	int fd;

	ck_assert(guest_bring_up(&guest, VIRTIO_FEATURE(VIRTIO_CONSOLE_F_MULTIPORT)));
	guest_add(&guest, VIRTIO_CONSOLE_CONTROL_RECEIVE, &small, 1);
	send_control(UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1);
	ck_assert(guest_is_broken(&guest));

	bring_up_ports();
	fd = connect_to(0);
	guest_add(&guest, VIRTIO_CONSOLE_RECEIVE(0), &read_only, 1);
	send_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	guest_run(&guest);
	ck_assert(guest_is_broken(&guest));
	close(fd);
	guest_run(&guest);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio console");
	TCase *tc = tcase_create("console");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, ports_are_announced_by_name);
	tcase_add_test(tc, the_guest_is_told_of_clients_truthfully);
	tcase_add_test(tc, a_client_that_came_first_is_told_when_the_port_is_ready);
	tcase_add_test(tc, a_client_that_follows_another_is_told_as_another);
	tcase_add_test(tc, changes_are_told_when_there_is_room);
	tcase_add_test(tc, bytes_go_both_ways);
	tcase_add_test(tc, bytes_wait_until_the_guest_opens_the_port);
	tcase_add_test(tc, bytes_wait_until_the_guest_has_room);
	tcase_add_test(tc, a_client_that_left_is_read_to_its_end);
	tcase_add_test(tc, a_client_that_only_listens_stays);
	tcase_add_test(tc, a_client_that_does_not_read_stalls_its_port_only);
	tcase_add_test(tc, a_stalled_client_that_goes_frees_the_port);
	tcase_add_test(tc, without_a_client_bytes_are_dropped);
	tcase_add_test(tc, a_reset_forgets_the_guest_and_keeps_the_client);
	tcase_add_test(tc, a_reset_in_mid_request_is_safe);
	tcase_add_test(tc, a_driver_without_multiport_has_the_first_port);
	tcase_add_test(tc, control_messages_of_all_kinds_do_no_harm);
	tcase_add_test(tc, buffers_of_the_wrong_kind_break_the_device);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
