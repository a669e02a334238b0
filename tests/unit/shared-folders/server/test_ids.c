/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/ids.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

#define MAXIMUM 1000

static struct id_table table;
static int objects[MAXIMUM + 1];
static uint64_t ids[MAXIMUM + 1];

START_TEST(test_add_get_remove)
{
	uint64_t old;

	id_table_init(&table, MAXIMUM);
	ck_assert_ptr_null(id_table_get(&table, 0));
	ck_assert_ptr_null(id_table_get(&table, 1));
	for (int i = 0; i < MAXIMUM; i++) {
		ck_assert_int_eq(id_table_add(&table, &objects[i], &ids[i]), 0);
		ck_assert_uint_eq(ids[i], (uint64_t)i + 1);
	}
	ck_assert_int_eq(id_table_add(&table, &objects[MAXIMUM], &ids[MAXIMUM]), -ENFILE);
	for (int i = 0; i < MAXIMUM; i++)
		ck_assert_ptr_eq(id_table_get(&table, ids[i]), &objects[i]);
	old = ids[500];
	id_table_remove(&table, old);
	ck_assert_ptr_null(id_table_get(&table, old));
	ck_assert_int_eq(id_table_add(&table, &objects[MAXIMUM], &ids[500]), 0);
	/* The same place, another object: the old number means nothing. */
	ck_assert_uint_eq((uint32_t)ids[500], (uint32_t)old);
	ck_assert_uint_ne(ids[500], old);
	ck_assert_ptr_null(id_table_get(&table, old));
	ck_assert_ptr_eq(id_table_get(&table, ids[500]), &objects[MAXIMUM]);
	id_table_free(&table);
}
END_TEST

START_TEST(test_invented)
{
	id_table_init(&table, MAXIMUM);
	ck_assert_int_eq(id_table_add(&table, &objects[0], &ids[0]), 0);
	for (unsigned int bit = 0; bit < 64; bit++)
		ck_assert_ptr_null(id_table_get(&table, ids[0] ^ (uint64_t)1 << bit));
	ck_assert_ptr_null(id_table_get(&table, UINT64_MAX));
	id_table_free(&table);
}
END_TEST

/* What another process gave out means nothing. */
START_TEST(test_drawn)
{
	struct id_table other;
	uint64_t id;

	id_table_init(&table, MAXIMUM);
	id_table_init(&other, MAXIMUM);
	for (int i = 0; i < 5; i++) {
		id_table_draw(&table);
		id_table_draw(&other);
		ck_assert_int_eq(id_table_add(&table, &objects[i], &ids[i]), 0);
		ck_assert_int_eq(id_table_add(&other, &objects[i], &id), 0);
		ck_assert_uint_eq((uint32_t)ids[i], (uint32_t)id);
		ck_assert_uint_ne(ids[i], id);
		ck_assert_ptr_null(id_table_get(&other, ids[i]));
		ck_assert_ptr_eq(id_table_get(&table, ids[i]), &objects[i]);
	}
	id_table_free(&table);
	id_table_free(&other);
}
END_TEST

START_TEST(test_next)
{
	uint32_t index = 0;

	id_table_init(&table, MAXIMUM);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(id_table_add(&table, &objects[i], &ids[i]), 0);
	for (int i = 0; i < 10; i += 2)
		id_table_remove(&table, ids[i]);
	for (int i = 1; i < 10; i += 2)
		ck_assert_ptr_eq(id_table_next(&table, &index), &objects[i]);
	ck_assert_ptr_null(id_table_next(&table, &index));
	id_table_free(&table);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("ids");

	tcase_add_test(tests, test_add_get_remove);
	tcase_add_test(tests, test_invented);
	tcase_add_test(tests, test_drawn);
	tcase_add_test(tests, test_next);
	return suite_run_case("ids", tests);
}
