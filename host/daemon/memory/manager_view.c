/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager_view - what people and programs are told
 */
#include "host/daemon/memory/manager_internal.h"

#include <stdio.h>
#include <sys/param.h>

static bool can_limit(const struct memory_member *member)
{
	const struct vm_memory_driver *driver = member->driver;

	return driver->can_limit ? driver->can_limit(member->driver_owner)
				 : driver->set_limit != NULL;
}

void memory_manager_view(const struct memory_manager *manager, struct memory_manager_view *view)
{
	*view = (struct memory_manager_view){
		.totals = *memory_policy_totals(manager->policy),
		.host = manager->host,
		.other_bytes = manager->other_bytes,
	};
	for (const struct memory_member *member = manager->members; member; member = member->next) {
		view->limits |= can_limit(member);
		if (member->driver->merges && member->observed)
			view->mergeable_bytes += member->seen.resident_bytes;
	}
}

static const char *trend_name(enum memory_trend trend)
{
	return trend == MEMORY_GROWS ? "grows" : trend == MEMORY_SHRINKS ? "shrinks" : "";
}

void memory_member_view(const struct memory_member *member, struct memory_member_view *view)
{
	uint64_t size = member->seen.actual_bytes;

	*view = (struct memory_member_view){
		.name = member->name,
		.owner = member->driver_owner,
		.config = &member->config,
		.machine_bytes = member->machine_bytes,
		.reach_bytes = member->reach_bytes,
		.decision = {.target_bytes = size, .demand_bytes = size, .due_bytes = size},
		.observed = member->observed,
		.sampled = member->sampled,
		.seen = member->seen,
		.sample = member->sample,
		.source = member->source,
		.state = member->config.watched ? "watched" : "off",
		.trend = "",
		.paused = member->paused,
	};
	if (member->vm) {
		view->decision = *memory_vm_decision(member->vm);
		view->state = memory_state_name(view->decision.state);
		view->trend = trend_name(memory_vm_trend(member->vm));
	}
	if (!member->sampled)
		return;
	view->used_bytes = MAX(member->sample.visible_bytes, member->sample.available_bytes) -
			   member->sample.available_bytes;
	view->cache_bytes = MAX(member->sample.available_bytes, member->sample.free_bytes) -
			    member->sample.free_bytes;
	view->age_ms = manager_now(member->manager) -
		       MIN(manager_now(member->manager), member->sample.at_ms);
}

int memory_member_explain(const struct memory_member *member, char *text, size_t size)
{
	if (member->vm)
		return memory_vm_explain(member->manager->policy, member->vm, text, size);
	return snprintf(text, size, "%s (%s): has %llu of %llu MiB\n%s\n", member->name,
			member->config.watched ? "watched" : "off",
			(unsigned long long)(member->seen.actual_bytes / MEMORY_MIB),
			(unsigned long long)(member->machine_bytes / MEMORY_MIB),
			member->config.watched ? "it does not take part: its size is left as it is"
					       : "memory is not managed: the policy is off");
}
