/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/*
 * A hostile viewer over D-Bus, with a listener that is as hostile, and a desktop that changes
 * meanwhile. The input is a script: bytes as they are, calls with arguments made of what follows,
 * answers that nobody expects, things that happen in the machine.
 */
#include "host/screen/clipboard.h"
#include "host/screen/dbus/dbus_viewer.h"
#include "protocol/base/bytes.h"
#include "tests/fuzz/checked_source.h"

#include <dbus/dbus.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
	VIEW_ONLY = 1, /* of the first byte */
	RAW_START = 2, /* no handshake is done for it */
};

struct fuzz {
	uv_loop_t loop;
	struct screen *screen;
	struct clipboard *clipboard;
	struct source source;
	int fd[2]; /* the viewer's, its listener's */
	uint32_t serial;
	const uint8_t *at, *end;
};

/* --- The machine ------------------------------------------------------------------------------ */

static void check_wish(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	(void)owner;
	if (who != SCREEN_BY_VIEWER)
		abort();
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (wish->head[i].width > SCREEN_MAX_SIZE || wish->head[i].height > SCREEN_MAX_SIZE)
			abort();
	}
}

static void on_gone(void *owner, struct viewer *viewer)
{
	clipboard_forget(((struct fuzz *)owner)->clipboard, viewer);
}

static const struct screen_hooks hooks = {.requested = check_wish, .viewer_gone = on_gone};

static void on_clipboard(void *owner, struct viewer *by)
{
	screen_clipboard_changed(((struct fuzz *)owner)->screen, by);
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	(void)owner, (void)error, (void)bytes;
}

/* --- The viewer ------------------------------------------------------------------------------- */

static uint8_t next(struct fuzz *fuzz)
{
	return fuzz->at < fuzz->end ? *fuzz->at++ : 0;
}

/* Small numbers, and those at which things overflow. */
static uint32_t next_number(struct fuzz *fuzz)
{
	static const uint32_t limits[] = {0,	      1,	  0x7fffffff, 0x80000000,
					  0xffffffff, 0x10000000, 8192,	      65536};
	uint8_t byte = next(fuzz);

	return byte < 200 ? byte : limits[byte % ARRAY_SIZE(limits)];
}

static void drain(struct fuzz *fuzz)
{
	static uint8_t unread[1 << 16];

	for (unsigned int turns = 0; turns < 3; turns++) {
		uv_run(&fuzz->loop, UV_RUN_NOWAIT);
		for (size_t i = 0; i < ARRAY_SIZE(fuzz->fd); i++) {
			if (fuzz->fd[i] >= 0)
				while (recv(fuzz->fd[i], unread, sizeof(unread), MSG_DONTWAIT) > 0)
					;
		}
	}
}

/* @passed: a descriptor that goes along; or negative. */
static void say(struct fuzz *fuzz, int fd, const void *bytes, size_t length, int passed)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)bytes, length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd < 0 || length == 0)
		return;
	if (passed >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(int));
	}
	/* What does not fit is lost, which is one more thing that can happen. */
	if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
		return;
	drain(fuzz);
}

static void say_message(struct fuzz *fuzz, int fd, DBusMessage *message, int passed)
{
	char *bytes;
	int length;

	dbus_message_set_serial(message, ++fuzz->serial);
	if (dbus_message_marshal(message, &bytes, &length)) {
		say(fuzz, fd, bytes, (size_t)length, passed);
		dbus_free(bytes);
	}
	dbus_message_unref(message);
}

static void shake_hands(struct fuzz *fuzz, int fd)
{
	static const char lines[] = "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

	say(fuzz, fd, lines, sizeof(lines) - 1, -1);
}

static const char *const paths[] = {
	"/",
	"/org/qemu/Display1",
	"/org/qemu/Display1/VM",
	"/org/qemu/Display1/Console_0",
	"/org/qemu/Display1/Console_1",
	"/org/qemu/Display1/Clipboard",
};

static const struct {
	const char *interface, *member, *arguments;
} methods[] = {
	{"org.qemu.Display1.Console", "SetUIInfo", "qqiiuu"},
	{"org.qemu.Display1.Keyboard", "Press", "u"},
	{"org.qemu.Display1.Keyboard", "Release", "u"},
	{"org.qemu.Display1.Mouse", "Press", "u"},
	{"org.qemu.Display1.Mouse", "Release", "u"},
	{"org.qemu.Display1.Mouse", "SetAbsPosition", "uu"},
	{"org.qemu.Display1.Mouse", "RelMotion", "ii"},
	{"org.qemu.Display1.Clipboard", "Register", ""},
	{"org.qemu.Display1.Clipboard", "Unregister", ""},
	{"org.qemu.Display1.Clipboard", "Grab", "uua"},
	{"org.qemu.Display1.Clipboard", "Release", "u"},
	{"org.qemu.Display1.Clipboard", "Request", "ua"},
	{"org.freedesktop.DBus.Properties", "Get", "ss"},
	{"org.freedesktop.DBus.Properties", "GetAll", "s"},
	{"org.freedesktop.DBus.Introspectable", "Introspect", ""},
	{"org.freedesktop.DBus.ObjectManager", "GetManagedObjects", ""},
};

static const char *next_word(struct fuzz *fuzz)
{
	static const char *const words[] = {
		"text/plain",
		"text/plain;charset=utf-8",
		"image/png",
		"x",
		"",
		"Interfaces",
		"Width",
		"ConsoleIDs",
		"org.qemu.Display1.VM",
		"org.qemu.Display1.Console",
	};

	return words[next(fuzz) % ARRAY_SIZE(words)];
}

static void add_argument(struct fuzz *fuzz, DBusMessageIter *to, char type)
{
	uint32_t number = 0;
	uint16_t small;
	const char *word;
	DBusMessageIter array;

	switch (type) {
	case 'q':
		small = (uint16_t)next_number(fuzz);
		dbus_message_iter_append_basic(to, DBUS_TYPE_UINT16, &small);
		break;
	case 's':
		word = next_word(fuzz);
		dbus_message_iter_append_basic(to, DBUS_TYPE_STRING, &word);
		break;
	case 'a':
		dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "s", &array);
		for (unsigned int count = next(fuzz) % 80; count > 0; count--) {
			word = next_word(fuzz);
			dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &word);
		}
		dbus_message_iter_close_container(to, &array);
		break;
	default:
		number = next_number(fuzz);
		dbus_message_iter_append_basic(to, type, &number);
	}
}

static void call_method(struct fuzz *fuzz)
{
	size_t which = next(fuzz) % ARRAY_SIZE(methods);
	uint8_t where = next(fuzz);
	DBusMessage *message =
		dbus_message_new_method_call(NULL, paths[where % ARRAY_SIZE(paths)],
					     methods[which].interface, methods[which].member);
	DBusMessageIter to;

	dbus_message_set_no_reply(message, where & 0x80 ? TRUE : FALSE);
	dbus_message_iter_init_append(message, &to);
	for (const char *type = methods[which].arguments; *type; type++)
		add_argument(fuzz, &to, *type);
	say_message(fuzz, fuzz->fd[0], message, -1);
}

static void register_listener(struct fuzz *fuzz)
{
	DBusMessage *message = dbus_message_new_method_call(
		NULL, paths[3 + next(fuzz) % 2], "org.qemu.Display1.Console", "RegisterListener");
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &fds[1], DBUS_TYPE_INVALID);
	say_message(fuzz, fuzz->fd[0], message, fds[1]);
	close(fds[1]);
	if (fuzz->fd[1] >= 0)
		close(fuzz->fd[1]);
	fuzz->fd[1] = fds[0];
	shake_hands(fuzz, fuzz->fd[1]);
}

/* An answer, or an error, to whatever was asked with that serial. */
static void answer(struct fuzz *fuzz)
{
	uint8_t how = next(fuzz);
	DBusMessage *message = dbus_message_new(how & 1 ? DBUS_MESSAGE_TYPE_ERROR
							: DBUS_MESSAGE_TYPE_METHOD_RETURN);
	DBusMessageIter to, value, array;
	const char *map = "org.qemu.Display1.Listener.Unix.Map", *bytes = "some bytes";

	dbus_message_set_reply_serial(message, 1U + next(fuzz) % 16);
	if (how & 1)
		dbus_message_set_error_name(message, DBUS_ERROR_FAILED);
	dbus_message_iter_init_append(message, &to);
	if (how & 4) {
		dbus_message_iter_open_container(&to, DBUS_TYPE_VARIANT, "as", &value);
		dbus_message_iter_open_container(&value, DBUS_TYPE_ARRAY, "s", &array);
		dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &map);
		dbus_message_iter_close_container(&value, &array);
		dbus_message_iter_close_container(&to, &value);
	} else if (how & 8) {
		dbus_message_append_args(message, DBUS_TYPE_STRING, &map, DBUS_TYPE_ARRAY,
					 DBUS_TYPE_BYTE, &bytes, next(fuzz) % 10,
					 DBUS_TYPE_INVALID);
	}
	say_message(fuzz, fuzz->fd[how >> 1 & 1], message, -1);
}

static void say_raw(struct fuzz *fuzz)
{
	uint8_t which = next(fuzz);
	size_t wanted = next(fuzz), length = MIN(wanted, (size_t)(fuzz->end - fuzz->at));

	say(fuzz, fuzz->fd[which & 1], fuzz->at, length, which & 2 ? fuzz->fd[0] : -1);
	fuzz->at += length;
}

/* --- What happens in the machine -------------------------------------------------------------- */

static void paint(struct fuzz *fuzz, uint8_t how)
{
	struct rectangle place, part;
	size_t stride;
	uint8_t *pixels = screen_pixels(fuzz->screen, how & 1, &place, &stride);

	if (!pixels)
		return;
	part = (struct rectangle){how % place.width, how % place.height, how, how / 2U};
	screen_damaged(fuzz->screen, how & 1, &part);
}

static void set_cursor(struct fuzz *fuzz, uint8_t how)
{
	uint32_t pixels[32 * 32];
	struct desktop_cursor cursor = {
		.visible = how & 1,
		.width = 1U + how % 32,
		.height = 1U + how / 8,
		.hot_x = how,
		.x = how * 9,
		.y = -how,
		.pixels = pixels,
	};

	memset(pixels, how, sizeof(pixels));
	screen_set_cursor(fuzz->screen, how >> 1 & 1, &cursor);
}

static void happen(struct fuzz *fuzz)
{
	uint8_t what = next(fuzz), how = next(fuzz);
	struct clipboard_paste *paste;

	switch (what % 6) {
	case 0:
		paint(fuzz, how);
		break;
	case 1:
		screen_head_changed(fuzz->screen, how & 1, 1U + how, 1U + how / 3);
		break;
	case 2:
		screen_head_changed(fuzz->screen, 1, 0, 0);
		break;
	case 3:
		set_cursor(fuzz, how);
		break;
	case 4:
		screen_set_leds(fuzz->screen, how % 8);
		break;
	default:
		clipboard_paste(fuzz->clipboard, NULL, (enum clipboard_selection)(how & 1),
				CLIPBOARD_TEXT, 100, on_pasted, NULL, &paste);
		/* Offers settle. */
		screen_clipboard_changed(fuzz->screen, NULL);
	}
	drain(fuzz);
}

static void play(struct fuzz *fuzz)
{
	while (fuzz->at < fuzz->end) {
		switch (next(fuzz) % 8) {
		case 0:
			say_raw(fuzz);
			break;
		case 1:
			register_listener(fuzz);
			break;
		case 2:
		case 3:
			answer(fuzz);
			break;
		case 4:
		case 5:
			happen(fuzz);
			break;
		default:
			call_method(fuzz);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {.source = {.ops = &source_ops, .heads = DESKTOP_MAX_HEADS},
			    .at = bytes,
			    .end = bytes + size};
	uint8_t options = next(&fuzz);
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&fuzz.loop) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	fuzz.fd[0] = fds[0];
	fuzz.fd[1] = -1;
	fuzz.screen = screen_new(&fuzz.loop, "fuzz");
	fuzz.clipboard = clipboard_new(&fuzz.loop, on_clipboard, &fuzz);
	clipboard_set_policy(fuzz.clipboard, (struct clipboard_policy){.to_guest = CLIPBOARD_ALL,
								       .to_host = CLIPBOARD_ALL,
								       .primary = true});
	screen_set_clipboard(fuzz.screen, fuzz.clipboard);
	screen_set_hooks(fuzz.screen, &hooks, &fuzz);
	screen_set_source(fuzz.screen, &fuzz.source);
	screen_set_patience(fuzz.screen, 0);
	screen_head_changed(fuzz.screen, 0, 70, 50);
	if (dbus_viewer_accept(fuzz.screen, fds[1], options & VIEW_ONLY, "fuzz") < 0)
		abort();
	if (!(options & RAW_START))
		shake_hands(&fuzz, fuzz.fd[0]);
	play(&fuzz);
	for (size_t i = 0; i < ARRAY_SIZE(fuzz.fd); i++) {
		if (fuzz.fd[i] >= 0)
			close(fuzz.fd[i]);
	}
	uv_run(&fuzz.loop, UV_RUN_NOWAIT);
	screen_free(fuzz.screen);
	clipboard_free(fuzz.clipboard);
	uv_run(&fuzz.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&fuzz.loop) < 0)
		abort();
	return 0;
}
