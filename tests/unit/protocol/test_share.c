/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "protocol/share.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *bytes;
	size_t length;
	bool is_valid;
} names[] = {
	{"a", 1, true},
	{"My_share-1.x", 12, true},
	{"_", 1, true},
	{"", 0, false},
	{".", 1, false},
	{"..", 2, false},
	{"-o", 2, false},
	{"a/b", 3, false},
	{"a b", 3, false},
	{"a\0b", 3, false},
	{"caf\xc3\xa9", 5, false},
	{"0123456789012345678901234567890123456789012345678901234567890123", 64, true},
	{"01234567890123456789012345678901234567890123456789012345678901234", 65, false},
};

START_TEST(a_name_is_a_plain_word)
{
	ck_assert(share_name_is_valid(names[_i].bytes, names[_i].length) == names[_i].is_valid);
}
END_TEST

START_TEST(a_list_goes_and_comes)
{
	uint8_t item_bytes[256], bytes[512];
	struct cbor_writer items = CBOR_WRITER(item_bytes), writer = CBOR_WRITER(bytes);
	struct share_entry one = {.name = slice_of("one"), .at = slice_of("/mnt/a b")};
	struct share_entry two = {.name = slice_of("two"), .read_only = true}, back;
	struct share_list list;
	struct cbor_reader reader;
	uint64_t left;

	cbor_put_array(&items, 2);
	message_encode(&message_share_entry, &one, &items);
	message_encode(&message_share_entry, &two, &items);
	list.shares = cbor_written(&items);
	message_encode(&message_share_list, &list, &writer);
	ck_assert_int_eq(message_decode(&message_share_list, cbor_written(&writer), &list), 0);
	reader = (struct cbor_reader)CBOR_READER(list.shares);
	ck_assert_int_eq(message_items_begin(&reader, &left), 0);
	ck_assert_int_eq(message_items_next(&reader, &left, &message_share_entry, &back), 1);
	ck_assert(slice_is(back.name, "one") && slice_is(back.at, "/mnt/a b") && !back.read_only);
	ck_assert_int_eq(message_items_next(&reader, &left, &message_share_entry, &back), 1);
	ck_assert(slice_is(back.name, "two") && back.at.length == 0 && back.read_only);
	ck_assert_int_eq(message_items_next(&reader, &left, &message_share_entry, &back), 0);
}
END_TEST

START_TEST(a_session_is_not_longer_than_it_may)
{
	static const uint8_t session[SHARE_SESSION_SIZE + 1] = {0, 1};
	struct share_open open = {.name = slice_of("one"), .resume = true};
	uint8_t bytes[128];

	for (size_t length = SHARE_SESSION_SIZE; length <= sizeof(session); length++) {
		struct cbor_writer writer = CBOR_WRITER(bytes);
		struct share_open back;

		open.session = (struct slice){session, length};
		message_encode(&message_share_open, &open, &writer);
		ck_assert_int_eq(message_decode(&message_share_open, cbor_written(&writer), &back),
				 length == SHARE_SESSION_SIZE ? 0 : -EBADMSG);
		if (length == SHARE_SESSION_SIZE)
			ck_assert(back.resume && memcmp(back.session.bytes, session, length) == 0);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("share");

	tcase_add_loop_test(tc, a_name_is_a_plain_word, 0, ARRAY_SIZE(names));
	tcase_add_test(tc, a_list_goes_and_comes);
	tcase_add_test(tc, a_session_is_not_longer_than_it_may);
	return suite_run_case("share", tc);
}
