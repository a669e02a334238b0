/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is called over D-Bus: the published API, a VM's life, and what is refused. */
#include "tests/unit/host/daemon/bus/played_lodged.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define API_FILE  "packaging/dbus/org.lodge1.xml"
#define TEXT_SIZE 65536

static struct played_lodged lodged;

static void setup(void)
{
	played_lodged_start(&lodged);
}

static void teardown(void)
{
	played_lodged_end(&lodged);
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
} objects[] = {{MANAGER_PATH, MANAGER}, {VM_PATH, VM}};

START_TEST(introspection_is_the_published_api)
{
	static char published[TEXT_SIZE], ours[TEXT_SIZE], theirs[TEXT_SIZE];
	const char *xml;
	char error[128];
	DBusMessage *reply = call(
		&lodged, new_call(objects[_i].path, DBUS_INTERFACE_INTROSPECTABLE, "Introspect"),
		error);

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
	DBusMessage *message = new_call(MANAGER_PATH, MANAGER, "GetVM"), *reply;
	const char *name = VM_NAME, *path;
	char error[128];

	dbus_message_append_args(message, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	reply = call(&lodged, message, error);
	ck_assert_str_eq(error, "");
	dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
	ck_assert_str_eq(path, VM_PATH);
	dbus_message_unref(reply);
	expect_text(&lodged, "Name", VM_NAME);
	expect_text(&lodged, "State", "running");
	expect_text(&lodged, "Backend", "vmm");
	expect_text(&lodged, "Accelerator", "kvm");
	expect_text(&lodged, "Kernel", "/boot/k");
	expect_text(&lodged, "Agent", "");
}
END_TEST

START_TEST(all_vms_are_listed_with_all_properties)
{
	char error[128];
	DBusMessage *reply = call(&lodged, new_call(MANAGER_PATH, MANAGER, "ListVMs"), error);
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
	expect_done(&lodged, VM_PATH, VM, "Pause");
	expect_text(&lodged, "State", "paused");
	expect_done(&lodged, VM_PATH, VM, "Resume");
	expect_text(&lodged, "State", "running");
}
END_TEST

START_TEST(the_end_is_told_to_who_waits)
{
	DBusMessage *wait = new_call(VM_PATH, VM, "Wait"), *reply;
	DBusPendingCall *pending;
	dbus_int32_t status;
	const char *reason;

	dbus_connection_send_with_reply(lodged.connection, wait, &pending, LIMIT_MS);
	dbus_message_unref(wait);
	expect_done(&lodged, VM_PATH, VM, "Kill");
	dbus_pending_call_block(pending);
	reply = dbus_pending_call_steal_reply(pending);
	dbus_pending_call_unref(pending);
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &reason, DBUS_TYPE_INT32,
					&status, DBUS_TYPE_INVALID));
	ck_assert_str_eq(reason, "killed");
	ck_assert_int_eq(status, 10);
	dbus_message_unref(reply);
	/* It began long ago, so it does not linger. */
	expect_error(&lodged, new_call(VM_PATH, VM, "Pause"), DBUS_ERROR_UNKNOWN_OBJECT);
}
END_TEST

/* --- Refusals ------------------------------------------------------------------------------- */

START_TEST(a_paused_guest_is_not_asked)
{
	DBusMessage *wait = new_call(VM_PATH, VM, "WaitAgent");
	dbus_uint32_t timeout_ms = 60000;

	expect_done(&lodged, VM_PATH, VM, "Pause");
	expect_text(&lodged, "State", "paused");
	dbus_message_append_args(wait, DBUS_TYPE_UINT32, &timeout_ms, DBUS_TYPE_INVALID);
	expect_error(&lodged, wait, "org.lodge1.Error.Busy");
	expect_error(&lodged, new_call(VM_PATH, VM, "Ping"), "org.lodge1.Error.Busy");
	expect_error(&lodged, new_call(VM_PATH, VM, "OpenAgent"), "org.lodge1.Error.Busy");
}
END_TEST

START_TEST(without_an_agent_there_is_no_connection)
{
	DBusMessage *message = new_call(VM_PATH, VM, "WaitAgent"), *reply;
	dbus_uint32_t timeout_ms = 10;
	dbus_bool_t answers = TRUE;
	char error[128];

	expect_error(&lodged, new_call(VM_PATH, VM, "OpenAgent"),
		     "org.lodge1.Error.AgentUnavailable");
	expect_error(&lodged, new_call(VM_PATH, VM, "Ping"), "org.lodge1.Error.AgentUnavailable");
	dbus_message_append_args(message, DBUS_TYPE_UINT32, &timeout_ms, DBUS_TYPE_INVALID);
	reply = call(&lodged, message, error);
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
	expect_error(&lodged, message, "org.lodge1.Error.TimedOut");
}
END_TEST

/* StartVM with one option of type text. */
static DBusMessage *start_call(const char *name, const char *key, const char *value)
{
	DBusMessage *message = new_call(MANAGER_PATH, MANAGER, "StartVM");
	DBusMessageIter iter;

	dbus_message_iter_init_append(message, &iter);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &name);
	append_option(&iter, key, value);
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
	expect_error(&lodged,
		     start_call(bad_starts[_i].name, bad_starts[_i].key, bad_starts[_i].value),
		     bad_starts[_i].error);
	/* And nothing is left of it. */
	expect_text(&lodged, "State", "running");
}
END_TEST

/* With one option of type text, or none. */
static DBusMessage *share_call(const char *name, const char *directory, const char *key,
			       const char *value)
{
	DBusMessage *message = new_call(VM_PATH, VM, "AddShare");
	DBusMessageIter iter;

	dbus_message_iter_init_append(message, &iter);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &name);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &directory);
	append_option(&iter, key, value);
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

	expect_error(&lodged,
		     share_call(bad_shares[_i].name, bad_shares[_i].directory, bad_shares[_i].key,
				bad_shares[_i].value),
		     bad_shares[_i].error);
	reply = call(&lodged, new_call(VM_PATH, VM, "ListShares"), error);
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
	expect_error(&lodged, message, "org.lodge1.Error.NotFound");
}
END_TEST

START_TEST(calls_that_are_wrong_get_errors)
{
	DBusMessage *message = new_call(MANAGER_PATH, MANAGER, "ListVMs");
	const char *text = "more";

	dbus_message_append_args(message, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
	expect_error(&lodged, message, DBUS_ERROR_INVALID_ARGS);
	expect_error(&lodged, new_call(MANAGER_PATH, MANAGER, "Nothing"),
		     DBUS_ERROR_UNKNOWN_METHOD);
	expect_error(&lodged, new_call(MANAGER_PATH, VM, "Kill"), DBUS_ERROR_UNKNOWN_METHOD);
	expect_error(&lodged, new_call("/org/lodge1/vm/none", VM, "Kill"),
		     DBUS_ERROR_UNKNOWN_OBJECT);
	expect_error(&lodged, get_property(VM_PATH, VM, "Nothing"), DBUS_ERROR_UNKNOWN_PROPERTY);
	expect_error(&lodged, get_property(VM_PATH, MANAGER, "Name"), DBUS_ERROR_UNKNOWN_INTERFACE);
	expect_error(&lodged, new_call(VM_PATH, DBUS_INTERFACE_PROPERTIES, "Get"),
		     DBUS_ERROR_INVALID_ARGS);
	expect_error(&lodged, new_call(VM_PATH, DBUS_INTERFACE_PROPERTIES, "Set"),
		     DBUS_ERROR_PROPERTY_READ_ONLY);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("dispatch");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, introspection_is_the_published_api, 0, 2);
	tcase_add_test(tests, a_vm_is_taken_up_and_found);
	tcase_add_test(tests, all_vms_are_listed_with_all_properties);
	tcase_add_test(tests, commands_reach_the_vmm);
	tcase_add_test(tests, the_end_is_told_to_who_waits);
	tcase_add_test(tests, a_paused_guest_is_not_asked);
	tcase_add_test(tests, without_an_agent_there_is_no_connection);
	tcase_add_test(tests, a_guest_that_does_not_stop_in_time_is_told_of);
	tcase_add_loop_test(tests, what_cannot_start_is_refused, 0, ARRAY_SIZE(bad_starts));
	tcase_add_loop_test(tests, what_cannot_be_shared_is_refused, 0, ARRAY_SIZE(bad_shares));
	tcase_add_test(tests, what_is_not_shared_cannot_be_removed);
	tcase_add_test(tests, calls_that_are_wrong_get_errors);
	return suite_run_case("dispatch", tests);
}
