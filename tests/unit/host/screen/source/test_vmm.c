/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/source/vmm.h"
#include "tests/unit/host/screen/source/fake_vmm.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uv_loop_t loop;
static struct screen *screen;
static struct fake_vmm vmm;

struct looker {
	struct viewer viewer;
	unsigned int changes, damages, statuses;
	struct rectangle last;
};
static struct looker looker;

static void saw_change(struct viewer *viewer)
{
	((struct looker *)viewer)->changes++;
}

static void saw_damage(struct viewer *viewer, const struct rectangle *where)
{
	((struct looker *)viewer)->damages++;
	((struct looker *)viewer)->last = *where;
}

static void saw_status(struct viewer *viewer)
{
	((struct looker *)viewer)->statuses++;
}

static void saw_close(struct viewer *viewer)
{
	(void)viewer;
}

static const struct viewer_ops looker_ops = {.protocol = "test",
					     .desktop_changed = saw_change,
					     .damaged = saw_damage,
					     .status_changed = saw_status,
					     .close = saw_close};

static void set_up(void)
{
	struct source *source;

	uv_loop_init(&loop);
	screen = screen_new(&loop, "vm");
	fake_vmm_open(&vmm);
	ck_assert_int_eq(vmm_source_new(screen, vmm.peer_fd, &source), 0);
	vmm.peer_fd = -1;
	screen_set_source(screen, source);
	looker = (struct looker){.viewer.ops = &looker_ops};
	screen_add_viewer(screen, &looker.viewer);
}

static void tear_down(void)
{
	screen_free(screen);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	fake_vmm_close(&vmm);
}

static void turn(void)
{
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void wait_frame(void)
{
	usleep(20000);
	turn();
}

/* How many packets of @kind have come. */
static unsigned int count(uint32_t kind)
{
	uint32_t packet[16];
	unsigned int found = 0;

	while (fake_vmm_receive(&vmm, packet, sizeof(packet)))
		found += packet[0] == kind;
	return found;
}

START_TEST(nothing_is_asked_while_nobody_looks)
{
	fake_vmm_hello(&vmm, 2);
	fake_vmm_scanout(&vmm, 0, 64, 64, 0);
	turn();
	ck_assert_uint_eq(screen_desktop(screen)->width, 64);
	ck_assert_uint_eq(count(CHANNEL_NEXT), 0);
	/* All is there at once when somebody does. */
	memset(vmm.ram, 0x55, 64 * 64 * 4);
	screen_watch(&looker.viewer, true);
	ck_assert_uint_eq(screen_desktop(screen)->pixels[64 * 64 * 4 - 1], 0x55);
	ck_assert_uint_eq(count(CHANNEL_NEXT), 2);
	screen_watch(&looker.viewer, false);
	fake_vmm_damage(&vmm, 0, 0, 0, 64, 64);
	wait_frame();
	ck_assert_uint_eq(count(CHANNEL_NEXT), 0);
}
END_TEST

START_TEST(who_begins_to_look_sees_what_was_not_told)
{
	fake_vmm_hello(&vmm, 1);
	fake_vmm_scanout(&vmm, 0, 64, 64, 0);
	turn();
	memset(vmm.ram + 65536, 0x66, 64 * 64 * 4);
	/* The packet that comes with it is not read before somebody looks. */
	fake_vmm_scanout(&vmm, 0, 64, 64, 65536);
	screen_watch(&looker.viewer, true);
	ck_assert_uint_eq(screen_desktop(screen)->pixels[0], 0x66);
}
END_TEST

START_TEST(damage_is_paced)
{
	fake_vmm_hello(&vmm, 1);
	fake_vmm_scanout(&vmm, 0, 64, 64, 4096);
	turn();
	screen_watch(&looker.viewer, true);
	wait_frame();
	ck_assert_uint_eq(count(CHANNEL_NEXT), 1);
	looker.damages = 0;
	vmm.ram[4096] = 9;
	fake_vmm_damage(&vmm, 0, 0, 0, 1, 1);
	turn();
	ck_assert_uint_eq(looker.damages, 1);
	ck_assert_uint_eq(screen_desktop(screen)->pixels[0], 9);
	/* These come together, a frame later. */
	fake_vmm_damage(&vmm, 0, 10, 10, 1, 1);
	fake_vmm_damage(&vmm, 0, 20, 30, 1, 1);
	turn();
	ck_assert_uint_eq(looker.damages, 1);
	wait_frame();
	ck_assert_uint_eq(looker.damages, 2);
	ck_assert_uint_eq(looker.last.x, 10);
	ck_assert_uint_eq(looker.last.width, 11);
	ck_assert_uint_eq(looker.last.height, 21);
	ck_assert_uint_eq(count(CHANNEL_NEXT), 2);
}
END_TEST

START_TEST(a_mode_set_passes_through_darkness_unseen)
{
	fake_vmm_hello(&vmm, 1);
	fake_vmm_scanout(&vmm, 0, 64, 64, 0);
	turn();
	screen_watch(&looker.viewer, true);
	/* Longer than the frames below take on a machine that has other work. */
	screen_set_patience(screen, 800);
	looker.changes = 0;
	fake_vmm_scanout(&vmm, 0, 0, 0, 0);
	turn();
	ck_assert_uint_eq(looker.changes, 0);
	fake_vmm_damage(&vmm, 0, 0, 0, 64, 64);
	wait_frame();
	fake_vmm_scanout(&vmm, 0, 128, 96, 0);
	wait_frame();
	ck_assert_uint_eq(looker.changes, 1);
	ck_assert_uint_eq(screen_desktop(screen)->width, 128);
	usleep(900000);
	turn();
	ck_assert_uint_eq(looker.changes, 1);
}
END_TEST

START_TEST(input_arrives)
{
	struct channel_key key;
	struct channel_pointer pointer;
	struct channel_motion motion;

	fake_vmm_hello(&vmm, 1);
	fake_vmm_scanout(&vmm, 0, 64, 64, 0);
	turn();
	screen_key(&looker.viewer, KEY_A, true);
	screen_key(&looker.viewer, KEY_A, true);
	screen_key(&looker.viewer, KEY_A, false);
	ck_assert_uint_eq(fake_vmm_receive(&vmm, &key, sizeof(key)), sizeof(key));
	ck_assert(key.kind == CHANNEL_KEY && key.code == KEY_A && key.down == 1);
	ck_assert_uint_eq(fake_vmm_receive(&vmm, &key, sizeof(key)), sizeof(key));
	ck_assert(key.kind == CHANNEL_KEY && key.code == KEY_A && key.down == 0);
	screen_pointer(&looker.viewer, 32, 63, 1);
	ck_assert_uint_eq(fake_vmm_receive(&vmm, &pointer, sizeof(pointer)), sizeof(pointer));
	ck_assert_uint_eq(pointer.x * 64 / 32768, 32);
	ck_assert_uint_eq(pointer.y * 64 / 32768, 63);
	ck_assert_uint_eq(fake_vmm_receive(&vmm, &key, sizeof(key)), sizeof(key));
	ck_assert(key.kind == CHANNEL_BUTTON && key.code == BTN_LEFT && key.down == 1);
	screen_wheel(&looker.viewer, 1, -2);
	ck_assert_uint_eq(fake_vmm_receive(&vmm, &motion, sizeof(motion)), sizeof(motion));
	ck_assert(motion.kind == CHANNEL_WHEEL && motion.dx == 1 && motion.dy == -2);
}
END_TEST

START_TEST(a_vmm_that_does_not_read_costs_little)
{
	fake_vmm_hello(&vmm, 1);
	fake_vmm_scanout(&vmm, 0, 64, 64, 0);
	turn();
	for (uint32_t i = 0; i < 100000; i++) {
		screen_pointer(&looker.viewer, i % 64, 0, 0);
		screen_wheel(&looker.viewer, 0, 1);
	}
	turn();
	/* What has waited comes when it reads again. */
	for (unsigned int got = 1, all = 0; got; all += got) {
		got = count(CHANNEL_WHEEL);
		turn();
		if (!got)
			ck_assert_uint_ge(all, 512);
	}
	screen_key(&looker.viewer, KEY_A, true);
	ck_assert_uint_eq(count(CHANNEL_KEY), 1);
}
END_TEST

START_TEST(the_end_is_the_end)
{
	int error;

	fake_vmm_hello(&vmm, 1);
	turn();
	close(vmm.fd);
	vmm.fd = -1;
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert(screen_ended(screen, &error));
	ck_assert_int_eq(error, 0);
}
END_TEST

static const struct {
	uint32_t words[7];
	size_t length;
} broken[] = {
	{{CHANNEL_DAMAGE, 1, 0, 0, 1, 1}, 24},
	{{CHANNEL_DAMAGE, 0, UINT32_MAX, 0, 1, 1}, 24},
	{{CHANNEL_DAMAGE, 0, 0, 0, 1, UINT32_MAX}, 24},
	{{CHANNEL_DAMAGE, 0, 0, 0, 1, 1}, 20},
	{{CHANNEL_DAMAGE, 0, 0, 0, 1, 1}, 28},
	{{CHANNEL_SCANOUT, 1}, 8},
	{{CHANNEL_SCANOUT, UINT32_MAX}, 8},
	{{CHANNEL_CURSOR, 16}, 8},
	{{CHANNEL_LEDS}, 4},
	{{CHANNEL_LEDS}, 1},
	{{CHANNEL_KEY, 30, 1}, 12},
	{{0}, 8},
	{{CHANNEL_HELLO, CHANNEL_MAGIC, CHANNEL_VERSION, 1}, 28},
};

static void tell_driver(uint32_t driver)
{
	struct channel_head packet = {.kind = CHANNEL_SCANOUT};

	__atomic_store_n(&vmm.area->driver, driver, __ATOMIC_RELEASE);
	fake_vmm_send(&vmm, &packet, sizeof(packet));
	turn();
}

START_TEST(a_guests_driver_comes_and_goes)
{
	ck_assert(!screen_is_driverless(screen)); /* who knows */
	fake_vmm_hello(&vmm, 1);
	turn();
	ck_assert(screen_is_driverless(screen));
	tell_driver(1);
	ck_assert(!screen_is_driverless(screen));
	ck_assert_uint_eq(looker.statuses, 1);
	tell_driver(1);
	ck_assert_uint_eq(looker.statuses, 1);
	tell_driver(0);
	ck_assert(screen_is_driverless(screen));
	ck_assert_uint_eq(looker.statuses, 2);
}
END_TEST

START_TEST(monitors_fit_into_the_guests_memory)
{
	struct rectangle size[DESKTOP_MAX_HEADS] = {{.width = 8192, .height = 8192}};
	struct source *source = screen_source(screen);

	fake_vmm_hello(&vmm, 1);
	turn();
	source->ops->limit(source, 0, size);
	ck_assert_uint_le(3ULL * 4 * size[0].width * size[0].height, FAKE_RAM / 4);
	ck_assert_uint_gt(size[0].width, 1100);
}
END_TEST

START_TEST(who_breaks_the_rules_is_left)
{
	int error;

	fake_vmm_hello(&vmm, 1);
	turn();
	ck_assert(!screen_ended(screen, &error));
	fake_vmm_send(&vmm, broken[_i].words, broken[_i].length);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert(screen_ended(screen, &error));
	ck_assert_int_eq(error, -EPROTO);
}
END_TEST

START_TEST(hello_comes_first_and_with_descriptors)
{
	struct channel_hello hello = {.kind = CHANNEL_HELLO,
				      .magic = CHANNEL_MAGIC,
				      .version = CHANNEL_VERSION,
				      .heads = 1,
				      .ram_bytes = FAKE_RAM,
				      .area_bytes = sizeof(struct channel_area)};
	struct channel_head early = {.kind = CHANNEL_SCANOUT};
	int error;

	if (_i == 0)
		fake_vmm_send(&vmm, &hello, sizeof(hello));
	else
		fake_vmm_send(&vmm, &early, sizeof(early));
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert(screen_ended(screen, &error));
	ck_assert_int_eq(error, -EPROTO);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("vmm source");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, nothing_is_asked_while_nobody_looks);
	tcase_add_test(tc, who_begins_to_look_sees_what_was_not_told);
	tcase_add_test(tc, damage_is_paced);
	tcase_add_test(tc, a_mode_set_passes_through_darkness_unseen);
	tcase_add_test(tc, input_arrives);
	tcase_add_test(tc, a_vmm_that_does_not_read_costs_little);
	tcase_add_test(tc, the_end_is_the_end);
	tcase_add_test(tc, a_guests_driver_comes_and_goes);
	tcase_add_test(tc, monitors_fit_into_the_guests_memory);
	tcase_add_loop_test(tc, who_breaks_the_rules_is_left, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_loop_test(tc, hello_comes_first_and_with_descriptors, 0, 2);
	return suite_run_case("vmm source", tc);
}
