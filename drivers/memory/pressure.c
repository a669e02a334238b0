/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/memory/pressure.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_US 1000000U

struct pressure_trigger {
	uv_poll_t poll;
	int fd;
	void (*hit)(void *owner);
	void *owner;
};

static void on_marked(uv_poll_t *poll, int status, int events)
{
	const struct pressure_trigger *trigger = poll->data;

	if (status < 0)
		uv_poll_stop(poll);
	else if (events & UV_PRIORITIZED)
		trigger->hit(trigger->owner);
}

/* The final 0 is part of what the kernel takes. */
static int order(int fd, unsigned int stall_us, unsigned int window_us)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "some %u %u", stall_us, window_us);

	return write(fd, text, (size_t)length + 1) < 0 ? -errno : 0;
}

static int open_trigger(const char *root, unsigned int stall_us)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];
	int error;

	snprintf(path, sizeof(path), "%s/proc/pressure/memory", root);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = order(fd, stall_us, WINDOW_US);
	if (error == -EINVAL)
		error = order(fd, 2 * stall_us, 2 * WINDOW_US);
	return error ? error : take_fd(&fd);
}

int pressure_trigger_new(uv_loop_t *loop, const char *root, unsigned int stall_us,
			 void (*hit)(void *owner), void *owner, struct pressure_trigger **result)
{
	_cleanup_free_ struct pressure_trigger *trigger = calloc(1, sizeof(*trigger));
	_cleanup_close_ int fd = open_trigger(root, stall_us);
	int error;

	if (!trigger)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	trigger->hit = hit;
	trigger->owner = owner;
	error = uv_poll_init(loop, &trigger->poll, fd);
	if (error)
		return error;
	trigger->fd = take_fd(&fd);
	trigger->poll.data = trigger;
	uv_poll_start(&trigger->poll, UV_PRIORITIZED, on_marked);
	*result = take_ptr(trigger);
	return 0;
}

static void on_released(uv_handle_t *poll)
{
	free(poll->data);
}

void pressure_trigger_free(struct pressure_trigger *trigger)
{
	if (!trigger)
		return;
	uv_close((uv_handle_t *)&trigger->poll, on_released);
	close(trigger->fd);
}
