/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/copy/place.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *vm, *path;
} good[] = {
	{"web1:/etc/hosts", "web1", "/etc/hosts"},
	{"web1:/a:b", "web1", "/a:b"},
	{"notes.txt", "", "notes.txt"},
	{"./a:b", "", "./a:b"},
	{"/a:b", "", "/a:b"},
	{"dir/a:/b", "", "dir/a:/b"},
	{"two words:/b", "two words", "/b"},
	{"libvirt:/b", "libvirt", "/b"},
	{"libvirt:web1:/b", "libvirt:web1", "/b"},
	{"qemu:///system/web1:/a:/b", "qemu:///system/web1", "/a:/b"},
	{"qemu+ssh://host:22/system/web1:/b", "qemu+ssh://host:22/system/web1", "/b"},
};

START_TEST(places_are_told_apart)
{
	struct place place;
	const char *problem = NULL;

	ck_assert_int_eq(place_parse(good[_i].text, &place, &problem), 0);
	ck_assert_str_eq(place.vm, good[_i].vm);
	ck_assert_str_eq(place.path, good[_i].path);
	ck_assert(!place.is_stream);
}
END_TEST

START_TEST(a_dash_is_standard_input_or_output)
{
	struct place place;
	const char *problem = NULL;

	ck_assert_int_eq(place_parse("-", &place, &problem), 0);
	ck_assert(place.is_stream);
	ck_assert_str_eq(place.vm, "");
}
END_TEST

static const char *const bad[] = {
	"", ":/etc", "web1:", "web1:etc", "web1:-", "libvirt:web1:b",
};

START_TEST(what_is_no_place_is_refused)
{
	struct place place;
	const char *problem = NULL;

	ck_assert_int_eq(place_parse(bad[_i], &place, &problem), -EINVAL);
	ck_assert_ptr_nonnull(problem);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused)
{
	char text[2 * PLACE_VM_MAX];
	struct place place;
	const char *problem = NULL;

	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - sizeof(":/x"), ":/x", sizeof(":/x"));
	ck_assert_int_eq(place_parse(text, &place, &problem), -EINVAL);
	ck_assert_ptr_nonnull(problem);
}
END_TEST

static const struct {
	const char *path, *name;
	int error;
} names[] = {
	{"/etc/hosts", "hosts", 0},
	{"dir/", "dir", 0},
	{"a//", "a", 0},
	{"x", "x", 0},
	{"/", NULL, -EINVAL},
	{"", NULL, -EINVAL},
	{"a/..", NULL, -EINVAL},
	{".", NULL, -EINVAL},
	{"/0123456789abcdef", NULL, -ENAMETOOLONG},
};

START_TEST(the_last_component_is_found)
{
	char name[16];

	ck_assert_int_eq(place_base_name(names[_i].path, name, sizeof(name)), names[_i].error);
	if (names[_i].name)
		ck_assert_str_eq(name, names[_i].name);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("place");

	tcase_add_loop_test(tc, places_are_told_apart, 0, ARRAY_SIZE(good));
	tcase_add_test(tc, a_dash_is_standard_input_or_output);
	tcase_add_loop_test(tc, what_is_no_place_is_refused, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, a_name_that_is_too_long_is_refused);
	tcase_add_loop_test(tc, the_last_component_is_found, 0, ARRAY_SIZE(names));
	return suite_run_case("place", tc);
}
