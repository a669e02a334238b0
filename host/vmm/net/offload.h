/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * offload - finish the work on a frame that the guest left to its network card
 *
 * A guest may leave a checksum to be completed, and may send TCP segments of up to 64 KiB to be cut
 * into pieces of its maximum segment size (virtio 1.2, 5.1.6.2). Here it is done in software, on
 * our copy of the frame, in place.
 */
#ifndef LODGE_VMM_NET_OFFLOAD_H
#define LODGE_VMM_NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ethernet, VLAN tags, IP with options or extension headers, TCP with options. */
#define OFFLOAD_MAX_HEADERS 256

/* What the guest asks for: the fields of struct virtio_net_hdr, in host order, untrusted. */
struct offload_request {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

/* A frame on its way through. */
struct offload {
	uint8_t *frame;
	size_t size;
	size_t headers_size; /* 0: not to be cut */
	size_t network, transport;
	bool is_ipv6;
	size_t piece; /* bytes of payload a segment */
	size_t at;    /* next payload byte; for a whole frame: 0, then size */
	uint16_t identification;
	uint8_t headers[OFFLOAD_MAX_HEADERS];
};

/**
 * offload_begin() - check a request, complete the checksum of a frame that stays whole
 * @frame:		changed in place; stays the caller's until the last offload_next()
 * @large_frames:	segments need not be cut: only checksums are completed
 *
 * Return: 0; -EINVAL if the request does not fit the frame: drop it.
 */
int offload_begin(struct offload *offload, const struct offload_request *request, uint8_t *frame,
		  size_t size, bool large_frames);

/* The next frame to send, inside the one given; good until the next call. Return: its size; 0 after
 * the last one. */
size_t offload_next(struct offload *offload, const uint8_t **frame);

#endif
