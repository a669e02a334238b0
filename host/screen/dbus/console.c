/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine, its consoles, their keyboards and mice: what viewers read, and what they send. */
#include "host/screen/dbus/internal.h"

#include "host/screen/scancode.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <linux/input-event-codes.h>

static bool put_string(DBusMessageIter *value, const char *text)
{
	return dbus_message_iter_append_basic(value, DBUS_TYPE_STRING, &text);
}

static bool put_number(DBusMessageIter *value, uint32_t number)
{
	return dbus_message_iter_append_basic(value, DBUS_TYPE_UINT32, &number);
}

/* --- VM --------------------------------------------------------------------------------------- */

unsigned int display_consoles(const struct dbus_viewer *viewer)
{
	return MAX(1U, screen_desktop(viewer->viewer.screen)->heads);
}

static bool put_name(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value)
{
	const char *name = screen_name(viewer->viewer.screen);

	(void)head;
	return put_string(value, dbus_validate_utf8(name, NULL) ? name : "?");
}

static bool put_uuid(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value)
{
	(void)head;
	return put_string(value, screen_uuid(viewer->viewer.screen));
}

static bool put_console_ids(const struct dbus_viewer *viewer, unsigned int head,
			    DBusMessageIter *value)
{
	unsigned int consoles = display_consoles(viewer);
	DBusMessageIter array;
	bool good = dbus_message_iter_open_container(value, DBUS_TYPE_ARRAY, "u", &array);

	(void)head;
	for (uint32_t i = 0; good && i < consoles; i++)
		good = put_number(&array, i);
	return good && dbus_message_iter_close_container(value, &array);
}

static bool put_nothing_more(const struct dbus_viewer *viewer, unsigned int head,
			     DBusMessageIter *value)
{
	(void)viewer;
	(void)head;
	return display_put_strings(value, NULL, 0);
}

const struct display_interface display_vm = {
	.name = "org.qemu.Display1.VM",
	.methods = (const struct display_method[]){{0}},
	.properties =
		(const struct display_property[]){
			{"Name", "s", put_name},
			{"UUID", "s", put_uuid},
			{"ConsoleIDs", "au", put_console_ids},
			{"Interfaces", "as", put_nothing_more},
			{0},
		},
};

/* --- Console ---------------------------------------------------------------------------------- */

static void register_listener(struct display_call *call)
{
	int result;

	if (call->fd_count != 1 || call->fds[0] < 0) {
		display_refuse(call, DBUS_ERROR_INVALID_ARGS, "a socket is needed");
		return;
	}
	result = dbus_listener_new(call->viewer, call->head, take_fd(&call->fds[0]));
	if (result == -EMFILE)
		display_refuse(call, DBUS_ERROR_LIMITS_EXCEEDED, "there are too many listeners");
	else if (result < 0)
		display_refuse(call, DBUS_ERROR_FAILED, "this cannot be listened by");
	else
		display_done(call);
}

static void set_ui_info(struct display_call *call)
{
	struct screen_wish wish = {0};
	__typeof__(&wish.head[0]) head = &wish.head[call->head];
	uint16_t width_mm, height_mm;
	int result;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT16, &width_mm, DBUS_TYPE_UINT16,
			      &height_mm, DBUS_TYPE_INT32, &head->x, DBUS_TYPE_INT32, &head->y,
			      DBUS_TYPE_UINT32, &head->width, DBUS_TYPE_UINT32, &head->height,
			      DBUS_TYPE_INVALID);
	head->named = true;
	head->enabled = head->width > 0 && head->height > 0;
	/* Viewers that do not care say 0,0 of every console. */
	head->placed = head->x != 0 || head->y != 0;
	head->width_mm = width_mm;
	head->height_mm = height_mm;
	result = screen_request(call->viewer->viewer.screen, &call->viewer->viewer,
				SCREEN_BY_VIEWER, &wish);
	if (result == -EPERM)
		display_refuse(call, DBUS_ERROR_ACCESS_DENIED, "this viewer may look only");
	else if (result < 0)
		display_refuse(call, DBUS_ERROR_INVALID_ARGS, "the machine cannot do that");
	else
		display_done(call);
}

static bool put_label(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value)
{
	char label[32];

	(void)viewer;
	snprintf(label, sizeof(label), "screen %u", head);
	return put_string(value, label);
}

static bool put_head(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value)
{
	(void)viewer;
	return put_number(value, head);
}

static bool put_type(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value)
{
	(void)viewer;
	(void)head;
	return put_string(value, "Graphic");
}

static bool put_width(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value)
{
	const struct desktop_head *shown = &screen_desktop(viewer->viewer.screen)->head[head];

	return put_number(value, shown->enabled ? shown->place.width : 0);
}

static bool put_height(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value)
{
	const struct desktop_head *shown = &screen_desktop(viewer->viewer.screen)->head[head];

	return put_number(value, shown->enabled ? shown->place.height : 0);
}

static bool put_address(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value)
{
	(void)viewer;
	(void)head;
	return put_string(value, "");
}

static bool put_console_interfaces(const struct dbus_viewer *viewer, unsigned int head,
				   DBusMessageIter *value)
{
	const char *const names[] = {display_keyboard.name, display_mouse.name};

	(void)viewer;
	(void)head;
	return display_put_strings(value, names, ARRAY_SIZE(names));
}

const struct display_interface display_console = {
	.name = "org.qemu.Display1.Console",
	.methods =
		(const struct display_method[]){
			{"RegisterListener", "h", "", "listener", register_listener},
			{"SetUIInfo", "qqiiuu", "", "width_mm height_mm xoff yoff width height",
			 set_ui_info},
			{0},
		},
	.properties =
		(const struct display_property[]){
			{"Label", "s", put_label},
			{"Head", "u", put_head},
			{"Type", "s", put_type},
			{"Width", "u", put_width},
			{"Height", "u", put_height},
			{"DeviceAddress", "s", put_address},
			{"Interfaces", "as", put_console_interfaces},
			{0},
		},
};

/* --- Keyboard --------------------------------------------------------------------------------- */

static uint32_t first_number(const struct display_call *call)
{
	uint32_t number = 0;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
	return number;
}

static void key(struct display_call *call, bool down)
{
	uint32_t code = scancode_to_evdev(first_number(call));

	if (code == KEY_RESERVED) {
		display_refuse(call, DBUS_ERROR_INVALID_ARGS, "there is no such key");
		return;
	}
	screen_key(&call->viewer->viewer, code, down);
	display_done(call);
}

static void press_key(struct display_call *call)
{
	key(call, true);
}

static void release_key(struct display_call *call)
{
	key(call, false);
}

static bool put_modifiers(const struct dbus_viewer *viewer, unsigned int head,
			  DBusMessageIter *value)
{
	uint32_t leds = screen_leds(viewer->viewer.screen);

	(void)head;
	return put_number(value, (leds >> LED_SCROLLL & 1U) | (leds >> LED_NUML & 1U) << 1 |
					 (leds >> LED_CAPSL & 1U) << 2);
}

const struct display_interface display_keyboard = {
	.name = "org.qemu.Display1.Keyboard",
	.methods =
		(const struct display_method[]){
			{"Press", "u", "", "keycode", press_key},
			{"Release", "u", "", "keycode", release_key},
			{0},
		},
	.properties =
		(const struct display_property[]){
			{"Modifiers", "u", put_modifiers},
			{0},
		},
};

/* --- Mouse ------------------------------------------------------------------------------------ */

/* By their numbers there; the screen's bit, or a click of the wheel. */
static const struct {
	int8_t bit; /* negative: of the wheel */
	int8_t dx, dy;
} buttons[] = {
	{0, 0, 0},   /* left */
	{1, 0, 0},   /* middle */
	{2, 0, 0},   /* right */
	{-1, 0, 1},  /* wheel up */
	{-1, 0, -1}, /* wheel down */
	{3, 0, 0},   /* side */
	{4, 0, 0},   /* extra */
	{-1, -1, 0}, /* wheel left */
	{-1, 1, 0},  /* wheel right */
};

static void button(struct display_call *call, bool down)
{
	struct dbus_viewer *viewer = call->viewer;
	uint32_t number = first_number(call);

	if (number >= ARRAY_SIZE(buttons)) {
		display_refuse(call, DBUS_ERROR_INVALID_ARGS, "there is no such button");
		return;
	}
	if (buttons[number].bit < 0) {
		if (down)
			screen_wheel(&viewer->viewer, buttons[number].dx, buttons[number].dy);
	} else {
		uint32_t bit = 1U << buttons[number].bit;

		viewer->buttons = down ? viewer->buttons | bit : viewer->buttons & ~bit;
		screen_motion(&viewer->viewer, 0, 0, viewer->buttons);
	}
	display_done(call);
}

static void press_button(struct display_call *call)
{
	button(call, true);
}

static void release_button(struct display_call *call)
{
	button(call, false);
}

static void set_position(struct display_call *call)
{
	struct dbus_viewer *viewer = call->viewer;
	const struct desktop_head *head = &screen_desktop(viewer->viewer.screen)->head[call->head];
	uint32_t x = 0, y = 0;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT32, &x, DBUS_TYPE_UINT32, &y,
			      DBUS_TYPE_INVALID);
	if (!head->enabled) {
		display_refuse(call, DBUS_ERROR_FAILED, "this console shows nothing");
		return;
	}
	screen_pointer(&viewer->viewer, head->place.x + MIN(x, head->place.width - 1),
		       head->place.y + MIN(y, head->place.height - 1), viewer->buttons);
	display_done(call);
}

/* QEMU refuses this where there is a tablet; here there is always a mouse beside it. */
static void move(struct display_call *call)
{
	int32_t dx = 0, dy = 0;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_INT32, &dx, DBUS_TYPE_INT32, &dy,
			      DBUS_TYPE_INVALID);
	screen_motion(&call->viewer->viewer, dx, dy, call->viewer->buttons);
	display_done(call);
}

static bool put_is_absolute(const struct dbus_viewer *viewer, unsigned int head,
			    DBusMessageIter *value)
{
	dbus_bool_t is_absolute = TRUE;

	(void)viewer;
	(void)head;
	return dbus_message_iter_append_basic(value, DBUS_TYPE_BOOLEAN, &is_absolute);
}

const struct display_interface display_mouse = {
	.name = "org.qemu.Display1.Mouse",
	.methods =
		(const struct display_method[]){
			{"Press", "u", "", "button", press_button},
			{"Release", "u", "", "button", release_button},
			{"SetAbsPosition", "uu", "", "x y", set_position},
			{"RelMotion", "ii", "", "dx dy", move},
			{0},
		},
	.properties =
		(const struct display_property[]){
			{"IsAbsolute", "b", put_is_absolute},
			{0},
		},
};
