/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/relay/relay_internal.h"

#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FAREWELL_MS 2000

void relay_end(struct share_relay *relay, int error)
{
	if (relay->has_ended)
		return;
	relay->has_ended = true;
	uv_timer_stop(&relay->retry);
	uv_timer_stop(&relay->wait);
	relay->options.handlers->ended(relay->options.owner, error, relay->text);
}

/* --- Waiting -------------------------------------------------------------------------------- */

static void on_wait(uv_timer_t *timer)
{
	struct share_relay *relay = timer->data;

	if (relay->fuse_fd < 0) {
		relay_end(relay, -ETIMEDOUT);
		return;
	}
	relay->gave_up = true;
	relay_fail_all(relay, -EIO);
	if (relay->options.handlers->changed)
		relay->options.handlers->changed(relay->options.owner, false);
	relay_update_poll(relay);
}

void relay_start_wait(struct share_relay *relay)
{
	if (relay->is_leaving || relay->gave_up || uv_is_active((uv_handle_t *)&relay->wait))
		return;
	uv_timer_start(&relay->wait, on_wait, relay->options.wait_ms, 0);
}

static void on_farewell(uv_timer_t *timer)
{
	relay_end(timer->data, 0);
}

void relay_say_farewell(struct share_relay *relay, uint64_t wait_ms)
{
	uv_timer_start(&relay->wait, on_farewell, wait_ms, 0);
}

void relay_leave(struct share_relay *relay)
{
	if (relay->is_leaving)
		return;
	relay->is_leaving = true;
	uv_poll_stop(&relay->poll);
	uv_timer_stop(&relay->retry);
	if (relay->stream)
		stream_end(relay->stream, 0);
	relay_say_farewell(relay, relay->stream ? FAREWELL_MS : 0);
}

/* --- Its life ------------------------------------------------------------------------------- */

int share_relay_new(const struct share_relay_options *options, struct share_relay **result)
{
	_cleanup_free_ struct share_relay *relay = calloc(1, sizeof(*relay));
	int error;

	if (!relay)
		return -ENOMEM;
	relay->options = *options;
	if (!options->wait_ms)
		relay->options.wait_ms = SHARE_RELAY_WAIT_MS;
	relay->target = strdup(options->target);
	relay->user = options->user ? strdup(options->user) : NULL;
	error = !relay->target || (options->user && !relay->user)
			? -ENOMEM
			: uv_async_init(options->loop, &relay->carried, relay_on_carried);
	if (error) {
		free(relay->target);
		free(relay->user);
		return error;
	}
	uv_timer_init(options->loop, &relay->retry);
	uv_timer_init(options->loop, &relay->wait);
	relay->retry.data = relay->wait.data = relay->carried.data = relay;
	relay->handles = 3;
	relay->fuse_fd = -EBADF;
	relay->retry_ms = RELAY_RETRY_MS;
	relay->cutter = CUTTER(sizeof(struct fuse_out_header), SERVER_MAX_MESSAGE);
	requests_init(&relay->requests);
	relay_draw_id(relay);
	relay_start_wait(relay);
	*result = take_ptr(relay);
	return 0;
}

int share_relay_use(struct share_relay *relay, int fuse_fd)
{
	_cleanup_close_ int owned = fuse_fd;
	const int flags = fcntl(fuse_fd, F_GETFL);
	int error;

	if (flags < 0 || fcntl(fuse_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	error = relay_notices_start(relay, fuse_fd);
	if (error)
		return error;
	relay->fuse_fd = take_fd(&owned);
	error = relay_kernel_start(relay);
	if (error) {
		notices_free(take_ptr(relay->notices));
		cleanup_close(&relay->fuse_fd);
	}
	return error;
}

void share_relay_set_echo(struct share_relay *relay, pid_t pid)
{
	relay->echo = pid;
	if (!relay->is_open || relay->is_renewing || relay->is_leaving)
		return;
	relay_tell_echo(relay);
	relay_go_on(relay);
}

void share_relay_echo_done(struct share_relay *relay, uint64_t id)
{
	relay->echo_done = id;
	share_relay_set_echo(relay, relay->echo);
}

static void on_released(uv_handle_t *handle)
{
	struct share_relay *relay = handle->data;

	if (--relay->handles > 0)
		return;
	free(relay->target);
	free(relay->user);
	free(relay->scratch);
	free(relay->init);
	free(relay);
}

void share_relay_free(struct share_relay *relay)
{
	if (!relay)
		return;
	relay->has_ended = true;
	relay->is_leaving = true;
	share_relay_disconnect(relay);
	relay_fail_all(relay, -EIO);
	notices_free(take_ptr(relay->notices));
	requests_clear(&relay->requests);
	uv_close((uv_handle_t *)&relay->retry, on_released);
	uv_close((uv_handle_t *)&relay->wait, on_released);
	uv_close((uv_handle_t *)&relay->carried, on_released);
	if (relay->fuse_fd >= 0) {
		uv_close((uv_handle_t *)&relay->poll, on_released);
		close(relay->fuse_fd);
	}
}
