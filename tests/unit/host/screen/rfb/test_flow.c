/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fences and continuous updates, and viewers that read nothing. */
#include "talk.h"

#include "host/screen/rfb/encodings.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <string.h>
#include <sys/socket.h>

static struct talk *talk;

static void setup(void)
{
	talk = talk_begin();
}

static void teardown(void)
{
	talk_free(talk);
}

START_TEST(test_fence)
{
	SAY(talk, 248, 0, 0, 0, 0x80, 0, 0xff, 7, 3, 'a', 'b', 'c');
	ck_assert_mem_eq(talk_hear(talk, 12), "\xf8\0\0\0\0\0\0\7\3abc", 12);
	talk_encodings(talk, RFB_RAW, RFB_FENCE, NO_MORE);
	ck_assert_mem_eq(talk_hear(talk, 9), "\xf8\0\0\0\x80\0\0\4\0", 9);
	SAY(talk, 248, 0, 0, 0, 0, 0, 0, 4, 0);
	talk_hear_nothing(talk);
	SAY(talk, 248, 0, 0, 0, 0x80, 0, 0, 0, 65);
	talk_hear_end(talk);
}
END_TEST

static void echo_fence(void)
{
	uint8_t answer[13];

	memcpy(answer, talk_hear(talk, 13), sizeof(answer));
	ck_assert_mem_eq(answer, "\xf8\0\0\0\x80", 5);
	answer[4] = 0;
	talk_say(talk, answer, sizeof(answer));
}

/* Updates come unasked, and stop when nothing says that they arrive. */
START_TEST(test_continuous)
{
	uint32_t colour;
	unsigned int updates = 0;

	talk_encodings(talk, RFB_RAW, RFB_FENCE, RFB_CONTINUOUS_UPDATES, NO_MORE);
	talk_hear(talk, 9);
	ck_assert_uint_eq(*talk_hear(talk, 1), 150);
	SAY(talk, 150, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff);
	talk_hear_pixels(talk, &colour);
	echo_fence();
	for (unsigned int i = 0; i < 4; i++) {
		talk_paint(talk, 0x1000 + i);
		talk_hear_pixels(talk, &colour);
		ck_assert_uint_eq(colour, 0x1000 + i);
		echo_fence();
	}
	for (; updates < 20; updates++) {
		ssize_t got;

		talk_paint(talk, 0x2000 + updates);
		talk_run(talk, 60);
		got = recv(talk->fd, talk->bytes, 1, MSG_PEEK);
		if (got < 0)
			break;
		talk_hear_pixels(talk, &colour);
		ck_assert_mem_eq(talk_hear(talk, 13), "\xf8\0\0\0\x80", 5);
	}
	ck_assert_uint_ge(updates, 2);
	ck_assert_uint_le(updates, 8);
	SAY(talk, 150, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ck_assert_uint_eq(*talk_hear(talk, 1), 150);
	talk_paint(talk, 1);
	talk_hear_nothing(talk);
}
END_TEST

/* A viewer that reads nothing: what is kept for it is bounded, and it stops to be watched for. */
START_TEST(test_stalled)
{
	for (unsigned int i = 0; i < 200; i++) {
		talk_request(talk, false);
		talk_paint(talk, i);
		talk_run(talk, 2);
	}
	talk_run(talk, 100);
	ck_assert_ptr_nonnull(screen_viewers(talk->screen));
	{
		size_t total = 0;
		ssize_t got;

		while ((got = recv(talk->fd, talk->bytes, sizeof(talk->bytes), 0)) > 0 &&
		       total < 100U << 20) {
			total += (size_t)got;
			if (total > 8U << 20)
				break;
			talk_run(talk, 1);
		}
		/* One or two frames of 256000 bytes, and a socket's buffer. */
		ck_assert_uint_lt(total, 4U << 20);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("flow");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_fence);
	tcase_add_test(tests, test_continuous);
	tcase_add_test(tests, test_stalled);
	return suite_run_case("flow", tests);
}
