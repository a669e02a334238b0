/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display - the screens, as far as root can see to them
 *
 * The kernel tells of a changed monitor (a uevent of drm) and lets the text console's picture
 * follow by itself, some milliseconds later and without a word. So after an event the card is
 * looked at when things have settled, and once more; then the consoles' rows and columns are
 * fitted, and whoever listens is told if anything is different. A console that comes to the front
 * (the kernel marks tty0/active) is fitted too. Where a compositor has the card, its modes are
 * reported and nothing is touched: that is lodge-session's.
 */
#include "drivers/display/card.h"
#include "drivers/display/console.h"
#include "drivers/driver.h"
#include "drivers/uevent.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define ACTIVE	  "/sys/class/tty/tty0/active"
#define SETTLE_MS 60 /* events come in flocks */

/*
 * The kernel says that a monitor changed before it sets the console's new mode, and says nothing
 * after it. It is there at the first of these; a guest that hardly gets to run needs the others.
 */
static const uint64_t again_ms[] = {400, 1500, 5000};

struct display {
	const struct driver_context *context;
	uv_poll_t poll; /* uevents */
	int uevents;
	uv_poll_t front; /* which console is in front */
	int active;	 /* -1: no virtual terminals */
	uv_timer_t settle;
	unsigned int looks; /* again, since the last event */
	struct card_state card;
	bool shown; /* the console is */
	uint64_t serial;
	unsigned int closing;
};

/* What all heads show of the frame buffer: they are clones of it. */
static bool smallest(const struct head_list *heads, uint32_t *width, uint32_t *height)
{
	bool found = false;

	for (size_t i = 0; i < heads->count; i++) {
		const struct head *head = &heads->heads[i];

		if (!head->enabled)
			continue;
		*width = found ? MIN(*width, head->width) : head->width;
		*height = found ? MIN(*height, head->height) : head->height;
		found = true;
	}
	return found;
}

/* Return: has anything changed? */
static bool look(struct display *display)
{
	struct card_state card;
	const bool shown = console_is_shown();
	uint32_t width, height;
	bool changed;
	/* Graphics without a master: a compositor that begins. */
	int error = shown || !console_exists() ? card_read(&card) : card_list(&card);

	if (error && error != -ENODEV)
		log_debug("cannot look at the screens: %s", error_text(error));
	if (shown && !card.mastered && smallest(&card.heads, &width, &height))
		console_fit(width, height);
	changed = shown != display->shown || card.mastered != display->card.mastered ||
		  !head_list_equal(&card.heads, &display->card.heads);
	display->card = card;
	display->shown = shown;
	return changed;
}

static void on_settled(uv_timer_t *timer)
{
	struct display *display = timer->data;

	if (look(display))
		display->context->changed(display->context->owner);
	if (display->looks < ARRAY_SIZE(again_ms))
		uv_timer_start(timer, on_settled, again_ms[display->looks++], 0);
}

static void look_soon(struct display *display)
{
	display->looks = 0;
	/* A flock that does not end is looked at all the same. */
	if (!uv_is_active((const uv_handle_t *)&display->settle) ||
	    uv_timer_get_due_in(&display->settle) > SETTLE_MS)
		uv_timer_start(&display->settle, on_settled, SETTLE_MS, 0);
}

static void on_uevent(uv_poll_t *poll, int status, int events)
{
	struct display *display = poll->data;

	(void)status;
	(void)events;
	if (uevent_drain(display->uevents, "drm"))
		look_soon(display);
}

/* sysfs: to be read to its end before it can be marked again. */
static void drain(int fd)
{
	char text[64];

	lseek(fd, 0, SEEK_SET);
	while (read(fd, text, sizeof(text)) > 0)
		;
}

static void on_front(uv_poll_t *poll, int status, int events)
{
	struct display *display = poll->data;

	(void)status;
	(void)events;
	drain(display->active);
	look_soon(display);
}

static bool display_probe(void)
{
	return card_exists();
}

static void on_released(uv_handle_t *handle)
{
	struct display *display = handle->data;

	if (--display->closing == 0)
		free(display);
}

/* A system without virtual terminals is one without consoles to fit. */
static void watch_front(struct display *display)
{
	_cleanup_close_ int fd = open(ACTIVE, O_RDONLY | O_CLOEXEC);

	display->active = -1;
	if (fd < 0 || uv_poll_init(display->context->loop, &display->front, fd) < 0)
		return;
	display->active = take_fd(&fd);
	display->front.data = display;
	display->closing++;
	drain(display->active);
	uv_poll_start(&display->front, UV_PRIORITIZED, on_front);
}

static int display_start(const struct driver_context *context, void **state)
{
	_cleanup_free_ struct display *display = calloc(1, sizeof(*display));
	_cleanup_close_ int uevents = uevent_open();
	int error;

	if (!display)
		return -ENOMEM;
	if (uevents < 0)
		return uevents;
	display->context = context;
	error = uv_poll_init(context->loop, &display->poll, uevents);
	if (error)
		return error;
	display->uevents = take_fd(&uevents);
	display->poll.data = display;
	uv_poll_start(&display->poll, UV_READABLE, on_uevent);
	uv_timer_init(context->loop, &display->settle);
	display->settle.data = display;
	display->closing = 2;
	watch_front(display);
	look(display);
	*state = take_ptr(display);
	return 0;
}

static void display_stop(void *state)
{
	struct display *display = state;

	uv_close((uv_handle_t *)&display->poll, on_released);
	close(display->uevents);
	if (display->active >= 0) {
		uv_close((uv_handle_t *)&display->front, on_released);
		close(display->active);
	}
	uv_close((uv_handle_t *)&display->settle, on_released);
}

static bool is_as_wanted(const struct head_list *have, const struct head_list *want)
{
	for (size_t i = 0; i < want->count; i++) {
		const struct head *wanted = &want->heads[i];
		const struct head *head = head_list_find(have, wanted->head);

		if (wanted->enabled != (head && head->enabled))
			return false;
		if (wanted->enabled && wanted->width > 0 &&
		    (head->width != wanted->width || head->height != wanted->height))
			return false;
	}
	return true;
}

static int display_handle(void *state, struct slice name, struct slice params, const char **text)
{
	struct display *display = state;
	struct head_list want;
	int error;

	if (!slice_is(name, "apply")) {
		*text = "the display driver knows no such order";
		return -ENOSYS;
	}
	if (head_list_decode(params, &want, NULL) < 0) {
		*text = "malformed layout";
		return -EBADMSG;
	}
	if (display->card.mastered || !display->shown) {
		*text = "a desktop has the screen, and no lodge-session runs in it";
		return -EOPNOTSUPP;
	}
	error = card_reprobe();
	if (error) {
		*text = "the kernel cannot read the monitors anew";
		return error;
	}
	display->serial = want.serial;
	look(display);
	look_soon(display); /* what the kernel does next is seen then */
	if (is_as_wanted(&display->card.heads, &want))
		return 0;
	*text = "the text console has one size on all screens, and none above that of its start";
	return -EOPNOTSUPP;
}

static int display_report(void *state, struct cbor_writer *writer)
{
	struct display *display = state;
	const bool console = display->shown && !display->card.mastered;
	const struct display_layout layout = {
		.session = slice_of(console ? "console" : "none"),
		.backend = slice_of(console ? "console" : ""),
	};
	struct head_list heads = display->card.heads;

	heads.serial = display->serial;
	head_list_encode(&heads, &layout, writer);
	return writer->overflow ? -EMSGSIZE : 0;
}

const struct driver driver_display = {
	.name = "display",
	.probe = display_probe,
	.start = display_start,
	.stop = display_stop,
	.handle = display_handle,
	.report = display_report,
};
