/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How VMs share memory, over D-Bus: what is, why, and what their owners set. */
#include "host/daemon/bus/internal.h"

#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Answers a call that cannot be. */
static struct memory_manager *manager_of(struct call *call)
{
	struct memory_manager *manager = lodged_memory_manager(call->lodged->memory);

	if (!manager)
		call_fail(call, BUS_ERROR(Failed),
			  "memory is not shared among VMs: lodged cannot read /proc/meminfo");
	return manager;
}

static struct memory_member *member_of(struct call *call)
{
	if (!call->vm->memory)
		call_fail(call, BUS_ERROR(NotFound), "nothing is known of the memory of '%s' (%s)",
			  call->vm->name, vm_state_text(call->vm->state));
	return call->vm->memory;
}

/* --- What is ---------------------------------------------------------------------------------- */

static void append_u64(DBusMessageIter *dict, const char *key, uint64_t value)
{
	dbus_uint64_t number = value;

	append_basic(dict, key, DBUS_TYPE_UINT64, &number);
}

static void append_u32(DBusMessageIter *dict, const char *key, uint32_t value)
{
	dbus_uint32_t number = value;

	append_basic(dict, key, DBUS_TYPE_UINT32, &number);
}

static void append_string(DBusMessageIter *dict, const char *key, const char *value)
{
	append_basic(dict, key, DBUS_TYPE_STRING, &value);
}

static void append_bool(DBusMessageIter *dict, const char *key, bool value)
{
	dbus_bool_t truth = value;

	append_basic(dict, key, DBUS_TYPE_BOOLEAN, &truth);
}

static void append_host(DBusMessageIter *iter, const struct memory_manager *manager)
{
	const struct memory_settings *settings = memory_manager_settings(manager);
	struct memory_manager_view view;
	DBusMessageIter dict;

	memory_manager_view(manager, &view);
	dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	append_string(&dict, "mode", memory_mode_name(settings->mode));
	append_u64(&dict, "total", view.host.total_bytes);
	append_u64(&dict, "available", view.host.available_bytes);
	append_u64(&dict, "swap_used", view.host.swap_used_bytes);
	append_u64(&dict, "ksm_saved", view.host.ksm_saved_bytes);
	append_u64(&dict, "other", view.other_bytes);
	append_u64(&dict, "reserve", view.totals.reserve_bytes);
	append_u64(&dict, "budget", view.totals.budget_bytes);
	append_u64(&dict, "demand", view.totals.demand_bytes);
	append_u64(&dict, "charged", view.totals.charged_bytes);
	append_u64(&dict, "minimum", view.totals.minimum_bytes);
	append_u32(&dict, "emergency", (uint32_t)view.totals.emergency);
	append_bool(&dict, "limits", view.limits);
	dbus_message_iter_close_container(iter, &dict);
}

static const char *source_name(const struct memory_member_view *view)
{
	static const char *const names[] = {
		[MEMORY_FROM_NOBODY] = "",
		[MEMORY_FROM_BALLOON] = "balloon",
		[MEMORY_FROM_AGENT] = "agent",
	};

	return names[view->source];
}

static void append_sizes(DBusMessageIter *dict, const struct memory_member_view *view)
{
	append_u64(dict, "machine", view->machine_bytes);
	append_u64(dict, "reach", view->reach_bytes);
	append_u64(dict, "maximum", view->config->maximum_bytes);
	append_u64(dict, "minimum", view->config->minimum_bytes);
	append_u32(dict, "shares", view->config->shares);
	append_u64(dict, "fixed", view->config->fixed_bytes);
	append_bool(dict, "sharing", !view->config->watched);
	append_u64(dict, "target", view->decision.target_bytes);
	append_u64(dict, "actual", view->seen.actual_bytes);
	append_u64(dict, "resident", view->seen.resident_bytes);
	append_u64(dict, "demand", view->decision.demand_bytes);
	append_u64(dict, "due", view->decision.due_bytes);
	append_u64(dict, "charged", view->decision.charged_bytes);
	append_u64(dict, "limit", view->decision.limit_bytes);
	append_bool(dict, "driver", view->seen.driver);
}

static void append_member(DBusMessageIter *iter, const struct memory_member *member)
{
	struct memory_member_view view;
	DBusMessageIter dict;

	memory_member_view(member, &view);
	dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	append_sizes(&dict, &view);
	append_string(&dict, "state", view.state);
	append_string(&dict, "trend", view.trend);
	append_bool(&dict, "paused", view.paused);
	append_bool(&dict, "futile", view.decision.futile);
	append_string(&dict, "source", source_name(&view));
	append_u64(&dict, "age_ms", view.age_ms);
	append_u64(&dict, "used", view.used_bytes);
	append_u64(&dict, "cache", view.cache_bytes);
	append_u64(&dict, "free", view.sample.free_bytes);
	append_u64(&dict, "swap_used", view.sample.swap_used_bytes);
	append_basic(&dict, "pressure", DBUS_TYPE_DOUBLE, &view.decision.pressure);
	dbus_message_iter_close_container(iter, &dict);
}

void list_memory(struct call *call)
{
	struct memory_manager *manager = manager_of(call);
	DBusMessageIter iter, dict, entry;
	char label[VM_LABEL_MAX];
	DBusMessage *reply;

	if (!manager)
		return;
	memory_manager_look(manager);
	reply = call_new_reply(call);
	dbus_message_iter_init_append(reply, &iter);
	append_host(&iter, manager);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sa{sv}}", &dict);
	for (struct vm *vm = call->lodged->vms; vm; vm = vm->next) {
		if (!vm->memory)
			continue;
		dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		append_text(&entry, vm_label(vm, label));
		append_member(&entry, vm->memory);
		dbus_message_iter_close_container(&dict, &entry);
	}
	dbus_message_iter_close_container(&iter, &dict);
	call_reply(call, reply);
}

void get_vm_memory(struct call *call)
{
	struct memory_member *member = member_of(call);
	DBusMessageIter iter;
	DBusMessage *reply;

	if (!member)
		return;
	memory_manager_look(lodged_memory_manager(call->lodged->memory));
	reply = call_new_reply(call);
	dbus_message_iter_init_append(reply, &iter);
	append_member(&iter, member);
	call_reply(call, reply);
}

void explain_memory(struct call *call)
{
	struct memory_member *member = member_of(call);
	DBusMessageIter iter;
	DBusMessage *reply;
	char text[4096];

	if (!member)
		return;
	memory_manager_look(lodged_memory_manager(call->lodged->memory));
	memory_member_explain(member, text, sizeof(text));
	reply = call_new_reply(call);
	dbus_message_iter_init_append(reply, &iter);
	append_text(&iter, text);
	call_reply(call, reply);
}

/* --- What is set ------------------------------------------------------------------------------ */

/* Takes one key with its value. false: with what is wrong. */
typedef bool (*option_taker)(void *owner, const char *key, DBusMessageIter *variant,
			     const char **wrong);

/* a{sv} of a call. false: the call has been answered with what is wrong. */
static bool take_options(struct call *call, option_taker take, void *owner)
{
	DBusMessageIter iter, dict, entry, variant;
	const char *wrong = "is not known", *key = "";
	bool fine = true;

	dbus_message_iter_init(call->message, &iter);
	dbus_message_iter_recurse(&iter, &dict);
	for (; fine && dbus_message_iter_get_arg_type(&dict) == DBUS_TYPE_DICT_ENTRY;
	     dbus_message_iter_next(&dict)) {
		dbus_message_iter_recurse(&dict, &entry);
		dbus_message_iter_get_basic(&entry, &key);
		dbus_message_iter_next(&entry);
		dbus_message_iter_recurse(&entry, &variant);
		fine = take(owner, key, &variant, &wrong);
	}
	if (!fine)
		call_fail(call, BUS_ERROR(InvalidArgument), "memory: '%.40s' %s", key, wrong);
	return fine;
}

static bool get_number(DBusMessageIter *variant, uint64_t *number)
{
	DBusBasicValue value;

	switch (dbus_message_iter_get_arg_type(variant)) {
	case DBUS_TYPE_UINT64:
		dbus_message_iter_get_basic(variant, &value);
		*number = value.u64;
		return true;
	case DBUS_TYPE_UINT32:
		dbus_message_iter_get_basic(variant, &value);
		*number = value.u32;
		return true;
	default:
		return false;
	}
}

static bool get_truth(DBusMessageIter *variant, bool *truth)
{
	dbus_bool_t value;

	if (dbus_message_iter_get_arg_type(variant) != DBUS_TYPE_BOOLEAN)
		return false;
	dbus_message_iter_get_basic(variant, &value);
	*truth = value;
	return true;
}

static const char *get_word(DBusMessageIter *variant)
{
	const char *text = "";

	if (dbus_message_iter_get_arg_type(variant) == DBUS_TYPE_STRING)
		dbus_message_iter_get_basic(variant, &text);
	return text;
}

static bool take_member_option(void *owner, const char *key, DBusMessageIter *variant,
			       const char **wrong)
{
	struct memory_member_config *config = owner;
	bool truth;
	uint64_t number;

	if (strcmp(key, "sharing") == 0) {
		*wrong = "is true or false";
		if (!get_truth(variant, &truth))
			return false;
		config->watched = !truth;
		return true;
	}
	if (strcmp(key, "shares") == 0) {
		*wrong = "is 1 to 1000000";
		if (!get_number(variant, &number) || number > MEMORY_MAX_SHARES)
			return false;
		config->shares = (uint32_t)number;
		return true;
	}
	*wrong = "is a number of bytes";
	if (strcmp(key, "maximum") == 0)
		return get_number(variant, &config->maximum_bytes);
	if (strcmp(key, "minimum") == 0)
		return get_number(variant, &config->minimum_bytes);
	if (strcmp(key, "fixed") == 0)
		return get_number(variant, &config->fixed_bytes);
	*wrong = "is not known";
	return false;
}

void set_vm_memory(struct call *call)
{
	struct memory_member *member = member_of(call);
	struct memory_member_config config;
	char error[512];
	int r;

	if (!member)
		return;
	config = *memory_member_config(member);
	if (!take_options(call, take_member_option, &config))
		return;
	r = memory_member_configure(member, &config, true, error, sizeof(error));
	call_done(call, r, error);
}

static bool take_policy_option(void *owner, const char *key, DBusMessageIter *variant,
			       const char **wrong)
{
	struct memory_settings *settings = owner;

	*wrong = "is on, dry-run or off";
	if (strcmp(key, "mode") == 0)
		return memory_mode_named(get_word(variant), &settings->mode) == 0;
	*wrong = "is calm, normal or quick";
	if (strcmp(key, "speed") == 0)
		return memory_speed_named(get_word(variant), &settings->speed) == 0;
	*wrong = "is a number of bytes";
	if (strcmp(key, "reserve") == 0)
		return get_number(variant, &settings->reserve_bytes);
	if (strcmp(key, "total") == 0)
		return get_number(variant, &settings->total_bytes);
	*wrong = "is true or false";
	if (strcmp(key, "ksm") == 0)
		return get_truth(variant, &settings->ksm);
	if (strcmp(key, "overcommit") == 0) {
		bool on;

		if (!get_truth(variant, &on))
			return false;
		settings->whole = !on;
		return true;
	}
	*wrong = "is not known";
	return false;
}

void set_memory_policy(struct call *call)
{
	struct memory_manager *manager = manager_of(call);
	struct memory_settings settings;
	char error[512];
	int r;

	if (!manager)
		return;
	settings = *memory_manager_settings(manager);
	if (!take_options(call, take_policy_option, &settings))
		return;
	r = lodged_memory_set(call->lodged->memory, &settings, error, sizeof(error));
	call_done(call, r, error);
}

void get_memory_policy(struct call *call)
{
	struct memory_manager *manager = manager_of(call);
	const struct memory_settings *settings;
	DBusMessageIter iter, dict;
	DBusMessage *reply;

	if (!manager)
		return;
	settings = memory_manager_settings(manager);
	reply = call_new_reply(call);
	dbus_message_iter_init_append(reply, &iter);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	append_string(&dict, "mode", memory_mode_name(settings->mode));
	append_string(&dict, "speed", memory_speed_name(settings->speed));
	append_u64(&dict, "reserve", settings->reserve_bytes);
	append_u64(&dict, "total", settings->total_bytes);
	append_bool(&dict, "ksm", settings->ksm);
	append_bool(&dict, "overcommit", !settings->whole);
	dbus_message_iter_close_container(&iter, &dict);
	call_reply(call, reply);
}
