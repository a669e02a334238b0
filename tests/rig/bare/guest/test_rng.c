/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib.h"
#include "rng.h"
#include "suites.h"

static void test_fill(void)
{
	struct rng rng;
	uint64_t *bytes = allocate(4096, 8);
	uint32_t got;
	unsigned zero = 0;

	require(rng_start(&rng), "the device does not start");
	require((got = rng_fill(&rng, bytes, 4096)) > 0, "no random numbers");
	check(got <= 4096, "%u bytes in a buffer of 4096", got);
	for (unsigned i = 0; i < got / 8; i++)
		zero += bytes[i] == 0;
	check(zero == 0, "%u of %u words are zero", zero, got / 8);
}

static void test_twice_differs(void)
{
	struct rng rng;
	uint64_t *words = allocate(64, 8);

	require(rng_start(&rng), "the device does not start");
	require(rng_fill(&rng, words, 32) >= 8 && rng_fill(&rng, words + 4, 32) >= 8,
		"no random numbers");
	check(words[0] != words[4], "the same number twice");
}

static const struct test tests[] = {
	{"fill", test_fill},
	{"twice-differs", test_twice_differs},
};

const struct suite suite_rng = {"rng", tests, ARRAY_SIZE(tests), NULL};
