/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole backend in front of a peer that answers as Mutter does, in a process of its own: it has
 * a state with a serial, takes configurations for that serial, and tells of changes.
 */
#include "guest-agent/session/display.h"
#include "guest-agent/session/display/mutter_state.h"
#include "protocol/base/bytes.h"
#include "protocol/bus/bus_loop.h"
#include "protocol/pump/pump.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME	"org.gnome.Mutter.DisplayConfig"
#define WAIT_MS 10000

/* --- The peer ------------------------------------------------------------------------------- */

struct fake {
	dbus_uint32_t serial;
	dbus_int32_t x[2];
	double scale[2];
	dbus_bool_t primary[2];
	unsigned int size[2]; /* place among the modes */
	bool on[2];
	bool stale; /* once: the serial it tells is not the one it takes */
	bool malformed;
};

static const struct {
	const char *id;
	dbus_int32_t width, height;
} modes[] = {{"1024x768@60", 1024, 768}, {"1440x900@60", 1440, 900}};

static void put_property(DBusMessageIter *dict, const char *key, const char *signature, int type,
			 const void *value)
{
	DBusMessageIter entry, variant;

	dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
	dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
	dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant);
	dbus_message_iter_append_basic(&variant, type, value);
	dbus_message_iter_close_container(&entry, &variant);
	dbus_message_iter_close_container(dict, &entry);
}

static void put_mode(const struct fake *fake, DBusMessageIter *list, unsigned int which,
		     unsigned int place)
{
	static const double refresh = 60, preferred = 1, scales[] = {1, 1.2548, 2};
	const dbus_bool_t current = TRUE;
	const double *first = scales;
	DBusMessageIter mode, inner;

	dbus_message_iter_open_container(list, DBUS_TYPE_STRUCT, NULL, &mode);
	dbus_message_iter_append_basic(&mode, DBUS_TYPE_STRING, &modes[place].id);
	dbus_message_iter_append_basic(&mode, DBUS_TYPE_INT32, &modes[place].width);
	dbus_message_iter_append_basic(&mode, DBUS_TYPE_INT32, &modes[place].height);
	dbus_message_iter_append_basic(&mode, DBUS_TYPE_DOUBLE, &refresh);
	dbus_message_iter_append_basic(&mode, DBUS_TYPE_DOUBLE, &preferred);
	dbus_message_iter_open_container(&mode, DBUS_TYPE_ARRAY, "d", &inner);
	dbus_message_iter_append_fixed_array(&inner, DBUS_TYPE_DOUBLE, &first, 3);
	dbus_message_iter_close_container(&mode, &inner);
	dbus_message_iter_open_container(&mode, DBUS_TYPE_ARRAY, "{sv}", &inner);
	if (fake->size[which] == place)
		put_property(&inner, "is-current", "b", DBUS_TYPE_BOOLEAN, &current);
	dbus_message_iter_close_container(&mode, &inner);
	dbus_message_iter_close_container(list, &mode);
}

static void put_identity(DBusMessageIter *list, unsigned int which)
{
	static const char *const connectors[] = {"Virtual-1", "Virtual-2"};
	const char *empty = "";
	DBusMessageIter identity;

	dbus_message_iter_open_container(list, DBUS_TYPE_STRUCT, NULL, &identity);
	dbus_message_iter_append_basic(&identity, DBUS_TYPE_STRING, &connectors[which]);
	for (unsigned int i = 0; i < 3; i++)
		dbus_message_iter_append_basic(&identity, DBUS_TYPE_STRING, &empty);
	dbus_message_iter_close_container(list, &identity);
}

static void put_nothing(DBusMessageIter *iter)
{
	DBusMessageIter inner;

	dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &inner);
	dbus_message_iter_close_container(iter, &inner);
}

static void put_logical(const struct fake *fake, DBusMessageIter *list, unsigned int which)
{
	const dbus_int32_t y = 0;
	const dbus_uint32_t transform = 0;
	DBusMessageIter logical, monitors;

	dbus_message_iter_open_container(list, DBUS_TYPE_STRUCT, NULL, &logical);
	dbus_message_iter_append_basic(&logical, DBUS_TYPE_INT32, &fake->x[which]);
	dbus_message_iter_append_basic(&logical, DBUS_TYPE_INT32, &y);
	dbus_message_iter_append_basic(&logical, DBUS_TYPE_DOUBLE, &fake->scale[which]);
	dbus_message_iter_append_basic(&logical, DBUS_TYPE_UINT32, &transform);
	dbus_message_iter_append_basic(&logical, DBUS_TYPE_BOOLEAN, &fake->primary[which]);
	dbus_message_iter_open_container(&logical, DBUS_TYPE_ARRAY, "(ssss)", &monitors);
	put_identity(&monitors, which);
	dbus_message_iter_close_container(&logical, &monitors);
	put_nothing(&logical);
	dbus_message_iter_close_container(list, &logical);
}

static void put_state(const struct fake *fake, DBusMessage *reply)
{
	const dbus_uint32_t layout_mode = 1, serial = fake->serial - (fake->stale ? 1 : 0);
	DBusMessageIter iter, list, monitor, inner;

	dbus_message_iter_init_append(reply, &iter);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_UINT32, &serial);
	if (fake->malformed)
		return;
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "((ssss)a(siiddada{sv})a{sv})",
					 &list);
	for (unsigned int which = 0; which < 2; which++) {
		dbus_message_iter_open_container(&list, DBUS_TYPE_STRUCT, NULL, &monitor);
		put_identity(&monitor, which);
		dbus_message_iter_open_container(&monitor, DBUS_TYPE_ARRAY, "(siiddada{sv})",
						 &inner);
		for (unsigned int place = 0; place < ARRAY_SIZE(modes); place++)
			put_mode(fake, &inner, which, place);
		dbus_message_iter_close_container(&monitor, &inner);
		put_nothing(&monitor);
		dbus_message_iter_close_container(&list, &monitor);
	}
	dbus_message_iter_close_container(&iter, &list);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "(iiduba(ssss)a{sv})", &list);
	for (unsigned int which = 0; which < 2; which++) {
		if (fake->on[which])
			put_logical(fake, &list, which);
	}
	dbus_message_iter_close_container(&iter, &list);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &inner);
	put_property(&inner, "layout-mode", "u", DBUS_TYPE_UINT32, &layout_mode);
	dbus_message_iter_close_container(&iter, &inner);
}

static void take_monitor(struct fake *fake, DBusMessageIter *logical, dbus_int32_t x, double scale,
			 dbus_bool_t primary)
{
	DBusMessageIter monitors, monitor;
	const char *connector, *mode;
	unsigned int which;

	dbus_message_iter_recurse(logical, &monitors);
	dbus_message_iter_recurse(&monitors, &monitor);
	dbus_message_iter_get_basic(&monitor, &connector);
	dbus_message_iter_next(&monitor);
	dbus_message_iter_get_basic(&monitor, &mode);
	which = strcmp(connector, "Virtual-1") == 0 ? 0 : 1;
	fake->on[which] = true;
	fake->x[which] = x;
	fake->scale[which] = scale;
	fake->primary[which] = primary;
	fake->size[which] = strcmp(mode, modes[0].id) == 0 ? 0 : 1;
}

static bool configure(struct fake *fake, DBusMessage *call)
{
	DBusMessageIter iter, list;
	dbus_uint32_t serial, method;

	if (!dbus_message_has_signature(call, "uua(iiduba(ssa{sv}))a{sv}"))
		return false;
	dbus_message_iter_init(call, &iter);
	dbus_message_iter_get_basic(&iter, &serial);
	dbus_message_iter_next(&iter);
	dbus_message_iter_get_basic(&iter, &method);
	dbus_message_iter_next(&iter);
	fake->stale = false;
	if (serial != fake->serial || method != 1)
		return false;
	fake->on[0] = fake->on[1] = false;
	dbus_message_iter_recurse(&iter, &list);
	while (dbus_message_iter_get_arg_type(&list) != DBUS_TYPE_INVALID) {
		DBusMessageIter logical;
		dbus_int32_t x;
		double scale;
		dbus_bool_t primary;

		dbus_message_iter_recurse(&list, &logical);
		dbus_message_iter_get_basic(&logical, &x);
		dbus_message_iter_next(&logical);
		dbus_message_iter_next(&logical);
		dbus_message_iter_get_basic(&logical, &scale);
		dbus_message_iter_next(&logical);
		dbus_message_iter_next(&logical);
		dbus_message_iter_get_basic(&logical, &primary);
		dbus_message_iter_next(&logical);
		take_monitor(fake, &logical, x, scale, primary);
		dbus_message_iter_next(&list);
	}
	fake->serial++;
	return true;
}

static void tell_change(DBusConnection *bus)
{
	DBusMessage *signal =
		dbus_message_new_signal("/org/gnome/Mutter/DisplayConfig", NAME, "MonitorsChanged");

	dbus_connection_send(bus, signal, NULL);
	dbus_message_unref(signal);
}

static DBusHandlerResult on_call(DBusConnection *bus, DBusMessage *call, void *owner)
{
	struct fake *fake = owner;
	DBusMessage *reply = NULL;

	if (dbus_message_is_method_call(call, NAME, "GetCurrentState")) {
		reply = dbus_message_new_method_return(call);
		put_state(fake, reply);
	} else if (dbus_message_is_method_call(call, NAME, "ApplyMonitorsConfig")) {
		if (configure(fake, call)) {
			tell_change(bus);
			reply = dbus_message_new_method_return(call);
		} else {
			reply = dbus_message_new_error(call, DBUS_ERROR_ACCESS_DENIED, "stale");
		}
	} else if (dbus_message_is_method_call(call, NAME, "TestChange")) {
		/* As when a monitor is plugged in: the other mode. */
		fake->size[0] = 1;
		fake->serial++;
		tell_change(bus);
	} else {
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	}
	if (reply) {
		dbus_connection_send(bus, reply, NULL);
		dbus_message_unref(reply);
	}
	return DBUS_HANDLER_RESULT_HANDLED;
}

static void on_connection(DBusServer *server, DBusConnection *bus, void *fake)
{
	DBusConnection **place = dbus_server_get_data(server, 0);

	(void)fake;
	*place = dbus_connection_ref(bus);
}

/* Says its address on @fd and serves one connection. */
static void serve(struct fake fake, int fd)
{
	DBusServer *server = dbus_server_listen("unix:tmpdir=/tmp", NULL);
	char *address = dbus_server_get_address(server);
	DBusConnection *bus = NULL;
	dbus_int32_t slot = -1;
	uv_loop_t loop;

	dbus_server_allocate_data_slot(&slot);
	dbus_server_set_data(server, slot, &bus, NULL);
	dbus_server_set_new_connection_function(server, on_connection, NULL, NULL);
	uv_loop_init(&loop);
	bus_loop_add_server(&loop, server);
	if (write(fd, address, strlen(address) + 1) < 0)
		return;
	while (!bus)
		uv_run(&loop, UV_RUN_ONCE);
	dbus_server_disconnect(server);
	dbus_connection_add_filter(bus, on_call, &fake, NULL);
	bus_loop_add_connection(&loop, bus);
	while (dbus_connection_get_is_connected(bus))
		uv_run(&loop, UV_RUN_ONCE);
}

static pid_t start_fake(struct fake fake, char *address, size_t capacity)
{
	int fds[2];
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		serve(fake, fds[1]);
		_exit(0);
	}
	ck_assert_int_gt(read(fds[0], address, capacity), 0);
	close(fds[0]);
	close(fds[1]);
	return child;
}

/* --- The backend, under a display of the test ------------------------------------------------ */

struct display {
	uv_loop_t loop;
	uv_timer_t watchdog;
	bool expired;
	unsigned int changes, applied, over;
	int error;
	const char *text;
	struct service_context context;
	struct environment environment;
	void *state;
	pid_t fake;
};

/* In place of the service's. */
void display_changed(struct display *display)
{
	display->changes++;
}

void display_applied(struct display *display, int error, const char *text)
{
	display->applied++;
	display->error = error;
	display->text = text;
}

static void on_over(void *owner)
{
	((struct display *)owner)->over = 1;
}

static void on_watchdog(uv_timer_t *timer)
{
	((struct display *)timer->data)->expired = true;
}

static void wait_for(struct display *display, const unsigned int *count, unsigned int wanted)
{
	display->expired = false;
	uv_timer_start(&display->watchdog, on_watchdog, WAIT_MS, 0);
	while (*count < wanted && !display->expired)
		uv_run(&display->loop, UV_RUN_ONCE);
	uv_timer_stop(&display->watchdog);
	ck_assert(!display->expired);
}

static int setup_with(struct display *display, struct fake fake)
{
	char address[256];

	*display = (struct display){0};
	display->fake = start_fake(fake, address, sizeof(address));
	uv_loop_init(&display->loop);
	uv_timer_init(&display->loop, &display->watchdog);
	display->watchdog.data = display;
	display->context = (struct service_context){
		.loop = &display->loop,
		.environment = &display->environment,
		.bus = dbus_connection_open_private(address, NULL),
		.over = on_over,
		.owner = display,
	};
	ck_assert_ptr_nonnull(display->context.bus);
	dbus_connection_set_exit_on_disconnect(display->context.bus, FALSE);
	ck_assert(bus_loop_add_connection(&display->loop, display->context.bus));
	return display_mutter.start(&display->context, display, &display->state);
}

static const struct fake usual = {
	.serial = 7,
	.x = {0, 1024},
	.scale = {1, 1},
	.primary = {TRUE, FALSE},
	.on = {true, true},
};

static void teardown(struct display *display)
{
	if (display->state)
		display_mutter.stop(display->state);
	dbus_connection_close(display->context.bus);
	dbus_connection_unref(display->context.bus);
	kill(display->fake, SIGKILL);
	waitpid(display->fake, NULL, 0);
	uv_close((uv_handle_t *)&display->watchdog, NULL);
	uv_run(&display->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&display->loop), 0);
}

START_TEST(the_state_is_read)
{
	struct head_list heads = {0};
	struct display display;

	ck_assert_int_eq(setup_with(&display, usual), 0);
	ck_assert(!display_mutter.read(display.state, &heads));
	ck_assert_uint_eq(heads.count, 2);
	ck_assert_str_eq(heads.heads[0].connector, "Virtual-1");
	ck_assert(heads.heads[0].enabled && heads.heads[0].primary);
	ck_assert_uint_eq(heads.heads[0].width, 1024);
	ck_assert_uint_eq(heads.heads[1].head, 1);
	ck_assert_int_eq(heads.heads[1].x, 1024);
	ck_assert_uint_eq(heads.heads[1].scale_milli, 1000);
	teardown(&display);
}
END_TEST

START_TEST(a_change_is_told_with_its_state)
{
	DBusMessage *call = dbus_message_new_method_call(NAME, "/x", NAME, "TestChange");
	struct head_list heads = {0};
	struct display display;

	ck_assert_int_eq(setup_with(&display, usual), 0);
	dbus_message_set_no_reply(call, TRUE);
	dbus_connection_send(display.context.bus, call, NULL);
	dbus_message_unref(call);
	wait_for(&display, &display.changes, 1);
	display_mutter.read(display.state, &heads);
	ck_assert_uint_eq(heads.heads[0].width, 1440);
	teardown(&display);
}
END_TEST

static struct head_list wanted(void)
{
	return (struct head_list){
		.count = 2,
		.heads = {{.head = 0,
			   .enabled = true,
			   .width = 1440,
			   .height = 900,
			   .scale_milli = 1250},
			  {.head = 1,
			   .enabled = true,
			   .primary = true,
			   .x = 1152, /* 1440 / 1.25 */
			   .width = 1024,
			   .height = 768,
			   .scale_milli = 1000}},
	};
}

static void check_applied(struct display *display)
{
	const struct head_list want = wanted();
	struct head_list heads = {0};

	display_mutter.apply(display->state, &want);
	wait_for(display, &display->applied, 1);
	ck_assert_int_eq(display->error, 0);
	display_mutter.read(display->state, &heads);
	ck_assert_uint_eq(heads.heads[0].width, 1440);
	/* The nearest scale that the mode has, and places reckoned with that. */
	ck_assert_uint_eq(heads.heads[0].scale_milli, 1255);
	ck_assert_int_eq(heads.heads[1].x, 1148);
	ck_assert(heads.heads[1].primary && !heads.heads[0].primary);
}

START_TEST(a_configuration_is_applied)
{
	struct display display;

	ck_assert_int_eq(setup_with(&display, usual), 0);
	check_applied(&display);
	teardown(&display);
}
END_TEST

START_TEST(an_old_serial_is_tried_again)
{
	struct fake fake = usual;
	struct display display;

	fake.stale = true;
	ck_assert_int_eq(setup_with(&display, fake), 0);
	check_applied(&display);
	teardown(&display);
}
END_TEST

START_TEST(a_head_is_turned_off)
{
	struct head_list want = wanted(), heads = {0};
	struct display display;

	want.heads[0].enabled = false;
	want.heads[1].x = 0;
	ck_assert_int_eq(setup_with(&display, usual), 0);
	display_mutter.apply(display.state, &want);
	wait_for(&display, &display.applied, 1);
	ck_assert_int_eq(display.error, 0);
	display_mutter.read(display.state, &heads);
	ck_assert(!heads.heads[0].enabled);
	ck_assert_int_eq(heads.heads[1].x, 0);
	teardown(&display);
}
END_TEST

START_TEST(a_mode_that_is_not_there_needs_a_replug)
{
	struct head_list want = wanted();
	struct display display;

	want.heads[0].width = 1366;
	ck_assert_int_eq(setup_with(&display, usual), 0);
	display_mutter.apply(display.state, &want);
	wait_for(&display, &display.applied, 1);
	ck_assert_int_eq(display.error, -EAGAIN);
	ck_assert_str_eq(display.text, "replug");
	teardown(&display);
}
END_TEST

START_TEST(an_answer_of_another_kind_is_no_mutter)
{
	struct fake fake = usual;
	struct display display;

	fake.malformed = true;
	ck_assert_int_eq(setup_with(&display, fake), -EBADMSG);
	teardown(&display);
}
END_TEST

START_TEST(a_mutter_that_goes_ends_the_session)
{
	struct head_list want = wanted();
	struct display display;

	ck_assert_int_eq(setup_with(&display, usual), 0);
	kill(display.fake, SIGKILL);
	display_mutter.apply(display.state, &want);
	wait_for(&display, &display.over, 1);
	teardown(&display);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("mutter");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, the_state_is_read);
	tcase_add_test(tc, a_change_is_told_with_its_state);
	tcase_add_test(tc, a_configuration_is_applied);
	tcase_add_test(tc, an_old_serial_is_tried_again);
	tcase_add_test(tc, a_head_is_turned_off);
	tcase_add_test(tc, a_mode_that_is_not_there_needs_a_replug);
	tcase_add_test(tc, an_answer_of_another_kind_is_no_mutter);
	tcase_add_test(tc, a_mutter_that_goes_ends_the_session);
	return suite_run_case("mutter", tc);
}
