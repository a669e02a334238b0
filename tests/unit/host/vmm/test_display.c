/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/display.h"
#include "tests/unit/host/vmm/display_rig.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <sys/timerfd.h>

#define RAM_BYTES (1U << 20)
#define HEADS	  3

static uint8_t ram[RAM_BYTES];
static struct display_rig rig;
static struct display_client client;

/* What the devices would hear. */
static struct {
	unsigned int modes, releases, keys;
	uint32_t code, x, y;
	int32_t dx, dy;
	bool down;
	const char *last;
} heard;

static void on_mode(void *owner)
{
	(void)owner;
	heard.modes++;
}

static void on_key(void *owner, uint32_t code, bool down)
{
	(void)owner;
	heard.last = "key";
	heard.keys++;
	heard.code = code;
	heard.down = down;
}

static void on_button(void *owner, uint32_t code, bool down)
{
	on_key(owner, code, down);
	heard.last = "button";
}

static void on_pointer(void *owner, uint32_t x, uint32_t y)
{
	(void)owner;
	heard.last = "pointer";
	heard.x = x;
	heard.y = y;
}

static void on_motion(void *owner, int32_t dx, int32_t dy)
{
	(void)owner;
	heard.last = "motion";
	heard.dx = dx;
	heard.dy = dy;
}

static void on_wheel(void *owner, int32_t dx, int32_t dy)
{
	on_motion(owner, dx, dy);
	heard.last = "wheel";
}

static void on_release(void *owner)
{
	(void)owner;
	heard.releases++;
}

static const struct display_ops mode_ops = {.mode_changed = on_mode};
static const struct display_ops input_ops = {.key = on_key,
					     .pointer = on_pointer,
					     .motion = on_motion,
					     .button = on_button,
					     .wheel = on_wheel,
					     .release_all = on_release};

static const struct channel_extent extent = {4096, 640 * 480 * 4};

static struct display_picture picture(uint32_t width, uint32_t height)
{
	return (struct display_picture){.format = 2,
					.stride = 640 * 4,
					.width = width,
					.height = height,
					.extent = &extent,
					.extents = 1};
}

static void show(unsigned int head, uint32_t width, uint32_t height)
{
	struct display_picture shown = picture(width, height);

	display_set_picture(rig.display, head, width ? &shown : NULL);
}

/*
 * Pauses end when a test says so, and not by a clock: the display's timer is this eventfd.
 */
static int timer = -1;
static bool timer_is_set;

int timerfd_create(int clock, int flags)
{
	(void)clock;
	(void)flags;
	timer = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	timer_is_set = false;
	return timer;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *was)
{
	(void)flags;
	(void)was;
	ck_assert_int_eq(fd, timer);
	timer_is_set = when->it_value.tv_nsec > 0;
	return 0;
}

static void end_pause(void)
{
	if (timer_is_set)
		ck_assert_int_eq(eventfd_write(timer, 1), 0);
	timer_is_set = false;
	display_rig_turn(&rig);
}

static void set_up(void)
{
	memset(&heard, 0, sizeof(heard));
	display_rig_open(&rig, ram, RAM_BYTES, HEADS);
	ck_assert_int_eq(display_add_ops(rig.display, &mode_ops, NULL), 0);
	ck_assert_int_eq(display_add_ops(rig.display, &input_ops, NULL), 0);
	ck_assert(display_client_open(&client, &rig));
}

static void tear_down(void)
{
	display_client_close(&client);
	display_rig_close(&rig);
}

/* The next packet, whole; its kind, 0 if there is none. Some come after a pause only. */
static uint32_t next_packet(void *packet, size_t size)
{
	uint32_t bytes[64] = {0};
	ssize_t got = -1;

	display_rig_turn(&rig);
	got = display_client_receive(&client, bytes, sizeof(bytes));
	if (got < 0) {
		end_pause();
		got = display_client_receive(&client, bytes, sizeof(bytes));
	}
	if (got <= 0)
		return 0;
	ck_assert_uint_eq((size_t)got, size);
	memcpy(packet, bytes, size);
	return bytes[0];
}

static void expect_head(uint32_t kind, uint32_t head)
{
	struct channel_head packet;

	ck_assert_uint_eq(next_packet(&packet, sizeof(packet)), kind);
	ck_assert_uint_eq(packet.head, head);
}

static void expect_damage(uint32_t head, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	struct channel_damage packet;

	ck_assert_uint_eq(next_packet(&packet, sizeof(packet)), CHANNEL_DAMAGE);
	ck_assert_uint_eq(packet.head, head);
	ck_assert_uint_eq(packet.x, x);
	ck_assert_uint_eq(packet.y, y);
	ck_assert_uint_eq(packet.width, width);
	ck_assert_uint_eq(packet.height, height);
}

static void expect_nothing(void)
{
	uint32_t bytes[64];

	display_rig_turn(&rig);
	ck_assert_int_eq(display_client_receive(&client, bytes, sizeof(bytes)), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

static bool is_connected(void)
{
	uint32_t bytes[64];

	display_rig_turn(&rig);
	return display_client_receive(&client, bytes, sizeof(bytes)) != 0;
}

#define SEND(type, ...)                                                                            \
	do {                                                                                       \
		struct type packet_ = {__VA_ARGS__};                                               \
                                                                                                   \
		display_client_send(&client, &packet_, sizeof(packet_));                           \
		display_rig_turn(&rig);                                                            \
	} while (0)

/* --- HELLO --- */

START_TEST(hello_says_what_there_is)
{
	ck_assert_uint_eq(client.hello.kind, CHANNEL_HELLO);
	ck_assert_uint_eq(client.hello.magic, CHANNEL_MAGIC);
	ck_assert_uint_eq(client.hello.version, CHANNEL_VERSION);
	ck_assert_uint_eq(client.hello.heads, HEADS);
	ck_assert_uint_eq(client.hello.ram_bytes, RAM_BYTES);
	ck_assert_uint_eq(client.hello.area_bytes, sizeof(struct channel_area));
	expect_nothing();
}
END_TEST

START_TEST(nothing_can_be_written_by_who_gets_the_descriptors)
{
	ck_assert_ptr_eq(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, client.ram_fd, 0), MAP_FAILED);
	ck_assert_ptr_eq(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, client.area_fd, 0), MAP_FAILED);
	ck_assert_int_lt((int)write(client.area_fd, "x", 1), 0);
	ck_assert_int_lt((int)write(client.ram_fd, "x", 1), 0);
	ck_assert_int_lt(ftruncate(client.area_fd, 1), 0);
	ck_assert_int_lt(mprotect((void *)client.area, 4096, PROT_WRITE), 0);
	/* Not even by who opens it anew. */
	ck_assert(fcntl(client.area_fd, F_GET_SEALS) & F_SEAL_FUTURE_WRITE);
}
END_TEST

/* --- Scanouts and damage --- */

START_TEST(a_picture_is_in_the_area_and_told)
{
	const struct channel_scanout *scanout = &client.area->scanout[1];
	uint32_t generation = scanout->generation;

	show(1, 320, 200);
	expect_head(CHANNEL_SCANOUT, 1);
	ck_assert_uint_eq(scanout->sequence % 2, 0);
	ck_assert_uint_ne(scanout->generation, generation);
	ck_assert_uint_eq(scanout->enabled, 1);
	ck_assert_uint_eq(scanout->width, 320);
	ck_assert_uint_eq(scanout->height, 200);
	ck_assert_uint_eq(scanout->stride, 640 * 4);
	ck_assert_uint_eq(scanout->extents, 1);
	ck_assert_uint_eq(scanout->extent[0].offset, extent.offset);
	show(1, 0, 0);
	expect_head(CHANNEL_SCANOUT, 1);
	ck_assert_uint_eq(scanout->enabled, 0);
	/* And no more: it is as it was. */
	show(1, 0, 0);
	expect_nothing();
}
END_TEST

START_TEST(damage_waits_until_it_is_welcome)
{
	show(0, 640, 480);
	expect_head(CHANNEL_SCANOUT, 0);
	display_damage(rig.display, 0, 10, 20, 30, 40);
	expect_nothing();
	display_client_next(&client, &rig, 0);
	expect_damage(0, 10, 20, 30, 40);
	/* What comes now is gathered. */
	display_damage(rig.display, 0, 600, 5, 1, 1);
	display_damage(rig.display, 0, 100, 50, 10, 10);
	display_damage(rig.display, 0, 300, 479, 1, 1);
	expect_nothing();
	display_client_next(&client, &rig, 0);
	expect_damage(0, 100, 5, 501, 475);
	/* Welcome, but there is none: it comes as soon as there is. */
	display_client_next(&client, &rig, 0);
	expect_nothing();
	display_damage(rig.display, 0, 0, 0, 1, 1);
	expect_damage(0, 0, 0, 1, 1);
	/* Of another head it was never welcome. */
	show(2, 64, 64);
	expect_head(CHANNEL_SCANOUT, 2);
	display_damage(rig.display, 2, 0, 0, 1, 1);
	expect_nothing();
}
END_TEST

START_TEST(a_flip_is_told_with_its_damage)
{
	show(0, 640, 480);
	expect_head(CHANNEL_SCANOUT, 0);
	show(0, 640, 480);
	expect_nothing();
	display_damage(rig.display, 0, 0, 0, 640, 480);
	expect_nothing();
	display_client_next(&client, &rig, 0);
	expect_head(CHANNEL_SCANOUT, 0);
	expect_damage(0, 0, 0, 640, 480);
	expect_nothing();
	/* Another size is told at once. */
	show(0, 600, 480);
	expect_head(CHANNEL_SCANOUT, 0);
}
END_TEST

START_TEST(a_head_that_shows_nothing_has_no_damage)
{
	display_client_next(&client, &rig, 0);
	display_damage(rig.display, 0, 0, 0, 64, 64);
	expect_nothing();
}
END_TEST

START_TEST(cursors_are_told_while_damage_is_welcome)
{
	static uint32_t image[CHANNEL_CURSOR_SIZE * CHANNEL_CURSOR_SIZE];
	struct display_cursor cursor = {true, 3, 4, -5, 6};
	const struct channel_cursor *shared = &client.area->cursor[0];

	image[7] = 0x11223344;
	display_set_cursor(rig.display, 0, &cursor, image);
	expect_nothing();
	ck_assert_uint_eq(shared->visible, 1);
	ck_assert_uint_eq(shared->hot_y, 4);
	ck_assert_int_eq(shared->x, -5);
	ck_assert_uint_eq(shared->pixels[7], 0x11223344);
	ck_assert_uint_eq(shared->image, 1);
	display_client_next(&client, &rig, 0);
	expect_head(CHANNEL_CURSOR, 0);
	/* Others come together, a moment later. */
	for (cursor.x = 0; cursor.x < 9; cursor.x++) {
		display_set_cursor(rig.display, 0, &cursor, NULL);
		display_rig_turn(&rig);
	}
	display_set_cursor(rig.display, 0, &cursor, NULL);
	expect_head(CHANNEL_CURSOR, 0);
	expect_nothing();
	ck_assert_int_eq(shared->x, 9);
	ck_assert_uint_eq(shared->image, 1);
	ck_assert_uint_eq(shared->pixels[7], 0x11223344);
}
END_TEST

START_TEST(a_driver_comes_and_goes)
{
	ck_assert_uint_eq(client.area->driver, 0);
	display_set_driver(rig.display, true);
	for (uint32_t i = 0; i < HEADS; i++)
		expect_head(CHANNEL_SCANOUT, i);
	ck_assert_uint_eq(client.area->driver, 1);
	display_set_driver(rig.display, false);
	expect_head(CHANNEL_SCANOUT, 0);
	ck_assert_uint_eq(client.area->driver, 0);
}
END_TEST

START_TEST(lights_are_told_when_they_change)
{
	struct channel_leds leds;

	display_set_leds(rig.display, 1U << LED_CAPSL);
	ck_assert_uint_eq(next_packet(&leds, sizeof(leds)), CHANNEL_LEDS);
	ck_assert_uint_eq(leds.leds, 1U << LED_CAPSL);
	display_set_leds(rig.display, 1U << LED_CAPSL);
	expect_nothing();
	/* Who connects later is told, too. */
	display_client_close(&client);
	ck_assert(display_client_open(&client, &rig));
	ck_assert_uint_eq(next_packet(&leds, sizeof(leds)), CHANNEL_LEDS);
	ck_assert_uint_eq(leds.leds, 1U << LED_CAPSL);
}
END_TEST

/* --- Modes --- */

START_TEST(one_head_is_plugged_in_at_first)
{
	struct display_mode mode = display_mode(rig.display, 0);

	ck_assert(mode.enabled);
	ck_assert_uint_eq(mode.width, 640);
	ck_assert_uint_eq(mode.height, 480);
	ck_assert_uint_eq(mode.width_mm, 169); /* 640 dots of 96 an inch */
	for (unsigned int i = 1; i < HEADS; i++)
		ck_assert(!display_mode(rig.display, i).enabled);
}
END_TEST

START_TEST(a_mode_is_taken_once)
{
	struct display_mode mode;

	SEND(channel_mode, CHANNEL_MODE, 1, 1, 1366, 768, 300, 0, -7, 20);
	ck_assert_uint_eq(heard.modes, 1);
	mode = display_mode(rig.display, 1);
	ck_assert(mode.enabled);
	ck_assert_uint_eq(mode.width, 1366);
	ck_assert_uint_eq(mode.height, 768);
	ck_assert_uint_eq(mode.width_mm, 300);
	ck_assert_uint_eq(mode.height_mm, 203);
	ck_assert_uint_eq(mode.x, 0);
	ck_assert_uint_eq(mode.y, 20);
	SEND(channel_mode, CHANNEL_MODE, 1, 1, 1366, 768, 300, 0, -7, 20);
	ck_assert_uint_eq(heard.modes, 1);
	SEND(channel_mode, .kind = CHANNEL_MODE, .head = 1);
	ck_assert_uint_eq(heard.modes, 2);
	ck_assert(!display_mode(rig.display, 1).enabled);
	/* Plugged in again: another event, the same size. */
	SEND(channel_mode, CHANNEL_MODE, 1, 1, 1366, 768, 300, 0, -7, 20);
	ck_assert_uint_eq(heard.modes, 3);
	ck_assert(is_connected());
}
END_TEST

START_TEST(impossible_sizes_are_ignored)
{
	static const struct {
		uint32_t width, height;
	} sizes[] = {{63, 480}, {640, 63}, {8193, 480}, {640, 8193}, {0, 0}, {UINT32_MAX, 480}};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		SEND(channel_mode, .kind = CHANNEL_MODE, .enabled = 1, .width = sizes[i].width,
		     .height = sizes[i].height);
	ck_assert_uint_eq(heard.modes, 0);
	ck_assert_uint_eq(display_mode(rig.display, 0).width, 640);
	ck_assert(is_connected());
}
END_TEST

/* --- Input --- */

START_TEST(input_reaches_the_devices)
{
	SEND(channel_key, CHANNEL_KEY, KEY_A, 1);
	ck_assert_str_eq(heard.last, "key");
	ck_assert_uint_eq(heard.code, KEY_A);
	ck_assert(heard.down);
	SEND(channel_key, CHANNEL_BUTTON, BTN_LEFT, 0);
	ck_assert_str_eq(heard.last, "button");
	ck_assert(!heard.down);
	SEND(channel_pointer, CHANNEL_POINTER, 32767, 70000);
	ck_assert_str_eq(heard.last, "pointer");
	ck_assert_uint_eq(heard.x, 32767);
	ck_assert_uint_eq(heard.y, 32767);
	SEND(channel_motion, CHANNEL_MOTION, -3, 4);
	ck_assert_str_eq(heard.last, "motion");
	ck_assert_int_eq(heard.dx, -3);
	SEND(channel_motion, CHANNEL_WHEEL, 0, -1);
	ck_assert_str_eq(heard.last, "wheel");
	ck_assert_int_eq(heard.dy, -1);
}
END_TEST

/* --- Clients --- */

START_TEST(a_new_client_takes_the_place_of_the_old)
{
	struct display_client newer;

	show(0, 640, 480);
	expect_head(CHANNEL_SCANOUT, 0);
	display_client_next(&client, &rig, 0);
	ck_assert(display_client_open(&newer, &rig));
	ck_assert(!is_connected());
	ck_assert_uint_eq(heard.releases, 1);
	ck_assert_uint_eq(newer.area->scanout[0].enabled, 1);
	/* What the old one asked for is not the new one's. */
	display_client_close(&client);
	client = newer;
	display_damage(rig.display, 0, 0, 0, 1, 1);
	expect_nothing();
	display_client_next(&client, &rig, 0);
	expect_damage(0, 0, 0, 1, 1);
}
END_TEST

START_TEST(who_leaves_lets_go_of_keys)
{
	display_client_close(&client);
	display_rig_turn(&rig);
	ck_assert_uint_eq(heard.releases, 1);
	show(0, 640, 480);
	display_rig_turn(&rig);
	ck_assert(display_client_open(&client, &rig));
	expect_nothing();
	ck_assert_uint_eq(client.area->scanout[0].width, 640);
}
END_TEST

static const struct {
	uint32_t packet[16];
	size_t size;
} nonsense[] = {
	{{CHANNEL_NEXT, HEADS}, 8},
	{{CHANNEL_NEXT, UINT32_MAX}, 8},
	{{CHANNEL_NEXT}, 4},
	{{CHANNEL_NEXT}, 1},
	{{CHANNEL_NEXT}, 12},
	{{CHANNEL_MODE, HEADS, 1, 640, 480}, 36},
	{{CHANNEL_MODE, 0, 1, 640, 480}, 32},
	{{CHANNEL_KEY, 1, 1}, 16},
	{{CHANNEL_HELLO}, 32},
	{{CHANNEL_DAMAGE}, 24},
	{{0}, 4},
	{{UINT32_MAX}, 8},
	{{CHANNEL_WHEEL}, 64},
};

START_TEST(nonsense_ends_the_connection)
{
	display_client_send(&client, nonsense[_i].packet, nonsense[_i].size);
	ck_assert(!is_connected());
	ck_assert_uint_eq(heard.modes + heard.keys, 0);
	display_client_close(&client);
	ck_assert(display_client_open(&client, &rig));
}
END_TEST

START_TEST(descriptors_that_a_client_sends_are_closed)
{
	struct channel_key key = {CHANNEL_KEY, KEY_A, 1};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {&key, sizeof(key)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int ends[2];
	char byte;

	ck_assert_int_eq(pipe(ends), 0);
	memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
	ck_assert_int_gt((int)sendmsg(client.fd, &message, 0), 0);
	close(ends[1]);
	display_rig_turn(&rig);
	ck_assert_uint_eq(heard.keys, 1);
	/* Nobody holds the other end any more. */
	ck_assert_int_eq((int)read(ends[0], &byte, 1), 0);
	close(ends[0]);
}
END_TEST

START_TEST(who_does_not_read_holds_nobody_up)
{
	unsigned int received = 0;
	uint32_t packet[64];

	show(0, 640, 480);
	expect_head(CHANNEL_SCANOUT, 0);
	/* It asks, and does not read: far more than its socket holds. */
	for (uint32_t i = 0; i < 5000; i++) {
		display_client_next(&client, &rig, 0);
		display_damage(rig.display, 0, i % 640, 0, 1, 1);
	}
	show(0, 600, 480);
	while (display_client_receive(&client, packet, sizeof(packet)) > 0) {
		received++;
		display_rig_turn(&rig);
	}
	ck_assert_uint_gt(received, 10);
	ck_assert_uint_lt(received, 4000);
	/* What it was not told it is told now. */
	if (packet[0] != CHANNEL_SCANOUT)
		expect_head(CHANNEL_SCANOUT, 0);
	display_client_next(&client, &rig, 0);
	display_damage(rig.display, 0, 1, 2, 3, 4);
	expect_damage(0, 1, 2, 3, 4);
}
END_TEST

START_TEST(changes_are_told_at_a_pace)
{
	struct channel_leds leds;
	uint32_t packet[64];
	unsigned int received = 0;

	for (uint32_t i = 0; i < 3000; i++) {
		show(0, 64 + i % 2, 64);
		display_set_leds(rig.display, i % 2);
		display_rig_turn(&rig);
	}
	while (display_client_receive(&client, packet, sizeof(packet)) > 0)
		received++;
	/* The first; all others are one of each kind, when the pause is over. */
	ck_assert_uint_eq(received, 1);
	ck_assert_uint_eq(next_packet(&leds, sizeof(leds)), CHANNEL_LEDS);
	ck_assert_uint_eq(leds.leds, 1);
	expect_head(CHANNEL_SCANOUT, 0);
	ck_assert_uint_eq(client.area->scanout[0].width, 65);
	end_pause();
	expect_nothing();
}
END_TEST

static void add_channel_tests(TCase *tc)
{
	tcase_add_test(tc, hello_says_what_there_is);
	tcase_add_test(tc, nothing_can_be_written_by_who_gets_the_descriptors);
	tcase_add_test(tc, a_picture_is_in_the_area_and_told);
	tcase_add_test(tc, damage_waits_until_it_is_welcome);
	tcase_add_test(tc, a_flip_is_told_with_its_damage);
	tcase_add_test(tc, a_head_that_shows_nothing_has_no_damage);
	tcase_add_test(tc, cursors_are_told_while_damage_is_welcome);
	tcase_add_test(tc, a_driver_comes_and_goes);
	tcase_add_test(tc, lights_are_told_when_they_change);
}

static void add_wish_tests(TCase *tc)
{
	tcase_add_test(tc, one_head_is_plugged_in_at_first);
	tcase_add_test(tc, a_mode_is_taken_once);
	tcase_add_test(tc, impossible_sizes_are_ignored);
	tcase_add_test(tc, input_reaches_the_devices);
}

static void add_client_tests(TCase *tc)
{
	tcase_add_test(tc, a_new_client_takes_the_place_of_the_old);
	tcase_add_test(tc, who_leaves_lets_go_of_keys);
	tcase_add_loop_test(tc, nonsense_ends_the_connection, 0, ARRAY_SIZE(nonsense));
	tcase_add_test(tc, descriptors_that_a_client_sends_are_closed);
	tcase_add_test(tc, who_does_not_read_holds_nobody_up);
	tcase_add_test(tc, changes_are_told_at_a_pace);
}

int main(void)
{
	static void (*const add[])(TCase * tc) = {add_channel_tests, add_wish_tests,
						  add_client_tests};
	static const char *const names[] = {"channel", "wishes", "clients"};
	Suite *suite = suite_create("display");

	for (size_t i = 0; i < ARRAY_SIZE(add); i++) {
		TCase *tc = tcase_create(names[i]);

		tcase_add_checked_fixture(tc, set_up, tear_down);
		add[i](tc);
		suite_add_tcase(suite, tc);
	}
	return suite_run(suite);
}
