/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/fs_internal.h"

#include "host/vmm/dax_faults.h"
#include "host/vmm/kvm.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <linux/virtio_ids.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* So long a queue lets Linux have requests of a mebibyte: 256 pages and some headers. */
#define QUEUE_SIZE	  512
#define PCI_CLASS_STORAGE 0x018000

static struct fs *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct fs, device);
}

/* --- Rings --- */

static void serve_rings(struct fs *fs)
{
	struct virtio_device *device = &fs->device;
	int error = vhost_frontend_start(fs->back_end, device->features, fs->ring, device->queues);

	fs->serving = true;
	if (error)
		fs_lose(fs, "its server does not take the guest's queues", error);
}

static void activate(struct virtio_device *device)
{
	struct fs *fs = of(device);

	memset(fs->ring, 0, sizeof(fs->ring));
	if (!fs->back_end) {
		virtio_need_reset(device);
		return;
	}
	for (unsigned int i = 0; i < device->queues; i++) {
		struct vhost_ring *ring = &fs->ring[i];

		if (device->layout[i].size == 0)
			continue;
		if (!vhost_frontend_has_ring(fs->back_end, &device->layout[i])) {
			virtio_break(device, "a ring is outside memory");
			return;
		}
		ring->layout = device->layout[i];
		ring->kick_fd = device->slot[i].kick_fd;
		ring->call_fd = device->bus_ops->lend_interrupt(device->bus, i);
		ring->error_fd = fs->error_fd;
	}
	serve_rings(fs);
}

static void on_error(void *owner, uint32_t events)
{
	struct fs *fs = owner;
	eventfd_t ignored;

	(void)events;
	if (eventfd_read(fs->error_fd, &ignored) == 0 && fs->serving)
		virtio_break(&fs->device, "its server cannot use a ring");
}

static void vector_changed(struct virtio_device *device, unsigned int index)
{
	struct fs *fs = of(device);
	struct vhost_ring *ring = &fs->ring[index];
	int error;

	if (!fs->serving || ring->layout.size == 0)
		return;
	ring->call_fd = device->bus_ops->lend_interrupt(device->bus, index);
	error = vhost_frontend_set_call(fs->back_end, index, ring->call_fd);
	if (error)
		fs_lose(fs, "its server does not answer", error);
}

static void stop_rings(struct fs *fs)
{
	int error;

	if (!fs->serving)
		return;
	error = vhost_frontend_stop(fs->back_end, fs->ring, fs->device.queues);
	fs->serving = false;
	if (error)
		fs_lose(fs, "its server does not give the guest's queues back", error);
}

static void reset(struct virtio_device *device)
{
	struct fs *fs = of(device);
	eventfd_t ignored;
	int error;

	stop_rings(fs);
	(void)eventfd_read(fs->error_fd, &ignored);
	error = fs->back_end ? vhost_frontend_reset(fs->back_end) : 0;
	if (error)
		fs_lose(fs, "its server does not take a reset", error);
	device->bus_ops->end_lending(device->bus);
	if (fs->setup.window)
		dax_window_clear(fs->setup.window);
}

/* The machine pauses: rings come back, with what was in flight done; and go out again. */
static void drain(struct virtio_device *device)
{
	stop_rings(of(device));
}

static void resume(struct virtio_device *device)
{
	struct fs *fs = of(device);

	if (device->active && !atomic_load(&device->broken) && fs->back_end && !fs->serving)
		serve_rings(fs);
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	(void)device;
	(void)index;
}

/* --- The window --- */

static void window_mapped(struct virtio_device *device, uint64_t gpa)
{
	struct fs *fs = of(device);
	int error = kvm_set_window(fs->setup.kvm, fs->setup.number, gpa,
				   dax_window_host(fs->setup.window),
				   dax_window_size(fs->setup.window));

	atomic_store(&fs->window_gpa, gpa);
	if (error && error != -ENOSYS)
		log_warning("%s: the guest cannot have its DAX window: %s", device->name,
			    error_text(error));
}

static void window_unmapped(struct virtio_device *device)
{
	struct fs *fs = of(device);

	atomic_store(&fs->window_gpa, 0);
	(void)kvm_set_window(fs->setup.kvm, fs->setup.number, 0, NULL, 0);
}

static void on_retry(void *owner, uint32_t events)
{
	struct fs *fs = owner;

	(void)events;
	dax_faults_retry(fs->setup.window);
}

/* --- The device --- */

static int start(struct virtio_device *device)
{
	struct fs *fs = of(device);
	int error = fs_watch(fs);

	if (!error)
		error = loop_add_fd(device->loop, fs->error_fd, EPOLLIN, on_error, fs,
				    &fs->error_source);
	if (!error && fs->setup.connector.child > 0)
		error = loop_add_fd(device->loop, fs->setup.connector.fd, EPOLLIN, fs_on_connector,
				    fs, &fs->connector_source);
	if (!error && fs->setup.window)
		error = loop_add_fd(device->loop, fs->setup.window_timer_fd, EPOLLIN, on_retry, fs,
				    &fs->retry_source);
	return error;
}

static void fs_free(struct virtio_device *device)
{
	struct fs *fs = of(device);

	fs_hang_up(fs);
	loop_remove(fs->connector_source);
	loop_remove(fs->retry_source);
	loop_remove(fs->error_source);
	connector_end(&fs->setup.connector);
	cleanup_close(&fs->error_fd);
	virtio_device_release(device);
	free(fs);
}

static const struct virtio_device_ops ops = {
	.name = "fs",
	.id = VIRTIO_ID_FS,
	.class_code = PCI_CLASS_STORAGE,
	.start = start,
	.activate = activate,
	.served_elsewhere = true,
	.vector_changed = vector_changed,
	.window_mapped = window_mapped,
	.window_unmapped = window_unmapped,
	.queue_ready = queue_ready,
	.reset = reset,
	.drain = drain,
	.resume = resume,
	.free = fs_free,
};

/* Return: how many request queues there are to be; 0 if the back end has too few. */
static unsigned int choose_queues(const struct fs *fs)
{
	unsigned int wanted = fs->setup.options->queues, there;

	there = vhost_frontend_queues(fs->back_end) - 1;
	if (wanted)
		return wanted <= there ? wanted : 0;
	return MIN(there, fs->setup.default_queues);
}

static int set_up(struct fs *fs)
{
	struct virtio_device *device = &fs->device;
	const struct options_fs *options = fs->setup.options;
	unsigned int queues = choose_queues(fs);

	if (queues == 0) {
		log_error("%s: its server has %u request queues", device->name,
			  vhost_frontend_queues(fs->back_end) - 1);
		return -EINVAL;
	}
	memcpy(fs->config.tag, options->tag, strlen(options->tag));
	fs->config.num_request_queues = htole32(queues);
	device->config = &fs->config;
	device->config_size = sizeof(fs->config);
	device->queues = queues + 1;
	device->withheld_features = FS_RING_FEATURES & ~vhost_frontend_features(fs->back_end);
	if (fs->setup.window) {
		device->window = dax_window_host(fs->setup.window);
		device->window_bytes = dax_window_size(fs->setup.window);
	}
	fs->error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fs->error_fd < 0)
		return -errno;
	return virtio_device_init(device, fs->setup.memory, QUEUE_SIZE);
}

int virtio_fs_new(struct virtio_fs_setup *setup, struct virtio_device **device)
{
	struct fs *fs = calloc(1, sizeof(*fs));
	const char *problem = "out of memory";
	int error = -ENOMEM;

	if (!fs) {
		vhost_close(&setup->sockets);
		connector_end(&setup->connector);
		return error;
	}
	fs->setup = *setup;
	fs->error_fd = -EBADF;
	fs->device.ops = &ops;
	snprintf(fs->device.name, sizeof(fs->device.name), "share %.24s", setup->options->tag);
	error = fs_meet(fs, &setup->sockets, &problem);
	if (error)
		log_error("share '%s': its server is no use: %s", setup->options->tag, problem);
	else
		error = set_up(fs);
	if (!error) {
		*device = &fs->device;
		return 0;
	}
	vhost_frontend_free(fs->back_end);
	cleanup_close(&fs->error_fd);
	connector_end(&fs->setup.connector);
	free(fs);
	return error;
}
