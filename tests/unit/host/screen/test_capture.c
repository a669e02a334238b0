/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Captures, as the control socket hands them out. */
#include "tests/unit/host/screen/control_world.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

static struct control_world world;

static void setup(void)
{
	control_world_start(&world);
}

static void teardown(void)
{
	control_world_stop(&world);
}

struct png_source {
	const uint8_t *bytes;
	size_t left;
};

static void read_png(png_structp png, png_bytep bytes, size_t length)
{
	struct png_source *source = png_get_io_ptr(png);

	ck_assert_uint_le(length, source->left);
	memcpy(bytes, source->bytes, length);
	source->bytes += length;
	source->left -= length;
}

/* Compares with head 0 at the left, head 1 beside it. */
static void check_png(const struct control_answer *answer, uint32_t width, uint32_t height,
		      uint32_t split, unsigned int first)
{
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	struct png_source source = {answer->data, answer->length};
	uint8_t *row = malloc(width * 3UL);

	png_set_read_fn(png, &source, read_png);
	png_read_info(png, info);
	ck_assert_uint_eq(png_get_image_width(png, info), width);
	ck_assert_uint_eq(png_get_image_height(png, info), height);
	ck_assert_int_eq(png_get_color_type(png, info), PNG_COLOR_TYPE_RGB);
	for (uint32_t y = 0; y < height; y++) {
		png_read_row(png, row, NULL);
		for (uint32_t x = 0; x < width; x++) {
			uint32_t expected = x < split ? painted_pixel(first, x, y)
						      : painted_pixel(first + 1, x - split, y);
			uint32_t is = (uint32_t)row[x * 3] << 16 | (uint32_t)row[x * 3 + 1] << 8 |
				      row[x * 3 + 2];

			if (is != expected)
				ck_abort_msg("%u,%u is %06x, not %06x", x, y, is, expected);
		}
	}
	png_read_end(png, NULL);
	ck_assert_uint_eq(source.left, 0);
	png_destroy_read_struct(&png, &info, NULL);
	free(row);
}

START_TEST(a_capture_is_what_the_guest_shows)
{
	struct control_answer answer;
	struct screen_captured captured;

	painted_source_show(&world.painted, 0, 801, 603);
	painted_source_show(&world.painted, 1, 640, 603);
	control_world_call(&world, "screen.capture", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, 0);
	message_decode(&message_screen_captured, control_answer_params(&answer), &captured);
	ck_assert_uint_eq(captured.width, 1441);
	ck_assert_uint_eq(captured.height, 603);
	check_png(&answer, 1441, 603, 801, 0);
	free(answer.data);
	/* It watched no longer than it took. */
	ck_assert_str_eq(painted_source_log(&world.painted), "watch 1;watch 0;");
	ck_assert_ptr_null(screen_viewers(world.services.screen));
}
END_TEST

START_TEST(a_capture_of_one_head)
{
	struct control_answer answer;
	struct screen_capture wanted = {.one = true, .head = 1};

	painted_source_show(&world.painted, 0, 64, 64);
	painted_source_show(&world.painted, 1, 100, 70);
	control_world_call(&world, "screen.capture", &message_screen_capture, &wanted, &answer);
	ck_assert_int_eq(answer.error, 0);
	check_png(&answer, 100, 70, 100, 1);
	free(answer.data);
	wanted.head = 2;
	control_world_call(&world, "screen.capture", &message_screen_capture, &wanted, &answer);
	ck_assert_int_eq(answer.error, -ENODATA);
	wanted.format = SLICE_LITERAL("gif");
	control_world_call(&world, "screen.capture", &message_screen_capture, &wanted, &answer);
	ck_assert_int_eq(answer.error, -EINVAL);
}
END_TEST

START_TEST(a_raw_capture_with_the_cursor)
{
	struct control_answer answer;
	struct screen_capture wanted = {.format = SLICE_LITERAL("raw"), .cursor = true};
	uint32_t pixels[4] = {0xff0000ff, 0x80000000, 0, 0xffffffff};
	const struct desktop_cursor cursor = {.visible = true,
					      .width = 2,
					      .height = 2,
					      .hot_x = 1,
					      .x = 64,
					      .y = 0,
					      .pixels = pixels};
	uint32_t below;

	painted_source_show(&world.painted, 0, 64, 64);
	screen_set_cursor(world.services.screen, 0, &cursor);
	control_world_call(&world, "screen.capture", &message_screen_capture, &wanted, &answer);
	ck_assert_int_eq(answer.error, 0);
	ck_assert_uint_eq(answer.length, 64 * 64 * 4);
	/* Its left column only: the other is beyond the edge. */
	ck_assert_uint_eq(load_le32(answer.data + 63 * 4) & 0xffffff, 0x0000ff);
	ck_assert_uint_eq(load_le32(answer.data + (64 + 63) * 4) & 0xffffff,
			  painted_pixel(0, 63, 1));
	below = load_le32(answer.data + 62 * 4) & 0xffffff;
	ck_assert_uint_eq(below, painted_pixel(0, 62, 0));
	free(answer.data);
}
END_TEST

START_TEST(a_capture_waits_for_the_picture)
{
	struct control_answer answer;

	world.painted.is_late = true;
	painted_source_show(&world.painted, 0, 64, 64);
	control_world_begin(&world, "screen.capture", NULL, NULL, &answer);
	while (!world.painted.watching)
		uv_run(&world.loop, UV_RUN_ONCE);
	for (int i = 0; i < 5; i++)
		uv_run(&world.loop, UV_RUN_NOWAIT);
	ck_assert(!answer.done);
	painted_source_paint(&world.painted);
	control_world_finish(&world, &answer);
	ck_assert_int_eq(answer.error, 0);
	check_png(&answer, 64, 64, 64, 0);
	free(answer.data);
	world.painted.is_current = false;
	control_world_call(&world, "screen.capture", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, -ETIMEDOUT);
	/* Cancelled, and the screen ends: nothing is left. */
	stream_cancel(control_world_begin(&world, "screen.capture", NULL, NULL, &answer));
	control_world_finish(&world, &answer);
	ck_assert_int_eq(answer.error, -ECANCELED);
	control_world_begin(&world, "screen.capture", NULL, NULL, &answer);
	uv_run(&world.loop, UV_RUN_ONCE);
	screen_source_ended(world.services.screen, 0);
	control_world_finish(&world, &answer);
	ck_assert_int_eq(answer.error, -ESHUTDOWN);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("capture");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, a_capture_is_what_the_guest_shows);
	tcase_add_test(tests, a_capture_of_one_head);
	tcase_add_test(tests, a_raw_capture_with_the_cursor);
	tcase_add_test(tests, a_capture_waits_for_the_picture);
	return suite_run_case("capture", tests);
}
