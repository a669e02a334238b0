/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/bus/bus_message.h"

#include <check.h>
#include <dbus/dbus.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct bus_writer body, whole;

static void teardown(void)
{
	bus_writer_free(&body);
	bus_writer_free(&whole);
}

/* Header and body, as they go over the wire. */
static void put_whole(struct bus_message *message)
{
	message->body = (struct slice){body.bytes, body.length};
	bus_put_header(&whole, message);
	for (size_t i = 0; i < body.length; i++)
		bus_put_byte(&whole, body.bytes[i]);
	ck_assert(!whole.failed);
}

static void put_values(void)
{
	size_t array, entries;

	bus_put_byte(&body, 7);
	bus_put_u64(&body, 1ULL << 40);
	bus_put_string(&body, "h\xc3\xa9");
	bus_put_i32(&body, -5);
	bus_put_u16(&body, 65535);
	bus_put_bool(&body, true);
	array = bus_begin_array(&body, 4);
	bus_put_string(&body, "a");
	bus_put_string(&body, "bc");
	bus_end_array(&body, array, 4);
	memcpy(bus_put_bytes(&body, 3), "xyz", 3);
	entries = bus_begin_array(&body, 8);
	bus_begin_struct(&body);
	bus_put_string(&body, "Width");
	bus_put_signature(&body, "u");
	bus_put_u32(&body, 640);
	bus_end_array(&body, entries, 8);
	entries = bus_begin_array(&body, 8);
	bus_end_array(&body, entries, 8);
}

#define VALUES "ytsiqbasaya{sv}a{sv}"

static struct bus_message call(void)
{
	return (struct bus_message){.type = BUS_CALL,
				    .serial = 9,
				    .path = "/a/b",
				    .interface = "x.y",
				    .member = "Do",
				    .signature = VALUES};
}

START_TEST(what_is_written_is_read)
{
	struct bus_message message = call(), got;
	struct bus_reader reader;
	size_t size, end;

	put_values();
	put_whole(&message);
	ck_assert_int_eq(bus_message_size(whole.bytes, &size), 0);
	ck_assert_uint_eq(size, whole.length);
	ck_assert_int_eq(bus_message_parse(whole.bytes, whole.length, &got), 0);
	ck_assert_int_eq(got.type, BUS_CALL);
	ck_assert_uint_eq(got.serial, 9);
	ck_assert_str_eq(got.path, "/a/b");
	ck_assert_str_eq(got.interface, "x.y");
	ck_assert_str_eq(got.member, "Do");
	ck_assert_str_eq(got.signature, VALUES);
	ck_assert_ptr_null(got.error);
	reader = bus_read(&got);
	ck_assert_uint_eq(bus_get_byte(&reader), 7);
	ck_assert_uint_eq(bus_get_u64(&reader), 1ULL << 40);
	ck_assert_str_eq(bus_get_string(&reader), "h\xc3\xa9");
	ck_assert_int_eq(bus_get_i32(&reader), -5);
	ck_assert_uint_eq(bus_get_u16(&reader), 65535);
	ck_assert(bus_get_bool(&reader));
	end = bus_get_array(&reader, 4);
	ck_assert_str_eq(bus_get_string(&reader), "a");
	ck_assert_str_eq(bus_get_string(&reader), "bc");
	ck_assert_uint_eq(reader.at, end);
	ck_assert(slice_is(bus_get_bytes(&reader), "xyz"));
	end = bus_get_array(&reader, 8);
	bus_get_struct(&reader);
	ck_assert_str_eq(bus_get_string(&reader), "Width");
	ck_assert_str_eq(bus_get_signature(&reader), "u");
	ck_assert_uint_eq(bus_get_u32(&reader), 640);
	ck_assert_uint_eq(reader.at, end);
	ck_assert_uint_eq(bus_get_array(&reader, 8), reader.at);
	ck_assert_int_eq(reader.error, 0);
	ck_assert_uint_eq(reader.at, reader.length);
	bus_get_byte(&reader);
	ck_assert_int_eq(reader.error, -EBADMSG);
}
END_TEST

START_TEST(libdbus_reads_it_too)
{
	struct bus_message message = call();
	DBusMessage *theirs;
	DBusMessageIter values;
	dbus_uint64_t number;

	put_values();
	put_whole(&message);
	ck_assert_int_eq(
		dbus_message_demarshal_bytes_needed((char *)whole.bytes, (int)whole.length),
		(int)whole.length);
	theirs = dbus_message_demarshal((char *)whole.bytes, (int)whole.length, NULL);
	ck_assert_ptr_nonnull(theirs);
	ck_assert_str_eq(dbus_message_get_signature(theirs), VALUES);
	ck_assert(dbus_message_is_method_call(theirs, "x.y", "Do"));
	dbus_message_iter_init(theirs, &values);
	dbus_message_iter_next(&values);
	dbus_message_iter_get_basic(&values, &number);
	ck_assert_uint_eq(number, 1ULL << 40);
	dbus_message_unref(theirs);
}
END_TEST

START_TEST(what_libdbus_writes_is_read)
{
	DBusMessage *theirs = dbus_message_new_method_call("some.where", "/p", "i.f", "M");
	const char *text = "t";
	dbus_uint32_t number = 3;
	struct bus_message message;
	struct bus_reader reader;
	char *bytes;
	int length;

	dbus_message_append_args(theirs, DBUS_TYPE_STRING, &text, DBUS_TYPE_UINT32, &number,
				 DBUS_TYPE_INVALID);
	dbus_message_set_serial(theirs, 77);
	ck_assert(dbus_message_marshal(theirs, &bytes, &length));
	ck_assert_int_eq(bus_message_parse((uint8_t *)bytes, (size_t)length, &message), 0);
	ck_assert_uint_eq(message.serial, 77);
	ck_assert_str_eq(message.signature, "su");
	reader = bus_read(&message);
	ck_assert_str_eq(bus_get_string(&reader), "t");
	ck_assert_uint_eq(bus_get_u32(&reader), 3);
	dbus_free(bytes);
	dbus_message_unref(theirs);
}
END_TEST

/* Every byte that is cut off or changed is either noticed or harmless: nothing outside is read (run
 * with sanitizers), and strings end. */
START_TEST(broken_messages)
{
	struct bus_message message = call(), got;

	put_values();
	put_whole(&message);
	for (size_t length = 0; length < whole.length; length++) {
		uint8_t *copy = malloc(length + 1);

		memcpy(copy, whole.bytes, length);
		ck_assert_int_eq(bus_message_parse(copy, length, &got), -EBADMSG);
		free(copy);
	}
	for (size_t at = 0; at < whole.length; at++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			uint8_t *copy = malloc(whole.length);

			memcpy(copy, whole.bytes, whole.length);
			copy[at] ^= (uint8_t)(1U << bit);
			if (bus_message_parse(copy, whole.length, &got) == 0) {
				struct bus_reader reader = bus_read(&got);

				bus_skip(&reader, got.signature);
				ck_assert_uint_lt(strlen(got.path), whole.length);
			}
			free(copy);
		}
	}
}
END_TEST

START_TEST(sizes_are_bounded)
{
	struct bus_message message = call();
	uint32_t huge = 0xfffffff8;
	size_t size;

	put_whole(&message);
	memcpy(whole.bytes + 4, &huge, 4);
	ck_assert_int_eq(bus_message_size(whole.bytes, &size), -EMSGSIZE);
	huge = BUS_MAX_FIELDS + 1;
	memcpy(whole.bytes + 12, &huge, 4);
	ck_assert_int_eq(bus_message_size(whole.bytes, &size), -EMSGSIZE);
	ck_assert_ptr_null(bus_put_bytes(&body, (size_t)BUS_MAX_ARRAY + 1));
	ck_assert(body.failed);
}
END_TEST

START_TEST(any_value_is_skipped)
{
	struct bus_message message = {.body = {NULL, 0}};
	struct bus_reader reader;
	size_t outer;

	/* a(yv), of which one holds an array of arrays. */
	outer = bus_begin_array(&body, 8);
	bus_begin_struct(&body);
	bus_put_byte(&body, 1);
	bus_put_signature(&body, "aau");
	size_t middle = bus_begin_array(&body, 4), inner = bus_begin_array(&body, 4);

	bus_put_u32(&body, 5);
	bus_end_array(&body, inner, 4);
	bus_end_array(&body, middle, 4);
	bus_begin_struct(&body);
	bus_put_byte(&body, 2);
	bus_put_signature(&body, "s");
	bus_put_string(&body, "x");
	bus_end_array(&body, outer, 8);
	bus_put_byte(&body, 42);
	message.body = (struct slice){body.bytes, body.length};
	reader = bus_read(&message);
	bus_skip(&reader, "a(yv)");
	ck_assert_uint_eq(bus_get_byte(&reader), 42);
	ck_assert_int_eq(reader.error, 0);
	reader = bus_read(&message);
	bus_skip(&reader, "a(y");
	ck_assert_int_eq(reader.error, -EBADMSG);
	reader = bus_read(&message);
	bus_skip(&reader, "aaaaaaaaaay");
	ck_assert_int_eq(reader.error, -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus_message");
	TCase *tcase = tcase_create("bus_message");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, what_is_written_is_read);
	tcase_add_test(tcase, libdbus_reads_it_too);
	tcase_add_test(tcase, what_libdbus_writes_is_read);
	tcase_add_test(tcase, broken_messages);
	tcase_add_test(tcase, sizes_are_bounded);
	tcase_add_test(tcase, any_value_is_skipped);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
