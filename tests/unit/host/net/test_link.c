/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/link.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct link *link_;
static int peer, ours;
static unsigned int frames;
static size_t last_size;
static uint8_t last[LINK_FRAME_MAX_BYTES], bytes[LINK_FRAME_MAX_BYTES + 1];

static void on_frame(void *owner, const uint8_t *frame, size_t size)
{
	ck_assert_ptr_eq(owner, &frames);
	memcpy(last, frame, size);
	last_size = size;
	frames++;
}

static void set_up(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	peer = pair[0];
	ours = pair[1];
	frames = 0;
	link_ = link_new(ours, on_frame, &frames);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 11);
}

static void tear_down(void)
{
	free(link_);
	close(peer);
	close(ours);
}

static void put(const void *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(peer, data, size, MSG_NOSIGNAL);

		if (sent > 0) {
			data = (const char *)data + sent;
			size -= (size_t)sent;
		}
		ck_assert_int_eq(link_receive(link_), 0);
	}
}

static void put_frame(uint32_t size)
{
	uint32_t length = htobe32(size);

	put(&length, 4);
	put(bytes, size);
}

START_TEST(frames_are_handed_out_whole)
{
	put_frame(60);
	ck_assert_uint_eq(frames, 1);
	ck_assert_uint_eq(last_size, 60);
	ck_assert_int_eq(memcmp(last, bytes, 60), 0);
	put_frame(LINK_FRAME_MAX_BYTES);
	put_frame(LINK_FRAME_MIN_BYTES);
	while (frames < 3)
		ck_assert_int_eq(link_receive(link_), 0);
	ck_assert_uint_eq(last_size, LINK_FRAME_MIN_BYTES);
}
END_TEST

START_TEST(frames_may_be_cut_at_every_byte)
{
	uint8_t wire[2 * (4 + 20)];

	for (int i = 0; i < 2; i++) {
		memcpy(wire + i * 24, (const uint8_t[]){0, 0, 0, 20}, 4);
		memcpy(wire + i * 24 + 4, bytes, 20);
	}
	for (size_t cut = 0; cut <= sizeof(wire); cut++) {
		unsigned int before = frames;

		put(wire, cut);
		put(wire + cut, sizeof(wire) - cut);
		ck_assert_uint_eq(frames, before + 2);
	}
}
END_TEST

static const uint32_t impossible[] = {0, 1, LINK_FRAME_MIN_BYTES - 1, LINK_FRAME_MAX_BYTES + 1,
				      1000000};

START_TEST(impossible_frames_are_skipped)
{
	uint32_t left = impossible[_i], length = htobe32(left);

	put(&length, 4);
	while (left > 0) {
		uint32_t part = MIN(left, (uint32_t)sizeof(bytes));

		put(bytes, part);
		left -= part;
	}
	ck_assert_uint_eq(frames, 0);
	put_frame(100);
	while (frames == 0)
		ck_assert_int_eq(link_receive(link_), 0);
	ck_assert_uint_eq(last_size, 100);
}
END_TEST

START_TEST(the_end_is_seen)
{
	shutdown(peer, SHUT_WR);
	ck_assert_int_eq(link_receive(link_), -EPIPE);
}
END_TEST

START_TEST(a_peer_that_does_not_read_costs_frames_and_no_time)
{
	unsigned int queued = 0, read_back = 0;
	uint8_t frame[4 + 1000];

	while (link_send(link_, bytes, 1000)) {
		queued++;
		ck_assert_int_eq(link_flush(link_), 0);
		ck_assert_uint_lt(queued, 100000);
	}
	ck_assert(link_has_queued(link_));
	while (recv(peer, frame, sizeof(frame), MSG_DONTWAIT) > 0) {
		read_back++;
		ck_assert_uint_eq(frame[2] << 8 | frame[3], 1000);
		ck_assert_int_eq(memcmp(frame + 4, bytes, 1000), 0);
		ck_assert_int_eq(link_flush(link_), 0);
	}
	ck_assert_uint_eq(read_back, queued);
	ck_assert(!link_has_queued(link_));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link");
	TCase *tc = tcase_create("link");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, frames_are_handed_out_whole);
	tcase_add_test(tc, frames_may_be_cut_at_every_byte);
	tcase_add_loop_test(tc, impossible_frames_are_skipped, 0, ARRAY_SIZE(impossible));
	tcase_add_test(tc, the_end_is_seen);
	tcase_add_test(tc, a_peer_that_does_not_read_costs_frames_and_no_time);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
