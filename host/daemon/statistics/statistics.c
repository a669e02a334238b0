/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/statistics.h"

#include "host/daemon/backend.h"
#include "host/daemon/backend/domains.h"
#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"
#include "host/daemon/statistics/host_figures.h"
#include "host/daemon/statistics/libvirt_figures.h"
#include "host/daemon/statistics/manager_figures.h"

#include <stdlib.h>
#include <time.h>

#define PROC	    "/proc"
#define NANOSECONDS 1000000000ULL

struct statistics {
	struct lodged *lodged;
	struct figures host;
	struct statistics_waiter *waiters;
	struct statistics_round *round; /* the one under way */
	uv_timer_t limit;		/* of it */
	uv_timer_t asked;		/* runs out at once: all have been asked */
	unsigned int closing;
};

/* One who asked late is not waited for, but may hold its round still. */
struct statistics_round {
	struct statistics *statistics; /* NULL: it is over */
	unsigned int users;
};

uint64_t statistics_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

const struct figures *statistics_of_host(const struct statistics *statistics)
{
	return &statistics->host;
}

/* --- Rounds ----------------------------------------------------------------------------------- */

/* The manager knows best what memory a VM has: it moves it. */
static void look_at_memory(struct lodged *lodged)
{
	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		struct memory_member_view view;

		if (!vm->memory)
			continue;
		memory_member_view(vm->memory, &view);
		manager_figures_take(&view, &vm->figures);
	}
}

static void wake_all(struct statistics *statistics)
{
	struct statistics_waiter *waiter = statistics->waiters;

	statistics->waiters = NULL;
	while (waiter) {
		struct statistics_waiter *next = waiter->next;

		waiter->done(waiter);
		waiter = next;
	}
}

static void end_round(struct statistics_round *round)
{
	struct statistics *statistics = round->statistics;

	if (!statistics)
		return;
	round->statistics = NULL;
	statistics->round = NULL;
	uv_timer_stop(&statistics->limit);
	look_at_memory(statistics->lodged);
	wake_all(statistics);
}

static void on_limit(uv_timer_t *timer)
{
	struct statistics *statistics = timer->data;

	end_round(statistics->round);
}

/* Nobody is answered inside statistics_ask(), not even where nobody has to be waited for. */
static void on_asked(uv_timer_t *timer)
{
	struct statistics *statistics = timer->data;

	if (statistics->round)
		statistics_release(statistics->round);
	else
		wake_all(statistics);
}

struct statistics_round *statistics_hold(struct statistics_round *round)
{
	round->users++;
	return round;
}

void statistics_release(struct statistics_round *round)
{
	if (--round->users > 0)
		return;
	end_round(round);
	free(round);
}

/* What nobody but the kernel needs to be asked for. */
static void look_at_processes(struct lodged *lodged)
{
	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		uint64_t cpu_time;

		figures_set(&vm->figures, VM_PROCESSORS, vm->options.cpus);
		if (!figures_have(&vm->figures, VM_MEMORY_MAXIMUM))
			figures_set(&vm->figures, VM_MEMORY_MAXIMUM, vm_options_most(&vm->options));
		if (vm->backend->count || vm->pid <= 0)
			continue;
		cpu_time = host_figures_cpu_time(PROC, vm->pid);
		if (cpu_time == 0)
			continue;
		figures_set(&vm->figures, VM_CPU_TIME, cpu_time);
		figures_set(&vm->figures, VM_TIME, statistics_now());
	}
}

static void begin_round(struct statistics *statistics, struct statistics_round *round)
{
	struct lodged *lodged = statistics->lodged;

	*round = (struct statistics_round){statistics, 1};
	statistics->round = round;
	host_figures_read(PROC, &statistics->host);
	figures_set(&statistics->host, HOST_TIME, statistics_now());
	look_at_processes(lodged);
	if (lodged->memory)
		memory_manager_look(lodged_memory_manager(lodged->memory));
	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		if (vm->backend->count &&
		    (vm->state == VM_RUNNING || vm->state == VM_STOPPING || vm->state == VM_PAUSED))
			vm->backend->count(vm, round);
	}
	libvirt_figures_count(lodged, round);
	domains_count(lodged->domains, round);
}

void statistics_ask(struct statistics *statistics, struct statistics_waiter *waiter)
{
	struct statistics_round *round;

	waiter->next = statistics->waiters;
	statistics->waiters = waiter;
	if (statistics->round)
		return;
	round = malloc(sizeof(*round));
	uv_timer_start(&statistics->asked, on_asked, 0, 0);
	/* Without memory there is what there was. */
	if (!round)
		return;
	uv_timer_start(&statistics->limit, on_limit, STATISTICS_LIMIT_MS, 0);
	begin_round(statistics, round);
}

void statistics_forget(struct statistics *statistics, struct statistics_waiter *waiter)
{
	for (struct statistics_waiter **at = &statistics->waiters; *at; at = &(*at)->next) {
		if (*at == waiter) {
			*at = waiter->next;
			return;
		}
	}
}

/* --- Life ------------------------------------------------------------------------------------- */

struct statistics *statistics_new(struct lodged *lodged)
{
	struct statistics *statistics = calloc(1, sizeof(*statistics));

	if (!statistics)
		return NULL;
	statistics->lodged = lodged;
	uv_timer_init(&lodged->loop, &statistics->limit);
	uv_timer_init(&lodged->loop, &statistics->asked);
	statistics->limit.data = statistics->asked.data = statistics;
	return statistics;
}

static void timer_closed(uv_handle_t *timer)
{
	struct statistics *statistics = timer->data;

	if (--statistics->closing == 0)
		free(statistics);
}

void statistics_free(struct statistics *statistics)
{
	struct statistics_round *round;

	if (!statistics)
		return;
	round = statistics->round;
	if (round) {
		bool asked = uv_is_active((uv_handle_t *)&statistics->asked);

		end_round(round);
		if (asked)
			statistics_release(round);
	}
	wake_all(statistics);
	statistics->closing = 2;
	uv_close((uv_handle_t *)&statistics->limit, timer_closed);
	uv_close((uv_handle_t *)&statistics->asked, timer_closed);
}
