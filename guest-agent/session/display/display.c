/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host asks when a screen has not become what its viewer wants. A desktop that follows by
 * itself gets its grace; then the backend acts. One thing is done at a time: of orders that come
 * meanwhile the last counts, and each is answered. When the host was asked to plug a monitor in
 * again, what the desktop then makes of it may still not be what was wanted (it remembers something
 * of its own): that is tried once more when the monitor is there.
 */
#include "guest-agent/session/display.h"

#include "guest-agent/session/display/plan.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

#define ATTACHED_MAX 4
#define APPLY_MS     8000 /* a backend that does not answer has failed */
#define REPLUG_MS    6000 /* within this time a replug happens */
#define SETTLE_MS    100
#define MISSING_MS   1000
/* A desktop may not have all of it there when it begins: another look, each after twice the time.
 */
#define FIND_FIRST_MS 1000
#define FIND_LAST_MS  32000

struct order {
	struct stream *stream; /* NULL: none */
	struct head_list want;
};

struct display {
	const struct service_context *context;
	const struct display_backend *backend;
	void *state;
	struct stream *attached[ATTACHED_MAX]; /* NULL: free */
	struct head_list told;		       /* what all of them know */
	const struct display_backend *told_by;
	uv_timer_t timer;	    /* grace, or the backend's time */
	bool applying;		    /* the backend is at it */
	bool missing;		    /* the order waits for a monitor to be seen */
	struct order order;	    /* being done, or in its grace */
	struct order next;	    /* while the backend is at it */
	struct head_list replugged; /* what is wanted after a replug */
	uint64_t replug_until;	    /* ms of the loop's clock; 0: nothing is */
	uv_timer_t settle;	    /* after the monitor has come back */
	uv_timer_t find;	    /* a backend that can do more */
	uint64_t find_ms;
	unsigned int closing;
};

static const struct display_backend *const backends[] = {
	&display_mutter, &display_randr,  &display_kscreen,
	&display_wlr,	 &display_weston, &display_wayland,
};

/* --- To the host ---------------------------------------------------------------------------- */

static void tell_layout(const struct display *display, struct stream *stream)
{
	const struct environment *environment = display->context->environment;
	const struct display_layout layout = {
		.session = slice_of(environment->kind == ENVIRONMENT_X11 ? "x11" : "wayland"),
		.desktop = slice_of(environment->desktop),
		.backend = slice_of(display->backend->name),
	};
	uint8_t bytes[HEAD_LIST_BYTES + 512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	head_list_encode(&display->told, &layout, &writer);
	stream_message(stream, SLICE_LITERAL("layout"), cbor_written(&writer));
}

static void look(struct display *display)
{
	const bool same_backend = display->told_by == display->backend;
	struct head_list heads = {0};

	display->backend->read(display->state, &heads);
	if (same_backend && head_list_equal(&heads, &display->told))
		return;
	display->told_by = display->backend;
	heads.serial = display->told.serial;
	display->told = heads;
	for (size_t i = 0; i < ATTACHED_MAX; i++) {
		if (display->attached[i])
			tell_layout(display, display->attached[i]);
	}
}

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

/* --- Orders --------------------------------------------------------------------------------- */

static void begin(struct display *display, bool waited);

static void on_grace(uv_timer_t *timer)
{
	begin(timer->data, true);
}

static void on_late(uv_timer_t *timer)
{
	display_applied(timer->data, -ETIMEDOUT, "the desktop does not answer");
}

static void done(struct display *display, int error, const char *text)
{
	if (!error) {
		display->told.serial = display->order.want.serial;
		display->replug_until = 0;
	} else if (error == -EAGAIN && display->order.stream) {
		display->replugged = display->order.want;
		display->replug_until = uv_now(display->context->loop) + REPLUG_MS;
	}
	answer(&display->order, error, text);
	if (!display->next.stream)
		return;
	display->order = display->next;
	display->next.stream = NULL;
	begin(display, false);
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
		look(display);
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

void display_applied(struct display *display, int error, const char *text)
{
	struct head_list plan;

	if (!display->applying)
		return; /* too late */
	display->applying = false;
	uv_timer_stop(&display->timer);
	/* Scales that it has not, one scale for all heads: the layout tells. */
	if (!error && make_plan(display, &plan) == PLAN_PLACES)
		text = "the desktop has come as near as it can";
	if (error)
		log_debug("the screens stay as they are: %s", text ? text : error_text(error));
	look(display);
	done(display, error, text);
}

/* Nobody waits for an answer to this one. */
static void on_settled(uv_timer_t *timer)
{
	struct display *display = timer->data;
	struct head_list plan;

	if (display->applying || display->order.stream || !display->replug_until ||
	    uv_now(timer->loop) > display->replug_until)
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
	look(display);
	if (display->replug_until)
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

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct display *display = owner;
	struct order order = {.stream = stream};

	if (!slice_is(name, "apply"))
		return;
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
	display->order = order;
	begin(display, false);
}

/* --- Streams -------------------------------------------------------------------------------- */

static void detach(struct display *display, const struct stream *stream)
{
	for (size_t i = 0; i < ATTACHED_MAX; i++) {
		if (display->attached[i] == stream)
			display->attached[i] = NULL;
	}
	if (display->next.stream == stream)
		display->next.stream = NULL;
	if (display->order.stream != stream)
		return;
	display->order.stream = NULL;
	if (!display->applying)
		uv_timer_stop(&display->timer);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	detach(owner, stream);
	stream_reply(stream, (struct slice){0});
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)result;
	detach(owner, stream);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

static void display_attach(void *state, struct stream *stream, struct slice params)
{
	struct display *display = state;

	(void)params;
	for (size_t i = 0; i < ATTACHED_MAX; i++) {
		if (display->attached[i])
			continue;
		look(display);
		display->attached[i] = stream;
		stream_set_handlers(stream, &stream_handlers, display);
		tell_layout(display, stream);
		return;
	}
	stream_fail(stream, EAGAIN, "too many are attached");
}

/* --- The service ---------------------------------------------------------------------------- */

static int find_backend(struct display *display)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		void *state;
		int error;

		if (backends[i] == display->backend)
			return 0; /* the others can do less */
		error = backends[i]->start(display->context, display, &state);
		if (error == -ENOTSUP)
			continue;
		if (error) {
			log_warning("screens by %s: %s", backends[i]->name, error_text(error));
			continue;
		}
		if (display->backend)
			display->backend->stop(display->state);
		display->backend = backends[i];
		display->state = state;
		log_debug("screens are set by %s", display->backend->name);
		return 0;
	}
	return -ENOTSUP;
}

static void find_later(struct display *display);

static void on_find(uv_timer_t *timer)
{
	struct display *display = timer->data;

	if (!display->applying)
		find_backend(display);
	look(display);
	find_later(display);
}

static void find_later(struct display *display)
{
	if (display->backend != &display_wayland || display->find_ms > FIND_LAST_MS)
		return;
	uv_timer_start(&display->find, on_find, display->find_ms, 0);
	display->find_ms *= 2;
}

static int display_start(const struct service_context *context, void **state)
{
	_cleanup_free_ struct display *display = calloc(1, sizeof(*display));
	int error;

	if (!display)
		return -ENOMEM;
	display->context = context;
	error = find_backend(display);
	if (error)
		return error;
	uv_timer_init(context->loop, &display->timer);
	display->timer.data = display;
	uv_timer_init(context->loop, &display->settle);
	display->settle.data = display;
	uv_timer_init(context->loop, &display->find);
	display->find.data = display;
	display->find_ms = FIND_FIRST_MS;
	display->closing = 3;
	look(display);
	find_later(display);
	*state = take_ptr(display);
	return 0;
}

static void on_released(uv_handle_t *timer)
{
	struct display *display = timer->data;

	if (--display->closing == 0)
		free(display);
}

static void display_stop(void *state)
{
	struct display *display = state;

	display->backend->stop(display->state);
	uv_close((uv_handle_t *)&display->timer, on_released);
	uv_close((uv_handle_t *)&display->settle, on_released);
	uv_close((uv_handle_t *)&display->find, on_released);
}

const struct service session_service_display = {
	.name = "display",
	.summary = "reports the screens and lets them follow (display.attach)",
	.start = display_start,
	.stop = display_stop,
	.methods =
		(const struct service_method[]){{"display.attach", display_attach}, {NULL, NULL}},
};
