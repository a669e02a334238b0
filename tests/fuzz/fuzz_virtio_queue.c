/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: virtqueue base
/*
 * A ring of any content: the input is the ring's memory, or (so that chains get long) the choices
 * from which descriptors that almost follow the rules are made. What comes out must lie in guest
 * memory, in any order of pops, pushes and unpops.
 */
#include "tests/unit/protocol/virtqueue/guest.h"

#define SIZE	     16
#define AVAILABLE_AT (16 * SIZE)
#define RING_BYTES   (AVAILABLE_AT + 4 + 2 * SIZE + 2)
#define TABLE_AT     0x2000
#define CHOICE_BYTES 4

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void touch(const struct guest *guest, const struct virtqueue_chain *chain)
{
	if (chain->readable + chain->writable > SIZE)
		abort();
	for (unsigned int i = 0; i < chain->readable + chain->writable; i++) {
		const uint8_t *at = chain->iov[i].iov_base;

		if (at < guest->ram || chain->iov[i].iov_len == 0 ||
		    chain->iov[i].iov_len > (size_t)(guest->ram + GUEST_RAM_BYTES - at))
			abort();
	}
}

/* A descriptor from four choices: where, how long, flags, next. */
static void choose(struct guest *guest, uint64_t table, uint16_t index, const uint8_t *choice)
{
	static const uint64_t places[] = {
		GUEST_BUFFERS_AT,
		GUEST_RAM_AT + TABLE_AT,
		GUEST_RAM_AT + GUEST_RAM_BYTES - 16,
		GUEST_RAM_AT,
		GUEST_BUFFERS_AT + 7,
		0,
		UINT64_MAX - 15,
		1ULL << 63,
	};
	static const uint32_t lengths[] = {16, 32, 1, 256, 4096, 17, 0, UINT32_MAX};

	guest_set_descriptor(guest, table, index, places[choice[0] % ARRAY_SIZE(places)],
			     lengths[choice[1] % ARRAY_SIZE(lengths)], choice[2] & 7,
			     choice[3] % (SIZE + 1));
}

static void fill_ring(struct guest *guest, const uint8_t *bytes, size_t size)
{
	uint16_t choices = (uint16_t)MIN(size / CHOICE_BYTES, (size_t)2 * SIZE);

	for (uint16_t i = 0; i < choices; i++)
		choose(guest, i < SIZE ? GUEST_RAM_AT : GUEST_RAM_AT + TABLE_AT, i % SIZE,
		       bytes + (size_t)i * CHOICE_BYTES);
	for (uint16_t i = 0; i < SIZE; i++)
		store_le16(guest->ram + AVAILABLE_AT + 4 + 2 * (size_t)i, i);
	store_le16(guest->ram + AVAILABLE_AT + 2, SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct virtqueue_layout layout = {SIZE, GUEST_RAM_AT, GUEST_RAM_AT + AVAILABLE_AT,
					  GUEST_RAM_AT + 0x1000};
	struct guest guest;
	struct virtqueue queue;
	struct virtqueue_chain chain;

	if (size < 8)
		return 0;
	guest_init(&guest);
	if (bytes[0] & 0x80)
		memcpy(guest.ram, bytes + 8, MIN(size - 8, (size_t)0x1000));
	else
		fill_ring(&guest, bytes + 8, size - 8);
	virtqueue_start(&queue, &guest.memory, &layout,
			(uint64_t)(bytes[0] & 3) << VIRTIO_RING_F_INDIRECT_DESC);
	for (int i = 0; i < 64; i++) {
		/* The guest goes on writing while we read. */
		if (bytes[0] & 0x40)
			guest.ram[load_le16(bytes + 2) % RING_BYTES] ^= bytes[4 + i % 4];
		switch (virtqueue_pop(&queue, &chain)) {
		case 1:
			touch(&guest, &chain);
			if (bytes[1] >> (i % 8) & 1)
				virtqueue_push(&queue, chain.head, bytes[4]);
			else
				virtqueue_unpop(&queue, 1);
			break;
		case 0:
			virtqueue_enable_kicks(&queue);
			virtqueue_disable_kicks(&queue);
			break;
		}
		virtqueue_should_notify(&queue);
	}
	guest_free_memory(&guest);
	return 0;
}
