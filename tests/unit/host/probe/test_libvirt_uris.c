/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/probe/libvirt_uris.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char uris[LIBVIRT_URIS_MAX][LIBVIRT_URI_LENGTH];

static size_t uris_of(const char *value)
{
	if (value)
		setenv(LIBVIRT_URIS_VARIABLE, value, 1);
	else
		unsetenv(LIBVIRT_URIS_VARIABLE);
	return libvirt_uris(uris);
}

START_TEST(without_a_word_it_is_the_users_own)
{
	ck_assert_uint_eq(uris_of(NULL), 1);
	ck_assert_str_eq(uris[0], geteuid() == 0 ? "qemu:///system" : "qemu:///session");
	ck_assert_uint_eq(uris_of(""), 1);
}
END_TEST

START_TEST(off_is_none)
{
	ck_assert_uint_eq(uris_of("off"), 0);
	ck_assert(!libvirt_is_there());
}
END_TEST

START_TEST(a_list_is_taken_apart)
{
	ck_assert_uint_eq(uris_of("  qemu:///system\tqemu+ssh://host/system "), 2);
	ck_assert_str_eq(uris[0], "qemu:///system");
	ck_assert_str_eq(uris[1], "qemu+ssh://host/system");
}
END_TEST

START_TEST(what_cannot_be_is_left_out)
{
	char many[LIBVIRT_URI_LENGTH * 4] = "";

	ck_assert_uint_eq(uris_of("qemu:///embed?root=/x qemu:///session"), 1);
	ck_assert_str_eq(uris[0], "qemu:///session");
	memset(many, 'a', LIBVIRT_URI_LENGTH);
	strcat(many, " b");
	ck_assert_uint_eq(uris_of(many), 1);
	ck_assert_str_eq(uris[0], "b");
	many[0] = '\0';
	for (int i = 0; i < 2 * LIBVIRT_URIS_MAX; i++)
		strcat(many, "a ");
	ck_assert_uint_eq(uris_of(many), LIBVIRT_URIS_MAX);
}
END_TEST

START_TEST(a_session_is_reached_by_its_socket)
{
	char folder[64] = "/tmp/lodge-test-XXXXXX", path[128], expected[256];
	char reach[LIBVIRT_REACH_LENGTH];
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("XDG_RUNTIME_DIR", folder, 1);
	ck_assert_int_eq(libvirt_uri_reach("qemu:///session", reach, sizeof(reach)), -ENOENT);
	uris_of("qemu:///session");
	ck_assert(!libvirt_is_there());
	snprintf(path, sizeof(path), "%s/libvirt", folder);
	mkdir(path, 0700);
	strcat(path, "/virtqemud-sock");
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	ck_assert_int_eq(libvirt_uri_reach("qemu:///session", reach, sizeof(reach)), 0);
	snprintf(expected, sizeof(expected), "qemu+unix:///session?socket=%s", path);
	ck_assert_str_eq(reach, expected);
	ck_assert(libvirt_is_there());
	ck_assert_int_eq(libvirt_uri_reach("qemu:///session", reach, 8), -ENAMETOOLONG);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(folder);
}
END_TEST

START_TEST(others_are_taken_as_they_are)
{
	char reach[LIBVIRT_REACH_LENGTH];

	ck_assert_int_eq(libvirt_uri_reach("qemu+tls://host/system", reach, sizeof(reach)), 0);
	ck_assert_str_eq(reach, "qemu+tls://host/system");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, without_a_word_it_is_the_users_own);
	tcase_add_test(tc, off_is_none);
	tcase_add_test(tc, a_list_is_taken_apart);
	tcase_add_test(tc, what_cannot_be_is_left_out);
	tcase_add_test(tc, a_session_is_reached_by_its_socket);
	tcase_add_test(tc, others_are_taken_as_they_are);
	return suite_run_case("libvirt_uris", tc);
}
