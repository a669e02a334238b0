/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/head_list.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct display_layout plain = {.session = {(const uint8_t *)"x11", 3}};

static struct head_list two_heads(void)
{
	return (struct head_list){
		.serial = 7,
		.count = 2,
		.heads = {{.head = 0,
			   .connector = "Virtual-1",
			   .enabled = true,
			   .primary = true,
			   .width = 1440,
			   .height = 900,
			   .scale_milli = 1000},
			  {.head = 3,
			   .connector = "Virtual-4",
			   .enabled = true,
			   .x = -64,
			   .y = 900}},
	};
}

START_TEST(reads_what_it_wrote)
{
	const struct head_list list = two_heads();
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct display_layout fields;
	struct head_list read;

	head_list_encode(&list, &plain, &writer);
	ck_assert_int_eq(head_list_decode(cbor_written(&writer), &read, &fields), 0);
	ck_assert_uint_eq(read.serial, 7);
	ck_assert(head_list_equal(&list, &read));
	ck_assert(slice_is(fields.session, "x11"));
	ck_assert_int_eq(head_list_find(&read, 3)->x, -64);
	ck_assert_ptr_null(head_list_find(&read, 1));
}
END_TEST

START_TEST(writes_the_most_there_can_be)
{
	struct head_list list = {.serial = UINT64_MAX, .count = DISPLAY_MAX_HEADS};
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	char name[65];

	memset(name, 'n', 64);
	name[64] = '\0';
	for (unsigned int i = 0; i < DISPLAY_MAX_HEADS; i++) {
		list.heads[i] = (struct head){.head = i,
					      .enabled = true,
					      .primary = true,
					      .x = -HEAD_MAX_POSITION,
					      .y = -HEAD_MAX_POSITION,
					      .width = HEAD_MAX_SIDE,
					      .height = HEAD_MAX_SIDE,
					      .scale_milli = 16000};
		memset(list.heads[i].connector, 'c', sizeof(list.heads[i].connector) - 1);
	}
	head_list_encode(&list,
			 &(struct display_layout){.session = slice_of(name),
						  .desktop = slice_of(name),
						  .backend = slice_of(name)},
			 &writer);
	ck_assert(!writer.overflow);
}
END_TEST

static int decode_one(struct display_head head, unsigned int times)
{
	uint8_t bytes[4096], item[4096];
	struct cbor_writer writer = CBOR_WRITER(bytes), items = CBOR_WRITER(item);
	struct display_layout layout = plain;
	struct head_list list;

	cbor_put_array(&items, times);
	for (unsigned int i = 0; i < times; i++)
		message_encode(&message_display_head, &head, &items);
	layout.heads = cbor_written(&items);
	message_encode(&message_display_layout, &layout, &writer);
	return head_list_decode(cbor_written(&writer), &list, NULL);
}

START_TEST(refuses_what_is_out_of_bounds)
{
	ck_assert_int_eq(decode_one((struct display_head){.width = HEAD_MAX_SIDE}, 1), 0);
	ck_assert_int_eq(decode_one((struct display_head){.width = HEAD_MAX_SIDE + 1}, 1),
			 -EBADMSG);
	ck_assert_int_eq(decode_one((struct display_head){.height = 65000}, 1), -EBADMSG);
	ck_assert_int_eq(decode_one((struct display_head){.x = HEAD_MAX_POSITION + 1}, 1),
			 -EBADMSG);
	ck_assert_int_eq(decode_one((struct display_head){.y = INT64_MIN}, 1), -EBADMSG);
	ck_assert_int_eq(decode_one((struct display_head){.head = DISPLAY_MAX_HEADS}, 1), -EBADMSG);
	ck_assert_int_eq(
		decode_one((struct display_head){.connector = slice_of(
							 "a connector's name of 32 bytes..")},
			   1),
		-EBADMSG);
}
END_TEST

START_TEST(refuses_a_head_named_twice)
{
	ck_assert_int_eq(decode_one((struct display_head){.head = 1}, 2), -EBADMSG);
	ck_assert_int_eq(decode_one((struct display_head){.head = 1}, 200), -EBADMSG);
}
END_TEST

START_TEST(compares_whatever_the_order)
{
	struct head_list a = two_heads(), b = two_heads();

	b.heads[0] = a.heads[1];
	b.heads[1] = a.heads[0];
	b.serial = 9;
	ck_assert(head_list_equal(&a, &b));
	b.heads[0].y++;
	ck_assert(!head_list_equal(&a, &b));
}
END_TEST

START_TEST(knows_connectors)
{
	ck_assert_uint_eq(head_of_connector("Virtual-1", 9), 0);
	ck_assert_uint_eq(head_of_connector("Virtual-16", 9), 15);
	ck_assert_uint_eq(head_of_connector("Virtual2", 9), 1);
	ck_assert_uint_eq(head_of_connector("DUMMY0", 9), 0);
	ck_assert_uint_eq(head_of_connector("Meta-1", 9), 1);
	ck_assert_uint_eq(head_of_connector("HEADLESS-2", 9), 1);
	ck_assert_uint_eq(head_of_connector("Virtual-0", 9), 9);
	ck_assert_uint_eq(head_of_connector("Virtual-17", 9), 9);
	ck_assert_uint_eq(head_of_connector("Virtual-99999999999", 9), 9);
	ck_assert_uint_eq(head_of_connector("screen", 9), 9);
	ck_assert_uint_eq(head_of_connector("", 9), 9);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("head_list");

	tcase_add_test(tests, reads_what_it_wrote);
	tcase_add_test(tests, writes_the_most_there_can_be);
	tcase_add_test(tests, refuses_what_is_out_of_bounds);
	tcase_add_test(tests, refuses_a_head_named_twice);
	tcase_add_test(tests, compares_whatever_the_order);
	tcase_add_test(tests, knows_connectors);
	return suite_run_case("head_list", tests);
}
