/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host asks when a screen has not become what its viewer wants. A desktop that follows by
 * itself gets its grace; then the backend acts. One thing is done at a time: of orders that come
 * meanwhile the last counts, and each is answered. When the host was asked to plug a monitor in
 * again, what the desktop then makes of it may still not be what was wanted (it remembers something
 * of its own): that is tried once more when the monitor is there.
 *
 * A desktop that is slow may learn of the changed monitor after it was set, and go back to what it
 * remembers of it (GNOME's monitors.xml). Then it is set again, a few times within a short while;
 * what else becomes of the screens is the user's business.
 */
#include "guest-agent/session/display/display_internal.h"
#include "guest-agent/session/display/plan.h"
#include "protocol/base/log.h"

#include <errno.h>

#define APPLY_MS   8000	 /* a backend that does not answer has failed */
#define REPLUG_MS  15000 /* within this time a replug happens */
#define KEPT_MS	   15000 /* and a desktop goes back */
#define TRIES	   4
#define SETTLE_MS  100
#define MISSING_MS 1000
#define AGAIN_MS   300

static void answer(struct order *order, int error, const char *text)
{
	const struct display_applied applied = {
		.serial = order->want.serial,
		.number = (uint64_t)-error,
		.text = slice_of(text ? text : ""),
	};
	uint8_t bytes[512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (order->stream) {
		message_encode(&message_display_applied, &applied, &writer);
		stream_message(order->stream, SLICE_LITERAL("applied"), cbor_written(&writer));
	}
	order->stream = NULL;
}

static void begin(struct display *display, bool waited);

static void on_grace(uv_timer_t *timer)
{
	begin(timer->data, true);
}

static void on_late(uv_timer_t *timer)
{
	display_applied(timer->data, -ETIMEDOUT, "the desktop does not answer");
}

/* A new order. */
static void take_up(struct display *display, struct order *order)
{
	display->order = *order;
	order->stream = NULL;
	display->kept_until = 0;
	display->tries = 0;
	display->before = (struct head_list){0};
	display->backend->read(display->state, &display->before);
	begin(display, false);
}

static void done(struct display *display, int error, const char *text)
{
	if (!error) {
		display->told.serial = display->order.want.serial;
		display->replug_until = 0;
		display->kept = display->order.want;
		display->kept_until = uv_now(display->context->loop) + KEPT_MS;
	} else if (error == -EAGAIN && display->order.stream) {
		display->replugged = display->order.want;
		display->replug_until = uv_now(display->context->loop) + REPLUG_MS;
	}
	answer(&display->order, error, text);
	if (!display->next.stream)
		return;
	take_up(display, &display->next);
}

enum plan_state {
	PLAN_MET,
	PLAN_PLACES, /* sizes are right: that is nothing desktops do by themselves */
	PLAN_SIZES,
};

/* Negative errno, or an enum plan_state. */
static int make_plan(const struct display *display, struct head_list *plan)
{
	struct plan_rules rules = {.has_primary = display->backend->has_primary};
	struct head_list have = {0};
	int error;

	rules.pixels = display->backend->read(display->state, &have);
	error = plan_make(&have, &display->order.want, &rules, plan);
	if (error)
		return error;
	if (plan_is_met(&have, plan, &rules))
		return PLAN_MET;
	return plan_sizes_are_met(&have, plan) ? PLAN_PLACES : PLAN_SIZES;
}

static void begin(struct display *display, bool waited)
{
	const struct display_backend *backend = display->backend;
	struct head_list plan;
	const int made = make_plan(display, &plan);

	/* A desktop may take its time to see a monitor that has just been plugged in. */
	display->missing = made == -ENODEV && !waited;
	if (display->missing) {
		uv_timer_start(&display->timer, on_grace, MISSING_MS, 0);
		return;
	}
	if (made < 0) {
		done(display, made,
		     made == -ENODEV ? "the desktop has no such monitor"
				     : "no monitor of the desktop would be on");
		return;
	}
	if (made == PLAN_MET) {
		display_look(display);
		done(display, 0, NULL);
		return;
	}
	if (made == PLAN_SIZES && !waited && backend->grace_ms) {
		uv_timer_start(&display->timer, on_grace, backend->grace_ms, 0);
		return;
	}
	if (!backend->apply) {
		done(display, backend->replugs ? -EAGAIN : -EOPNOTSUPP,
		     backend->replugs ? "replug" : "there is no way to tell this desktop");
		return;
	}
	display->applying = true;
	uv_timer_start(&display->timer, on_late, APPLY_MS, 0);
	backend->apply(display->state, &plan);
}

/* What the backend has done, as the desktop has it. Return: is that all? */
static bool is_done(struct display *display, int *error, const char **text)
{
	struct head_list plan;
	const int made = *error ? PLAN_MET : make_plan(display, &plan);

	/* Scales that it has not, one scale for all heads: the layout tells. */
	if (made == PLAN_PLACES)
		*text = "the desktop has come as near as it can";
	if (made != PLAN_SIZES)
		return true;
	if (++display->tries < TRIES)
		return false;
	*error = -EIO;
	*text = "the desktop goes back to what it was";
	return true;
}

void display_applied(struct display *display, int error, const char *text)
{
	if (!display->applying)
		return; /* too late */
	display->applying = false;
	uv_timer_stop(&display->timer);
	display_look(display);
	if (!is_done(display, &error, &text)) {
		uv_timer_start(&display->timer, on_grace, AGAIN_MS * display->tries, 0);
		return;
	}
	if (error)
		log_debug("the screens stay as they are: %s", text ? text : error_text(error));
	done(display, error, text);
}

/* Have the screens the sizes they had before the last order, and not those that were wanted? */
static bool has_gone_back(struct display *display)
{
	struct head_list have = {0}, plan;

	if (!display->kept_until || uv_now(display->context->loop) > display->kept_until ||
	    display->tries + 1 >= TRIES)
		return false;
	display->backend->read(display->state, &have);
	display->order.want = display->kept;
	return make_plan(display, &plan) == PLAN_SIZES &&
	       plan_sizes_are_met(&have, &display->before);
}

/* Nobody waits for an answer to this one. */
static void on_settled(uv_timer_t *timer)
{
	struct display *display = timer->data;
	struct head_list plan;

	if (display->applying || display->order.stream)
		return;
	if (has_gone_back(display)) {
		display->tries++;
		begin(display, true);
		return;
	}
	if (!display->replug_until || uv_now(timer->loop) > display->replug_until)
		return;
	display->order.want = display->replugged;
	if (make_plan(display, &plan) > PLAN_MET)
		begin(display, true);
}

void display_changed(struct display *display)
{
	struct head_list plan;
	int made;

	if (!display->backend)
		return;
	display_look(display);
	if (display->replug_until || display->kept_until)
		uv_timer_start(&display->settle, on_settled, SETTLE_MS, 0);
	if (!display->order.stream || display->applying)
		return;
	made = make_plan(display, &plan);
	/* In its grace the desktop may have done it. */
	if (made == PLAN_MET || (made > PLAN_MET && display->missing)) {
		uv_timer_stop(&display->timer);
		begin(display, false);
	}
}

void display_order(struct display *display, struct stream *stream, struct slice params)
{
	struct order order = {.stream = stream};

	if (head_list_decode(params, &order.want, NULL) < 0) {
		answer(&order, -EBADMSG, "malformed layout");
		return;
	}
	if (display->applying) {
		answer(&display->next, -ECANCELED, "another order came");
		display->next = order;
		return;
	}
	answer(&display->order, -ECANCELED, "another order came");
	display->replug_until = 0;
	uv_timer_stop(&display->timer);
	take_up(display, &order);
}

void display_forget(struct display *display, const struct stream *stream)
{
	if (display->next.stream == stream)
		display->next.stream = NULL;
	if (display->order.stream != stream)
		return;
	display->order.stream = NULL;
	if (!display->applying)
		uv_timer_stop(&display->timer);
}
