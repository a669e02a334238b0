/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#define ROOT  11
#define BELOW 12

struct rig {
	char root[64], below[80];
	int root_fd, below_fd, proc;
	struct watch *watch;
	char log[8192]; /* an event a line */
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

/* Return: false where this machine has not got the method. */
static bool rig_start(struct rig *rig, enum watch_method method, size_t limit)
{
	int ret;

	memset(rig, 0, sizeof(*rig));
	snprintf(rig->root, sizeof(rig->root), "/tmp/lodge-watch-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig->root));
	snprintf(rig->below, sizeof(rig->below), "%s/below", rig->root);
	ck_assert_int_eq(mkdir(rig->below, 0700), 0);
	rig->root_fd = open(rig->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	rig->below_fd = open(rig->below, O_PATH | O_DIRECTORY | O_CLOEXEC);
	rig->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert(rig->root_fd >= 0 && rig->below_fd >= 0 && rig->proc >= 0);
	ret = watch_new(method, rig->root_fd, rig->proc, limit, &rig->watch);
	if (ret < 0)
		ck_assert_int_eq(ret, -EOPNOTSUPP);
	return ret == 0;
}

static void rig_end(struct rig *rig)
{
	watch_free(rig->watch);
	close(rig->root_fd);
	close(rig->below_fd);
	close(rig->proc);
	nftw(rig->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Run by the shell: another process than this one. */
static void elsewhere(const struct rig *rig, const char *command)
{
	char line[512];
	int status;

	snprintf(line, sizeof(line), "cd %s && %s", rig->root, command);
	status = system(line); // NOLINT(cert-env33-c): commands of our own
	ck_assert_int_eq(status, 0);
}

static void note(void *owner, const struct watch_event *event)
{
	static const char letters[] = "CDRMAWGL";
	struct rig *rig = owner;
	size_t at = strlen(rig->log);
	char what[16] = "";

	for (size_t i = 0; i < 8; i++)
		if (event->what & 1U << i)
			strncat(what, &letters[i], 1);
	snprintf(rig->log + at, sizeof(rig->log) - at, "%s%s%s %llu %s", what,
		 event->is_dir ? "d" : "", event->own ? "o" : "",
		 (unsigned long long)event->directory, event->name ? event->name : "-");
	at = strlen(rig->log);
	snprintf(rig->log + at, sizeof(rig->log) - at, event->to_name ? " %llu %s\n" : "\n",
		 (unsigned long long)event->to_directory, event->to_name);
}

static void gather(void *owner, const struct watch_event *event)
{
	*(unsigned int *)owner |= event->what;
}

static bool seen(struct rig *rig, const char *line)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s\n", line);
	for (int turn = 0; turn < 1000; turn++) {
		struct pollfd more = {.fd = watch_descriptor(rig->watch), .events = POLLIN};

		ck_assert_int_ge(watch_read(rig->watch, note, rig), 0);
		for (const char *at = rig->log; (at = strstr(at, whole)); at++)
			if (at == rig->log || at[-1] == '\n')
				return true;
		poll(&more, 1, 20);
	}
	fprintf(stderr, "no \"%s\" in:\n%s", line, rig->log);
	return false;
}

static const enum watch_method methods[] = {WATCH_FANOTIFY, WATCH_INOTIFY};

#define IN_EACH_METHOD(rig, limit)                                                                 \
	if (!rig_start(&(rig), methods[_i], limit)) {                                              \
		rig_end(&(rig));                                                                   \
		return;                                                                            \
	}                                                                                          \
	ck_assert_int_eq(watch_method((rig).watch), methods[_i]);

/* Each kind of change is told with its directory's node and its name. */
START_TEST(changes_are_told)
{
	struct rig rig;

	IN_EACH_METHOD(rig, 10);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 0);
	ck_assert_int_eq(watch_directory(rig.watch, BELOW, rig.below_fd), 1);
	elsewhere(&rig, "mkfifo pipe");
	ck_assert(seen(&rig, "C 11 pipe"));
	elsewhere(&rig, "mkdir made");
	ck_assert(seen(&rig, "Cd 11 made"));
	elsewhere(&rig, "rmdir made");
	ck_assert(seen(&rig, "Dd 11 made"));
	elsewhere(&rig, "chmod 600 pipe");
	ck_assert(seen(&rig, "A 11 pipe"));
	elsewhere(&rig, "mv pipe below/other");
	ck_assert(seen(&rig, "R 11 pipe 12 other"));
	elsewhere(&rig, "mv below/other below/third");
	ck_assert(seen(&rig, "R 12 other 12 third"));
	elsewhere(&rig, "rm below/third");
	ck_assert(seen(&rig, "D 12 third"));
	rig_end(&rig);
}
END_TEST

/* Contents and closing: merged or not, both are told. */
START_TEST(writing_is_told)
{
	struct rig rig;
	bool modified, written;

	IN_EACH_METHOD(rig, 10);
	elsewhere(&rig, ": > file");
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	elsewhere(&rig, "echo x >> file");
	elsewhere(&rig, "mkdir after");
	ck_assert(seen(&rig, "Cd 11 after"));
	modified = strstr(rig.log, "M 11 file") || strstr(rig.log, "MW 11 file");
	written = strstr(rig.log, "W 11 file");
	ck_assert(modified && written);
	rig_end(&rig);
}
END_TEST

/* From or to a directory that nobody watches: as deleted, as created. */
START_TEST(half_a_rename_is_told)
{
	struct rig rig;

	IN_EACH_METHOD(rig, 10);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	elsewhere(&rig, "mkfifo one && mv one below/two");
	ck_assert(seen(&rig, "D 11 one"));
	elsewhere(&rig, "mv below/two three");
	ck_assert(seen(&rig, "C 11 three"));
	ck_assert_ptr_null(strstr(rig.log, "R"));
	rig_end(&rig);
}
END_TEST

/* fanotify knows whose change it was; inotify never claims to. */
START_TEST(own_changes_are_marked)
{
	struct rig rig;
	char path[128];

	IN_EACH_METHOD(rig, 10);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	snprintf(path, sizeof(path), "%s/mine", rig.root);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	elsewhere(&rig, "mkdir theirs");
	ck_assert(seen(&rig, methods[_i] == WATCH_FANOTIFY ? "Cdo 11 mine" : "Cd 11 mine"));
	ck_assert(seen(&rig, "Cd 11 theirs"));
	rig_end(&rig);
}
END_TEST

START_TEST(a_directory_that_goes_is_forgotten)
{
	struct rig rig;

	IN_EACH_METHOD(rig, 10);
	ck_assert_int_eq(watch_directory(rig.watch, BELOW, rig.below_fd), 1);
	/* An open descriptor would keep it. */
	close(rig.below_fd);
	elsewhere(&rig, "rmdir below");
	rig.below_fd = open(rig.root, O_PATH | O_CLOEXEC);
	for (int turn = 0; turn < 1000 && watch_has(rig.watch, BELOW); turn++) {
		ck_assert_int_ge(watch_read(rig.watch, note, &rig), 0);
		usleep(10000);
	}
	ck_assert(!watch_has(rig.watch, BELOW));
	ck_assert_ptr_nonnull(strstr(rig.log, "G"));
	ck_assert_ptr_nonnull(strstr(rig.log, " 12 -"));
	ck_assert_uint_eq(watch_count(rig.watch), 0);
	rig_end(&rig);
}
END_TEST

START_TEST(forgotten_directories_are_silent)
{
	struct rig rig;

	IN_EACH_METHOD(rig, 10);
	ck_assert_int_eq(watch_directory(rig.watch, BELOW, rig.below_fd), 1);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	watch_forget(rig.watch, BELOW, rig.below_fd);
	watch_forget(rig.watch, 99, -1);
	elsewhere(&rig, "mkdir below/x after");
	ck_assert(seen(&rig, "Cd 11 after"));
	ck_assert_ptr_null(strstr(rig.log, "12"));
	/* And it may come back, under another number. */
	ck_assert_int_eq(watch_directory(rig.watch, 13, rig.below_fd), 1);
	elsewhere(&rig, "mkdir below/y");
	ck_assert(seen(&rig, "Cd 13 y"));
	rig_end(&rig);
}
END_TEST

START_TEST(all_can_be_forgotten)
{
	struct rig rig;

	IN_EACH_METHOD(rig, 10);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	ck_assert_int_eq(watch_directory(rig.watch, BELOW, rig.below_fd), 1);
	watch_forget_all(rig.watch);
	ck_assert_uint_eq(watch_count(rig.watch), 0);
	elsewhere(&rig, "mkdir x below/y");
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	elsewhere(&rig, "mkdir below/z after");
	ck_assert(seen(&rig, "Cd 11 after"));
	ck_assert_str_eq(rig.log, "Cd 11 after\n");
	rig_end(&rig);
}
END_TEST

START_TEST(there_is_a_limit)
{
	struct rig rig;

	IN_EACH_METHOD(rig, 1);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	ck_assert_int_eq(watch_directory(rig.watch, BELOW, rig.below_fd), -ENOSPC);
	watch_forget(rig.watch, ROOT, rig.root_fd);
	ck_assert_int_eq(watch_directory(rig.watch, BELOW, rig.below_fd), 1);
	ck_assert_uint_eq(watch_count(rig.watch), 1);
	rig_end(&rig);
}
END_TEST

START_TEST(one_directory_has_one_node)
{
	struct rig rig;

	IN_EACH_METHOD(rig, 10);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	ck_assert_int_eq(watch_directory(rig.watch, BELOW, rig.root_fd), -EEXIST);
	ck_assert(watch_has(rig.watch, ROOT));
	ck_assert(!watch_has(rig.watch, BELOW));
	rig_end(&rig);
}
END_TEST

/* More than the kernel queues: that is told too, and no event is made up. */
START_TEST(too_much_is_told)
{
	struct rig rig;
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	int queue = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%d", &queue), 1);
	fclose(file);
	if (queue > 100000)
		return;
	IN_EACH_METHOD(rig, 10);
	ck_assert_int_eq(watch_directory(rig.watch, ROOT, rig.root_fd), 1);
	for (int i = 0; i <= queue; i++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "file-%d", i);
		fd = openat(rig.below_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		close(fd);
		ck_assert_int_eq(renameat(rig.below_fd, name, rig.root_fd, name), 0);
	}
	unsigned int all = 0;

	ck_assert_int_gt(watch_read(rig.watch, gather, &all), queue);
	ck_assert_uint_eq(all, WATCH_CREATED | WATCH_LOST);
	rig_end(&rig);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("watch");
	int count = sizeof(methods) / sizeof(methods[0]);

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, changes_are_told, 0, count);
	tcase_add_loop_test(tests, writing_is_told, 0, count);
	tcase_add_loop_test(tests, half_a_rename_is_told, 0, count);
	tcase_add_loop_test(tests, own_changes_are_marked, 0, count);
	tcase_add_loop_test(tests, a_directory_that_goes_is_forgotten, 0, count);
	tcase_add_loop_test(tests, forgotten_directories_are_silent, 0, count);
	tcase_add_loop_test(tests, all_can_be_forgotten, 0, count);
	tcase_add_loop_test(tests, there_is_a_limit, 0, count);
	tcase_add_loop_test(tests, one_directory_has_one_node, 0, count);
	tcase_add_loop_test(tests, too_much_is_told, 0, count);
	return suite_run_case("watch", tests);
}
