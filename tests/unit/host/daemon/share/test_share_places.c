/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the guest says of the shares that it is to mount. */
#include "tests/unit/host/daemon/share/shares_vm.h"

#include <errno.h>
#include <string.h>

static bool is_unmounted(const void *about)
{
	return strcmp(state_of(*(const size_t *)about), "unmounted") == 0;
}

START_TEST(what_the_guest_cannot_mount_is_not_added)
{
	struct outcome outcome;

	agent.refuses = "cannot mount on /mnt: Not a directory";
	outcome = add("one=/tmp,at=/mnt");
	ck_assert_int_eq(outcome.error, -EIO);
	ck_assert_str_eq(outcome.text, "the guest cannot mount it at /mnt: cannot mount on /mnt: "
				       "Not a directory");
	ck_assert_str_eq(state_of(0), "none");
	must(list_is, "");
	agent.refuses = NULL;
	expect_added("one=/tmp,at=/mnt");
	ck_assert_str_eq(state_of(0), "mounted");
}
END_TEST

START_TEST(what_the_guest_says_of_mounts_is_listed)
{
	struct vm_share_state state;
	char line[300] = "";
	size_t first = 0;

	expect_added("one=/tmp,at=/mnt");
	/* None of that is there. */
	say_mounted("one", "/other", "no");
	say_mounted("two", "/mnt", "no");
	say_mounted("", "", "no");
	/* Longer than there is room for, and cut within a character. */
	for (int i = 0; i < 149; i++)
		strcat(line, "\xc3\xa4");
	say_mounted("one", "/mnt", line);
	must(is_unmounted, &first);
	ck_assert(vm_share_at(vm, 0, &state));
	ck_assert_msg(strncmp(state.trouble, "the guest cannot mount it at /mnt: \xc3\xa4", 37) ==
			      0,
		      "%s", state.trouble);
	say_mounted("one", "/mnt", NULL);
	run_until(NULL, NULL, SETTLE_MS);
	ck_assert(vm_share_at(vm, 0, &state));
	ck_assert_str_eq(state.state, "mounted");
	ck_assert_str_eq(state.trouble, "");
}
END_TEST

START_TEST(a_guest_that_says_nothing_is_not_awaited_for_ever)
{
	struct vm_share_state state;

	agent.says_nothing = true;
	expect_added("one=/tmp,at=/mnt");
	ck_assert(vm_share_at(vm, 0, &state));
	ck_assert_str_eq(state.state, "ready");
}
END_TEST

START_TEST(who_awaits_a_guest_hears_of_its_removal)
{
	struct outcome outcome = {0};
	struct share_spec spec;
	char error[256];

	agent.says_nothing = true;
	ck_assert_int_eq(share_spec_parse("one=/tmp,at=/mnt", &spec, error, sizeof(error)), 0);
	vm_share_add(vm, &spec, on_done, &outcome);
	must(list_is, "one:/mnt");
	ck_assert(!outcome.called);
	ck_assert_int_eq(vm_share_remove(vm, "one"), 0);
	ck_assert_int_eq(outcome.error, -ECANCELED);
}
END_TEST

int main(int argc, char **argv)
{
	TCase *tests = tcase_create("share_places");

	tcase_add_test(tests, what_the_guest_cannot_mount_is_not_added);
	tcase_add_test(tests, what_the_guest_says_of_mounts_is_listed);
	tcase_add_test(tests, a_guest_that_says_nothing_is_not_awaited_for_ever);
	tcase_add_test(tests, who_awaits_a_guest_hears_of_its_removal);
	return shares_vm_run(argc, argv, tests);
}
