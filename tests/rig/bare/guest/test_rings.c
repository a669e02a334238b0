/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every attack on a queue from a guest that writes what it likes into ring memory, or tells the
 * device that a ring is where it cannot be. Tests are victims times attacks: "rings/blk.loop-two".
 */
#include "acpi.h"
#include "io.h"
#include "lib.h"
#include "smp.h"
#include "suites.h"
#include "victim.h"

#define SCRATCH_BYTES 4096
#define BREAK_MS      500
#define SETTLE_MS     2
#define GARBAGE	      8 /* rounds */
#define NEXT	      VRING_DESC_F_NEXT
#define INDIRECT      VRING_DESC_F_INDIRECT

struct scene {
	const struct victim *victim;
	struct virtio device;
	struct virtqueue queue; /* where it really is */
	struct virtqueue told;	/* what the device hears of it */
	uint64_t scratch;	/* SCRATCH_BYTES of RAM */
	uint16_t flags;		/* of a plain buffer of this queue */
};

struct attack {
	const char *name;
	/* A device that reads the ring has to say NEEDS_RESET. */
	bool breaks;
	/* Before the queue is enabled; may be NULL. */
	void (*place)(struct scene *scene);
	/* When the device is live, before it is notified; NULL: one plain chain. */
	void (*act)(struct scene *scene);
};

struct pair {
	const struct victim *victim;
	const struct attack *attack;
};

/* --- Addresses where no memory is ------------------------------------------------------------ */

#define UNMAPPED 0x00007000000000f0ULL
#define HOLE	 0x00000000fe000000ULL
#define WRAPPING 0xfffffffffffffff0ULL
#define APIC	 0x00000000fee00000ULL

static uint64_t across_end(void)
{
	return memory_ram_end() - 16;
}

#define PLACE(part, where, address)                                                                \
	static void part##_##where(struct scene *scene)                                            \
	{                                                                                          \
		(void)scene;                                                                       \
		scene->told.part = (void *)(address);                                              \
	}
#define PLACES(part)                                                                               \
	PLACE(part, unmapped, UNMAPPED)                                                            \
	PLACE(part, hole, HOLE)                                                                    \
	PLACE(part, wrapping, WRAPPING)                                                            \
	PLACE(part, apic, APIC)                                                                    \
	PLACE(part, end, across_end())                                                             \
	PLACE(part, own_bar, scene->device.common & ~0xfULL)                                       \
	PLACE(part, unaligned, (uint64_t)scene->queue.part + 1)

PLACES(desc)
PLACES(avail)
PLACES(used)

static void size_of(struct scene *scene, uint16_t size)
{
	scene->told.size = size;
}

static void size_zero(struct scene *scene)
{
	size_of(scene, 0);
}

static void size_odd(struct scene *scene)
{
	size_of(scene, 3);
}

static void size_huge(struct scene *scene)
{
	size_of(scene, 0x8000);
}

static void size_all_ones(struct scene *scene)
{
	size_of(scene, 0xffff);
}

/* --- What the rings say ---------------------------------------------------------------------- */

static void set(struct scene *scene, unsigned index, uint64_t address, uint32_t length,
		unsigned flags, unsigned next)
{
	scene->queue.desc[index] =
		(struct vring_desc){address, length, (uint16_t)flags, (uint16_t)next};
}

/* One buffer that is there. */
static void plain(struct scene *scene)
{
	set(scene, 0, scene->scratch, SCRATCH_BYTES, scene->flags, 0);
	virtqueue_publish(&scene->queue, 0);
}

static void one_buffer(struct scene *scene, uint64_t address, uint32_t length)
{
	set(scene, 0, address, length, scene->flags, 0);
	virtqueue_publish(&scene->queue, 0);
}

static void index_of(struct scene *scene, uint16_t index)
{
	plain(scene);
	__atomic_store_n(&scene->queue.avail->idx, index, __ATOMIC_RELEASE);
}

static void avail_one_too_many(struct scene *scene)
{
	index_of(scene, (uint16_t)(scene->queue.size + 1));
}

static void avail_far(struct scene *scene)
{
	index_of(scene, 0x8000);
}

static void avail_backwards(struct scene *scene)
{
	index_of(scene, 0xffff);
}

static void head_behind_end(struct scene *scene)
{
	virtqueue_publish(&scene->queue, scene->queue.size);
}

static void head_far(struct scene *scene)
{
	virtqueue_publish(&scene->queue, 0xffff);
}

static void next_behind_end(struct scene *scene)
{
	set(scene, 0, scene->scratch, 16, scene->flags | NEXT, scene->queue.size);
	virtqueue_publish(&scene->queue, 0);
}

static void next_far(struct scene *scene)
{
	set(scene, 0, scene->scratch, 16, scene->flags | NEXT, 0xffff);
	virtqueue_publish(&scene->queue, 0);
}

static void loop_of(struct scene *scene, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		set(scene, i, scene->scratch, 16, scene->flags | NEXT, (i + 1) % count);
	virtqueue_publish(&scene->queue, 0);
}

static void loop_one(struct scene *scene)
{
	loop_of(scene, 1);
}

static void loop_two(struct scene *scene)
{
	loop_of(scene, 2);
}

static void loop_all(struct scene *scene)
{
	loop_of(scene, scene->queue.size);
}

static void length_zero(struct scene *scene)
{
	one_buffer(scene, scene->scratch, 0);
}

static void length_huge(struct scene *scene)
{
	one_buffer(scene, scene->scratch, UINT32_MAX);
}

static void length_behind_ram(struct scene *scene)
{
	one_buffer(scene, scene->scratch, (uint32_t)(memory_ram_end() - scene->scratch + 1));
}

static void address_unmapped(struct scene *scene)
{
	one_buffer(scene, UNMAPPED, 512);
}

static void address_hole(struct scene *scene)
{
	one_buffer(scene, HOLE, 512);
}

static void address_wrapping(struct scene *scene)
{
	one_buffer(scene, WRAPPING, 512);
}

static void address_across_end(struct scene *scene)
{
	one_buffer(scene, across_end(), 512);
}

static void address_own_bar(struct scene *scene)
{
	one_buffer(scene, scene->device.common, 16);
}

/* More than 2^32 bytes, though each of the buffers is there. */
static void sum_over_4_gib(struct scene *scene)
{
	uint64_t start = scene->scratch;
	uint32_t length = (uint32_t)(memory_ram_end() - start);

	/* Only with RAM that we may lose: none of ours lies above scratch but the spare MiB. */
	for (unsigned i = 0; i < scene->queue.size; i++)
		set(scene, i, start, length, scene->flags | (i + 1 < scene->queue.size ? NEXT : 0),
		    i + 1);
	virtqueue_publish(&scene->queue, 0);
}

static void write_then_read(struct scene *scene)
{
	set(scene, 0, scene->scratch, 64, VRING_DESC_F_WRITE | NEXT, 1);
	set(scene, 1, scene->scratch + 64, 64, 0, 0);
	virtqueue_publish(&scene->queue, 0);
}

/* --- Indirect tables ------------------------------------------------------------------------- */

/* A table of @count good entries, told to be @length bytes long. */
static struct vring_desc *table(struct scene *scene, unsigned count, uint32_t length,
				unsigned flags)
{
	struct vring_desc *entries = allocate((count + 1) * sizeof(*entries), 16);

	for (unsigned i = 0; i < count; i++)
		entries[i] = (struct vring_desc){
			scene->scratch, 16, (uint16_t)(scene->flags | (i + 1 < count ? NEXT : 0)),
			(uint16_t)(i + 1)};
	set(scene, 0, (uint64_t)entries, length, INDIRECT | flags, 1);
	set(scene, 1, scene->scratch, 16, scene->flags, 0);
	virtqueue_publish(&scene->queue, 0);
	return entries;
}

static void indirect_empty(struct scene *scene)
{
	table(scene, 1, 0, 0);
}

static void indirect_tiny(struct scene *scene)
{
	table(scene, 1, 15, 0);
}

static void indirect_odd(struct scene *scene)
{
	table(scene, 2, 24, 0);
}

static void indirect_huge(struct scene *scene)
{
	table(scene, 1, 0xfffffff0, 0);
}

static void indirect_and_next(struct scene *scene)
{
	table(scene, 1, 16, NEXT);
}

static void indirect_nested(struct scene *scene)
{
	struct vring_desc *entries = table(scene, 2, 32, 0);

	entries[0].flags = INDIRECT;
	entries[0].addr = (uint64_t)&entries[1];
}

static void indirect_next_outside(struct scene *scene)
{
	table(scene, 2, 32, 0)[0].next = 2;
}

static void indirect_loop(struct scene *scene)
{
	table(scene, 2, 32, 0)[0].next = 0;
}

static void indirect_overlong(struct scene *scene)
{
	unsigned count = scene->queue.size + 1U;

	table(scene, count, count * sizeof(struct vring_desc), 0);
}

static void indirect_unmapped(struct scene *scene)
{
	table(scene, 1, 16, 0);
	scene->queue.desc[0].addr = UNMAPPED;
}

static void indirect_across_end(struct scene *scene)
{
	table(scene, 1, 32, 0);
	scene->queue.desc[0].addr = across_end();
}

static void indirect_entry_wrapping(struct scene *scene)
{
	table(scene, 1, 16, 0)[0].addr = WRAPPING;
}

static void direct_then_indirect_overlong(struct scene *scene)
{
	unsigned count = scene->queue.size;

	table(scene, count, count * sizeof(struct vring_desc), 0);
	set(scene, 2, scene->scratch, 16, scene->flags | NEXT, 0);
	scene->queue.avail->ring[0] = 2;
}

/* --- Nonsense -------------------------------------------------------------------------------- */

static void garbage(struct scene *scene)
{
	for (unsigned i = 0; i < scene->queue.size; i++) {
		/* Bit 62: never in RAM, so that a device that believes it destroys nothing. */
		set(scene, i, random_next() | 1ULL << 62, (uint32_t)random_next(),
		    (unsigned)random_next(), (unsigned)random_next());
		scene->queue.avail->ring[i] = (uint16_t)random_next();
	}
	scene->queue.avail->flags = (uint16_t)random_next();
	__atomic_store_n(&scene->queue.avail->idx, (uint16_t)random_next(), __ATOMIC_RELEASE);
}

/* Nearly right: chains, tables and lengths at random over memory that is there. */
static void plausible(struct scene *scene)
{
	for (unsigned round = 0; round < GARBAGE; round++) {
		for (unsigned i = 0; i < scene->queue.size; i++)
			set(scene, i, scene->scratch + random_below(SCRATCH_BYTES / 2),
			    (uint32_t)random_below(SCRATCH_BYTES / 2), (unsigned)random_below(8),
			    (unsigned)random_below(scene->queue.size + 1U));
		for (uint64_t i = 0; i < SCRATCH_BYTES / 8; i++) {
			if (random_below(4) == 0)
				((uint64_t *)scene->scratch)[i] = random_below(16);
		}
		for (unsigned i = 0; i < 4; i++)
			virtqueue_publish(&scene->queue, (uint16_t)random_below(scene->queue.size));
		virtqueue_notify(&scene->queue);
	}
}

/* Another CPU rewrites a descriptor while the device reads it. */
struct flipper {
	volatile struct vring_desc *desc;
	bool stop;
};

static void flip(void *argument)
{
	struct flipper *flipper = argument;
	uint64_t good = flipper->desc->addr;

	while (!__atomic_load_n(&flipper->stop, __ATOMIC_RELAXED)) {
		flipper->desc->len = UINT32_MAX;
		flipper->desc->addr = UNMAPPED;
		flipper->desc->flags ^= VRING_DESC_F_NEXT;
		flipper->desc->len = 64;
		flipper->desc->addr = good;
		flipper->desc->flags ^= VRING_DESC_F_WRITE;
	}
}

static void flipping(struct scene *scene)
{
	struct flipper flipper = {.desc = &scene->queue.desc[0]};

	if (acpi_get()->cpus < 2) {
		test_skip("one CPU");
		return;
	}
	require(smp_start(1), "CPU 1 does not start");
	set(scene, 0, scene->scratch, 64, scene->flags, 0);
	smp_run(1, flip, &flipper);
	for (int i = 0; i < 100; i++) {
		virtqueue_publish(&scene->queue, 0);
		virtqueue_notify(&scene->queue);
		wait_for(virtqueue_has_used(&scene->queue), 1);
		virtqueue_take(&scene->queue, NULL);
	}
	__atomic_store_n(&flipper.stop, true, __ATOMIC_RELAXED);
	check(smp_wait(1, 3000), "CPU 1 does not come back");
}

#define PLACED(part, where, breaks)                                                                \
	{                                                                                          \
#part "-at-" #where, breaks, part##_##where, NULL                                  \
	}
#define ALL_PLACED(part)                                                                           \
	PLACED(part, unmapped, true), PLACED(part, hole, true), PLACED(part, wrapping, true),      \
		PLACED(part, apic, true), PLACED(part, end, true), PLACED(part, own_bar, true),    \
		PLACED(part, unaligned, false)

static const struct attack attacks[] = {
	ALL_PLACED(desc),
	ALL_PLACED(avail),
	ALL_PLACED(used),
	{"size-zero", false, size_zero, NULL},
	{"size-odd", false, size_odd, NULL},
	{"size-huge", false, size_huge, NULL},
	{"size-all-ones", false, size_all_ones, NULL},
	{"avail-one-too-many", true, NULL, avail_one_too_many},
	{"avail-far", true, NULL, avail_far},
	{"avail-backwards", true, NULL, avail_backwards},
	{"head-behind-end", true, NULL, head_behind_end},
	{"head-far", true, NULL, head_far},
	{"next-behind-end", true, NULL, next_behind_end},
	{"next-far", true, NULL, next_far},
	{"loop-one", true, NULL, loop_one},
	{"loop-two", true, NULL, loop_two},
	{"loop-all", true, NULL, loop_all},
	{"length-zero", false, NULL, length_zero},
	{"length-huge", true, NULL, length_huge},
	{"length-behind-ram", true, NULL, length_behind_ram},
	{"address-unmapped", true, NULL, address_unmapped},
	{"address-hole", true, NULL, address_hole},
	{"address-wrapping", true, NULL, address_wrapping},
	{"address-across-end", true, NULL, address_across_end},
	{"address-own-bar", true, NULL, address_own_bar},
	{"sum-over-4-gib", false, NULL, sum_over_4_gib},
	{"write-then-read", true, NULL, write_then_read},
	{"indirect-empty", true, NULL, indirect_empty},
	{"indirect-tiny", true, NULL, indirect_tiny},
	{"indirect-odd", true, NULL, indirect_odd},
	{"indirect-huge", true, NULL, indirect_huge},
	{"indirect-and-next", true, NULL, indirect_and_next},
	{"indirect-nested", true, NULL, indirect_nested},
	{"indirect-next-outside", true, NULL, indirect_next_outside},
	{"indirect-loop", true, NULL, indirect_loop},
	{"indirect-overlong", true, NULL, indirect_overlong},
	{"indirect-unmapped", true, NULL, indirect_unmapped},
	{"indirect-across-end", true, NULL, indirect_across_end},
	{"indirect-entry-wrapping", true, NULL, indirect_entry_wrapping},
	{"direct-then-indirect-overlong", true, NULL, direct_then_indirect_overlong},
	{"garbage", false, NULL, garbage},
	{"plausible", false, NULL, plausible},
	{"flipping", false, NULL, flipping},
};

static void attack_queue(const void *argument)
{
	const struct pair *pair = argument;
	const struct attack *attack = pair->attack;
	struct scene *scene = allocate(sizeof(*scene), 16);
	uint16_t size;

	scene->victim = pair->victim;
	require(victim_begin(pair->victim, &scene->device), "the device does not start");
	size = virtio_queue_max(&scene->device, pair->victim->queue);
	virtqueue_prepare(&scene->queue, &scene->device, pair->victim->queue,
			  size < VIRTIO_MAX_SIZE ? size : VIRTIO_MAX_SIZE);
	scene->told = scene->queue;
	scene->flags = pair->victim->device_writes ? VRING_DESC_F_WRITE : 0;
	/* Last of what is allocated: what lies above it is nobody's. */
	scene->scratch = (uint64_t)allocate(SCRATCH_BYTES, 4096);
	if (attack->place != NULL)
		attack->place(scene);
	virtqueue_enable(&scene->told, VIRTIO_MSI_NO_VECTOR);
	virtio_driver_ok(&scene->device);
	if (attack->act != NULL)
		attack->act(scene);
	else
		plain(scene);
	virtqueue_notify(&scene->queue);
	if (attack->breaks && pair->victim->prompt)
		check(wait_for(virtio_needs_reset(&scene->device), BREAK_MS),
		      "no NEEDS_RESET: status 0x%x", virtio_status(&scene->device));
	else
		wait_for(false, SETTLE_MS);
	check(virtio_reset(&scene->device), "the device does not reset");
	victim_end(pair->victim);
}

static void run(void)
{
	for (size_t v = 0; v < victims_count; v++) {
		for (size_t a = 0; a < ARRAY_SIZE(attacks); a++) {
			struct pair pair = {&victims[v], &attacks[a]};
			char name[64];

			format_text(name, sizeof(name), "%s.%s", pair.victim->name,
				    pair.attack->name);
			test_run("rings", name, attack_queue, &pair);
		}
	}
}

const struct suite suite_rings = {.name = "rings", .run = run};
