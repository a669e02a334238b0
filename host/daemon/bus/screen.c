/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.lodge1.VM: the screen. Viewers are connected to the VM's lodge-screen, by a descriptor that
 * is handed out, or by a listener that they find by themselves.
 */
#include "host/daemon/bus/internal.h"

#include "host/daemon/lodged.h"
#include "host/daemon/screen/screen.h"
#include "host/screen/handoff.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* So long a lodge-screen may take to start. */
#define START_LIMIT_MS 10000
/* RFB's own password has no more. */
#define PASSWORD_LENGTH 8

const char *screen_state_text(const struct vm *vm)
{
	if (vm_screen_is_missing(vm->screen))
		return "off";
	return vm_screen_is_ready(vm->screen) ? "ready" : "starting";
}

/* --- When it is there ----------------------------------------------------------------------- */

static void fail_without_screen(struct call *call)
{
	struct vm *vm = call->vm;

	if (vm->state == VM_STOPPED)
		call_fail(call, BUS_ERROR(Failed), "'%s' has ended", vm->name);
	else if (!vm->screen)
		call_fail(call, BUS_ERROR(Failed), "'%s' was started without a display", vm->name);
	else if (vm_screen_is_missing(vm->screen))
		call_fail(call, BUS_ERROR(Failed),
			  "'%s' has no screen: lodge-screen is not installed beside lodged",
			  vm->name);
	else
		call_fail(call, BUS_ERROR(TimedOut),
			  "the screen of '%s' does not start; %s/screen.log may say why", vm->name,
			  vm->path);
}

/* Answers with an error, or waits: @go is called when the screen takes descriptors. */
static void when_ready(struct call *call, void (*go)(struct call *call, bool happened))
{
	if (vm_screen_is_ready(call->vm->screen))
		go(call, true);
	else if (vm_screen_is_missing(call->vm->screen) || call->vm->state == VM_STOPPED)
		fail_without_screen(call);
	else
		call_wait(call, &call->vm->screen_waiters, START_LIMIT_MS, go);
}

static void connect_control(struct call *call, bool happened)
{
	char path[PATH_MAX];
	int fd;

	if (!happened || !vm_screen_is_ready(call->vm->screen)) {
		fail_without_screen(call);
		return;
	}
	fd = vm_file(call->vm, SCREEN_CONTROL, path, sizeof(path));
	if (fd == 0)
		fd = connect_unix(path);
	if (fd < 0)
		call_fail(call, BUS_ERROR(Failed), "cannot connect to the screen of '%s': %s",
			  call->vm->name, error_text(fd));
	else
		call_reply_fd(call, fd);
}

static void control_when_ready(struct call *call)
{
	when_ready(call, connect_control);
}

void open_screen_control(struct call *call)
{
	call_with_port(call, BACKEND_PORT_SCREEN, control_when_ready);
}

/* --- What is asked for ---------------------------------------------------------------------- */

struct wish {
	const char *kind;
	const char *id, *address, *password, *tls;
	bool view_only;
};

static bool take_option(struct wish *wish, const char *name, DBusMessageIter *value)
{
	struct {
		const char *name, **text;
	} texts[] = {{"id", &wish->id},
		     {"address", &wish->address},
		     {"password", &wish->password},
		     {"tls", &wish->tls}};
	int type = dbus_message_iter_get_arg_type(value);
	dbus_bool_t flag;

	if (strcmp(name, "view_only") == 0 && type == DBUS_TYPE_BOOLEAN) {
		dbus_message_iter_get_basic(value, &flag);
		wish->view_only = flag;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (strcmp(texts[i].name, name) == 0 && type == DBUS_TYPE_STRING) {
			dbus_message_iter_get_basic(value, texts[i].text);
			return true;
		}
	}
	return false;
}

/* The texts stay the message's. Return: NULL, or the option that is no good. */
static const char *read_wish(DBusMessage *message, struct wish *wish)
{
	DBusMessageIter iter, dict, entry, value;
	const char *name;

	*wish = (struct wish){.id = "", .address = "", .password = "", .tls = "no"};
	dbus_message_iter_init(message, &iter);
	dbus_message_iter_get_basic(&iter, &wish->kind);
	dbus_message_iter_next(&iter);
	dbus_message_iter_recurse(&iter, &dict);
	for (; dbus_message_iter_get_arg_type(&dict) == DBUS_TYPE_DICT_ENTRY;
	     dbus_message_iter_next(&dict)) {
		dbus_message_iter_recurse(&dict, &entry);
		dbus_message_iter_get_basic(&entry, &name);
		dbus_message_iter_next(&entry);
		dbus_message_iter_recurse(&entry, &value);
		if (!take_option(wish, name, &value))
			return name;
	}
	return NULL;
}

/* --- A connection --------------------------------------------------------------------------- */

struct opening {
	struct call *call;
	int fd; /* the viewer's end */
};

static void opened(void *owner, int error, const char *text)
{
	struct opening *opening = owner;

	if (error) {
		call_fail(opening->call, BUS_ERROR(Failed), "%s", text);
		close(opening->fd);
	} else {
		call_reply_fd(opening->call, opening->fd);
	}
	free(opening);
}

static void connect_viewer(struct call *call, bool happened)
{
	_cleanup_close_ int near = -EBADF, far = -EBADF;
	struct opening *opening;
	struct wish wish;
	char text[128];
	int pair[2], r;

	if (!happened || !vm_screen_is_ready(call->vm->screen)) {
		fail_without_screen(call);
		return;
	}
	read_wish(call->message, &wish);
	opening = malloc(sizeof(*opening));
	if (!opening || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		free(opening);
		call_fail(call, BUS_ERROR(Failed), "no connection can be made");
		return;
	}
	near = pair[0];
	far = pair[1];
	*opening = (struct opening){call, near};
	snprintf(text, sizeof(text), "kind=%s-client\npeer=lodge\n%s", wish.kind,
		 wish.view_only ? "view_only=1\n" : "");
	r = vm_screen_hand_over(call->vm->screen, text, take_fd(&far), opened, opening);
	if (r == 0) {
		take_fd(&near);
		return;
	}
	free(opening);
	call_fail(call, BUS_ERROR(Failed), "the screen takes no viewer: %s", error_text(r));
}

static void viewer_when_ready(struct call *call)
{
	when_ready(call, connect_viewer);
}

void open_screen(struct call *call)
{
	struct wish wish;
	const char *bad = read_wish(call->message, &wish);

	if (strcmp(wish.kind, "vnc") != 0 && strcmp(wish.kind, "dbus") != 0)
		call_fail(call, BUS_ERROR(InvalidArgument), "OpenScreen knows vnc and dbus");
	else if (bad || wish.id[0] || wish.address[0] || wish.password[0])
		call_fail(call, BUS_ERROR(InvalidArgument),
			  "OpenScreen's one option is view_only (b)");
	else
		call_with_port(call, BACKEND_PORT_SCREEN, viewer_when_ready);
}

/* --- A listener ----------------------------------------------------------------------------- */

struct listening {
	struct call *call;
	struct viewer_listener listener;
};

static void reply_listener(struct call *call, const struct viewer_listener *listener)
{
	DBusMessage *reply = call_new_reply(call);
	char url[LISTENER_URL_SIZE];
	DBusMessageIter iter;

	dbus_message_iter_init_append(reply, &iter);
	append_text(&iter, listener->id);
	append_text(&iter, viewer_listener_url(listener, url));
	append_text(&iter, listener->secret);
	call_reply(call, reply);
}

static void listened(void *owner, int error, const char *text)
{
	struct listening *listening = owner;
	struct call *call = listening->call;

	if (error) {
		/* The VM may be ending, and its screen with it. */
		if (error != -ECONNRESET)
			vm_screen_close_listener(call->vm->screen, listening->listener.id, NULL,
						 NULL);
		call_fail(call, BUS_ERROR(Failed), "%s", text);
	} else {
		reply_listener(call, &listening->listener);
	}
	free(listening);
}

/* A browser's listener stays; the next who wants one like it gets the same. */
static const struct viewer_listener *find_web(const struct vm *vm, const char *id, bool view_only)
{
	const struct viewer_listener *listener = vm_screen_listener(vm->screen, id);

	return listener && listener->web && listener->view_only == view_only ? listener : NULL;
}

static void fill_listener(const struct wish *wish, const struct vm *vm,
			  struct viewer_listener *listener, char address[LISTENER_ADDRESS])
{
	listener->web = strcmp(wish->kind, "web") == 0;
	listener->view_only = wish->view_only;
	listener_tls_parse(wish->tls, &listener->tls);
	if (wish->id[0])
		strcpy(listener->id, wish->id);
	else
		make_secret(listener->id, 12);
	snprintf(address, LISTENER_ADDRESS, "%s", wish->address);
	if (strcmp(wish->address, "unix") == 0)
		snprintf(address, LISTENER_ADDRESS, "%s/viewer-%s", vm->path, listener->id);
	else if (listener->web)
		make_secret(listener->secret, LISTENER_TOKEN_LENGTH);
	else if (wish->password[0])
		strcpy(listener->secret, wish->password);
	else
		make_secret(listener->secret, PASSWORD_LENGTH);
}

static void start_listening(struct call *call, bool happened)
{
	char address[LISTENER_ADDRESS];
	const struct viewer_listener *old;
	struct listening *listening;
	struct wish wish;
	int r = -ENOMEM;

	if (!happened || !vm_screen_is_ready(call->vm->screen)) {
		fail_without_screen(call);
		return;
	}
	read_wish(call->message, &wish);
	old = wish.id[0] && !wish.address[0] && strcmp(wish.kind, "web") == 0
		      ? find_web(call->vm, wish.id, wish.view_only)
		      : NULL;
	if (old) {
		reply_listener(call, old);
		return;
	}
	listening = calloc(1, sizeof(*listening));
	if (listening) {
		listening->call = call;
		listening->listener.fd = -EBADF;
		fill_listener(&wish, call->vm, &listening->listener, address);
		r = vm_screen_listen(call->vm->screen, address, &listening->listener, listened,
				     listening);
	}
	if (r == 0)
		return;
	free(listening);
	call_fail(call, r == -EINVAL ? BUS_ERROR(InvalidArgument) : BUS_ERROR(Failed),
		  "cannot listen for viewers%s%s: %s", wish.address[0] ? " on " : "", wish.address,
		  error_text(r));
}

static bool is_plain(const char *text, size_t capacity)
{
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
	}
	return strlen(text) < capacity;
}

static void listen_when_ready(struct call *call)
{
	when_ready(call, start_listening);
}

void listen_screen(struct call *call)
{
	struct wish wish;
	const char *bad = read_wish(call->message, &wish);
	enum listener_tls tls;
	bool is_web = strcmp(wish.kind, "web") == 0;

	if (!is_web && strcmp(wish.kind, "vnc") != 0)
		call_fail(call, BUS_ERROR(InvalidArgument), "ListenScreen knows vnc and web");
	else if (bad)
		call_fail(call, BUS_ERROR(InvalidArgument),
			  "ListenScreen's options are id, address, password, tls (s) and view_only "
			  "(b)");
	else if ((wish.id[0] && !listener_id_is_valid(wish.id)) ||
		 !is_plain(wish.password, LISTENER_SECRET_MAX + 1) ||
		 !is_plain(wish.address, LISTENER_ADDRESS) || wish.address[0] == '/' ||
		 listener_tls_parse(wish.tls, &tls) < 0 || (is_web && wish.password[0]))
		call_fail(call, BUS_ERROR(InvalidArgument),
			  "ListenScreen: a value is not one that its option takes");
	else
		call_with_port(call, BACKEND_PORT_SCREEN, listen_when_ready);
}

static void closed(void *owner, int error, const char *text)
{
	call_done(owner, error == -ECONNRESET ? 0 : error, text);
}

void close_screen(struct call *call)
{
	const char *id;
	int r;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID);
	r = vm_screen_close_listener(call->vm->screen, id, closed, call);
	if (r == -ENOENT)
		call_fail(call, BUS_ERROR(NotFound), "'%s' has no listener '%.63s'", call->vm->name,
			  id);
	else if (r < 0)
		call_done(call, 0, ""); /* it is closed with the screen that is not there */
}
