/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces and their addresses, as the kernel tells over rtnetlink (getifaddrs(3)).
 */
#include "guest-agent/system/collect.h"
#include "protocol/base/bytes.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>

#define ADDRESSES_BYTES 4096

static unsigned int prefix_length(const uint8_t *mask, size_t length)
{
	unsigned int bits = 0;

	for (size_t i = 0; mask && i < length; i++)
		bits += (unsigned int)__builtin_popcount(mask[i]);
	return bits;
}

/* "10.0.2.15/24"; false: no address to speak of. */
static bool format_address(const struct ifaddrs *entry, char *text, size_t capacity)
{
	const struct sockaddr *mask = entry->ifa_netmask;
	char address[INET6_ADDRSTRLEN];
	unsigned int prefix;

	if (!entry->ifa_addr)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)entry->ifa_addr;
		const struct sockaddr_in *in_mask = (const struct sockaddr_in *)mask;

		prefix = mask ? prefix_length((const uint8_t *)&in_mask->sin_addr, 4) : 32;
		inet_ntop(AF_INET, &in->sin_addr, address, sizeof(address));
	} else if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)entry->ifa_addr;
		const struct sockaddr_in6 *in6_mask = (const struct sockaddr_in6 *)mask;

		prefix = mask ? prefix_length(in6_mask->sin6_addr.s6_addr, 16) : 128;
		inet_ntop(AF_INET6, &in6->sin6_addr, address, sizeof(address));
	} else {
		return false;
	}
	snprintf(text, capacity, "%s/%u", address, prefix);
	return true;
}

/* All addresses of @name as an encoded array in @bytes. */
static struct slice put_addresses(const struct ifaddrs *all, const char *name, uint8_t *bytes,
				  size_t capacity)
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = capacity};
	char text[INET6_ADDRSTRLEN + 8];
	uint64_t count = 0;

	/* The count stands first, so count first; what would not fit is not counted. */
	for (const struct ifaddrs *entry = all; entry; entry = entry->ifa_next) {
		if (strcmp(entry->ifa_name, name) == 0 &&
		    format_address(entry, text, sizeof(text)) &&
		    count < capacity / sizeof(text) - 1)
			count++;
	}
	if (count == 0)
		return (struct slice){0};
	cbor_put_array(&writer, count);
	for (const struct ifaddrs *entry = all; entry && count > 0; entry = entry->ifa_next) {
		if (strcmp(entry->ifa_name, name) == 0 &&
		    format_address(entry, text, sizeof(text))) {
			cbor_put_text(&writer, slice_of(text));
			count--;
		}
	}
	return cbor_written(&writer);
}

static bool add_interface(struct store_items *items, const struct ifaddrs *all,
			  const struct ifaddrs *entry)
{
	const struct sockaddr_ll *link = (const struct sockaddr_ll *)entry->ifa_addr;
	struct info_interface interface = {.name = slice_of(entry->ifa_name)};
	uint8_t addresses[ADDRESSES_BYTES];
	char mac[24] = "", state[32] = "unknown", path[64 + IFNAMSIZ];

	if (link->sll_halen == 6) {
		const uint8_t *b = link->sll_addr;

		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
			 b[4], b[5]);
	}
	snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", entry->ifa_name);
	read_line(path, state, sizeof(state));
	interface.mac = slice_of(mac);
	interface.state = slice_of(state);
	interface.addresses = put_addresses(all, entry->ifa_name, addresses, sizeof(addresses));
	return store_items_add(items, &message_info_interface, &interface);
}

void collect_network(struct store *store, struct info *info)
{
	struct store_items items = store_items_begin(store);
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	/* Each interface has one entry of its link, whatever addresses it has. */
	for (const struct ifaddrs *entry = all; entry; entry = entry->ifa_next) {
		if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_PACKET)
			continue;
		if (!add_interface(&items, all, entry))
			break;
	}
	freeifaddrs(all);
	info->network = store_items_end(&items);
}
