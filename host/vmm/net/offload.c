/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Segments are built in place: the headers, saved aside, are put in front of each piece of payload,
 * over what was sent before.
 */
#include "host/vmm/net/offload.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#define TYPE_AT	       12
#define VLAN_TAG_BYTES 4
#define ETHERTYPE_QINQ 0x88a8

#define IPV4_MIN_BYTES	 20
#define IPV4_LENGTH	 2
#define IPV4_ID		 4
#define IPV4_PROTOCOL	 9
#define IPV4_CHECKSUM	 10
#define IPV4_ADDRESSES	 12
#define IPV6_BYTES	 40
#define IPV6_LENGTH	 4
#define IPV6_NEXT_HEADER 6
#define IPV6_ADDRESSES	 8

#define TCP_MIN_BYTES 20
#define TCP_SEQUENCE  4
#define TCP_OFFSET    12
#define TCP_FLAGS     13
#define TCP_CHECKSUM  16
#define TCP_FIN	      0x01
#define TCP_PUSH      0x08
#define TCP_CWR	      0x80

/* The least that Linux accepts as a maximum segment size; so a frame becomes 1366 at most. */
#define MIN_PIECE 48

static uint16_t load_be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void store_be16(uint8_t *bytes, size_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static uint32_t load_be32(const uint8_t *bytes)
{
	return (uint32_t)load_be16(bytes) << 16 | load_be16(bytes + 2);
}

static void store_be32(uint8_t *bytes, uint32_t value)
{
	store_be16(bytes, value >> 16);
	store_be16(bytes + 2, value & 0xffff);
}

/* RFC 1071: the sum of 16-bit words. A frame is short enough for 32 bits not to overflow. */
static uint32_t sum(const uint8_t *bytes, size_t size, uint32_t start)
{
	for (; size > 1; bytes += 2, size -= 2)
		start += load_be16(bytes);
	return size ? start + (uint32_t)(bytes[0] << 8) : start;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

/* The guest has put the sum of the pseudo header where the checksum goes (5.1.6.2). */
static int complete_checksum(uint8_t *frame, size_t size, size_t start, size_t offset)
{
	uint16_t checksum;

	if (start >= size || size - start < offset + 2)
		return -EINVAL;
	checksum = fold(sum(frame + start, size - start, 0));
	/* For UDP, zero would say that there is none; for TCP both mean the same. */
	store_be16(frame + start + offset, checksum ? checksum : 0xffff);
	return 0;
}

/* Return: where the network header begins, and its EtherType; 0 if the frame is too short. */
static size_t find_network(const uint8_t *frame, size_t size, uint16_t *type)
{
	size_t at = TYPE_AT;

	for (int tags = 0; tags <= 2 && size >= at + 2; tags++) {
		*type = load_be16(frame + at);
		if (*type != ETHERTYPE_VLAN && *type != ETHERTYPE_QINQ)
			return at + 2;
		at += VLAN_TAG_BYTES;
	}
	return 0;
}

static bool network_is(const struct offload *offload, uint16_t type)
{
	const uint8_t *network = offload->frame + offload->network;
	size_t size = offload->transport - offload->network;

	if (offload->is_ipv6)
		return type == ETHERTYPE_IPV6 && size >= IPV6_BYTES && network[0] >> 4 == 6;
	return type == ETHERTYPE_IP && size >= IPV4_MIN_BYTES && network[0] >> 4 == 4 &&
	       (network[0] & 0xf) * 4U == size && network[IPV4_PROTOCOL] == IPPROTO_TCP;
}

/* A frame to be cut: find its parts, all of which must lie inside. */
static int parse(struct offload *offload, const struct offload_request *request)
{
	size_t tcp_size;
	uint16_t type = 0;

	offload->is_ipv6 = request->gso_type == VIRTIO_NET_HDR_GSO_TCPV6;
	offload->network = find_network(offload->frame, offload->size, &type);
	offload->transport = request->csum_start;
	if (offload->network == 0 || offload->transport < offload->network ||
	    offload->transport > OFFLOAD_MAX_HEADERS - TCP_MIN_BYTES ||
	    offload->size < offload->transport + TCP_MIN_BYTES || !network_is(offload, type))
		return -EINVAL;
	tcp_size = (offload->frame[offload->transport + TCP_OFFSET] >> 4) * 4U;
	offload->headers_size = offload->transport + tcp_size;
	if (tcp_size < TCP_MIN_BYTES || offload->headers_size > OFFLOAD_MAX_HEADERS ||
	    offload->headers_size >= offload->size || request->gso_size < MIN_PIECE)
		return -EINVAL;
	offload->piece = request->gso_size;
	offload->at = offload->headers_size;
	memcpy(offload->headers, offload->frame, offload->headers_size);
	offload->identification = load_be16(offload->headers + offload->network + IPV4_ID);
	return 0;
}

int offload_begin(struct offload *offload, const struct offload_request *request, uint8_t *frame,
		  size_t size, bool large_frames)
{
	bool needs_checksum = request->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	offload->frame = frame;
	offload->size = size;
	offload->headers_size = offload->at = 0;
	switch (request->gso_type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		break;
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		if (!needs_checksum || request->csum_offset != TCP_CHECKSUM)
			return -EINVAL;
		if (!large_frames)
			return parse(offload, request);
		break;
	default:
		return -EINVAL;
	}
	if (!needs_checksum)
		return 0;
	return complete_checksum(frame, size, request->csum_start, request->csum_offset);
}

static uint16_t tcp_checksum(const struct offload *offload, const uint8_t *segment, size_t size)
{
	const uint8_t *network = segment + offload->network;
	size_t tcp_size = size - offload->transport;
	uint32_t total = IPPROTO_TCP + (uint32_t)tcp_size;

	if (offload->is_ipv6)
		total = sum(network + IPV6_ADDRESSES, 32, total);
	else
		total = sum(network + IPV4_ADDRESSES, 8, total);
	return fold(sum(segment + offload->transport, tcp_size, total));
}

static void fix_network(const struct offload *offload, uint8_t *segment, size_t size)
{
	uint8_t *network = segment + offload->network;

	if (offload->is_ipv6) {
		store_be16(network + IPV6_LENGTH, size - offload->network - IPV6_BYTES);
		return;
	}
	store_be16(network + IPV4_LENGTH, size - offload->network);
	store_be16(network + IPV4_ID, offload->identification);
	store_be16(network + IPV4_CHECKSUM, 0);
	store_be16(network + IPV4_CHECKSUM,
		   fold(sum(network, offload->transport - offload->network, 0)));
}

static void fix_transport(const struct offload *offload, uint8_t *segment, size_t size, bool first,
			  bool last)
{
	uint8_t *tcp = segment + offload->transport;

	store_be32(tcp + TCP_SEQUENCE,
		   load_be32(offload->headers + offload->transport + TCP_SEQUENCE) +
			   (uint32_t)(offload->at - offload->headers_size));
	if (!first)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PUSH);
	store_be16(tcp + TCP_CHECKSUM, 0);
	store_be16(tcp + TCP_CHECKSUM, tcp_checksum(offload, segment, size));
}

size_t offload_next(struct offload *offload, const uint8_t **frame)
{
	size_t left = offload->size - offload->at, piece, size;
	bool first = offload->at == offload->headers_size;
	uint8_t *segment;

	if (left == 0)
		return 0;
	if (offload->headers_size == 0) {
		offload->at = offload->size;
		*frame = offload->frame;
		return offload->size;
	}
	piece = MIN(left, offload->piece);
	size = offload->headers_size + piece;
	segment = offload->frame + offload->at - offload->headers_size;
	memcpy(segment, offload->headers, offload->headers_size);
	fix_network(offload, segment, size);
	fix_transport(offload, segment, size, first, piece == left);
	offload->at += piece;
	offload->identification++;
	*frame = segment;
	return size;
}
