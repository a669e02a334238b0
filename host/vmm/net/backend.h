/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * net backend - what a network card is plugged into
 *
 * A backend carries whole Ethernet frames, without frame check sequence, complete with checksums.
 * It lives in the thread of its card. Neither side waits for the other: who cannot take a frame
 * says so, and tells when it can again.
 */
#ifndef LODGE_VMM_NET_BACKEND_H
#define LODGE_VMM_NET_BACKEND_H

#include "host/vmm/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest IP packet behind Ethernet and two VLAN tags. */
#define NET_FRAME_MAX_BYTES (65535 + 14 + 8)
#define NET_FRAME_MIN_BYTES 14

/* What a backend tells its card. */
struct net_card_ops {
	/* A frame for the guest; good during the call. Return: false if the guest has no room: the
	 * backend keeps it, and receives no more until ops->more(). */
	bool (*received)(void *card, const uint8_t *frame, size_t size);
	/* send() has said -EAGAIN and can take a frame now. */
	void (*writable)(void *card);
	/* The other end is gone for good. send() drops from now on. */
	void (*closed)(void *card);
};

struct net_backend;

struct net_backend_ops {
	const char *name;
	/* Begin to receive. Return: 0 or negative errno. */
	int (*start)(struct net_backend *backend, struct loop *loop,
		     const struct net_card_ops *card_ops, void *card);
	/* Return: 0: taken; -EAGAIN: not taken, writable() will be called; -EPIPE: dropped. */
	int (*send)(struct net_backend *backend, const uint8_t *frame, size_t size);
	void (*more)(struct net_backend *backend);
	void (*free)(struct net_backend *backend);
};

/* First member of each backend. */
struct net_backend {
	const struct net_backend_ops *ops;
	/* It takes TCP segments of up to 64 KiB, longer than its MTU; others get them cut up. */
	bool takes_large_frames;
	/* Checksums of what it delivers need no second look. */
	bool delivers_valid_checksums;
	/* The largest IP packet that goes both ways; 0: not known. */
	uint16_t mtu_bytes;
};

/**
 * net_stream_new() - frames over a unix stream socket, each behind its length (u32, big-endian)
 * @fd:		connected; becomes the backend's if it succeeds
 * @mtu_bytes:	as in struct net_backend
 *
 * What lodge-net, passt and QEMU's "-netdev stream" speak. Return: 0 or negative errno.
 */
int net_stream_new(int fd, uint16_t mtu_bytes, struct net_backend **backend);

#endif
