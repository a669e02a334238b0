/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.lodge1.VM: one VM. */
#include "host/daemon/bus/internal.h"

#include "host/daemon/backend.h"
#include "host/daemon/broker/agent_link.h"
#include "host/daemon/console.h"
#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/message.h"

#include <errno.h>
#include <string.h>

/* libvirt gives QEMU 15 s, and the kernel may have much memory to take back. */
#define KILL_LIMIT_MS 30000

/* --- Life ----------------------------------------------------------------------------------- */

static void command_done(void *owner, int error, const char *text)
{
	call_done(owner, error, text);
}

static void command(struct call *call, enum backend_command what)
{
	if (call->vm->state == VM_STOPPED || call->vm->state == VM_STARTING)
		call_fail(call, BUS_ERROR(Busy), "'%s' is %s", call->vm->name,
			  vm_state_text(call->vm->state));
	else
		call->vm->backend->command(call->vm, what, command_done, call);
}

static void pause_vm(struct call *call)
{
	command(call, BACKEND_PAUSE);
}

static void resume_vm(struct call *call)
{
	command(call, BACKEND_RESUME);
}

static void reboot_vm(struct call *call)
{
	if (vm_ask_agent(call->vm, "reboot") == 0)
		call_done(call, 0, "");
	else
		command(call, BACKEND_REBOOT);
}

static void fail_as_lodged_ends(struct call *call)
{
	call_fail(call, BUS_ERROR(Failed), "lodged is ending; '%s' goes on", call->vm->name);
}

static void stop_answer(struct call *call, bool happened)
{
	if (call->vm->state == VM_STOPPED) {
		call_done(call, 0, "");
		return;
	}
	if (happened) {
		fail_as_lodged_ends(call);
		return;
	}
	/* Whoever asks later asks a guest that runs. */
	if (call->vm->state == VM_STOPPING)
		vm_set_state(call->vm, VM_RUNNING, "");
	call_fail(call, BUS_ERROR(TimedOut),
		  "'%s' is still running; its guest may not listen to the power button: lodge kill "
		  "%s ends it at once",
		  call->vm->name, call->vm->name);
}

static void kill_answer(struct call *call, bool happened)
{
	if (call->vm->state == VM_STOPPED)
		call_done(call, 0, "");
	else if (happened)
		fail_as_lodged_ends(call);
	else
		call_fail(call, BUS_ERROR(TimedOut), "'%s' does not end; its process id is %d",
			  call->vm->name, (int)call->vm->pid);
}

static void killed(void *owner, int error, const char *text)
{
	(void)owner;
	if (error)
		log_warning("cannot end a VM: %s", text);
}

static void kill_vm(struct call *call)
{
	struct vm *vm = call->vm;

	if (vm->state == VM_STOPPED) {
		call_done(call, 0, "");
		return;
	}
	if (vm->state == VM_STARTING) {
		call_fail(call, BUS_ERROR(Busy), "'%s' is starting", vm->name);
		return;
	}
	call_wait(call, &vm->stop_waiters, KILL_LIMIT_MS, kill_answer);
	vm->backend->command(vm, BACKEND_KILL, killed, NULL);
}

static void stop_vm(struct call *call)
{
	dbus_uint32_t timeout_ms;
	struct vm *vm = call->vm;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT32, &timeout_ms,
			      DBUS_TYPE_INVALID);
	if (vm->state == VM_STOPPED) {
		call_done(call, 0, "");
		return;
	}
	if (vm->state == VM_STARTING || vm->state == VM_PAUSED) {
		call_fail(call, BUS_ERROR(Busy), "'%s' is %s, and cannot hear the power button",
			  vm->name, vm_state_text(vm->state));
		return;
	}
	if (timeout_ms > 0)
		call_wait(call, &vm->stop_waiters, timeout_ms, stop_answer);
	else
		call_done(call, 0, "");
	vm_ask_to_stop(vm);
}

static void wait_answer(struct call *call, bool happened)
{
	DBusMessage *reply = call_new_reply(call);
	const char *reason = call->vm->reason;
	dbus_int32_t status = call->vm->exit_status;

	(void)happened;
	if (call->vm->state != VM_STOPPED) {
		dbus_message_unref(reply);
		fail_as_lodged_ends(call);
		return;
	}
	dbus_message_append_args(reply, DBUS_TYPE_STRING, &reason, DBUS_TYPE_INT32, &status,
				 DBUS_TYPE_INVALID);
	call_reply(call, reply);
}

static void wait_vm(struct call *call)
{
	if (call->vm->state == VM_STOPPED)
		wait_answer(call, true);
	else
		call_wait(call, &call->vm->stop_waiters, 0, wait_answer);
}

bool call_guest_runs(struct call *call)
{
	if (call->vm->state != VM_PAUSED)
		return true;
	call_fail(call, BUS_ERROR(Busy), "'%s' is paused; lodge resume %s", call->vm->name,
		  call->vm->name);
	return false;
}

/* --- The console --------------------------------------------------------------------------------
 */

static void open_console_now(struct call *call)
{
	dbus_bool_t replay;
	int fd, r = -ENOTCONN;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_BOOLEAN, &replay, DBUS_TYPE_INVALID);
	if (call->vm->console)
		r = console_open(call->vm->console, replay, &fd);
	if (r == 0)
		call_reply_fd(call, fd);
	else
		call_fail(call, BUS_ERROR(Failed), "cannot open the console of '%s': %s",
			  call->vm->name, error_text(r));
}

static void open_console(struct call *call)
{
	call_with_port(call, BACKEND_PORT_CONSOLE, open_console_now);
}

/* --- Properties ------------------------------------------------------------------------------- */

#define TEXT_PROPERTY(function, expression)                                                        \
	static void function(const struct call *call, DBusMessageIter *value)                      \
	{                                                                                          \
		const char *text = (expression);                                                   \
                                                                                                   \
		append_text(value, text ? text : "");                                              \
	}

#define NUMBER_PROPERTY(function, type, dbus_type, expression)                                     \
	static void function(const struct call *call, DBusMessageIter *value)                      \
	{                                                                                          \
		type number = (type)(expression);                                                  \
                                                                                                   \
		dbus_message_iter_append_basic(value, dbus_type, &number);                         \
	}

TEXT_PROPERTY(get_name, call->vm->name)
TEXT_PROPERTY(get_state, vm_state_text(call->vm->state))
TEXT_PROPERTY(get_reason, call->vm->reason)
TEXT_PROPERTY(get_screen, screen_state_text(call->vm))
TEXT_PROPERTY(get_backend, call->vm->backend->name)
TEXT_PROPERTY(get_source, call->vm->source)
TEXT_PROPERTY(get_accelerator, call->vm->options.accel)
TEXT_PROPERTY(get_kernel, call->vm->options.kernel)
TEXT_PROPERTY(get_path, call->vm->path)
NUMBER_PROPERTY(get_pid, dbus_uint32_t, DBUS_TYPE_UINT32, call->vm->pid)
NUMBER_PROPERTY(get_cpus, dbus_uint32_t, DBUS_TYPE_UINT32, call->vm->options.cpus)
NUMBER_PROPERTY(get_memory, dbus_uint64_t, DBUS_TYPE_UINT64, call->vm->options.memory)
NUMBER_PROPERTY(get_started, dbus_uint64_t, DBUS_TYPE_UINT64, call->vm->started_ns)
NUMBER_PROPERTY(get_exit_status, dbus_int32_t, DBUS_TYPE_INT32, call->vm->exit_status)

/* The guest chose these bytes; D-Bus takes UTF-8 only, which the session has checked. */
static void get_agent(const struct call *call, DBusMessageIter *value)
{
	const char *software = agent_link_software(call->vm->agent);

	append_text(value, dbus_validate_utf8(software, NULL) ? software : "?");
}

static void append_list(DBusMessageIter *value, const char *const *list)
{
	DBusMessageIter array;

	dbus_message_iter_open_container(value, DBUS_TYPE_ARRAY, "s", &array);
	for (; list && *list; list++)
		append_text(&array, *list);
	dbus_message_iter_close_container(value, &array);
}

static void get_capabilities(const struct call *call, DBusMessageIter *value)
{
	append_list(value, agent_link_capabilities(call->vm->agent));
}

static void get_disks(const struct call *call, DBusMessageIter *value)
{
	append_list(value, (const char *const *)call->vm->options.disks);
}

static void get_forwards(const struct call *call, DBusMessageIter *value)
{
	append_list(value, (const char *const *)call->vm->options.forwards);
}

static const struct bus_method methods[] = {
	{"WaitAgent", "u timeout_ms", "b available", wait_agent},
	{"Wait", "", "s reason i status", wait_vm},
	{"OpenAgent", "", "h agent", open_agent},
	{"OpenConsole", "b replay", "h console", open_console},
	{"OpenScreenControl", "", "h control", open_screen_control},
	{"OpenScreen", "s kind a{sv} options", "h connection", open_screen},
	{"ListenScreen", "s kind a{sv} options", "s id s address s secret", listen_screen},
	{"CloseScreen", "s id", "", close_screen},
	{"Stop", "u timeout_ms", "", stop_vm},
	{"Kill", "", "", kill_vm},
	{"Reboot", "", "", reboot_vm},
	{"Pause", "", "", pause_vm},
	{"Resume", "", "", resume_vm},
	{"AttachAgent", "", "", attach_agent},
	{"AddShare", "s name s directory a{sv} options", "", add_share},
	{"RemoveShare", "s name", "", remove_share},
	{"ListShares", "", "aa{sv} shares", list_shares},
	{"GetMemory", "", "a{sv} memory", get_vm_memory},
	{"SetMemory", "a{sv} options", "", set_vm_memory},
	{"ExplainMemory", "", "s why", explain_memory},
	{"Ping", "", "t round_trip_ns", ping_agent},
	{"Execute", "as argv u timeout_ms", "i status ay standard_output ay standard_error",
	 execute_in_vm},
};

static const struct bus_property properties[] = {
	{"Name", "s", get_name},
	{"State", "s", get_state},
	{"Reason", "s", get_reason},
	{"Screen", "s", get_screen},
	{"Backend", "s", get_backend},
	{"Source", "s", get_source},
	{"Accelerator", "s", get_accelerator},
	{"Pid", "u", get_pid},
	{"Cpus", "u", get_cpus},
	{"Memory", "t", get_memory},
	{"Kernel", "s", get_kernel},
	{"Agent", "s", get_agent},
	{"AgentCapabilities", "as", get_capabilities},
	{"Disks", "as", get_disks},
	{"Forwards", "as", get_forwards},
	{"Started", "t", get_started},
	{"Path", "s", get_path},
	{"ExitStatus", "i", get_exit_status},
};

const struct bus_interface bus_vm_interface = {
	.name = BUS_INTERFACE_VM,
	.methods = methods,
	.method_count = ARRAY_SIZE(methods),
	.properties = properties,
	.property_count = ARRAY_SIZE(properties),
};
