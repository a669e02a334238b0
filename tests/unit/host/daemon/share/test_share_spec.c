/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/share/share_spec.h"
#include "protocol/base/bytes.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct share_spec spec;
static char error[256];

START_TEST(a_line_says_it_all)
{
	ck_assert_int_eq(share_spec_parse("src=/home/a,,b=c,ro,at=/mnt/x,,y,cache=always,owner="
					  "map:1000:100",
					  &spec, error, sizeof(error)),
			 0);
	ck_assert_str_eq(spec.name, "src");
	ck_assert_str_eq(spec.directory, "/home/a,b=c");
	ck_assert_str_eq(spec.at, "/mnt/x,y");
	ck_assert_str_eq(spec.cache, "always");
	ck_assert_str_eq(spec.owner, "map:1000:100");
	ck_assert(spec.read_only);
	share_spec_free(&spec);
	ck_assert_int_eq(share_spec_parse("a=/", &spec, error, sizeof(error)), 0);
	ck_assert_str_eq(spec.directory, "/");
	ck_assert_str_eq(spec.cache, "auto");
	ck_assert_str_eq(spec.owner, "");
	ck_assert(!spec.read_only && !spec.at);
	share_spec_free(&spec);
}
END_TEST

static const char *const lines[] = {
	"a=/,cache=auto",
	"a=/x,,,,y,,,ro,cache=never",
	"a.b-c_d=/tmp,at=/mnt,,,cache=always,owner=squash",
	"a=/,cache=auto,dax=1073741824",
	"a=/,at=/mnt,options=nosuid,,noexec,cache=auto",
};

START_TEST(what_is_written_is_read)
{
	char *line;

	ck_assert_int_eq(share_spec_parse(lines[_i], &spec, error, sizeof(error)), 0);
	line = share_spec_line(&spec);
	ck_assert_str_eq(line, lines[_i]);
	free(line);
	share_spec_free(&spec);
}
END_TEST

#define TEXT_16	 "0123456789abcdef"
#define TEXT_64	 TEXT_16 TEXT_16 TEXT_16 TEXT_16
#define TEXT_256 TEXT_64 TEXT_64 TEXT_64 TEXT_64

static const struct {
	const char *line, *about;
} bad[] = {
	{"", "NAME=DIR"},
	{"a", "NAME=DIR"},
	{"=/x", "name"},
	{"../a=/x", "name"},
	{"-o=/x", "name"},
	{"a b=/x", "name"},
	{"a=", "absolute"},
	{"a=x", "absolute"},
	{"a=/x\ny", "absolute"},
	{"a=/\xff", "absolute"},
	{"a=/x,at=mnt", "absolute"},
	{"a=/x,at=/", "absolute"},
	{"a=/x,at=", "absolute"},
	{"a=/x,cache=some", "cache"},
	{"a=/x,cache=sometimes", "cache=sometimes"},
	{"a=/x,owner=root", "owner"},
	{"a=/x,owner=map:a", "owner"},
	{"a=/x,owner=--help", "owner"},
	{"a=/x,at=/y,options=a b", "options"},
	{"a=/x,at=/y,options=a\n", "options"},
	{"a=/x,at=/y,options=ro,,socket=/z", "options"},
	{"a=/x,at=/y,options=socket=/z", "options"},
	{"a=/x,options=noexec", "options"},
	{"a=/x,at=/y,options=" TEXT_256, "options"},
	{"a=/x,rw", "rw"},
	{"a=/x,dax=1M", "dax"},
	{"a=/x,dax=3G", "dax"},
	{"a=/x,dax=32G", "dax"},
	{"a=/x,dax=much", "dax=much"},
	{"a=/x,", "''"},
	{"a=/x,ro=yes", "ro=yes"},
	{"a1234567890123456789012345678901234567890123456789012345678901234=/x", "too long"},
};

START_TEST(what_is_no_share_is_refused)
{
	ck_assert_int_eq(share_spec_parse(bad[_i].line, &spec, error, sizeof(error)), -EINVAL);
	ck_assert_msg(strstr(error, bad[_i].about), "%s", error);
	ck_assert_ptr_null(spec.directory);
}
END_TEST

START_TEST(only_a_folder_that_opens_is_shared)
{
	char path[] = "/tmp/lodge-test-XXXXXX";

	spec = (struct share_spec){.directory = (char *)"/"};
	ck_assert_int_eq(share_spec_check_directory(&spec, error, sizeof(error)), 0);
	close(mkstemp(path));
	spec.directory = path;
	ck_assert_int_eq(share_spec_check_directory(&spec, error, sizeof(error)), -ENOTDIR);
	ck_assert_msg(strstr(error, path), "%s", error);
	unlink(path);
	ck_assert_int_eq(share_spec_check_directory(&spec, error, sizeof(error)), -ENOENT);
	spec.directory = NULL;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("share_spec");
	TCase *tc = tcase_create("share_spec");

	tcase_add_test(tc, a_line_says_it_all);
	tcase_add_loop_test(tc, what_is_written_is_read, 0, ARRAY_SIZE(lines));
	tcase_add_loop_test(tc, what_is_no_share_is_refused, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, only_a_folder_that_opens_is_shared);
	suite_add_tcase(suite, tc);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
