/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/changes.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/unit/suite.h"

static struct changes *changes;

static void begin(void)
{
	changes = changes_new();
	ck_assert_ptr_nonnull(changes);
}

static void end(void)
{
	changes_free(changes);
}

static struct change of(enum server_change_kind kind, uint32_t type, const char *name)
{
	struct change change = {.kind = kind, .type = type, .directory = 1, .node = 7};

	snprintf(change.name, sizeof(change.name), "%s", name);
	return change;
}

static struct change moved(const char *name, uint64_t to, const char *to_name)
{
	struct change change = of(SERVER_CHANGE_RENAME, S_IFREG, name);

	change.to_directory = to;
	snprintf(change.to_name, sizeof(change.to_name), "%s", to_name);
	return change;
}

static enum changes_view view(uint64_t directory, const char *name)
{
	struct change change;

	return changes_view(changes, directory, name, 0, &change);
}

static int take(struct change wanted)
{
	struct change change;

	return changes_take(changes, &wanted, 0, &change);
}

START_TEST(a_created_name_is_absent_until_it_is_acted_out)
{
	struct change change = of(SERVER_CHANGE_CREATE, S_IFREG, "a");

	ck_assert_int_eq(view(1, "a"), CHANGES_AS_IT_IS);
	ck_assert_uint_ne(changes_add(changes, &change, 0), 0);
	ck_assert_int_eq(view(1, "a"), CHANGES_ABSENT);
	ck_assert_int_eq(view(2, "a"), CHANGES_AS_IT_IS);
	ck_assert_int_eq(view(1, "ab"), CHANGES_AS_IT_IS);
	ck_assert_int_eq(take(of(SERVER_CHANGE_CREATE, S_IFDIR, "a")), -EAGAIN);
	ck_assert_int_eq(take(of(SERVER_CHANGE_CREATE, S_IFREG, "b")), -EAGAIN);
	ck_assert_int_eq(take(of(SERVER_CHANGE_DELETE, 0, "a")), -EAGAIN);
	ck_assert_int_eq(take(of(SERVER_CHANGE_CREATE, S_IFREG, "a")), 0);
	ck_assert_int_eq(take(of(SERVER_CHANGE_CREATE, S_IFREG, "a")), -EAGAIN);
	ck_assert_int_eq(view(1, "a"), CHANGES_AS_IT_IS);
}
END_TEST

START_TEST(a_deleted_name_is_present)
{
	struct change change = of(SERVER_CHANGE_DELETE, S_IFREG, "a"), seen;

	changes_add(changes, &change, 0);
	ck_assert_int_eq(changes_view(changes, 1, "a", 0, &seen), CHANGES_PRESENT);
	ck_assert_uint_eq(seen.node, 7);
	ck_assert_int_eq(take(of(SERVER_CHANGE_DELETE, S_IFDIR, "a")), -EAGAIN);
	ck_assert_int_eq(take(of(SERVER_CHANGE_DELETE, 0, "a")), 0);
}
END_TEST

START_TEST(a_renamed_one_has_both_names)
{
	struct change change = moved("a", 2, "b");

	changes_add(changes, &change, 0);
	ck_assert_int_eq(view(1, "a"), CHANGES_PRESENT);
	ck_assert_int_eq(view(2, "b"), CHANGES_ABSENT);
	ck_assert_int_eq(view(1, "b"), CHANGES_AS_IT_IS);
	ck_assert_int_eq(take(moved("a", 2, "c")), -EAGAIN);
	ck_assert_int_eq(take(moved("b", 1, "a")), -EAGAIN);
	ck_assert_int_eq(take(moved("a", 2, "b")), 0);
	ck_assert_int_eq(view(2, "b"), CHANGES_AS_IT_IS);
}
END_TEST

/* Of one name, the oldest change is the next. */
START_TEST(changes_of_a_name_have_their_order)
{
	struct change create = of(SERVER_CHANGE_CREATE, S_IFREG, "a");
	struct change rename = moved("a", 1, "b");
	struct change delete = of(SERVER_CHANGE_DELETE, S_IFREG, "b");

	changes_add(changes, &create, 0);
	changes_add(changes, &rename, 0);
	changes_add(changes, &delete, 0);
	ck_assert_int_eq(take(of(SERVER_CHANGE_DELETE, 0, "b")), -EAGAIN);
	ck_assert_int_eq(take(moved("a", 1, "b")), -EAGAIN);
	ck_assert_int_eq(take(create), 0);
	ck_assert_int_eq(view(1, "a"), CHANGES_PRESENT);
	ck_assert_int_eq(take(moved("a", 1, "b")), 0);
	ck_assert_int_eq(view(1, "b"), CHANGES_PRESENT);
	ck_assert_int_eq(take(of(SERVER_CHANGE_DELETE, 0, "b")), 0);
}
END_TEST

START_TEST(only_names_are_looked_for)
{
	struct change change = of(SERVER_CHANGE_MODIFY, S_IFREG, "a");
	uint64_t id = changes_add(changes, &change, 0);

	ck_assert_uint_ne(id, 0);
	ck_assert_uint_eq(changes_count(changes, 0), 1);
	ck_assert_int_eq(view(1, "a"), CHANGES_AS_IT_IS);
	ck_assert_int_eq(take(change), -EAGAIN);
	changes_finished(changes, id);
	ck_assert_uint_eq(changes_count(changes, 0), 0);
	changes_add(changes, &change, 0);
	ck_assert_uint_eq(changes_count(changes, CHANGES_KEEP_MS), 0);
}
END_TEST

START_TEST(what_is_finished_is_forgotten)
{
	struct change first = of(SERVER_CHANGE_CREATE, S_IFREG, "a");
	struct change second = of(SERVER_CHANGE_CREATE, S_IFREG, "b");
	uint64_t id = changes_add(changes, &first, 0);

	ck_assert_uint_gt(changes_add(changes, &second, 0), id);
	changes_finished(changes, id);
	ck_assert_int_eq(view(1, "a"), CHANGES_AS_IT_IS);
	ck_assert_int_eq(view(1, "b"), CHANGES_ABSENT);
	changes_finished(changes, UINT64_MAX);
	ck_assert_int_eq(view(1, "b"), CHANGES_AS_IT_IS);
	changes_finished(changes, 0);
}
END_TEST

START_TEST(there_are_limits)
{
	struct change change = of(SERVER_CHANGE_CREATE, S_IFREG, "a"), seen;

	for (int i = 0; i < CHANGES_MAX; i++)
		ck_assert_uint_ne(changes_add(changes, &change, 5), 0);
	ck_assert_uint_eq(changes_add(changes, &change, 5), 0);
	ck_assert_int_eq(changes_view(changes, 1, "a", CHANGES_KEEP_MS, &seen), CHANGES_ABSENT);
	ck_assert_int_eq(changes_view(changes, 1, "a", CHANGES_KEEP_MS + 5, &seen),
			 CHANGES_AS_IT_IS);
	ck_assert_uint_ne(changes_add(changes, &change, CHANGES_KEEP_MS + 5), 0);
	changes_clear(changes);
	ck_assert_int_eq(view(1, "a"), CHANGES_AS_IT_IS);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("changes");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, a_created_name_is_absent_until_it_is_acted_out);
	tcase_add_test(tests, a_deleted_name_is_present);
	tcase_add_test(tests, a_renamed_one_has_both_names);
	tcase_add_test(tests, changes_of_a_name_have_their_order);
	tcase_add_test(tests, only_names_are_looked_for);
	tcase_add_test(tests, what_is_finished_is_forgotten);
	tcase_add_test(tests, there_are_limits);
	return suite_run_case("changes", tests);
}
