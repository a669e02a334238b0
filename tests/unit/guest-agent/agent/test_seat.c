/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/seat.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/suite.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_folders(const char *path)
{
	char part[128];

	for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdir(in_folder(part), 0755);
	}
	mkdir(in_folder(path), 0755);
}

START_TEST(logind_says_who_has_the_screen)
{
	struct seat seat;

	make_folders("run/systemd/seats");
	make_file("run/systemd/seats/seat0", "# private\nIS_SEAT0=1\nCAN_TTY=1\nACTIVE=c3\n"
					     "ACTIVE_UID=1000\nSESSIONS=c3 2\nUIDS=1000 0\n");
	seat_read(folder, &seat);
	ck_assert(seat.taken);
	ck_assert_uint_eq(seat.uid, 1000);
	ck_assert_str_eq(seat.session, "c3");

	ck_assert(!seat.is_greeter);
	ck_assert_int_eq(seat_claim_of(&seat, 1000, "c3"), SEAT_CERTAINLY);
	ck_assert_int_eq(seat_claim_of(&seat, 1000, ""), SEAT_PROBABLY);
	ck_assert_int_eq(seat_claim_of(&seat, 1000, "2"), SEAT_OTHER);
	ck_assert_int_eq(seat_claim_of(&seat, 0, "c3"), SEAT_OTHER);
}
END_TEST

/* A desktop of the same user may be behind it, started by his systemd. */
START_TEST(a_text_console_is_no_desktop)
{
	const struct seat seat = {.taken = true, .uid = 1000, .session = "3", .is_text = true};

	ck_assert_int_eq(seat_claim_of(&seat, 1000, ""), SEAT_OTHER);
	ck_assert_int_eq(seat_claim_of(&seat, 1000, "2"), SEAT_OTHER);
	ck_assert_int_eq(seat_claim_of(&seat, 1000, "3"), SEAT_CERTAINLY);
}
END_TEST

START_TEST(a_login_screen_is_known)
{
	struct seat seat;

	make_folders("run/systemd/seats");
	make_folders("run/systemd/sessions");
	make_file("run/systemd/sessions/c1", "UID=113\nCLASS=greeter\nTYPE=wayland\n");
	make_file("run/systemd/sessions/2", "UID=1000\nCLASS=user\nTYPE=wayland\n");
	make_file("run/systemd/seats/seat0", "ACTIVE=c1\nACTIVE_UID=113\n");
	seat_read(folder, &seat);
	ck_assert(seat.is_greeter);
	make_file("run/systemd/seats/seat0", "ACTIVE=2\nACTIVE_UID=1000\n");
	seat_read(folder, &seat);
	ck_assert(!seat.is_greeter);
	make_file("run/systemd/seats/seat0", "ACTIVE=../sessions/c1\nACTIVE_UID=1000\n");
	seat_read(folder, &seat);
	ck_assert(!seat.is_greeter);
}
END_TEST

START_TEST(an_empty_seat_is_nobodys)
{
	static const char *const texts[] = {
		"IS_SEAT0=1\n",
		"",
		"ACTIVE_UID=\n",
		"ACTIVE_UID=-1\nACTIVE=1\n",
		"ACTIVE_UID=4294967295\n",
		"ACTIVE_UID=1000x\n",
		"XACTIVE_UID=1000\n",
	};
	struct seat seat;

	make_folders("run/systemd/seats");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		make_file("run/systemd/seats/seat0", texts[i]);
		seat_read(folder, &seat);
		ck_assert_msg(!seat.taken, "%s", texts[i]);
		ck_assert(!seat_claim_of(&seat, 0, ""));
	}
}
END_TEST

START_TEST(without_logind_the_front_terminal_tells)
{
	struct seat seat;

	seat_read(folder, &seat);
	ck_assert(!seat.taken);
	make_folders("sys/class/tty/tty0");
	make_folders("dev");
	make_file("sys/class/tty/tty0/active", "tty2\n");
	seat_read(folder, &seat);
	ck_assert(!seat.taken);
	make_file("dev/tty2", "");
	seat_read(folder, &seat);
	ck_assert(seat.taken);
	ck_assert_uint_eq(seat.uid, getuid());
	ck_assert_int_eq(seat_claim_of(&seat, getuid(), ""), SEAT_PROBABLY);
	make_file("sys/class/tty/tty0/active", "../tty2\n");
	seat_read(folder, &seat);
	ck_assert(!seat.taken);
}
END_TEST

START_TEST(a_process_session_is_in_its_control_group)
{
	static const struct {
		const char *text, *session;
	} cases[] = {
		{"0::/user.slice/user-1000.slice/session-c12.scope\n", "c12"},
		{"12:pids:/x\n1:name=systemd:/user.slice/user-0.slice/session-3.scope/deeper\n0::/"
		 "\n",
		 "3"},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.service\n", ""},
		{"0::/user.slice/session-1/x.scope\n", ""},
		{"0::/session-0123456789012345678901234567890123456789.scope\n", ""},
		{"", ""},
	};
	char session[SEAT_SESSION_MAX];

	seat_session_of(folder, 7, session);
	ck_assert_str_eq(session, "");
	make_folders("proc/7");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_file("proc/7/cgroup", cases[i].text);
		seat_session_of(folder, 7, session);
		ck_assert_str_eq(session, cases[i].session);
	}
}
END_TEST

static bool was_told(int fd)
{
	char bytes[4096];
	bool told = false;

	while (read(fd, bytes, sizeof(bytes)) > 0)
		told = true;
	return told;
}

/* As the agent starts before logind does, and logind replaces its file. */
START_TEST(what_comes_is_seen)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), watch = -1;
	char to[256];

	seat_watch(folder, fd, &watch);
	ck_assert_int_ge(watch, 0);
	make_folders("run");
	ck_assert(was_told(fd));
	seat_watch(folder, fd, &watch);
	make_folders("run/systemd");
	ck_assert(was_told(fd));
	seat_watch(folder, fd, &watch);
	make_folders("run/systemd/seats");
	ck_assert(was_told(fd));
	seat_watch(folder, fd, &watch);
	was_told(fd);
	snprintf(to, sizeof(to), "%s", make_file("run/systemd/seats/seat0", ""));
	ck_assert(was_told(fd));
	seat_watch(folder, fd, &watch);
	ck_assert_int_eq(rename(make_file("run/systemd/seats/.seat0", "ACTIVE=1\n"), to), 0);
	ck_assert(was_told(fd));
	make_folders("run/elsewhere");
	ck_assert(!was_told(fd));
	close(fd);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("seat");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, logind_says_who_has_the_screen);
	tcase_add_test(tc, a_text_console_is_no_desktop);
	tcase_add_test(tc, a_login_screen_is_known);
	tcase_add_test(tc, an_empty_seat_is_nobodys);
	tcase_add_test(tc, without_logind_the_front_terminal_tells);
	tcase_add_test(tc, a_process_session_is_in_its_control_group);
	tcase_add_test(tc, what_comes_is_seen);
	return suite_run_case("seat", tc);
}
