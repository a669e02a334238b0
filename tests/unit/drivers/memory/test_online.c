/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory blocks, as files in a folder that plays /proc and /sys. */
#include "drivers/memory/online.h"
#include "tests/unit/guest-agent/memory_folder.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCKS "sys/devices/system/memory"

/* 128 MiB each: block 40 begins at 0x140000000. */
static const char iomem[] = "00001000-0009fbff : System RAM\n"
			    "100000000-11fffffff : System RAM\n"
			    "120000000-127ffffff : System RAM\n"
			    "140000000-17fffffff : virtio3\n"
			    "  140000000-14fffffff : System RAM (virtio_mem)\n"
			    "  158000000-15fffffff : System RAM (virtio_mem)\n";

static void make_block(unsigned int number, const char *state)
{
	char name[128];

	snprintf(name, sizeof(name), BLOCKS "/memory%u", number);
	make_folder_of(name);
	strcat(name, "/state");
	make_file(name, state);
}

static void expect_state(unsigned int number, const char *expected)
{
	char name[128], text[64] = "";
	FILE *file;

	snprintf(name, sizeof(name), BLOCKS "/memory%u/state", number);
	file = fopen(in_folder(name), "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	ck_assert_str_eq(text, expected);
}

static void setup(void)
{
	make_memory();
	make_folder_of("sys");
	make_folder_of("sys/devices");
	make_folder_of("sys/devices/system");
	make_folder_of(BLOCKS);
	make_file(BLOCKS "/block_size_bytes", "8000000\n");
	make_file("proc/iomem", iomem);
}

static void make_device(void)
{
	make_folder_of("sys/bus");
	make_folder_of("sys/bus/virtio");
	make_folder_of("sys/bus/virtio/drivers");
	make_folder_of("sys/bus/virtio/drivers/virtio_mem");
	make_file("sys/bus/virtio/drivers/virtio_mem/bind", "");
	ck_assert(!online_has_device(folder));
	make_folder_of("sys/bus/virtio/drivers/virtio_mem/virtio3");
}

START_TEST(what_was_plugged_in_is_put_online_as_movable)
{
	make_block(40, "offline\n");
	make_block(41, "online\n");
	make_block(43, "offline\n");
	ck_assert_int_eq(online_blocks(folder), 2);
	expect_state(40, "online_movable");
	expect_state(41, "online\n");
	expect_state(43, "online_movable");
}
END_TEST

/* Memory that its owner took out of use, say because it is broken; and what is no block. */
START_TEST(other_blocks_are_left_alone)
{
	make_block(36, "offline\n");
	make_block(42, "offline\n");
	make_block(44, "offline\n");
	make_folder_of(BLOCKS "/memory40x");
	make_file(BLOCKS "/memory40x/state", "offline\n");
	ck_assert_int_eq(online_blocks(folder), 0);
	expect_state(36, "offline\n");
	expect_state(42, "offline\n");
	expect_state(44, "offline\n");
}
END_TEST

/* Addresses are hidden from who has no right to them. */
START_TEST(without_addresses_nothing_is_touched)
{
	make_file("proc/iomem", "00000000-00000000 : virtio3\n"
				"  00000000-00000000 : System RAM (virtio_mem)\n");
	make_block(0, "offline\n");
	ck_assert_int_eq(online_blocks(folder), 0);
	expect_state(0, "offline\n");
}
END_TEST

START_TEST(a_block_that_cannot_be_used_does_not_stop_the_others)
{
	make_block(40, "offline\n");
	make_block(41, "offline\n");
	ck_assert_int_eq(unlink(in_folder(BLOCKS "/memory40/state")), 0);
	ck_assert_int_eq(mkdir(in_folder(BLOCKS "/memory40/state"), 0755), 0);
	ck_assert_int_eq(online_blocks(folder), 1);
	expect_state(41, "online_movable");
	ck_assert_int_eq(unlink(in_folder(BLOCKS "/block_size_bytes")), 0);
	ck_assert_int_eq(online_blocks(folder), -ENOENT);
	ck_assert_int_eq(unlink(in_folder("proc/iomem")), 0);
	ck_assert_int_eq(online_blocks(folder), -ENOENT);
}
END_TEST

START_TEST(a_device_is_one_that_has_its_driver)
{
	ck_assert(!online_has_device(folder));
	make_device();
	ck_assert(online_has_device(folder));
}
END_TEST

START_TEST(what_is_there_at_the_start_is_used_at_once)
{
	struct online *online = NULL;
	uv_loop_t loop;

	make_device();
	make_block(40, "offline\n");
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(online_new(&loop, folder, &online), 0);
	expect_state(40, "online_movable");
	online_free(online);
	online_free(NULL);
	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("online");

	tcase_add_checked_fixture(tests, setup, remove_folder);
	tcase_add_test(tests, what_was_plugged_in_is_put_online_as_movable);
	tcase_add_test(tests, other_blocks_are_left_alone);
	tcase_add_test(tests, without_addresses_nothing_is_touched);
	tcase_add_test(tests, a_block_that_cannot_be_used_does_not_stop_the_others);
	tcase_add_test(tests, a_device_is_one_that_has_its_driver);
	tcase_add_test(tests, what_is_there_at_the_start_is_used_at_once);
	return suite_run_case("online", tests);
}
