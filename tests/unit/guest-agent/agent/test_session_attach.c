/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole way of display.attach and clipboard.*: a host, the agent, and desktop sessions that
 * come and go. Who has the screen says a file in a folder that stands for the root.
 */
#include "protocol/base/bytes.h"
#include "protocol/head_list.h"
#include "tests/unit/guest-agent/agent/host.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/played_end.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_REQUESTS 8

/* What a lodge-session would be. */
struct desktop {
	const char *name;
	struct played_end end;
	struct stream *attached[MAX_REQUESTS];
	unsigned int attaches, applies, reads;
};

static struct host host;
static struct call call;
static char socket_path[256];

static void tell_layout(const struct desktop *desktop, struct stream *stream, uint64_t serial)
{
	const struct display_layout layout = {.session = slice_of("wayland"),
					      .desktop = slice_of(desktop->name)};
	const struct head_list heads = {
		.serial = serial,
		.count = 1,
		.heads = {{.connector = "Virtual-1", .enabled = true, .width = 800, .height = 600}},
	};
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	head_list_encode(&heads, &layout, &writer);
	ck_assert_int_eq(stream_message(stream, slice_of("layout"), cbor_written(&writer)), 0);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct desktop *desktop = owner;
	struct head_list wanted;

	ck_assert(slice_is(name, "apply"));
	ck_assert_int_eq(head_list_decode(params, &wanted, NULL), 0);
	desktop->applies++;
	tell_layout(desktop, stream, wanted.serial);
}

static void on_closed_stream(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

static const struct stream_handlers stream_handlers = {.message = on_message,
						       .closed = on_closed_stream};

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct desktop *desktop = owner;

	(void)params;
	if (slice_is(method, "clipboard.read")) {
		desktop->reads++;
		ck_assert_int_eq(stream_send(stream, 1, "copied", 6), 6);
		stream_end(stream, 1);
		stream_reply(stream, (struct slice){0});
		return;
	}
	stream_set_handlers(stream, &stream_handlers, desktop);
	desktop->attaches++;
	if (slice_is(method, "display.attach"))
		tell_layout(desktop, stream, 0);
}

static bool is_established(void *data)
{
	const struct desktop *desktop = data;

	return desktop->end.established || desktop->end.closed;
}

static void desktop_start(struct desktop *desktop, const char *name)
{
	static const char *const capabilities[] = {"display", "clipboard", NULL};

	*desktop = (struct desktop){.name = name, .end = {.request = on_request, .owner = desktop}};
	played_end_start(&desktop->end, &host.loop, played_connect(socket_path), SESSION_GUEST,
			 capabilities);
	session_start(desktop->end.session);
	host_wait(&host, is_established, desktop);
}

static void desktop_stop(struct desktop *desktop)
{
	played_end_stop(&desktop->end);
}

/* As logind does it. */
static void set_screen(const char *text)
{
	char to[256];

	snprintf(to, sizeof(to), "%s", in_folder("run/systemd/seats/seat0"));
	ck_assert_int_eq(rename(make_file("run/systemd/seats/.new", text), to), 0);
}

static void give_screen_to(uid_t uid, const char *session)
{
	char text[128];

	snprintf(text, sizeof(text), "IS_SEAT0=1\nACTIVE=%s\nACTIVE_UID=%u\n", session, uid);
	set_screen(text);
}

/* In what control group this process is from now on, as far as the agent can see. */
static void set_group(const char *group)
{
	char path[64], text[128];

	snprintf(path, sizeof(path), "proc/%d/cgroup", getpid());
	snprintf(text, sizeof(text), "0::/user.slice/%s\n", group);
	make_file(path, text);
}

static void setup(void)
{
	struct agent_options options = {.session_socket = socket_path, .root = folder};
	char path[64];

	make_folder();
	mkdir(in_folder("run"), 0755);
	mkdir(in_folder("run/systemd"), 0755);
	mkdir(in_folder("run/systemd/seats"), 0755);
	mkdir(in_folder("proc"), 0755);
	snprintf(path, sizeof(path), "proc/%d", getpid());
	mkdir(in_folder(path), 0755);
	set_group("session-2.scope");
	snprintf(socket_path, sizeof(socket_path), "%s", in_folder("run/lodge/session.sock"));
	host_start_with(&host, &options);
	call = (struct call){0};
}

static void teardown(void)
{
	host_stop(&host);
	call_clear(&call);
	remove_folder();
}

static struct display_layout last_layout(void)
{
	struct display_layout layout;
	struct head_list heads;

	ck_assert_str_eq(call.message, "layout");
	ck_assert_int_eq(head_list_decode(call.message_params, &heads, &layout), 0);
	return layout;
}

static bool says(const char *desktop)
{
	return strcmp(call.message, "layout") == 0 && slice_is(last_layout().desktop, desktop);
}

static bool sway_is_told(void *unused)
{
	(void)unused;
	return says("sway");
}

static bool nobody_is_told(void *unused)
{
	(void)unused;
	return says("");
}

static bool labwc_is_told(void *unused)
{
	(void)unused;
	return says("labwc");
}

static bool call_is_done(void *unused)
{
	(void)unused;
	return call.done;
}

static void attach(const char *method)
{
	call_start(&host, &call, method, NULL, NULL);
}

START_TEST(without_a_session_the_driver_answers)
{
	attach("display.attach");
	host_wait(&host, nobody_is_told, NULL);
	stream_cancel(call.stream);
	call_wait(&call);
	ck_assert_int_eq(call.error, 0);
}
END_TEST

START_TEST(a_session_is_joined_when_it_has_the_screen)
{
	struct desktop sway;

	attach("display.attach");
	host_wait(&host, nobody_is_told, NULL);
	desktop_start(&sway, "sway");
	host_run_ms(&host, 50);
	ck_assert_uint_eq(sway.attaches, 0);
	give_screen_to(getuid(), "2");
	host_wait(&host, sway_is_told, NULL);
	set_screen("IS_SEAT0=1\n");
	host_wait(&host, nobody_is_told, NULL);
	give_screen_to(getuid(), "");
	host_wait(&host, sway_is_told, NULL);
	ck_assert_uint_eq(sway.attaches, 2);
	desktop_stop(&sway);
	host_wait(&host, nobody_is_told, NULL);
	ck_assert(!call.done);
}
END_TEST

START_TEST(another_session_of_the_same_user_is_not)
{
	struct desktop sway;

	give_screen_to(getuid(), "3");
	desktop_start(&sway, "sway");
	attach("display.attach");
	host_wait(&host, nobody_is_told, NULL);
	give_screen_to(getuid() + 1, "2");
	host_run_ms(&host, 50);
	ck_assert_uint_eq(sway.attaches, 0);
	desktop_stop(&sway);
}
END_TEST

/* As users are switched, and consoles. */
START_TEST(the_session_in_front_is_asked)
{
	struct desktop sway, labwc;

	desktop_start(&sway, "sway");
	set_group("session-3.scope");
	desktop_start(&labwc, "labwc");
	attach("display.attach");
	host_wait(&host, nobody_is_told, NULL);
	for (int round = 0; round < 3; round++) {
		give_screen_to(getuid(), "2");
		host_wait(&host, sway_is_told, NULL);
		give_screen_to(getuid(), "3");
		host_wait(&host, labwc_is_told, NULL);
		/* Somebody at a text console, then another user, then nobody at all. */
		give_screen_to(getuid(), "4");
		host_wait(&host, nobody_is_told, NULL);
		give_screen_to(getuid(), "2");
		host_wait(&host, sway_is_told, NULL);
		give_screen_to(getuid() + 1, "5");
		host_wait(&host, nobody_is_told, NULL);
		give_screen_to(getuid(), "3");
		host_wait(&host, labwc_is_told, NULL);
		set_screen("IS_SEAT0=1\n");
		host_wait(&host, nobody_is_told, NULL);
	}
	ck_assert(!call.done);
	ck_assert_uint_eq(sway.attaches, 6);
	ck_assert_uint_eq(labwc.attaches, 6);
	desktop_stop(&sway);
	desktop_stop(&labwc);
}
END_TEST

START_TEST(who_is_in_no_session_does_not_push_in)
{
	struct desktop sway, other;

	give_screen_to(getuid(), "2");
	desktop_start(&sway, "sway");
	attach("display.attach");
	host_wait(&host, sway_is_told, NULL);
	set_group("user@1000.service/app.slice/lodge-session.service");
	desktop_start(&other, "labwc");
	host_run_ms(&host, 50);
	ck_assert_uint_eq(other.attaches, 0);
	ck_assert_uint_eq(sway.attaches, 1);
	desktop_stop(&sway);
	host_wait(&host, labwc_is_told, NULL);
	desktop_stop(&other);
}
END_TEST

static bool is_applied(void *data)
{
	const struct desktop *desktop = data;

	return desktop->applies > 0 && last_layout().serial == 7;
}

START_TEST(what_the_host_wants_goes_to_the_session)
{
	const struct head_list wanted = {.serial = 7};
	const struct display_layout none = {0};
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct desktop sway;

	give_screen_to(getuid(), "2");
	desktop_start(&sway, "sway");
	attach("display.attach");
	host_wait(&host, sway_is_told, NULL);
	head_list_encode(&wanted, &none, &writer);
	ck_assert_int_eq(stream_message(call.stream, slice_of("apply"), cbor_written(&writer)), 0);
	host_wait(&host, is_applied, &sway);
	desktop_stop(&sway);
}
END_TEST

START_TEST(the_youngest_of_a_session_counts)
{
	struct desktop old, young;

	give_screen_to(getuid(), "2");
	attach("display.attach");
	desktop_start(&old, "sway");
	host_wait(&host, sway_is_told, NULL);
	desktop_start(&young, "labwc");
	host_wait(&host, labwc_is_told, NULL);
	desktop_stop(&young);
	host_wait(&host, sway_is_told, NULL);
	desktop_stop(&old);
}
END_TEST

START_TEST(one_user_does_not_take_all_places)
{
	struct desktop desktops[5];

	for (size_t i = 0; i < ARRAY_SIZE(desktops); i++)
		desktop_start(&desktops[i], "many");
	ck_assert(!desktops[3].end.closed);
	ck_assert(desktops[4].end.closed);
	for (size_t i = 0; i < ARRAY_SIZE(desktops); i++)
		desktop_stop(&desktops[i]);
}
END_TEST

/* 16 places, 4 a user: four others have taken them all. */
START_TEST(who_has_the_screen_gets_a_place)
{
	struct desktop others[16], sway;
	unsigned int closed = 0;

	if (geteuid() != 0)
		return; /* nobody else can be played */
	ck_assert_int_eq(chmod(folder, 0755), 0);
	give_screen_to(0, "2");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		ck_assert_int_eq(seteuid((uid_t)(2000 + i / 4)), 0);
		desktop_start(&others[i], "other");
		ck_assert_int_eq(seteuid(0), 0);
		ck_assert(!others[i].end.closed);
	}
	desktop_start(&sway, "sway");
	ck_assert(!sway.end.closed);
	attach("display.attach");
	host_wait(&host, sway_is_told, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		ck_assert_uint_eq(others[i].attaches, 0);
		closed += others[i].end.closed;
		desktop_stop(&others[i]);
	}
	ck_assert_uint_eq(closed, 1);
	desktop_stop(&sway);
}
END_TEST

START_TEST(a_host_that_leaves_lets_the_session_be)
{
	struct desktop sway;

	give_screen_to(getuid(), "2");
	desktop_start(&sway, "sway");
	attach("display.attach");
	host_wait(&host, sway_is_told, NULL);
	host_restart(&host);
	ck_assert(call.done);
	call_clear(&call);
	attach("display.attach");
	host_wait(&host, sway_is_told, NULL);
	ck_assert_uint_eq(sway.attaches, 2);
	ck_assert(!sway.end.closed);
	desktop_stop(&sway);
}
END_TEST

START_TEST(a_clipboard_begins_anew_with_each_session)
{
	struct desktop sway;
	const struct clipboard_want want = {.selection = slice_of("clipboard"),
					    .type = slice_of("text/plain")};

	call_expect(&host, &call, "clipboard.read", &message_clipboard_want, &want, -ENOTCONN);
	call_clear(&call);
	attach("clipboard.attach");
	give_screen_to(getuid(), "2");
	host_run_ms(&host, 20);
	ck_assert(!call.done);
	desktop_start(&sway, "sway");
	host_wait(&host, call_is_done, NULL);
	ck_assert_int_eq(call.error, -EAGAIN);
	call_clear(&call);

	call_expect(&host, &call, "clipboard.read", &message_clipboard_want, &want, 0);
	ck_assert_uint_eq(sway.reads, 1);
	ck_assert_uint_eq(call.out_length[1], 6);
	call_clear(&call);

	attach("clipboard.attach");
	host_run_ms(&host, 20);
	ck_assert_uint_eq(sway.attaches, 1);
	ck_assert(!call.done);
	desktop_stop(&sway);
	host_wait(&host, call_is_done, NULL);
	ck_assert_int_eq(call.error, -EAGAIN);
}
END_TEST

START_TEST(noise_on_the_socket_hurts_nobody)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct desktop sway;
	uint8_t noise[4096];

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", socket_path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 31);
	for (size_t i = 0; i < 64; i++) {
		if (send(fd, noise, sizeof(noise), MSG_NOSIGNAL) < 0)
			host_run_ms(&host, 1);
	}
	give_screen_to(getuid(), "2");
	desktop_start(&sway, "sway");
	attach("display.attach");
	host_wait(&host, sway_is_told, NULL);
	desktop_stop(&sway);
	close(fd);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("session_attach");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, without_a_session_the_driver_answers);
	tcase_add_test(tc, a_session_is_joined_when_it_has_the_screen);
	tcase_add_test(tc, another_session_of_the_same_user_is_not);
	tcase_add_test(tc, the_session_in_front_is_asked);
	tcase_add_test(tc, who_is_in_no_session_does_not_push_in);
	tcase_add_test(tc, who_has_the_screen_gets_a_place);
	tcase_add_test(tc, what_the_host_wants_goes_to_the_session);
	tcase_add_test(tc, the_youngest_of_a_session_counts);
	tcase_add_test(tc, one_user_does_not_take_all_places);
	tcase_add_test(tc, a_host_that_leaves_lets_the_session_be);
	tcase_add_test(tc, a_clipboard_begins_anew_with_each_session);
	tcase_add_test(tc, noise_on_the_socket_hurts_nobody);
	return suite_run_case("session_attach", tc);
}
