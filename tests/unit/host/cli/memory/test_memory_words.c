/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/memory/memory_words.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static const struct {
	const char *text;
	int result;
	uint64_t start, most;
} machines[] = {
	{"512M", 0, 512 * MIB, 0},
	{"512M,max=2G", 0, 512 * MIB, 2048 * MIB},
	{"512M,max=0", -EINVAL, 0, 0},
	{"512M,max=", -EINVAL, 0, 0},
	{"512M,", -EINVAL, 0, 0},
	{",max=2G", -EINVAL, 0, 0},
	{"512M,min=2G", -EINVAL, 0, 0},
	{"512M,max=2G,max=3G", -EINVAL, 0, 0},
	{"000000000000000000000000000000000512M", -EINVAL, 0, 0},
};

START_TEST(a_machine)
{
	uint64_t start, most;

	ck_assert_int_eq(memory_words_machine(machines[_i].text, &start, &most),
			 machines[_i].result);
	if (machines[_i].result)
		return;
	ck_assert_uint_eq(start, machines[_i].start);
	ck_assert_uint_eq(most, machines[_i].most);
}
END_TEST

static const struct {
	const char *text;
	int result;
	enum memory_size_word word;
	uint64_t bytes;
} sizes[] = {
	{"auto", 0, MEMORY_SIZE_AUTO, 0},
	{"off", 0, MEMORY_SIZE_OFF, 0},
	{"512M", 0, MEMORY_SIZE_FIXED, 512 * MIB},
	{"2GiB", 0, MEMORY_SIZE_FIXED, 2048 * MIB},
	{"1M", 0, MEMORY_SIZE_FIXED, MIB},
	{"512", -ERANGE, MEMORY_SIZE_KEPT, 7}, /* bytes: nobody means that */
	{"0", -ERANGE, MEMORY_SIZE_KEPT, 7},
	{"on", -EINVAL, MEMORY_SIZE_KEPT, 7},
	{"", -EINVAL, MEMORY_SIZE_KEPT, 7},
	{"-1M", -EINVAL, MEMORY_SIZE_KEPT, 7},
	{"512 M", -EINVAL, MEMORY_SIZE_KEPT, 7},
	{"99999999999999T", -ERANGE, MEMORY_SIZE_KEPT, 7},
};

START_TEST(a_size)
{
	enum memory_size_word word = MEMORY_SIZE_KEPT;
	uint64_t bytes = 7;

	ck_assert_int_eq(memory_words_size(sizes[_i].text, &word, &bytes), sizes[_i].result);
	ck_assert_int_eq(word, sizes[_i].word);
	ck_assert_uint_eq(bytes, sizes[_i].bytes);
}
END_TEST

START_TEST(words_of_the_policy_add_up)
{
	static const char *const all[] = {"dry-run",	"speed=calm", "reserve=2G",
					  "total=auto", "ksm=on",     "overcommit=off"};
	struct memory_policy_words words = {0};
	char error[256];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ck_assert_int_eq(memory_words_policy(all[i], &words, error, sizeof(error)), 0);
	ck_assert_str_eq(words.mode, "dry-run");
	ck_assert_str_eq(words.speed, "calm");
	ck_assert(words.has_reserve && words.has_total);
	ck_assert(words.has_ksm && words.ksm);
	ck_assert(words.has_overcommit && !words.overcommit);
	ck_assert_uint_eq(words.reserve_bytes, 2048 * MIB);
	ck_assert_uint_eq(words.total_bytes, 0);
	/* The last one counts. */
	ck_assert_int_eq(memory_words_policy("on", &words, error, sizeof(error)), 0);
	ck_assert_str_eq(words.mode, "on");
}
END_TEST

static const struct {
	const char *text, *said;
} wrong[] = {
	{"", "is none of"},
	{"stop", "'stop' is none of"},
	{"mode=on", "is none of"},
	{"reserved=1G", "is none of"},
	{"speed=fast", "not 'fast'"},
	{"speed=", "not ''"},
	{"reserve=", "'' is no size"},
	{"reserve=lots", "'lots' is no size"},
	{"total=1 G", "'1 G' is no size"},
	{"ksm=yes", "not 'yes'"},
	{"overcommit=", "overcommit is on or off, not ''"},
};

START_TEST(wrong_words_are_refused)
{
	struct memory_policy_words words = {0};
	char error[256] = "";

	ck_assert_int_eq(memory_words_policy(wrong[_i].text, &words, error, sizeof(error)),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, wrong[_i].said));
	ck_assert(!words.mode && !words.speed && !words.has_reserve && !words.has_total &&
		  !words.has_ksm && !words.has_overcommit);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("memory_words");

	tcase_add_loop_test(tc, a_machine, 0, sizeof(machines) / sizeof(machines[0]));
	tcase_add_loop_test(tc, a_size, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tc, words_of_the_policy_add_up);
	tcase_add_loop_test(tc, wrong_words_are_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	return suite_run_case("memory_words", tc);
}
