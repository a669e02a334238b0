/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devices - which virtio devices a machine has
 *
 * One line of the table a kind. Its function makes as many devices as the options ask for and plugs
 * each in.
 */
#include "host/vmm/block/raw.h"
#include "host/vmm/dax_faults.h"
#include "host/vmm/disk_lock.h"
#include "host/vmm/display.h"
#include "host/vmm/exit_status.h"
#include "host/vmm/net/user.h"
#include "host/vmm/virtio/balloon.h"
#include "host/vmm/virtio/blk.h"
#include "host/vmm/virtio/console.h"
#include "host/vmm/virtio/fs.h"
#include "host/vmm/virtio/gpu.h"
#include "host/vmm/virtio/input.h"
#include "host/vmm/virtio/mem.h"
#include "host/vmm/virtio/net.h"
#include "host/vmm/virtio/pci_transport.h"
#include "host/vmm/virtio/rng.h"
#include "host/vmm/vm.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <sys/socket.h>

/* Takes over the device, whatever the result. NULL: after a line about it. */
static struct pci_function *plug_function(struct vm *vm, struct virtio_device *device)
{
	struct virtio_pci *transport;
	int result = virtio_pci_new(device, vm->kvm, vm->msi_router, &vm->sandboxed, &transport);

	if (result == 0) {
		struct pci_function *function = virtio_pci_function(transport);

		result = pci_bus_add(&vm->pci, function);
		if (result == 0) {
			device->next = vm->devices;
			vm->devices = device;
			return function;
		}
		function->ops->free(function);
	}
	log_error("cannot add a device to the machine: %s", error_text(result));
	return NULL;
}

static int plug(struct vm *vm, struct virtio_device *device)
{
	return plug_function(vm, device) ? 0 : EXIT_STATUS_FAILED;
}

static int out_of(const char *what, int error)
{
	log_error("cannot make %s: %s", what, error_text(error));
	return EXIT_STATUS_FAILED;
}

/* --- Ports --- */

static int listen_on_ports(struct vm *vm, struct virtio_console_port port[VIRTIO_CONSOLE_MAX_PORTS])
{
	const struct options *options = vm->options;

	for (size_t i = 0; i < options->ports; i++) {
		port[i].name = options->port[i].name;
		port[i].listen_fd = socket_list_listen(&vm->sockets, options->port[i].path);
		if (port[i].listen_fd < 0) {
			log_error("port %s: cannot listen on '%s': %s", port[i].name,
				  options->port[i].path, error_text(port[i].listen_fd));
			return EXIT_STATUS_FAILED;
		}
	}
	return 0;
}

static int create_console(struct vm *vm)
{
	struct virtio_console_port port[VIRTIO_CONSOLE_MAX_PORTS];
	unsigned int count = (unsigned int)vm->options->ports;
	struct virtio_device *device;
	int result;

	if (count == 0)
		return 0;
	for (unsigned int i = 0; i < count; i++)
		port[i].listen_fd = -EBADF;
	result = listen_on_ports(vm, port);
	if (result == 0) {
		int error = virtio_console_new(&vm->reachable, port, count, &device);

		if (error == 0)
			return plug(vm, device);
		result = out_of("the ports", error);
	}
	for (unsigned int i = 0; i < count; i++)
		cleanup_close(&port[i].listen_fd);
	return result;
}

/* --- Disks --- */

static int open_disk(const struct options_disk *options)
{
	int flags = (options->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	_cleanup_close_ int fd = open(options->path, flags);
	int error;

	if (fd < 0) {
		bool forbidden = errno == EACCES || errno == EROFS;

		log_error("cannot open the disk '%s': %s%s", options->path, error_text(errno),
			  forbidden && !options->read_only ? "; to only read it, add ',ro'" : "");
		return -errno;
	}
	error = disk_lock(fd, options->read_only);
	if (error == -EBUSY)
		log_error("the disk '%s' is in use by another process", options->path);
	else if (error)
		log_error("cannot lock the disk '%s': %s", options->path, error_text(error));
	return error ? error : take_fd(&fd);
}

static void explain_disk(const struct options_disk *options, int error)
{
	if (error == -ENOTBLK)
		log_error("the disk '%s' is neither a file nor a block device", options->path);
	else if (error == -EINVAL)
		log_error("the disk '%s' is empty: it needs at least 512 bytes", options->path);
	else
		log_error("cannot use the disk '%s': %s", options->path, error_text(error));
}

static int create_disk(struct vm *vm, const struct options_disk *options, unsigned int number)
{
	struct virtio_device *device;
	struct block *block;
	int error, fd = open_disk(options);

	if (fd < 0)
		return EXIT_STATUS_DISK;
	error = raw_open(fd, options->read_only, RAW_ENGINE_BEST, &block);
	if (error) {
		explain_disk(options, error);
		close(fd);
		return EXIT_STATUS_DISK;
	}
	error = virtio_blk_new(&vm->reachable, block, number, options->serial, options->queues,
			       &vm->sandboxed, &device);
	if (error) {
		block_free(block);
		return out_of("a disk", error);
	}
	return plug(vm, device);
}

static int create_disks(struct vm *vm)
{
	int result = 0;

	for (size_t i = 0; i < vm->options->disks && result == 0; i++)
		result = create_disk(vm, &vm->options->disk[i], (unsigned int)i);
	return result;
}

/* --- Network --- */

/* The same name gives the same address, so that a guest is known again: FNV-1a. */
static void derive_mac(const char *name, uint8_t mac[6])
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	memcpy(mac, (const uint8_t[]){0x52, 0x54, 0x00}, 3);
	memcpy(mac + 3, &hash, 3);
}

static int create_net(struct vm *vm)
{
	const struct options_net *options = &vm->options->net;
	static const uint8_t none[6];
	struct virtio_device *device;
	struct net_backend *backend;
	uint8_t mac[6];
	int error;

	if (!options->present)
		return 0;
	if (net_user_new(options, &backend) < 0)
		return EXIT_STATUS_FAILED;
	memcpy(mac, options->mac, sizeof(mac));
	if (memcmp(mac, none, sizeof(mac)) == 0)
		derive_mac(vm->options->name, mac);
	error = virtio_net_new(&vm->reachable, backend, mac, &device);
	if (error) {
		backend->ops->free(backend);
		return out_of("the network card", error);
	}
	return plug(vm, device);
}

/* --- Display --- */

static int serve_display(struct vm *vm)
{
	const struct options_display *options = &vm->options->display;
	struct display_setup setup = {
		.heads = options->heads,
		.width = options->width,
		.height = options->height,
		.ram = vm->ram->mapping,
		.ram_bytes = vm->ram->size_bytes,
		.ram_fd = vm->ram->fd,
	};
	int fd = socket_list_listen_type(&vm->sockets, options->socket, SOCK_SEQPACKET), error;

	if (fd < 0) {
		log_error("display: cannot listen on '%s': %s", options->socket, error_text(fd));
		return EXIT_STATUS_FAILED;
	}
	error = display_new(&setup, vm->loop, fd, &vm->display);
	return error ? out_of("the display", error) : 0;
}

static int create_gpu(struct vm *vm)
{
	struct virtio_device *device;
	int error = virtio_gpu_new(&vm->reachable, vm->display, &device);

	return error ? out_of("the display", error) : plug(vm, device);
}

static int create_input(struct vm *vm, enum virtio_input_kind kind, struct virtio_device **device)
{
	int error = virtio_input_new(&vm->reachable, kind,
				     kind == VIRTIO_INPUT_KEYBOARD ? display_input_leds : NULL,
				     vm->display, device);

	return error ? out_of("an input device", error) : plug(vm, *device);
}

static int create_inputs(struct vm *vm)
{
	struct display_input *input = &vm->display_input;
	int result = create_input(vm, VIRTIO_INPUT_KEYBOARD, &input->keyboard), error;

	if (!result)
		result = create_input(vm, VIRTIO_INPUT_TABLET, &input->tablet);
	if (!result)
		result = create_input(vm, VIRTIO_INPUT_MOUSE, &input->mouse);
	if (result)
		return result;
	error = display_input_connect(input, vm->display);
	return error ? out_of("the display", error) : 0;
}

static int create_display(struct vm *vm)
{
	int result;

	if (!vm->options->display.socket)
		return 0;
	result = serve_display(vm);
	if (!result)
		result = create_gpu(vm);
	if (!result)
		result = create_inputs(vm);
	return result;
}

/* --- Shares --- */

static int open_share(const struct options_fs *options, struct vhost_sockets *sockets)
{
	int error = options->socket ? vhost_connect(options->socket, sockets)
				    : vhost_take(options->fd, sockets);

	if (error && options->socket)
		log_error(
			"cannot connect to the server of the share '%s' at '%s': %s; is lodge-fsd "
			"running there?",
			options->tag, options->socket, error_text(error));
	else if (error)
		log_error("descriptor %d is not connected to a server for the share '%s': %s",
			  options->fd, options->tag, error_text(error));
	else if (!options->socket)
		(void)fcntl(options->fd, F_SETFD, FD_CLOEXEC);
	return error;
}

static int make_window(struct vm *vm, unsigned int number, struct virtio_fs_setup *setup)
{
	int error = dax_window_new(setup->options->dax_bytes, &vm->dax_window[number]);

	if (error)
		return error;
	setup->window = vm->dax_window[number];
	return dax_faults_watch(setup->window, &setup->window_timer_fd);
}

/* Guests use what they have mapped as buffers for other devices, too. */
static int make_window_reachable(struct vm *vm, const struct dax_window *window,
				 const struct pci_function *function)
{
	return guestmem_add(&vm->reachable, pci_function_bar_address(function, VIRTIO_BAR_WINDOW),
			    dax_window_host(window), dax_window_size(window));
}

static int create_share(struct vm *vm, unsigned int number)
{
	struct virtio_fs_setup setup = {
		.options = &vm->options->fs[number],
		.default_queues = MIN(vm->options->cpus, VIRTIO_FS_DEFAULT_QUEUES),
		.memory = &vm->memory,
		.ram = vm->ram,
		.kvm = vm->kvm,
		.number = number,
	};
	struct virtio_device *device;
	struct pci_function *function;

	if (setup.options->dax_bytes > 0 && make_window(vm, number, &setup) < 0)
		return out_of("a DAX window", -ENOMEM);
	if (open_share(setup.options, &setup.sockets) < 0)
		return EXIT_STATUS_FAILED;
	setup.connector = vm->connector[number];
	vm->connector[number] = (struct connector){0};
	if (virtio_fs_new(&setup, &device) < 0)
		return EXIT_STATUS_FAILED;
	function = plug_function(vm, device);
	if (!function)
		return EXIT_STATUS_FAILED;
	if (setup.window && make_window_reachable(vm, setup.window, function) < 0)
		return out_of("a DAX window", -ENOSPC);
	return 0;
}

static int create_shares(struct vm *vm)
{
	int result = 0;

	for (unsigned int i = 0; i < vm->options->shares && result == 0; i++)
		result = create_share(vm, i);
	return result;
}

/* --- Entropy --- */

static int create_rng(struct vm *vm)
{
	struct virtio_device *device;
	int error = virtio_rng_new(&vm->reachable, &device);

	return error ? out_of("the entropy device", error) : plug(vm, device);
}

/* --- Memory balloon --- */

static int give_back(void *owner, uint64_t offset, uint64_t length)
{
	return guest_memory_give_back(owner, offset, length);
}

/* Of RAM alone: what lies in a window is files', and the back ends'. */
static int create_balloon(struct vm *vm)
{
	struct virtio_balloon_setup setup = {&vm->memory, give_back, vm->ram};
	struct virtio_device *device;
	int error;

	if (!vm->options->balloon)
		return 0;
	error = virtio_balloon_new(&setup, &device);
	if (error)
		return out_of("the memory balloon", error);
	if (plug(vm, device))
		return EXIT_STATUS_FAILED;
	vm->balloon = device;
	virtio_balloon_set_ram(device, vm->ram->start_bytes);
	return 0;
}

/* --- Memory that is plugged in --- */

static int give_block_back(void *owner, uint64_t offset, uint64_t length)
{
	struct vm *vm = owner;

	return plug_region_give_back(&vm->plug, offset, length);
}

static int reach(void *owner, uint64_t bytes)
{
	struct vm *vm = owner;

	return plug_region_reach(&vm->plug, bytes);
}

static void on_plugged(void *owner, uint64_t bytes)
{
	struct vm *vm = owner;

	if (vm->balloon)
		virtio_balloon_set_ram(vm->balloon, vm->ram->start_bytes + bytes);
}

/* After the balloon, which is told of it. */
static int create_mem(struct vm *vm)
{
	static const struct virtio_mem_ops mem_ops = {give_block_back, reach, on_plugged};
	struct virtio_mem_setup setup = {&vm->memory, vm->plug.gpa, vm->plug.size_bytes, &mem_ops,
					 vm};
	struct virtio_device *device;
	int error;

	if (setup.size_bytes == 0)
		return 0;
	error = virtio_mem_new(&setup, &device);
	if (error)
		return out_of("the memory device", error);
	if (plug(vm, device))
		return EXIT_STATUS_FAILED;
	vm->mem = device;
	return 0;
}

static int (*const kinds[])(struct vm *vm) = {
	create_console, create_disks,	create_net, create_display,
	create_shares,	create_balloon, create_mem, create_rng,
};

int virtio_create_devices(struct vm *vm)
{
	int result = 0;

	vm->reachable = vm->memory;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && result == 0; i++)
		result = kinds[i](vm);
	return result;
}
