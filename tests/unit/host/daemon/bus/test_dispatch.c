/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodged itself in a child process, called over its socket. It takes up one VM, whose control
 * socket the same child serves in the place of a lodge-vmm.
 */
#include "host/daemon/descriptor.h"
#include "host/daemon/lodged.h"
#include "protocol/base/cleanup.h"
#include "protocol/message.h"
#include "protocol/pump/pump.h"

#include <check.h>
#include <ctype.h>
#include <dbus/dbus.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define MANAGER	  "org.lodge1.Manager"
#define VM	  "org.lodge1.VM"
#define VM_NAME	  "a-vm.1"
#define VM_PATH	  "/org/lodge1/vm/a_2dvm_2e1"
#define LIMIT_MS  10000
#define API_FILE  "packaging/dbus/org.lodge1.xml"
#define TEXT_SIZE 65536

static char runtime[64];
static pid_t child;
static DBusConnection *connection;

/* --- The VMM, in the child ------------------------------------------------------------------ */

static struct {
	int listen_fd;
	uv_poll_t poll;
	struct session *session;
	struct pump *pump;
} vmm;

static void say_state(const char *state, const char *reason)
{
	struct vm_state message = {slice_of(state), slice_of(reason)};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_vm_state, &message, &writer);
	session_event(vmm.session, "vm.state", cbor_written(&writer));
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
		pump_free(vmm.pump);
		vmm.pump = NULL;
		close(vmm.listen_fd);
	}
}

static void on_wake(void *owner)
{
	(void)owner;
	pump_wake(vmm.pump);
}

static void ignore_peer(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
}

static void ignore_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static uint64_t on_random(void *owner)
{
	(void)owner;
	return random_u64();
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	static const struct pump_handlers handlers = {0};
	int fd = accept(vmm.listen_fd, NULL, NULL);

	(void)status;
	(void)events;
	if (fd >= 0 &&
	    pump_new(poll->loop, fd, false, vmm.session, &handlers, NULL, &vmm.pump) == 0)
		session_start(vmm.session);
}

static void make_vmm(const char *folder)
{
	static const struct session_handlers handlers = {.established = ignore_peer,
							 .lost = ignore_lost,
							 .request = on_request,
							 .wake = on_wake,
							 .random = on_random};
	static const char *const capabilities[] = {"vm", NULL};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", folder);
	vmm.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(vmm.listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(vmm.listen_fd, 1) < 0)
		_exit(90);
	vmm.session = session_new(SESSION_GUEST, "lodge-vmm", capabilities, &handlers, NULL);
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

static int listen_in(const char *folder, const char *file, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, file);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4) < 0)
		_exit(96);
	return fd;
}

static void make_screen(const char *folder)
{
	screen.handoff = listen_in(folder, "handoff.sock", SOCK_SEQPACKET);
	screen.control = listen_in(folder, "screen.sock", SOCK_STREAM);
}

static void make_folder(void)
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
	make_vmm(folder);
	make_screen(folder);
}

static void serve(int ready)
{
	static struct lodged lodged;

	make_folder();
	strcpy(lodged.runtime, runtime);
	if (lodged_start(&lodged) < 0)
		_exit(92);
	uv_poll_init(&lodged.loop, &vmm.poll, vmm.listen_fd);
	uv_poll_start(&vmm.poll, UV_READABLE, on_connection);
	uv_poll_init(&lodged.loop, &screen.handoff_poll, screen.handoff);
	uv_poll_start(&screen.handoff_poll, UV_READABLE, on_handoff);
	if (write(ready, "+", 1) != 1)
		_exit(93);
	uv_run(&lodged.loop, UV_RUN_DEFAULT);
	_exit(0);
}

/* --- The caller ----------------------------------------------------------------------------- */

static void start_lodged(void)
{
	DBusError error = DBUS_ERROR_INIT;
	char address[128], byte;
	int ends[2];

	strcpy(runtime, "/tmp/lodge-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(runtime));
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0)
		serve(ends[1]);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	snprintf(address, sizeof(address), "unix:path=%s/lodged.sock", runtime);
	connection = dbus_connection_open_private(address, &error);
	ck_assert_ptr_nonnull(connection);
	dbus_connection_set_exit_on_disconnect(connection, FALSE);
}

static void end_lodged(void)
{
	char folder[90];

	dbus_connection_close(connection);
	dbus_connection_unref(connection);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	snprintf(folder, sizeof(folder), "%s/vm/" VM_NAME, runtime);
	remove_folder(folder);
	snprintf(folder, sizeof(folder), "%s/vm", runtime);
	remove_folder(folder);
	remove_folder(runtime);
}

static DBusMessage *new_call(const char *path, const char *interface, const char *method)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, path, interface, method);

	ck_assert_ptr_nonnull(message);
	return message;
}

/* Consumes @message. The reply, or the error's name in @error (constant size). */
static DBusMessage *call(DBusMessage *message, char error[128])
{
	DBusError problem = DBUS_ERROR_INIT;
	DBusMessage *reply;

	reply = dbus_connection_send_with_reply_and_block(connection, message, LIMIT_MS, &problem);
	dbus_message_unref(message);
	snprintf(error, 128, "%s", reply ? "" : problem.name);
	dbus_error_free(&problem);
	return reply;
}

static void expect_error(DBusMessage *message, const char *name)
{
	char error[128];
	DBusMessage *reply = call(message, error);

	ck_assert_str_eq(error, name);
	ck_assert_ptr_null(reply);
}

static void expect_done(const char *path, const char *interface, const char *method)
{
	char error[128];
	DBusMessage *reply = call(new_call(path, interface, method), error);

	ck_assert_str_eq(error, "");
	dbus_message_unref(reply);
}

static DBusMessage *get_property(const char *path, const char *interface, const char *name)
{
	DBusMessage *message = new_call(path, DBUS_INTERFACE_PROPERTIES, "Get");

	dbus_message_append_args(message, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING, &name,
				 DBUS_TYPE_INVALID);
	return message;
}

static void expect_text(const char *name, const char *expected)
{
	char error[128];
	DBusMessage *reply = call(get_property(VM_PATH, VM, name), error);
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

/* --- Introspection -------------------------------------------------------------------------- */

/* One interface of an introspection text, without comments and without space between tags. */
static void extract(const char *xml, const char *interface, char text[TEXT_SIZE])
{
	char start[96];
	const char *at, *end;
	size_t length = 0;

	snprintf(start, sizeof(start), "<interface name=\"%s\">", interface);
	at = strstr(xml, start);
	ck_assert_ptr_nonnull(at);
	end = strstr(at, "</interface>");
	ck_assert_ptr_nonnull(end);
	while (at < end) {
		if (strncmp(at, "<!--", 4) == 0) {
			at = strstr(at, "-->") + 3;
		} else if (isspace((unsigned char)*at) &&
			   (length == 0 || text[length - 1] == '>')) {
			at++;
		} else {
			text[length++] = *at++;
		}
	}
	text[length] = '\0';
}

static void read_file(const char *name, char text[TEXT_SIZE])
{
	_cleanup_fclose_ FILE *file = fopen(name, "r");

	ck_assert_msg(file != NULL, "run from the top folder: no %s", name);
	text[fread(text, 1, TEXT_SIZE - 1, file)] = '\0';
}

static const struct {
	const char *path, *interface;
} objects[] = {{"/org/lodge1", MANAGER}, {VM_PATH, VM}};

START_TEST(introspection_is_the_published_api)
{
	static char published[TEXT_SIZE], ours[TEXT_SIZE], theirs[TEXT_SIZE];
	const char *xml;
	char error[128];
	DBusMessage *reply = call(
		new_call(objects[_i].path, DBUS_INTERFACE_INTROSPECTABLE, "Introspect"), error);

	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &xml, DBUS_TYPE_INVALID));
	extract(xml, objects[_i].interface, ours);
	read_file(API_FILE, published);
	extract(published, objects[_i].interface, theirs);
	ck_assert_str_eq(ours, theirs);
	dbus_message_unref(reply);
}
END_TEST

/* --- Calls ---------------------------------------------------------------------------------- */

START_TEST(a_vm_is_taken_up_and_found)
{
	DBusMessage *message = new_call("/org/lodge1", MANAGER, "GetVM"), *reply;
	const char *name = VM_NAME, *path;
	char error[128];

	dbus_message_append_args(message, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	reply = call(message, error);
	ck_assert_str_eq(error, "");
	dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
	ck_assert_str_eq(path, VM_PATH);
	dbus_message_unref(reply);
	expect_text("Name", VM_NAME);
	expect_text("State", "running");
	expect_text("Backend", "vmm");
	expect_text("Accelerator", "kvm");
	expect_text("Kernel", "/boot/k");
	expect_text("Agent", "");
}
END_TEST

START_TEST(all_vms_are_listed_with_all_properties)
{
	char error[128];
	DBusMessage *reply = call(new_call("/org/lodge1", MANAGER, "ListVMs"), error);
	DBusMessageIter iter, vms, vm, properties;
	const char *name;
	int count = 0;

	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_has_signature(reply, "a{sa{sv}}"));
	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, &vms);
	dbus_message_iter_recurse(&vms, &vm);
	dbus_message_iter_get_basic(&vm, &name);
	ck_assert_str_eq(name, VM_NAME);
	dbus_message_iter_next(&vm);
	dbus_message_iter_recurse(&vm, &properties);
	for (; dbus_message_iter_get_arg_type(&properties) != DBUS_TYPE_INVALID;
	     dbus_message_iter_next(&properties))
		count++;
	ck_assert_int_eq(count, 18);
	dbus_message_unref(reply);
}
END_TEST

START_TEST(commands_reach_the_vmm)
{
	expect_done(VM_PATH, VM, "Pause");
	expect_text("State", "paused");
	expect_done(VM_PATH, VM, "Resume");
	expect_text("State", "running");
}
END_TEST

START_TEST(the_end_is_told_to_who_waits)
{
	DBusMessage *wait = new_call(VM_PATH, VM, "Wait"), *reply;
	DBusPendingCall *pending;
	dbus_int32_t status;
	const char *reason;

	dbus_connection_send_with_reply(connection, wait, &pending, LIMIT_MS);
	dbus_message_unref(wait);
	expect_done(VM_PATH, VM, "Kill");
	dbus_pending_call_block(pending);
	reply = dbus_pending_call_steal_reply(pending);
	dbus_pending_call_unref(pending);
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &reason, DBUS_TYPE_INT32,
					&status, DBUS_TYPE_INVALID));
	ck_assert_str_eq(reason, "killed");
	ck_assert_int_eq(status, 10);
	dbus_message_unref(reply);
	/* It began long ago, so it does not linger. */
	expect_error(new_call(VM_PATH, VM, "Pause"), DBUS_ERROR_UNKNOWN_OBJECT);
}
END_TEST

/* --- The screen ----------------------------------------------------------------------------- */

static DBusMessage *screen_call(const char *method, const char *kind, const char *option,
				const char *value)
{
	DBusMessage *message = new_call(VM_PATH, VM, method);
	DBusMessageIter iter, dict, entry, variant;
	dbus_bool_t yes = TRUE;
	int type = value ? DBUS_TYPE_STRING : DBUS_TYPE_BOOLEAN;

	dbus_message_iter_init_append(message, &iter);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &kind);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	if (option) {
		dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &option);
		dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, value ? "s" : "b",
						 &variant);
		dbus_message_iter_append_basic(&variant, type,
					       value ? (const void *)&value : (const void *)&yes);
		dbus_message_iter_close_container(&entry, &variant);
		dbus_message_iter_close_container(&dict, &entry);
	}
	dbus_message_iter_close_container(&iter, &dict);
	return message;
}

START_TEST(a_viewer_is_handed_over)
{
	char error[128], text[256] = "";
	DBusMessage *reply = call(screen_call("OpenScreen", "vnc", "view_only", NULL), error);
	int fd = -1;

	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "kind=vnc-client\npeer=lodge\nview_only=1\n");
	close(fd);
	dbus_message_unref(reply);
	expect_text("Screen", "ready");
}
END_TEST

START_TEST(the_control_socket_is_handed_out)
{
	char error[128];
	DBusMessage *reply = call(new_call(VM_PATH, VM, "OpenScreenControl"), error);
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int fd = -1;

	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
	ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&address, &length), 0);
	ck_assert_ptr_nonnull(strstr(address.sun_path, "/screen.sock"));
	close(fd);
	dbus_message_unref(reply);
}
END_TEST

static void expect_listener(DBusMessage *message, char id[64], char address[256], char secret[64])
{
	const char *texts[3];
	char error[128];
	DBusMessage *reply = call(message, error);

	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &texts[0], DBUS_TYPE_STRING,
					&texts[1], DBUS_TYPE_STRING, &texts[2], DBUS_TYPE_INVALID));
	snprintf(id, 64, "%s", texts[0]);
	snprintf(address, 256, "%s", texts[1]);
	snprintf(secret, 64, "%s", texts[2]);
	dbus_message_unref(reply);
}

static int connect_port(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	ck_assert_int_eq(strncmp(address, "127.0.0.1:", 10), 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(address + 10));
	r = connect(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	return r;
}

static DBusMessage *close_call(const char *id)
{
	DBusMessage *message = new_call(VM_PATH, VM, "CloseScreen");

	dbus_message_append_args(message, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID);
	return message;
}

START_TEST(a_listener_comes_and_goes)
{
	char id[64], address[256], secret[64], error[128];
	DBusMessage *reply;

	expect_listener(screen_call("ListenScreen", "vnc", NULL, NULL), id, address, secret);
	ck_assert_uint_eq(strlen(secret), 8);
	ck_assert_int_eq(connect_port(address), 0);
	reply = call(close_call(id), error);
	ck_assert_str_eq(error, "");
	dbus_message_unref(reply);
	ck_assert_int_eq(connect_port(address), -1);
	expect_error(close_call(id), "org.lodge1.Error.NotFound");
}
END_TEST

START_TEST(a_browsers_listener_is_found_again)
{
	char id[2][64], address[2][256], secret[2][64], url[300];

	for (int i = 0; i < 2; i++)
		expect_listener(screen_call("ListenScreen", "web", "id", "w"), id[i], address[i],
				secret[i]);
	ck_assert_str_eq(id[0], "w");
	ck_assert_str_eq(address[0], address[1]);
	ck_assert_uint_eq(strlen(secret[0]), 32);
	snprintf(url, sizeof(url), "%.*s/#%s", (int)strcspn(address[0] + 7, "/") + 7, address[0],
		 secret[0]);
	ck_assert_str_eq(address[0], url);
}
END_TEST

static const struct {
	const char *method, *kind, *option, *value, *error;
} refusals[] = {
	{"OpenScreen", "spice", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"OpenScreen", "web", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"OpenScreen", "vnc", "password", "x", "org.lodge1.Error.InvalidArgument"},
	{"OpenScreen", "vnc", "colour", NULL, "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "dbus", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "id", "../x", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "password", "a\nkind=agent", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "address", "/tmp/anywhere", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "address", "elsewhere:1", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "tls", "maybe", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "web", "password", "x", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "tls", "required", "org.lodge1.Error.Failed"},
};

START_TEST(what_cannot_be_is_refused)
{
	expect_error(screen_call(refusals[_i].method, refusals[_i].kind, refusals[_i].option,
				 refusals[_i].value),
		     refusals[_i].error);
}
END_TEST

START_TEST(a_paused_guest_is_not_asked)
{
	DBusMessage *wait = new_call(VM_PATH, VM, "WaitAgent");
	dbus_uint32_t timeout_ms = 60000;

	expect_done(VM_PATH, VM, "Pause");
	expect_text("State", "paused");
	dbus_message_append_args(wait, DBUS_TYPE_UINT32, &timeout_ms, DBUS_TYPE_INVALID);
	expect_error(wait, "org.lodge1.Error.Busy");
	expect_error(new_call(VM_PATH, VM, "Ping"), "org.lodge1.Error.Busy");
	expect_error(new_call(VM_PATH, VM, "OpenAgent"), "org.lodge1.Error.Busy");
}
END_TEST

START_TEST(without_an_agent_there_is_no_connection)
{
	DBusMessage *message = new_call(VM_PATH, VM, "WaitAgent"), *reply;
	dbus_uint32_t timeout_ms = 10;
	dbus_bool_t answers = TRUE;
	char error[128];

	expect_error(new_call(VM_PATH, VM, "OpenAgent"), "org.lodge1.Error.AgentUnavailable");
	expect_error(new_call(VM_PATH, VM, "Ping"), "org.lodge1.Error.AgentUnavailable");
	dbus_message_append_args(message, DBUS_TYPE_UINT32, &timeout_ms, DBUS_TYPE_INVALID);
	reply = call(message, error);
	ck_assert_str_eq(error, "");
	dbus_message_get_args(reply, NULL, DBUS_TYPE_BOOLEAN, &answers, DBUS_TYPE_INVALID);
	ck_assert(!answers);
	dbus_message_unref(reply);
}
END_TEST

START_TEST(a_guest_that_does_not_stop_in_time_is_told_of)
{
	DBusMessage *message = new_call(VM_PATH, VM, "Stop");
	dbus_uint32_t timeout_ms = 50;

	dbus_message_append_args(message, DBUS_TYPE_UINT32, &timeout_ms, DBUS_TYPE_INVALID);
	expect_error(message, "org.lodge1.Error.TimedOut");
}
END_TEST

/* StartVM with one option of type text. */
static DBusMessage *start_call(const char *name, const char *key, const char *value)
{
	DBusMessage *message = new_call("/org/lodge1", MANAGER, "StartVM");
	DBusMessageIter iter, dict, entry, variant;

	dbus_message_iter_init_append(message, &iter);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &name);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
	dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
	dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &variant);
	dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &value);
	dbus_message_iter_close_container(&entry, &variant);
	dbus_message_iter_close_container(&dict, &entry);
	dbus_message_iter_close_container(&iter, &dict);
	return message;
}

static const struct {
	const char *name, *key, *value, *error;
} bad_starts[] = {
	{VM_NAME, "kernel", "/k", "org.lodge1.Error.AlreadyExists"},
	{"../x", "kernel", "/k", "org.lodge1.Error.InvalidArgument"},
	{"-x", "kernel", "/k", "org.lodge1.Error.InvalidArgument"},
	{"a b", "kernel", "/k", "org.lodge1.Error.InvalidArgument"},
	{"x", "colour", "red", "org.lodge1.Error.InvalidArgument"},
	{"x", "cpus", "many", "org.lodge1.Error.InvalidArgument"},
	{"x", "accel", "tcg", "org.lodge1.Error.InvalidArgument"}, /* no kernel */
};

START_TEST(what_cannot_start_is_refused)
{
	expect_error(start_call(bad_starts[_i].name, bad_starts[_i].key, bad_starts[_i].value),
		     bad_starts[_i].error);
	/* And nothing is left of it. */
	expect_text("State", "running");
}
END_TEST

/* With one option of type text, or none. */
static DBusMessage *share_call(const char *name, const char *directory, const char *key,
			       const char *value)
{
	DBusMessage *message = new_call(VM_PATH, VM, "AddShare");
	DBusMessageIter iter, dict, entry, variant;

	dbus_message_iter_init_append(message, &iter);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &name);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &directory);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	if (key) {
		dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
		dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &variant);
		dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &value);
		dbus_message_iter_close_container(&entry, &variant);
		dbus_message_iter_close_container(&dict, &entry);
	}
	dbus_message_iter_close_container(&iter, &dict);
	return message;
}

static const struct {
	const char *name, *directory, *key, *value, *error;
} bad_shares[] = {
	{"", "/tmp", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"../x", "/tmp", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"x", "tmp", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"x", "/tmp", "at", "mnt", "org.lodge1.Error.InvalidArgument"},
	{"x", "/tmp", "cache", "sometimes", "org.lodge1.Error.InvalidArgument"},
	{"x", "/tmp", "owner", "me", "org.lodge1.Error.InvalidArgument"},
	{"x", "/tmp", "read_only", "yes", "org.lodge1.Error.InvalidArgument"},
	{"x", "/tmp", "colour", "red", "org.lodge1.Error.InvalidArgument"},
	{"x", "/nowhere", NULL, NULL, "org.lodge1.Error.NotFound"},
	{"x", "/dev/null", NULL, NULL, "org.lodge1.Error.Failed"},
};

START_TEST(what_cannot_be_shared_is_refused)
{
	DBusMessage *reply;
	DBusMessageIter iter;
	char error[128];

	expect_error(share_call(bad_shares[_i].name, bad_shares[_i].directory, bad_shares[_i].key,
				bad_shares[_i].value),
		     bad_shares[_i].error);
	reply = call(new_call(VM_PATH, VM, "ListShares"), error);
	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_has_signature(reply, "aa{sv}"));
	dbus_message_iter_init(reply, &iter);
	ck_assert_int_eq(dbus_message_iter_get_element_count(&iter), 0);
	dbus_message_unref(reply);
}
END_TEST

START_TEST(what_is_not_shared_cannot_be_removed)
{
	DBusMessage *message = new_call(VM_PATH, VM, "RemoveShare");
	const char *name = "x";

	dbus_message_append_args(message, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	expect_error(message, "org.lodge1.Error.NotFound");
}
END_TEST

START_TEST(calls_that_are_wrong_get_errors)
{
	DBusMessage *message = new_call("/org/lodge1", MANAGER, "ListVMs");
	const char *text = "more";

	dbus_message_append_args(message, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
	expect_error(message, DBUS_ERROR_INVALID_ARGS);
	expect_error(new_call("/org/lodge1", MANAGER, "Nothing"), DBUS_ERROR_UNKNOWN_METHOD);
	expect_error(new_call("/org/lodge1", VM, "Kill"), DBUS_ERROR_UNKNOWN_METHOD);
	expect_error(new_call("/org/lodge1/vm/none", VM, "Kill"), DBUS_ERROR_UNKNOWN_OBJECT);
	expect_error(get_property(VM_PATH, VM, "Nothing"), DBUS_ERROR_UNKNOWN_PROPERTY);
	expect_error(get_property(VM_PATH, MANAGER, "Name"), DBUS_ERROR_UNKNOWN_INTERFACE);
	expect_error(new_call(VM_PATH, DBUS_INTERFACE_PROPERTIES, "Get"), DBUS_ERROR_INVALID_ARGS);
	expect_error(new_call(VM_PATH, DBUS_INTERFACE_PROPERTIES, "Set"),
		     DBUS_ERROR_PROPERTY_READ_ONLY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dispatch");
	TCase *tc = tcase_create("dispatch");

	tcase_add_checked_fixture(tc, start_lodged, end_lodged);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, introspection_is_the_published_api, 0, 2);
	tcase_add_test(tc, a_vm_is_taken_up_and_found);
	tcase_add_test(tc, all_vms_are_listed_with_all_properties);
	tcase_add_test(tc, commands_reach_the_vmm);
	tcase_add_test(tc, the_end_is_told_to_who_waits);
	tcase_add_test(tc, a_viewer_is_handed_over);
	tcase_add_test(tc, the_control_socket_is_handed_out);
	tcase_add_test(tc, a_listener_comes_and_goes);
	tcase_add_test(tc, a_browsers_listener_is_found_again);
	tcase_add_loop_test(tc, what_cannot_be_is_refused, 0,
			    sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tc, a_paused_guest_is_not_asked);
	tcase_add_test(tc, without_an_agent_there_is_no_connection);
	tcase_add_test(tc, a_guest_that_does_not_stop_in_time_is_told_of);
	tcase_add_loop_test(tc, what_cannot_start_is_refused, 0,
			    sizeof(bad_starts) / sizeof(bad_starts[0]));
	tcase_add_loop_test(tc, what_cannot_be_shared_is_refused, 0,
			    sizeof(bad_shares) / sizeof(bad_shares[0]));
	tcase_add_test(tc, what_is_not_shared_cannot_be_removed);
	tcase_add_test(tc, calls_that_are_wrong_get_errors);
	suite_add_tcase(suite, tc);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
