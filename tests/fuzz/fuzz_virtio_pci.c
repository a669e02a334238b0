/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/*
 * Registers of a device of two queues, and its PCI configuration space: accesses of any width at
 * any offset, in any order.
 */
#include "tests/fuzz/virtio_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct nothing {
	struct virtio_device device;
	uint8_t config[24];
};

static void config_write(struct virtio_device *device, size_t offset, const void *bytes,
			 size_t size)
{
	struct nothing *nothing = CONTAINER_OF(device, struct nothing, device);

	memcpy(nothing->config + offset, bytes, size);
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct virtqueue_chain chain;

	for (int i = 0; i < 64 && virtio_pop(device, index, &chain); i++)
		virtqueue_push(virtio_queue(device, index), chain.head, 0);
	virtio_notify(device, index);
}

static void free_nothing(struct virtio_device *device)
{
	virtio_device_release(device);
	free(CONTAINER_OF(device, struct nothing, device));
}

static const struct virtio_device_ops ops = {
	.name = "nothing",
	.id = 63,
	.config_write = config_write,
	.queue_ready = queue_ready,
	.free = free_nothing,
};

static void access_config_space(struct guest *guest, const uint8_t *command)
{
	unsigned int width = 1U << command[1] % 3;

	pci_function_config_write(guest->function, load_le16(command + 2) % 300, width,
				  load_le32(command + 4));
	pci_function_config_read(guest->function, load_le16(command + 8) % 300, width);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct nothing *nothing = calloc(1, sizeof(*nothing));
	struct guest guest;

	guest_init(&guest);
	nothing->device = (struct virtio_device){
		.ops = &ops,
		.offered_features = 0xff,
		.config = nothing->config,
		.config_size = sizeof(nothing->config),
		.queues = 2,
	};
	if (virtio_device_init(&nothing->device, &guest.memory, 64) < 0)
		abort();
	fuzz_run(&guest, &nothing->device, 0xff, access_config_space, bytes, size);
	return 0;
}
