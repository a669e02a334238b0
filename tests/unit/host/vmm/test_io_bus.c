/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/io_bus.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

/* A device that remembers the last access. */
struct probe {
	uint64_t offset, value;
	unsigned int size, accesses;
};

static uint64_t probe_read(void *owner, uint64_t offset, unsigned int size)
{
	struct probe *probe = owner;

	probe->offset = offset;
	probe->size = size;
	probe->accesses++;
	return 0x1122334455667788ULL;
}

static void probe_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	probe_read(owner, offset, size);
	((struct probe *)owner)->value = value;
}

static const struct io_ops ops = {probe_read, probe_write};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct io_bus bus;
static struct probe low, high;

static int add(uint64_t base, uint64_t size, struct probe *probe)
{
	struct io_region region = {base, size, &ops, probe};

	return io_bus_add(&bus, &region);
}

static void two_devices(void)
{
	io_bus_init(&bus, &lock);
	low = high = (struct probe){0};
	ck_assert_int_eq(add(0x2000, 0x1000, &high), 0);
	ck_assert_int_eq(add(0x1000, 0x10, &low), 0);
}

START_TEST(accesses_reach_the_device_that_is_there)
{
	ck_assert_uint_eq(io_bus_read(&bus, 0x1004, 4), 0x55667788);
	ck_assert_uint_eq(low.offset, 4);
	ck_assert_uint_eq(low.size, 4);
	io_bus_write(&bus, 0x2fff, 1, 0x1234);
	ck_assert_uint_eq(high.offset, 0xfff);
	ck_assert_uint_eq(high.value, 0x34);
	ck_assert_uint_eq(io_bus_read(&bus, 0x2000, 8), 0x1122334455667788ULL);
}
END_TEST

/* Address, size: where nobody answers, or an access runs out of its region. */
static const struct {
	uint64_t address;
	unsigned int size;
	uint64_t ones;
} nowhere[] = {
	{0xfff, 1, 0xff},	 {0xfff, 2, 0xffff},	      {0x1010, 4, 0xffffffff},
	{0x100e, 4, 0xffffffff}, {0x2fff, 2, 0xffff},	      {0, 8, UINT64_MAX},
	{UINT64_MAX, 1, 0xff},	 {UINT64_MAX, 8, UINT64_MAX},
};

START_TEST(other_accesses_read_ones_and_are_dropped)
{
	io_bus_write(&bus, nowhere[_i].address, nowhere[_i].size, 0);
	ck_assert_uint_eq(io_bus_read(&bus, nowhere[_i].address, nowhere[_i].size),
			  nowhere[_i].ones);
	ck_assert_uint_eq(low.accesses + high.accesses, 0);
}
END_TEST

START_TEST(odd_sizes_are_done_in_bytes)
{
	ck_assert_uint_eq(io_bus_read(&bus, 0x1000, 3), 0x888888);
	ck_assert_uint_eq(low.accesses, 3);
	ck_assert_uint_eq(low.offset, 2);
	io_bus_write(&bus, 0x1000, 3, 0x030201);
	ck_assert_uint_eq(low.value, 3);
	/* What runs out of the region is ones, the rest is not. */
	ck_assert_uint_eq(io_bus_read(&bus, 0x100e, 3), 0xff8888);
}
END_TEST

START_TEST(overlaps_are_refused)
{
	ck_assert_int_eq(add(0x100f, 1, &high), -EEXIST);
	ck_assert_int_eq(add(0xff0, 0x11, &high), -EEXIST);
	ck_assert_int_eq(add(0, UINT64_MAX, &high), -EEXIST);
	ck_assert_int_eq(add(0x5000, 0, &high), -EINVAL);
	ck_assert_int_eq(add(UINT64_MAX, 2, &high), -EINVAL);
	ck_assert_int_eq(add(0x1010, 0xff0, &high), 0);
}
END_TEST

START_TEST(removed_regions_answer_no_more)
{
	io_bus_remove(&bus, 0x1004); /* begins no region */
	ck_assert_uint_eq(io_bus_read(&bus, 0x1000, 1), 0x88);
	io_bus_remove(&bus, 0x1000);
	ck_assert_uint_eq(io_bus_read(&bus, 0x1000, 1), 0xff);
	ck_assert_uint_eq(io_bus_read(&bus, 0x2000, 1), 0x88);
}
END_TEST

START_TEST(a_full_bus_says_so)
{
	for (uint64_t i = bus.count; i < IO_BUS_MAX_REGIONS; i++)
		ck_assert_int_eq(add(0x10000 + i * 16, 16, &low), 0);
	ck_assert_int_eq(add(0x100000, 16, &low), -ENOSPC);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("io_bus");
	TCase *tc = tcase_create("io_bus");

	tcase_add_checked_fixture(tc, two_devices, NULL);
	tcase_add_test(tc, accesses_reach_the_device_that_is_there);
	tcase_add_loop_test(tc, other_accesses_read_ones_and_are_dropped, 0,
			    sizeof(nowhere) / sizeof(nowhere[0]));
	tcase_add_test(tc, odd_sizes_are_done_in_bytes);
	tcase_add_test(tc, overlaps_are_refused);
	tcase_add_test(tc, removed_regions_answer_no_more);
	tcase_add_test(tc, a_full_bus_says_so);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
