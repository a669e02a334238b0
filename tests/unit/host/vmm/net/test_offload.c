/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/net/offload.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>

#define ETHERNET 14
#define IPV4	 20
#define IPV6	 40
#define TCP	 20
#define PAYLOAD	 3000
#define MSS	 1400

#define V4_TCP_AT (ETHERNET + IPV4)
#define V6_TCP_AT (ETHERNET + IPV6)

#define FIN  0x01
#define PUSH 0x08
#define ACK  0x10
#define CWR  0x80

static struct offload offload;
static uint8_t frame[70000];

static uint16_t be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put_be16(uint8_t *bytes, size_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* Written anew, so that it does not repeat a mistake of the code: word by word, folded at once. */
static uint16_t reference_sum(const uint8_t *bytes, size_t size, uint16_t start)
{
	uint32_t total = start;

	for (size_t i = 0; i < size; i++) {
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		total = (total & 0xffff) + (total >> 16);
	}
	return (uint16_t)total;
}

static uint16_t pseudo_sum(const uint8_t *addresses, size_t size, size_t tcp_size)
{
	uint32_t total = reference_sum(addresses, size, 0);

	total += 6 + (uint32_t)tcp_size;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

static void fill(size_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		frame[at + i] = (uint8_t)(i * 31 + 7);
}

static void make_tcp(size_t at, const uint8_t *addresses, size_t addresses_size)
{
	memset(frame + at, 0, TCP);
	put_be16(frame + at, 1234);
	put_be16(frame + at + 2, 80);
	memcpy(frame + at + 4, "\xff\xff\xff\x00", 4); /* the sequence wraps on the way */
	frame[at + 12] = 5 << 4;
	frame[at + 13] = FIN | PUSH | ACK | CWR;
	fill(at + TCP, PAYLOAD);
	put_be16(frame + at + 16, pseudo_sum(addresses, addresses_size, TCP + PAYLOAD));
}

static size_t make_v4(void)
{
	uint8_t *ip = frame + ETHERNET;

	memset(frame, 0, V4_TCP_AT);
	put_be16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put_be16(ip + 2, IPV4 + TCP + PAYLOAD);
	put_be16(ip + 4, 0xfffe); /* the identification wraps, too */
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\x0a\x00\x02\x0f\x0a\x00\x02\x02", 8);
	make_tcp(V4_TCP_AT, ip + 12, 8);
	return V4_TCP_AT + TCP + PAYLOAD;
}

static size_t make_v6(void)
{
	uint8_t *ip = frame + ETHERNET;

	memset(frame, 0, V6_TCP_AT);
	put_be16(frame + 12, 0x86dd);
	ip[0] = 0x60;
	put_be16(ip + 4, TCP + PAYLOAD);
	ip[6] = 6;
	for (int i = 8; i < 40; i++)
		ip[i] = (uint8_t)(i * 5);
	make_tcp(V6_TCP_AT, ip + 8, 32);
	return V6_TCP_AT + TCP + PAYLOAD;
}

static const struct offload_request v4_request = {VIRTIO_NET_HDR_F_NEEDS_CSUM,
						  VIRTIO_NET_HDR_GSO_TCPV4, MSS, V4_TCP_AT, 16};
static const struct offload_request v6_request = {VIRTIO_NET_HDR_F_NEEDS_CSUM,
						  VIRTIO_NET_HDR_GSO_TCPV6, MSS, V6_TCP_AT, 16};

static bool tcp_sum_is_right(const uint8_t *segment, size_t size, size_t addresses_at,
			     size_t addresses_size, size_t tcp_at)
{
	uint16_t start = pseudo_sum(segment + addresses_at, addresses_size, size - tcp_at);

	return reference_sum(segment + tcp_at, size - tcp_at, start) == 0xffff;
}

START_TEST(a_frame_without_requests_passes)
{
	static const struct offload_request nothing;
	const uint8_t *out;
	size_t size = make_v4();

	ck_assert_int_eq(offload_begin(&offload, &nothing, frame, size, false), 0);
	ck_assert_uint_eq(offload_next(&offload, &out), size);
	ck_assert_ptr_eq(out, frame);
	ck_assert_uint_eq(offload_next(&offload, &out), 0);
}
END_TEST

START_TEST(a_checksum_is_completed)
{
	struct offload_request request = v4_request;
	size_t size = make_v4();

	request.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	ck_assert_int_eq(offload_begin(&offload, &request, frame, size, false), 0);
	ck_assert(tcp_sum_is_right(frame, size, ETHERNET + 12, 8, V4_TCP_AT));
}
END_TEST

START_TEST(an_odd_number_of_bytes_is_summed)
{
	struct offload_request request = v4_request;
	size_t size = make_v4() - 1;
	uint8_t *ip = frame + ETHERNET;

	request.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	put_be16(frame + V4_TCP_AT + 16, pseudo_sum(ip + 12, 8, size - V4_TCP_AT));
	ck_assert_int_eq(offload_begin(&offload, &request, frame, size, false), 0);
	ck_assert(tcp_sum_is_right(frame, size, ETHERNET + 12, 8, V4_TCP_AT));
}
END_TEST

START_TEST(a_large_frame_stays_whole_where_it_may)
{
	const uint8_t *out;
	size_t size = make_v6();

	ck_assert_int_eq(offload_begin(&offload, &v6_request, frame, size, true), 0);
	ck_assert_uint_eq(offload_next(&offload, &out), size);
	ck_assert(tcp_sum_is_right(out, size, ETHERNET + 8, 32, V6_TCP_AT));
	ck_assert_uint_eq(offload_next(&offload, &out), 0);
}
END_TEST

static void check_tcp(const uint8_t *tcp, size_t done, bool first, bool last)
{
	uint32_t sequence = (uint32_t)be16(tcp + 4) << 16 | be16(tcp + 6);

	ck_assert_uint_eq(sequence, (uint32_t)(0xffffff00 + done));
	ck_assert_uint_eq(tcp[13] & (FIN | PUSH), last ? FIN | PUSH : 0);
	ck_assert_uint_eq(tcp[13] & CWR, first ? CWR : 0);
	ck_assert_uint_eq(tcp[13] & ACK, ACK);
}

static void check_segments(bool is_ipv6, size_t tcp_at)
{
	size_t done = 0, size;
	const uint8_t *out;
	unsigned int count = 0;

	while ((size = offload_next(&offload, &out)) > 0) {
		size_t payload = size - tcp_at - TCP;
		const uint8_t *ip = out + ETHERNET;

		ck_assert_uint_le(payload, MSS);
		check_tcp(out + tcp_at, done, count == 0, done + payload == PAYLOAD);
		for (size_t i = 0; i < payload; i++)
			ck_assert_uint_eq(out[tcp_at + TCP + i], (uint8_t)((done + i) * 31 + 7));
		if (is_ipv6) {
			ck_assert_uint_eq(be16(ip + 4), TCP + payload);
			ck_assert(tcp_sum_is_right(out, size, ETHERNET + 8, 32, tcp_at));
		} else {
			ck_assert_uint_eq(be16(ip + 2), IPV4 + TCP + payload);
			ck_assert_uint_eq(be16(ip + 4), (uint16_t)(0xfffe + count));
			ck_assert_uint_eq(reference_sum(ip, IPV4, 0), 0xffff);
			ck_assert(tcp_sum_is_right(out, size, ETHERNET + 12, 8, tcp_at));
		}
		done += payload;
		count++;
	}
	ck_assert_uint_eq(done, PAYLOAD);
	ck_assert_uint_eq(count, 3);
}

START_TEST(ipv4_is_segmented)
{
	size_t size = make_v4();

	ck_assert_int_eq(offload_begin(&offload, &v4_request, frame, size, false), 0);
	check_segments(false, V4_TCP_AT);
}
END_TEST

START_TEST(ipv6_is_segmented)
{
	size_t size = make_v6();

	ck_assert_int_eq(offload_begin(&offload, &v6_request, frame, size, false), 0);
	check_segments(true, V6_TCP_AT);
}
END_TEST

/* Each is the good request with one thing wrong; or the good frame with one byte wrong. */
static const struct {
	const char *why;
	struct offload_request request;
	size_t size; /* 0: whole */
	size_t at;   /* 0: frame unchanged */
	uint8_t byte;
	bool large_frames;
} hostile[] = {
	{"checksum starts past the end", .request = {1, 0, 0, 65535, 16}, .size = 100},
	{"checksum starts at the end", .request = {1, 0, 0, 100, 0}, .size = 100},
	{"checksum lies past the end", .request = {1, 0, 0, 34, 65535}, .size = 100},
	{"checksum lies half past the end", .request = {1, 0, 0, 34, 65}, .size = 100},
	{"large, checksum past the end", .request = {1, 1, MSS, 90, 16}, .size = 100,
	 .large_frames = true},
	{"segmentation without checksum", .request = {0, 1, MSS, V4_TCP_AT, 16}},
	{"no TCP checksum", .request = {1, 1, MSS, V4_TCP_AT, 6}},
	{"UDP fragmentation", .request = {1, 3, MSS, V4_TCP_AT, 6}},
	{"ECN was not negotiated", .request = {1, 0x81, MSS, V4_TCP_AT, 16}},
	{"unknown kind", .request = {1, 0x7f, MSS, V4_TCP_AT, 16}},
	{"segments of nothing", .request = {1, 1, 0, V4_TCP_AT, 16}},
	{"segments of one byte", .request = {1, 1, 1, V4_TCP_AT, 16}},
	{"TCP inside IP", .request = {1, 1, MSS, V4_TCP_AT - 4, 16}},
	{"TCP inside Ethernet", .request = {1, 1, MSS, 0, 16}},
	{"TCP far away", .request = {1, 1, MSS, 2000, 16}},
	{"IPv6 that is IPv4", .request = {1, 4, MSS, V4_TCP_AT, 16}},
	{"no payload", .request = {1, 1, MSS, V4_TCP_AT, 16}, .size = V4_TCP_AT + TCP},
	{"half a TCP header", .request = {1, 1, MSS, V4_TCP_AT, 16}, .size = V4_TCP_AT + 10},
	{"half an Ethernet header", .request = {1, 1, MSS, V4_TCP_AT, 16}, .size = 14},
	{"short TCP header", .request = {1, 1, MSS, V4_TCP_AT, 16}, 0, V4_TCP_AT + 12, 4 << 4,
	 false},
	{"TCP header past the end",
	 {1, 1, MSS, V4_TCP_AT, 16},
	 V4_TCP_AT + 40,
	 V4_TCP_AT + 12,
	 15 << 4,
	 false},
	{"not TCP", .request = {1, 1, MSS, V4_TCP_AT, 16}, 0, ETHERNET + 9, 17, false},
	{"not IP", .request = {1, 1, MSS, V4_TCP_AT, 16}, 0, 12, 0x55, false},
	{"other IP version", .request = {1, 1, MSS, V4_TCP_AT, 16}, 0, ETHERNET, 0x65, false},
	{"other IP header length", .request = {1, 1, MSS, V4_TCP_AT, 16}, 0, ETHERNET, 0x46, false},
	{"tags without end", .request = {1, 1, MSS, V4_TCP_AT, 16}, 0, 12, 0x81, false},
};

START_TEST(what_does_not_fit_is_refused)
{
	size_t whole = make_v4(), size = hostile[_i].size ? hostile[_i].size : whole;
	uint8_t *copy = malloc(size); /* exactly as large: sanitizers see one byte too far */

	memcpy(copy, frame, size);
	if (hostile[_i].at)
		copy[hostile[_i].at] = hostile[_i].byte;
	ck_assert_msg(offload_begin(&offload, &hostile[_i].request, copy, size,
				    hostile[_i].large_frames) == -EINVAL,
		      "%s", hostile[_i].why);
	free(copy);
}
END_TEST

START_TEST(vlan_tags_are_skipped)
{
	struct offload_request request = v4_request;
	size_t size = make_v4();

	memmove(frame + 16, frame + 12, size - 12);
	put_be16(frame + 12, 0x8100);
	put_be16(frame + 14, 5);
	request.csum_start += 4;
	ck_assert_int_eq(offload_begin(&offload, &request, frame, size + 4, false), 0);
	ck_assert_uint_eq(offload.network, ETHERNET + 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("offload");
	TCase *tc = tcase_create("offload");

	tcase_add_test(tc, a_frame_without_requests_passes);
	tcase_add_test(tc, a_checksum_is_completed);
	tcase_add_test(tc, an_odd_number_of_bytes_is_summed);
	tcase_add_test(tc, a_large_frame_stays_whole_where_it_may);
	tcase_add_test(tc, ipv4_is_segmented);
	tcase_add_test(tc, ipv6_is_segmented);
	tcase_add_loop_test(tc, what_does_not_fit_is_refused, 0, ARRAY_SIZE(hostile));
	tcase_add_test(tc, vlan_tags_are_skipped);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
