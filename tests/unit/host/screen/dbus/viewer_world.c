/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/screen/dbus/viewer_world.h"

#include <sys/socket.h>

uv_loop_t loop;
struct screen *screen;
struct clipboard *clipboard;

/* --- The machine ------------------------------------------------------------------------------ */

struct machine machine;

static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
	size_t used = strlen(machine.log);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(machine.log + used, sizeof(machine.log) - used, format, arguments);
	va_end(arguments);
}

const char *noted(void)
{
	static char last[sizeof(machine.log)];

	memcpy(last, machine.log, sizeof(last));
	machine.log[0] = '\0';
	return last;
}

static void on_watch(struct source *source, bool watching)
{
	(void)source;
	machine.watching = watching;
}

static void on_key(struct source *source, uint32_t code, bool down)
{
	(void)source;
	note("key %u %d;", code, down);
}

static void on_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		       const struct rectangle *at)
{
	(void)source;
	(void)x;
	(void)y;
	note("pointer %u %u,%u;", head, at->x, at->y);
}

static void on_motion(struct source *source, int32_t dx, int32_t dy)
{
	(void)source;
	note("motion %d,%d;", dx, dy);
}

static void on_button(struct source *source, uint32_t code, bool down)
{
	(void)source;
	note("button %u %d;", code, down);
}

static void on_wheel(struct source *source, int32_t dx, int32_t dy)
{
	(void)source;
	note("wheel %d,%d;", dx, dy);
}

static void on_free(struct source *source)
{
	(void)source;
}

static const struct source_ops ops = {
	.name = "test",
	.watch = on_watch,
	.key = on_key,
	.pointer = on_pointer,
	.motion = on_motion,
	.button = on_button,
	.wheel = on_wheel,
	.free = on_free,
};

uint32_t pixel(uint32_t x, uint32_t y)
{
	return (x * 7 + y * 1031) & 0xffffff;
}

/* Fills a part of a head with the pattern, moved by @shift. */
void paint(unsigned int head, struct rectangle where, uint32_t shift)
{
	struct rectangle place;
	size_t stride;
	uint8_t *pixels = screen_pixels(screen, head, &place, &stride);

	ck_assert_ptr_nonnull(pixels);
	for (uint32_t y = where.y; y < where.y + where.height; y++) {
		for (uint32_t x = where.x; x < where.x + where.width; x++)
			store_le32(pixels + y * stride + x * 4UL, pixel(x, y) + shift);
	}
	screen_damaged(screen, head, &where);
}

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	(void)owner;
	ck_assert_int_eq(who, SCREEN_BY_VIEWER);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (wish->head[i].named)
			note("wish %u %d %ux%u %ux%umm;", i, wish->head[i].enabled,
			     wish->head[i].width, wish->head[i].height, wish->head[i].width_mm,
			     wish->head[i].height_mm);
	}
}

static void on_viewer_gone(void *owner, struct viewer *gone)
{
	(void)owner;
	clipboard_forget(clipboard, gone);
}

static const struct screen_hooks hooks = {.requested = on_requested, .viewer_gone = on_viewer_gone};

static void on_clipboard(void *owner, struct viewer *by)
{
	(void)owner;
	screen_clipboard_changed(screen, by);
}

/* --- The viewer ------------------------------------------------------------------------------- */

struct client viewer, listener;

void drop(DBusMessage **message)
{
	if (*message)
		dbus_message_unref(*message);
	*message = NULL;
}

static void answer_interfaces(struct client *client, DBusMessage *message)
{
	DBusMessage *answer = dbus_message_new_method_return(message);
	DBusMessageIter to, value, array;
	const char *name = DISPLAY "Listener.Unix.Map";

	dbus_message_iter_init_append(answer, &to);
	dbus_message_iter_open_container(&to, DBUS_TYPE_VARIANT, "as", &value);
	dbus_message_iter_open_container(&value, DBUS_TYPE_ARRAY, "s", &array);
	if (client->maps)
		dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &name);
	dbus_message_iter_close_container(&value, &array);
	dbus_message_iter_close_container(&to, &value);
	ck_assert_int_eq(bus_peer_send(client->peer, answer, -1), 0);
	dbus_message_unref(answer);
}

void answer(struct client *client, DBusMessage *message)
{
	bool refused = client->refuses_map && dbus_message_has_member(message, "ScanoutMap");
	DBusMessage *reply = refused ? dbus_message_new_error(message, DBUS_ERROR_FAILED, "no")
				     : dbus_message_new_method_return(message);

	ck_assert_int_eq(bus_peer_send(client->peer, reply, -1), 0);
	dbus_message_unref(reply);
}

static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	struct client *client = owner;
	size_t used = strlen(client->calls);

	snprintf(client->calls + used, sizeof(client->calls) - used, "%s;",
		 dbus_message_get_member(message));
	drop(&client->call);
	client->call = dbus_message_ref(message);
	if (count) {
		cleanup_close(&client->fd);
		client->fd = take_fd(&fds[0]);
	}
	if (dbus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get"))
		answer_interfaces(client, message);
	else if (client->answers && !dbus_message_get_no_reply(message))
		answer(client, message);
}

static void on_closed(void *owner, int error)
{
	struct client *client = owner;

	(void)error;
	client->closed++;
	bus_peer_free(take_ptr(client->peer));
}

static const struct bus_peer_handlers handlers = {NULL, on_message, NULL, on_closed};

static void on_reply(void *owner, DBusMessage *reply)
{
	struct client *client = owner;

	drop(&client->reply);
	client->reply = dbus_message_ref(reply);
}

void turn(unsigned int times)
{
	while (times--)
		uv_run(&loop, UV_RUN_NOWAIT);
}

/* Until offers have settled, and heads have gone dark. */
void settle(void)
{
	for (unsigned int i = 0; i < 60; i++) {
		turn(1);
		usleep(1000);
	}
}

const char *called(struct client *client)
{
	static char last[sizeof(client->calls)];

	memcpy(last, client->calls, sizeof(last));
	client->calls[0] = '\0';
	return last;
}

void connect_viewer(bool view_only)
{
	int fds[2];

	viewer.fd = -1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(dbus_viewer_accept(screen, fds[0], view_only, "test"), 0);
	ck_assert_int_eq(bus_peer_new(&loop, fds[1], false, &handlers, &viewer, &viewer.peer), 0);
	turn(10);
}

DBusMessage *new_call(const char *path, const char *interface, const char *member)
{
	char name[128];

	snprintf(name, sizeof(name), "%s%s", strchr(interface, '.') ? "" : DISPLAY, interface);
	return dbus_message_new_method_call(NULL, path, name, member);
}

/* Sends it and takes the answer; @message is gone. */
DBusMessage *ask(DBusMessage *message, int fd)
{
	drop(&viewer.reply);
	ck_assert_int_eq(bus_peer_call(viewer.peer, message, fd, on_reply, &viewer), 0);
	dbus_message_unref(message);
	turn(10);
	ck_assert_ptr_nonnull(viewer.reply);
	return viewer.reply;
}

void ck_done(DBusMessage *reply)
{
	ck_assert_msg(dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN, "%s",
		      dbus_message_get_error_name(reply));
}

void connect_listener(unsigned int console)
{
	DBusMessage *message;
	char path[64];
	int fds[2];

	listener.fd = -1;
	snprintf(path, sizeof(path), ROOT "/Console_%u", console);
	message = new_call(path, "Console", "RegisterListener");
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(bus_peer_new(&loop, fds[0], false, &handlers, &listener, &listener.peer),
			 0);
	ck_assert(dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &fds[1], DBUS_TYPE_INVALID));
	ck_done(ask(message, fds[1]));
	turn(20);
}

void world_setup(void)
{
	memset(&machine, 0, sizeof(machine));
	memset(&viewer, 0, sizeof(viewer));
	memset(&listener, 0, sizeof(listener));
	viewer.fd = listener.fd = -1;
	listener.answers = viewer.answers = true;
	uv_loop_init(&loop);
	screen = screen_new(&loop, "vm-1");
	clipboard = clipboard_new(&loop, on_clipboard, NULL);
	clipboard_set_policy(clipboard, (struct clipboard_policy){.to_guest = CLIPBOARD_ALL,
								  .to_host = CLIPBOARD_ALL});
	screen_set_clipboard(screen, clipboard);
	screen_set_hooks(screen, &hooks, NULL);
	machine.source.ops = &ops;
	machine.source.heads = DESKTOP_MAX_HEADS;
	screen_set_source(screen, &machine.source);
	screen_head_changed(screen, 0, 64, 48);
	paint(0, (struct rectangle){0, 0, 64, 48}, 0);
}

void world_teardown(void)
{
	bus_peer_free(viewer.peer);
	bus_peer_free(listener.peer);
	drop(&viewer.reply);
	drop(&viewer.call);
	drop(&listener.call);
	cleanup_close(&viewer.fd);
	cleanup_close(&listener.fd);
	turn(5);
	screen_free(screen);
	clipboard_free(clipboard);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	dbus_shutdown();
}

void ck_error(DBusMessage *reply, const char *name)
{
	ck_assert_int_eq(dbus_message_get_type(reply), DBUS_MESSAGE_TYPE_ERROR);
	ck_assert_str_eq(dbus_message_get_error_name(reply), name);
}
