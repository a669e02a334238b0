/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "shared-folders/fsd/options.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static struct fsd_options options;
static char error[256];

#define parse(...)                                                                                 \
	parse_all((char *const[]){"lodge-fsd", __VA_ARGS__, NULL},                                 \
		  ARRAY_SIZE(((char *const[]){"lodge-fsd", __VA_ARGS__})))

static int parse_all(char *const words[], size_t count)
{
	error[0] = '\0';
	fsd_options_free(&options);
	return fsd_options_parse((int)count, words, &options, error, sizeof(error));
}

static void tear_down(void)
{
	fsd_options_free(&options);
}

START_TEST(libvirt_calls_it_in_one_list)
{
	ck_assert_int_eq(
		parse("--fd=23", "-o",
		      "source=/srv/a,,b,cache=none,sandbox=chroot,no_xattr,no_flock,posix_lock",
		      "--thread-pool-size=3", "--rlimit-nofile=2048", "-d"),
		0);
	ck_assert_int_eq(options.fd, 23);
	ck_assert_str_eq(options.source, "/srv/a,b");
	ck_assert_int_eq(options.server.cache, SERVER_CACHE_NEVER);
	ck_assert_int_eq(options.sandbox, FSD_SANDBOX_CHROOT);
	ck_assert(!options.server.xattr);
	ck_assert(!options.server.acl);
	ck_assert(!options.server.flock);
	ck_assert(options.server.posix_lock);
	ck_assert_uint_eq(options.threads, 3);
	ck_assert_uint_eq(options.descriptors, 2048);
	ck_assert_int_eq(options.log_level, LOG_LEVEL_DEBUG);
}
END_TEST

START_TEST(libvirt_calls_it_in_words_of_their_own)
{
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "--uid-map=:0:%u:1:", geteuid());
	snprintf(gid, sizeof(gid), "--gid-map=:0:%u:1:", getegid());
	ck_assert_int_eq(parse("--fd=5", "--shared-dir", "/srv", "--cache", "always", "--sandbox",
			       "namespace", "--xattr", "--log-level", "debug", uid,
			       "--uid-map=:1:4000000000:65536:", gid),
			 0);
	ck_assert_str_eq(options.source, "/srv");
	ck_assert_int_eq(options.server.cache, SERVER_CACHE_ALWAYS);
	ck_assert(options.has_uid_map && options.has_gid_map);
	ck_assert_uint_eq(options.root_uid, 0);
	ck_assert_int_eq(options.server.owner, SERVER_OWNER_PASS);
}
END_TEST

START_TEST(several_lists_are_one)
{
	ck_assert_int_eq(parse("--socket-path", "/run/s", "-o", "source=/a", "-o",
			       "cache=always,writeback", "--option=announce_submounts"),
			 0);
	ck_assert_str_eq(options.source, "/a");
	ck_assert_int_eq(options.server.cache, SERVER_CACHE_ALWAYS);
	ck_assert(options.server.writeback && options.server.submounts);
}
END_TEST

START_TEST(an_owner_may_have_numbers)
{
	ck_assert_int_eq(
		parse("--control", "/run/s", "--shared-dir", "/a", "--owner", "map:1001:1002"), 0);
	ck_assert_int_eq(options.server.owner, SERVER_OWNER_MAP);
	ck_assert_uint_eq(options.server.peer_uid, 1001);
	ck_assert_uint_eq(options.server.peer_gid, 1002);
	ck_assert_uint_eq(options.server.owner_uid, geteuid());
	ck_assert_int_eq(parse("--control-fd", "3", "--shared-dir", "/a", "--owner", "map:7"), 0);
	ck_assert_uint_eq(options.server.peer_uid, 7);
	ck_assert_uint_eq(options.server.peer_gid, 7);
	ck_assert_int_eq(parse("--control", "/x", "--socket-path", "/y", "--shared-dir", "/a",
			       "--owner", "squash"),
			 0);
	ck_assert_int_eq(options.server.owner, SERVER_OWNER_SQUASH);
	ck_assert_uint_eq(options.server.peer_uid, 1000);
}
END_TEST

START_TEST(what_is_not_said_is_sensible)
{
	ck_assert_int_eq(parse("--fd", "3", "--shared-dir", "/a"), 0);
	ck_assert_int_eq(options.server.cache, SERVER_CACHE_AUTO);
	ck_assert_int_eq(options.server.owner,
			 geteuid() == 0 ? SERVER_OWNER_PASS : SERVER_OWNER_SQUASH);
	ck_assert(options.server.xattr && options.server.acl);
	ck_assert(options.server.flock && options.server.posix_lock);
	ck_assert(!options.server.writeback && !options.server.read_only);
	ck_assert_uint_ge(options.threads, 2);
	ck_assert_int_eq(options.sandbox, FSD_SANDBOX_NAMESPACE);
	ck_assert_int_eq(options.filter, FSD_FILTER_REFUSE);
	ck_assert_int_eq(options.control_fd, -1);
}
END_TEST

START_TEST(questions_need_nothing_else)
{
	ck_assert_int_eq(parse("--print-capabilities"), 0);
	ck_assert(options.print_capabilities);
	ck_assert_int_eq(parse("-V"), 0);
	ck_assert(options.version);
}
END_TEST

#define ROAD "--fd", "3"
#define BOTH ROAD, "--shared-dir", "/a"

static const struct {
	char *words[8];
	const char *error;
} bad[] = {
	{{ROAD}, "--shared-dir is needed"},
	{{"--shared-dir", "/a"}, "--fd, --socket-path, --control or --control-fd is needed"},
	{{BOTH, "--socket-path", "/x"}, "either --fd or --socket-path"},
	{{"--control-fd", "4", "--shared-dir", "/a", "--control", "/x"}, "either --control or"},
	{{BOTH, "--modcaps=+sys_admin"}, "unknown option"},
	{{BOTH, "-o", "xattrmap=:map::x:"}, "unknown option '-o xattrmap=:map::x:'"},
	{{BOTH, "-o", "security_label"}, "unknown option '-o security_label'"},
	{{BOTH, "-o", "cache=sometimes"}, "cache 'sometimes'"},
	{{BOTH, "--sandbox", "jail"}, "sandbox 'jail'"},
	{{BOTH, "--owner", "mapp"}, "--owner 'mapp'"},
	{{BOTH, "--owner", "pass:1:2"}, "--owner 'pass:1:2'"},
	{{BOTH, "--owner", "map:1:"}, "--owner 'map:1:'"},
	{{BOTH, "--owner", "map:-1:1"}, "--owner 'map:-1:1'"},
	{{BOTH, "--thread-pool-size", "many"}, "--thread-pool-size 'many'"},
	{{BOTH, "--dax-window", "3M"}, "--dax-window '3M'"},
	{{BOTH, "--uid-map", "0:0:1"}, "--uid-map '0:0:1'"},
	{{BOTH, "--seccomp", "trap"}, "seccomp 'trap'"},
	{{BOTH, "--socket-group", "kvm"}, "--socket-group goes with"},
	{{BOTH, "-x"}, "unknown option '-x'"},
	{{"--control", "/x", "--shared-dir", "/a", "--dax-window", "4M"}, "--dax-window goes with"},
};

START_TEST(what_is_wrong_is_said)
{
	size_t count = 0;
	char *words[10] = {"lodge-fsd"};

	while (count < ARRAY_SIZE(bad[_i].words) && bad[_i].words[count]) {
		words[count + 1] = bad[_i].words[count];
		count++;
	}
	ck_assert_int_eq(parse_all(words, count + 1), -EINVAL);
	ck_assert_msg(strstr(error, bad[_i].error), "'%s' is not in '%s'", bad[_i].error, error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tc = tcase_create("options");

	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_add_test(tc, libvirt_calls_it_in_one_list);
	tcase_add_test(tc, libvirt_calls_it_in_words_of_their_own);
	tcase_add_test(tc, several_lists_are_one);
	tcase_add_test(tc, an_owner_may_have_numbers);
	tcase_add_test(tc, what_is_not_said_is_sensible);
	tcase_add_test(tc, questions_need_nothing_else);
	tcase_add_loop_test(tc, what_is_wrong_is_said, 0, ARRAY_SIZE(bad));
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
