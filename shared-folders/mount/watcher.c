/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/mount/watcher.h"

#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/share.h"
#include "shared-folders/fuse/cutter.h"
#include "shared-folders/mount/link.h"
#include "shared-folders/relay/echo.h"
#include "shared-folders/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* When the host has no server for us just now. */
#define AGAIN_MS 1000
/* When another mount of the share does it for all, which may go. */
#define BUSY_MS 10000

/* The longest SERVER_NOTIFY_CHANGE. */
#define MESSAGE_MAX                                                                                \
	(sizeof(struct fuse_out_header) + sizeof(struct server_change) + 2 * (size_t)PATH_MAX)

/* What a kernel asks before it creates something, it asks anew from this one on (fs/fuse/dir.c). */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 16

struct change {
	struct change *next;
	size_t length;
	uint8_t *message;
};

struct watcher {
	const struct mount_options *options;
	uv_loop_t loop;
	uv_signal_t signal;
	uv_timer_t again;
	uv_poll_t mounts;
	int mounts_fd;
	struct statx mount;
	struct link *link;
	struct session *session; /* NULL: there is no connection */
	struct stream *stream;	 /* NULL: the host tells nothing */
	struct echo *echo;
	uv_poll_t *echo_poll; /* with the echo */
	pid_t old_echo;	      /* that may not have ended yet; 0: none */
	struct cutter cutter;
	struct change *first, **last; /* that the echo has not got yet */
	size_t owed;		      /* bytes of these, for which the host waits */
};

bool watcher_is_possible(void)
{
	struct utsname name;
	unsigned int major, minor;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR);
}

static int look_at_mount(const struct watcher *watcher, struct statx *mount)
{
	return statx(AT_FDCWD, watcher->options->target, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		     STATX_TYPE | STATX_MNT_ID, mount) < 0
		       ? -errno
		       : 0;
}

static bool is_there(const struct watcher *watcher)
{
	struct statx now;

	return look_at_mount(watcher, &now) == 0 &&
	       now.stx_dev_major == watcher->mount.stx_dev_major &&
	       now.stx_dev_minor == watcher->mount.stx_dev_minor &&
	       now.stx_mnt_id == watcher->mount.stx_mnt_id;
}

/* --- The echo -------------------------------------------------------------------------------- */

static void on_echo(uv_poll_t *poll, int status, int events);

static void drop_changes(struct watcher *watcher)
{
	struct change *change;

	while ((change = watcher->first)) {
		watcher->first = change->next;
		free(change->message);
		free(change);
	}
	watcher->last = &watcher->first;
	watcher->owed = 0;
	cutter_clear(&watcher->cutter);
}

static void on_poll_released(uv_handle_t *poll)
{
	free(poll);
}

static void end_echo(struct watcher *watcher)
{
	if (watcher->echo_poll)
		uv_close((uv_handle_t *)take_ptr(watcher->echo_poll), on_poll_released);
	if (watcher->echo)
		watcher->old_echo = echo_pid(watcher->echo);
	echo_stop(take_ptr(watcher->echo));
	drop_changes(watcher);
}

/* Before the host is told of another one, the old one must have nothing more to ask for. */
static bool has_ended(struct watcher *watcher)
{
	if (watcher->old_echo && waitpid(watcher->old_echo, NULL, WNOHANG) != 0)
		watcher->old_echo = 0;
	return !watcher->old_echo;
}

/* As much as it takes; with that the host may go on. */
static void go_on(struct watcher *watcher)
{
	struct change *change;
	size_t owed;

	while ((change = watcher->first)) {
		const size_t header = sizeof(struct fuse_out_header);
		int error = echo_change(watcher->echo, change->message + header,
					change->length - header);

		if (error == -EAGAIN)
			break;
		watcher->first = change->next;
		if (!watcher->first)
			watcher->last = &watcher->first;
		free(change->message);
		free(change);
	}
	uv_poll_start(watcher->echo_poll, UV_READABLE | (watcher->first ? UV_WRITABLE : 0),
		      on_echo);
	if (watcher->first)
		return;
	owed = watcher->owed;
	watcher->owed = 0;
	if (owed > 0 && watcher->stream)
		stream_consumed(watcher->stream, 0, owed);
}

static void say_done(struct watcher *watcher, uint64_t id)
{
	const struct share_watched watched = {.id = id};
	uint8_t bytes[32];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_watched, &watched, &writer);
	stream_message(watcher->stream, SLICE_LITERAL("watched"), cbor_written(&writer));
}

static void give_up(struct watcher *watcher);

static void on_echo(uv_poll_t *poll, int status, int events)
{
	struct watcher *watcher = poll->data;
	int64_t id = echo_finished(watcher->echo);

	(void)status;
	(void)events;
	if (id < 0) {
		give_up(watcher);
		return;
	}
	if (id > 0 && watcher->stream)
		say_done(watcher, (uint64_t)id);
	go_on(watcher);
}

/* --- The stream ------------------------------------------------------------------------------ */

static void ask_later(struct watcher *watcher, uint64_t wait_ms);

/* The host is to tell another echo. */
static void give_up(struct watcher *watcher)
{
	end_echo(watcher);
	if (watcher->stream)
		stream_cancel(watcher->stream);
}

static int add(struct watcher *watcher, uint8_t *message, size_t length)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change) {
		free(message);
		return -ENOMEM;
	}
	change->message = message;
	change->length = length;
	*watcher->last = change;
	watcher->last = &change->next;
	return 0;
}

/* What the host may send before it is told to go on is bounded, and so is what waits here. */
static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct watcher *watcher = owner;
	uint8_t *message;
	size_t length;
	int more = 1;

	if (channel != 0 || !watcher->echo) {
		stream_consumed(stream, channel, bytes.length);
		return;
	}
	watcher->owed += bytes.length;
	while (more > 0) {
		more = cutter_take(&watcher->cutter, &bytes, &message, &length);
		if (more > 0 && add(watcher, message, length) < 0)
			more = -ENOMEM;
	}
	if (more < 0)
		give_up(watcher);
	else
		go_on(watcher);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct watcher *watcher = owner;

	(void)stream;
	watcher->stream = NULL;
	end_echo(watcher);
	if (result->error == -ENOENT || result->error == -ENOSYS)
		uv_stop(&watcher->loop);
	else
		ask_later(watcher, result->error == -EBUSY ? BUSY_MS : AGAIN_MS);
}

static const struct stream_handlers stream_handlers = {.data = on_data, .closed = on_closed};

static int start_echo(struct watcher *watcher)
{
	int error = echo_start(watcher->options->target, &watcher->echo);

	if (error)
		return error;
	watcher->echo_poll = calloc(1, sizeof(*watcher->echo_poll));
	if (!watcher->echo_poll)
		return -ENOMEM;
	watcher->echo_poll->data = watcher;
	return uv_poll_init(&watcher->loop, watcher->echo_poll, echo_descriptor(watcher->echo));
}

static int ask(struct watcher *watcher)
{
	struct share_watch watch = {.name = slice_of(watcher->options->name)};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	int error = has_ended(watcher) ? start_echo(watcher) : -EAGAIN;

	if (error)
		return error;
	watch.pid = (uint64_t)echo_pid(watcher->echo);
	message_encode(&message_share_watch, &watch, &writer);
	error = session_request(watcher->session, SLICE_LITERAL("share.watch"),
				cbor_written(&writer), &stream_handlers, watcher, &watcher->stream);
	if (!error)
		go_on(watcher);
	return error;
}

static void on_again(uv_timer_t *timer)
{
	struct watcher *watcher = timer->data;

	if (watcher->session && !watcher->stream && ask(watcher) < 0) {
		end_echo(watcher);
		ask_later(watcher, AGAIN_MS);
	}
}

static void ask_later(struct watcher *watcher, uint64_t wait_ms)
{
	uv_timer_start(&watcher->again, on_again, wait_ms, 0);
}

static void on_connected(void *owner, struct session *session)
{
	struct watcher *watcher = owner;

	watcher->session = session;
	uv_timer_start(&watcher->again, on_again, 0, 0);
}

static void on_lost(void *owner)
{
	struct watcher *watcher = owner;

	watcher->session = NULL;
	watcher->stream = NULL;
	end_echo(watcher);
}

static const struct link_handlers link_handlers = {.connected = on_connected, .lost = on_lost};

/* --- Life ------------------------------------------------------------------------------------ */

static void on_mounts(uv_poll_t *poll, int status, int events)
{
	struct watcher *watcher = poll->data;

	(void)status;
	(void)events;
	if (!is_there(watcher))
		uv_stop(&watcher->loop);
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	uv_stop(signal->loop);
}

static int start(struct watcher *watcher)
{
	int error = look_at_mount(watcher, &watcher->mount);

	if (!error)
		error = uv_loop_init(&watcher->loop);
	if (error)
		return error;
	watcher->last = &watcher->first;
	watcher->cutter = CUTTER(sizeof(struct fuse_out_header), MESSAGE_MAX);
	uv_signal_init(&watcher->loop, &watcher->signal);
	uv_signal_start(&watcher->signal, on_signal, SIGTERM);
	uv_timer_init(&watcher->loop, &watcher->again);
	watcher->again.data = watcher;
	watcher->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (watcher->mounts_fd < 0)
		return -errno;
	error = uv_poll_init(&watcher->loop, &watcher->mounts, watcher->mounts_fd);
	watcher->mounts.data = watcher;
	if (!error)
		error = uv_poll_start(&watcher->mounts, UV_PRIORITIZED, on_mounts);
	if (!error)
		error = link_new(&watcher->loop, watcher->options->socket, &link_handlers, watcher,
				 &watcher->link);
	return error;
}

int watcher_run(const struct mount_options *options)
{
	struct watcher watcher = {.options = options};
	int error;

	signal(SIGPIPE, SIG_IGN);
	if (chdir("/") < 0)
		return -errno;
	error = start(&watcher);
	if (error)
		return error;
	uv_run(&watcher.loop, UV_RUN_DEFAULT);
	/* The process ends; what it had open goes with it. */
	end_echo(&watcher);
	link_free(watcher.link);
	return 0;
}
