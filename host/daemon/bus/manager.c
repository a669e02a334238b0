/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.lodge1.Manager: the VMs, and starting one. */
#include "host/daemon/bus/internal.h"

#include "host/daemon/backend/domains.h"
#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"
#include "host/daemon/placement.h"
#include "host/daemon/screen/screen.h"
#include "host/daemon/share/vm_shares.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* libvirt's domains are told of in this time, or a daemon hangs. */
#define LISTING_MS 8000
/* A VM waits so long for others to give back what it is to start with. */
#define MEMORY_WAIT_MS 30000

void call_when_listed(struct call *call, void (*go)(struct call *call, bool happened))
{
	struct domains *domains = call->lodged->domains;

	domains_look_again(domains);
	if (domains_are_listed(domains))
		go(call, true);
	else
		call_wait(call, domains_waiters(domains), LISTING_MS, go);
}

static void list_now(struct call *call, bool happened)
{
	char label[VM_LABEL_MAX];
	DBusMessage *reply = call_new_reply(call);
	DBusMessageIter iter, dict, entry;

	(void)happened;
	dbus_message_iter_init_append(reply, &iter);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sa{sv}}", &dict);
	for (struct vm *vm = call->lodged->vms; vm; vm = vm->next) {
		struct call of_vm = *call;

		of_vm.vm = vm;
		dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		append_text(&entry, vm_label(vm, label));
		bus_append_properties(&of_vm, &bus_vm_interface, &entry);
		dbus_message_iter_close_container(&dict, &entry);
	}
	dbus_message_iter_close_container(&iter, &dict);
	call_reply(call, reply);
}

static void list_vms(struct call *call)
{
	call_when_listed(call, list_now);
}

static void reply_with_path(struct call *call, const struct vm *vm)
{
	DBusMessage *reply = call_new_reply(call);
	char path[BUS_PATH_MAX];
	const char *text = path;

	vm_object_path(vm, path);
	dbus_message_append_args(reply, DBUS_TYPE_OBJECT_PATH, &text, DBUS_TYPE_INVALID);
	call_reply(call, reply);
}

static void get_listed(struct call *call, bool happened)
{
	const char *name;
	struct vm *vm;
	int r;

	(void)happened;
	dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	r = vm_look_up(call->lodged, name, &vm);
	if (r == -ENOTUNIQ)
		call_fail(call, BUS_ERROR(InvalidArgument),
			  "two VMs are called '%s'; lodge ls shows the whole names", name);
	else if (r < 0)
		call_fail(call, BUS_ERROR(NotFound), "there is no VM '%s'; lodge ls shows them%s",
			  name,
			  domains_any(call->lodged->domains)
				  ? ", virsh list --all those that are shut off, which virsh start "
				    "starts"
				  : "");
	else
		reply_with_path(call, vm);
}

/* One that Lodge started is found at once, however libvirt does. */
static void get_vm(struct call *call)
{
	const char *name;
	struct vm *vm;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	if (vm_look_up(call->lodged, name, &vm) == 0)
		reply_with_path(call, vm);
	else
		call_when_listed(call, get_listed);
}

/* --- Options -------------------------------------------------------------------------------- */

static int read_list(struct vm_options *options, const struct vm_option *option,
		     DBusMessageIter *array)
{
	DBusMessageIter item;
	int r = 0;

	if (dbus_message_iter_get_element_type(array) != DBUS_TYPE_STRING)
		return -EINVAL;
	dbus_message_iter_recurse(array, &item);
	for (; r == 0 && dbus_message_iter_get_arg_type(&item) == DBUS_TYPE_STRING;
	     dbus_message_iter_next(&item)) {
		const char *text;

		dbus_message_iter_get_basic(&item, &text);
		r = vm_option_add(options, option, text);
	}
	return r;
}

static int read_option(struct vm_options *options, const struct vm_option *option,
		       DBusMessageIter *variant)
{
	DBusBasicValue value;

	switch (dbus_message_iter_get_arg_type(variant)) {
	case DBUS_TYPE_STRING:
		dbus_message_iter_get_basic(variant, &value);
		return vm_option_set_text(options, option, value.str);
	case DBUS_TYPE_UINT32:
		dbus_message_iter_get_basic(variant, &value);
		return vm_option_set_number(options, option, value.u32);
	case DBUS_TYPE_UINT64:
		dbus_message_iter_get_basic(variant, &value);
		return vm_option_set_number(options, option, value.u64);
	case DBUS_TYPE_ARRAY:
		return read_list(options, option, variant);
	default:
		return -EINVAL;
	}
}

/* a{sv} at @iter. */
static int read_options(DBusMessageIter *iter, struct vm_options *options, char *error,
			size_t capacity)
{
	DBusMessageIter dict, entry, variant;
	const struct vm_option *option;
	const char *name;
	int r;

	dbus_message_iter_recurse(iter, &dict);
	for (; dbus_message_iter_get_arg_type(&dict) == DBUS_TYPE_DICT_ENTRY;
	     dbus_message_iter_next(&dict)) {
		dbus_message_iter_recurse(&dict, &entry);
		dbus_message_iter_get_basic(&entry, &name);
		dbus_message_iter_next(&entry);
		dbus_message_iter_recurse(&entry, &variant);
		option = vm_option_named(name);
		if (!option) {
			snprintf(error, capacity, "there is no option '%.60s'", name);
			return -EINVAL;
		}
		r = read_option(options, option, &variant);
		if (r < 0) {
			snprintf(error, capacity, "option %s: not a value that it takes", name);
			return r;
		}
	}
	return vm_options_complete(options, error, capacity);
}

/* --- Starting ------------------------------------------------------------------------------- */

static void pick_name(struct lodged *lodged, char name[VM_NAME_MAX + 1])
{
	for (unsigned int number = 1;; number++) {
		snprintf(name, VM_NAME_MAX + 1, "vm%u", number);
		if (!vm_find(lodged, name))
			return;
	}
}

static void started(void *owner, int error, const char *text)
{
	struct call *call = owner;

	if (error)
		call_done(call, error, text);
	else
		reply_with_path(call, call->vm);
}

static void start_now(struct call *call, bool happened)
{
	struct vm *vm = call->vm;

	/* It was woken because lodged ends, or nobody could give anything up. */
	if (vm->memory && !memory_member_is_ready(vm->memory)) {
		if (happened) {
			call_fail(call, BUS_ERROR(Failed), "lodged is ending");
			return;
		}
		call_fail(
			call, BUS_ERROR(NoMemory),
			"no memory for '%s': the others did not give back its %llu MiB within "
			"%d s; lodge memory shows who has it",
			vm->name,
			(unsigned long long)(memory_member_config(vm->memory)->minimum_bytes >> 20),
			MEMORY_WAIT_MS / 1000);
		vm_gone(vm, "error", 1);
		return;
	}
	vm->backend->start(vm, started, call);
}

static void prepared(void *owner, int error, const char *text)
{
	struct call *call = owner;
	struct vm *vm = call->vm;

	if (!error && vm->memory && !memory_member_is_ready(vm->memory)) {
		call_wait(call, &vm->memory_waiters, MEMORY_WAIT_MS, start_now);
		return;
	}
	if (!error) {
		start_now(call, true);
		return;
	}
	call_done(call, error, text);
	/* Else lodged ends, and it is being let go. */
	if (error != -ECONNRESET)
		vm_gone(vm, "error", 1);
}

static void start_vm(struct call *call)
{
	struct vm_options options = {0};
	const struct backend *backend;
	struct probe probe;
	char own[VM_NAME_MAX + 1], error[512] = "out of memory";
	const struct vm *old;
	DBusMessageIter iter;
	const char *name;
	int r;

	dbus_message_iter_init(call->message, &iter);
	dbus_message_iter_get_basic(&iter, &name);
	dbus_message_iter_next(&iter);
	if (name[0] == '\0') {
		pick_name(call->lodged, own);
		name = own;
	}
	if (!vm_name_is_valid(name)) {
		call_fail(call, BUS_ERROR(InvalidArgument),
			  "'%.60s' is no name for a VM: 1 to %d letters, digits, '-', '_', '.'",
			  name, VM_NAME_MAX);
		return;
	}
	old = vm_find(call->lodged, name);
	if (old && old->state != VM_STOPPED) {
		call_fail(call, BUS_ERROR(AlreadyExists),
			  "there is a VM '%s' already: lodge stop %s, or give another --name", name,
			  name);
		return;
	}
	if (read_options(&iter, &options, error, sizeof(error)) < 0) {
		vm_options_free(&options);
		call_fail(call, BUS_ERROR(InvalidArgument), "%s", error);
		return;
	}
	probe_host("", &probe);
	r = placement_decide(&options, &probe, &backend, error, sizeof(error));
	if (r == 0)
		r = vm_shares_check(&options, backend, error, sizeof(error));
	if (r < 0) {
		vm_options_free(&options);
		call_done(call, r, error);
		return;
	}
	r = vm_new(call->lodged, name, backend, &options, &call->vm);
	vm_options_free(&options);
	if (r < 0) {
		call_fail(call, BUS_ERROR(Failed), "cannot make the folder %s/vm/%s: %s",
			  call->lodged->runtime, name, error_text(r));
		return;
	}
	r = lodged_memory_admit(call->vm, error, sizeof(error));
	if (r == 0)
		r = vm_screen_new(call->vm, false, error, sizeof(error));
	if (r < 0) {
		struct vm *vm = call->vm;

		call_done(call, r, error);
		vm_gone(vm, "error", 1);
		return;
	}
	vm_shares_prepare(call->vm, prepared, call);
}

static void shutdown_lodged(struct call *call)
{
	struct lodged *lodged = call->lodged;
	DBusConnection *connection = dbus_connection_ref(call->connection);

	call_done(call, 0, "");
	dbus_connection_flush(connection);
	dbus_connection_unref(connection);
	uv_stop(&lodged->loop);
}

static void get_version(const struct call *call, DBusMessageIter *value)
{
	(void)call;
	append_text(value, LODGE_VERSION);
}

static const struct bus_method methods[] = {
	{"ListVMs", "", "a{sa{sv}} vms", list_vms},
	{"StartVM", "s name a{sv} options", "o vm", start_vm},
	{"GetVM", "s name", "o vm", get_vm},
	{"Statistics", "", "a{sv} host a{sa{sv}} vms", tell_statistics},
	{"ListMemory", "", "a{sv} host a{sa{sv}} vms", list_memory},
	{"GetMemoryPolicy", "", "a{sv} policy", get_memory_policy},
	{"SetMemoryPolicy", "a{sv} policy", "", set_memory_policy},
	{"OpenWeb", "u port", "s address", open_web},
	{"CloseWeb", "", "", close_web},
	{"Shutdown", "", "", shutdown_lodged},
};

static const struct bus_signal signals[] = {
	{"VMAdded", "s name"},
	{"VMRemoved", "s name"},
	{"VMStateChanged", "s name s state s reason"},
};

static void get_warnings(const struct call *call, DBusMessageIter *value)
{
	char text[512];
	DBusMessageIter array;
	size_t at = 0;

	dbus_message_iter_open_container(value, DBUS_TYPE_ARRAY, "s", &array);
	while (domains_trouble(call->lodged->domains, &at, text, sizeof(text)))
		append_text(&array, dbus_validate_utf8(text, NULL) ? text : "libvirt");
	dbus_message_iter_close_container(value, &array);
}

static void get_runtime(const struct call *call, DBusMessageIter *value)
{
	append_text(value, call->lodged->runtime);
}

static const struct bus_property properties[] = {
	{"Version", "s", get_version},
	{"RuntimeDirectory", "s", get_runtime},
	{"Warnings", "as", get_warnings},
};

const struct bus_interface bus_manager_interface = {
	.name = BUS_INTERFACE_MANAGER,
	.methods = methods,
	.method_count = ARRAY_SIZE(methods),
	.signals = signals,
	.signal_count = ARRAY_SIZE(signals),
	.properties = properties,
	.property_count = ARRAY_SIZE(properties),
};
