/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/mount/link.h"

#include "protocol/base/cleanup.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RETRY_MS 250
/* Somebody who says nothing is not who we are looking for. */
#define HELLO_MS 10000

struct link {
	uv_loop_t *loop;
	const char *path;
	const struct link_handlers *handlers;
	void *owner;
	struct session *session;
	struct pump *pump;
	uv_timer_t timer;
	int error;
};

static void try_to_connect(struct link *link);

static void on_timer(uv_timer_t *timer)
{
	try_to_connect(timer->data);
}

static void on_established(void *owner, const struct session_peer *peer)
{
	struct link *link = owner;

	(void)peer;
	uv_timer_stop(&link->timer);
	link->error = 0;
	link->handlers->connected(link->owner, link->session);
}

static void on_lost(void *owner, int reason)
{
	struct link *link = owner;

	(void)reason;
	link->handlers->lost(link->owner);
}

static void on_wake(void *owner)
{
	const struct link *link = owner;

	pump_wake(link->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established, .lost = on_lost, .wake = on_wake};

static void hang_up(struct link *link)
{
	struct pump *pump = link->pump;

	link->pump = NULL;
	pump_free(pump);
	session_disconnected(link->session);
}

static void on_closed(void *owner, int error)
{
	struct link *link = owner;

	link->error = error ? error : -ECONNRESET;
	hang_up(link);
	uv_timer_start(&link->timer, on_timer, RETRY_MS, 0);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

/* Return: a descriptor; negative errno. */
static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

static void try_to_connect(struct link *link)
{
	int fd;

	if (link->pump)
		hang_up(link); /* it has not said HELLO in time */
	fd = dial(link->path);
	if (fd >= 0)
		fd = pump_new(link->loop, fd, false, link->session, &pump_handlers, link,
			      &link->pump);
	if (fd < 0) {
		link->error = fd;
		uv_timer_start(&link->timer, on_timer, RETRY_MS, 0);
		return;
	}
	uv_timer_start(&link->timer, on_timer, HELLO_MS, 0);
	session_start(link->session);
}

int link_new(uv_loop_t *loop, const char *path, const struct link_handlers *handlers, void *owner,
	     struct link **result)
{
	static const char *const none[] = {NULL};
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	*link = (struct link){.loop = loop, .path = path, .handlers = handlers, .owner = owner};
	link->session = session_new(SESSION_HOST, "mount.lodge " LODGE_VERSION, none,
				    &session_handlers, link);
	if (!link->session) {
		free(link);
		return -ENOMEM;
	}
	uv_timer_init(loop, &link->timer);
	link->timer.data = link;
	*result = link;
	try_to_connect(link);
	return 0;
}

int link_error(const struct link *link)
{
	return link->error;
}

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

void link_free(struct link *link)
{
	if (!link)
		return;
	pump_free(take_ptr(link->pump));
	session_free(link->session);
	uv_close((uv_handle_t *)&link->timer, on_released);
}
