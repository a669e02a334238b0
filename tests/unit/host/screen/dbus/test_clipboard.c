/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clipboard of a viewer over D-Bus. */
#include "tests/unit/host/screen/dbus/viewer_world.h"

/* --- Clipboard -------------------------------------------------------------------------------- */

static DBusMessage *grab(uint32_t selection, uint32_t serial, const char *type)
{
	const char **types = &type;

	return CALL(ROOT "/Clipboard", "Clipboard", "Grab", DBUS_TYPE_UINT32, &selection,
		    DBUS_TYPE_UINT32, &serial, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &types, 1);
}

static struct {
	int error;
	char text[64];
	unsigned int times;
} pasted;

static void on_pasted(void *owner, int error, struct slice bytes)
{
	(void)owner;
	pasted.times++;
	pasted.error = error;
	snprintf(pasted.text, sizeof(pasted.text), "%.*s", (int)bytes.length,
		 (const char *)bytes.bytes);
}

START_TEST(what_the_viewer_copies_is_fetched_when_wanted)
{
	struct clipboard_paste *paste;
	const char *type = "text/plain", *text = "copied";
	DBusMessage *reply;

	memset(&pasted, 0, sizeof(pasted));
	connect_viewer(false);
	viewer.answers = false;
	ck_error(grab(0, 1, type), DBUS_ERROR_FAILED); /* not registered */
	ck_done(ask(new_call(ROOT "/Clipboard", "Clipboard", "Register"), -1));
	ck_error(grab(2, 1, type), DBUS_ERROR_INVALID_ARGS);
	ck_done(grab(0, 1, type));
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 100,
					 on_pasted, NULL, &paste),
			 0);
	turn(5);
	ck_assert_str_eq(called(&viewer), "Request;");
	reply = dbus_message_new_method_return(viewer.call);
	dbus_message_append_args(reply, DBUS_TYPE_STRING, &type, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
				 &text, 6, DBUS_TYPE_INVALID);
	bus_peer_send(viewer.peer, reply, -1);
	dbus_message_unref(reply);
	turn(5);
	ck_assert_uint_eq(pasted.times, 1);
	ck_assert_int_eq(pasted.error, 0);
	ck_assert_str_eq(pasted.text, "copied");
	/* The viewer goes while it is asked again. */
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 100,
					 on_pasted, NULL, &paste),
			 0);
	turn(3);
	bus_peer_free(take_ptr(viewer.peer));
	turn(5);
	ck_assert_uint_eq(pasted.times, 2);
	ck_assert_int_lt(pasted.error, 0);
}
END_TEST

START_TEST(what_another_copies_is_offered_and_pasted)
{
	uint32_t selection = 0;
	const char *type = "text/plain", **types = &type, *got;
	static struct viewer other;
	static const struct viewer_ops other_ops = {.protocol = "other", .close = NULL};
	struct viewer_ops with_close = other_ops;
	const uint8_t *bytes;
	int length;

	with_close.close = (void (*)(struct viewer *))(void *)free;
	other = (struct viewer){.ops = &with_close};
	connect_viewer(false);
	ck_assert_int_eq(screen_add_viewer(screen, &other), 0);
	ck_done(ask(new_call(ROOT "/Clipboard", "Clipboard", "Register"), -1));
	ck_assert_int_eq(clipboard_copied_bytes(clipboard, &other, CLIPBOARD_CLIPBOARD,
						CLIPBOARD_TEXT, "hello", 5),
			 0);
	settle();
	ck_assert_str_eq(called(&viewer), "Grab;");
	ck_done(CALL(ROOT "/Clipboard", "Clipboard", "Request", DBUS_TYPE_UINT32, &selection,
		     DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &types, 1));
	ck_assert(dbus_message_get_args(viewer.reply, NULL, DBUS_TYPE_STRING, &got, DBUS_TYPE_ARRAY,
					DBUS_TYPE_BYTE, &bytes, &length, DBUS_TYPE_INVALID));
	ck_assert_str_eq(got, "text/plain");
	ck_assert_int_eq(length, 5);
	ck_assert_mem_eq(bytes, "hello", 5);
	type = "image/png";
	ck_error(CALL(ROOT "/Clipboard", "Clipboard", "Request", DBUS_TYPE_UINT32, &selection,
		      DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &types, 1),
		 DBUS_ERROR_FAILED);
	screen_remove_viewer(&other);
	settle();
	ck_assert_str_eq(called(&viewer), "Release;");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("dbus_clipboard");

	tcase_add_checked_fixture(tests, world_setup, world_teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, what_the_viewer_copies_is_fetched_when_wanted);
	tcase_add_test(tests, what_another_copies_is_offered_and_pasted);
	return suite_run_case("dbus_clipboard", tests);
}
