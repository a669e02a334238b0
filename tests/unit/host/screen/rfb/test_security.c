/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/rfb_internal.h"

#include "talk.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

/* Answers to the challenge 0, 1, 2 … 15, made by OpenSSL's DES. */
static const struct {
	const char *password;
	uint8_t response[16];
} answers[] = {
	{"secret12",
	 {0xad, 0xcd, 0x99, 0x7f, 0x8e, 0x16, 0xfe, 0xe5, 0x75, 0xe9, 0x73, 0xf9, 0x3c, 0x2b, 0x62,
	  0xb4}},
	{"abc",
	 {0x9c, 0x22, 0xb4, 0xf2, 0x08, 0x8c, 0x34, 0x65, 0xa1, 0x56, 0x2c, 0x4b, 0x9d, 0x6e, 0xdb,
	  0x04}},
};

static void prepare(struct rfb *rfb, uv_loop_t *loop, const char *password)
{
	memset(rfb->password, 0, sizeof(rfb->password));
	memcpy(rfb->password, password, strlen(password));
	for (unsigned int i = 0; i < RFB_CHALLENGE_SIZE; i++)
		rfb->challenge[i] = (uint8_t)i;
	rfb->limit.loop = loop;
}

START_TEST(test_known_answers)
{
	struct rfb *rfb = calloc(1, sizeof(*rfb));
	uint8_t wrong[16];
	uv_loop_t loop;

	uv_loop_init(&loop);
	for (unsigned int i = 0; i < ARRAY_SIZE(answers); i++) {
		prepare(rfb, &loop, answers[i].password);
		ck_assert_int_eq(rfb_check_response(rfb, answers[i].response), 0);
		for (unsigned int bit = 0; bit < 128; bit++) {
			memcpy(wrong, answers[i].response, sizeof(wrong));
			wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
			ck_assert_int_eq(rfb_check_response(rfb, wrong), -EACCES);
		}
	}
	uv_loop_close(&loop);
	free(rfb);
}
END_TEST

START_TEST(test_challenges_differ)
{
	struct rfb *rfb = calloc(1, sizeof(*rfb));
	uint8_t first[RFB_CHALLENGE_SIZE];

	ck_assert_int_eq(rfb_make_challenge(rfb), 0);
	memcpy(first, rfb->challenge, sizeof(first));
	ck_assert_int_eq(rfb_make_challenge(rfb), 0);
	ck_assert_mem_ne(first, rfb->challenge, sizeof(first));
	free(rfb);
}
END_TEST

/* Five for nothing, then a wait that doubles; the right one in between counts them anew. */
START_TEST(test_attempts)
{
	struct rfb_attempts attempts = {0};
	struct rfb *rfb = calloc(1, sizeof(*rfb));
	uint8_t wrong[16] = {0};
	uint64_t first_wait;
	uv_loop_t loop;

	uv_loop_init(&loop);
	prepare(rfb, &loop, answers[0].password);
	rfb->attempts = &attempts;
	for (unsigned int i = 0; i < RFB_FREE_FAILURES - 1; i++)
		ck_assert_int_eq(rfb_check_response(rfb, wrong), -EACCES);
	ck_assert_int_eq(rfb_check_response(rfb, answers[0].response), 0);
	for (unsigned int i = 0; i < RFB_FREE_FAILURES; i++)
		ck_assert_int_eq(rfb_check_response(rfb, wrong), -EACCES);
	ck_assert_int_eq(rfb_check_response(rfb, answers[0].response), -EBUSY);
	first_wait = attempts.closed_until_ms - uv_now(&loop);
	ck_assert_uint_ge(first_wait, 1000);
	attempts.closed_until_ms = 0;
	ck_assert_int_eq(rfb_check_response(rfb, wrong), -EACCES);
	ck_assert_uint_ge(attempts.closed_until_ms - uv_now(&loop), 2 * first_wait);
	for (unsigned int i = 0; i < 100; i++) {
		attempts.closed_until_ms = 0;
		ck_assert_int_eq(rfb_check_response(rfb, wrong), -EACCES);
	}
	ck_assert_uint_le(attempts.closed_until_ms - uv_now(&loop), 600000);
	uv_loop_close(&loop);
	free(rfb);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("security");

	tcase_add_test(tcase, test_known_answers);
	tcase_add_test(tcase, test_challenges_differ);
	tcase_add_test(tcase, test_attempts);
	return suite_run_case("security", tcase);
}
