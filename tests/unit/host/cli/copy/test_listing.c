/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/copy/listing.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODE 0100644

static struct listing listing;
static char seen[1024];
static int answer;

static int on_entry(void *owner, const struct file_stat *stat)
{
	(void)owner;
	strncat(seen, (const char *)stat->name.bytes, stat->name.length);
	strcat(seen, ";");
	return answer;
}

static void begin(void)
{
	memset(&listing, 0, sizeof(listing));
	listing.entry = on_entry;
	seen[0] = '\0';
	answer = 0;
}

static struct slice three_entries(uint8_t *bytes, size_t capacity)
{
	static const char *const names[] = {"one", "\303\274ber", "three"};
	struct cbor_writer writer = {.bytes = bytes, .capacity = capacity};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct file_stat stat = {.name = slice_of(names[i]), .mode = MODE};

		message_encode(&message_file_stat, &stat, &writer);
	}
	return cbor_written(&writer);
}

START_TEST(entries_cut_anywhere_are_put_together)
{
	uint8_t bytes[512];
	struct slice all = three_entries(bytes, sizeof(bytes));

	for (size_t cut = 0; cut <= all.length; cut++) {
		struct slice first = {all.bytes, cut};
		struct slice second = {all.bytes + cut, all.length - cut};

		begin();
		ck_assert_int_eq(listing_feed(&listing, first), 0);
		ck_assert_int_eq(listing_feed(&listing, second), 0);
		ck_assert_int_eq(listing_finish(&listing), 0);
		ck_assert_str_eq(seen, "one;\303\274ber;three;");
	}
}
END_TEST

START_TEST(an_end_within_an_entry_is_seen)
{
	uint8_t bytes[512];
	struct slice all = three_entries(bytes, sizeof(bytes));

	all.length--;
	ck_assert_int_eq(listing_feed(&listing, all), 0);
	ck_assert_int_eq(listing_finish(&listing), -EBADMSG);
	ck_assert_str_eq(seen, "one;\303\274ber;");
}
END_TEST

/* A text that claims to go on for ever must not be waited for. */
START_TEST(an_entry_without_end_is_refused)
{
	static uint8_t bytes[3 * LISTING_ENTRY_MAX] = {0xa1, 0x64, 'n',	 'a',  'm', 'e',
						       0x5a, 0x00, 0x00, 0xff, 0xff};

	ck_assert_int_eq(listing_feed(&listing, (struct slice){bytes, sizeof(bytes)}), -EBADMSG);
	ck_assert_str_eq(seen, "");
}
END_TEST

START_TEST(the_owner_can_end_it)
{
	uint8_t bytes[512];

	answer = -ENOSPC;
	ck_assert_int_eq(listing_feed(&listing, three_entries(bytes, sizeof(bytes))), -ENOSPC);
	ck_assert_str_eq(seen, "one;");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("listing");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, entries_cut_anywhere_are_put_together);
	tcase_add_test(tc, an_end_within_an_entry_is_seen);
	tcase_add_test(tc, an_entry_without_end_is_refused);
	tcase_add_test(tc, the_owner_can_end_it);
	return suite_run_case("listing", tc);
}
