/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* On a plain folder, where an echo really does what it says: which call, and which events. */
#include "shared-folders/relay/echo.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared-folders/server/server.h"
#include "tests/unit/suite.h"

static char folder[64];
static int root, events;

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

static void begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/lodge-echo-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ck_assert(root >= 0 && events >= 0);
}

static void end(void)
{
	close(root);
	close(events);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_file(const char *name, mode_t mode)
{
	int fd = openat(root, name, O_CREAT | O_WRONLY | O_CLOEXEC, mode);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static size_t change(char *body, enum server_change_kind kind, uint32_t mode, const char *path,
		     const char *to)
{
	struct server_change head = {.kind = htole32(kind), .mode = htole32(mode), .id = 42};
	size_t at = sizeof(head);

	memcpy(body, &head, sizeof(head));
	memcpy(body + at, path, strlen(path) + 1);
	at += strlen(path) + 1;
	memcpy(body + at, to, strlen(to) + 1);
	return at + strlen(to) + 1;
}

static int act(enum server_change_kind kind, uint32_t mode, const char *path, const char *to)
{
	char body[1024];
	uint64_t id;
	int ret = echo_act(root, body, change(body, kind, mode, path, to), &id);

	ck_assert_uint_eq(id, 42);
	return ret;
}

static void watch(void)
{
	ck_assert_int_ge(inotify_add_watch(events, folder, IN_ALL_EVENTS), 0);
}

/* All events since the last call, as one set. */
static uint32_t raised(void)
{
	_Alignas(struct inotify_event) char buffer[4096];
	uint32_t mask = 0;
	ssize_t length;

	while ((length = read(events, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < length;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			mask |= event->mask;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return mask;
}

static void swap(int *a, int *b)
{
	int c = *a;

	*a = *b;
	*b = c;
}

START_TEST(names_come_and_go)
{
	struct stat status;

	watch();
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFREG, "file", ""), 0);
	ck_assert_uint_eq(raised(), IN_CREATE);
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFREG, "file", ""), -EEXIST);
	ck_assert_int_eq(act(SERVER_CHANGE_RENAME, S_IFREG, "file", "other"), 0);
	ck_assert_uint_eq(raised(), IN_MOVED_FROM | IN_MOVED_TO);
	ck_assert_int_eq(act(SERVER_CHANGE_DELETE, S_IFREG, "other", ""), 0);
	ck_assert_uint_eq(raised(), IN_DELETE);
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFDIR, "dir", ""), 0);
	ck_assert_uint_eq(raised(), IN_CREATE | IN_ISDIR);
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFLNK, "dir/link", ""), 0);
	ck_assert_int_eq(fstatat(root, "dir/link", &status, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISLNK(status.st_mode));
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFIFO, "dir/pipe", ""), 0);
	ck_assert_int_eq(act(SERVER_CHANGE_RENAME, S_IFIFO, "dir/pipe", "dir/link"), -EEXIST);
	ck_assert_int_eq(act(SERVER_CHANGE_DELETE, S_IFLNK, "dir/link", ""), 0);
	ck_assert_int_eq(act(SERVER_CHANGE_DELETE, S_IFIFO, "dir/pipe", ""), 0);
	raised();
	ck_assert_int_eq(act(SERVER_CHANGE_DELETE, S_IFDIR, "dir", ""), 0);
	ck_assert_uint_eq(raised(), IN_DELETE | IN_ISDIR);
}
END_TEST

START_TEST(contents_stay_and_events_come)
{
	struct stat before, after;

	make_file("file", 0640);
	ck_assert_int_eq(fstatat(root, "file", &before, 0), 0);
	watch();
	ck_assert_int_eq(act(SERVER_CHANGE_MODIFY, S_IFREG, "file", ""), 0);
	ck_assert_uint_eq(raised(), IN_MODIFY);
	ck_assert_int_eq(act(SERVER_CHANGE_ATTRIBUTES, S_IFREG, "file", ""), 0);
	ck_assert_uint_eq(raised(), IN_ATTRIB);
	ck_assert_int_eq(act(SERVER_CHANGE_WRITTEN, S_IFREG, "file", ""), 0);
	ck_assert_uint_eq(raised(), IN_OPEN | IN_CLOSE_WRITE);
	ck_assert_int_eq(fstatat(root, "file", &after, 0), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(before.st_atim.tv_nsec, after.st_atim.tv_nsec);
	ck_assert_int_eq(before.st_mode, after.st_mode);
	/* A program is not opened to be written. */
	make_file("program", 0755);
	raised();
	ck_assert_int_eq(act(SERVER_CHANGE_WRITTEN, S_IFREG, "program", ""), 0);
	ck_assert_uint_eq(raised(), 0);
}
END_TEST

START_TEST(nothing_is_followed)
{
	struct stat status;

	ck_assert_int_eq(mkdirat(root, "dir", 0700), 0);
	ck_assert_int_eq(symlinkat("dir", root, "link"), 0);
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFREG, "link/file", ""), -ELOOP);
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFREG, "../escape", ""), -EXDEV);
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFREG, "/tmp/escape", ""), -EXDEV);
	ck_assert_int_eq(act(SERVER_CHANGE_DELETE, S_IFDIR, "..", ""), -EINVAL);
	ck_assert_int_eq(act(SERVER_CHANGE_DELETE, S_IFDIR, "dir/.", ""), -EINVAL);
	ck_assert_int_eq(act(SERVER_CHANGE_DELETE, S_IFDIR, "", ""), -EINVAL);
	ck_assert_int_eq(act(SERVER_CHANGE_RENAME, S_IFDIR, "dir", "../dir"), -EXDEV);
	ck_assert_int_eq(act(77, S_IFREG, "dir", ""), -ENOSYS);
	ck_assert_int_eq(fstatat(root, "dir", &status, 0), 0);
	/* A link's own times. */
	ck_assert_int_eq(act(SERVER_CHANGE_ATTRIBUTES, S_IFLNK, "link", ""), 0);
	ck_assert_int_eq(act(SERVER_CHANGE_WRITTEN, S_IFLNK, "link", ""), 0);
}
END_TEST

START_TEST(messages_are_checked)
{
	char body[128];
	uint64_t id;
	size_t length = change(body, SERVER_CHANGE_CREATE, S_IFREG, "file", "");

	for (size_t i = 0; i < length; i++)
		ck_assert_int_eq(echo_act(root, body, i, &id), -EINVAL);
	body[length - 1] = 'x';
	ck_assert_int_eq(echo_act(root, body, length, &id), -EINVAL);
}
END_TEST

START_TEST(the_process_acts_and_says_so)
{
	struct echo *echo;
	struct stat status;
	char body[128];
	size_t length = change(body, SERVER_CHANGE_CREATE, S_IFDIR, "made", "");
	struct pollfd more;

	ck_assert_int_eq(echo_start(folder, &echo), 0);
	ck_assert_int_gt(echo_pid(echo), 0);
	ck_assert_int_eq(echo_finished(echo), 0);
	ck_assert_int_eq(echo_change(echo, body, length), 0);
	more = (struct pollfd){.fd = echo_descriptor(echo), .events = POLLIN};
	ck_assert_int_eq(poll(&more, 1, 60000), 1);
	ck_assert_int_eq(echo_finished(echo), 42);
	ck_assert_int_eq(fstatat(root, "made", &status, 0), 0);
	ck_assert_int_eq(echo_change(echo, body, 1 << 20), -EMSGSIZE);
	echo_stop(echo);
}
END_TEST

/* To look changes nothing, whatever the name stands for; not even where it would be possible. */
START_TEST(who_looks_changes_nothing)
{
	struct stat status;
	char body[128];
	size_t length = change(body, SERVER_CHANGE_LOOK_NAME, 0, "none", "");
	struct pollfd more;
	struct echo *echo;
	int reading;

	ck_assert(echo_is_look(body, length));
	ck_assert(!echo_is_look(body, 3));
	length = change(body, SERVER_CHANGE_DELETE, S_IFDIR, "dir", "");
	ck_assert(!echo_is_look(body, length));
	reading = echo_open_reading(root);
	/* Only root may. */
	if (reading == -EPERM)
		return;
	ck_assert_int_ge(reading, 0);
	make_file("file", 0640);
	watch();
	swap(&root, &reading);
	ck_assert_int_eq(act(SERVER_CHANGE_LOOK_NAME, 0, "none", ""), 0);
	ck_assert_int_eq(act(SERVER_CHANGE_LOOK_NAME, 0, "file", ""), 0);
	ck_assert_int_eq(act(SERVER_CHANGE_LOOK_FILE, 0, "file", ""), 0);
	ck_assert_int_eq(act(SERVER_CHANGE_LOOK_FILE, 0, "", ""), 0);
	ck_assert_int_eq(act(SERVER_CHANGE_LOOK_FILE, 0, "none", ""), -ENOENT);
	ck_assert_int_eq(act(SERVER_CHANGE_LOOK_NAME, 0, "", ""), -EINVAL);
	ck_assert_int_eq(act(SERVER_CHANGE_LOOK_NAME, 0, "../none", ""), -EXDEV);
	ck_assert_int_eq(act(SERVER_CHANGE_CREATE, S_IFDIR, "none", ""), -EROFS);
	swap(&root, &reading);
	close(reading);
	ck_assert_uint_eq(raised(), 0);
	ck_assert_int_eq(fstatat(root, "none", &status, 0), -1);
	/* And so does the process. */
	ck_assert_int_eq(echo_start(folder, &echo), 0);
	length = change(body, SERVER_CHANGE_LOOK_NAME, 0, "none", "");
	ck_assert_int_eq(echo_change(echo, body, length), 0);
	more = (struct pollfd){.fd = echo_descriptor(echo), .events = POLLIN};
	ck_assert_int_eq(poll(&more, 1, 60000), 1);
	ck_assert_int_eq(echo_finished(echo), 42);
	ck_assert_int_eq(fstatat(root, "none", &status, 0), -1);
	echo_stop(echo);
}
END_TEST

/* What is not where it was is not the mount: nothing is done there. */
START_TEST(the_process_ends_with_its_mount)
{
	struct echo *echo;
	char body[128];
	size_t length = change(body, SERVER_CHANGE_CREATE, S_IFDIR, "made", "");
	struct pollfd more;

	ck_assert_int_eq(echo_start(folder, &echo), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(echo_change(echo, body, length), 0);
	more = (struct pollfd){.fd = echo_descriptor(echo), .events = POLLIN};
	ck_assert_int_eq(poll(&more, 1, 60000), 1);
	ck_assert_int_eq(echo_finished(echo), -EPIPE);
	echo_stop(echo);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("echo");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, names_come_and_go);
	tcase_add_test(tests, contents_stay_and_events_come);
	tcase_add_test(tests, nothing_is_followed);
	tcase_add_test(tests, messages_are_checked);
	tcase_add_test(tests, the_process_acts_and_says_so);
	tcase_add_test(tests, who_looks_changes_nothing);
	tcase_add_test(tests, the_process_ends_with_its_mount);
	return suite_run_case("echo", tests);
}
