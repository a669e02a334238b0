/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A VM's connections to what is in it: its agent, its console, its screen, what it shares.
 */
#include "host/daemon/agent_memory.h"
#include "host/daemon/backend.h"
#include "host/daemon/broker/agent_link.h"
#include "host/daemon/bus/bus.h"
#include "host/daemon/console.h"
#include "host/daemon/lodged.h"
#include "host/daemon/screen/screen.h"
#include "host/daemon/share/vm_shares.h"
#include "host/daemon/vm.h"
#include "protocol/message.h"

#include <limits.h>

static void agent_changed(void *owner, bool available)
{
	struct vm *vm = owner;

	if (available)
		vm_wake(&vm->agent_waiters);
	if (available && vm->state == VM_STOPPING)
		vm_ask_agent(vm, "off");
	if (available)
		vm_screen_agent_changed(vm->screen);
	if (available)
		agent_memory_start(vm);
	if (available && vm->shares)
		vm_shares_agent_changed(vm->shares);
	bus_vm_changed(vm->lodged->bus, vm);
}

static void agent_wanted(void *owner)
{
	struct vm *vm = owner;

	vm->backend->open_agent(vm);
}

static void agent_asked(void *owner, struct stream *stream, struct slice method,
			struct slice params)
{
	struct vm *vm = owner;

	vm_shares_request(vm->shares, stream, method, params);
}

void vm_connect_agent(struct vm *vm, const char *path)
{
	static const struct agent_link_handlers handlers = {
		.changed = agent_changed,
		.connect = agent_wanted,
		.request = agent_asked,
	};

	if (!vm->agent)
		agent_link_new(&vm->lodged->loop, path, &handlers, vm, &vm->agent);
	lodged_check_idle(vm->lodged);
}

void vm_connect_to_guest(struct vm *vm, bool adopted)
{
	char path[PATH_MAX];

	if (vm_file(vm, "agent.sock", path, sizeof(path)) == 0)
		vm_connect_agent(vm, path);
	if (!vm->console && vm_file(vm, "console.sock", path, sizeof(path)) == 0)
		console_new(&vm->lodged->loop, path, &vm->console);
	vm_screen_start(vm);
	vm_shares_start(vm, adopted);
}

int vm_ask_agent(struct vm *vm, const char *action)
{
	struct power_params params = {.action = slice_of(action)};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_power_params, &params, &writer);
	return agent_link_tell(vm->agent, "power", cbor_written(&writer));
}
