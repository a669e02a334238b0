/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/mem.h"

#include "host/vmm/virtio/change.h"
#include "host/vmm/virtio/mem_blocks.h"
#include "protocol/base/bytes.h"
#include "protocol/base/iov.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <linux/virtio_mem.h>
#include <stdio.h>

#define QUEUE_SIZE	  16
#define PCI_CLASS_UNKNOWN 0x00ff00
#define REQUESTS_AT_ONCE  16 /* before others have their turn */

#define BLOCK VIRTIO_MEM_BLOCK_BYTES
#define STEP  VIRTIO_MEM_STEP_BYTES

struct mem {
	struct virtio_device device;
	struct virtio_mem_setup setup;
	struct change changed;

	/* In the device's thread. */
	struct mem_blocks blocks;
	int told_failure; /* of giving back */

	/* In any thread; each is set by one. */
	_Atomic uint64_t requested, usable; /* the main thread */
	_Atomic uint64_t plugged;	    /* the device's */
	atomic_bool driver;		    /* the device's */
};

static struct mem *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct mem, device);
}

/* --- Configuration: vCPUs --- */

static void config_read(struct virtio_device *device, size_t offset, void *bytes, size_t size)
{
	const struct mem *mem = of(device);
	struct virtio_mem_config config = {
		.block_size = htole64(BLOCK),
		.addr = htole64(mem->setup.gpa),
		.region_size = htole64(mem->setup.size_bytes),
		.usable_region_size = htole64(atomic_load(&mem->usable)),
		.plugged_size = htole64(atomic_load(&mem->plugged)),
		.requested_size = htole64(atomic_load(&mem->requested)),
	};

	memcpy(bytes, (const char *)&config + offset, size);
}

/* --- Requests --- */

/* Blocks that a request names. */
struct range {
	size_t first, count;
};

/* Return: whether they are blocks of what is usable (5.15.6.1). */
static bool find_range(const struct mem *mem, uint64_t gpa, uint16_t count, struct range *range)
{
	uint64_t usable = atomic_load(&mem->usable), offset = gpa - mem->setup.gpa;

	if (gpa < mem->setup.gpa || offset % BLOCK != 0 || count == 0 || offset > usable ||
	    count * BLOCK > usable - offset)
		return false;
	*range = (struct range){(size_t)(offset / BLOCK), count};
	return true;
}

static void set_plugged(struct mem *mem)
{
	uint64_t bytes = mem->blocks.plugged * BLOCK;

	if (atomic_exchange(&mem->plugged, bytes) == bytes)
		return;
	mem->setup.ops->plugged(mem->setup.owner, bytes);
	change_tell(&mem->changed);
}

static uint16_t plug(struct mem *mem, struct range range)
{
	uint64_t requested = atomic_load(&mem->requested), plugged = atomic_load(&mem->plugged);

	if (!mem_blocks_all(&mem->blocks, range.first, range.count, false))
		return VIRTIO_MEM_RESP_ERROR;
	if (plugged > requested || range.count * BLOCK > requested - plugged)
		return VIRTIO_MEM_RESP_NACK;
	mem_blocks_set(&mem->blocks, range.first, range.count, true);
	set_plugged(mem);
	return VIRTIO_MEM_RESP_ACK;
}

/* A driver tries again; whoever looks for the memory on the host should know. */
static void tell_failure(struct mem *mem, int error)
{
	if (error == -EBUSY || error == mem->told_failure)
		return;
	mem->told_failure = error;
	log_warning("%s: memory that was plugged out cannot be given back to the host: %s",
		    mem->device.name, error_text(error));
}

static int give_back(struct mem *mem, struct range range)
{
	int error = mem->setup.ops->give_back(mem->setup.owner, range.first * BLOCK,
					      range.count * BLOCK);

	if (error)
		tell_failure(mem, error);
	return error;
}

static uint16_t unplug(struct mem *mem, struct range range)
{
	if (!mem_blocks_all(&mem->blocks, range.first, range.count, true))
		return VIRTIO_MEM_RESP_ERROR;
	if (give_back(mem, range))
		return VIRTIO_MEM_RESP_BUSY;
	mem_blocks_set(&mem->blocks, range.first, range.count, false);
	set_plugged(mem);
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t unplug_all(struct mem *mem)
{
	struct range all = {0, mem->blocks.count};

	if (mem->blocks.plugged == 0)
		return VIRTIO_MEM_RESP_ACK;
	if (give_back(mem, all))
		return VIRTIO_MEM_RESP_BUSY;
	mem_blocks_set(&mem->blocks, all.first, all.count, false);
	set_plugged(mem);
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t state_of(const struct mem *mem, struct range range)
{
	if (mem_blocks_all(&mem->blocks, range.first, range.count, true))
		return VIRTIO_MEM_STATE_PLUGGED;
	if (mem_blocks_all(&mem->blocks, range.first, range.count, false))
		return VIRTIO_MEM_STATE_UNPLUGGED;
	return VIRTIO_MEM_STATE_MIXED;
}

static struct virtio_mem_resp answer(struct mem *mem, const struct virtio_mem_req *request)
{
	struct virtio_mem_resp response = {.type = VIRTIO_MEM_RESP_ERROR};
	uint16_t type = le16toh(request->type);
	struct range range;

	/* Those with a range have it at the same place. */
	if (type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
		response.type = unplug_all(mem);
	} else if (find_range(mem, le64toh(request->u.plug.addr),
			      le16toh(request->u.plug.nb_blocks), &range)) {
		if (type == VIRTIO_MEM_REQ_PLUG) {
			response.type = plug(mem, range);
		} else if (type == VIRTIO_MEM_REQ_UNPLUG) {
			response.type = unplug(mem, range);
		} else if (type == VIRTIO_MEM_REQ_STATE) {
			response.type = VIRTIO_MEM_RESP_ACK;
			response.u.state.state = htole16(state_of(mem, range));
		}
	}
	response.type = htole16(response.type);
	return response;
}

static void serve(struct mem *mem, struct virtqueue_chain *chain)
{
	struct virtio_mem_req request;
	struct virtio_mem_resp response;
	size_t written;

	if (chain->readable_bytes < sizeof(request) || chain->writable_bytes < sizeof(response)) {
		virtio_break(&mem->device, "a request of the wrong size");
		return;
	}
	iov_read(chain->iov, chain->readable, 0, &request, sizeof(request));
	response = answer(mem, &request);
	written = iov_write(virtqueue_chain_writable(chain), chain->writable, 0, &response,
			    sizeof(response));
	virtqueue_push(virtio_queue(&mem->device, 0), chain->head, (uint32_t)written);
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct virtqueue_chain chain;
	bool more = true;

	for (int i = 0; more && i < REQUESTS_AT_ONCE; i++) {
		if (virtio_pop(device, index, &chain))
			serve(of(device), &chain);
		else
			more = virtqueue_enable_kicks(virtio_queue(device, index));
	}
	if (more)
		virtio_kick(device, index);
	virtio_notify(device, index);
}

/* --- The device --- */

static void activate(struct virtio_device *device)
{
	atomic_store(&of(device)->driver, true);
}

static void reset(struct virtio_device *device)
{
	atomic_store(&of(device)->driver, false);
}

static void destroy(struct mem *mem)
{
	mem_blocks_free(&mem->blocks);
	change_free(&mem->changed);
	free(mem);
}

static void mem_free(struct virtio_device *device)
{
	virtio_device_release(device);
	destroy(of(device));
}

static const struct virtio_device_ops ops = {
	.name = "mem",
	.id = VIRTIO_ID_MEM,
	.class_code = PCI_CLASS_UNKNOWN,
	.config_read = config_read,
	.activate = activate,
	.queue_ready = queue_ready,
	.reset = reset,
	.free = mem_free,
};

int virtio_mem_new(const struct virtio_mem_setup *setup, struct virtio_device **device)
{
	struct mem *mem = calloc(1, sizeof(*mem));
	int error;

	assert(setup->size_bytes > 0 && setup->size_bytes % STEP == 0 && setup->gpa % STEP == 0);
	if (!mem)
		return -ENOMEM;
	mem->setup = *setup;
	mem->device.ops = &ops;
	snprintf(mem->device.name, sizeof(mem->device.name), "memory");
	mem->device.offered_features = VIRTIO_FEATURE(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
	mem->device.config_size = sizeof(struct virtio_mem_config);
	mem->device.queues = 1;
	error = change_init(&mem->changed);
	if (!error)
		error = mem_blocks_init(&mem->blocks, (size_t)(setup->size_bytes / BLOCK));
	if (!error)
		error = virtio_device_init(&mem->device, setup->memory, QUEUE_SIZE);
	if (error) {
		destroy(mem);
		return error;
	}
	*device = &mem->device;
	return 0;
}

/* --- The host's side --- */

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

int virtio_mem_request(struct virtio_device *device, uint64_t bytes)
{
	struct mem *mem = of(device);
	uint64_t usable;

	if (bytes > mem->setup.size_bytes)
		return -ERANGE;
	usable = MAX(atomic_load(&mem->usable), round_up(bytes, STEP));
	if (usable != atomic_load(&mem->usable)) {
		int error = mem->setup.ops->reach(mem->setup.owner, usable);

		if (error)
			return error;
	}
	/* First what may be used: a driver that sees the request finds room for it. */
	atomic_store(&mem->usable, usable);
	atomic_store(&mem->requested, round_up(bytes, BLOCK));
	virtio_config_changed(device);
	return 0;
}

static void forget_all(void *argument)
{
	struct mem *mem = argument;

	mem_blocks_set(&mem->blocks, 0, mem->blocks.count, false);
	set_plugged(mem);
}

void virtio_mem_restart(struct virtio_device *device)
{
	struct mem *mem = of(device);
	uint64_t usable = round_up(atomic_load(&mem->requested), STEP);

	loop_call(device->loop, forget_all, mem);
	if (usable == atomic_load(&mem->usable) || mem->setup.ops->reach(mem->setup.owner, usable))
		return;
	atomic_store(&mem->usable, usable);
}

void virtio_mem_read(struct virtio_device *device, struct virtio_mem_state *state)
{
	const struct mem *mem = of(device);

	*state = (struct virtio_mem_state){
		.region_bytes = mem->setup.size_bytes,
		.usable_bytes = atomic_load(&mem->usable),
		.requested_bytes = atomic_load(&mem->requested),
		.plugged_bytes = atomic_load(&mem->plugged),
		.driver = atomic_load(&mem->driver) && !atomic_load(&device->broken),
	};
}

int virtio_mem_changed_fd(struct virtio_device *device)
{
	return of(device)->changed.fd;
}

void virtio_mem_seen(struct virtio_device *device)
{
	change_seen(&of(device)->changed);
}
