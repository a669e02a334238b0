/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/relay/requests.h"

#include "tests/unit/suite.h"

#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

static struct requests requests;

static void setup(void)
{
	requests_init(&requests);
}

static void teardown(void)
{
	requests_clear(&requests);
}

static void add(uint32_t opcode, uint64_t unique)
{
	struct fuse_in_header *header = calloc(1, sizeof(*header));

	ck_assert_ptr_nonnull(header);
	*header = (struct fuse_in_header){
		.len = sizeof(*header), .opcode = opcode, .unique = unique, .nodeid = 1};
	ck_assert_int_eq(requests_add(&requests, (uint8_t *)header, sizeof(*header), false), 0);
}

/* Sends the next one. Return: its unique; 0: there is none. */
static uint64_t send_one(void)
{
	struct slice output = requests_output(&requests);
	struct fuse_in_header header;

	if (output.length == 0)
		return 0;
	ck_assert_uint_eq(output.length, sizeof(header));
	memcpy(&header, output.bytes, sizeof(header));
	requests_sent(&requests, output.length);
	return header.unique;
}

static void answer(uint64_t unique)
{
	struct request *request = requests_find(&requests, unique);

	ck_assert_ptr_nonnull(request);
	requests_remove(&requests, request);
}

START_TEST(what_was_sent_can_be_answered)
{
	add(FUSE_STATFS, 2);
	ck_assert_ptr_null(requests_find(&requests, 2));
	requests_sent(&requests, 10);
	ck_assert_uint_eq(requests_output(&requests).length, sizeof(struct fuse_in_header) - 10);
	ck_assert_ptr_null(requests_find(&requests, 2));
	requests_sent(&requests, sizeof(struct fuse_in_header) - 10);
	ck_assert_ptr_null(requests_find(&requests, 4));
	answer(2);
	ck_assert_ptr_null(requests_find(&requests, 2));
	ck_assert_uint_eq(requests.held, 0);
	ck_assert_uint_eq(requests.held_bytes, 0);
}
END_TEST

START_TEST(the_rest_is_sent_again)
{
	for (uint64_t unique = 2; unique <= 12; unique += 2)
		add(FUSE_STATFS, unique);
	for (uint64_t unique = 2; unique <= 10; unique += 2)
		ck_assert_uint_eq(send_one(), unique);
	answer(4);
	/* The server has 2, 4 and 6: the first and the last are to be answered still. */
	ck_assert(requests_resume(&requests, 3));
	ck_assert_uint_eq(send_one(), 8);
	ck_assert_uint_eq(send_one(), 10);
	ck_assert_uint_eq(send_one(), 12);
	ck_assert_uint_eq(send_one(), 0);
	answer(2);
	answer(6);
	answer(12);
	ck_assert_uint_eq(requests.held, 2);
}
END_TEST

START_TEST(a_server_cannot_have_what_was_not_sent)
{
	add(FUSE_STATFS, 2);
	ck_assert(!requests_resume(&requests, 1));
	ck_assert(requests_resume(&requests, 0));
	ck_assert_uint_eq(send_one(), 2);
}
END_TEST

START_TEST(what_was_answered_meanwhile_is_not_sent_again)
{
	add(FUSE_STATFS, 2);
	add(FUSE_STATFS, 4);
	add(FUSE_STATFS, 6);
	ck_assert_uint_eq(send_one(), 2);
	requests_find(&requests, 2)->is_answered = true;
	ck_assert(requests_resume(&requests, 0));
	ck_assert_uint_eq(send_one(), 4);
	ck_assert_uint_eq(send_one(), 6);
	ck_assert_uint_eq(requests.sent, 2);
	ck_assert_ptr_null(requests_find(&requests, 2));
}
END_TEST

START_TEST(what_has_no_answer_goes_with_a_later_one)
{
	add(FUSE_FORGET, 2);
	add(FUSE_STATFS, 4);
	add(FUSE_FORGET, 6);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_ne(send_one(), 0);
	ck_assert_ptr_null(requests_find(&requests, 2));
	answer(4);
	ck_assert_ptr_nonnull(requests.silent);
	ck_assert_uint_eq(requests.silent->number, 3);
	ck_assert(requests_resume(&requests, 2));
	ck_assert_uint_eq(send_one(), 6);
}
END_TEST

START_TEST(what_has_no_answer_is_bounded)
{
	for (uint64_t i = 0; i < 100000; i++) {
		add(FUSE_FORGET, 2 * i + 2);
		ck_assert_uint_ne(send_one(), 0);
	}
	ck_assert_uint_le(requests.silent_bytes, 1 << 20);
	ck_assert_uint_eq(requests.sent, 100000);
}
END_TEST

START_TEST(changes_under_way_are_counted)
{
	add(FUSE_STATFS, 2);
	ck_assert_uint_eq(requests.changing, 0);
	add(FUSE_UNLINK, 4);
	add(FUSE_FORGET, 6);
	ck_assert_uint_eq(requests.changing, 1);
	while (send_one())
		;
	answer(2);
	ck_assert_uint_eq(requests.changing, 1);
	answer(4);
	ck_assert_uint_eq(requests.changing, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("requests");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_was_sent_can_be_answered);
	tcase_add_test(tests, the_rest_is_sent_again);
	tcase_add_test(tests, a_server_cannot_have_what_was_not_sent);
	tcase_add_test(tests, what_was_answered_meanwhile_is_not_sent_again);
	tcase_add_test(tests, what_has_no_answer_goes_with_a_later_one);
	tcase_add_test(tests, what_has_no_answer_is_bounded);
	tcase_add_test(tests, changes_under_way_are_counted);
	return suite_run_case("requests", tests);
}
