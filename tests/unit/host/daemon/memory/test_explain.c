/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

#include <string.h>

START_TEST(the_explanation_says_the_figures_and_the_rule)
{
	struct played_host *host = played_host_new(8 * MEMORY_GIB);
	struct played_guest *guest = played_guest_add(host, 6 * MEMORY_GIB, MEMORY_GIB, 250);
	char text[2048], cut[16];
	int length;

	guest->used = 4e9;
	guest->cache = 8e9;
	guest->pressure = 0.25;
	guest->refaults = 5.0 * (double)MEMORY_MIB;
	played_run(host, 20);
	length = memory_vm_explain(host->policy, guest->vm, text, sizeof(text));
	ck_assert_uint_eq((size_t)length, strlen(text));
	ck_assert_ptr_nonnull(strstr(text, "guest (followed): target 6144 MiB"));
	ck_assert_ptr_nonnull(strstr(text, "between 1024 and 6144 MiB, 250 shares"));
	ck_assert_ptr_nonnull(strstr(text, "it has all that it may have"));
	ck_assert_ptr_nonnull(strstr(text, "in use 3815 MiB"));
	ck_assert_int_eq(memory_vm_explain(host->policy, guest->vm, cut, sizeof(cut)), length);
	ck_assert_uint_eq(strlen(cut), sizeof(cut) - 1);
	ck_assert_int_eq(memory_vm_explain(host->policy, guest->vm, NULL, 0), length);
	ck_assert_str_eq(memory_state_name(MEMORY_STUCK), "stuck");
	played_host_free(host);
}
END_TEST

START_TEST(silence_is_explained_too)
{
	struct played_host *host = played_host_new(8 * MEMORY_GIB);
	struct played_guest *guest = played_guest_add(host, 6 * MEMORY_GIB, MEMORY_GIB, 250);
	char text[2048];

	played_run(host, 10);
	guest->silent = true;
	played_run(host, 20);
	memory_vm_explain(host->policy, guest->vm, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "guest (dead)"));
	ck_assert_ptr_nonnull(strstr(text, "its figures are overdue"));
	played_host_free(host);
}
END_TEST

START_TEST(what_is_lent_is_said)
{
	struct played_host *host = played_host_new(8 * MEMORY_GIB);
	struct played_guest *guest = played_guest_add(host, 6 * MEMORY_GIB, MEMORY_GIB, 250);
	char text[2048];

	played_run(host, 20);
	memory_vm_explain(host->policy, guest->vm, text, sizeof(text));
	ck_assert_ptr_null(strstr(text, "lent"));
	guest->reports = true;
	guest->used = (double)MEMORY_GIB;
	played_run(host, 20);
	memory_vm_explain(host->policy, guest->vm, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "may have 6144 MiB, of which "));
	ck_assert_ptr_nonnull(strstr(text, " MiB are not taken, and lent, budget "));
	played_host_free(host);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("explain");

	tcase_add_test(tests, the_explanation_says_the_figures_and_the_rule);
	tcase_add_test(tests, silence_is_explained_too);
	tcase_add_test(tests, what_is_lent_is_said);
	return suite_run_case("explain", tests);
}
