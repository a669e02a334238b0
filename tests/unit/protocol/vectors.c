/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/vectors.h"

#include "protocol/base/cleanup.h"

#include <check.h>

size_t vector_bytes(const char *text, uint8_t bytes[VECTOR_MAX])
{
	size_t length = 0;
	unsigned int byte;

	for (; *text && *text != '#' && *text != '\n'; text++) {
		if (*text == ' ')
			continue;
		ck_assert_int_eq(sscanf(text, "%2x", &byte), 1);
		ck_assert_uint_lt(length, VECTOR_MAX);
		bytes[length++] = (uint8_t)byte;
		text++;
	}
	return length;
}

void each_vector(const char *file, void (*check)(const char *line))
{
	_cleanup_fclose_ FILE *vectors = fopen(file, "re");
	char line[2 * VECTOR_MAX];
	unsigned int count = 0;

	ck_assert_msg(vectors, "%s: run the tests at the top of the tree", file);
	while (fgets(line, sizeof(line), vectors)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		check(line);
		count++;
	}
	ck_assert_uint_gt(count, 5);
}
