/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/origin.h"

#include "host/screen/source/pictures.h"
#include "host/screen/source/qemu.h"
#include "host/screen/source/vmm.h"
#include "host/screen/source/vnc.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

struct origin {
	struct screen *screen;
	bool awaits;
	enum handoff_kind kind; /* what is waited for */
	uv_timer_t *timer;
};

static int open_kind(struct screen *screen, enum handoff_kind kind, int fd)
{
	struct source *source;
	int result;

	if (kind == HANDOFF_PICTURES)
		result = pictures_source_new(screen, fd, &source);
	else if (kind == HANDOFF_VNC)
		result = vnc_source_new(screen, fd, &source);
	else
		result = qemu_source_new(screen, fd, &source);
	if (result < 0)
		return result;
	screen_set_source(screen, source);
	/* Others say later what the machine has. */
	if (kind == HANDOFF_PICTURES)
		screen_source_ready(screen);
	return 0;
}

/* --- Handed over ------------------------------------------------------------------------------ */

static void on_waited_long_enough(uv_timer_t *timer)
{
	struct origin *origin = timer->data;

	origin->awaits = false;
	screen_source_ended(origin->screen, 0);
}

bool origin_ended(struct origin *origin)
{
	if (!origin || !origin->awaits)
		return false;
	screen_set_source(origin->screen, NULL);
	uv_timer_start(origin->timer, on_waited_long_enough, ORIGIN_AWAIT_MS, 0);
	return true;
}

bool origin_takes(const struct origin *origin, enum handoff_kind kind)
{
	return origin && origin->awaits && kind == origin->kind;
}

int origin_take(struct origin *origin, enum handoff_kind kind, int fd)
{
	int result = open_kind(origin->screen, kind, fd);

	if (result < 0)
		return result;
	uv_timer_stop(origin->timer);
	return 0;
}

/* --- From the command line -------------------------------------------------------------------- */

static int failed(const char *what, const char *detail, int error)
{
	log_error("%s '%s': %s", what, detail, error_text(error));
	return error;
}

static int open_vmm(struct screen *screen, const char *path)
{
	struct source *source = NULL;
	int result, fd = vmm_source_connect(path);

	if (fd < 0)
		return failed("cannot connect to lodge-vmm's display at", path, fd);
	result = vmm_source_new(screen, fd, &source);
	if (result < 0)
		return failed("cannot use lodge-vmm's display at", path, result);
	screen_set_source(screen, source);
	return 0;
}

static int open_named(struct screen *screen, const struct screen_options *options)
{
	int result = 0;

	if (options->vmm)
		return open_vmm(screen, options->vmm);
	if (options->qemu_fd >= 0) {
		result = open_kind(screen, HANDOFF_QEMU, options->qemu_fd);
		return result < 0 ? failed("cannot use", "--qemu", result) : 0;
	}
	if (options->vnc_source_fd >= 0) {
		result = open_kind(screen, HANDOFF_VNC, options->vnc_source_fd);
		return result < 0 ? failed("cannot use", "--vnc-source", result) : 0;
	}
	return 0;
}

int origin_open(struct screen *screen, const struct screen_options *options, struct origin **result)
{
	_cleanup_free_ struct origin *origin = calloc(1, sizeof(*origin));
	_cleanup_free_ uv_timer_t *timer = calloc(1, sizeof(*timer));
	int error;

	if (!origin || !timer)
		return -ENOMEM;
	error = open_named(screen, options);
	if (error < 0)
		return error;
	origin->screen = screen;
	origin->awaits = options->await_qemu || options->await_vnc || options->await_pictures;
	origin->kind = options->await_pictures ? HANDOFF_PICTURES
		       : options->await_vnc    ? HANDOFF_VNC
					       : HANDOFF_QEMU;
	uv_timer_init(screen_loop(screen), timer);
	timer->data = origin;
	origin->timer = take_ptr(timer);
	*result = take_ptr(origin);
	return 0;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void origin_free(struct origin *origin)
{
	if (!origin)
		return;
	uv_close((uv_handle_t *)origin->timer, timer_closed);
	free(origin);
}
