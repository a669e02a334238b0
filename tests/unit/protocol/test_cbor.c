/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/cbor.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <errno.h>

static struct cbor_reader reader_of(const char *bytes, size_t length)
{
	return (struct cbor_reader){.bytes = (const uint8_t *)bytes, .length = length};
}

static const int64_t integers[] = {0,  23,  24,	 255,  256,  65535,  65536,  UINT32_MAX, 4294967296,
				   -1, -24, -25, -256, -257, -65536, -65537, INT64_MAX,	 INT64_MIN};

START_TEST(integers_at_their_edges_survive)
{
	uint8_t bytes[16];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct cbor_reader reader;

	cbor_put_int(&writer, integers[_i]);
	reader = CBOR_READER(cbor_written(&writer));
	ck_assert_int_eq(cbor_peek(&reader), integers[_i] < 0 ? CBOR_NEGATIVE : CBOR_UINT);
	ck_assert_int_eq(cbor_get_int(&reader), integers[_i]);
	ck_assert_int_eq(cbor_finish(&reader), 0);
}
END_TEST

/* Appendix A of RFC 8949, as far as our subset goes. */
START_TEST(examples_of_the_standard_are_written_as_there)
{
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	cbor_put_uint(&writer, 1000000000000);
	cbor_put_uint(&writer, UINT64_MAX);
	cbor_put_int(&writer, -1000);
	cbor_put_bool(&writer, true);
	cbor_put_null(&writer);
	cbor_put_bytes(&writer, SLICE_LITERAL("\1\2\3\4"));
	cbor_put_text(&writer, SLICE_LITERAL("IETF"));
	cbor_put_array(&writer, 25);
	cbor_put_map(&writer, 2);
	ck_assert_uint_eq(writer.length, 9 + 9 + 3 + 1 + 1 + 5 + 5 + 2 + 1);
	ck_assert_mem_eq(bytes,
			 "\x1b\0\0\0\xe8\xd4\xa5\x10\0"
			 "\x1b\xff\xff\xff\xff\xff\xff\xff\xff"
			 "\x39\x03\xe7\xf5\xf6\x44\1\2\3\4\x64IETF\x98\x19\xa2",
			 writer.length);
}
END_TEST

START_TEST(longer_forms_of_integers_are_read)
{
	struct cbor_reader reader = reader_of("\x18\1\x19\0\1\x1a\0\0\0\1\x1b\0\0\0\0\0\0\0\1", 19);

	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(cbor_get_uint(&reader), 1);
	ck_assert_int_eq(cbor_finish(&reader), 0);
}
END_TEST

/* Items that are cut, or outside the subset. */
static const struct {
	const char *bytes;
	size_t length;
} bad[] = {
	{"", 0},
	{"\x18", 1},
	{"\x19\0", 2},
	{"\x1a\0\0\0", 4},
	{"\x1b\0\0\0\0\0\0\0", 8},
	{"\x1c", 1},				     /* reserved */
	{"\x1f", 1},				     /* reserved */
	{"\x42\0", 2},				     /* cut bytes */
	{"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9}, /* bytes of 2^64 */
	{"\x5f\x41\0\xff", 4},			     /* indefinite */
	{"\x61", 1},				     /* cut text */
	{"\x61\x80", 2},			     /* not UTF-8 */
	{"\x62\xc0\x80", 3},			     /* NUL in two bytes */
	{"\x63\xed\xa0\x80", 4},		     /* a surrogate */
	{"\x64\xf4\x90\x80\x80", 5},		     /* beyond Unicode */
	{"\x62\xc3\x28", 3},			     /* no continuation */
	{"\x81", 1},				     /* array of nothing */
	{"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9}, /* array of 2^64 */
	{"\xa1\0", 2},				     /* half a pair */
	{"\xbb\x80\0\0\0\0\0\0\0\0\0", 11},	     /* map whose items wrap 64 bits */
	{"\xbf\xff", 2},			     /* indefinite */
	{"\xc1\0", 2},				     /* a tag */
	{"\xf7", 1},				     /* undefined */
	{"\xf8\x14", 2},			     /* false, in two bytes */
	{"\xf9\0\0", 3},			     /* a float */
	{"\xff", 1},				     /* a stray break */
};

START_TEST(what_is_no_item_of_ours_is_refused)
{
	struct cbor_reader reader = reader_of(bad[_i].bytes, bad[_i].length);
	struct slice item = cbor_get_raw(&reader);

	ck_assert_int_eq(reader.error, -EBADMSG);
	ck_assert_uint_eq(item.length, 0);
	/* The error stays. */
	ck_assert_int_eq(cbor_peek(&reader), CBOR_NOTHING);
	ck_assert_uint_eq(cbor_get_uint(&reader), 0);
	ck_assert_int_eq(cbor_finish(&reader), -EBADMSG);
}
END_TEST

START_TEST(a_get_of_another_type_fails)
{
	struct cbor_reader reader = reader_of("\x61x", 2);

	switch (_i) {
	case 0:
		cbor_get_uint(&reader);
		break;
	case 1:
		cbor_get_int(&reader);
		break;
	case 2:
		ck_assert(!cbor_get_bool(&reader));
		break;
	case 3:
		ck_assert_uint_eq(cbor_get_bytes(&reader).length, 0);
		break;
	case 4:
		ck_assert_uint_eq(cbor_get_array(&reader), 0);
		break;
	default:
		ck_assert_uint_eq(cbor_get_map(&reader), 0);
		break;
	}
	ck_assert_int_eq(reader.error, -EBADMSG);
}
END_TEST

START_TEST(nesting_is_bounded)
{
	uint8_t bytes[64];
	struct cbor_reader reader = {.bytes = bytes, .length = sizeof(bytes)};

	memset(bytes, 0x81, sizeof(bytes));
	bytes[sizeof(bytes) - 1] = 0;
	cbor_skip(&reader);
	ck_assert_int_eq(reader.error, -EBADMSG);
	reader = (struct cbor_reader){.bytes = bytes + sizeof(bytes) - CBOR_MAX_DEPTH,
				      .length = CBOR_MAX_DEPTH};
	cbor_skip(&reader);
	ck_assert_int_eq(cbor_finish(&reader), 0);
}
END_TEST

START_TEST(overflow_is_remembered)
{
	uint8_t bytes[4];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	cbor_put_text(&writer, SLICE_LITERAL("long text"));
	cbor_put_uint(&writer, 1);
	ck_assert(writer.overflow);
	ck_assert_uint_eq(cbor_written(&writer).length, 0);
}
END_TEST

START_TEST(text_is_made_utf8)
{
	uint8_t bytes[16];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct cbor_reader reader;

	cbor_put_text(&writer, SLICE_LITERAL("a\xff\xc3\xa9"));
	reader = CBOR_READER(cbor_written(&writer));
	ck_assert(slice_is(cbor_get_text(&reader), "a?\xc3\xa9"));
}
END_TEST

START_TEST(raw_items_are_copied_whole)
{
	static const char items[] = "\xa1\x61k\x82\1\xf6\x41x";
	struct cbor_reader reader = reader_of(items, sizeof(items) - 1);
	struct slice map = cbor_get_raw(&reader);
	uint8_t bytes[16];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	ck_assert_uint_eq(map.length, 6);
	ck_assert(slice_is(cbor_get_bytes(&reader), "x"));
	ck_assert_int_eq(cbor_finish(&reader), 0);
	cbor_put_raw(&writer, map);
	ck_assert_mem_eq(bytes, items, 6);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cbor");

	tcase_add_loop_test(tc, integers_at_their_edges_survive, 0, ARRAY_SIZE(integers));
	tcase_add_test(tc, examples_of_the_standard_are_written_as_there);
	tcase_add_test(tc, longer_forms_of_integers_are_read);
	tcase_add_loop_test(tc, what_is_no_item_of_ours_is_refused, 0, ARRAY_SIZE(bad));
	tcase_add_loop_test(tc, a_get_of_another_type_fails, 0, 6);
	tcase_add_test(tc, nesting_is_bounded);
	tcase_add_test(tc, overflow_is_remembered);
	tcase_add_test(tc, text_is_made_utf8);
	tcase_add_test(tc, raw_items_are_copied_whole);
	return suite_run_case("cbor", tc);
}
