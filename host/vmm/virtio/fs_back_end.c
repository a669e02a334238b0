/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/fs_internal.h"

#include "host/vmm/dax_copy.h"
#include "host/vmm/dax_faults.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <sys/epoll.h>

static int adopt(struct fs *fs, struct vhost_sockets *sockets, const char **problem);

/* --- One that has gone --- */

static void ask_for_another(struct fs *fs)
{
	if (connector_ask(&fs->setup.connector) == 0)
		return;
	loop_remove(fs->connector_source);
	fs->connector_source = NULL;
	log_warning("%s: it cannot be connected to again; only a new start of the machine helps",
		    fs->device.name);
}

void fs_hang_up(struct fs *fs)
{
	loop_remove(fs->back_end_source);
	loop_remove(fs->requests_source);
	fs->back_end_source = fs->requests_source = NULL;
	vhost_frontend_free(fs->back_end);
	fs->back_end = NULL;
	fs->serving = false;
}

void fs_lose(struct fs *fs, const char *what, int error)
{
	if (!fs->back_end)
		return;
	fs_hang_up(fs);
	log_warning("%s: %s (%s)%s", fs->device.name, what, error_text(error),
		    fs->device.active ? "; the guest has to reset the device, by a reboot for one"
				      : "");
	fs->device.bus_ops->end_lending(fs->device.bus);
	if (fs->device.active)
		virtio_need_reset(&fs->device);
	ask_for_another(fs);
}

void fs_on_connector(void *owner, uint32_t events)
{
	struct fs *fs = owner;
	struct vhost_sockets sockets;
	const char *problem;
	int error = connector_receive(&fs->setup.connector, &sockets);

	(void)events;
	if (error == -EAGAIN)
		return;
	if (error) {
		loop_remove(fs->connector_source);
		fs->connector_source = NULL;
		return;
	}
	if (adopt(fs, &sockets, &problem) < 0) {
		log_warning("%s: who listens on its socket now is no use: %s", fs->device.name,
			    problem);
		ask_for_another(fs);
		return;
	}
	log_info("%s: its server is back", fs->device.name);
}

/* --- The connection --- */

static void on_back_end(void *owner, uint32_t events)
{
	(void)events;
	fs_lose(owner, "its server hung up, or said what nobody asked", -EPIPE);
}

static void on_requests(void *owner, uint32_t events)
{
	struct fs *fs = owner;
	int error = vhost_frontend_serve(fs->back_end);

	(void)events;
	if (error)
		fs_lose(fs, "its server hung up, or made requests that make no sense", error);
}

static int map(void *owner, uint64_t offset, uint64_t length, int *fd, uint64_t file_offset,
	       bool writable)
{
	struct fs *fs = owner;
	int error;

	/* What came too late is not for the driver that comes next. */
	if (!fs->device.active)
		return -ENODEV;
	error = dax_window_map(fs->setup.window, offset, length, fd, file_offset, writable);
	if (!error)
		dax_faults_look(fs->setup.window);
	return error;
}

static int unmap(void *owner, uint64_t offset, uint64_t length)
{
	struct fs *fs = owner;

	return dax_window_unmap(fs->setup.window, offset, length);
}

/* The window of another device is no business of this one's back end. */
static int copy(void *owner, uint64_t gpa, uint64_t length, int memory_fd, uint64_t offset,
		bool into_guest)
{
	struct fs *fs = owner;
	uint64_t base = atomic_load(&fs->window_gpa);

	if (!fs->device.active)
		return -ENODEV;
	if (base == 0 || gpa < base)
		return -EFAULT;
	return dax_copy(fs->setup.window, gpa - base, length, memory_fd, offset, into_guest);
}

static void settle(void *owner, uint64_t device, uint64_t inode)
{
	struct fs *fs = owner;

	dax_window_settle(fs->setup.window, device, inode);
}

static const struct vhost_handlers handlers = {map, unmap, copy, settle};

int fs_watch(struct fs *fs)
{
	int requests_fd = vhost_frontend_requests_fd(fs->back_end);
	int error = loop_add_fd(fs->device.loop, vhost_frontend_fd(fs->back_end), EPOLLIN,
				on_back_end, fs, &fs->back_end_source);

	if (!error && requests_fd >= 0)
		error = loop_add_fd(fs->device.loop, requests_fd, EPOLLIN, on_requests, fs,
				    &fs->requests_source);
	return error;
}

/* What the guest was told of the first back end, all others must have. */
static const char *check(const struct fs *fs)
{
	uint64_t offered = FS_RING_FEATURES & ~fs->device.withheld_features;

	if (offered & ~vhost_frontend_features(fs->back_end))
		return "it lacks features that the guest was offered";
	if (fs->device.queues > vhost_frontend_queues(fs->back_end))
		return "it has too few queues";
	return NULL;
}

int fs_meet(struct fs *fs, struct vhost_sockets *sockets, const char **problem)
{
	struct vhost_setup setup = {
		.memory = fs->setup.memory,
		.ram = fs->setup.ram,
		.window_bytes = fs->setup.window ? dax_window_size(fs->setup.window) : 0,
		.handlers = &handlers,
		.owner = fs,
	};

	return vhost_frontend_new(sockets, &setup, &fs->back_end, problem);
}

static int adopt(struct fs *fs, struct vhost_sockets *sockets, const char **problem)
{
	int error = fs_meet(fs, sockets, problem);

	if (error)
		return error;
	*problem = check(fs);
	if (!*problem && fs_watch(fs) < 0)
		*problem = "out of memory";
	if (!*problem)
		return 0;
	fs_hang_up(fs);
	return -EPROTO;
}
