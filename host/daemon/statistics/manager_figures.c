/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/manager_figures.h"

#define NANOSECONDS_A_US 1000U

static void take_sample(const struct memory_member_view *view, struct figures *figures)
{
	const struct memory_sample *sample = &view->sample;

	figures_set(figures, VM_MEMORY_AVAILABLE, sample->available_bytes);
	figures_set(figures, VM_MEMORY_CACHE, view->cache_bytes);
	figures_set(figures, VM_MEMORY_WORKING_SET, view->used_bytes);
	/* A balloon's statistics have no such thing. */
	if (view->source == MEMORY_FROM_AGENT)
		figures_set(figures, VM_MEMORY_STALL_TIME, sample->stall_us * NANOSECONDS_A_US);
}

void manager_figures_take(const struct memory_member_view *view, struct figures *figures)
{
	figures_set(figures, VM_MEMORY_MAXIMUM, view->config->maximum_bytes);
	if (!view->config->watched) {
		figures_set(figures, VM_MEMORY_MINIMUM, view->config->minimum_bytes);
		figures_set(figures, VM_MEMORY_TARGET, view->decision.target_bytes);
	}
	if (view->observed) {
		figures_set(figures, VM_MEMORY_ACTUAL, view->seen.actual_bytes);
		figures_set(figures, VM_MEMORY_RESIDENT, view->seen.resident_bytes);
	}
	if (view->sampled)
		take_sample(view, figures);
}
