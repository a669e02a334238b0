/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/gpu_edid.h"

#include "protocol/base/bytes.h"

#include <stdio.h>

#define REFRESH_HZ 60
#define PRODUCT	   0x4c01
#define YEAR	   2025

/* Places in the first block (table 3.1). */
#define AT_IDENTITY    8
#define AT_PARAMETERS  20
#define AT_COLOURS     25
#define AT_ESTABLISHED 35
#define AT_STANDARD    38
#define AT_DESCRIPTORS 54
#define AT_EXTENSIONS  126

#define DESCRIPTOR_BYTES 18

/* A detailed timing's fields. */
#define TIMING_MAX_SIZE	 4095
#define TIMING_MAX_CLOCK 65535 /* 10 kHz */

/* CVT 1.2, 3.4.2: reduced blanking, version 1. */
#define MIN_CLOCK      1000 /* 10 MHz; less is not believed */
#define H_BLANK	       160
#define H_FRONT	       48
#define H_SYNC	       32
#define V_FRONT	       3
#define V_MIN_BACK     6
#define V_MIN_BLANK_US 460
#define MICROSECONDS   1000000U
#define CLOCK_STEP_HZ  10000U
#define HZ_A_MHZ       1000000U
#define STEPS_A_MHZ    (HZ_A_MHZ / CLOCK_STEP_HZ)
#define MAX_MM	       2550 /* a byte of centimetres */

struct timing {
	uint32_t width, height, width_mm, height_mm;
	uint32_t v_sync, v_blank;
	uint32_t clock; /* in 10 kHz */
	bool extended;	/* there is a larger one, in the second block */
};

static uint32_t vertical_sync(uint32_t width, uint32_t height)
{
	static const struct {
		uint32_t width, height, lines;
	} ratios[] = {{4, 3, 4}, {16, 9, 5}, {16, 10, 6}, {5, 4, 7}, {15, 9, 7}};

	for (size_t i = 0; i < ARRAY_SIZE(ratios); i++)
		if (height * ratios[i].width == width * ratios[i].height)
			return ratios[i].lines;
	return 10;
}

static struct timing make_timing(const struct display_mode *mode)
{
	struct timing timing = {.width = mode->width,
				.height = mode->height,
				.width_mm = MIN(mode->width_mm, MAX_MM),
				.height_mm = MIN(mode->height_mm, MAX_MM)};
	/* 460 us of a frame are left blank: so many lines, at the pace that leaves for the rest. */
	uint32_t busy_us = MICROSECONDS / REFRESH_HZ - V_MIN_BLANK_US;
	uint32_t lines = V_MIN_BLANK_US * mode->height / busy_us + 1;

	timing.v_sync = vertical_sync(mode->width, mode->height);
	timing.v_blank = MAX(lines, V_FRONT + timing.v_sync + V_MIN_BACK);
	/* Small pictures wait longer for the next. */
	lines = MIN_CLOCK * CLOCK_STEP_HZ / (REFRESH_HZ * (mode->width + H_BLANK)) + 1;
	if (lines > mode->height + timing.v_blank)
		timing.v_blank = lines - mode->height;
	timing.clock = (uint32_t)(((uint64_t)(mode->width + H_BLANK) *
					   (mode->height + timing.v_blank) * REFRESH_HZ +
				   CLOCK_STEP_HZ / 2) /
				  CLOCK_STEP_HZ);
	return timing;
}

static bool fits_detailed_timing(const struct timing *timing)
{
	return timing->width <= TIMING_MAX_SIZE && timing->height <= TIMING_MAX_SIZE &&
	       timing->clock <= TIMING_MAX_CLOCK;
}

/* What a block that cannot describe the mode describes instead: half of it, or a quarter. */
static struct timing make_smaller_timing(const struct display_mode *mode)
{
	struct display_mode half = *mode;
	struct timing timing;

	do {
		half.width /= 2;
		half.height /= 2;
		timing = make_timing(&half);
	} while (!fits_detailed_timing(&timing));
	return timing;
}

static void seal(uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size - 1; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[size - 1] = (uint8_t)-sum;
}

/* --- The first block ----------------------------------------------------------------------------
 */

static void write_identity(uint8_t *edid, unsigned int head)
{
	static const uint8_t magic[] = {0, 255, 255, 255, 255, 255, 255, 0};
	/* "LDG", five bits a letter. */
	uint16_t maker = ('L' - '@') << 10 | ('D' - '@') << 5 | ('G' - '@');
	uint8_t *at = edid + AT_IDENTITY;

	memcpy(edid, magic, sizeof(magic));
	at[0] = (uint8_t)(maker >> 8);
	at[1] = (uint8_t)maker;
	store_le16(at + 2, PRODUCT);
	store_le32(at + 4, head + 1);
	at[8] = 0; /* week: not given */
	at[9] = YEAR - 1990;
	at[10] = 1;
	at[11] = 4;
}

static uint8_t centimetres(uint32_t millimetres)
{
	return (uint8_t)MAX((millimetres + 5) / 10, 1);
}

static void write_parameters(uint8_t *edid, const struct timing *timing)
{
	uint8_t *at = edid + AT_PARAMETERS;

	at[0] = 0xa5; /* digital, eight bits a colour, as over DisplayPort */
	at[1] = centimetres(timing->width_mm);
	at[2] = centimetres(timing->height_mm);
	at[3] = 120;  /* gamma 2.2 */
	at[4] = 0x06; /* RGB 4:4:4; sRGB; the first timing is the native one */
	/* Other sizes are just as good, within the limits that are given. */
	if (!timing->extended)
		at[4] |= 0x01;
}

/* sRGB's red, green, blue and white (3.7): ten bits each, the low two bits first. */
static void write_colours(uint8_t *edid)
{
	static const uint16_t xy[] = {655, 338, 307, 614, 154, 61, 320, 337};
	uint8_t *at = edid + AT_COLOURS;

	for (unsigned int i = 0; i < 8; i++) {
		at[i / 4] |= (uint8_t)((xy[i] & 3) << (6 - 2 * (i % 4)));
		at[2 + i] = (uint8_t)(xy[i] >> 2);
	}
}

/* What else may be chosen in the guest, all at 60 Hz. */
static void write_other_sizes(uint8_t *edid)
{
	enum { R16_10, R4_3, R5_4, R16_9 };
	static const struct {
		uint16_t width;
		uint8_t ratio;
	} sizes[] = {{1280, R16_10}, {1280, R5_4},   {1440, R16_10}, {1600, R16_9},
		     {1600, R4_3},   {1680, R16_10}, {1920, R16_9},  {1920, R16_10}};

	edid[AT_ESTABLISHED] = 0x21;	 /* 640x480, 800x600 */
	edid[AT_ESTABLISHED + 1] = 0x08; /* 1024x768 */
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		edid[AT_STANDARD + 2 * i] = (uint8_t)(sizes[i].width / 8 - 31);
		edid[AT_STANDARD + 2 * i + 1] = (uint8_t)(sizes[i].ratio << 6);
	}
}

static void write_detailed_timing(uint8_t *at, const struct timing *timing)
{
	store_le16(at, (uint16_t)timing->clock);
	at[2] = (uint8_t)timing->width;
	at[3] = H_BLANK;
	at[4] = (uint8_t)(timing->width >> 8 << 4 | H_BLANK >> 8);
	at[5] = (uint8_t)timing->height;
	at[6] = (uint8_t)timing->v_blank;
	at[7] = (uint8_t)(timing->height >> 8 << 4 | timing->v_blank >> 8);
	at[8] = H_FRONT;
	at[9] = H_SYNC;
	at[10] = (uint8_t)(V_FRONT << 4 | timing->v_sync);
	at[12] = (uint8_t)timing->width_mm;
	at[13] = (uint8_t)timing->height_mm;
	at[14] = (uint8_t)(timing->width_mm >> 8 << 4 | timing->height_mm >> 8);
	at[17] =
		0x1a; /* separate syncs, horizontal positive, vertical negative: reduced blanking */
}

static uint8_t *write_descriptor_head(uint8_t *at, uint8_t tag)
{
	at[3] = tag;
	return at + 5;
}

static void write_text(uint8_t *at, uint8_t tag, const char *text)
{
	uint8_t *bytes = write_descriptor_head(at, tag);
	size_t length = strlen(text);

	memset(bytes, ' ', 13);
	memcpy(bytes, text, MIN(length, 13));
	if (length < 13)
		bytes[length] = '\n';
}

/* 3.10.3.3: enough for the preferred timing and all the others. */
static void write_range_limits(uint8_t *at, const struct timing *timing)
{
	uint64_t line_hz = (uint64_t)timing->clock * CLOCK_STEP_HZ / (timing->width + H_BLANK);
	uint32_t line_khz = MAX((uint32_t)(line_hz / 1000) + 1, 90);
	uint32_t tens_of_mhz = MAX(timing->clock / (10 * STEPS_A_MHZ) + 1, 30);
	uint8_t *bytes = write_descriptor_head(at, 0xfd);

	bytes[0] = 50;
	bytes[1] = 75;
	bytes[2] = (uint8_t)MIN(MAX(line_hz / 1000, 1), 15);
	if (line_khz > 255) {
		at[4] = 0x08; /* 255 more */
		line_khz -= 255;
	}
	bytes[3] = (uint8_t)MIN(line_khz, 255);
	bytes[4] = (uint8_t)MIN(tens_of_mhz, 255);
	bytes[5] = 0x01; /* the limits are all there is to say */
	bytes[6] = '\n';
	memset(bytes + 7, ' ', 6);
}

static void write_descriptors(uint8_t *edid, unsigned int head, const struct timing *timing)
{
	uint8_t *at = edid + AT_DESCRIPTORS;
	char text[14];

	write_detailed_timing(at, timing);
	at += DESCRIPTOR_BYTES;
	if (!timing->extended)
		write_range_limits(at, timing);
	else
		write_descriptor_head(at, 0x10);
	at += DESCRIPTOR_BYTES;
	snprintf(text, sizeof(text), "Lodge %u", head + 1);
	write_text(at, 0xfc, text);
	at += DESCRIPTOR_BYTES;
	snprintf(text, sizeof(text), "head-%u", head);
	write_text(at, 0xff, text);
}

/* --- The second block: DisplayID 1.3, as an EDID extension --------------------------------------
 */

/* Return: the block's payload; @at moves behind it. */
static uint8_t *begin_block(uint8_t **at, uint8_t tag, uint8_t bytes)
{
	uint8_t *payload = *at + 3;

	(*at)[0] = tag;
	(*at)[2] = bytes;
	*at = payload + bytes;
	return payload;
}

static void write_product(uint8_t **at, unsigned int head)
{
	uint8_t *product = begin_block(at, 0x00, 12);

	memcpy(product, "LDG", 3);
	store_le16(product + 3, PRODUCT);
	store_le32(product + 5, head + 1);
	product[10] = YEAR - 2000;
}

static void write_display_parameters(uint8_t **at, const struct timing *timing)
{
	uint8_t *parameters = begin_block(at, 0x01, 12);

	store_le16(parameters, (uint16_t)(timing->width_mm * 10));
	store_le16(parameters + 2, (uint16_t)(timing->height_mm * 10));
	store_le16(parameters + 4, (uint16_t)timing->width);
	store_le16(parameters + 6, (uint16_t)timing->height);
	parameters[9] = 120; /* gamma 2.2 */
	parameters[10] = (uint8_t)MIN(MAX(timing->width * 100 / timing->height, 100) - 100, 255);
	parameters[11] = 0x77; /* eight bits a colour */
}

static void write_interface(uint8_t **at)
{
	uint8_t *interface = begin_block(at, 0x0f, 10);

	interface[0] = 0xa1; /* DisplayPort, one link */
	interface[1] = 0x12; /* 1.2 */
	interface[2] = 0x02; /* RGB, eight bits a colour */
}

static void write_preferred_timing(uint8_t **at, const struct timing *timing)
{
	uint8_t *bytes = begin_block(at, 0x03, 20);
	uint32_t clock = timing->clock - 1;

	bytes[0] = (uint8_t)clock;
	bytes[1] = (uint8_t)(clock >> 8);
	bytes[2] = (uint8_t)(clock >> 16);
	bytes[3] = 0x80 | 0x08; /* preferred; no ratio of the table */
	store_le16(bytes + 4, (uint16_t)(timing->width - 1));
	store_le16(bytes + 6, H_BLANK - 1);
	store_le16(bytes + 8, 0x8000 | (H_FRONT - 1)); /* horizontal sync positive */
	store_le16(bytes + 10, H_SYNC - 1);
	store_le16(bytes + 12, (uint16_t)(timing->height - 1));
	store_le16(bytes + 14, (uint16_t)(timing->v_blank - 1));
	store_le16(bytes + 16, V_FRONT - 1);
	store_le16(bytes + 18, (uint16_t)(timing->v_sync - 1));
}

static void write_display_id(uint8_t *block, unsigned int head, const struct timing *timing)
{
	uint8_t *section = block + 1, *at = section + 4;

	block[0] = 0x70;
	section[0] = 0x13;
	section[1] = GPU_EDID_BLOCK - 7; /* all between its head and the two checksums */
	section[2] = 0x03;		 /* a monitor of its own */
	write_product(&at, head);
	write_display_parameters(&at, timing);
	write_interface(&at);
	write_preferred_timing(&at, timing);
	seal(section, GPU_EDID_BLOCK - 2);
	seal(block, GPU_EDID_BLOCK);
}

size_t gpu_edid_write(unsigned int head, const struct display_mode *mode,
		      uint8_t edid[GPU_EDID_BYTES])
{
	struct timing timing = make_timing(mode), first = timing;
	bool extended = !fits_detailed_timing(&timing);

	if (extended)
		first = make_smaller_timing(mode);
	first.extended = extended;
	memset(edid, 0, GPU_EDID_BYTES);
	write_identity(edid, head);
	write_parameters(edid, &first);
	write_colours(edid);
	write_other_sizes(edid);
	write_descriptors(edid, head, &first);
	edid[AT_EXTENSIONS] = extended;
	seal(edid, GPU_EDID_BLOCK);
	if (!extended)
		return GPU_EDID_BLOCK;
	write_display_id(edid + GPU_EDID_BLOCK, head, &timing);
	return GPU_EDID_BYTES;
}
