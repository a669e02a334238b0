/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The card with the stream backend, whose other end is in our hand. */
#include "host/vmm/virtio/net.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>

#define HEADER	  12
#define MTU_BYTES 9000
#define TX_AT	  (GUEST_BUFFERS_AT)
#define RX_AT	  (GUEST_BUFFERS_AT + 0x20000)

#define OFFLOADS                                                                                   \
	(VIRTIO_FEATURE(VIRTIO_NET_F_CSUM) | VIRTIO_FEATURE(VIRTIO_NET_F_GUEST_CSUM) |             \
	 VIRTIO_FEATURE(VIRTIO_NET_F_HOST_TSO4) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS))
#define MERGEABLE VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF)

static struct guest guest;
static int peer;
static uint8_t big[70000];

static void set_up(void)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};
	struct net_backend *backend;
	struct virtio_device *device;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	peer = pair[0];
	guest_init(&guest);
	ck_assert_int_eq(net_stream_new(pair[1], MTU_BYTES, &backend), 0);
	ck_assert_int_eq(virtio_net_new(&guest.memory, backend, mac, &device), 0);
	guest_plug(&guest, device);
}

static void tear_down(void)
{
	guest_free(&guest);
	if (peer >= 0)
		close(peer);
}

/* The guest sends @size bytes behind a header. */
static void transmit(const struct virtio_net_hdr_v1 *header, size_t size)
{
	struct guest_buffer buffers[] = {{TX_AT, HEADER, false},
					 {TX_AT + HEADER, (uint32_t)size, false}};

	memcpy(guest_at(&guest, TX_AT), header, HEADER);
	memcpy(guest_at(&guest, TX_AT + HEADER), big, size);
	guest_add(&guest, VIRTIO_NET_TRANSMIT, buffers, size ? 2 : 1);
	guest_kick(&guest, VIRTIO_NET_TRANSMIT);
}

static bool was_taken(void)
{
	uint32_t id, written;

	return guest_take_used(&guest, VIRTIO_NET_TRANSMIT, &id, &written);
}

/* Return: size of the frame that came out; 0 if none did. */
static size_t get_frame(uint8_t *frame)
{
	uint32_t length;
	size_t got = 0;

	if (recv(peer, &length, 4, MSG_DONTWAIT) != 4)
		return 0;
	length = be32toh(length);
	while (got < length) {
		ssize_t part = recv(peer, frame + got, length - got, MSG_DONTWAIT);

		if (part > 0)
			got += (size_t)part;
		else
			guest_run(&guest);
	}
	return got;
}

static void put_frame(const uint8_t *frame, size_t size)
{
	uint32_t length = htobe32((uint32_t)size);

	ck_assert_int_eq(send(peer, &length, 4, MSG_NOSIGNAL), 4);
	ck_assert_int_eq(send(peer, frame, size, MSG_NOSIGNAL), (ssize_t)size);
	guest_run(&guest);
}

static void add_receive_buffers(unsigned int count, uint32_t bytes)
{
	for (unsigned int i = 0; i < count; i++) {
		struct guest_buffer buffer = {
			RX_AT + guest.queue[VIRTIO_NET_RECEIVE].next_descriptor * (uint64_t)bytes,
			bytes, true};

		guest_add(&guest, VIRTIO_NET_RECEIVE, &buffer, 1);
	}
	guest_kick(&guest, VIRTIO_NET_RECEIVE);
}

static void fill_big(void)
{
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 13 + 1);
}

START_TEST(configuration_has_address_and_link)
{
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 4), 0x01005452);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 6, 2), VIRTIO_NET_S_LINK_UP);
}
END_TEST

START_TEST(the_backend_says_how_large_packets_may_be)
{
	ck_assert(guest.device->offered_features & VIRTIO_FEATURE(VIRTIO_NET_F_MTU));
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 10, 2), MTU_BYTES);
}
END_TEST

START_TEST(segmentation_needs_checksums)
{
	ck_assert(!guest_negotiate(&guest, VIRTIO_FEATURE(VIRTIO_F_VERSION_1) |
						   VIRTIO_FEATURE(VIRTIO_NET_F_HOST_TSO6)));
	ck_assert(guest_negotiate(&guest, VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | OFFLOADS));
}
END_TEST

START_TEST(frames_go_out)
{
	static const struct virtio_net_hdr_v1 plain;
	uint8_t frame[2000];

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS));
	transmit(&plain, 60);
	ck_assert(was_taken());
	ck_assert_uint_eq(get_frame(frame), 60);
	ck_assert_int_eq(memcmp(frame, big, 60), 0);
}
END_TEST

START_TEST(checksums_are_completed_on_the_way)
{
	struct virtio_net_hdr_v1 header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 14, .csum_offset = 2};
	uint8_t frame[2000];
	uint32_t sum = 0;

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS));
	transmit(&header, 60);
	ck_assert_uint_eq(get_frame(frame), 60);
	for (int i = 14; i < 60; i += 2)
		sum += i == 16 ? 0U : (uint32_t)(frame[i] << 8 | frame[i + 1]);
	sum += (uint32_t)(big[16] << 8 | big[17]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ck_assert_uint_eq((uint16_t)~sum, frame[16] << 8 | frame[17]);
}
END_TEST

static const struct {
	struct virtio_net_hdr_v1 header;
	size_t size;
} not_sent[] = {
	{{0}, 0},
	{{0}, 13},
	{{0}, 65535 + 14 + 8 + 1},
	{{.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 0xffff}, 60},
	{{.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 20, .csum_offset = 0xffff}, 60},
	{{.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1}, 60},
	{{.gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 100}, 60},
	{{.gso_type = 0xff}, 60},
};

START_TEST(what_is_no_frame_is_dropped)
{
	uint8_t frame[2000];
	static const struct virtio_net_hdr_v1 plain;

	ck_assert(guest_bring_up(&guest, OFFLOADS));
	transmit(&not_sent[_i].header, not_sent[_i].size);
	ck_assert(was_taken());
	ck_assert_uint_eq(get_frame(frame), 0);
	transmit(&plain, 60);
	ck_assert_uint_eq(get_frame(frame), 60);
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

START_TEST(a_frame_comes_in_with_a_header)
{
	const uint8_t *bytes = guest_at(&guest, RX_AT);
	uint32_t id, written;

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS));
	add_receive_buffers(2, 2048);
	put_frame(big, 100);
	ck_assert(guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
	ck_assert_uint_eq(written, HEADER + 100);
	ck_assert_uint_eq(bytes[0], VIRTIO_NET_HDR_F_DATA_VALID);
	ck_assert_uint_eq(load_le16(bytes + 10), 1);
	ck_assert_int_eq(memcmp(bytes + HEADER, big, 100), 0);
}
END_TEST

START_TEST(a_large_frame_is_spread_over_buffers)
{
	uint32_t id, written;
	size_t done = 0;

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS | MERGEABLE));
	add_receive_buffers(20, 1024);
	put_frame(big, 5000);
	for (int i = 0; i < 5; i++) {
		const uint8_t *bytes;
		size_t skip = i == 0 ? HEADER : 0;

		ck_assert(guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
		bytes = guest_at(&guest, RX_AT + id * 1024ULL);
		if (i == 0)
			ck_assert_uint_eq(load_le16(bytes + 10), 5);
		ck_assert_int_eq(memcmp(bytes + skip, big + done, written - skip), 0);
		done += written - skip;
	}
	ck_assert_uint_eq(done, 5000);
	ck_assert(!guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
	/* One frame of the network's, whatever it took of the ring. */
	ck_assert_uint_eq(guest.device->traffic.bytes[VIRTIO_TO_GUEST], 5000);
	ck_assert_uint_eq(guest.device->traffic.operations[VIRTIO_TO_GUEST], 1);
	ck_assert_uint_eq(guest.device->traffic.operations[VIRTIO_FROM_GUEST], 0);
}
END_TEST

START_TEST(frames_wait_for_buffers)
{
	uint32_t id, written;

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS | MERGEABLE));
	add_receive_buffers(2, 1024);
	put_frame(big, 3000); /* needs three */
	ck_assert(!guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
	put_frame(big, 60);
	add_receive_buffers(1, 1024);
	for (int i = 0; i < 3; i++)
		ck_assert(guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
	ck_assert(!guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
	add_receive_buffers(1, 1024);
	ck_assert(guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
	ck_assert_uint_eq(written, HEADER + 60);
}
END_TEST

START_TEST(a_frame_too_large_for_a_buffer_is_dropped)
{
	uint32_t id, written;

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS));
	add_receive_buffers(2, 200);
	put_frame(big, 3000);
	put_frame(big, 100);
	ck_assert(guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
	ck_assert_uint_eq(written, HEADER + 100);
}
END_TEST

START_TEST(a_buffer_without_room_breaks_the_device)
{
	ck_assert(guest_bring_up(&guest, OFFLOADS | MERGEABLE));
	add_receive_buffers(1, HEADER);
	put_frame(big, 60);
	ck_assert(guest_is_broken(&guest));
	put_frame(big, 60); /* nobody reads it; nobody chokes on it */
	ck_assert(guest_bring_up(&guest, OFFLOADS));
}
END_TEST

START_TEST(a_full_backend_stops_the_guest_and_loses_nothing)
{
	static const struct virtio_net_hdr_v1 plain;
	static uint8_t frame[70000];
	unsigned int sent = 0, received = 0, taken = 0;

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS));
	do {
		transmit(&plain, 60000);
		sent++;
		taken += was_taken();
	} while (taken == sent && sent < 100);
	ck_assert_uint_lt(sent, 100);
	while (get_frame(frame) == 60000) {
		received++;
		guest_run(&guest);
	}
	ck_assert_uint_eq(received, sent);
	ck_assert(was_taken());
}
END_TEST

START_TEST(a_reset_in_mid_frame_is_safe)
{
	static const struct virtio_net_hdr_v1 plain;
	static uint8_t frame[70000];

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS));
	for (int i = 0; i < 50; i++)
		transmit(&plain, 60000);
	put_frame(big, 60); /* waits for buffers */
	guest_set_status(&guest, 0);
	memset(guest.ram, 0, GUEST_RAM_BYTES);
	while (get_frame(frame) == 60000)
		guest_run(&guest);
	ck_assert(guest_ram_is_zero(&guest, GUEST_RAM_BYTES));
	ck_assert(guest_bring_up(&guest, OFFLOADS));
	transmit(&plain, 60);
	ck_assert_uint_eq(get_frame(frame), 60);
}
END_TEST

START_TEST(the_link_goes_down_with_the_backend)
{
	static const struct virtio_net_hdr_v1 plain;

	ck_assert(guest_bring_up(&guest, OFFLOADS));
	close(peer);
	peer = -1;
	guest_run(&guest);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 6, 2), 0);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_ISR, 1) & 2, 2);
	for (int i = 0; i < 10; i++) {
		transmit(&plain, 60);
		ck_assert(was_taken());
	}
}
END_TEST

static const uint32_t bad_lengths[] = {0, 13, 65535 + 14 + 8 + 1, 0x7fffffff, UINT32_MAX};

START_TEST(a_backend_that_sends_nonsense_is_left)
{
	uint32_t length = htobe32(bad_lengths[_i]);

	ck_assert(guest_bring_up(&guest, OFFLOADS));
	ck_assert_int_eq(send(peer, &length, 4, MSG_NOSIGNAL), 4);
	guest_run(&guest);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 6, 2), 0);
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

START_TEST(frames_may_come_in_pieces)
{
	uint8_t wire[4 + 100];
	uint32_t id, written;

	fill_big();
	ck_assert(guest_bring_up(&guest, OFFLOADS));
	add_receive_buffers(1, 2048);
	memcpy(wire, (const uint8_t[]){0, 0, 0, 100}, 4);
	memcpy(wire + 4, big, 100);
	for (size_t i = 0; i < sizeof(wire); i++) {
		ck_assert_int_eq(send(peer, wire + i, 1, MSG_NOSIGNAL), 1);
		guest_run(&guest);
	}
	ck_assert(guest_take_used(&guest, VIRTIO_NET_RECEIVE, &id, &written));
	ck_assert_uint_eq(written, HEADER + 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio net");
	TCase *tc = tcase_create("net");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, configuration_has_address_and_link);
	tcase_add_test(tc, the_backend_says_how_large_packets_may_be);
	tcase_add_test(tc, segmentation_needs_checksums);
	tcase_add_test(tc, frames_go_out);
	tcase_add_test(tc, checksums_are_completed_on_the_way);
	tcase_add_loop_test(tc, what_is_no_frame_is_dropped, 0, ARRAY_SIZE(not_sent));
	tcase_add_test(tc, a_frame_comes_in_with_a_header);
	tcase_add_test(tc, a_large_frame_is_spread_over_buffers);
	tcase_add_test(tc, frames_wait_for_buffers);
	tcase_add_test(tc, a_frame_too_large_for_a_buffer_is_dropped);
	tcase_add_test(tc, a_buffer_without_room_breaks_the_device);
	tcase_add_test(tc, a_full_backend_stops_the_guest_and_loses_nothing);
	tcase_add_test(tc, a_reset_in_mid_frame_is_safe);
	tcase_add_test(tc, the_link_goes_down_with_the_backend);
	tcase_add_loop_test(tc, a_backend_that_sends_nonsense_is_left, 0, ARRAY_SIZE(bad_lengths));
	tcase_add_test(tc, frames_may_come_in_pieces);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
