/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/machine.h"

#include "host/vmm/acpi/tables.h"
#include "host/vmm/boot/kernel.h"
#include "host/vmm/console.h"
#include "host/vmm/display.h"
#include "host/vmm/guest_memory.h"
#include "host/vmm/irq_router.h"
#include "host/vmm/kvm.h"
#include "host/vmm/loop.h"
#include "host/vmm/ports.h"
#include "host/vmm/power.h"
#include "host/vmm/pvpanic.h"
#include "host/vmm/vcpus.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

/* How long a guest has to power off after its button was pressed for a signal. */
#define GRACE_SECONDS 10

enum event {
	EVENT_NONE,
	EVENT_POWER_OFF,
	EVENT_REBOOT,
	EVENT_PANIC,
	EVENT_TRIPLE_FAULT,
	EVENT_FAILED,
};

struct machine {
	struct vm vm;
	struct guest_memory ram;
	struct vcpus *vcpus;
	struct console *console;
	struct power power;
	struct pvpanic pvpanic;
	int kernel_fd, initrd_fd;
	enum kernel_kind kernel_kind;

	int event_fd; /* wakes the main thread for @event */
	int grace_fd; /* timer */
	struct loop_source *event_source, *grace_source;
	_Atomic int event; /* enum event: the first that was not handled yet */

	enum machine_state state;
	enum exit_status exit_status;
	unsigned int restarts;
	machine_watcher watcher;
	void *watcher_owner;
};

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

static void guest_panicked(void *owner)
{
	report(owner, EVENT_PANIC);
}

static void vcpu_ended(void *owner, bool failed)
{
	report(owner, failed ? EVENT_FAILED : EVENT_TRIPLE_FAULT);
}

static void set_power_irq(void *owner, bool level)
{
	struct machine *machine = owner;

	kvm_set_irq(machine->vm.kvm, POWER_IRQ, level);
}

static const struct power_handlers power_handlers = {guest_is_off, guest_reboots, set_power_irq};
static const struct vcpus_handlers vcpus_handlers = {vcpu_ended};

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

static int load_kernel(struct machine *machine)
{
	const struct options *options = machine->vm.options;
	struct acpi_machine acpi = {options->cpus, machine->console != NULL};
	struct kernel_files files = {machine->kernel_fd, machine->initrd_fd, options->append,
				     acpi_write(&acpi, &machine->vm.memory)};
	struct kernel_image image;
	const char *problem;
	int error = kernel_load(&files, &machine->vm.memory, &image, &problem);

	if (error) {
		log_error("cannot boot the kernel '%s'%s%s: %s", options->kernel,
			  options->initrd ? " with initrd " : "",
			  options->initrd ? options->initrd : "", problem);
		return error;
	}
	machine->kernel_kind = image.kind;
	return vcpus_enter(machine->vcpus, &image.entry);
}

/* Everything as after power-on, but the files that are open stay so: no path is needed. */
static int restart(struct machine *machine)
{
	int error;

	vcpus_pause(machine->vcpus);
	atomic_store(&machine->event, EVENT_NONE);
	pci_bus_reset(&machine->vm.pci);
	console_reset(machine->console);
	power_reset(&machine->power);
	kvm_reset_irqchip(machine->vm.kvm);
	error = vcpus_reset(machine->vcpus);
	if (!error)
		error = guest_memory_clear(&machine->ram);
	if (!error)
		error = load_kernel(machine);
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

static void event_ready(void *owner, uint32_t events)
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
	case EVENT_FAILED:
		stop(machine, EXIT_STATUS_FAILED, "error");
		break;
	}
}

static void grace_is_over(void *owner, uint32_t events)
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

/* --- Making it ----------------------------------------------------------------------------------
 */

static bool listens(const struct options *options)
{
	return options->control || options->ports || options->display.socket ||
	       options->serial == SERIAL_UNIX;
}

static enum exit_status open_kernel(struct machine *machine)
{
	const struct options *options = machine->vm.options;

	machine->kernel_fd = open(options->kernel, O_RDONLY | O_CLOEXEC);
	if (machine->kernel_fd < 0) {
		log_error("cannot open the kernel '%s': %s", options->kernel, error_text(errno));
		return EXIT_STATUS_KERNEL;
	}
	if (!options->initrd)
		return EXIT_STATUS_OFF;
	machine->initrd_fd = open(options->initrd, O_RDONLY | O_CLOEXEC);
	if (machine->initrd_fd < 0) {
		log_error("cannot open the initrd '%s': %s", options->initrd, error_text(errno));
		return EXIT_STATUS_KERNEL;
	}
	return EXIT_STATUS_OFF;
}

static enum exit_status make_memory(struct machine *machine)
{
	struct vm *vm = &machine->vm;
	char size[16];
	int error = guest_memory_new(&machine->ram, &vm->memory, vm->options->memory_bytes);

	if (!error)
		error = kvm_set_memory(vm->kvm, &vm->memory);
	if (!error)
		return EXIT_STATUS_OFF;
	format_size(vm->options->memory_bytes, size, sizeof(size));
	log_error("cannot get %s of memory for the guest: %s; ask for less (--memory)", size,
		  error_text(error));
	return EXIT_STATUS_MEMORY;
}

static int make_loop(struct machine *machine)
{
	struct vm *vm = &machine->vm;
	int error;

	vm->loop = loop_new();
	machine->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	machine->grace_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!vm->loop || machine->event_fd < 0 || machine->grace_fd < 0)
		return -errno;
	error = loop_add_fd(vm->loop, machine->event_fd, EPOLLIN, event_ready, machine,
			    &machine->event_source);
	if (!error)
		error = loop_add_fd(vm->loop, machine->grace_fd, EPOLLIN, grace_is_over, machine,
				    &machine->grace_source);
	return error;
}

static int make_buses(struct machine *machine)
{
	struct vm *vm = &machine->vm;
	struct pci_window window = {LAYOUT_BAR_BASE, LAYOUT_BAR_SIZE};
	int error;

	io_bus_init(&vm->pio, &vm->io_lock);
	io_bus_init(&vm->mmio, &vm->io_lock);
	error = pci_bus_init(&vm->pci, &vm->pio, &vm->mmio, LAYOUT_ECAM, window);
	if (!error)
		error = power_init(&machine->power, &vm->pio, &power_handlers, machine);
	machine->pvpanic = (struct pvpanic){guest_panicked, machine};
	if (!error)
		error = pvpanic_init(&machine->pvpanic, &vm->pio);
	if (!error)
		error = irq_router_new(vm->kvm, &vm->msi_router);
	return error;
}

static int make_parts(struct machine *machine)
{
	struct vm *vm = &machine->vm;
	int error = make_loop(machine);

	if (!error)
		error = make_buses(machine);
	if (!error)
		error = vcpus_new(vm->kvm, vm->options->cpus, &vm->pio, &vm->mmio, &vcpus_handlers,
				  machine, &machine->vcpus);
	return error;
}

static enum exit_status make(struct machine *machine)
{
	enum exit_status status;
	int error = listens(machine->vm.options) ? socket_list_start(&machine->vm.sockets) : 0;

	if (error) {
		log_error("cannot start a helper process: %s", error_text(error));
		return EXIT_STATUS_FAILED;
	}
	status = open_kernel(machine);
	if (status)
		return status;
	if (kvm_new(&machine->vm.kvm) < 0)
		return EXIT_STATUS_KVM;
	status = make_memory(machine);
	if (status)
		return status;
	error = make_parts(machine);
	if (error) {
		log_error("cannot make the machine: %s", error_text(error));
		return EXIT_STATUS_FAILED;
	}
	if (console_new(&machine->vm, &machine->console) < 0)
		return EXIT_STATUS_FAILED;
	status = (enum exit_status)virtio_create_devices(&machine->vm);
	if (status)
		return status;
	return load_kernel(machine) < 0 ? EXIT_STATUS_KERNEL : EXIT_STATUS_OFF;
}

enum exit_status machine_new(const struct options *options, struct machine **machine)
{
	struct machine *made = calloc(1, sizeof(*made));
	enum exit_status status;

	if (!made) {
		log_error("out of memory");
		return EXIT_STATUS_FAILED;
	}
	made->vm.options = options;
	made->vm.ram = &made->ram;
	made->vm.sandboxed = options->sandbox;
	made->kernel_fd = made->initrd_fd = made->event_fd = made->grace_fd = -EBADF;
	made->ram.fd = made->vm.sockets.pipe_fd = -EBADF;
	pthread_mutex_init(&made->vm.io_lock, NULL);
	status = make(made);
	if (status)
		machine_free(made);
	else
		*machine = made;
	return status;
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

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	vcpus_free(machine->vcpus);
	pci_bus_free_functions(&machine->vm.pci);
	display_free(machine->vm.display);
	console_free(machine->console);
	irq_router_free(machine->vm.msi_router);
	kvm_free(machine->vm.kvm);
	guest_memory_free(&machine->ram);
	loop_remove(machine->event_source);
	loop_remove(machine->grace_source);
	loop_free(machine->vm.loop);
	cleanup_close(&machine->event_fd);
	cleanup_close(&machine->grace_fd);
	cleanup_close(&machine->kernel_fd);
	cleanup_close(&machine->initrd_fd);
	socket_list_end(&machine->vm.sockets);
	pthread_mutex_destroy(&machine->vm.io_lock);
	free(machine);
}
