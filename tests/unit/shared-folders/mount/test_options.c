/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/mount/options.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

static struct mount_options options;
static char error[256];

static int parse(const char *line)
{
	static char text[512];
	char *words[16] = {NULL}, *rest = NULL;
	int count = 0;

	snprintf(text, sizeof(text), "mount.lodge %s", line);
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	return mount_options_parse(count, words, &options, error, sizeof(error));
}

START_TEST(as_mount_calls_it)
{
	ck_assert_int_eq(parse("src /mnt/x -n -v -o rw,ro,noauto,x-systemd.automount,nosuid"), 0);
	ck_assert_str_eq(options.name, "src");
	ck_assert_str_eq(options.target, "/mnt/x");
	ck_assert_uint_eq(options.flags, MS_RDONLY | MS_NOSUID);
	ck_assert(!options.stream && !options.private);
	ck_assert_str_eq(options.socket, "/run/lodge/share.sock");
}
END_TEST

START_TEST(our_own_options)
{
	ck_assert_int_eq(parse("src /mnt -o stream,wait=5,private -o socket=/x"), 0);
	ck_assert(options.stream && options.private);
	ck_assert_uint_eq(options.wait_ms, 5000);
	ck_assert_str_eq(options.socket, "/x");
	ck_assert_str_eq(options.dax, "");
	ck_assert_int_eq(parse("src /mnt -o dax"), 0);
	ck_assert_str_eq(options.dax, "dax");
	ck_assert_int_eq(parse("src /mnt -o ro,dax=always"), 0);
	ck_assert_str_eq(options.dax, "dax=always");
	ck_assert_int_eq(parse("src /mnt -o dax=sometimes"), -EINVAL);
}
END_TEST

static const char *const wrong[] = {
	"src",	     "src /a /b", "src /a -o nonsense", "src /a -o wait=0", "src /a -o wait=soon",
	"../src /a", "src/x /a",  "src /a --nonsense",	"src /a -o wait=",
};

START_TEST(what_is_wrong_is_said)
{
	error[0] = '\0';
	ck_assert_int_eq(parse(wrong[_i]), -EINVAL);
	ck_assert_uint_gt(strlen(error), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("options");

	tcase_add_test(tests, as_mount_calls_it);
	tcase_add_test(tests, our_own_options);
	tcase_add_loop_test(tests, what_is_wrong_is_said, 0, ARRAY_SIZE(wrong));
	return suite_run_case("options", tests);
}
