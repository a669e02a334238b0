/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VNC server's clipboard, both ways. */
#include "tests/unit/host/screen/source/played_vnc.h"

#include "host/screen/clipboard.h"
#include "host/screen/guest.h"
#include "host/screen/rfb/packed_text.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct played_vnc vnc;

static void setup(void)
{
	played_vnc_open(&vnc);
}

static void teardown(void)
{
	played_vnc_close(&vnc);
}

static struct clipboard *clipboard;
static struct guest *guest;
static char pasted[64];
static unsigned int wants;

static void ignore_changed(void *owner, struct viewer *by)
{
	(void)owner;
	(void)by;
}

static void ignore_layout(void *owner)
{
	(void)owner;
}

static const struct guest_handlers guest_handlers = {.layout = ignore_layout};

static int source_session(void *owner)
{
	struct source *source = screen_source(owner);

	return source->ops->session(source);
}

/* What the server says of its clipboard. */
static void say_clipboard(uint32_t flags, const char *text)
{
	struct wire packed = {0}, wire = {0};

	if (text)
		ck_assert_int_eq(packed_text_put(&packed, slice_of(text)), 0);
	wire_put32(&wire, 3U << 24);
	wire_put32(&wire, 0U - (uint32_t)(packed.length + 4));
	wire_put32(&wire, flags);
	wire_put(&wire, packed.bytes, packed.length);
	wire_free(&packed);
	played_vnc_say_wire(&vnc, &wire);
}

/* The flags of the clipboard's message that comes next, and its text. */
static uint32_t hear_clipboard(char text[64])
{
	uint8_t heard[256], *taken;
	size_t length = 0, text_length;

	while (length == 0) {
		uv_run(&vnc.loop, UV_RUN_NOWAIT);
		length = played_vnc_hear(&vnc, heard, sizeof(heard));
	}
	ck_assert_uint_ge(length, 12);
	ck_assert_uint_eq(load_be32(heard), 6U << 24);
	ck_assert_uint_eq(0U - load_be32(heard + 4), length - 8);
	if (text) {
		ck_assert_int_eq(packed_text_take(heard + 12, length - 12, &taken, &text_length),
				 0);
		ck_assert_uint_lt(text_length, 64);
		memcpy(text, taken, text_length);
		text[text_length] = '\0';
		free(taken);
	}
	return load_be32(heard + 8);
}

static void begin_clipboard(void)
{
	clipboard = clipboard_new(&vnc.loop, ignore_changed, NULL);
	guest = guest_new(&vnc.loop, clipboard, &guest_handlers, NULL);
	played_vnc_begin(&vnc);
	ck_assert_int_eq(source_session(vnc.screen), -ENOTCONN);
	say_clipboard(CLIP_CAPS | CLIP_FORMAT_TEXT, NULL);
	guest_set_spare(guest, source_session, vnc.screen);
}

static void end_clipboard(void)
{
	guest_free(guest);
	screen_remove_viewer(&vnc.viewer);
	clipboard_forget(clipboard, &vnc.viewer);
	clipboard_free(clipboard);
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	(void)owner;
	ck_assert_int_eq(error, 0);
	ck_assert_uint_lt(bytes.length, sizeof(pasted));
	memcpy(pasted, bytes.bytes, bytes.length);
	pasted[bytes.length] = '\0';
	wants++;
}

START_TEST(what_the_guest_copies_is_pasted_here)
{
	struct clipboard_paste *paste;

	vnc.by_bytes = _i == 1;
	begin_clipboard();
	wants = 0;
	say_clipboard(CLIP_NOTIFY | CLIP_FORMAT_TEXT, NULL);
	while (clipboard_types(clipboard, NULL, CLIPBOARD_CLIPBOARD).count == 0)
		uv_run(&vnc.loop, UV_RUN_ONCE);
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 1000,
					 on_pasted, NULL, &paste),
			 0);
	ck_assert_uint_eq(hear_clipboard(NULL), CLIP_REQUEST | CLIP_FORMAT_TEXT);
	say_clipboard(CLIP_PROVIDE | CLIP_FORMAT_TEXT, "Gr\xc3\xbc\xc3\x9f\ne");
	while (wants == 0)
		uv_run(&vnc.loop, UV_RUN_ONCE);
	ck_assert_str_eq(pasted, "Gr\xc3\xbc\xc3\x9f\ne");
	/* It is no more. */
	say_clipboard(CLIP_NOTIFY, NULL);
	while (clipboard_types(clipboard, NULL, CLIPBOARD_CLIPBOARD).count > 0)
		uv_run(&vnc.loop, UV_RUN_ONCE);
	end_clipboard();
}
END_TEST

START_TEST(what_is_copied_here_the_guest_pastes)
{
	char text[64];

	begin_clipboard();
	ck_assert_int_eq(clipboard_copied_bytes(clipboard, &vnc.viewer, CLIPBOARD_CLIPBOARD,
						CLIPBOARD_TEXT, "a\nb", 3),
			 0);
	ck_assert_uint_eq(hear_clipboard(NULL), CLIP_NOTIFY | CLIP_FORMAT_TEXT);
	say_clipboard(CLIP_REQUEST | CLIP_FORMAT_TEXT, NULL);
	ck_assert_uint_eq(hear_clipboard(text), CLIP_PROVIDE | CLIP_FORMAT_TEXT);
	ck_assert_str_eq(text, "a\nb");
	end_clipboard();
}
END_TEST

START_TEST(packed_nonsense_ends_it)
{
	struct clipboard_paste *paste;

	begin_clipboard();
	/* Nobody has asked. */
	played_vnc_say(&vnc, "\3\0\0\0\xff\xff\xff\xf8\x10\0\0\1abcd", 16);
	ck_assert(!vnc.gone);
	say_clipboard(CLIP_NOTIFY | CLIP_FORMAT_TEXT, NULL);
	while (clipboard_types(clipboard, NULL, CLIPBOARD_CLIPBOARD).count == 0)
		uv_run(&vnc.loop, UV_RUN_ONCE);
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 1000,
					 on_pasted, NULL, &paste),
			 0);
	(void)hear_clipboard(NULL);
	clipboard_paste_cancel(paste);
	played_vnc_say(&vnc, "\3\0\0\0\xff\xff\xff\xf8\x10\0\0\1abcd", 16);
	played_vnc_say(&vnc, "\x55", 1);
	ck_assert(vnc.gone);
	guest_free(guest);
	clipboard_free(clipboard);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("source/vnc-clipboard");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, what_the_guest_copies_is_pasted_here, 0, 2);
	tcase_add_test(tests, what_is_copied_here_the_guest_pastes);
	tcase_add_test(tests, packed_nonsense_ends_it);
	return suite_run_case("source/vnc-clipboard", tests);
}
