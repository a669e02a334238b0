/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "blk.h"
#include "io.h"
#include "lib.h"
#include "suites.h"

#define BATCH	      16
#define BATCH_BYTES   4096
#define SCRATCH	      2048 /* first sector that tests may write to */
#define DISCARD_BYTES (64 * KIB)

static void fill(void *to, uint64_t seed, uint32_t length)
{
	uint64_t *words = to;

	for (uint32_t i = 0; i < length / 8; i++)
		words[i] = seed * 0x9e3779b97f4a7c15 + i;
}

static void test_capacity(void)
{
	struct blk blk;
	uint8_t *sector = allocate(BLK_SECTOR, BLK_SECTOR);
	uint64_t capacity;

	require(blk_start(&blk, BLK_DISK, 0), "the device does not start");
	capacity = blk_capacity(&blk);
	require(capacity > SCRATCH, "%lu sectors", capacity);
	check(blk_read(&blk, capacity - 1, sector, BLK_SECTOR), "the last sector is not read");
	check(blk_do(&blk.queue[0], VIRTIO_BLK_T_IN, capacity, sector, BLK_SECTOR) ==
		      VIRTIO_BLK_S_IOERR,
	      "a sector behind the end is read");
	check(blk_do(&blk.queue[0], VIRTIO_BLK_T_IN, capacity - 1, sector, 2 * BLK_SECTOR) ==
		      VIRTIO_BLK_S_IOERR,
	      "a read across the end succeeds");
	check(blk_do(&blk.queue[0], VIRTIO_BLK_T_IN, UINT64_MAX, sector, BLK_SECTOR) ==
		      VIRTIO_BLK_S_IOERR,
	      "sector 2^64-1 is read");
	check(blk_do(&blk.queue[0], VIRTIO_BLK_T_OUT, UINT64_MAX / BLK_SECTOR + 1, sector,
		     BLK_SECTOR) == VIRTIO_BLK_S_IOERR,
	      "a sector whose byte offset is 2^64 is written");
}

static void write_and_read_back(uint64_t features)
{
	struct blk blk;
	uint8_t *out = allocate(BATCH_BYTES, 16), *in = allocate(BATCH_BYTES, 16);

	require(blk_start(&blk, BLK_DISK, features), "the device does not start");
	if ((blk.device.features & features) != features) {
		test_skip("the feature is not offered");
		return;
	}
	for (uint64_t i = 0; i < 3; i++) {
		fill(out, i + features, BATCH_BYTES);
		require(blk_write(&blk, SCRATCH + 8 * i, out, BATCH_BYTES), "write %lu", i);
		require(blk_read(&blk, SCRATCH + 8 * i, in, BATCH_BYTES), "read %lu", i);
		require(memcmp(in, out, BATCH_BYTES) == 0, "read %lu has other bytes", i);
	}
	if (blk.device.features & FEATURE(VIRTIO_BLK_F_FLUSH))
		check(blk_do(&blk.queue[0], VIRTIO_BLK_T_FLUSH, 0, NULL, 0) == VIRTIO_BLK_S_OK,
		      "flush");
}

static void test_read_write(void)
{
	write_and_read_back(FEATURE(VIRTIO_BLK_F_FLUSH));
}

static void test_event_index(void)
{
	write_and_read_back(FEATURE(VIRTIO_RING_F_EVENT_IDX));
}

static void test_indirect(void)
{
	struct blk blk;
	struct blk_request *request = allocate(sizeof(*request), 16);
	struct vring_desc *table = allocate(sizeof(*table) * 10, 16);
	uint8_t *out = allocate(8 * BLK_SECTOR, 16), *in = allocate(8 * BLK_SECTOR, 16);
	struct buffer buffers[10] = {{&request->header, sizeof(request->header), false}};

	require(blk_start(&blk, BLK_DISK, FEATURE(VIRTIO_RING_F_INDIRECT_DESC)),
		"the device does not start");
	require(blk.device.features & FEATURE(VIRTIO_RING_F_INDIRECT_DESC), "not offered");
	fill(out, 77, 8 * BLK_SECTOR);
	require(blk_write(&blk, SCRATCH, out, 8 * BLK_SECTOR), "write");
	/* Eight pieces, in reverse order in memory. */
	for (unsigned i = 0; i < 8; i++)
		buffers[1 + i] = (struct buffer){in + (7 - i) * BLK_SECTOR, BLK_SECTOR, true};
	buffers[9] = (struct buffer){&request->status, 1, true};
	request->header = (struct virtio_blk_outhdr){.type = VIRTIO_BLK_T_IN, .sector = SCRATCH};
	require(virtqueue_add_indirect(&blk.queue[0], table, buffers, 10) >= 0, "no descriptor");

	uint32_t used = 0;

	require(virtqueue_exchange(&blk.queue[0], &used) >= 0, "no answer");
	check(used == 8 * BLK_SECTOR + 1, "used length %u", used);
	check(request->status == VIRTIO_BLK_S_OK, "status %u", request->status);
	for (unsigned i = 0; i < 8; i++)
		check(memcmp(in + (7 - i) * BLK_SECTOR, out + i * BLK_SECTOR, BLK_SECTOR) == 0,
		      "piece %u", i);
}

static void test_identity(void)
{
	struct blk blk;
	char serial[VIRTIO_BLK_ID_BYTES + 1] = "";

	require(blk_start(&blk, BLK_DISK, 0), "the device does not start");
	require(blk_do(&blk.queue[0], VIRTIO_BLK_T_GET_ID, 0, serial, VIRTIO_BLK_ID_BYTES) ==
			VIRTIO_BLK_S_OK,
		"GET_ID");
	check(strcmp(serial, BLK_DISK_SERIAL) == 0, "the serial number is '%s'", serial);
}

static void test_unknown_request(void)
{
	struct blk blk;
	uint8_t *sector = allocate(BLK_SECTOR, BLK_SECTOR);

	require(blk_start(&blk, BLK_DISK, 0), "the device does not start");
	check(blk_do(&blk.queue[0], 0x7777, 0, sector, BLK_SECTOR) == VIRTIO_BLK_S_UNSUPP,
	      "request type 7777h is not refused as unsupported");
	check(blk_read(&blk, 0, sector, BLK_SECTOR), "no reads afterwards");
}

static int ranges(struct blk *blk, uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes *range = allocate(sizeof(*range), 16);

	*range = (struct virtio_blk_discard_write_zeroes){
		.sector = sector, .num_sectors = sectors, .flags = flags};
	return blk_do(&blk->queue[0], type, 0, range, sizeof(*range));
}

static void test_discard(void)
{
	struct blk blk;
	uint8_t *bytes = allocate(DISCARD_BYTES, 16);

	require(blk_start(&blk, BLK_DISK, FEATURE(VIRTIO_BLK_F_DISCARD)), "does not start");
	require(blk.device.features & FEATURE(VIRTIO_BLK_F_DISCARD), "not offered");
	memset(bytes, 0x5a, DISCARD_BYTES);
	require(blk_write(&blk, SCRATCH, bytes, DISCARD_BYTES), "write");
	check(ranges(&blk, VIRTIO_BLK_T_DISCARD, SCRATCH, DISCARD_BYTES / BLK_SECTOR, 0) ==
		      VIRTIO_BLK_S_OK,
	      "discard");
	check(blk_read(&blk, SCRATCH, bytes, DISCARD_BYTES), "read of what was discarded");
	check(ranges(&blk, VIRTIO_BLK_T_DISCARD, blk_capacity(&blk) - 1, 2, 0) ==
		      VIRTIO_BLK_S_IOERR,
	      "a discard across the end succeeds");
	check(ranges(&blk, VIRTIO_BLK_T_DISCARD, UINT64_MAX, UINT32_MAX, 0) == VIRTIO_BLK_S_IOERR,
	      "a discard that wraps succeeds");
}

static void test_write_zeroes(void)
{
	struct blk blk;
	uint64_t *words = allocate(DISCARD_BYTES, 16);

	require(blk_start(&blk, BLK_DISK, FEATURE(VIRTIO_BLK_F_WRITE_ZEROES)), "does not start");
	require(blk.device.features & FEATURE(VIRTIO_BLK_F_WRITE_ZEROES), "not offered");
	memset(words, 0x5a, DISCARD_BYTES);
	require(blk_write(&blk, SCRATCH, words, DISCARD_BYTES), "write");
	require(ranges(&blk, VIRTIO_BLK_T_WRITE_ZEROES, SCRATCH + 1, DISCARD_BYTES / BLK_SECTOR - 2,
		       0) == VIRTIO_BLK_S_OK,
		"write zeroes");
	require(blk_read(&blk, SCRATCH, words, DISCARD_BYTES), "read");
	for (unsigned i = 0; i < DISCARD_BYTES / 8; i += 16) {
		bool kept = i < BLK_SECTOR / 8 || i >= (DISCARD_BYTES - BLK_SECTOR) / 8;

		check((words[i] == 0) == !kept, "byte %u is %lx", 8 * i, words[i]);
	}
}

static void test_read_only(void)
{
	struct blk blk;
	uint8_t *sector = allocate(BLK_SECTOR, BLK_SECTOR);

	require(blk_start(&blk, BLK_BYSTANDER, FEATURE(VIRTIO_BLK_F_RO)), "does not start");
	check(blk.device.features & FEATURE(VIRTIO_BLK_F_RO), "VIRTIO_BLK_F_RO is not offered");
	require(blk_read(&blk, 0, sector, BLK_SECTOR), "read");
	check(strncmp((char *)sector, BLK_BYSTANDER_TEXT, strlen(BLK_BYSTANDER_TEXT)) == 0,
	      "it has other bytes");
	check(!blk_write(&blk, 0, sector, BLK_SECTOR), "a write to a read-only disk succeeds");
}

/* Every queue has its own batch under way when the first is waited for. */
static void test_queues(void)
{
	struct blk blk;
	struct blk_request *requests;
	uint8_t *in;

	require(blk_start(&blk, BLK_DISK, 0), "the device does not start");
	if (blk.queues < 2) {
		test_skip("one queue");
		return;
	}
	requests = allocate(sizeof(*requests) * blk.queues * BATCH, 16);
	in = allocate((size_t)blk.queues * BATCH * BATCH_BYTES, 16);
	for (unsigned i = 0; i < blk.queues * BATCH; i++)
		require(blk_submit(&blk.queue[i / BATCH], &requests[i], VIRTIO_BLK_T_IN,
				   SCRATCH + 8 * (i % BATCH), in + (size_t)i * BATCH_BYTES,
				   BATCH_BYTES) >= 0,
			"request %u", i);
	for (unsigned q = 0; q < blk.queues; q++)
		virtqueue_notify(&blk.queue[q]);
	for (unsigned q = 0; q < blk.queues; q++) {
		for (unsigned i = 0; i < BATCH; i++) {
			require(wait_for(virtqueue_has_used(&blk.queue[q]), VIRTIO_ANSWER_MS),
				"queue %u: %u of %u requests done", q, i, BATCH);
			require(virtqueue_take(&blk.queue[q], NULL) >= 0, "queue %u: bad id", q);
		}
	}
	for (unsigned i = 0; i < blk.queues * BATCH; i++)
		check(requests[i].status == VIRTIO_BLK_S_OK, "request %u: status %u", i,
		      requests[i].status);
}

/* As many entries as the device allows, and as many requests as fit. */
static void test_largest_queue(void)
{
	struct blk blk;
	struct virtqueue *queue = &blk.queue[0];
	struct blk_request *requests;
	uint8_t *sector = allocate(BLK_SECTOR, BLK_SECTOR);
	unsigned count = 0;

	require(virtio_find(&blk.device, VIRTIO_ID_BLOCK, BLK_DISK) &&
			virtio_negotiate(&blk.device, 0),
		"the device does not start");
	virtqueue_prepare(queue, &blk.device, 0, virtio_queue_max(&blk.device, 0));
	virtqueue_enable(queue, VIRTIO_MSI_NO_VECTOR);
	virtio_driver_ok(&blk.device);
	requests = allocate(sizeof(*requests) * queue->size, 16);
	while (blk_submit(queue, &requests[count], VIRTIO_BLK_T_IN, count, sector, BLK_SECTOR) >= 0)
		count++;
	virtqueue_notify(queue);
	for (unsigned i = 0; i < count; i++) {
		require(wait_for(virtqueue_has_used(queue), VIRTIO_ANSWER_MS), "%u of %u done", i,
			count);
		require(virtqueue_take(queue, NULL) >= 0, "a bad id after %u requests", i);
	}
	for (unsigned i = 0; i < count; i++)
		check(requests[i].status == VIRTIO_BLK_S_OK, "request %u: status %u", i,
		      requests[i].status);
}

static const struct test tests[] = {
	{"capacity", test_capacity},
	{"read-write", test_read_write},
	{"event-index", test_event_index},
	{"indirect", test_indirect},
	{"identity", test_identity},
	{"unknown-request", test_unknown_request},
	{"discard", test_discard},
	{"write-zeroes", test_write_zeroes},
	{"read-only", test_read_only},
	{"queues", test_queues},
	{"largest-queue", test_largest_queue},
};

const struct suite suite_blk = {"blk", tests, ARRAY_SIZE(tests), NULL};
