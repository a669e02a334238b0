/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a hostile guest tries when its files are copied to the host: names that lead elsewhere,
 * links to walk through, bytes that are no list. Each test copies /root of a fake guest to
 * <folder>/to/copy and then looks at <folder>/outside.
 */
#include "host/cli/copy/copy.h"
#include "host/cli/copy/host_tree.h"
#include "protocol/base/bytes.h"
#include "tests/unit/host/cli/copy/fake_guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_MODE (S_IFREG | 0644)
#define DIR_MODE  (S_IFDIR | 0755)
#define LINK_MODE (S_IFLNK | 0777)
#define SECOND_NS 1000000000LL

static char folder[64];

static void make_folders(void)
{
	strcpy(folder, "/tmp/test-download-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("to", 0755), 0);
	ck_assert_int_eq(mkdir("outside", 0755), 0);
}

static void remove_folders(void)
{
	char command[96];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c): a name of our own
}

/* Copies, and gives the number of failures. */
static uint64_t copy_root(const struct fake_guest *guest)
{
	struct file_stat stat = {.mode = DIR_MODE, .mtime_ns = 5 * SECOND_NS};
	struct agent *agent;
	struct copy copy;
	pid_t child;
	int fd = fake_guest_start(guest, &child);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(agent_new(fd, "fake", &agent), 0);
	copy_init(&copy, agent);
	copy.recursive = true;
	copy.root = host_tree_open_root("to");
	ck_assert_int_ge(copy.root, 0);
	progress_start(&copy.progress, "test");
	download_begin(&copy, &stat, "/root", "copy");
	copy_run(&copy);
	download_finish(&copy);
	close(copy.root);
	agent_close(agent);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	return copy.failures;
}

static size_t entries_in(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(directory);
	return count;
}

static char *contents(const char *path)
{
	static char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	ck_assert_int_ge(fd, 0);
	length = read(fd, text, sizeof(text) - 1);
	ck_assert_int_ge(length, 0);
	text[length] = '\0';
	close(fd);
	return text;
}

START_TEST(an_honest_tree_arrives_with_modes_and_times)
{
	struct fake_entry root[] = {
		ENTRY("file", S_IFREG | 0640, .size_bytes = 5, .mtime_ns = 7 * SECOND_NS + 9),
		ENTRY("setuid", S_IFREG | 06755, .size_bytes = 1),
		ENTRY("sub", S_IFDIR | 0500, .mtime_ns = -3),
		ENTRY("link", LINK_MODE, .target = SLICE_LITERAL("../../outside")),
		ENTRY("\033[2J", FILE_MODE),
	};
	static const struct fake_entry sub[] = {
		ENTRY("inner", LINK_MODE, .target = SLICE_LITERAL("x")),
	};
	const struct fake_guest guest = {.root = root,
					 .root_count = ARRAY_SIZE(root),
					 .sub = sub,
					 .sub_count = ARRAY_SIZE(sub)};
	struct stat status;
	char target[64] = "";

	root[0].bytes = "hello";
	root[1].bytes = "x";
	root[4].bytes = "";
	ck_assert_uint_eq(copy_root(&guest), 0);
	ck_assert_str_eq(contents("to/copy/file"), "hello");
	ck_assert_int_eq(stat("to/copy/file", &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0640);
	ck_assert_int_eq(status.st_mtim.tv_sec, 7);
	ck_assert_int_eq(status.st_mtim.tv_nsec, 9);
	ck_assert_int_eq(stat("to/copy/setuid", &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0755);
	ck_assert_int_eq(stat("to/copy/sub", &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0500);
	ck_assert_int_eq(status.st_mtim.tv_nsec, SECOND_NS - 3);
	ck_assert_int_gt(readlink("to/copy/link", target, sizeof(target) - 1), 0);
	ck_assert_str_eq(target, "../../outside");
	ck_assert_int_eq(stat("to/copy", &status), 0);
	ck_assert_int_eq(status.st_mtim.tv_sec, 5);
	ck_assert_uint_eq(entries_in("to/copy"), 5);
}
END_TEST

static const struct slice evil_names[] = {
	SLICE_LITERAL("../outside/x"),
	SLICE_LITERAL("/tmp/x"),
	SLICE_LITERAL(".."),
	SLICE_LITERAL("."),
	SLICE_LITERAL(""),
	SLICE_LITERAL("a/b"),
	SLICE_LITERAL("x\0y"),
	SLICE_LITERAL("/"),
	SLICE_LITERAL("../"),
};

START_TEST(names_that_lead_elsewhere_are_refused)
{
	static const mode_t modes[] = {FILE_MODE, DIR_MODE, LINK_MODE};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct fake_entry root[] = {
			{.stat = {.name = evil_names[_i],
				  .mode = modes[i],
				  .target = SLICE_LITERAL("x")},
			 .bytes = "evil"},
		};
		const struct fake_guest guest = {.root = root, .root_count = ARRAY_SIZE(root)};

		ck_assert_uint_gt(copy_root(&guest), 0);
		ck_assert_uint_eq(entries_in("to/copy"), 0);
		ck_assert_uint_eq(entries_in("outside"), 0);
		ck_assert_uint_eq(entries_in("to"), 1);
	}
}
END_TEST

/* The same name twice: a link that leads out, and a folder to be filled through it. Whichever is
 * made first. */
START_TEST(links_are_not_walked_through)
{
	struct fake_entry entries[2] = {
		ENTRY("d", LINK_MODE, .target = SLICE_LITERAL("../../outside")),
		ENTRY("d", DIR_MODE),
	};
	const struct fake_entry swapped[2] = {entries[1], entries[0]};
	static const struct fake_entry sub[] = {
		ENTRY("planted", LINK_MODE, .target = SLICE_LITERAL("x")),
		ENTRY("deeper", DIR_MODE),
	};
	const struct fake_guest guest = {.root = _i ? swapped : entries,
					 .root_count = 2,
					 .sub = sub,
					 .sub_count = ARRAY_SIZE(sub)};

	copy_root(&guest);
	ck_assert_uint_eq(entries_in("outside"), 0);
}
END_TEST

/* A link from an earlier copy lies where the copy's own folder is to be. */
START_TEST(not_even_the_first_folder_is_a_link)
{
	struct fake_entry root[] = {ENTRY("file", FILE_MODE)};
	const struct fake_guest guest = {.root = root, .root_count = ARRAY_SIZE(root)};

	root[0].bytes = "evil";
	ck_assert_int_eq(symlink("../outside", "to/copy"), 0);
	ck_assert_uint_gt(copy_root(&guest), 0);
	ck_assert_uint_eq(entries_in("outside"), 0);
}
END_TEST

START_TEST(a_link_is_replaced_not_written_through)
{
	struct fake_entry root[] = {ENTRY("file", FILE_MODE)};
	const struct fake_guest guest = {.root = root, .root_count = ARRAY_SIZE(root)};
	struct stat status;
	int fd = open("outside/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	root[0].bytes = "evil";
	ck_assert_int_eq(write(fd, "mine", 4), 4);
	close(fd);
	ck_assert_int_eq(mkdir("to/copy", 0755), 0);
	ck_assert_int_eq(symlink("../../outside/file", "to/copy/file"), 0);
	ck_assert_uint_eq(copy_root(&guest), 0);
	ck_assert_str_eq(contents("outside/file"), "mine");
	ck_assert_int_eq(lstat("to/copy/file", &status), 0);
	ck_assert(S_ISREG(status.st_mode));
	ck_assert_str_eq(contents("to/copy/file"), "evil");
}
END_TEST

START_TEST(what_breaks_off_leaves_nothing)
{
	static const struct fake_entry root[] = {ENTRY("file", FILE_MODE, .size_bytes = 8)};
	const struct fake_guest guest = {.root = root, .root_count = ARRAY_SIZE(root)};

	ck_assert_uint_eq(copy_root(&guest), 1);
	ck_assert_uint_eq(entries_in("to/copy"), 0);
}
END_TEST

START_TEST(devices_are_left_out)
{
	static const struct fake_entry root[] = {
		ENTRY("device", S_IFBLK | 0666),
		ENTRY("pipe", S_IFIFO | 0666),
		ENTRY("nothing", 0666),
	};
	const struct fake_guest guest = {.root = root, .root_count = ARRAY_SIZE(root)};

	ck_assert_uint_eq(copy_root(&guest), 3);
	ck_assert_uint_eq(entries_in("to/copy"), 0);
}
END_TEST

/* A folder that holds itself for ever ends at the longest path. */
START_TEST(endless_depth_ends)
{
	static char name[200];
	struct fake_entry root[] = {{.stat = {.mode = DIR_MODE}}};
	const struct fake_guest guest = {
		.root = root, .root_count = 1, .sub = root, .sub_count = 1};

	memset(name, 'n', sizeof(name));
	root[0].stat.name = (struct slice){(const uint8_t *)name, sizeof(name)};
	ck_assert_uint_gt(copy_root(&guest), 0);
}
END_TEST

static const struct slice garbage[] = {
	SLICE_LITERAL("\x00"),			   /* a number */
	SLICE_LITERAL("\xa1"),			   /* a map that is cut */
	SLICE_LITERAL("\xff\xff\xff"),		   /* nothing at all */
	SLICE_LITERAL("\xa1\x64name\x41x"),	   /* no mode */
	SLICE_LITERAL("\xa1\x64mode\x19\x81\xa4"), /* no name */
	SLICE_LITERAL("\xbf\xff"),		   /* indefinite */
};

START_TEST(bytes_that_are_no_list_are_refused)
{
	const struct fake_guest guest = {.raw = garbage[_i]};

	ck_assert_uint_gt(copy_root(&guest), 0);
	ck_assert_uint_eq(entries_in("to/copy"), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("download");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, make_folders, remove_folders);
	tcase_add_test(tc, an_honest_tree_arrives_with_modes_and_times);
	tcase_add_loop_test(tc, names_that_lead_elsewhere_are_refused, 0, ARRAY_SIZE(evil_names));
	tcase_add_loop_test(tc, links_are_not_walked_through, 0, 2);
	tcase_add_test(tc, not_even_the_first_folder_is_a_link);
	tcase_add_test(tc, a_link_is_replaced_not_written_through);
	tcase_add_test(tc, what_breaks_off_leaves_nothing);
	tcase_add_test(tc, devices_are_left_out);
	tcase_add_test(tc, endless_depth_ends);
	tcase_add_loop_test(tc, bytes_that_are_no_list_are_refused, 0, ARRAY_SIZE(garbage));
	return suite_run_case("download", tc);
}
