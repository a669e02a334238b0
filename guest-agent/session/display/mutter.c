/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mutter - GNOME, on Wayland and on X11, by D-Bus (org.gnome.Mutter.DisplayConfig)
 *
 * Mutter reads monitors anew and takes their preferred mode, unless it has saved another for that
 * set of monitors. It tells that something has changed; its state, with a serial, is asked for
 * then. A configuration for an older serial is refused, and tried once more with the new state.
 */
#include "guest-agent/session/display.h"
#include "guest-agent/session/display/mutter_state.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME  "org.gnome.Mutter.DisplayConfig"
#define PATH  "/org/gnome/Mutter/DisplayConfig"
#define MATCH "type='signal',sender='" NAME "',interface='" NAME "',member='MonitorsChanged'"
#define OWNER_MATCH                                                                                \
	"type='signal',sender='" DBUS_SERVICE_DBUS "',member='NameOwnerChanged',arg0='" NAME "'"
#define FIRST_MS 3000
#define CALL_MS	 10000
#define TRIES	 3

struct mutter {
	const struct service_context *context;
	struct display *display;
	DBusConnection *bus;
	struct mutter_state state;
	DBusPendingCall *asked; /* for the state */
	bool ask_again;		/* it has changed since */
	DBusPendingCall *configured;
	bool applying;
	struct head_list wanted;
	unsigned int tries;
};

static void cleanup_message(DBusMessage **message)
{
	if (*message)
		dbus_message_unref(*message);
}

static DBusMessage *new_call(const char *method)
{
	DBusMessage *call = dbus_message_new_method_call(NAME, PATH, NAME, method);

	if (call)
		dbus_message_set_auto_start(call, FALSE);
	return call;
}

static void drop(DBusPendingCall **pending)
{
	if (!*pending)
		return;
	dbus_pending_call_cancel(*pending);
	dbus_pending_call_unref(*pending);
	*pending = NULL;
}

/* Take the answer of a call that has ended. */
static DBusMessage *take_answer(DBusPendingCall **pending)
{
	DBusMessage *answer = dbus_pending_call_steal_reply(*pending);

	dbus_pending_call_unref(*pending);
	*pending = NULL;
	return answer;
}

static int send_call(struct mutter *mutter, DBusMessage *call, DBusPendingCallNotifyFunction notify,
		     DBusPendingCall **pending)
{
	if (!dbus_connection_send_with_reply(mutter->bus, call, pending, CALL_MS))
		return -ENOMEM;
	/* Where the bus has just gone it has ended already, and would not notify. */
	if (!*pending || dbus_pending_call_get_completed(*pending))
		return -ENOTCONN;
	return dbus_pending_call_set_notify(*pending, notify, mutter, NULL) ? 0 : -ENOMEM;
}

/* --- The state ------------------------------------------------------------------------------ */

static void configure(struct mutter *mutter);
static void ask(struct mutter *mutter);

static int set_state(struct mutter *mutter, DBusMessage *answer)
{
	struct mutter_state state;
	int error = mutter_state_parse(answer, &state);

	if (error)
		return error;
	mutter_state_free(&mutter->state);
	mutter->state = state;
	return 0;
}

static void finish(struct mutter *mutter, int error, const char *text)
{
	mutter->applying = false;
	display_applied(mutter->display, error, text);
}

static void on_state(DBusPendingCall *pending, void *owner)
{
	struct mutter *mutter = owner;
	_cleanup_(cleanup_message) DBusMessage *answer = take_answer(&mutter->asked);

	(void)pending;
	if (set_state(mutter, answer) < 0)
		log_debug("Mutter told no state of its monitors");
	if (mutter->ask_again) {
		ask(mutter);
		return;
	}
	display_changed(mutter->display);
	if (!mutter->applying || mutter->configured)
		return;
	if (mutter->tries > 0)
		configure(mutter);
	else
		finish(mutter, 0, NULL);
}

static void ask(struct mutter *mutter)
{
	_cleanup_(cleanup_message) DBusMessage *call = NULL;

	mutter->ask_again = mutter->asked != NULL;
	if (mutter->asked)
		return;
	call = new_call("GetCurrentState");
	if (!call || send_call(mutter, call, on_state, &mutter->asked) < 0) {
		drop(&mutter->asked);
		if (mutter->applying)
			finish(mutter, -ENOTCONN, "Mutter cannot be asked");
	}
}

static bool mutter_read(void *state, struct head_list *heads)
{
	const struct mutter *mutter = state;

	mutter_state_heads(&mutter->state, heads);
	return mutter->state.pixels;
}

/* --- Configurations ------------------------------------------------------------------------- */

static void on_configured(DBusPendingCall *pending, void *owner)
{
	struct mutter *mutter = owner;
	_cleanup_(cleanup_message) DBusMessage *answer = take_answer(&mutter->configured);
	const bool failed = dbus_message_get_type(answer) == DBUS_MESSAGE_TYPE_ERROR;

	(void)pending;
	if (failed && --mutter->tries == 0) {
		log_debug("Mutter refuses: %s", dbus_message_get_error_name(answer));
		finish(mutter, -EIO, "Mutter refuses it");
		return;
	}
	if (!failed)
		mutter->tries = 0;
	/* What has become of it; or what it should have been made for. */
	ask(mutter);
}

static void configure(struct mutter *mutter)
{
	_cleanup_(cleanup_message) DBusMessage *call = new_call("ApplyMonitorsConfig");
	int error = call ? mutter_state_configure(&mutter->state, &mutter->wanted, call) : -ENOMEM;

	if (!error)
		error = send_call(mutter, call, on_configured, &mutter->configured);
	if (!error)
		return;
	drop(&mutter->configured);
	finish(mutter, error, error == -EAGAIN ? "replug" : NULL);
}

static void mutter_apply(void *state, const struct head_list *heads)
{
	struct mutter *mutter = state;

	/* One that came too late for its caller may still be under way. */
	drop(&mutter->configured);
	mutter->wanted = *heads;
	mutter->tries = TRIES;
	mutter->applying = true;
	configure(mutter);
}

/* --- The bus -------------------------------------------------------------------------------- */

static DBusHandlerResult on_message(DBusConnection *bus, DBusMessage *message, void *owner)
{
	struct mutter *mutter = owner;
	const char *name, *before, *now;

	(void)bus;
	if (dbus_message_is_signal(message, NAME, "MonitorsChanged"))
		ask(mutter);
	else if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
		mutter->context->over(mutter->context->owner);
	else if (dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged") &&
		 dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING,
				       &before, DBUS_TYPE_STRING, &now, DBUS_TYPE_INVALID) &&
		 strcmp(name, NAME) == 0 && !*now)
		mutter->context->over(mutter->context->owner);
	return DBUS_HANDLER_RESULT_NOT_YET_HANDLED; /* others may listen, too */
}

/* Waits: before there is a state there is nothing to do. */
static int get_first_state(struct mutter *mutter)
{
	_cleanup_(cleanup_message) DBusMessage *call = new_call("GetCurrentState"), *answer = NULL;

	if (!call)
		return -ENOMEM;
	answer = dbus_connection_send_with_reply_and_block(mutter->bus, call, FIRST_MS, NULL);
	return answer ? set_state(mutter, answer) : -ENOTSUP;
}

static int mutter_start(const struct service_context *context, struct display *display,
			void **state)
{
	_cleanup_free_ struct mutter *mutter = NULL;
	int error;

	if (!context->bus)
		return -ENOTSUP;
	mutter = calloc(1, sizeof(*mutter));
	if (!mutter)
		return -ENOMEM;
	mutter->context = context;
	mutter->display = display;
	mutter->bus = context->bus;
	/* Unheard errors: then changes go unnoticed until something is asked for. */
	dbus_bus_add_match(mutter->bus, MATCH, NULL);
	dbus_bus_add_match(mutter->bus, OWNER_MATCH, NULL);
	error = get_first_state(mutter);
	if (!error && !dbus_connection_add_filter(mutter->bus, on_message, mutter, NULL))
		error = -ENOMEM;
	if (error) {
		dbus_bus_remove_match(mutter->bus, MATCH, NULL);
		dbus_bus_remove_match(mutter->bus, OWNER_MATCH, NULL);
		mutter_state_free(&mutter->state);
		return error;
	}
	*state = take_ptr(mutter);
	return 0;
}

static void mutter_stop(void *state)
{
	struct mutter *mutter = state;

	dbus_connection_remove_filter(mutter->bus, on_message, mutter);
	drop(&mutter->asked);
	drop(&mutter->configured);
	mutter_state_free(&mutter->state);
	free(mutter);
}

const struct display_backend display_mutter = {
	.name = "mutter",
	.start = mutter_start,
	.stop = mutter_stop,
	.read = mutter_read,
	.apply = mutter_apply,
	.has_primary = true,
	.grace_ms = 500,
};
