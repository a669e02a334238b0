/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/desktop_name.h"

#include "guest-agent/common/unix_socket.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/suite.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static char name[64];

static void setup(void)
{
	static const char *const folders[] = {"run", "run/systemd", "run/systemd/users",
					      "run/systemd/sessions"};

	make_folder();
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		mkdir(in_folder(folders[i]), 0755);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	unsetenv("XDG_CURRENT_DESKTOP");
	unsetenv("XDG_SESSION_ID");
}

static const char *find(const char *wayland)
{
	desktop_name_find(folder, wayland, name, sizeof(name));
	return name;
}

static void tell_logind(const char *session)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "run/systemd/users/%u", getuid());
	snprintf(text, sizeof(text), "NAME=user\nDISPLAY=%s\n", session);
	make_file(path, text);
}

START_TEST(the_environment_says_it)
{
	setenv("XDG_CURRENT_DESKTOP", "ubuntu:GNOME", 1);
	tell_logind("4");
	make_file("run/systemd/sessions/4", "DESKTOP=sway\n");
	ck_assert_str_eq(find(NULL), "GNOME");
	setenv("XDG_CURRENT_DESKTOP", "KDE", 1);
	ck_assert_str_eq(find(NULL), "KDE");
}
END_TEST

START_TEST(logind_says_it)
{
	ck_assert_str_eq(find(NULL), "");
	make_file("run/systemd/sessions/4", "USER=user\nDESKTOP=sway\n");
	make_file("run/systemd/sessions/c2", "DESKTOP=xfce\n");
	make_file("run/systemd/sessions/5", "USER=user\n");
	tell_logind("4");
	ck_assert_str_eq(find(NULL), "sway");
	setenv("XDG_SESSION_ID", "c2", 1);
	ck_assert_str_eq(find(NULL), "xfce");
	setenv("XDG_SESSION_ID", "5", 1);
	ck_assert_str_eq(find(NULL), "");
	setenv("XDG_SESSION_ID", "../sessions/4", 1);
	ck_assert_str_eq(find(NULL), "");
}
END_TEST

START_TEST(a_compositor_is_known_by_who_listens)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "%s/wayland-0", folder);
	fd = unix_socket_listen(path, 0600, 4);
	ck_assert_int_ge(fd, 0);
	prctl(PR_SET_NAME, "labwc");
	ck_assert_str_eq(find("wayland-0"), "labwc");
	ck_assert_str_eq(find(path), "labwc");
	prctl(PR_SET_NAME, "kwin_wayland_wrapper");
	ck_assert_str_eq(find("wayland-0"), "KDE");
	prctl(PR_SET_NAME, "systemd");
	ck_assert_str_eq(find("wayland-0"), "");
	ck_assert_str_eq(find("wayland-1"), "");
	close(fd);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("desktop_name");

	tcase_add_checked_fixture(tc, setup, remove_folder);
	tcase_add_test(tc, the_environment_says_it);
	tcase_add_test(tc, logind_says_it);
	tcase_add_test(tc, a_compositor_is_known_by_who_listens);
	return suite_run_case("desktop_name", tc);
}
