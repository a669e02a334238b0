/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/link.h"

#include "host/screen/link_layer.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* One end is a link, the other the test's. */
struct side {
	uv_loop_t loop;
	struct link *link;
	int peer;
	uint8_t got[1 << 20];
	size_t length;
	size_t use; /* at once; 0: nothing at all */
	unsigned int calls, drained, closed;
	int error;
	bool free_when_received, free_when_drained;
	bool layer_when_received;
};

static struct side *side;

static int add_xor(struct link *link);

static size_t received(void *owner, const uint8_t *bytes, size_t length)
{
	size_t used = MIN(length, side->use);

	ck_assert_ptr_eq(owner, side);
	ck_assert_uint_eq(side->closed, 0);
	side->calls++;
	ck_assert_uint_le(used, sizeof(side->got) - side->length);
	memcpy(side->got + side->length, bytes, used);
	side->length += used;
	if (side->free_when_received) {
		link_free(take_ptr(side->link));
	} else if (side->layer_when_received) {
		side->layer_when_received = false;
		ck_assert_int_eq(add_xor(side->link), 0);
	}
	return used;
}

static void drained(void *owner)
{
	ck_assert_ptr_eq(owner, side);
	side->drained++;
	if (side->free_when_drained)
		link_free(take_ptr(side->link));
}

static void closed(void *owner, int error)
{
	ck_assert_ptr_eq(owner, side);
	side->closed++;
	side->error = error;
	link_free(take_ptr(side->link));
}

static const struct link_handlers handlers = {received, drained, closed};

static void setup(void)
{
	int fds[2];

	side = calloc(1, sizeof(*side));
	side->use = SIZE_MAX;
	uv_loop_init(&side->loop);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	side->link = link_new(&side->loop, fds[0]);
	ck_assert_ptr_nonnull(side->link);
	link_set_handlers(side->link, &handlers, side);
	side->peer = fds[1];
}

/* Turns of the loop, none of which waits. */
static void turn(unsigned int times)
{
	while (times--)
		uv_run(&side->loop, UV_RUN_NOWAIT);
}

static void teardown(void)
{
	link_free(side->link);
	uv_run(&side->loop, UV_RUN_DEFAULT); /* ends: nothing is left in it */
	ck_assert_int_eq(uv_loop_close(&side->loop), 0);
	if (side->peer >= 0)
		close(side->peer);
	free(side);
}

static void peer_says(const char *text)
{
	ck_assert_int_eq(write(side->peer, text, strlen(text)), (ssize_t)strlen(text));
}

static void ck_got(const char *text)
{
	ck_assert_uint_eq(side->length, strlen(text));
	ck_assert_mem_eq(side->got, text, strlen(text));
}

START_TEST(bytes_go_both_ways)
{
	char answer[8] = {0};

	peer_says("hello");
	turn(1);
	ck_got("hello");
	ck_assert_int_eq(link_send(side->link, "hi", 2), 0);
	ck_assert_int_eq(link_send(side->link, " you", 4), 0);
	ck_assert_uint_eq(link_queued(side->link), 6);
	ck_assert_uint_eq(side->drained, 0);
	turn(1);
	ck_assert_uint_eq(side->drained, 1);
	ck_assert_uint_eq(link_queued(side->link), 0);
	ck_assert_int_eq(read(side->peer, answer, sizeof(answer)), 6);
	ck_assert_str_eq(answer, "hi you");
}
END_TEST

START_TEST(what_is_not_used_comes_again)
{
	side->use = 2;
	peer_says("abcde");
	turn(1);
	ck_got("abcde");
	ck_assert_uint_eq(side->calls, 3);
	side->use = 0;
	peer_says("f");
	turn(1);
	side->use = SIZE_MAX;
	peer_says("g");
	turn(1);
	ck_got("abcdefg");
}
END_TEST

static size_t received_by_another(void *owner, const uint8_t *bytes, size_t length)
{
	(void)bytes;
	*(size_t *)owner += length;
	return length;
}

static const struct link_handlers another = {received_by_another, NULL, NULL};

START_TEST(new_handlers_get_what_is_left)
{
	size_t length = 0;

	side->use = 0;
	peer_says("abc");
	turn(1);
	link_set_handlers(side->link, &another, &length);
	ck_assert_uint_eq(length, 0); /* never from within */
	turn(1);
	ck_assert_uint_eq(length, 3);
}
END_TEST

START_TEST(too_much_that_is_not_used_closes)
{
	static const uint8_t zeroes[16384];

	side->use = 0;
	for (int i = 0; i < 40 && !side->closed; i++) {
		ssize_t sent =
			send(side->peer, zeroes, sizeof(zeroes), MSG_DONTWAIT | MSG_NOSIGNAL);

		(void)sent;
		turn(2);
	}
	ck_assert_uint_eq(side->closed, 1);
	ck_assert_int_eq(side->error, -ENOBUFS);
}
END_TEST

START_TEST(the_peer_hangs_up)
{
	peer_says("last words");
	close(take_fd(&side->peer));
	turn(3);
	ck_got("last words");
	ck_assert_uint_eq(side->closed, 1);
	ck_assert_int_eq(side->error, 0);
	ck_assert_ptr_null(side->link);
}
END_TEST

START_TEST(a_send_to_a_peer_that_has_gone)
{
	close(take_fd(&side->peer));
	ck_assert_int_eq(link_send(side->link, "x", 1), 0);
	turn(3);
	ck_assert_uint_eq(side->closed, 1);
	ck_assert_int_eq(side->error, 0);
}
END_TEST

START_TEST(no_handler_after_free)
{
	side->free_when_received = true;
	side->use = 1;
	peer_says("abc");
	ck_assert_int_eq(link_send(side->link, "x", 1), 0);
	turn(3);
	ck_assert_uint_eq(side->calls, 1);
	ck_assert_uint_eq(side->closed, 0);
}
END_TEST

START_TEST(no_handler_after_free_in_drained)
{
	side->free_when_drained = true;
	ck_assert_int_eq(link_send(side->link, "x", 1), 0);
	peer_says("abc");
	turn(3);
	ck_assert_uint_eq(side->drained, 1);
	ck_assert_uint_eq(side->calls, 0);
}
END_TEST

START_TEST(a_stalled_peer_fills_the_queue_and_nothing_else)
{
	static uint8_t block[1 << 20];
	size_t total = 0, read_back = 0;

	memset(block, 7, sizeof(block));
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(link_send(side->link, block, sizeof(block)), 0);
		ck_assert_int_eq(link_send(side->link, "0123456789", 10), 0);
		total += sizeof(block) + 10;
	}
	turn(3);
	ck_assert_uint_gt(link_queued(side->link), 0);
	ck_assert_uint_eq(side->drained, 0);
	while (read_back < total) {
		ssize_t got = recv(side->peer, block, sizeof(block), MSG_DONTWAIT);

		if (got > 0)
			read_back += (size_t)got;
		turn(1);
	}
	ck_assert_uint_eq(read_back, total);
	ck_assert_uint_eq(side->drained, 1);
}
END_TEST

START_TEST(finish_sends_what_is_queued)
{
	static uint8_t block[1 << 20];
	size_t total = 0;
	ssize_t got;

	peer_says("nobody will read this");
	ck_assert_int_eq(link_send(side->link, block, sizeof(block)), 0);
	link_finish(side->link);
	while ((turn(1), got = recv(side->peer, block, sizeof(block), MSG_DONTWAIT)) != 0) {
		ck_assert(got > 0 || errno == EAGAIN);
		total += got > 0 ? (size_t)got : 0;
	}
	ck_assert_uint_eq(total, sizeof(block));
	close(take_fd(&side->peer));
	side->link = NULL;
	ck_assert_uint_eq(side->calls + side->drained + side->closed, 0);
}
END_TEST

START_TEST(finish_waits_a_second_at_most)
{
	static uint8_t block[8 << 20];
	uint64_t begin;

	ck_assert_int_eq(link_send(side->link, block, sizeof(block)), 0);
	link_finish(side->link);
	begin = uv_hrtime();
	uv_run(&side->loop, UV_RUN_DEFAULT);
	ck_assert_uint_lt(uv_hrtime() - begin, 5000000000ULL);
	side->link = NULL;
}
END_TEST

/* --- A layer: every byte is its opposite ------------------------------------------------------ */

static int xor_decode(struct link_layer *layer, struct link_buffer *in, struct link_buffer *out)
{
	size_t length = MIN(in->length, LINK_MAX_INPUT - out->length);
	uint8_t *to;

	(void)layer;
	if (length == 0)
		return 0;
	to = link_buffer_room(out, length);
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < length; i++) {
		to[i] = (uint8_t)~link_buffer_bytes(in)[i];
		if (to[i] == '!') {
			link_buffer_filled(out, i);
			return -EPROTO;
		}
	}
	link_buffer_use(in, length);
	link_buffer_filled(out, length);
	return 0;
}

static int xor_encode(struct link_layer *layer, const void *bytes, size_t length)
{
	int result = 0;

	for (size_t i = 0; i < length && result == 0; i++) {
		uint8_t byte = (uint8_t) ~((const uint8_t *)bytes)[i];

		result = link_send_below(layer, &byte, 1);
	}
	return result;
}

static void xor_finish(struct link_layer *layer)
{
	link_send_below(layer, "bye", 3);
}

static void xor_free(struct link_layer *layer)
{
	free(layer);
}

static const struct link_layer_ops xor_ops = {xor_decode, xor_encode, xor_finish, xor_free};

static int add_xor(struct link *link)
{
	struct link_layer *layer = calloc(1, sizeof(*layer));

	layer->ops = &xor_ops;
	return link_add_layer(link, layer);
}

START_TEST(a_layer_begins_where_the_protocol_has_stopped)
{
	char answer[8] = {0};

	side->use = 1;
	side->layer_when_received = true;
	peer_says("a\x9d\x9c"); /* ~b ~c */
	turn(2);
	ck_got("abc");
	ck_assert_int_eq(link_send(side->link, "d", 1), 0);
	link_finish(take_ptr(side->link));
	turn(2);
	ck_assert_int_eq(read(side->peer, answer, sizeof(answer)), 4);
	ck_assert_str_eq(answer, "\x9b"
				 "bye");
	close(take_fd(&side->peer));
}
END_TEST

START_TEST(layers_lie_on_each_other)
{
	ck_assert_int_eq(add_xor(side->link), 0);
	ck_assert_int_eq(add_xor(side->link), 0);
	ck_assert_int_eq(add_xor(side->link), 0);
	ck_assert_int_eq(add_xor(side->link), -EPIPE);
	peer_says("\x9e");
	turn(2);
	ck_got("a");
}
END_TEST

START_TEST(a_layer_that_breaks_closes)
{
	ck_assert_int_eq(add_xor(side->link), 0);
	peer_says("\x9e\xde");
	turn(2);
	ck_got("a");
	ck_assert_uint_eq(side->closed, 1);
	ck_assert_int_eq(side->error, -EPROTO);
}
END_TEST

START_TEST(a_limit_closes)
{
	link_limit(side->link, 10);
	uv_run(&side->loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(side->closed, 1);
	ck_assert_int_eq(side->error, -ETIMEDOUT);
}
END_TEST

START_TEST(a_descriptor_that_is_no_socket)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_ptr_null(link_new(&side->loop, fd));
	ck_assert_int_lt(close(fd), 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("link");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, bytes_go_both_ways);
	tcase_add_test(tcase, what_is_not_used_comes_again);
	tcase_add_test(tcase, new_handlers_get_what_is_left);
	tcase_add_test(tcase, too_much_that_is_not_used_closes);
	tcase_add_test(tcase, the_peer_hangs_up);
	tcase_add_test(tcase, a_send_to_a_peer_that_has_gone);
	tcase_add_test(tcase, no_handler_after_free);
	tcase_add_test(tcase, no_handler_after_free_in_drained);
	tcase_add_test(tcase, a_stalled_peer_fills_the_queue_and_nothing_else);
	tcase_add_test(tcase, finish_sends_what_is_queued);
	tcase_add_test(tcase, finish_waits_a_second_at_most);
	tcase_add_test(tcase, a_layer_begins_where_the_protocol_has_stopped);
	tcase_add_test(tcase, layers_lie_on_each_other);
	tcase_add_test(tcase, a_layer_that_breaks_closes);
	tcase_add_test(tcase, a_limit_closes);
	tcase_add_test(tcase, a_descriptor_that_is_no_socket);
	return suite_run_case("link", tcase);
}
