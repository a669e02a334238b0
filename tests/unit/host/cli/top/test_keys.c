/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/keys.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct view_look look;

/* Five VMs fit. */
static void setup(void)
{
	look = (struct view_look){.columns = 80, .rows = 10};
}

static bool type(const char *text, size_t count)
{
	return keys_apply(text, strlen(text), &look, count);
}

static const struct {
	const char *typed;
	size_t count, first;
} moves[] = {
	{"", 8, 0},
	{"\033[B", 8, 1},
	{"\033[B\033[B\033[A", 8, 1},
	{"jjj", 8, 3},
	{"jjjjjjjjjj", 8, 3}, /* the last of eight is to be seen */
	{"jjk", 8, 1},
	{"k", 8, 0},
	{"\033[6~", 20, 5},
	{"\033[6~\033[6~\033[5~", 20, 5},
	{"\033[F", 20, 15},
	{"\033[F\033[H", 20, 0},
	{"j\033[F\033[6~", 3, 0}, /* all fit */
	{"\033[F", 0, 0},
	{"\033[1;5B", 8, 0}, /* with Ctrl: nothing */
	{"xyz\033\033[", 8, 0},
	{"jn", 8, 0}, /* another order begins at the top */
};

START_TEST(keys_move)
{
	ck_assert(type(moves[_i].typed, moves[_i].count));
	ck_assert_uint_eq(look.first, moves[_i].first);
}
END_TEST

START_TEST(keys_order)
{
	ck_assert(type("c", 3));
	ck_assert_int_eq(look.order, SNAPSHOT_BY_CPU);
	ck_assert(type("m", 3));
	ck_assert_int_eq(look.order, SNAPSHOT_BY_MEMORY);
	ck_assert(type("p", 3));
	ck_assert_int_eq(look.order, SNAPSHOT_BY_PRESSURE);
	ck_assert(type("n", 3));
	ck_assert_int_eq(look.order, SNAPSHOT_BY_NAME);
}
END_TEST

START_TEST(keys_end)
{
	ck_assert(!type("q", 3));
	ck_assert(!type("\003", 3));
	ck_assert(!type("jj\004", 3));
	/* The letter that ends a sequence is none. */
	ck_assert(type("\033[1;2q", 3));
}
END_TEST

/* VMs that ended leave the view behind their last one. */
START_TEST(fewer_vms)
{
	look.first = 30;
	ck_assert(type("k", 8));
	ck_assert_uint_eq(look.first, 2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("keys");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, keys_move, 0, sizeof(moves) / sizeof(moves[0]));
	tcase_add_test(tc, keys_order);
	tcase_add_test(tc, keys_end);
	tcase_add_test(tc, fewer_vms);
	return suite_run_case("keys", tc);
}
