/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/toolbox/json.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(values_commas_and_escapes)
{
	char *text = NULL;
	size_t length;
	struct json json = {.file = open_memstream(&text, &length)};

	json_open(&json, NULL, '{');
	json_text(&json, "a", slice_of("q\"b\\n\n\x1b\x7fü"));
	json_number(&json, "n", UINT64_MAX);
	json_open(&json, "list", '[');
	json_bool(&json, NULL, true);
	json_text(&json, NULL, (struct slice){0});
	json_close(&json, ']');
	json_open(&json, "empty", '{');
	json_close(&json, '}');
	json_close(&json, '}');
	fclose(json.file);
	ck_assert_str_eq(text,
			 "{\"a\":\"q\\\"b\\\\n\\u000a\\u001b\\u007fü\",\"n\":18446744073709551615,"
			 "\"list\":[true,\"\"],\"empty\":{}}");
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("json");

	tcase_add_test(tc, values_commas_and_escapes);
	return suite_run_case("json", tc);
}
