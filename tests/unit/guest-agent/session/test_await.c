/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/await.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", in_folder(name));
	unlink(address.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

/* A name that nobody listens at any more. */
static void leave_behind(const char *name)
{
	close(listen_at(name));
}

static void setup(void)
{
	make_folder();
	mkdir(in_folder("x11"), 0755);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	unsetenv("WAYLAND_DISPLAY");
	setenv("DISPLAY", ":99", 1);
}

static char x11[128];

static int await(void)
{
	snprintf(x11, sizeof(x11), "%.100s", in_folder("x11"));
	return await_desktop(x11);
}

START_TEST(a_compositor_that_is_there_is_found)
{
	int fd;

	leave_behind("wayland-0");
	make_file("wayland-1.lock", "");
	make_file("wayland-9", "");
	fd = listen_at("wayland-3");
	ck_assert_int_eq(await(), 0);
	ck_assert_str_eq(getenv("WAYLAND_DISPLAY"), "wayland-3");
	ck_assert_ptr_null(getenv("DISPLAY"));
	close(fd);
}
END_TEST

START_TEST(what_the_environment_says_counts_if_it_is_true)
{
	int first = listen_at("wayland-0"), second = listen_at("other");

	setenv("WAYLAND_DISPLAY", "other", 1);
	ck_assert_int_eq(await(), 0);
	ck_assert_str_eq(getenv("WAYLAND_DISPLAY"), "other");
	close(second);
	ck_assert_int_eq(await(), 0);
	ck_assert_str_eq(getenv("WAYLAND_DISPLAY"), "wayland-0");
	close(first);
}
END_TEST

static void *begin_later(void *unused)
{
	static int fd;

	(void)unused;
	usleep(300000);
	fd = listen_at("wayland-1");
	return &fd;
}

START_TEST(one_that_comes_is_waited_for)
{
	pthread_t thread;
	void *fd;

	pthread_create(&thread, NULL, begin_later, NULL);
	ck_assert_int_eq(await(), 0);
	ck_assert_str_eq(getenv("WAYLAND_DISPLAY"), "wayland-1");
	pthread_join(thread, &fd);
	close(*(int *)fd);
}
END_TEST

/* Nobody answers there: it would be waited for as long as it takes. */
START_TEST(a_display_of_a_compositor_is_left_alone)
{
	int display = listen_at("x11/X77");
	pthread_t thread;
	void *wayland;
	char text[32];

	fcntl(display, F_SETFL, O_NONBLOCK);
	snprintf(text, sizeof(text), "%10d\n", getpid());
	make_file(".X77-lock", text);
	pthread_create(&thread, NULL, begin_later, NULL);
	ck_assert_int_eq(await(), 0);
	ck_assert_str_eq(getenv("WAYLAND_DISPLAY"), "wayland-1");
	pthread_join(thread, &wayland);
	ck_assert_int_eq(accept(display, NULL, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	close(display);
	close(*(int *)wayland);
}
END_TEST

START_TEST(without_a_runtime_folder_there_is_nothing_to_wait_for)
{
	unsetenv("XDG_RUNTIME_DIR");
	ck_assert_int_eq(await(), -ENOENT);
	setenv("XDG_RUNTIME_DIR", in_folder("nowhere"), 1);
	ck_assert_int_eq(await(), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("await");

	tcase_add_checked_fixture(tc, setup, remove_folder);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, a_compositor_that_is_there_is_found);
	tcase_add_test(tc, what_the_environment_says_counts_if_it_is_true);
	tcase_add_test(tc, one_that_comes_is_waited_for);
	tcase_add_test(tc, a_display_of_a_compositor_is_left_alone);
	tcase_add_test(tc, without_a_runtime_folder_there_is_nothing_to_wait_for);
	return suite_run_case("await", tc);
}
