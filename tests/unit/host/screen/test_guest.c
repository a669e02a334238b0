/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/guest.h"

#include "protocol/base/bytes.h"
#include "protocol/display.h"
#include "protocol/head_list.h"
#include "tests/unit/played_end.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

/* --- The agent's end -------------------------------------------------------------------------- */

struct agent {
	struct played_end end;
	struct stream *attached;
	struct head_list asked;
	unsigned int attaches, asks;
	bool refuses;
};

static uv_loop_t loop;
static struct guest *guest;
static struct agent agent;
static unsigned int layouts, answers;
static uint64_t applied_serial;
static int applied_error;
static bool applied_replug;

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct agent *mine = owner;

	(void)stream;
	ck_assert(slice_is(name, "apply"));
	ck_assert_int_eq(head_list_decode(params, &mine->asked, NULL), 0);
	mine->asks++;
}

static void on_stream_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	((struct agent *)owner)->attached = NULL;
}

static const struct stream_handlers attach_handlers = {.message = on_message,
						       .closed = on_stream_closed};

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct agent *mine = owner;

	(void)params;
	ck_assert(slice_is(method, "display.attach"));
	mine->attaches++;
	if (mine->refuses) {
		stream_fail(stream, ENOSYS, NULL);
		return;
	}
	mine->attached = stream;
	stream_set_handlers(stream, &attach_handlers, mine);
}

static void agent_stop(void)
{
	played_end_stop(&agent.end);
}

static void agent_start(const char *capability)
{
	static const char *capabilities[2];
	int pair[2];

	agent = (struct agent){.refuses = agent.refuses,
			       .end = {.request = on_request, .owner = &agent}};
	capabilities[0] = capability;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	played_end_start(&agent.end, &loop, pair[1], SESSION_GUEST, capabilities);
	session_start(agent.end.session);
	ck_assert_int_eq(guest_attach(guest, pair[0]), 0);
	while (!session_is_established(agent.end.session))
		uv_run(&loop, UV_RUN_ONCE);
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void say_raw(const char *name, struct slice params)
{
	unsigned int before = layouts + answers;

	ck_assert_int_eq(stream_message(agent.attached, slice_of(name), params), 0);
	for (int i = 0; i < 10 && layouts + answers == before; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void say_layout(const char *session, uint32_t width, int32_t x)
{
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	const struct display_layout layout = {.session = slice_of(session),
					      .desktop = SLICE_LITERAL("sw\x01"
								       "ay"),
					      .backend = SLICE_LITERAL("wlr")};
	const struct head_list list = {.count = 2,
				       .heads = {{.head = 0,
						  .connector = "Virtual-1",
						  .enabled = true,
						  .primary = true,
						  .width = width,
						  .height = 600,
						  .scale_milli = 2000},
						 {.head = 3, .connector = "Virtual-4", .x = x}}};

	head_list_encode(&list, &layout, &writer);
	say_raw("layout", cbor_written(&writer));
}

/* --- Ours ------------------------------------------------------------------------------------- */

static void on_layout(void *owner)
{
	(void)owner;
	layouts++;
}

static void on_applied(void *owner, uint64_t serial, int error, bool replug)
{
	(void)owner;
	answers++;
	applied_serial = serial;
	applied_error = error;
	applied_replug = replug;
}

static const struct guest_handlers handlers = {.layout = on_layout, .applied = on_applied};

static void setup(void)
{
	uv_loop_init(&loop);
	agent = (struct agent){0};
	layouts = answers = 0;
	guest = guest_new(&loop, NULL, &handlers, NULL);
}

static void teardown(void)
{
	agent_stop();
	guest_free(guest);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(a_layout_is_known)
{
	const struct guest_layout *layout = guest_layout(guest);

	agent_start("display");
	ck_assert_uint_eq(agent.attaches, 1);
	ck_assert(!guest_can_apply(guest));
	say_layout("wayland", 800, -40);
	ck_assert_uint_eq(layouts, 1);
	ck_assert_str_eq(layout->session, "wayland");
	/* Nothing that drives a terminal. */
	ck_assert_str_eq(layout->desktop, "sway");
	ck_assert(layout->head[0].known && layout->head[0].enabled && layout->head[0].primary);
	ck_assert_uint_eq(layout->head[0].width, 800);
	ck_assert_uint_eq(layout->head[0].scale_milli, 2000);
	ck_assert(!layout->head[1].known);
	ck_assert(layout->head[3].known && !layout->head[3].enabled);
	ck_assert_int_eq(layout->head[3].x, -40);
	ck_assert(guest_can_apply(guest));
	/* Nonsense changes nothing. */
	say_raw("layout", SLICE_LITERAL("\xa1\x65heads\x81\xa1\x64head\x18\x20"));
	ck_assert_uint_eq(layouts, 1);
	agent_stop();
	while (layouts == 1)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_str_eq(layout->session, "");
	ck_assert(!layout->head[0].known && !guest_can_apply(guest));
}
END_TEST

START_TEST(the_session_is_asked_and_answers)
{
	struct guest_layout shall = {
		.head[1] = {
			.known = true, .enabled = true, .x = 100, .width = 1023, .height = 767}};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct display_applied applied = {.number = EAGAIN, .text = SLICE_LITERAL("replug")};
	uint64_t serial = 0;

	ck_assert_int_eq(guest_apply(guest, &shall, &serial), -ENOTCONN);
	agent_start("display");
	say_layout("wayland", 800, 0);
	ck_assert_int_eq(guest_apply(guest, &shall, &serial), 0);
	while (agent.asks == 0)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(agent.asked.serial, serial);
	ck_assert_uint_eq(agent.asked.count, 1);
	ck_assert_uint_eq(agent.asked.heads[0].head, 1);
	ck_assert_uint_eq(agent.asked.heads[0].width, 1023);
	applied.serial = serial;
	message_encode(&message_display_applied, &applied, &writer);
	say_raw("applied", cbor_written(&writer));
	ck_assert_uint_eq(answers, 1);
	ck_assert_uint_eq(applied_serial, serial);
	ck_assert_int_eq(applied_error, EAGAIN);
	ck_assert(applied_replug);
}
END_TEST

START_TEST(another_agent_takes_the_place_of_the_last)
{
	agent_start("display");
	say_layout("x11", 800, 0);
	agent_stop();
	agent_start("display");
	ck_assert_str_eq(guest_layout(guest)->session, "");
	say_layout("console", 700, 0);
	ck_assert_str_eq(guest_layout(guest)->session, "console");
}
END_TEST

START_TEST(who_cannot_is_not_asked)
{
	agent_start("exec");
	ck_assert_uint_eq(agent.attaches, 0);
	agent_stop();
	agent.refuses = true;
	agent_start("display");
	ck_assert_uint_eq(agent.attaches, 1);
	/* No timer waits for another try. */
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_int_eq(uv_backend_timeout(&loop), -1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("guest");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_layout_is_known);
	tcase_add_test(tests, the_session_is_asked_and_answers);
	tcase_add_test(tests, another_agent_takes_the_place_of_the_last);
	tcase_add_test(tests, who_cannot_is_not_asked);
	return suite_run_case("guest", tests);
}
