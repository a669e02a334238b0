/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/byte_queue.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <stdbool.h>

/* Appends and takes of all sizes keep every byte in its order. */
START_TEST(bytes_come_out_as_they_went_in)
{
	struct byte_queue queue = {0};
	uint8_t in = 0, out = 0, piece[700];
	uint32_t random = 1;

	for (int turn = 0; turn < 20000; turn++) {
		size_t length;

		random = random * 1664525 + 1013904223;
		length = (random >> 16) % sizeof(piece);
		if (random >> 31 && queue.length < 100000) {
			for (size_t i = 0; i < length; i++)
				piece[i] = in++;
			if (byte_queue_append(&queue, piece, length) != 0)
				ck_abort_msg("no memory");
		} else {
			bool same = true;

			length = MIN(length, queue.length);
			for (size_t i = 0; i < length; i++)
				same = same && byte_queue_front(&queue)[i] == out++;
			byte_queue_take(&queue, length);
			if (!same)
				ck_abort_msg("other bytes in turn %d", turn);
		}
	}
	byte_queue_clear(&queue);
	ck_assert_ptr_null(queue.bytes);
}
END_TEST

START_TEST(an_empty_queue_gives_large_memory_back)
{
	static const uint8_t large[100000];
	struct byte_queue queue = {0};

	ck_assert_int_eq(byte_queue_append(&queue, large, sizeof(large)), 0);
	byte_queue_take(&queue, sizeof(large) - 1);
	ck_assert_uint_ge(queue.capacity, sizeof(large));
	byte_queue_take(&queue, 1);
	ck_assert_uint_eq(queue.capacity, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("byte_queue");

	tcase_add_test(tc, bytes_come_out_as_they_went_in);
	tcase_add_test(tc, an_empty_queue_gives_large_memory_back);
	return suite_run_case("byte_queue", tc);
}
