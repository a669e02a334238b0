/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many viewers at once, some of them bad; and sizes that change again and again. */
#include "talk.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define VIEWERS 8U
#define FRAMES	60U

static struct talk *talk;

static void setup(void)
{
	talk = talk_new(640, 480);
}

static void teardown(void)
{
	talk_free(talk);
}

static void hear_frame(uint32_t expected)
{
	unsigned int count = talk_hear_update(talk);

	for (unsigned int i = 0; i < count; i++) {
		struct rectangle place = talk_hear_header(talk, 0);

		talk_hear(talk, (size_t)place.width * place.height * 4);
		ck_assert_uint_eq(load_le32(talk->bytes), expected);
	}
}

static size_t in_use(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* Two of them ask and never read, one talks nonsense: the others see every frame, and soon. */
START_TEST(test_bad_company)
{
	const struct rfb_options options = {0};
	uint8_t nonsense[4096];
	uint64_t slowest = 0;
	int fd[VIEWERS];
	size_t before;

	for (unsigned int i = 0; i < VIEWERS; i++) {
		ck_assert_int_eq(talk_connect(talk, &options), 0);
		talk_enter(talk);
		fd[i] = talk->fd;
	}
	for (unsigned int i = 0; i < sizeof(nonsense); i++)
		nonsense[i] = (uint8_t)(i * 7 + 1);
	before = in_use();
	for (uint32_t frame = 0; frame < FRAMES; frame++) {
		uint64_t start;

		for (unsigned int i = 0; i < 2; i++) {
			talk->fd = fd[i];
			talk_request(talk, false);
		}
		(void)!send(fd[2], nonsense, sizeof(nonsense), MSG_NOSIGNAL);
		for (unsigned int i = 3; i < VIEWERS; i++) {
			talk->fd = fd[i];
			talk_request(talk, true);
		}
		talk_paint(talk, frame + 1);
		start = uv_hrtime();
		for (unsigned int i = 3; i < VIEWERS; i++) {
			talk->fd = fd[i];
			hear_frame(frame + 1);
		}
		slowest = MAX(slowest, uv_hrtime() - start);
	}
	/* A loaded machine is slow, not wrong: a viewer that held up the others did so for good. */
	ck_assert_uint_lt(slowest, 3000000000U);
	/* Two queues, no more. */
	ck_assert_uint_lt(in_use(), before + (8U << 20));
	talk->fd = fd[0];
	for (unsigned int i = 1; i < VIEWERS; i++)
		close(fd[i]);
}
END_TEST

START_TEST(test_sizes_again_and_again)
{
	const struct rfb_options options = {0};
	size_t after_some = 0;

	ck_assert_int_eq(talk_connect(talk, &options), 0);
	talk_enter(talk);
	talk_encodings(talk, 16, -308, -224, NO_MORE);
	for (uint32_t i = 0; i < 3000; i++) {
		ssize_t got;

		screen_head_changed(talk->screen, 0, 64 + i * 37 % 700, 64 + i * 91 % 500);
		talk_paint(talk, i);
		talk_request(talk, i % 2);
		uv_run(&talk->loop, UV_RUN_NOWAIT);
		do {
			got = recv(talk->fd, talk->bytes, sizeof(talk->bytes), 0);
		} while (got > 0);
		ck_assert_int_ne(got, 0);
		if (i == 500)
			after_some = in_use();
	}
	ck_assert_uint_lt(in_use(), after_some + (4U << 20));
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("crowd");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_bad_company);
	tcase_add_test(tcase, test_sizes_again_and_again);
	return suite_run_case("crowd", tcase);
}
