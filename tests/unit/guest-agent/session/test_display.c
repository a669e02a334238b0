/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service in front of a backend of the test's: a host attaches over a socket pair, as the agent
 * does.
 */
#include "guest-agent/session/display.h"
#include "protocol/base/bytes.h"
#include "tests/unit/played_end.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define WAIT_MS 60000 /* of that clock */
#define TURNS	16

/* --- A desktop that does what the test lets it ----------------------------------------------- */

struct desktop {
	struct display *display;
	struct head_list heads, applied;
	unsigned int applies;
	int answer; /* of apply; 1: none yet */
	const char *text;
	bool one_scale;	      /* it has no other */
	unsigned int ignores; /* so many times it says yes and does nothing */
	unsigned int late;    /* so many times it is not there yet */
};

static struct desktop desktop;

static int fake_start(const struct service_context *context, struct display *display, void **state)
{
	(void)context;
	if (desktop.late > 0) {
		desktop.late--;
		return -ENOTSUP;
	}
	desktop.display = display;
	*state = &desktop;
	return 0;
}

static void fake_stop(void *state)
{
	((struct desktop *)state)->display = NULL;
}

static bool fake_read(void *state, struct head_list *heads)
{
	*heads = ((struct desktop *)state)->heads;
	return false;
}

static void fake_apply(void *state, const struct head_list *heads)
{
	struct desktop *fake = state;

	fake->applies++;
	fake->applied = *heads;
	if (fake->answer > 0)
		return;
	if (fake->ignores > 0)
		fake->ignores--;
	else if (!fake->answer)
		fake->heads = *heads;
	if (fake->one_scale)
		fake->heads.heads[0].scale_milli = 1000;
	display_applied(fake->display, fake->answer, fake->text);
}

static int no_start(const struct service_context *context, struct display *display, void **state)
{
	(void)context;
	(void)display;
	(void)state;
	return -ENOTSUP;
}

/* What is found where there is nothing better. */
static int poor_start(const struct service_context *context, struct display *display, void **state)
{
	(void)context;
	(void)display;
	*state = &desktop;
	return 0;
}

static void poor_stop(void *state)
{
	(void)state;
}

/* In place of the real ones. */
const struct display_backend display_mutter = {.name = "mutter", .start = no_start};
const struct display_backend display_randr = {.name = "randr", .start = no_start};
const struct display_backend display_kscreen = {.name = "kscreen", .start = no_start};
const struct display_backend display_weston = {.name = "weston", .start = no_start};
const struct display_backend display_wayland = {
	.name = "", .start = poor_start, .stop = poor_stop, .read = fake_read};
const struct display_backend display_wlr = {
	.name = "wlr",
	.start = fake_start,
	.stop = fake_stop,
	.read = fake_read,
	.apply = fake_apply,
	.grace_ms = 150,
};

/* --- The two ends ---------------------------------------------------------------------------- */

static struct {
	uv_loop_t loop;
	struct environment environment;
	struct service_context context;
	void *service;
	struct played_end host, guest;
	struct stream *stream;
	bool ended;
	unsigned int layouts, answers;
	struct head_list layout;
	uint64_t serial, number; /* of the last answer */
	char text[64], backend[16];
} test;

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	(void)owner;
	ck_assert(slice_is(method, "display.attach"));
	session_service_display.methods[0].call(test.service, stream, params);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct display_applied applied;
	struct display_layout layout;

	(void)stream;
	(void)owner;
	if (slice_is(name, "layout")) {
		ck_assert_int_eq(head_list_decode(params, &test.layout, &layout), 0);
		snprintf(test.backend, sizeof(test.backend), "%.*s", (int)layout.backend.length,
			 (const char *)layout.backend.bytes);
		test.layouts++;
		return;
	}
	ck_assert(slice_is(name, "applied"));
	ck_assert_int_eq(message_decode(&message_display_applied, params, &applied), 0);
	test.serial = applied.serial;
	test.number = applied.number;
	snprintf(test.text, sizeof(test.text), "%.*s", (int)applied.text.length,
		 (const char *)applied.text.bytes);
	test.answers++;
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
	test.ended = true;
}

static const struct stream_handlers stream_handlers = {.message = on_message, .closed = on_closed};

/*
 * The loop's clock goes as the tests say, so that how busy the machine is makes no difference:
 * libuv asks this function.
 */
static int64_t now_ms = 1000;

int clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	*time = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
	return 0;
}

/* What is under way between the two ends arrives. */
static void settle(void)
{
	for (unsigned int turn = 0; turn < TURNS; turn++)
		uv_run(&test.loop, UV_RUN_NOWAIT);
}

static void run_ms(unsigned int milliseconds)
{
	for (settle(); milliseconds > 0; milliseconds--) {
		now_ms++;
		settle();
	}
}

static void wait_count(const unsigned int *count, unsigned int wanted)
{
	settle();
	for (unsigned int ms = 0; *count < wanted && ms < WAIT_MS; ms++)
		run_ms(1);
	ck_assert_msg(*count >= wanted, "%u of %u", *count, wanted);
}

static void setup_late(unsigned int late)
{
	static const char *const capabilities[] = {"display", NULL};

	memset(&test, 0, sizeof(test));
	desktop = (struct desktop){.late = late,
				   .heads = {.count = 1,
					     .heads = {{.connector = "Virtual-1",
							.enabled = true,
							.width = 1024,
							.height = 768,
							.scale_milli = 1000}}}};
	uv_loop_init(&test.loop);
	test.environment = (struct environment){.kind = ENVIRONMENT_WAYLAND, .desktop = "test"};
	test.context =
		(struct service_context){.loop = &test.loop, .environment = &test.environment};
	ck_assert_int_eq(session_service_display.start(&test.context, &test.service), 0);
	test.guest.request = on_request;
	played_ends_start(&test.host, &test.guest, &test.loop, capabilities);
	settle();
	ck_assert(test.host.established && test.guest.established);
	ck_assert_int_eq(session_request(test.host.session, slice_of("display.attach"),
					 (struct slice){0}, &stream_handlers, NULL, &test.stream),
			 0);
	wait_count(&test.layouts, 1);
}

static void setup(void)
{
	setup_late(0);
}

static void teardown(void)
{
	played_end_stop(&test.host);
	played_end_stop(&test.guest);
	session_service_display.stop(test.service);
	uv_run(&test.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&test.loop), 0);
}

static void order_scaled(uint64_t serial, uint32_t width, uint32_t height, uint32_t scale_milli)
{
	const struct head_list want = {
		.serial = serial,
		.count = 1,
		.heads = {{.enabled = true,
			   .width = width,
			   .height = height,
			   .scale_milli = scale_milli}},
	};
	const struct display_layout none = {0};
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	head_list_encode(&want, &none, &writer);
	ck_assert_int_eq(stream_message(test.stream, slice_of("apply"), cbor_written(&writer)), 0);
}

static void order(uint64_t serial, uint32_t width, uint32_t height)
{
	order_scaled(serial, width, height, 0);
}

static void set_mode(uint32_t width, uint32_t height)
{
	desktop.heads.heads[0].width = width;
	desktop.heads.heads[0].height = height;
	display_changed(desktop.display);
}

START_TEST(the_layout_is_told_and_its_changes)
{
	ck_assert_uint_eq(test.layout.heads[0].width, 1024);
	display_changed(desktop.display);
	run_ms(20);
	ck_assert_uint_eq(test.layouts, 1);
	set_mode(800, 600);
	wait_count(&test.layouts, 2);
	ck_assert_uint_eq(test.layout.heads[0].width, 800);
}
END_TEST

START_TEST(what_comes_late_is_found)
{
	teardown();
	setup_late(2);
	ck_assert_str_eq(test.backend, "");
	order(1, 1440, 900);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, EOPNOTSUPP);
	wait_count(&test.layouts, 2);
	ck_assert_str_eq(test.backend, "wlr");
	order(2, 1440, 900);
	wait_count(&test.answers, 2);
	ck_assert_uint_eq(test.number, 0);
}
END_TEST

START_TEST(what_is_so_already_is_left_alone)
{
	order(1, 1024, 768);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(desktop.applies, 0);
}
END_TEST

START_TEST(a_desktop_that_follows_by_itself_is_left_alone)
{
	order(1, 1440, 900);
	run_ms(20);
	ck_assert_uint_eq(test.answers, 0);
	set_mode(1440, 900);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(test.layout.heads[0].width, 1440);
	run_ms(200);
	ck_assert_uint_eq(desktop.applies, 0);
}
END_TEST

START_TEST(after_its_grace_the_backend_acts)
{
	order(3, 1440, 900);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(desktop.applies, 1);
	ck_assert_uint_eq(test.layout.heads[0].width, 1440);
	/* A change of places alone needs no grace. */
	desktop.heads.heads[0].x = 5;
	order(4, 1440, 900);
	settle();
	ck_assert_uint_eq(test.answers, 2);
	ck_assert_uint_eq(desktop.applies, 2);
}
END_TEST

START_TEST(what_is_only_come_near_to_is_said)
{
	order_scaled(1, 1440, 900, 1250);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(test.layout.heads[0].scale_milli, 1250);
	ck_assert_str_eq(test.text, "");
	desktop.one_scale = true;
	order_scaled(2, 1440, 900, 2000);
	wait_count(&test.answers, 2);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(test.layout.heads[0].scale_milli, 1000);
	ck_assert_str_ne(test.text, "");
}
END_TEST

START_TEST(one_that_goes_back_is_set_again)
{
	order(1, 1440, 900);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, 0);
	for (unsigned int i = 2; i < 5; i++) {
		set_mode(1024, 768);
		wait_count(&desktop.applies, i);
		settle();
		ck_assert_uint_eq(test.layout.heads[0].width, 1440);
	}
	/* It insists. */
	set_mode(1024, 768);
	run_ms(2000);
	ck_assert_uint_eq(desktop.applies, 4);
	ck_assert_uint_eq(test.answers, 1);
	/* Another order, and what the user makes of it. */
	order(2, 1440, 900);
	wait_count(&test.answers, 2);
	set_mode(800, 600);
	run_ms(2000);
	ck_assert_uint_eq(desktop.applies, 5);
	order(3, 1440, 900);
	wait_count(&test.answers, 3);
	run_ms(20000);
	set_mode(800, 600);
	run_ms(2000);
	ck_assert_uint_eq(desktop.applies, 6);
}
END_TEST

START_TEST(a_yes_is_not_enough)
{
	desktop.ignores = 2;
	order(1, 1440, 900);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(desktop.applies, 3);
	ck_assert_uint_eq(test.layout.heads[0].width, 1440);
	desktop.ignores = 100;
	order(2, 800, 600);
	wait_count(&test.answers, 2);
	ck_assert_uint_eq(test.number, EIO);
	ck_assert_uint_eq(test.layout.heads[0].width, 1440);
	ck_assert_uint_eq(desktop.applies, 7);
}
END_TEST

START_TEST(the_last_of_many_orders_counts_and_each_is_answered)
{
	for (unsigned int i = 0; i < 20; i++)
		order(i, 1000 + i, 900);
	wait_count(&test.answers, 20);
	ck_assert_uint_eq(test.serial, 19);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(desktop.applies, 1);
	ck_assert_uint_eq(desktop.applied.heads[0].width, 1019);
}
END_TEST

START_TEST(one_thing_is_done_at_a_time)
{
	desktop.answer = 1;
	order(1, 1440, 900);
	wait_count(&desktop.applies, 1);
	order(2, 800, 600);
	order(3, 640, 480);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.serial, 2);
	ck_assert_uint_eq(test.number, ECANCELED);
	ck_assert_uint_eq(desktop.applies, 1);
	desktop.answer = 0;
	display_applied(desktop.display, -EIO, "no");
	wait_count(&test.answers, 3);
	ck_assert_uint_eq(test.serial, 3);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(desktop.applied.heads[0].width, 640);
	/* Nobody asked for this one. */
	display_applied(desktop.display, -EIO, "no");
	run_ms(20);
	ck_assert_uint_eq(test.answers, 3);
}
END_TEST

START_TEST(a_backend_that_does_not_answer_has_failed)
{
	desktop.answer = 1;
	order(1, 1440, 900);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, ETIMEDOUT);
}
END_TEST

START_TEST(after_a_replug_what_was_wanted_is_tried_again)
{
	desktop.answer = -EAGAIN;
	desktop.text = "replug";
	order(1, 1366, 768);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, EAGAIN);
	ck_assert_str_eq(test.text, "replug");
	/* It is pulled out, and comes back with what the desktop remembers. */
	desktop.heads.count = 0;
	display_changed(desktop.display);
	run_ms(150);
	ck_assert_uint_eq(desktop.applies, 1);
	desktop.heads.count = 1;
	desktop.answer = 0;
	set_mode(1440, 900);
	wait_count(&desktop.applies, 2);
	ck_assert_uint_eq(desktop.applied.heads[0].width, 1366);
	wait_count(&test.layouts, 4);
	ck_assert_uint_eq(test.layout.heads[0].width, 1366);
	run_ms(20);
	ck_assert_uint_eq(test.answers, 1);
	/* Once. */
	set_mode(800, 600);
	run_ms(200);
	ck_assert_uint_eq(desktop.applies, 2);
}
END_TEST

START_TEST(a_monitor_that_is_seen_late_is_waited_for)
{
	desktop.heads.count = 0;
	order(1, 1440, 900);
	run_ms(100);
	ck_assert_uint_eq(test.answers, 0);
	desktop.heads.count = 1;
	display_changed(desktop.display);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, 0);
	ck_assert_uint_eq(desktop.applied.heads[0].width, 1440);
}
END_TEST

START_TEST(nonsense_is_answered)
{
	ck_assert_int_eq(
		stream_message(test.stream, slice_of("apply"), SLICE_LITERAL("\xa1\x01\x02")), 0);
	wait_count(&test.answers, 1);
	ck_assert_uint_eq(test.number, EBADMSG);
	ck_assert_int_eq(stream_message(test.stream, slice_of("dance"), (struct slice){0}), 0);
	desktop.heads.count = 0;
	order(1, 1440, 900);
	wait_count(&test.answers, 2);
	ck_assert_uint_eq(test.number, ENODEV);
}
END_TEST

START_TEST(who_leaves_is_answered_no_more)
{
	desktop.answer = 1;
	order(1, 1440, 900);
	wait_count(&desktop.applies, 1);
	order(2, 800, 600);
	stream_cancel(test.stream);
	settle();
	ck_assert(test.ended);
	display_applied(desktop.display, 0, NULL);
	set_mode(640, 480);
	run_ms(20);
	ck_assert_uint_eq(test.answers, 0);
	ck_assert_uint_eq(desktop.applies, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("display");
	TCase *tc = tcase_create("display");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, the_layout_is_told_and_its_changes);
	tcase_add_test(tc, what_comes_late_is_found);
	tcase_add_test(tc, what_is_so_already_is_left_alone);
	tcase_add_test(tc, a_desktop_that_follows_by_itself_is_left_alone);
	tcase_add_test(tc, after_its_grace_the_backend_acts);
	tcase_add_test(tc, what_is_only_come_near_to_is_said);
	tcase_add_test(tc, one_that_goes_back_is_set_again);
	tcase_add_test(tc, a_yes_is_not_enough);
	tcase_add_test(tc, the_last_of_many_orders_counts_and_each_is_answered);
	tcase_add_test(tc, one_thing_is_done_at_a_time);
	tcase_add_test(tc, a_backend_that_does_not_answer_has_failed);
	tcase_add_test(tc, after_a_replug_what_was_wanted_is_tried_again);
	tcase_add_test(tc, a_monitor_that_is_seen_late_is_waited_for);
	tcase_add_test(tc, nonsense_is_answered);
	tcase_add_test(tc, who_leaves_is_answered_no_more);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
