/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/source/area.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM (1U << 20)

static struct channel_area *shared;
static uint8_t ram[RAM];
static struct area area;
static struct surface surface;

static void set_up(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	for (uint32_t i = 0; i < RAM; i++)
		ram[i] = (uint8_t)(i * 7 + i / 251);
	area = (struct area){.shared = shared, .ram = ram, .ram_bytes = RAM};
	surface = (struct surface){0};
}

static void tear_down(void)
{
	surface_free(&surface);
	munmap(shared, sizeof(*shared));
}

static struct channel_scanout *simple(uint32_t width, uint32_t height)
{
	struct channel_scanout *scanout = &shared->scanout[1];

	scanout->enabled = 1;
	scanout->format = 2;
	scanout->stride = width * 4;
	scanout->width = width;
	scanout->height = height;
	scanout->extents = 1;
	scanout->extent[0] = (struct channel_extent){0, (uint64_t)width * height * 4};
	return scanout;
}

START_TEST(a_surface_is_copied_piece_by_piece)
{
	struct channel_scanout *scanout = simple(20, 10);
	struct rectangle where = {1, 2, 16, 5};
	uint8_t out[5][80], bytes[4000];
	size_t used = 0;

	/* A part of a surface of 24 x 14, in pieces that begin and end anywhere. */
	scanout->stride = 24 * 4 + 2;
	scanout->x = 3;
	scanout->y = 4;
	scanout->extents = 0;
	for (uint64_t length = 1; used < 14 * 98; length += 3) {
		uint64_t offset = RAM - 1000 * length % 999 - length;

		scanout->extent[scanout->extents++] = (struct channel_extent){offset, length};
		memcpy(bytes + used, ram + offset, length);
		used += length;
	}
	ck_assert_uint_le(used, sizeof(bytes));
	ck_assert_int_eq(area_read_scanout(&area, 1, &surface), 0);
	ck_assert(surface.enabled);
	surface_copy(&area, &surface, &where, out[0], 80);
	for (uint32_t y = 0; y < 5; y++)
		ck_assert_mem_eq(out[y], bytes + (4 + 2 + y) * 98 + (3 + 1) * 4, 64);
}
END_TEST

START_TEST(extents_that_follow_each_other_are_one_piece)
{
	struct channel_scanout *scanout = simple(64, 64);

	scanout->extents = 4;
	for (uint32_t i = 0; i < 4; i++)
		scanout->extent[i] = (struct channel_extent){4096 * (i + (i > 2)), 4096};
	ck_assert_int_eq(area_read_scanout(&area, 1, &surface), 0);
	ck_assert_uint_eq(surface.pieces, 2);
}
END_TEST

START_TEST(formats_become_one)
{
	static const struct {
		uint32_t format;
		uint8_t bytes[4];
	} formats[] = {
		{1, {'b', 'g', 'r', 0}},   {2, {'b', 'g', 'r', 0}},   {3, {0, 'r', 'g', 'b'}},
		{4, {0, 'r', 'g', 'b'}},   {67, {'r', 'g', 'b', 0}},  {68, {0, 'b', 'g', 'r'}},
		{121, {0, 'b', 'g', 'r'}}, {134, {'r', 'g', 'b', 0}},
	};
	struct rectangle all = {0, 0, 9, 1};
	uint8_t out[36];

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		simple(9, 1)->format = formats[i].format;
		for (size_t j = 0; j < 9; j++)
			memcpy(ram + 4 * j, formats[i].bytes, 4);
		ck_assert_int_eq(area_read_scanout(&area, 1, &surface), 0);
		surface_copy(&area, &surface, &all, out, sizeof(out));
		for (size_t j = 0; j < 9; j++)
			ck_assert_mem_eq(out + 4 * j, "bgr", 3);
	}
	simple(9, 1)->format = 5;
	ck_assert_int_eq(area_read_scanout(&area, 1, &surface), -EPROTO);
}
END_TEST

static void refused(int line)
{
	int result = area_read_scanout(&area, 1, &surface);

	ck_assert_msg(result == -EPROTO, "line %d: %d", line, result);
	ck_assert(!surface.enabled);
}

START_TEST(nonsense_is_refused)
{
	struct channel_scanout *scanout;

	simple(0, 10);
	refused(__LINE__);
	simple(10, 0);
	refused(__LINE__);
	simple(CHANNEL_MAX_SIZE + 1, 1)->extent[0].length = RAM;
	refused(__LINE__);
	simple(10, 10)->extents = 0;
	refused(__LINE__);
	simple(10, 10)->extents = CHANNEL_MAX_EXTENTS + 1;
	refused(__LINE__);
	simple(10, 10)->extents = UINT32_MAX;
	refused(__LINE__);
	simple(10, 10)->extent[0].length = 399;
	refused(__LINE__);
	simple(10, 10)->stride = 36;
	refused(__LINE__);
	simple(10, 10)->stride = UINT32_MAX;
	refused(__LINE__);
	simple(10, 10)->extent[0].offset = RAM - 399;
	refused(__LINE__);
	simple(10, 10)->extent[0].offset = UINT64_MAX - 3;
	refused(__LINE__);
	simple(10, 10)->extent[0] = (struct channel_extent){0, 0};
	refused(__LINE__);
	simple(10, 10)->extent[0] = (struct channel_extent){1, UINT64_MAX};
	refused(__LINE__);
	scanout = simple(10, 10);
	scanout->y = UINT32_MAX;
	refused(__LINE__);
	scanout->y = 0;
	scanout->x = UINT32_MAX;
	refused(__LINE__);
	scanout->x = 0;
	ck_assert_int_eq(area_read_scanout(&area, 1, &surface), 0);
	ck_assert(surface.enabled);
}
END_TEST

START_TEST(who_is_still_writing_is_not_waited_for)
{
	struct channel_cursor cursor;

	simple(10, 10)->sequence = 1;
	ck_assert_int_eq(area_read_scanout(&area, 1, &surface), -EAGAIN);
	shared->cursor[0].sequence = 3;
	ck_assert_int_eq(area_read_cursor(&area, 0, &cursor), -EAGAIN);
	shared->cursor[0].sequence = 4;
	shared->cursor[0].hot_x = UINT32_MAX;
	ck_assert_int_eq(area_read_cursor(&area, 0, &cursor), 0);
	ck_assert_uint_eq(cursor.hot_x, CHANNEL_CURSOR_SIZE - 1);
}
END_TEST

START_TEST(descriptors_must_be_as_large_as_is_said)
{
	struct channel_hello hello = {.kind = CHANNEL_HELLO,
				      .magic = CHANNEL_MAGIC,
				      .version = CHANNEL_VERSION,
				      .heads = 1,
				      .ram_bytes = 8192,
				      .area_bytes = sizeof(struct channel_area)};
	int small = memfd_create("small", 0), large = memfd_create("large", 0), pipes[2];
	struct area mapped;

	ck_assert_int_eq(ftruncate(small, 8191), 0);
	ck_assert_int_eq(ftruncate(large, sizeof(struct channel_area)), 0);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(area_map(&hello, small, large, &mapped), -EPROTO);
	ck_assert_int_eq(area_map(&hello, large, small, &mapped), -EPROTO);
	ck_assert_int_eq(area_map(&hello, pipes[0], large, &mapped), -EPROTO);
	ck_assert_int_eq(area_map(&hello, large, large, &mapped), 0);
	area_unmap(&mapped);
	hello.heads = CHANNEL_MAX_HEADS + 1;
	ck_assert_int_eq(area_map(&hello, large, large, &mapped), -EPROTO);
	hello.heads = 1;
	hello.ram_bytes = UINT64_MAX;
	ck_assert_int_eq(area_map(&hello, large, large, &mapped), -EPROTO);
	close(small);
	close(large);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("area");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_surface_is_copied_piece_by_piece);
	tcase_add_test(tc, extents_that_follow_each_other_are_one_piece);
	tcase_add_test(tc, formats_become_one);
	tcase_add_test(tc, nonsense_is_refused);
	tcase_add_test(tc, who_is_still_writing_is_not_waited_for);
	tcase_add_test(tc, descriptors_must_be_as_large_as_is_said);
	return suite_run_case("area", tc);
}
