/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/block/raw.h"
#include "host/vmm/virtio/blk.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <sys/mman.h>

#define SECTORS 2048
#define QUEUES	2

#define HEADER GUEST_BUFFERS_AT
#define STATUS (GUEST_BUFFERS_AT + 0x100)
#define DATA   (GUEST_BUFFERS_AT + 0x1000)
#define WRITES (VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH))

static struct guest guest;
static int image; /* another descriptor of the disk's file */

static void make_disk(bool read_only, enum raw_engine engine)
{
	struct virtio_device *device;
	struct block *block;
	int fd = memfd_create("disk", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, SECTORS * 512), 0);
	image = dup(fd);
	guest_init(&guest);
	ck_assert_int_eq(raw_open(fd, read_only, engine, &block), 0);
	ck_assert_int_eq(virtio_blk_new(&guest.memory, block, 0, "serial-1", QUEUES,
					&guest.sandboxed, &device),
			 0);
	guest_plug(&guest, device);
}

static void set_up(void)
{
	make_disk(false, RAW_ENGINE_THREADS);
	ck_assert(guest_bring_up(&guest, WRITES));
}

static void tear_down(void)
{
	guest_free(&guest);
	close(image);
}

static void write_header(uint32_t type, uint64_t sector)
{
	uint8_t *header = guest_at(&guest, HEADER);

	store_le32(header, type);
	store_le32(header + 4, 0);
	store_le64(header + 8, sector);
	*(uint8_t *)guest_at(&guest, STATUS) = 0xaa;
}

/* Return: the status the device wrote; *written as the used ring has it. */
static uint8_t submit(const struct guest_buffer *buffers, unsigned int count, uint32_t *written)
{
	uint32_t id;

	guest_add(&guest, 0, buffers, count);
	guest_kick(&guest, 0);
	ck_assert(guest_wait_used(&guest, 0, &id, written));
	return *(uint8_t *)guest_at(&guest, STATUS);
}

static uint8_t request(uint32_t type, uint64_t sector, uint32_t bytes, bool to_guest)
{
	struct guest_buffer buffers[] = {
		{HEADER, 16, false}, {DATA, bytes, to_guest}, {STATUS, 1, true}};
	struct guest_buffer without_data[] = {{HEADER, 16, false}, {STATUS, 1, true}};
	uint32_t written;

	write_header(type, sector);
	return bytes ? submit(buffers, 3, &written) : submit(without_data, 2, &written);
}

static uint8_t range(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	uint8_t *data = guest_at(&guest, DATA);

	store_le64(data, sector);
	store_le32(data + 8, sectors);
	store_le32(data + 12, flags);
	return request(type, 0, 16, false);
}

static void fill_image(uint8_t byte)
{
	uint8_t sector[512];

	memset(sector, byte, sizeof(sector));
	for (off_t i = 0; i < SECTORS; i++)
		if (pwrite(image, sector, 512, i * 512) != 512)
			ck_abort_msg("the image cannot be written");
}

/* Whether the first byte of every sector is as fill_image() left it. */
static bool image_is(uint8_t byte)
{
	uint8_t found = byte;

	for (off_t i = 0; i < SECTORS && found == byte; i++)
		if (pread(image, &found, 1, i * 512) != 1)
			return false;
	return found == byte;
}

static uint8_t image_byte(off_t at)
{
	uint8_t byte;

	ck_assert_int_eq(pread(image, &byte, 1, at), 1);
	return byte;
}

START_TEST(configuration_describes_the_disk)
{
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG, 4), SECTORS);
	ck_assert_uint_eq(
		guest_read(&guest, VIRTIO_BAR_CONFIG + offsetof(struct virtio_blk_config, blk_size),
			   4),
		512);
	ck_assert_uint_eq(
		guest_read(&guest,
			   VIRTIO_BAR_CONFIG + offsetof(struct virtio_blk_config, num_queues), 2),
		QUEUES);
}
END_TEST

START_TEST(what_is_written_is_read)
{
	uint8_t *data = guest_at(&guest, DATA);

	memset(data, 0x5a, 1024);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 3, 1024, false), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(image_byte(3 * 512 - 1), 0);
	ck_assert_uint_eq(image_byte(3 * 512), 0x5a);
	ck_assert_uint_eq(image_byte(5 * 512 - 1), 0x5a);
	memset(data, 0, 1024);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 4, 512, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(data[0], 0x5a);
	ck_assert_uint_eq(data[511], 0x5a);
	ck_assert_uint_eq(data[512], 0);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, false), VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(what_was_moved_is_counted)
{
	const struct virtio_traffic *traffic = &guest.device->traffic;

	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 0, 1024, false), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 8, 512, false), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, 512, true), VIRTIO_BLK_S_OK);
	/* These move nothing, or fail. */
	ck_assert_uint_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, false), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(range(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, SECTORS, 512, true), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(traffic->bytes[VIRTIO_FROM_GUEST], 1536);
	ck_assert_uint_eq(traffic->operations[VIRTIO_FROM_GUEST], 2);
	ck_assert_uint_eq(traffic->bytes[VIRTIO_TO_GUEST], 512);
	ck_assert_uint_eq(traffic->operations[VIRTIO_TO_GUEST], 1);
}
END_TEST

/* 2.7.4.2: framing means nothing. */
START_TEST(descriptors_may_be_cut_anywhere)
{
	struct guest_buffer buffers[] = {
		{HEADER, 1, false}, {HEADER + 1, 14, false}, {HEADER + 15, 1, false},
		{DATA, 511, true},  {DATA + 511, 2, true},   {DATA + 513, 511, true},
	};
	uint32_t written, id;

	fill_image(0x77);
	write_header(VIRTIO_BLK_T_IN, 0);
	guest_add(&guest, 0, buffers, ARRAY_SIZE(buffers));
	/* 1024 bytes wanted are 1023 of data and the status: no multiple of a sector. */
	guest_kick(&guest, 0);
	ck_assert(guest_wait_used(&guest, 0, &id, &written));
	ck_assert_uint_eq(((uint8_t *)guest_at(&guest, DATA))[1023], VIRTIO_BLK_S_IOERR);

	buffers[5].length = 512;
	guest_add(&guest, 0, buffers, ARRAY_SIZE(buffers));
	guest_kick(&guest, 0);
	ck_assert(guest_wait_used(&guest, 0, &id, &written));
	ck_assert_uint_eq(written, 1025);
	ck_assert_uint_eq(((uint8_t *)guest_at(&guest, DATA))[1023], 0x77);
	ck_assert_uint_eq(((uint8_t *)guest_at(&guest, DATA))[1024], VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(the_serial_number_can_be_asked_for)
{
	ck_assert_uint_eq(request(VIRTIO_BLK_T_GET_ID, 0, 20, true), VIRTIO_BLK_S_OK);
	ck_assert_str_eq(guest_at(&guest, DATA), "serial-1");
	((char *)guest_at(&guest, DATA))[3] = 'X';
	ck_assert_uint_eq(request(VIRTIO_BLK_T_GET_ID, 0, 3, true), VIRTIO_BLK_S_OK);
	ck_assert_int_eq(((char *)guest_at(&guest, DATA))[3], 'X');
}
END_TEST

START_TEST(ranges_are_zeroed_and_discarded)
{
	fill_image(0x11);
	ck_assert_uint_eq(range(VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(image_byte(8 * 512 - 1), 0x11);
	ck_assert_uint_eq(image_byte(8 * 512), 0);
	ck_assert_uint_eq(image_byte(16 * 512 - 1), 0);
	ck_assert_uint_eq(image_byte(16 * 512), 0x11);
	ck_assert_uint_eq(range(VIRTIO_BLK_T_WRITE_ZEROES, 16, 1, 1), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(image_byte(16 * 512), 0);
	ck_assert_uint_eq(range(VIRTIO_BLK_T_DISCARD, 0, SECTORS, 0), VIRTIO_BLK_S_OK);
}
END_TEST

/* Past the end, sums that wrap, odd sizes: no byte of the disk or of the guest changes. */
static const struct {
	uint32_t type;
	uint64_t sector;
	uint32_t bytes;
	bool to_guest;
	uint8_t status;
} hostile[] = {
	{VIRTIO_BLK_T_IN, SECTORS, 512, true, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_IN, SECTORS - 1, 1024, true, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_IN, UINT64_MAX, 512, true, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_IN, UINT64_MAX / 512, 512, true, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_IN, (1ULL << 55) - 1, 1024, true, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_IN, 0, 511, true, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_IN, 0, 513, true, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_IN, 0, 0, true, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_IN, 0, 512, false, VIRTIO_BLK_S_IOERR}, /* no room for what is read */
	{VIRTIO_BLK_T_OUT, SECTORS, 512, false, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_OUT, UINT64_MAX, 512, false, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_OUT, 0, 100, false, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_OUT, 0, 512, true, VIRTIO_BLK_S_IOERR}, /* nothing to write */
	{VIRTIO_BLK_T_DISCARD, 0, 15, false, VIRTIO_BLK_S_UNSUPP},
	{VIRTIO_BLK_T_DISCARD, 0, 32, false, VIRTIO_BLK_S_UNSUPP},
	{VIRTIO_BLK_T_WRITE_ZEROES, 0, 0, false, VIRTIO_BLK_S_UNSUPP},
	{VIRTIO_BLK_T_SECURE_ERASE, 0, 16, false, VIRTIO_BLK_S_UNSUPP},
	{0x80000000, 0, 512, false, VIRTIO_BLK_S_UNSUPP},
	{UINT32_MAX, UINT64_MAX, 512, true, VIRTIO_BLK_S_UNSUPP},
};

START_TEST(hostile_requests_are_refused)
{
	fill_image(0x33);
	memset(guest_at(&guest, DATA), 0x44, 2048);
	ck_assert_uint_eq(request(hostile[_i].type, hostile[_i].sector, hostile[_i].bytes,
				  hostile[_i].to_guest),
			  hostile[_i].status);
	ck_assert(image_is(0x33));
	for (int i = 0; i < 2048; i++)
		ck_assert_uint_eq(((uint8_t *)guest_at(&guest, DATA))[i], 0x44);
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

static const struct {
	uint32_t type;
	uint64_t sector;
	uint32_t sectors, flags;
	uint8_t status;
} hostile_ranges[] = {
	{VIRTIO_BLK_T_DISCARD, 0, 0, 0, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_DISCARD, 1, SECTORS, 0, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_DISCARD, SECTORS, 1, 0, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_DISCARD, UINT64_MAX, 2, 0, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_DISCARD, 0, UINT32_MAX, 0, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_DISCARD, 0, 1, 1, VIRTIO_BLK_S_UNSUPP}, /* unmap is for zeroes */
	{VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2, VIRTIO_BLK_S_UNSUPP},
	{VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, UINT32_MAX, VIRTIO_BLK_S_UNSUPP},
	{VIRTIO_BLK_T_WRITE_ZEROES, SECTORS - 1, 2, 1, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX / 512 + 1, 1, 0, VIRTIO_BLK_S_IOERR},
};

START_TEST(hostile_ranges_are_refused)
{
	fill_image(0x33);
	ck_assert_uint_eq(range(hostile_ranges[_i].type, hostile_ranges[_i].sector,
				hostile_ranges[_i].sectors, hostile_ranges[_i].flags),
			  hostile_ranges[_i].status);
	ck_assert(image_is(0x33));
}
END_TEST

/* Without room for header or status there is no way to answer. */
static const struct guest_buffer hopeless[][2] = {
	{{HEADER, 16, false}, {0}}, {{HEADER, 15, false}, {STATUS, 1, true}},
	{{STATUS, 1, true}, {0}},   {{HEADER, 1, false}, {0}},
	{{HEADER, 1, true}, {0}},
};

START_TEST(requests_that_cannot_be_answered_break_the_device)
{
	write_header(VIRTIO_BLK_T_IN, 0);
	guest_add(&guest, 0, hopeless[_i], hopeless[_i][1].length ? 2 : 1);
	guest_kick(&guest, 0);
	ck_assert(guest_is_broken(&guest));
	ck_assert(guest_bring_up(&guest, WRITES));
	ck_assert_uint_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, false), VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(many_requests_on_all_queues_are_answered)
{
	struct guest_buffer buffers[] = {
		{HEADER, 16, false}, {DATA, 4096, true}, {STATUS, 1, true}};
	uint32_t id, written;

	write_header(VIRTIO_BLK_T_IN, 0);
	for (int i = 0; i < 40; i++) {
		guest_add(&guest, 0, buffers, 3);
		guest_add(&guest, 1, buffers, 3);
	}
	guest_kick(&guest, 0);
	guest_kick(&guest, 1);
	for (int i = 0; i < 40; i++) {
		ck_assert(guest_wait_used(&guest, 0, &id, &written));
		ck_assert_uint_eq(written, 4097);
		ck_assert(guest_wait_used(&guest, 1, &id, &written));
	}
}
END_TEST

/* What is in flight is waited for, and not answered: guest memory is the guest's again. */
START_TEST(a_reset_in_mid_request_is_safe)
{
	struct guest_buffer buffers[] = {
		{HEADER, 16, false}, {DATA, 4096, true}, {STATUS, 1, true}};

	fill_image(0x99);
	write_header(VIRTIO_BLK_T_IN, 0);
	for (int i = 0; i < 40; i++)
		guest_add(&guest, 0, buffers, 3);
	guest_write(&guest, VIRTIO_BAR_NOTIFY, 2, 0);
	guest_run_rounds(&guest, 1);
	guest_set_status(&guest, 0);
	memset(guest.ram, 0, GUEST_RAM_BYTES);
	usleep(20000);
	guest_run(&guest);
	ck_assert(guest_ram_is_zero(&guest, GUEST_RAM_BYTES));
	ck_assert(guest_bring_up(&guest, WRITES));
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, 512, true), VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(more_requests_than_descriptors_break_the_device)
{
	struct guest_buffer buffers[] = {{HEADER, 16, false}, {STATUS, 1, true}};
	uint16_t head;

	write_header(VIRTIO_BLK_T_FLUSH, 0);
	head = guest_add(&guest, 0, buffers, 2);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 128; i++)
			guest_make_available(&guest, 0, head);
		guest_kick(&guest, 0);
	}
	guest_set_status(&guest, 0);
	ck_assert(guest_bring_up(&guest, WRITES));
}
END_TEST

START_TEST(a_read_only_disk_cannot_be_changed)
{
	make_disk(true, RAW_ENGINE_THREADS);
	ck_assert(guest_offered_features(&guest) & VIRTIO_FEATURE(VIRTIO_BLK_F_RO));
	ck_assert(!(guest_offered_features(&guest) & VIRTIO_FEATURE(VIRTIO_BLK_F_DISCARD)));
	ck_assert(guest_bring_up(&guest, WRITES));
	fill_image(0x66);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 0, 512, false), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(range(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, false), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, 512, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(image_byte(0), 0x66);
	tear_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio blk");
	TCase *tc = tcase_create("blk"), *other = tcase_create("read-only");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, configuration_describes_the_disk);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, what_was_moved_is_counted);
	tcase_add_test(tc, descriptors_may_be_cut_anywhere);
	tcase_add_test(tc, the_serial_number_can_be_asked_for);
	tcase_add_test(tc, ranges_are_zeroed_and_discarded);
	tcase_add_loop_test(tc, hostile_requests_are_refused, 0, ARRAY_SIZE(hostile));
	tcase_add_loop_test(tc, hostile_ranges_are_refused, 0, ARRAY_SIZE(hostile_ranges));
	tcase_add_loop_test(tc, requests_that_cannot_be_answered_break_the_device, 0,
			    ARRAY_SIZE(hopeless));
	tcase_add_test(tc, many_requests_on_all_queues_are_answered);
	tcase_add_test(tc, a_reset_in_mid_request_is_safe);
	tcase_add_test(tc, more_requests_than_descriptors_break_the_device);
	suite_add_tcase(suite, tc);
	tcase_add_test(other, a_read_only_disk_cannot_be_changed);
	suite_add_tcase(suite, other);

	return suite_run(suite);
}
