/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What edid-decode, which is not ours, makes of our EDIDs. */
#include "host/vmm/virtio/gpu_edid.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
	uint32_t width, height, width_mm, height_mm;
	size_t blocks;
} sizes[] = {
	{1280, 800, 338, 211, 1},    {1366, 768, 361, 203, 1},	  {64, 64, 17, 17, 1},
	{1023, 767, 270, 203, 1},    {3840, 2160, 1016, 571, 1},  {1920, 1080, 5000, 1, 1},
	{4095, 2160, 1083, 571, 1},  {4096, 2160, 1000, 500, 2},  {3840, 4095, 900, 1000, 2},
	{7680, 4320, 2000, 1100, 2}, {8192, 8192, 2167, 2167, 2}, {64, 8192, 17, 2550, 2},
	{8192, 64, 2550, 17, 2},     {8191, 1001, 2500, 264, 2},
};

static size_t write_edid(unsigned int head, int index, uint8_t edid[GPU_EDID_BYTES])
{
	struct display_mode mode = {.enabled = true,
				    .width = sizes[index].width,
				    .height = sizes[index].height,
				    .width_mm = sizes[index].width_mm,
				    .height_mm = sizes[index].height_mm};

	return gpu_edid_write(head, &mode, edid);
}

START_TEST(blocks_are_whole)
{
	uint8_t edid[GPU_EDID_BYTES];
	size_t bytes = write_edid(0, _i, edid);

	ck_assert_uint_eq(bytes, sizes[_i].blocks * GPU_EDID_BLOCK);
	ck_assert_uint_eq(edid[126], sizes[_i].blocks - 1);
	for (size_t block = 0; block < sizes[_i].blocks; block++) {
		uint8_t sum = 0;

		for (size_t i = 0; i < GPU_EDID_BLOCK; i++)
			sum = (uint8_t)(sum + edid[block * GPU_EDID_BLOCK + i]);
		ck_assert_uint_eq(sum, 0);
	}
}
END_TEST

/* The exact size, in the block that has room for it. */
START_TEST(the_size_is_exact)
{
	uint8_t edid[GPU_EDID_BYTES];
	const uint8_t *timing = edid + 54;
	uint32_t width, height;

	if (write_edid(0, _i, edid) == GPU_EDID_BLOCK) {
		width = timing[2] | (timing[4] & 0xf0U) << 4;
		height = timing[5] | (timing[7] & 0xf0U) << 4;
	} else {
		/* Behind three other data blocks of 12, 12 and 10 bytes. */
		timing = edid + GPU_EDID_BLOCK + 5 + 15 + 15 + 13;
		ck_assert_uint_eq(timing[0], 0x03);
		width = load_le16(timing + 7) + 1U;
		height = load_le16(timing + 15) + 1U;
	}
	ck_assert_uint_eq(width, sizes[_i].width);
	ck_assert_uint_eq(height, sizes[_i].height);
}
END_TEST

START_TEST(a_monitor_is_the_same_at_any_size)
{
	uint8_t one[GPU_EDID_BYTES], other[GPU_EDID_BYTES];

	write_edid(3, 0, one);
	write_edid(3, 1, other);
	ck_assert_mem_eq(one, other, 20);
	/* Name and serial number. */
	ck_assert_mem_eq(one + 90, other + 90, 36);
	write_edid(4, 0, other);
	ck_assert_mem_ne(one + 12, other + 12, 4);
	ck_assert_mem_ne(one + 90, other + 90, 36);
}
END_TEST

static char *decode(const uint8_t *edid, size_t bytes, char *text, size_t size)
{
	char path[] = "/tmp/lodge-edid-XXXXXX", command[128];
	int fd = mkstemp(path);
	FILE *output;
	size_t got;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)write(fd, edid, bytes), (int)bytes);
	snprintf(command, sizeof(command), "edid-decode --check %s 2>&1", path);
	output = popen(command, "r"); // NOLINT(cert-env33-c): a name of our own
	ck_assert_ptr_nonnull(output);
	got = fread(text, 1, size - 1, output);
	text[got] = '\0';
	pclose(output);
	close(fd);
	unlink(path);
	return text;
}

START_TEST(edid_decode_agrees)
{
	static char text[65536];
	uint8_t edid[GPU_EDID_BYTES];
	char wanted[32];

	if (access("/usr/bin/edid-decode", X_OK) < 0) {
		puts("skip: edid-decode is not installed");
		return;
	}
	decode(edid, write_edid(1, _i, edid), text, sizeof(text));
	snprintf(wanted, sizeof(wanted), " %ux%u ", sizes[_i].width, sizes[_i].height);
	ck_assert_msg(strstr(text, "EDID conformity: PASS"), "%s", text);
	ck_assert_msg(strstr(text, wanted), "no %s in %s", wanted, text);
	ck_assert_msg(strstr(text, "'Lodge 2'"), "%s", text);
	ck_assert_msg(!strstr(text, "out of range"), "%s", text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gpu edid");
	TCase *tc = tcase_create("edid");

	tcase_add_loop_test(tc, blocks_are_whole, 0, ARRAY_SIZE(sizes));
	tcase_add_loop_test(tc, the_size_is_exact, 0, ARRAY_SIZE(sizes));
	tcase_add_test(tc, a_monitor_is_the_same_at_any_size);
	tcase_add_loop_test(tc, edid_decode_agrees, 0, ARRAY_SIZE(sizes));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
