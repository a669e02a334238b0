/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The SPICE dialect's messages and chunks, byte by byte as vd_agent.h has them. */
#include "protocol/base/bytes.h"
#include "protocol/spice/spice.h"
#include "protocol/spice/spice_wire.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SLICE(array) ((struct slice){(array), sizeof(array)})

/* --- Messages ------------------------------------------------------------------------------- */

START_TEST(test_capabilities)
{
	static const uint8_t golden[] = {1, 0, 0, 0, 0x66, 0x11, 0x01, 0};
	struct spice_capabilities said = {.request = true, .bits = 0x11166}, read;
	uint8_t bytes[SPICE_CAPABILITIES_SIZE];

	spice_capabilities_encode(&said, bytes);
	ck_assert_mem_eq(bytes, golden, sizeof(golden));
	ck_assert_int_eq(spice_capabilities_parse(SLICE(golden), &read), 0);
	ck_assert(read.request);
	ck_assert_uint_eq(read.bits, 0x11166);
	/* Only the question, more words than are known, and half a word. */
	ck_assert_int_eq(spice_capabilities_parse((struct slice){golden, 4}, &read), 0);
	ck_assert_uint_eq(read.bits, 0);
	ck_assert_int_eq(spice_capabilities_parse((struct slice){golden, 3}, &read), -EBADMSG);
	ck_assert_int_eq(spice_capabilities_parse((struct slice){golden, 7}, &read), -EBADMSG);
	ck_assert_uint_eq(SPICE_CAP(CLIPBOARD_GRAB_SERIAL), 0x20000);
}
END_TEST

START_TEST(test_monitors)
{
	static const uint8_t golden[] = {
		2,    0, 0, 0, 1,    0,	   0,	 0,		    /* two, with positions */
		0x38, 4, 0, 0, 0x80, 7,	   0,	 0,    32, 0, 0, 0, /* 1080, 1920, 32 */
		0,    0, 0, 0, 0,    0,	   0,	 0,		    /* 0, 0 */
		0,    3, 0, 0, 0,    4,	   0,	 0,    32, 0, 0, 0, /* 768, 1024, 32 */
		0x80, 7, 0, 0, 0xfe, 0xff, 0xff, 0xff,		    /* 1920, -2 */
	};
	static const uint8_t sized[] = {
		1,  0, 0, 0, 2, 0, 0, 0, 100, 0, 0, 0, 200, 0, 0,  0,
		32, 0, 0, 0, 0, 0, 0, 0, 0,   0, 0, 0, 30,  0, 60, 0, /* 30, 60 mm */
	};
	static const uint8_t wrap[] = {0, 0, 0, 0x40, 0, 0, 0, 0, 1, 2, 3, 4};
	struct spice_monitors said = {
		.count = 2,
		.positions = true,
		.monitor = {{.width = 1920, .height = 1080, .depth = 32},
			    {.width = 1024, .height = 768, .depth = 32, .x = 1920, .y = -2}},
	};
	struct spice_monitors read;
	uint8_t bytes[SPICE_MONITORS_SIZE];

	ck_assert_uint_eq(spice_monitors_encode(&said, bytes), sizeof(golden));
	ck_assert_mem_eq(bytes, golden, sizeof(golden));
	ck_assert_int_eq(spice_monitors_parse(SLICE(golden), &read), 0);
	ck_assert_uint_eq(read.count, 2);
	ck_assert(read.positions);
	ck_assert_uint_eq(read.monitor[1].width, 1024);
	ck_assert_int_eq(read.monitor[1].y, -2);
	ck_assert_int_eq(spice_monitors_parse((struct slice){golden, sizeof(golden) - 1}, &read),
			 -EBADMSG);
	ck_assert_int_eq(spice_monitors_parse((struct slice){golden, 7}, &read), -EBADMSG);
	ck_assert_int_eq(spice_monitors_parse(SLICE(sized), &read), 0);
	ck_assert_uint_eq(read.monitor[0].width_mm, 60);
	ck_assert_int_eq(spice_monitors_parse((struct slice){sized, sizeof(sized) - 1}, &read),
			 -EBADMSG);
	/* 0x40000000 * 20 would be 0 in 32 bits. */
	ck_assert_int_eq(spice_monitors_parse(SLICE(wrap), &read), -E2BIG);
}
END_TEST

START_TEST(test_clipboard)
{
	static const uint8_t grab[] = {1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0};
	static const uint8_t data[] = {0, 0, 0, 0, 1, 0, 0, 0, 'h', 'i'};
	static const uint8_t plain[] = {1, 0, 0, 0, 'h', 'i'};
	static const uint8_t with_serial[] = {0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0};
	const uint32_t selection = SPICE_CAP(CLIPBOARD_SELECTION);
	struct spice_grab said = {.selection = 1, .count = 2, .type = {1, 2}}, read;
	struct spice_clipboard clipboard = {.type = SPICE_CLIPBOARD_UTF8_TEXT};
	uint8_t bytes[SPICE_GRAB_SIZE];

	ck_assert_uint_eq(spice_grab_encode(&said, selection, bytes), sizeof(grab));
	ck_assert_mem_eq(bytes, grab, sizeof(grab));
	ck_assert_int_eq(spice_grab_parse(SLICE(grab), selection, &read), 0);
	ck_assert_uint_eq(read.selection, SPICE_SELECTION_PRIMARY);
	ck_assert_uint_eq(read.count, 2);
	ck_assert_uint_eq(read.type[1], SPICE_CLIPBOARD_IMAGE_PNG);
	ck_assert_int_eq(spice_grab_parse((struct slice){grab, 3}, selection, &read), -EBADMSG);
	ck_assert_int_eq(spice_grab_parse((struct slice){grab, 7}, selection, &read), -EBADMSG);
	ck_assert_int_eq(spice_grab_parse(SLICE(with_serial),
					  selection | SPICE_CAP(CLIPBOARD_GRAB_SERIAL), &read),
			 0);
	ck_assert_uint_eq(read.serial, 7);
	ck_assert_uint_eq(read.count, 1);
	ck_assert_int_eq(
		spice_grab_parse((struct slice){(const uint8_t *)"\3\0\0\0", 4}, selection, &read),
		-EBADMSG);

	ck_assert_uint_eq(spice_clipboard_encode(SPICE_CLIPBOARD, &clipboard, selection, bytes), 8);
	ck_assert_mem_eq(bytes, data, 8);
	ck_assert_uint_eq(spice_clipboard_encode(SPICE_CLIPBOARD, &clipboard, 0, bytes), 4);
	ck_assert_mem_eq(bytes, plain, 4);
	ck_assert_uint_eq(
		spice_clipboard_encode(SPICE_CLIPBOARD_RELEASE, &clipboard, selection, bytes), 4);
	ck_assert_int_eq(spice_clipboard_parse(SPICE_CLIPBOARD, SLICE(data), selection, &clipboard),
			 0);
	ck_assert(slice_is(clipboard.data, "hi"));
	ck_assert_int_eq(spice_clipboard_parse(SPICE_CLIPBOARD, SLICE(plain), 0, &clipboard), 0);
	ck_assert(slice_is(clipboard.data, "hi"));
	ck_assert_int_eq(spice_clipboard_parse(SPICE_CLIPBOARD_REQUEST, (struct slice){data, 7},
					       selection, &clipboard),
			 -EBADMSG);
	ck_assert_int_eq(
		spice_clipboard_parse(SPICE_CLIPBOARD_RELEASE, (struct slice){0}, 0, &clipboard),
		0);
	/* As spice-vdagentd has it. */
	ck_assert_int_eq(spice_clipboard_parse(SPICE_CLIPBOARD_RELEASE,
					       (struct slice){(const uint8_t *)"\1", 1}, selection,
					       &clipboard),
			 0);
	ck_assert_uint_eq(clipboard.selection, SPICE_SELECTION_PRIMARY);
	ck_assert_int_eq(spice_clipboard_parse(SPICE_CLIPBOARD_RELEASE,
					       (struct slice){(const uint8_t *)"\3", 1}, selection,
					       &clipboard),
			 -EBADMSG);
	ck_assert_int_eq(spice_clipboard_parse(SPICE_CLIPBOARD_REQUEST,
					       (struct slice){(const uint8_t *)"\1", 1}, selection,
					       &clipboard),
			 -EBADMSG);

	ck_assert_uint_eq(spice_clipboard_type(SLICE_LITERAL("UTF8_STRING")), 1);
	ck_assert_uint_eq(spice_clipboard_type(SLICE_LITERAL("image/jpeg")), 5);
	ck_assert_uint_eq(spice_clipboard_type(SLICE_LITERAL("text/html")), 0);
	ck_assert_str_eq(spice_clipboard_mime(2), "image/png");
	ck_assert_ptr_null(spice_clipboard_mime(0));
	ck_assert_ptr_null(spice_clipboard_mime(SPICE_CLIPBOARD_FILE_LIST));
}
END_TEST

static int start_of(const char *text, struct spice_file_start *start)
{
	uint8_t bytes[1024] = {9, 0, 0, 0};
	const size_t length = strlen(text);

	memcpy(bytes + 4, text, length);
	return spice_file_start_parse((struct slice){bytes, 4 + length}, start);
}

#define FILE_START(name) "[vdagent-file-xfer]\nname=" name "\nsize=12\n"

START_TEST(test_file_start)
{
	struct spice_file_start start = {.id = 9, .name = " a b.txt", .size = 12}, read;
	uint8_t bytes[SPICE_FILE_START_SIZE];
	static const char *const refused[] = {
		FILE_START("../x"),
		FILE_START("/etc/passwd"),
		FILE_START(".."),
		FILE_START(".bashrc"),
		FILE_START("a/b"),
		FILE_START("a\\\\b"),
		FILE_START("a\\nb"),
		FILE_START(""),
		FILE_START("a\001b"),
		FILE_START("a\xff"),
		FILE_START("a\\"),
		FILE_START("a\xe2\x80\xae"
			   "fdp.exe"),
	};
	static const char *const malformed[] = {
		"",
		"[vdagent-file-xfer]\nname=x\n",
		"[vdagent-file-xfer]\nsize=1\n",
		"name=x\nsize=1\n",
		"[vdagent-file-xfer]\nname=x\nsize=-1\n",
		"[vdagent-file-xfer]\nname=x\nsize=18446744073709551616\n",
		"[vdagent-file-xfer]\nname=x\nsize=9223372036854775808\n",
		"[vdagent-file-xfer]\nname=x\nsize=\n",
	};
	char longest[400];

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ck_assert_int_eq(start_of(refused[i], &read), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
		ck_assert_int_eq(start_of(malformed[i], &read), -EBADMSG);
	ck_assert_uint_eq(read.id, 9);
	ck_assert_int_eq(start_of(FILE_START("h\303\251llo w.txt"), &read), 0);
	ck_assert_str_eq(read.name, "h\303\251llo w.txt");
	ck_assert_uint_eq(read.size, 12);
	snprintf(longest, sizeof(longest), "[vdagent-file-xfer]\nname=%0256d\nsize=1\n", 1);
	ck_assert_int_eq(start_of(longest, &read), -EINVAL);
	ck_assert_uint_eq(spice_file_start_encode(&start, bytes),
			  4 + strlen("[vdagent-file-xfer]\nname=\\sa b.txt\nsize=12\n") + 1);
	ck_assert_str_eq((char *)bytes + 4, "[vdagent-file-xfer]\nname=\\sa b.txt\nsize=12\n");
	ck_assert_int_eq(spice_file_start_parse(
				 (struct slice){bytes, 4 + strlen((char *)bytes + 4) + 1}, &read),
			 0);
	ck_assert_str_eq(read.name, start.name);
	strcpy(start.name, "../up");
	ck_assert_uint_eq(spice_file_start_encode(&start, bytes), 0);
}
END_TEST

START_TEST(test_file_data)
{
	static const uint8_t data[] = {9, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'};
	static const uint8_t wrap[] = {9, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 'h', 'i'};
	static const uint8_t full[] = {9, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0};
	const struct spice_file_status status = {.id = 9, .result = SPICE_FILE_NOT_ENOUGH_SPACE};
	struct spice_file_status read_status;
	struct spice_file_data read;
	uint8_t bytes[SPICE_FILE_STATUS_SIZE];

	ck_assert_int_eq(spice_file_data_parse(SLICE(data), &read), 0);
	ck_assert_uint_eq(read.id, 9);
	ck_assert(slice_is(read.data, "hi"));
	/* 0x100000002 bytes would be 2 in 32 bits. */
	ck_assert_int_eq(spice_file_data_parse(SLICE(wrap), &read), -EBADMSG);
	ck_assert_int_eq(spice_file_data_parse((struct slice){data, 13}, &read), -EBADMSG);
	ck_assert_int_eq(spice_file_data_parse((struct slice){data, 11}, &read), -EBADMSG);
	spice_file_data_encode(9, 2, bytes);
	ck_assert_mem_eq(bytes, data, SPICE_FILE_DATA_SIZE);

	ck_assert_uint_eq(spice_file_status_encode(&status, 0, 5, bytes), 8);
	ck_assert_uint_eq(
		spice_file_status_encode(&status, SPICE_CAP(FILE_XFER_DETAILED_ERRORS), 5, bytes),
		sizeof(full));
	ck_assert_mem_eq(bytes, full, sizeof(full));
	ck_assert_int_eq(spice_file_status_parse(SLICE(full), &read_status), 0);
	ck_assert_uint_eq(read_status.result, SPICE_FILE_NOT_ENOUGH_SPACE);
	ck_assert_int_eq(spice_file_status_parse((struct slice){full, 7}, &read_status), -EBADMSG);
}
END_TEST

/* --- Chunks --------------------------------------------------------------------------------- */

struct got {
	unsigned int messages, skipped;
	uint32_t type;
	uint8_t *bytes;
	size_t length;
};

static uint32_t most(void *owner, uint32_t type)
{
	(void)owner;
	return type == SPICE_CLIPBOARD ? 1U << 20 : 4096;
}

static void keep(struct got *got, uint32_t type, struct slice payload)
{
	got->type = type;
	got->length = payload.length;
	free(got->bytes);
	got->bytes = malloc(payload.length + 1);
	if (payload.length)
		memcpy(got->bytes, payload.bytes, payload.length);
}

static void on_message(void *owner, uint32_t type, struct slice payload)
{
	struct got *got = owner;

	got->messages++;
	keep(got, type, payload);
}

static void on_skipped(void *owner, uint32_t type, struct slice start)
{
	struct got *got = owner;

	got->skipped++;
	keep(got, type, start);
}

static const struct spice_wire_handlers handlers = {
	.most = most,
	.message = on_message,
	.skipped = on_skipped,
};

START_TEST(test_wire)
{
	static const uint8_t golden[] = {
		1, 0, 0, 0, 28,	  0, 0, 0,	       /* for the client, 28 bytes */
		1, 0, 0, 0, 6,	  0, 0, 0,	       /* protocol 1, capabilities */
		0, 0, 0, 0, 0,	  0, 0, 0, 8, 0, 0, 0, /* opaque, size */
		1, 0, 0, 0, 0x66, 0, 0, 0,
	};
	struct got got = {0};
	struct spice_wire wire, out;
	uint8_t much[5000], payload[SPICE_CAPABILITIES_SIZE];

	spice_wire_init(&wire, &handlers, &got);
	spice_wire_init(&out, &handlers, NULL);
	spice_capabilities_encode(&(struct spice_capabilities){.request = true, .bits = 0x66},
				  payload);
	ck_assert_int_eq(spice_wire_send(&out, SPICE_CLIENT_PORT, SPICE_ANNOUNCE_CAPABILITIES,
					 SLICE(payload), (struct slice){0}),
			 0);
	ck_assert_uint_eq(out.out.length, sizeof(golden));
	ck_assert_mem_eq(byte_queue_front(&out.out), golden, sizeof(golden));

	for (size_t i = 0; i < sizeof(golden); i++) {
		ck_assert(spice_wire_is_within(&wire) == (i > 0));
		ck_assert_int_eq(spice_wire_receive(&wire, golden + i, 1), 0);
	}
	ck_assert(!spice_wire_is_within(&wire));
	ck_assert_uint_eq(got.messages, 1);
	ck_assert_uint_eq(got.type, SPICE_ANNOUNCE_CAPABILITIES);
	ck_assert_uint_eq(got.length, 8);
	ck_assert_mem_eq(got.bytes, payload, 8);

	/* In three chunks; one that is too long passes by; the next is whole again. */
	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (uint8_t)(i * 7);
	byte_queue_clear(&out.out);
	spice_wire_send(&out, SPICE_SERVER_PORT, SPICE_CLIPBOARD, (struct slice){much, 8},
			(struct slice){much + 8, sizeof(much) - 8});
	ck_assert_uint_eq(out.out.length, sizeof(much) + 20 + 3 * 8);
	spice_wire_send(&out, SPICE_SERVER_PORT, SPICE_FILE_XFER_START, SLICE(much),
			(struct slice){0});
	ck_assert_int_eq(
		spice_wire_receive(&wire, byte_queue_front(&out.out), sizeof(much) + 20 + 24), 0);
	ck_assert_uint_eq(got.messages, 2);
	ck_assert_uint_eq(got.length, sizeof(much));
	ck_assert_mem_eq(got.bytes, much, sizeof(much));
	byte_queue_take(&out.out, sizeof(much) + 20 + 24);
	ck_assert_int_eq(spice_wire_receive(&wire, byte_queue_front(&out.out), out.out.length), 0);
	ck_assert_uint_eq(got.skipped, 1);
	ck_assert_uint_eq(got.type, SPICE_FILE_XFER_START);
	ck_assert_uint_eq(got.length, 64);
	ck_assert_mem_eq(got.bytes, much, 64);
	byte_queue_clear(&out.out);
	spice_wire_send(&out, SPICE_CLIENT_PORT, SPICE_CLIENT_DISCONNECTED, (struct slice){0},
			(struct slice){0});
	ck_assert_int_eq(spice_wire_receive(&wire, byte_queue_front(&out.out), out.out.length), 0);
	ck_assert_uint_eq(got.messages, 3);
	ck_assert_uint_eq(got.type, SPICE_CLIENT_DISCONNECTED);
	ck_assert_uint_eq(got.length, 0);
	spice_wire_reset(&wire);
	spice_wire_reset(&out);
	free(got.bytes);
}
END_TEST

/* As spice-vdagentd sends it. */
START_TEST(a_chunk_may_hold_a_whole_message)
{
	static const uint8_t head[] = {1, 0, 0, 0, 0x14, 0x10, 0, 0, 1, 0, 0, 0,    4, 0,
				       0, 0, 0, 0, 0,	 0,    0, 0, 0, 0, 0, 0x10, 0, 0};
	static uint8_t much[4096];
	struct got got = {0};
	struct spice_wire wire;

	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (uint8_t)(i * 7);
	spice_wire_init(&wire, &handlers, &got);
	ck_assert_int_eq(spice_wire_receive(&wire, head, sizeof(head)), 0);
	ck_assert_int_eq(spice_wire_receive(&wire, much, 3000), 0);
	ck_assert(spice_wire_is_within(&wire));
	ck_assert_int_eq(spice_wire_receive(&wire, much + 3000, sizeof(much) - 3000), 0);
	ck_assert_uint_eq(got.messages, 1);
	ck_assert_uint_eq(got.type, SPICE_CLIPBOARD);
	ck_assert_uint_eq(got.length, sizeof(much));
	ck_assert_mem_eq(got.bytes, much, sizeof(much));
	spice_wire_reset(&wire);
	free(got.bytes);
}
END_TEST

START_TEST(test_wire_refuses)
{
	static const uint8_t port[] = {3, 0, 0, 0, 20, 0, 0, 0};
	static const uint8_t chunk[] = {1, 0, 0, 0, 1, 0, 0, 0x20}; /* beyond all messages */
	static const uint8_t protocol[] = {1, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 6, 0,
					   0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 8, 0, 0, 0};
	/* A size near 2^32 costs nothing, and passes by. */
	static const uint8_t huge[] = {1, 0, 0, 0, 24, 0, 0, 0, 1,    0,    0,	  0,	4, 0, 0, 0,
				       0, 0, 0, 0, 0,  0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4};
	struct got got = {0};
	struct spice_wire wire;

	spice_wire_init(&wire, &handlers, &got);
	ck_assert_int_eq(spice_wire_receive(&wire, port, sizeof(port)), -EPROTO);
	/* Until it begins anew. */
	ck_assert_int_eq(spice_wire_receive(&wire, huge, sizeof(huge)), -EPROTO);
	spice_wire_reset(&wire);
	ck_assert_int_eq(spice_wire_receive(&wire, chunk, sizeof(chunk)), -EPROTO);
	spice_wire_reset(&wire);
	ck_assert_int_eq(spice_wire_receive(&wire, protocol, sizeof(protocol)), -EPROTO);
	spice_wire_reset(&wire);
	ck_assert_int_eq(spice_wire_receive(&wire, huge, sizeof(huge)), 0);
	ck_assert_uint_eq(wire.message[0].received, 4);
	ck_assert_uint_le(wire.message[0].capacity, 64);
	ck_assert_int_eq(spice_wire_send(&wire, SPICE_CLIENT_PORT, SPICE_CLIPBOARD,
					 (struct slice){huge, UINT32_MAX},
					 (struct slice){huge, UINT32_MAX}),
			 -EMSGSIZE);
	ck_assert_int_eq(spice_wire_send(&wire, SPICE_CLIENT_PORT, SPICE_CLIPBOARD,
					 (struct slice){huge, UINT32_MAX}, (struct slice){0}),
			 -ENOBUFS);
	ck_assert_uint_eq(got.messages + got.skipped, 0);
	spice_wire_reset(&wire);
}
END_TEST

START_TEST(a_mouse_is_read)
{
	static const uint8_t golden[] = {0x34, 0x12, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 3};
	struct spice_mouse mouse;
	uint8_t bytes[SPICE_MOUSE_SIZE];

	ck_assert_int_eq(spice_mouse_parse((struct slice){golden, sizeof(golden)}, &mouse), 0);
	ck_assert_uint_eq(mouse.x, 0x1234);
	ck_assert_uint_eq(mouse.y, 5);
	ck_assert_uint_eq(mouse.buttons, SPICE_BUTTON_LEFT);
	ck_assert_uint_eq(mouse.screen, 3);
	spice_mouse_encode(&mouse, bytes);
	ck_assert_mem_eq(bytes, golden, sizeof(golden));
	ck_assert_int_lt(spice_mouse_parse((struct slice){golden, sizeof(golden) - 1}, &mouse), 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, a_mouse_is_read);
	tcase_add_test(tcase, a_chunk_may_hold_a_whole_message);
	tcase_add_test(tcase, test_capabilities);
	tcase_add_test(tcase, test_monitors);
	tcase_add_test(tcase, test_clipboard);
	tcase_add_test(tcase, test_file_start);
	tcase_add_test(tcase, test_file_data);
	tcase_add_test(tcase, test_wire);
	tcase_add_test(tcase, test_wire_refuses);
	return suite_run_case("spice", tcase);
}
