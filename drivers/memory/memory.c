/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory - how the guest's memory is, told to who shares the host's
 *
 * While the host watches, the kernel is to say when tasks wait for memory (pressure.h), and the
 * figures are read and told at the pace of pace.h. While it does not, nothing runs but what puts
 * plugged memory into use (online.h).
 */
#include "drivers/driver.h"
#include "drivers/memory/online.h"
#include "drivers/memory/pace.h"
#include "drivers/memory/pressure.h"
#include "drivers/memory/reclaim.h"
#include "guest-agent/system/memory_figures.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <unistd.h>

#define STALL_US 100000 /* in a second: much */
#define STIR_US	 2000	/* something begins */

#define UNREADABLE_MS 5000 /* then it is tried again */

struct memory {
	const struct driver_context *context;
	uv_timer_t look;
	bool watched;
	struct pressure_trigger *stall, *stir; /* NULL: no such */
	struct pace pace;
	struct guest_memory_report report;
	const char *reclaim;
	struct online *online; /* NULL: the kernel tells no events */
};

static void look(struct memory *memory, enum pace_event event);

static void on_look(uv_timer_t *timer)
{
	look(timer->data, PACE_LOOK);
}

static void look(struct memory *memory, enum pace_event event)
{
	const struct driver_context *context = memory->context;
	struct guest_memory_report now;
	struct pace_step step;
	int error = memory_figures_read(context->root, &now);

	if (error) {
		log_warning("cannot read how the memory is: %s", error_text(error));
		uv_timer_start(&memory->look, on_look, UNREADABLE_MS, 0);
		return;
	}
	step = pace_look(&memory->pace, &now, event);
	uv_timer_start(&memory->look, on_look, step.look_ms, 0);
	if (!step.tell)
		return;
	memory->report = now;
	memory->report.period_ms = step.period_ms;
	memory->report.cause = slice_of(step.cause ? step.cause : "");
	if (step.cause)
		context->urgent(context->owner);
	else
		context->changed(context->owner);
}

static void on_stall(void *owner)
{
	look(owner, PACE_STALL);
}

static void on_stir(void *owner)
{
	look(owner, PACE_STIR);
}

static bool memory_probe(void)
{
	return access("/proc/meminfo", R_OK) == 0;
}

static int memory_start(const struct driver_context *context, void **state)
{
	struct memory *memory = calloc(1, sizeof(*memory));
	int error;

	if (!memory)
		return -ENOMEM;
	memory->context = context;
	memory->reclaim = "";
	uv_timer_init(context->loop, &memory->look);
	memory->look.data = memory;
	error = online_new(context->loop, context->root, &memory->online);
	if (error)
		log_warning("memory that is plugged in is not put into use: %s", error_text(error));
	*state = memory;
	return 0;
}

static void rest(struct memory *memory)
{
	pressure_trigger_free(take_ptr(memory->stall));
	pressure_trigger_free(take_ptr(memory->stir));
	uv_timer_stop(&memory->look);
	memory->watched = false;
}

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void memory_stop(void *state)
{
	struct memory *memory = state;

	rest(memory);
	online_free(take_ptr(memory->online));
	uv_close((uv_handle_t *)&memory->look, on_released);
}

static void listen_for_pressure(struct memory *memory)
{
	const struct driver_context *context = memory->context;
	int error = pressure_trigger_new(context->loop, context->root, STALL_US, on_stall, memory,
					 &memory->stall);

	if (error == 0)
		error = pressure_trigger_new(context->loop, context->root, STIR_US, on_stir, memory,
					     &memory->stir);
	if (error)
		log_info("this kernel does not say when tasks wait for memory (PSI: %s): "
			 "it is looked at every second instead",
			 error_text(error));
}

static int watch(struct memory *memory, struct slice params, const char **text)
{
	struct guest_memory_watch want;
	struct pace_wish wish;

	if (message_decode(&message_guest_memory_watch, params, &want) < 0) {
		*text = "malformed parameters";
		return -EBADMSG;
	}
	if (pace_wish_from(&want, &wish) < 0) {
		*text = "the period is 100 ms at least, and the idle one no shorter";
		return -ERANGE;
	}
	if (!memory->watched) {
		listen_for_pressure(memory);
		memory->reclaim = reclaim_way(memory->context->root);
	}
	memory->watched = true;
	pace_set(&memory->pace, &wish, memory->stall && memory->stir);
	uv_timer_start(&memory->look, on_look, 0, 0);
	return 0;
}

/* "watch" guest_memory_watch, again with other wishes; "rest" {}. */
static int memory_handle(void *state, struct slice name, struct slice params, const char **text)
{
	struct memory *memory = state;

	if (slice_is(name, "watch"))
		return watch(memory, params, text);
	if (slice_is(name, "rest")) {
		rest(memory);
		return 0;
	}
	*text = "the memory driver knows no such order";
	return -ENOSYS;
}

static int memory_report(void *state, struct cbor_writer *writer)
{
	struct memory *memory = state;

	memory->report.trigger = memory->pace.trigger;
	memory->report.reclaim = slice_of(memory->reclaim);
	memory->report.online = memory->online && online_has_device(memory->context->root);
	message_encode(&message_guest_memory_report, &memory->report, writer);
	return writer->overflow ? -EMSGSIZE : 0;
}

const struct driver driver_memory = {
	.name = "memory",
	.probe = memory_probe,
	.start = memory_start,
	.stop = memory_stop,
	.handle = memory_handle,
	.report = memory_report,
};
