/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/resolver.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static int watcher;

static void path_of(char path[128], const char *name)
{
	snprintf(path, 128, "%s/%s", folder, name);
}

static void write_text(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	path_of(path, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void replace_by(const char *from, const char *name)
{
	char source[128], target[128];

	path_of(source, from);
	path_of(target, name);
	ck_assert_int_eq(rename(source, target), 0);
}

static void link_to(const char *name, const char *target)
{
	char path[128];

	path_of(path, "fresh");
	ck_assert_int_eq(symlink(target, path), 0);
	replace_by("fresh", name);
}

/* Waits for it: what is told in between was true for a moment. */
static void await_text(const char *text)
{
	char told[256] = "";

	while (strcmp(told, text) != 0) {
		ssize_t got = recv(watcher, told, sizeof(told) - 1, 0);

		ck_assert_int_gt(got, 0);
		told[got] = '\0';
	}
}

static void set_up(void)
{
	char path[128];

	snprintf(folder, sizeof(folder), "/tmp/lodge-resolver.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path_of(path, "run");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	write_text("run/stub", "one\n");
	link_to("etc", "run/stub");
	path_of(path, "etc");
	watcher = resolver_watch(path);
	ck_assert_int_ge(watcher, 0);
}

static void tear_down(void)
{
	static const char *const names[] = {"run/stub", "run/new", "other", "file", "fresh",
					    "etc",	"copy",	   "run",   ""};
	char path[128];

	close(watcher);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		path_of(path, names[i]);
		ck_assert(remove(path) == 0 || errno == ENOENT);
	}
}

START_TEST(what_the_file_says_is_told_at_once)
{
	await_text("one\n");
}
END_TEST

START_TEST(each_way_to_change_it_is_seen)
{
	await_text("one\n");
	write_text("run/stub", "two\n"); /* in place, behind the link */
	await_text("two\n");
	write_text("run/new", "three\n");
	replace_by("run/new", "run/stub");
	await_text("three\n");
	write_text("other", "four\n");
	link_to("etc", "other");
	await_text("four\n");
	write_text("file", "five\n");
	replace_by("file", "etc"); /* no link any more */
	await_text("five\n");
	write_text("etc", "six\n");
	await_text("six\n");
}
END_TEST

START_TEST(a_copy_changes_its_size_with_its_text)
{
	char path[128], text[16];
	struct stat status;
	int pair[2], copy;
	ssize_t got;

	path_of(path, "copy");
	copy = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(copy, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(resolver_update(pair[0], copy), 0); /* nothing has come */
	ck_assert_int_eq(send(pair[1], "long\n", 5, 0), 5);
	ck_assert_int_eq(resolver_update(pair[0], copy), 0);
	ck_assert_int_eq(send(pair[1], "ab\n", 3, 0), 3);
	ck_assert_int_eq(resolver_update(pair[0], copy), 0);
	got = pread(copy, text, sizeof(text), 0);
	ck_assert_int_eq(got, 3);
	ck_assert_int_eq(memcmp(text, "ab\n", 3), 0);
	ck_assert_int_eq(send(pair[1], "cd\n", 3, 0), 3);
	ck_assert_int_eq(resolver_update(pair[0], copy), 0);
	ck_assert_int_eq(fstat(copy, &status), 0);
	ck_assert_int_eq(status.st_size, 4);
	close(pair[1]);
	ck_assert_int_eq(resolver_update(pair[0], copy), -EPIPE);
	close(pair[0]);
	close(copy);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolver");
	TCase *tc = tcase_create("resolver");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_the_file_says_is_told_at_once);
	tcase_add_test(tc, each_way_to_change_it_is_seen);
	tcase_add_test(tc, a_copy_changes_its_size_with_its_text);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
