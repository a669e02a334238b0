/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VMs under lodge-vmm: a process of its own session, so that it outlives lodged, driven through
 * control.sock. The end of that connection is the end of the VM.
 */
#include "host/daemon/backend.h"
#include "host/daemon/backend/vmm_arguments.h"
#include "host/daemon/backend/vmm_count.h"
#include "host/daemon/backend/vmm_memory.h"
#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/message.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* How often to look for the control socket of a VMM that starts. */
#define CONNECT_RETRY_MS 5
#define CONNECT_LIMIT_MS 30000
/* So long a VMM may take to end when it is told to. */
#define KILL_MS 2000

struct machine {
	struct vm *vm; /* NULL once the VM was released */
	uv_process_t process;
	bool is_child, exited;
	int64_t exit_code;
	int exit_signal;
	uv_timer_t retry;
	uint64_t waited_ms;
	struct session *session;
	struct pump *pump;
	struct vmm_plug plug;
	char reason[32]; /* the last that the VMM said */
	unsigned int closing;
	backend_done done; /* of start */
	void *owner;
};

/* --- The end -------------------------------------------------------------------------------- */

/* lodge-vmm's documented exit codes, as reasons. */
static const char *reason_of(const struct machine *machine)
{
	static const char *const reason[] = {
		[0] = "power-off", [7] = "panic",   [8] = "triple-fault",
		[9] = "reboot",	   [10] = "killed",
	};

	if (machine->exit_signal)
		return "killed";
	if (machine->exit_code >= 0 && (size_t)machine->exit_code < ARRAY_SIZE(reason) &&
	    reason[machine->exit_code])
		return reason[machine->exit_code];
	return "error";
}

static int status_of_reason(const char *reason)
{
	static const struct {
		const char *reason;
		int status;
	} status[] = {
		{"power-off", 0}, {"panic", 7}, {"triple-fault", 8}, {"reboot", 9}, {"killed", 10},
	};

	for (size_t i = 0; i < ARRAY_SIZE(status); i++) {
		if (strcmp(status[i].reason, reason) == 0)
			return status[i].status;
	}
	return 1;
}

/* What lodge-vmm said before it gave up. */
static void why(const struct vm *vm, char *text, size_t capacity)
{
	char path[PATH_MAX];

	if (vm_file(vm, "log", path, sizeof(path)) < 0 ||
	    !last_words(path, "lodge-vmm", text, capacity))
		snprintf(text, capacity, "lodge-vmm could not start");
}

static void start_failed(struct machine *machine, int error, const char *text)
{
	backend_done done = machine->done;
	struct vm *vm = machine->vm;

	machine->done = NULL;
	done(machine->owner, error, text);
	vm_gone(vm, "error", (int)machine->exit_code);
}

/* Why it did not start: usage, kernel; KVM; the rest. */
static int error_of_exit(int64_t code)
{
	if (code == 2 || code == 4)
		return -EINVAL;
	return code == 3 ? -ENODEV : -EIO;
}

static void ended(struct machine *machine)
{
	char text[1024];

	if (machine->done) {
		why(machine->vm, text, sizeof(text));
		start_failed(machine, error_of_exit(machine->exit_code), text);
	} else if (machine->is_child) {
		vm_gone(machine->vm, reason_of(machine),
			machine->exit_signal ? 128 + machine->exit_signal
					     : (int)machine->exit_code);
	} else {
		const char *reason = machine->reason[0] ? machine->reason : "killed";

		vm_gone(machine->vm, reason, status_of_reason(reason));
	}
}

static void on_child_exit(uv_process_t *process, int64_t exit_code, int signal)
{
	struct machine *machine = process->data;

	machine->exited = true;
	machine->exit_code = exit_code;
	machine->exit_signal = signal;
	if (machine->vm)
		ended(machine);
}

/* --- The control connection ----------------------------------------------------------------- */

static void on_info(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct machine *machine = owner;
	struct vm_info info;

	(void)stream;
	if (!machine->vm || result->error ||
	    message_decode(&message_vm_info, result->params, &info) < 0)
		return;
	if (slice_is(info.state, "paused"))
		vm_set_state(machine->vm, VM_PAUSED, "");
}

static void on_established(void *owner, const struct session_peer *peer)
{
	static const struct stream_handlers handlers = {.closed = on_info};
	struct machine *machine = owner;
	backend_done done = machine->done;

	(void)peer;
	if (!machine->vm)
		return;
	session_request(machine->session, SLICE_LITERAL("vm.info"), (struct slice){NULL, 0},
			&handlers, machine, NULL);
	if (!done)
		return;
	machine->done = NULL;
	vm_started(machine->vm);
	done(machine->owner, 0, "");
}

static void on_event(void *owner, struct slice name, struct slice params)
{
	static const struct {
		const char *text;
		enum vm_status status;
	} states[] = {{"running", VM_RUNNING}, {"paused", VM_PAUSED}, {"stopping", VM_STOPPING}};
	struct machine *machine = owner;
	struct vm_state state;

	if (machine->vm && slice_is(name, "vm.memory"))
		vmm_memory_told(machine->vm, params);
	if (!machine->vm || !slice_is(name, "vm.state") ||
	    message_decode(&message_vm_state, params, &state) < 0)
		return;
	if (state.reason.length < sizeof(machine->reason)) {
		if (state.reason.length > 0)
			memcpy(machine->reason, state.reason.bytes, state.reason.length);
		machine->reason[state.reason.length] = '\0';
	}
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (slice_is(state.state, states[i].text))
			vm_set_state(machine->vm, states[i].status, machine->reason);
	}
}

static void on_wake(void *owner)
{
	pump_wake(((struct machine *)owner)->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.event = on_event,
	.wake = on_wake,
};

static void on_closed(void *owner, int error)
{
	struct machine *machine = owner;

	(void)error;
	pump_free(machine->pump);
	machine->pump = NULL;
	/* A child's exit code follows; of another process this is all there will be. */
	if (machine->vm && !machine->is_child)
		ended(machine);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

static int connect_control(struct machine *machine)
{
	char path[PATH_MAX];
	int fd, r;

	r = vm_file(machine->vm, "control.sock", path, sizeof(path));
	if (r < 0)
		return r;
	fd = connect_unix(path);
	if (fd < 0)
		return fd;
	r = pump_new(&machine->vm->lodged->loop, fd, false, machine->session, &pump_handlers,
		     machine, &machine->pump);
	if (r == 0)
		session_start(machine->session);
	return r;
}

static void try_connect(uv_timer_t *timer)
{
	struct machine *machine = timer->data;

	if (machine->exited || !machine->vm || connect_control(machine) == 0)
		return;
	machine->waited_ms += CONNECT_RETRY_MS;
	if (!machine->is_child && !process_runs(machine->vm->pid, "lodge-vmm")) {
		ended(machine);
		return;
	}
	if (machine->waited_ms > CONNECT_LIMIT_MS)
		kill(machine->vm->pid, SIGKILL); /* its exit ends the start */
	uv_timer_start(&machine->retry, try_connect, CONNECT_RETRY_MS, 0);
}

/* --- Starting ------------------------------------------------------------------------------- */

static struct machine *machine_new(struct vm *vm)
{
	static const char *const capabilities[] = {NULL};
	struct machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return NULL;
	machine->session = session_new(SESSION_HOST, "lodged " LODGE_VERSION, capabilities,
				       &session_handlers, machine);
	if (!machine->session) {
		free(machine);
		return NULL;
	}
	machine->vm = vm;
	machine->exit_code = 1;
	uv_timer_init(&vm->lodged->loop, &machine->retry);
	machine->retry.data = machine;
	machine->process.data = machine;
	vm->machine = machine;
	return machine;
}

static int spawn(struct machine *machine, const char *program, int log)
{
	_cleanup_(vmm_arguments_free) struct vmm_arguments arguments = {0};
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = log},
		{.flags = UV_INHERIT_FD, .data.fd = log},
	};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = program,
		.args = arguments.list,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};

	vmm_arguments_build(machine->vm, program, &arguments);
	if (arguments.failed)
		return -E2BIG;
	machine->is_child = true; /* libuv holds the handle even when this fails */
	return uv_spawn(&machine->vm->lodged->loop, &machine->process, &options);
}

static void start(struct vm *vm, backend_done done, void *owner)
{
	_cleanup_close_ int log = -EBADF;
	char path[PATH_MAX], program[PATH_MAX];
	struct machine *machine = machine_new(vm);
	int r;

	if (!machine) {
		done(owner, -ENOMEM, "out of memory");
		vm_gone(vm, "error", 1);
		return;
	}
	machine->done = done;
	machine->owner = owner;
	if (lodged_find_program("lodge-vmm", program, sizeof(program)) < 0) {
		start_failed(machine, -ENOENT, "lodge-vmm is not installed beside lodged");
		return;
	}
	r = vm_file(vm, "log", path, sizeof(path));
	if (r == 0) {
		log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		r = log < 0 ? -errno : 0;
	}
	if (r == 0)
		r = spawn(machine, program, log);
	if (r < 0) {
		start_failed(machine, r, error_text(r));
		return;
	}
	vm->pid = machine->process.pid;
	lodged_memory_contain(vm);
	vm_keep(vm);
	try_connect(&machine->retry);
}

static int adopt(struct vm *vm)
{
	struct machine *machine = machine_new(vm);
	int r;

	if (!machine)
		return -ENOMEM;
	r = connect_control(machine);
	if (r == 0)
		return 0;
	/* An earlier lodged may have died while it started. */
	if (process_runs(vm->pid, "lodge-vmm")) {
		uv_timer_start(&machine->retry, try_connect, CONNECT_RETRY_MS, 0);
		return 0;
	}
	vm->backend->release(vm);
	return r;
}

/* --- Commands ------------------------------------------------------------------------------- */

int vmm_request(struct vm *vm, const char *method, struct slice params,
		const struct stream_handlers *handlers)
{
	struct machine *machine = vm->machine;

	if (!machine || !machine->session)
		return -ENOTCONN;
	return session_request(machine->session, slice_of(method), params, handlers, vm, NULL);
}

struct vmm_plug *vmm_plug_of(struct vm *vm)
{
	struct machine *machine = vm->machine;

	return machine ? &machine->plug : NULL;
}

struct command {
	backend_done done;
	void *owner;
};

static void command_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct command *command = owner;
	char text[256];

	(void)stream;
	if (result->text.length > 0)
		snprintf(text, sizeof(text), "%.*s", (int)result->text.length,
			 (const char *)result->text.bytes);
	else
		snprintf(text, sizeof(text), "%s", error_text(result->error));
	/* A VMM that ended instead of answering has done what was asked. */
	command->done(command->owner, result->error == -ECONNRESET ? 0 : result->error, text);
	free(command);
}

/* A VMM that does not do as it is told is ended by force. */
static void kill_by_force(uv_timer_t *timer)
{
	struct machine *machine = timer->data;

	if (machine->vm && process_runs(machine->vm->pid, "lodge-vmm"))
		kill(machine->vm->pid, SIGKILL);
}

static void command(struct vm *vm, enum backend_command what, backend_done done, void *owner)
{
	static const char *const method[] = {
		[BACKEND_POWER_BUTTON] = "vm.power-button",
		[BACKEND_KILL] = "vm.stop",
		[BACKEND_REBOOT] = "vm.reset",
		[BACKEND_PAUSE] = "vm.pause",
		[BACKEND_RESUME] = "vm.resume",
	};
	static const struct stream_handlers handlers = {.closed = command_closed};
	struct machine *machine = vm->machine;
	struct command *asked = calloc(1, sizeof(*asked));
	int r = -ENOMEM;

	if (asked) {
		*asked = (struct command){done, owner};
		r = session_request(machine->session, slice_of(method[what]),
				    (struct slice){NULL, 0}, &handlers, asked, NULL);
	}
	if (what == BACKEND_KILL)
		uv_timer_start(&machine->retry, kill_by_force, r == 0 ? KILL_MS : 0, 0);
	if (r == 0)
		return;
	free(asked);
	done(owner, what == BACKEND_KILL ? 0 : r, error_text(r));
}

static void count(struct vm *vm, struct statistics_round *round)
{
	const struct machine *machine = vm->machine;

	if (machine)
		vmm_count(vm, machine->session, round);
}

/* --- Letting go ----------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
	struct machine *machine = handle->data;

	if (--machine->closing == 0)
		free(machine);
}

static void release(struct vm *vm)
{
	struct machine *machine = vm->machine;

	if (!machine)
		return;
	vm->machine = NULL;
	machine->vm = NULL;
	machine->done = NULL;
	pump_free(machine->pump);
	machine->pump = NULL;
	session_free(machine->session);
	machine->session = NULL;
	machine->closing = machine->is_child ? 2 : 1;
	uv_close((uv_handle_t *)&machine->retry, handle_closed);
	if (machine->is_child)
		uv_close((uv_handle_t *)&machine->process, handle_closed);
}

const struct backend backend_vmm = {
	.name = "vmm",
	.start = start,
	.adopt = adopt,
	.command = command,
	.count = count,
	.memory = &vmm_memory_driver,
	.release = release,
};
