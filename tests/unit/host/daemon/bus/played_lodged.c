/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/daemon/bus/played_lodged.h"

#include "host/daemon/descriptor.h"
#include "host/daemon/lodged.h"
#include "protocol/message.h"
#include "protocol/pump/pumped_session.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int listen_in(const char *folder, const char *file, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, file);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4) < 0)
		_exit(96);
	return fd;
}

/* --- The VMM, in the child ------------------------------------------------------------------ */

static struct {
	int listen_fd;
	uv_poll_t poll;
	uv_timer_t end;
	struct pumped_session *peer;
} vmm;

/* Not in a handler of its session. */
static void on_end(uv_timer_t *timer)
{
	(void)timer;
	pumped_session_free(vmm.peer);
	vmm.peer = NULL;
}

static void say_state(const char *state, const char *reason)
{
	struct vm_state message = {slice_of(state), slice_of(reason)};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_vm_state, &message, &writer);
	session_event(pumped_session_session(vmm.peer), "vm.state", cbor_written(&writer));
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	(void)owner;
	(void)params;
	if (slice_is(method, "vm.power-button")) {
		stream_fail(stream, EIO, "the button is stuck");
		return;
	}
	stream_reply(stream, (struct slice){NULL, 0});
	if (slice_is(method, "vm.pause"))
		say_state("paused", "");
	if (slice_is(method, "vm.resume"))
		say_state("running", "");
	if (slice_is(method, "vm.stop"))
		say_state("stopped", "killed");
	if (slice_is(method, "vm.stop")) {
		uv_timer_start(&vmm.end, on_end, 0, 0);
		close(vmm.listen_fd);
	}
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	static const struct pumped_session_handlers handlers = {.request = on_request};
	static const char *const capabilities[] = {"vm", NULL};
	const struct pumped_session_options options = {.loop = poll->loop,
						       .role = SESSION_GUEST,
						       .software = "lodge-vmm",
						       .capabilities = capabilities,
						       .handlers = &handlers};
	int fd = accept(vmm.listen_fd, NULL, NULL);

	(void)status;
	(void)events;
	if (fd >= 0 && pumped_session_new(&options, fd, &vmm.peer) < 0)
		_exit(97);
}

/* --- Its lodge-screen, in the child too ------------------------------------------------------- */

/* Says "ok" to whatever it is handed, and writes the packet to each viewer; "peer=nobody" and
 * tls=required are refused. */
static struct {
	uv_poll_t handoff_poll, packet_poll;
	int handoff, packets, control, listener;
} screen = {.packets = -1, .listener = -1};

static void on_packet(uv_poll_t *poll, int status, int events)
{
	char text[4096];
	struct iovec part = {text, sizeof(text) - 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(screen.packets, &message, 0);
	const char *answer = "ok";
	int fd = -1;

	(void)status;
	(void)events;
	if (length <= 0) {
		uv_poll_stop(poll);
		return;
	}
	text[length] = '\0';
	if (message.msg_controllen > 0)
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	if (strstr(text, "-client\n") && write(fd, text, (size_t)length) != length)
		_exit(94);
	if (strstr(text, "tls=required\n"))
		answer = "error=no credentials here";
	if (strstr(text, "-listener\n")) {
		screen.listener = fd;
		fd = -1;
	} else if (strstr(text, "kind=close\n")) {
		close(screen.listener);
	}
	if (fd >= 0)
		close(fd);
	if (write(screen.packets, answer, strlen(answer)) < 0)
		_exit(95);
}

static void on_handoff(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	screen.packets = accept(screen.handoff, NULL, NULL);
	uv_poll_init(poll->loop, &screen.packet_poll, screen.packets);
	uv_poll_start(&screen.packet_poll, UV_READABLE, on_packet);
}

static void make_screen(const char *folder)
{
	screen.handoff = listen_in(folder, "handoff.sock", SOCK_SEQPACKET);
	screen.control = listen_in(folder, "screen.sock", SOCK_STREAM);
}

static void make_folder(const char *runtime)
{
	struct descriptor descriptor = {.backend = "vmm", .pid = getpid(), .started_ns = 42};
	char folder[90], error[128];

	snprintf(folder, sizeof(folder), "%s/vm", runtime);
	mkdir(folder, 0700);
	snprintf(folder, sizeof(folder), "%s/vm/" VM_NAME, runtime);
	mkdir(folder, 0700);
	vm_option_set_text(&descriptor.options, vm_option_named("kernel"), "/boot/k");
	vm_option_set_text(&descriptor.options, vm_option_named("accel"), "kvm");
	vm_option_add(&descriptor.options, vm_option_named("forwards"), "2222:22");
	if (vm_options_complete(&descriptor.options, error, sizeof(error)) < 0 ||
	    descriptor_write(folder, &descriptor) < 0)
		_exit(91);
	descriptor_free(&descriptor);
	vmm.listen_fd = listen_in(folder, "control.sock", SOCK_STREAM);
	make_screen(folder);
}

static void serve(const char *runtime, int ready)
{
	static struct lodged lodged;

	make_folder(runtime);
	strcpy(lodged.runtime, runtime);
	if (lodged_start(&lodged) < 0)
		_exit(92);
	uv_poll_init(&lodged.loop, &vmm.poll, vmm.listen_fd);
	uv_poll_start(&vmm.poll, UV_READABLE, on_connection);
	uv_timer_init(&lodged.loop, &vmm.end);
	uv_poll_init(&lodged.loop, &screen.handoff_poll, screen.handoff);
	uv_poll_start(&screen.handoff_poll, UV_READABLE, on_handoff);
	if (write(ready, "+", 1) != 1)
		_exit(93);
	uv_run(&lodged.loop, UV_RUN_DEFAULT);
	_exit(0);
}

/* --- The caller ----------------------------------------------------------------------------- */

void played_lodged_start(struct played_lodged *lodged)
{
	DBusError error = DBUS_ERROR_INIT;
	char address[128], byte;
	int ends[2];

	strcpy(lodged->runtime, "/tmp/lodge-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(lodged->runtime));
	ck_assert_int_eq(pipe(ends), 0);
	lodged->child = fork();
	if (lodged->child == 0)
		serve(lodged->runtime, ends[1]);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	snprintf(address, sizeof(address), "unix:path=%s/lodged.sock", lodged->runtime);
	lodged->connection = dbus_connection_open_private(address, &error);
	ck_assert_ptr_nonnull(lodged->connection);
	dbus_connection_set_exit_on_disconnect(lodged->connection, FALSE);
}

void played_lodged_end(struct played_lodged *lodged)
{
	char folder[90];

	dbus_connection_close(lodged->connection);
	dbus_connection_unref(lodged->connection);
	kill(lodged->child, SIGKILL);
	waitpid(lodged->child, NULL, 0);
	snprintf(folder, sizeof(folder), "%s/vm/" VM_NAME, lodged->runtime);
	remove_folder(folder);
	snprintf(folder, sizeof(folder), "%s/vm", lodged->runtime);
	remove_folder(folder);
	remove_folder(lodged->runtime);
}

DBusMessage *new_call(const char *path, const char *interface, const char *method)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, path, interface, method);

	ck_assert_ptr_nonnull(message);
	return message;
}

DBusMessage *call(const struct played_lodged *lodged, DBusMessage *message, char error[128])
{
	DBusError problem = DBUS_ERROR_INIT;
	DBusMessage *reply;

	reply = dbus_connection_send_with_reply_and_block(lodged->connection, message, LIMIT_MS,
							  &problem);
	dbus_message_unref(message);
	snprintf(error, 128, "%s", reply ? "" : problem.name);
	dbus_error_free(&problem);
	return reply;
}

void expect_error(const struct played_lodged *lodged, DBusMessage *message, const char *name)
{
	char error[128];
	DBusMessage *reply = call(lodged, message, error);

	ck_assert_str_eq(error, name);
	ck_assert_ptr_null(reply);
}

void expect_done(const struct played_lodged *lodged, const char *path, const char *interface,
		 const char *method)
{
	char error[128];
	DBusMessage *reply = call(lodged, new_call(path, interface, method), error);

	ck_assert_str_eq(error, "");
	dbus_message_unref(reply);
}

DBusMessage *get_property(const char *path, const char *interface, const char *name)
{
	DBusMessage *message = new_call(path, DBUS_INTERFACE_PROPERTIES, "Get");

	dbus_message_append_args(message, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING, &name,
				 DBUS_TYPE_INVALID);
	return message;
}

void expect_text(const struct played_lodged *lodged, const char *name, const char *expected)
{
	char error[128];
	DBusMessage *reply = call(lodged, get_property(VM_PATH, VM, name), error);
	DBusMessageIter iter, value;
	const char *text;

	ck_assert_str_eq(error, "");
	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, &value);
	ck_assert_int_eq(dbus_message_iter_get_arg_type(&value), DBUS_TYPE_STRING);
	dbus_message_iter_get_basic(&value, &text);
	ck_assert_str_eq(text, expected);
	dbus_message_unref(reply);
}

void append_option(DBusMessageIter *iter, const char *key, const char *value)
{
	DBusMessageIter dict, entry, variant;

	dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	if (key) {
		dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
		dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &variant);
		dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &value);
		dbus_message_iter_close_container(&entry, &variant);
		dbus_message_iter_close_container(&dict, &entry);
	}
	dbus_message_iter_close_container(iter, &dict);
}
