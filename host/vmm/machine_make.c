/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/acpi/tables.h"
#include "host/vmm/dax_faults.h"
#include "host/vmm/display.h"
#include "host/vmm/irq_router.h"
#include "host/vmm/kvm.h"
#include "host/vmm/machine_internal.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

int machine_load_kernel(struct machine *machine)
{
	const struct options *options = machine->vm.options;
	const struct pci_window *high_window = &machine->vm.pci.high_window;
	struct acpi_machine acpi = {
		.cpus = options->cpus,
		.devices = {machine->console != NULL, high_window->base, high_window->size_bytes},
	};
	struct kernel_files files = {machine->kernel_fd, machine->initrd_fd, options->append,
				     acpi_write(&acpi, &machine->vm.start_memory)};
	struct kernel_image image;
	const char *problem;
	int error = kernel_load(&files, &machine->vm.start_memory, &image, &problem);

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

/* Where it may be plugged in is the devices' memory from the start. */
static int make_plug_region(struct vm *vm)
{
	struct plug_region *region = &vm->plug;
	unsigned int bits = kvm_address_bits(vm->kvm);

	vm->memory = vm->start_memory;
	plug_region_init(region, vm->kvm, vm->ram);
	if (region->size_bytes == 0)
		return 0;
	if (bits < 64 && region->gpa + region->size_bytes > 1ULL << bits)
		return -ENOSPC;
	return guestmem_add(&vm->memory, region->gpa, vm->ram->mapping + vm->ram->start_bytes,
			    region->size_bytes);
}

static enum exit_status make_memory(struct machine *machine)
{
	struct vm *vm = &machine->vm;
	uint64_t most = vm->options->memory_bytes + vm->options->plug_bytes;
	char size[16];
	int error = guest_memory_new(&machine->ram, &vm->start_memory, vm->options->memory_bytes,
				     vm->options->plug_bytes);

	if (!error)
		error = make_plug_region(vm);
	if (!error)
		error = kvm_set_memory(vm->kvm, &vm->start_memory);
	if (!error)
		return EXIT_STATUS_OFF;
	format_size(most, size, sizeof(size));
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
	error = loop_add_fd(vm->loop, machine->event_fd, EPOLLIN, machine_event_ready, machine,
			    &machine->event_source);
	if (!error)
		error = loop_add_fd(vm->loop, machine->grace_fd, EPOLLIN, machine_grace_is_over,
				    machine, &machine->grace_source);
	return error;
}

/* Room for DAX windows above RAM, if there are any; each is aligned to its size. */
static int make_high_window(struct vm *vm)
{
	struct pci_window window = {
		guest_memory_high_bars(vm->options->memory_bytes, vm->options->plug_bytes), 0};
	unsigned int bits = kvm_address_bits(vm->kvm);

	for (size_t i = 0; i < vm->options->shares; i++) {
		uint64_t size = vm->options->fs[i].dax_bytes;

		if (size > 0)
			window.size_bytes = ((window.size_bytes + size - 1) & ~(size - 1)) + size;
	}
	if (window.size_bytes == 0)
		return 0;
	if (bits < 64 && window.base + window.size_bytes > 1ULL << bits) {
		log_error("there is no room for DAX windows: this processor has addresses of %u "
			  "bits",
			  bits);
		return -ENOSPC;
	}
	pci_bus_set_high_window(&vm->pci, window);
	return 0;
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
		error = make_high_window(vm);
	if (!error)
		error = power_init(&machine->power, &vm->pio, &machine_power_handlers, machine);
	machine->pvpanic = (struct pvpanic){machine_guest_panicked, machine};
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
		error = vcpus_new(vm->kvm, vm->options->cpus, &vm->pio, &vm->mmio,
				  &machine_vcpus_handlers, machine, &machine->vcpus);
	return error;
}

static int start_connectors(struct vm *vm)
{
	for (size_t i = 0; i < vm->options->shares; i++) {
		const char *path = vm->options->fs[i].socket;
		int error = path ? connector_start(&vm->connector[i], path) : 0;

		if (error) {
			log_error("cannot start a helper process: %s", error_text(error));
			return error;
		}
	}
	return 0;
}

static void free_shares(struct vm *vm)
{
	for (size_t i = 0; i < OPTIONS_MAX_FS; i++) {
		connector_end(&vm->connector[i]);
		dax_faults_forget(vm->dax_window[i]);
		dax_window_free(vm->dax_window[i]);
	}
}

static enum exit_status make(struct machine *machine)
{
	enum exit_status status;
	int error = listens(machine->vm.options) ? socket_list_start(&machine->vm.sockets) : 0;

	if (error) {
		log_error("cannot start a helper process: %s", error_text(error));
		return EXIT_STATUS_FAILED;
	}
	if (start_connectors(&machine->vm) < 0)
		return EXIT_STATUS_FAILED;
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
	return machine_load_kernel(machine) < 0 ? EXIT_STATUS_KERNEL : EXIT_STATUS_OFF;
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

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	vcpus_free(machine->vcpus);
	pci_bus_free_functions(&machine->vm.pci);
	free_shares(&machine->vm);
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
