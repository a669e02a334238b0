/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/mount/guest_mount.h"

#include "host/cli/agent_client.h"
#include "host/cli/mount/guest_link.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/share.h"
#include "shared-folders/relay/share_relay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* lodged's hello to a client that it has just let in. */
#define HELLO_MS 10000

struct guest_mount {
	const struct guest_mount_options *options;
	uv_loop_t loop;
	struct guest_link *link;
	struct share_relay *relay;
	uv_signal_t signals[2];
	uv_timer_t hello;
	bool is_mounted; /* in the tree */
	bool has_started, has_ended;
	int error;
};

static void end(struct guest_mount *mount, int error)
{
	if (mount->has_ended)
		return;
	mount->has_ended = true;
	mount->error = error;
	uv_stop(&mount->loop);
}

/* It is gone for all who come; the relay ends when the last file is closed. */
static void unmount(struct guest_mount *mount)
{
	char error[512];
	int r;

	if (!mount->is_mounted)
		return;
	r = fuse_unmount(mount->options->mount.directory, true, error, sizeof(error));
	if (r < 0)
		log_warning("mount: %s", error);
	else
		mount->is_mounted = false;
}

/* --- The relay ------------------------------------------------------------------------------ */

static void on_opened(void *owner)
{
	struct guest_mount *mount = owner;
	char error[512];
	int fd = fuse_mount(&mount->options->mount, error, sizeof(error)), r;

	if (fd < 0) {
		log_error("mount: %s", error);
		end(mount, fd);
		return;
	}
	mount->is_mounted = true;
	r = share_relay_use(mount->relay, fd);
	if (r == 0)
		return;
	log_error("mount: the mount cannot be served: %s", error_text(r));
	unmount(mount);
	end(mount, r);
}

static void on_started(void *owner)
{
	struct guest_mount *mount = owner;

	mount->has_started = true;
	mount->options->mounted(mount->options->owner);
}

static void on_ended(void *owner, int error, const char *text)
{
	struct guest_mount *mount = owner;
	char clean[256];

	if (error) {
		text_clean_into(slice_of(text), clean, sizeof(clean));
		log_error("mount: %s:%s cannot be had: %s", mount->options->vm,
			  mount->options->path, clean[0] ? clean : error_text(error));
		unmount(mount);
	} else {
		mount->is_mounted = false;
	}
	end(mount, error);
}

static void on_changed(void *owner, bool is_there)
{
	struct guest_mount *mount = owner;

	if (is_there)
		log_info("%s: its files are there again", mount->options->vm);
	else
		log_warning("%s: the guest does not answer: its files give errors until it does",
			    mount->options->vm);
}

/* --- The guest ------------------------------------------------------------------------------ */

static void on_established(void *owner, struct session *session, const struct session_peer *peer)
{
	struct guest_mount *mount = owner;

	uv_timer_stop(&mount->hello);
	if (session_peer_has(peer, SHARE_CAPABILITY)) {
		share_relay_connect(mount->relay, session);
		return;
	}
	if (mount->has_started)
		return;
	log_error("%s: its agent cannot share the guest's files: install the lodge-agent of this "
		  "version in it",
		  mount->options->vm);
	end(mount, -ENOSYS);
}

static void on_lost(void *owner)
{
	share_relay_disconnect(((struct guest_mount *)owner)->relay);
}

static void on_gone(void *owner)
{
	struct guest_mount *mount = owner;

	log_warning("%s: it is no more, and its files are not here any longer", mount->options->vm);
	if (mount->has_started)
		unmount(mount);
	else
		end(mount, -ENOENT);
}

static void on_silence(uv_timer_t *timer)
{
	struct guest_mount *mount = timer->data;

	log_error("%s: lodged does not speak for the agent; see its log", mount->options->vm);
	end(mount, -EPROTO);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct guest_mount *mount = signal->data;

	(void)number;
	if (mount->is_mounted)
		unmount(mount);
	else
		end(mount, -EINTR);
}

/* --- All of it ------------------------------------------------------------------------------ */

static int begin(struct guest_mount *mount, int fd)
{
	static const struct share_relay_handlers relay_handlers = {.opened = on_opened,
								   .started = on_started,
								   .ended = on_ended,
								   .changed = on_changed};
	static const struct guest_link_handlers link_handlers = {
		.established = on_established, .lost = on_lost, .gone = on_gone};
	static const int numbers[] = {SIGINT, SIGTERM};
	_cleanup_close_ int own = fd;
	struct share_relay_options options = {
		.loop = &mount->loop,
		.method = "share.export",
		.target = mount->options->path,
		.user = mount->options->user,
		.read_only = mount->options->mount.read_only,
		.uid = geteuid(),
		.gid = getegid(),
		.hostile = true,
		.handlers = &relay_handlers,
		.owner = mount,
	};
	int r = share_relay_new(&options, &mount->relay);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uv_signal_init(&mount->loop, &mount->signals[i]);
		mount->signals[i].data = mount;
		uv_signal_start(&mount->signals[i], on_signal, numbers[i]);
	}
	uv_timer_init(&mount->loop, &mount->hello);
	mount->hello.data = mount;
	uv_timer_start(&mount->hello, on_silence, HELLO_MS, 0);
	return guest_link_new(&mount->loop, take_fd(&own), mount->options->vm, &link_handlers,
			      mount, &mount->link);
}

static void finish(struct guest_mount *mount)
{
	if (mount->relay)
		share_relay_disconnect(mount->relay);
	share_relay_free(mount->relay);
	guest_link_free(mount->link);
	if (mount->relay) {
		for (size_t i = 0; i < ARRAY_SIZE(mount->signals); i++)
			uv_close((uv_handle_t *)&mount->signals[i], NULL);
		uv_close((uv_handle_t *)&mount->hello, NULL);
	}
	uv_run(&mount->loop, UV_RUN_DEFAULT);
	uv_loop_close(&mount->loop);
}

static int connect_first(const char *vm)
{
	_cleanup_client_ struct client *client = NULL;
	int r = client_open(&client);

	return r < 0 ? r : agent_connect(client, vm);
}

int guest_mount_run(const struct guest_mount_options *options)
{
	struct guest_mount mount = {.options = options};
	int fd = connect_first(options->vm), r;

	if (fd < 0)
		return fd;
	r = uv_loop_init(&mount.loop);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = begin(&mount, fd);
	if (r < 0) {
		log_error("mount: %s", error_text(r));
		mount.error = r;
	} else {
		uv_run(&mount.loop, UV_RUN_DEFAULT);
	}
	finish(&mount);
	return mount.error;
}
