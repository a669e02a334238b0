/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib.h"
#include "net.h"
#include "suites.h"

static void arp_with(uint64_t features)
{
	struct net net;

	require(net_start(&net, features), "the device does not start");
	if ((net.device.features & features) != features) {
		test_skip("not offered");
		return;
	}
	check((net.mac[0] & 1) == 0, "the MAC address is a group address");
	check(net_arp(&net), "10.0.2.2 does not answer an ARP request");
}

static void test_arp(void)
{
	arp_with(0);
}

static void test_mergeable(void)
{
	arp_with(FEATURE(VIRTIO_NET_F_MRG_RXBUF));
}

static void test_event_index(void)
{
	arp_with(FEATURE(VIRTIO_RING_F_EVENT_IDX));
}

/* Frames that no network carries go nowhere and break nothing. */
static void test_odd_frames(void)
{
	static const uint32_t lengths[] = {1, 13, 14, 1514, 9000, 60000};
	struct net net;
	uint8_t *frame = allocate(60000, 16);

	require(net_start(&net, 0), "the device does not start");
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		require(net_send(&net, frame, lengths[i]), "a frame of %u bytes is not taken",
			lengths[i]);
	check(net_arp(&net), "no ARP afterwards");
}

static const struct test tests[] = {
	{"arp", test_arp},
	{"mergeable", test_mergeable},
	{"event-index", test_event_index},
	{"odd-frames", test_odd_frames},
};

const struct suite suite_net = {"net", tests, ARRAY_SIZE(tests), NULL};
