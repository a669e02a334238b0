/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/mount/guest_link.h"

#include "host/cli/agent_client.h"
#include "protocol/base/bytes.h"
#include "protocol/share.h"
#include "tests/unit/host/cli/mount/played_lodged.h"
#include "tests/unit/suite.h"

#include <errno.h>

#define PATIENCE_MS 60000

static struct played_lodged *played;
static uv_loop_t loop;
static struct guest_link *guest_link;
static unsigned int established, lost, gone;
static bool can_share;

static void on_established(void *owner, struct session *session, const struct session_peer *peer)
{
	ck_assert_ptr_eq(owner, &loop);
	ck_assert_ptr_nonnull(session);
	can_share = session_peer_has(peer, SHARE_CAPABILITY);
	established++;
}

static void on_lost(void *owner)
{
	ck_assert_ptr_eq(owner, &loop);
	lost++;
}

static void on_gone(void *owner)
{
	ck_assert_ptr_eq(owner, &loop);
	gone++;
}

static void on_tick(uv_timer_t *timer)
{
	const uint64_t *deadline = timer->data;

	ck_assert_msg(uv_now(timer->loop) < *deadline, "nothing came of it");
}

/* Run the loop until @condition, which is soon. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		uint64_t deadline_ = uv_hrtime() / 1000000 + PATIENCE_MS;                          \
		uv_timer_t tick_;                                                                  \
		uv_timer_init(&loop, &tick_);                                                      \
		tick_.data = &deadline_;                                                           \
		uv_timer_start(&tick_, on_tick, 10, 10);                                           \
		while (!(condition))                                                               \
			uv_run(&loop, UV_RUN_ONCE);                                                \
		uv_close((uv_handle_t *)&tick_, NULL);                                             \
		uv_run(&loop, UV_RUN_NOWAIT);                                                      \
	} while (0)

static void begin(void)
{
	static const struct guest_link_handlers handlers = {
		.established = on_established, .lost = on_lost, .gone = on_gone};
	struct client *client;
	int fd;

	established = lost = gone = 0;
	played = played_lodged_start();
	ck_assert_int_eq(client_open(&client), 0);
	fd = agent_connect(client, "one");
	client_close(client);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(guest_link_new(&loop, fd, "one", &handlers, &loop, &guest_link), 0);
	UNTIL(established == 1);
}

/* The loop has nothing left to do, or this would not end. */
static void finish(void)
{
	guest_link_free(guest_link);
	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	played_lodged_stop(played);
}

static void hang_up(void)
{
	atomic_fetch_add(&played->hang_ups, 1);
}

START_TEST(a_connection_that_is_lost_is_made_again)
{
	begin();
	ck_assert(can_share);
	for (unsigned int time = 1; time <= 3; time++) {
		hang_up();
		UNTIL(lost == time);
		UNTIL(established == time + 1);
		ck_assert_uint_eq(atomic_load(&played->opened), time + 1);
	}
	ck_assert_uint_eq(gone, 0);
	finish();
}
END_TEST

START_TEST(another_agent_may_be_there_then)
{
	begin();
	atomic_store(&played->manner, PLAYED_SHARELESS);
	hang_up();
	UNTIL(established == 2);
	ck_assert(!can_share);
	finish();
}
END_TEST

START_TEST(an_agent_that_cannot_be_had_is_waited_for)
{
	unsigned int asked;

	begin();
	atomic_store(&played->manner, PLAYED_WITHOUT);
	asked = atomic_load(&played->asked);
	hang_up();
	UNTIL(atomic_load(&played->asked) >= asked + 4);
	ck_assert_uint_eq(established, 1);
	ck_assert_uint_eq(gone, 0);
	atomic_store(&played->manner, PLAYED_WELL);
	UNTIL(established == 2);
	finish();
}
END_TEST

START_TEST(a_vm_is_gone_when_lodged_has_said_so_often)
{
	unsigned int asked;

	begin();
	atomic_store(&played->manner, PLAYED_GONE);
	asked = atomic_load(&played->asked);
	hang_up();
	UNTIL(gone == 1);
	ck_assert_uint_eq(lost, 1);
	ck_assert_uint_eq(atomic_load(&played->asked), asked + 3);
	/* Nothing more is tried: the loop has nothing to wait for. */
	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	ck_assert_uint_eq(atomic_load(&played->asked), asked + 3);
	finish();
}
END_TEST

START_TEST(a_vm_that_is_listed_again_is_not_gone)
{
	unsigned int asked;

	begin();
	atomic_store(&played->manner, PLAYED_GONE);
	asked = atomic_load(&played->asked);
	hang_up();
	UNTIL(atomic_load(&played->asked) >= asked + 1);
	atomic_store(&played->manner, PLAYED_WELL);
	UNTIL(established == 2 || gone);
	/* Three times at the most were there for it. */
	ck_assert_uint_le(atomic_load(&played->asked), asked + 3);
	finish();
}
END_TEST

START_TEST(nobody_is_told_of_what_is_freed)
{
	begin();
	/* At different moments of a new beginning: waiting, and while a thread asks. */
	hang_up();
	UNTIL(lost == 1);
	for (int i = 0; i < _i; i++)
		uv_run(&loop, UV_RUN_ONCE);
	established = 0;
	finish();
	ck_assert_uint_eq(established, 0);
	ck_assert_uint_eq(lost, 1);
	ck_assert_uint_eq(gone, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("guest_link");

	tcase_set_timeout(tests, PATIENCE_MS / 1000.0 + 10);
	tcase_add_test(tests, a_connection_that_is_lost_is_made_again);
	tcase_add_test(tests, another_agent_may_be_there_then);
	tcase_add_test(tests, an_agent_that_cannot_be_had_is_waited_for);
	tcase_add_test(tests, a_vm_is_gone_when_lodged_has_said_so_often);
	tcase_add_test(tests, a_vm_that_is_listed_again_is_not_gone);
	tcase_add_loop_test(tests, nobody_is_told_of_what_is_freed, 0, 3);
	return suite_run_case("guest_link", tests);
}
