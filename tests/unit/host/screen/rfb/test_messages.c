/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What viewers send: keys, pointers, clipboards, formats, and what breaks the rules. */
#include "host/screen/clipboard.h"
#include "host/screen/keyboard.h"
#include "protocol/base/bytes.h"
#include "talk.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define EXTENDED_CLIPBOARD (-0x3f5e1a32)

static struct talk *talk;
static struct clipboard *clipboard;

static void on_clipboard_changed(void *owner, struct viewer *by)
{
	struct talk *changed = owner;

	screen_clipboard_changed(changed->screen, by);
}

static void on_gone(void *owner, struct viewer *viewer)
{
	(void)owner;
	clipboard_forget(clipboard, viewer);
}

static const struct screen_hooks hooks = {.viewer_gone = on_gone};

static void setup(void)
{
	talk = talk_new(320, 200);
	clipboard = clipboard_new(&talk->loop, on_clipboard_changed, talk);
	screen_set_clipboard(talk->screen, clipboard);
	screen_set_hooks(talk->screen, &hooks, talk);
	ck_assert_int_eq(talk_connect(talk, &talk_open_to_all), 0);
	talk_enter(talk);
}

static void teardown(void)
{
	/* Viewers before the clipboard. */
	close(talk->fd);
	talk->fd = -1;
	talk_run(talk, 20);
	ck_assert_ptr_null(screen_viewers(talk->screen));
	clipboard_free(clipboard);
	talk_free(talk);
}

static void hear_log(const char *expected)
{
	talk_run(talk, 20);
	ck_assert_str_eq(talk->log, expected);
	talk->log[0] = '\0';
}

/* --- Input ------------------------------------------------------------------------------------ */

START_TEST(test_keysyms)
{
	struct keyboard *keyboard;

	SAY(talk, 4, 1, 0, 0, 0, 0, 0, 'a'); /* nobody knows the layout */
	hear_log("");
	ck_assert_int_eq(keyboard_new("us", &keyboard), 0);
	screen_set_keyboard(talk->screen, keyboard);
	SAY(talk, 4, 1, 0, 0, 0, 0, 0, 'a', 4, 0, 0, 0, 0, 0, 0, 'a');
	hear_log("key 30 1;key 30 0;");
	SAY(talk, 4, 1, 0, 0, 0, 0, 0xff, 0xe1, 4, 1, 0, 0, 0, 0, 0, 'A');
	hear_log("key 42 1;key 30 1;");
	close(talk->fd); /* what it holds goes up */
	talk->fd = -1;
	hear_log("key 30 0;key 42 0;");
	keyboard_free(keyboard);
	screen_set_keyboard(talk->screen, NULL);
}
END_TEST

/* Scancodes: no layout comes into it. */
START_TEST(test_qemu_keys)
{
	static const uint8_t codes[][2] = {
		{0x1e, KEY_A},	      {0x9d, KEY_RIGHTCTRL}, {0x57, KEY_F11},	   {0xc8, KEY_UP},
		{0xdb, KEY_LEFTMETA}, {0x56, KEY_102ND},     {0xb8, KEY_RIGHTALT},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(codes); i++) {
		char expected[40];

		SAY(talk, 255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, codes[i][0]);
		SAY(talk, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, codes[i][0]);
		(void)snprintf(expected, sizeof(expected), "key %u 1;key %u 0;", codes[i][1],
			       codes[i][1]);
		hear_log(expected);
	}
	SAY(talk, 255, 0, 0, 1, 0, 0, 0, 0, 0xff, 0, 0, 0x1e);
	SAY(talk, 255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xff);
	hear_log("");
}
END_TEST

START_TEST(test_pointer)
{
	SAY(talk, 5, 1, 0, 10, 0, 20);
	hear_log("at 10 20;button 272 1;");
	SAY(talk, 5, 6, 0, 10, 0, 20);
	hear_log("at 10 20;button 272 0;button 274 1;button 273 1;");
	SAY(talk, 5, 0, 0xff, 0xff, 0xff, 0xff);
	hear_log("at 319 199;button 274 0;button 273 0;");
	SAY(talk, 5, 8, 0, 1, 0, 1, 5, 0, 0, 1, 0, 1, 5, 16, 0, 1, 0, 1, 5, 16, 0, 1, 0, 1);
	hear_log("at 1 1;wheel 0 1;at 1 1;at 1 1;wheel 0 -1;at 1 1;");
	SAY(talk, 5, 32, 0, 1, 0, 1, 5, 64, 0, 1, 0, 1, 5, 128, 0, 1, 0, 1);
	hear_log("at 1 1;wheel -1 0;at 1 1;wheel 1 0;at 1 1;button 275 1;");
	talk_encodings(talk, 0, -316, NO_MORE);
	SAY(talk, 5, 128, 0, 1, 0, 1, 2);
	hear_log("at 1 1;button 275 0;button 276 1;");
	SAY(talk, 5, 129, 0, 1, 0, 1, 1);
	hear_log("at 1 1;button 272 1;button 275 1;button 276 0;");
}
END_TEST

START_TEST(test_view_only)
{
	const struct rfb_options looking = {.view_only = true};
	struct keyboard *keyboard;

	ck_assert_int_eq(keyboard_new("us", &keyboard), 0);
	screen_set_keyboard(talk->screen, keyboard);
	close(talk->fd);
	talk_connect(talk, &looking);
	talk_enter(talk);
	SAY(talk, 4, 1, 0, 0, 0, 0, 0, 'a');
	SAY(talk, 255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 30);
	SAY(talk, 5, 1, 0, 10, 0, 20);
	SAY(talk, 6, 0, 0, 0, 0, 0, 0, 2, 'h', 'i');
	SAY(talk, 6, 0, 0, 0, 0, 0, 0, 0);
	hear_log("");
	ck_assert_uint_eq(clipboard_types(clipboard, NULL, CLIPBOARD_CLIPBOARD).count, 0);
	talk_request(talk, true); /* it is still there */
	ck_assert_uint_gt(talk->bytes[0] = (uint8_t)(talk_hear_update(talk)), 0);
	keyboard_free(keyboard);
	screen_set_keyboard(talk->screen, NULL);
}
END_TEST

/* --- Clipboards ------------------------------------------------------------------------------- */

static char pasted[100];
static int pasted_error = 1;

static void on_pasted(void *owner, int error, struct slice bytes)
{
	(void)owner;
	pasted_error = error;
	(void)snprintf(pasted, sizeof(pasted), "%.*s", (int)bytes.length,
		       (const char *)bytes.bytes);
}

static void paste(void)
{
	struct clipboard_paste *unused;

	pasted_error = 1;
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 1000,
					 on_pasted, NULL, &unused),
			 0);
}

START_TEST(test_cut_text)
{
	struct viewer other = {0};

	SAY(talk, 6, 0, 0, 0, 0, 0, 0, 4, 'a', '\r', '\n', 0xe9);
	talk_run(talk, 20);
	paste();
	talk_run(talk, 20);
	ck_assert_int_eq(pasted_error, 0);
	ck_assert_str_eq(pasted, "a\n\xc3\xa9");
	/* The other way. */
	clipboard_copied_bytes(clipboard, &other, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "\xc3\xa9\n",
			       3);
	ck_assert_mem_eq(talk_hear(talk, 10), "\3\0\0\0\0\0\0\2\xe9\n", 10);
	clipboard_forget(clipboard, &other);
}
END_TEST

static size_t pack(uint8_t *packed, size_t room, const char *text, uint32_t claimed)
{
	uint8_t plain[200];
	uLongf length = room;
	uint32_t size = htobe32(claimed);

	memcpy(plain, &size, 4);
	memcpy(plain + 4, text, strlen(text) + 1);
	ck_assert_int_eq(compress(packed, &length, plain, strlen(text) + 5), Z_OK);
	return length;
}

static void say_extended(uint32_t flags, const void *bytes, size_t length)
{
	uint32_t head[2] = {htobe32(0U - (uint32_t)(length + 4)), htobe32(flags)};

	SAY(talk, 6, 0, 0, 0);
	talk_say(talk, head, sizeof(head));
	talk_say(talk, bytes, length);
}

static uint32_t hear_extended(size_t *length)
{
	const uint8_t *bytes = talk_hear(talk, 12);

	ck_assert_uint_eq(bytes[0], 3);
	*length = 0U - talk_be32(bytes + 4) - 4;
	ck_assert_uint_lt(*length, 1000);
	return talk_be32(bytes + 8);
}

static void begin_extended(void)
{
	size_t length;

	talk_encodings(talk, 0, EXTENDED_CLIPBOARD, NO_MORE);
	ck_assert_uint_eq(hear_extended(&length), 0x1f000001);
	ck_assert_uint_eq(length, 4);
	talk_hear(talk, 4);
	ck_assert_uint_eq(hear_extended(&length), 0x08000000); /* nothing is offered */
	ck_assert_uint_eq(length, 0);
}

/* The viewer says that it has something, and sends it when somebody pastes. */
START_TEST(test_extended_from_viewer)
{
	uint8_t packed[200];
	size_t length;

	begin_extended();
	say_extended(0x08000001, NULL, 0);
	talk_run(talk, 20);
	paste();
	ck_assert_uint_eq(hear_extended(&length), 0x02000001);
	length = pack(packed, sizeof(packed), "one\r\ntwo", 9);
	say_extended(0x10000001, packed, length);
	talk_run(talk, 20);
	ck_assert_int_eq(pasted_error, 0);
	ck_assert_str_eq(pasted, "one\ntwo");
	/* Unasked: nothing. */
	say_extended(0x10000001, packed, length);
	/* It has something else now: what was wanted is gone. */
	say_extended(0x08000001, NULL, 0);
	talk_run(talk, 20);
	paste();
	hear_extended(&length);
	say_extended(0x08000001, NULL, 0);
	talk_run(talk, 20);
	ck_assert_int_lt(pasted_error, 0);
	/* Less than it says. */
	paste();
	hear_extended(&length);
	length = pack(packed, sizeof(packed), "one", 400);
	say_extended(0x10000001, packed, length);
	talk_hear_end(talk);
	ck_assert_int_lt(pasted_error, 0);
}
END_TEST

START_TEST(test_extended_garbage)
{
	size_t length;

	begin_extended();
	say_extended(0x08000001, NULL, 0);
	talk_run(talk, 20);
	paste();
	hear_extended(&length);
	say_extended(0x10000001, "this is not zlib's", 18);
	talk_hear_end(talk);
	ck_assert_int_lt(pasted_error, 0);
}
END_TEST

/* What the user has copied is offered, and sent when the viewer asks. */
/* What somebody else has copied is offered, and sent when the viewer asks. */
START_TEST(test_extended_to_viewer)
{
	struct viewer other = {0};
	uint8_t packed[100], plain[100];
	z_stream zlib = {0};
	size_t length;

	begin_extended();
	clipboard_copied_bytes(clipboard, &other, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT,
			       "\xc3\xa9\nb", 4);
	ck_assert_uint_eq(hear_extended(&length), 0x08000001);
	say_extended(0x04000000, NULL, 0); /* peek */
	ck_assert_uint_eq(hear_extended(&length), 0x08000001);
	say_extended(0x02000001, NULL, 0);
	ck_assert_uint_eq(hear_extended(&length), 0x10000001);
	memcpy(packed, talk_hear(talk, length), MIN(length, sizeof(packed)));
	inflateInit(&zlib);
	zlib.next_in = packed;
	zlib.avail_in = (uInt)length;
	zlib.next_out = plain;
	zlib.avail_out = sizeof(plain);
	inflate(&zlib, Z_SYNC_FLUSH);
	ck_assert_uint_eq(zlib.total_out, 10);
	ck_assert_mem_eq(plain, "\0\0\0\6\xc3\xa9\r\nb\0", 10);
	inflateEnd(&zlib);
	clipboard_forget(clipboard, &other);
	ck_assert_uint_eq(hear_extended(&length), 0x08000000);
	say_extended(0x02000001, NULL, 0); /* there is nothing */
	talk_hear_nothing(talk);
}
END_TEST

/* --- What breaks the rules -------------------------------------------------------------------- */

START_TEST(test_wrong)
{
	static const struct {
		uint8_t bytes[20];
		size_t length;
	} wrong[] = {
		{{1}, 1},
		{{7}, 1},
		{{255, 9, 0, 0}, 4},
		{{6, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 8}, /* not said to be extended */
		{{0, 0, 0, 0, 24, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0}, 20},
		{{0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 25, 8, 0}, 20},
		{{0, 0, 0, 0, 32, 24, 0, 1, 0, 254, 0, 255, 0, 255, 16, 8, 0}, 20},
		{{0, 0, 0, 0, 32, 33, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0}, 20},
		{{0, 0, 0, 0, 16, 16, 0, 0, 0, 255, 0, 255, 0, 255, 16, 8, 0}, 20},
		{{0, 0, 0, 0, 32, 24, 0, 1, 0, 0, 0, 255, 0, 255, 16, 8, 200}, 20},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		talk_say(talk, wrong[i].bytes, wrong[i].length);
		talk_hear_end(talk);
		close(talk->fd);
		talk_connect(talk, &talk_open_to_all);
		talk_enter(talk);
	}
}
END_TEST

/* Far more than is kept of anything: it is read, and thrown away. */
START_TEST(test_long)
{
	uint8_t *block = calloc(1, 1 << 20);

	SAY(talk, 2, 0, 0xff, 0xff);
	talk_say(talk, block, 65535UL * 4);
	SAY(talk, 6, 0, 0, 0, 0x02, 0, 0, 0); /* 32 MiB */
	for (unsigned int i = 0; i < 32; i++)
		talk_say(talk, block, 1 << 20);
	talk_request(talk, true);
	ck_assert_uint_gt(talk_hear_update(talk), 0);
	ck_assert_uint_eq(clipboard_types(clipboard, NULL, CLIPBOARD_CLIPBOARD).count, 0);
	free(block);
}
END_TEST

/* A byte at a time. */
START_TEST(test_slowly)
{
	static const uint8_t messages[] = {2, 0,  0, 1, 0, 0, 0, 0, 5, 1, 0,   10,
					   0, 20, 6, 0, 0, 0, 0, 0, 0, 1, 'x', 255,
					   0, 0,  1, 0, 0, 0, 0, 0, 0, 0, 30};

	for (size_t i = 0; i < sizeof(messages); i++) {
		talk_say(talk, messages + i, 1);
		talk_run(talk, 1);
	}
	hear_log("at 10 20;button 272 1;key 30 1;");
}
END_TEST

/* 8 bits with a map: ours is set, and pixels are numbers in it. */
START_TEST(test_colour_map)
{
	SAY(talk, 0, 0, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	talk_paint(talk, 0xff0000);
	talk_request(talk, true);
	ck_assert_mem_eq(talk_hear(talk, 6), "\1\0\0\0\1\0", 6);
	talk_hear(talk, 256UL * 6);
	ck_assert_mem_eq(talk->bytes + 0xe0 * 6UL, "\xff\xff\0\0\0\0", 6);
	ck_assert_uint_gt(talk_hear_update(talk), 0);
	talk_hear_header(talk, 0);
	ck_assert_uint_eq(*talk_hear(talk, 1), 0xe0);
}
END_TEST

/* What makes us answer, again and again, from somebody who never reads. */
START_TEST(test_flood)
{
	uint8_t fences[1000][73] = {0};

	for (unsigned int i = 0; i < ARRAY_SIZE(fences); i++) {
		fences[i][0] = 248;
		fences[i][4] = 0x80;
		fences[i][8] = 64;
	}
	for (unsigned int i = 0; i < 1000 && screen_viewers(talk->screen); i++) {
		talk_run(talk, 1);
		/* Not talk_say(), as it may be closed. */
		if (send(talk->fd, fences, sizeof(fences), MSG_NOSIGNAL) < 0)
			talk_run(talk, 2);
	}
	ck_assert_ptr_null(screen_viewers(talk->screen));
}
END_TEST

/* Requests for everything, far faster than it can be sent, of the largest picture: each costs no
 * more than a few bytes do. */
START_TEST(test_requests)
{
	uint8_t requests[6000][10] = {0};
	uint64_t start;

	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		requests[i][0] = 3;
		requests[i][6] = requests[i][7] = requests[i][8] = requests[i][9] = 0xff;
	}
	screen_head_changed(talk->screen, 0, 8192, 8192);
	talk_encodings(talk, 16, -224, -308, NO_MORE);
	talk_run(talk, 10);
	start = uv_hrtime();
	for (unsigned int i = 0; i < 20; i++)
		talk_say(talk, requests, sizeof(requests));
	/* 120000 of them; a hundredth of a second each would be twenty minutes. */
	ck_assert_uint_lt(uv_hrtime() - start, 5000000000U);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("messages");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_keysyms);
	tcase_add_test(tcase, test_qemu_keys);
	tcase_add_test(tcase, test_pointer);
	tcase_add_test(tcase, test_view_only);
	tcase_add_test(tcase, test_cut_text);
	tcase_add_test(tcase, test_extended_from_viewer);
	tcase_add_test(tcase, test_extended_garbage);
	tcase_add_test(tcase, test_extended_to_viewer);
	tcase_add_test(tcase, test_wrong);
	tcase_add_test(tcase, test_long);
	tcase_add_test(tcase, test_slowly);
	tcase_add_test(tcase, test_colour_map);
	tcase_add_test(tcase, test_flood);
	tcase_add_test(tcase, test_requests);
	return suite_run_case("messages", tcase);
}
