/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/machine_internal.h"

#include "host/vmm/kvm.h"
#include "host/vmm/ports.h"
#include "host/vmm/virtio/mem.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

/* How long a guest has to power off after its button was pressed for a signal. */
#define GRACE_SECONDS 10

/* --- Events: vCPU threads -----------------------------------------------------------------------
 */

static void report(struct machine *machine, enum event event)
{
	int none = EVENT_NONE;

	vcpus_park(machine->vcpus);
	atomic_compare_exchange_strong(&machine->event, &none, event);
	eventfd_write(machine->event_fd, 1);
}

static void guest_is_off(void *owner)
{
	report(owner, EVENT_POWER_OFF);
}

static void guest_reboots(void *owner)
{
	report(owner, EVENT_REBOOT);
}

void machine_guest_panicked(void *owner)
{
	report(owner, EVENT_PANIC);
}

static void vcpu_ended(void *owner, bool failed)
{
	report(owner, failed ? EVENT_FAILED : EVENT_TRIPLE_FAULT);
}

static void vcpu_stuck(void *owner)
{
	report(owner, EVENT_STUCK);
}

static void set_power_irq(void *owner, bool level)
{
	struct machine *machine = owner;

	kvm_set_irq(machine->vm.kvm, POWER_IRQ, level);
}

const struct power_handlers machine_power_handlers = {guest_is_off, guest_reboots, set_power_irq};
const struct vcpus_handlers machine_vcpus_handlers = {vcpu_ended, vcpu_stuck};

/* --- State: the main thread ---------------------------------------------------------------------
 */

static void set_state(struct machine *machine, enum machine_state state, const char *reason)
{
	machine->state = state;
	if (machine->watcher)
		machine->watcher(machine->watcher_owner, state, reason);
}

static void stop(struct machine *machine, enum exit_status status, const char *reason)
{
	if (machine->state == MACHINE_STOPPED)
		return;
	vcpus_pause(machine->vcpus);
	machine->exit_status = status;
	set_state(machine, MACHINE_STOPPED, reason);
	loop_stop(machine->vm.loop);
}

static int restart(struct machine *machine)
{
	int error;

	vcpus_pause(machine->vcpus);
	atomic_store(&machine->event, EVENT_NONE);
	pci_bus_reset(&machine->vm.pci);
	if (machine->vm.mem)
		virtio_mem_restart(machine->vm.mem);
	console_reset(machine->console);
	power_reset(&machine->power);
	kvm_reset_irqchip(machine->vm.kvm);
	error = vcpus_reset(machine->vcpus);
	if (!error)
		error = guest_memory_clear(&machine->ram);
	if (!error)
		error = machine_load_kernel(machine);
	if (error) {
		log_error("cannot restart the machine: %s", error_text(error));
		stop(machine, EXIT_STATUS_FAILED, "error");
		return error;
	}
	machine->restarts++;
	if (machine->state == MACHINE_PAUSED)
		pci_bus_resume(&machine->vm.pci);
	set_state(machine, machine->state == MACHINE_STOPPING ? MACHINE_STOPPING : MACHINE_RUNNING,
		  "");
	vcpus_resume(machine->vcpus);
	return 0;
}

static void pause_all(struct machine *machine)
{
	vcpus_pause(machine->vcpus);
	pci_bus_pause(&machine->vm.pci);
	set_state(machine, MACHINE_PAUSED, "");
}

static void act(struct machine *machine, enum options_action action, enum exit_status status,
		const char *reason)
{
	/* Who was asked to power off and rebooted instead has ended too. */
	if (machine->state == MACHINE_STOPPING)
		stop(machine, EXIT_STATUS_OFF, reason);
	else if (action == ACTION_RESTART)
		restart(machine);
	else if (action == ACTION_PAUSE)
		pause_all(machine);
	else
		stop(machine, status, reason);
}

void machine_event_ready(void *owner, uint32_t events)
{
	struct machine *machine = owner;
	const struct options *options = machine->vm.options;
	eventfd_t ignored;

	(void)events;
	eventfd_read(machine->event_fd, &ignored);
	switch ((enum event)atomic_exchange(&machine->event, EVENT_NONE)) {
	case EVENT_NONE:
		break;
	case EVENT_POWER_OFF:
		stop(machine, EXIT_STATUS_OFF, "power-off");
		break;
	case EVENT_REBOOT:
		act(machine, options->on_reboot, EXIT_STATUS_REBOOT, "reboot");
		break;
	case EVENT_PANIC:
		log_warning("the guest's kernel panicked");
		act(machine, options->on_panic, EXIT_STATUS_PANIC, "panic");
		break;
	case EVENT_TRIPLE_FAULT:
		act(machine, options->on_triple_fault, EXIT_STATUS_TRIPLE_FAULT, "triple-fault");
		break;
	case EVENT_STUCK:
		log_warning("the guest uses a page of a share (dax) that cannot be had: is the "
			    "disk full, or broken? Paused; it goes on where it was when it is "
			    "resumed");
		pause_all(machine);
		break;
	case EVENT_FAILED:
		stop(machine, EXIT_STATUS_FAILED, "error");
		break;
	}
}

void machine_grace_is_over(void *owner, uint32_t events)
{
	struct machine *machine = owner;

	(void)events;
	log_warning("the guest did not power off within %d s: stopped", GRACE_SECONDS);
	stop(machine, EXIT_STATUS_OFF, "killed");
}

/* --- Requests ----------------------------------------------------------------------------------
 */

int machine_pause(struct machine *machine)
{
	if (machine->state == MACHINE_PAUSED)
		return 0;
	if (machine->state != MACHINE_RUNNING)
		return -EINVAL;
	pause_all(machine);
	return 0;
}

int machine_resume(struct machine *machine)
{
	if (machine->state == MACHINE_RUNNING)
		return 0;
	if (machine->state != MACHINE_PAUSED)
		return -EINVAL;
	pci_bus_resume(&machine->vm.pci);
	set_state(machine, MACHINE_RUNNING, "");
	vcpus_resume(machine->vcpus);
	return 0;
}

int machine_press_power_button(struct machine *machine)
{
	if (machine->state != MACHINE_RUNNING && machine->state != MACHINE_STOPPING)
		return -EINVAL;
	power_press_button(&machine->power);
	return 0;
}

int machine_reset(struct machine *machine)
{
	if (machine->state == MACHINE_STOPPED)
		return -EINVAL;
	return restart(machine);
}

void machine_shut_down(struct machine *machine)
{
	struct itimerspec grace = {.it_value.tv_sec = GRACE_SECONDS};

	if (machine->state == MACHINE_STOPPING) {
		stop(machine, EXIT_STATUS_OFF, "killed");
		return;
	}
	if (machine_resume(machine) < 0)
		return;
	set_state(machine, MACHINE_STOPPING, "");
	power_press_button(&machine->power);
	timerfd_settime(machine->grace_fd, 0, &grace, NULL);
}

void machine_kill(struct machine *machine)
{
	stop(machine, EXIT_STATUS_KILLED, "killed");
}

enum machine_state machine_state(const struct machine *machine)
{
	return machine->state;
}

const char *machine_state_name(enum machine_state state)
{
	static const char *const names[] = {
		[MACHINE_RUNNING] = "running",
		[MACHINE_PAUSED] = "paused",
		[MACHINE_STOPPING] = "stopping",
		[MACHINE_STOPPED] = "stopped",
	};

	return names[state];
}

unsigned int machine_restarts(const struct machine *machine)
{
	return machine->restarts;
}

const char *machine_boot_kind(const struct machine *machine)
{
	return kernel_kind_name(machine->kernel_kind);
}

struct vm *machine_vm(struct machine *machine)
{
	return &machine->vm;
}

void machine_watch(struct machine *machine, machine_watcher watcher, void *owner)
{
	machine->watcher = watcher;
	machine->watcher_owner = owner;
}

enum exit_status machine_start(struct machine *machine)
{
	int error;

	socket_list_seal(&machine->vm.sockets);
	error = pci_bus_start(&machine->vm.pci);

	if (!error)
		error = vcpus_start(machine->vcpus, machine->vm.sandboxed);
	if (error) {
		log_error("cannot start the machine: %s", error_text(error));
		return EXIT_STATUS_FAILED;
	}
	set_state(machine, MACHINE_RUNNING, "");
	vcpus_resume(machine->vcpus);
	return EXIT_STATUS_OFF;
}

enum exit_status machine_run(struct machine *machine)
{
	int error = loop_run(machine->vm.loop);

	if (error) {
		log_error("the main loop failed: %s", error_text(error));
		return EXIT_STATUS_FAILED;
	}
	return machine->exit_status;
}
