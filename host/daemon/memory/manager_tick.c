/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager_tick - looking at the host and the guests, and carrying decisions out
 */
#include "host/daemon/memory/manager_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/param.h>

/* Ticks from one look at the guests to the next. */
#define LOOK_EVERY 4
/* The agent's figures count for so many of their periods; then statistics do. */
#define AGENT_PERIODS 3
/* Rates over a shorter time than that mean nothing. */
#define APART_MS 250
/* A guest with less than that is short of memory, whatever it stalls for. */
#define ENOUGH_BYTES (32 * MEMORY_MIB)

static uint64_t less(uint64_t from, uint64_t amount)
{
	return from > amount ? from - amount : 0;
}

/* --- The host ----------------------------------------------------------------------------------
 */

static uint64_t resident(const struct memory_manager *manager)
{
	uint64_t sum = 0;

	for (const struct memory_member *member = manager->members; member; member = member->next) {
		if (member->vm && member->observed)
			sum += member->seen.resident_bytes;
	}
	return sum;
}

/*
 * What is no VM's is what the host uses, less what it holds for VMs; the VMs' own processes are in
 * it. Where VMs are to get by with a part of the host, the rest of the host is others' to use.
 */
int manager_read_host(struct memory_manager *manager)
{
	uint64_t held = resident(manager), total, used;
	struct memory_host host = {0};
	int r = manager->hooks->read_host(manager->owner, &manager->host);

	if (r < 0)
		return r;
	total = manager->host.total_bytes;
	used = less(total, manager->host.available_bytes);
	manager->other_bytes = less(used, held);
	host.total_bytes = total;
	host.available_bytes = manager->host.available_bytes;
	host.other_bytes = manager->other_bytes;
	host.ksm_saved_bytes = manager->host.ksm_saved_bytes;
	if (manager->settings.total_bytes && manager->settings.total_bytes < total) {
		host.total_bytes = manager->settings.total_bytes;
		host.available_bytes = MIN(host.available_bytes, less(host.total_bytes, held));
		host.other_bytes = less(manager->other_bytes, total - host.total_bytes);
	}
	memory_policy_host(manager->policy, &host);
	host.stalled = manager->stalled &&
		       manager->host.available_bytes <
			       4 * memory_policy_totals(manager->policy)->reserve_bytes;
	if (host.stalled)
		memory_policy_host(manager->policy, &host);
	return 0;
}

void memory_manager_stalled(struct memory_manager *manager)
{
	manager->stalled = true;
	manager->hurry = true;
}

/* --- What drivers tell ------------------------------------------------------------------------ */

uint64_t memory_member_now(const struct memory_member *member)
{
	return manager_now(member->manager);
}

static void observe_policy(struct memory_member *member)
{
	struct memory_observation seen = member->seen;

	/* A dry run plays a guest that follows: else all would be stuck. */
	if (member->manager->settings.mode == MEMORY_MODE_DRY_RUN && member->target_bytes)
		seen.actual_bytes = memory_vm_decision(member->vm)->target_bytes;
	memory_vm_observe(member->manager->policy, member->vm, &seen);
}

static struct member_size between(const struct member_size *before, const struct member_size *after,
				  uint64_t at_ms)
{
	double part = (double)(at_ms - before->at_ms) / (double)(after->at_ms - before->at_ms);

	return (struct member_size){
		.at_ms = at_ms,
		.actual_bytes = (uint64_t)((double)before->actual_bytes * (1 - part) +
					   (double)after->actual_bytes * part),
		.plugged_bytes = (uint64_t)((double)before->plugged_bytes * (1 - part) +
					    (double)after->plugged_bytes * part),
	};
}

/* What the VM had then. Statistics are up to a second old, and meanwhile the balloon has moved:
 * against its size of now the difference would count as used. */
static struct member_size size_at(const struct memory_member *member, uint64_t at_ms)
{
	const struct member_size *after = NULL;

	for (unsigned int i = 0; i < MIN(member->sizes, MEMBER_SIZES); i++) {
		const struct member_size *size =
			&member->size[(member->sizes - 1 - i) % MEMBER_SIZES];

		if (size->at_ms > at_ms) {
			after = size;
			continue;
		}
		if (!after || after->at_ms == size->at_ms)
			return *size;
		return between(size, after, at_ms);
	}
	return after ? *after : (struct member_size){0};
}

/*
 * What the guest had to itself then. Memory that was plugged in and is not yet in use would count
 * as used: its kernel's total says how much of it is. What that total is without is seen before
 * anything is plugged in; else all of it is believed to be in use when the guest is first heard of.
 */
static uint64_t visible_at(struct memory_member *member, uint64_t at_ms, uint64_t total)
{
	struct member_size size = size_at(member, at_ms);
	uint64_t unused;

	if (size.plugged_bytes == 0)
		member->first_total_bytes = total;
	if (!total || size.plugged_bytes == 0)
		return size.actual_bytes;
	if (!member->first_total_bytes)
		member->first_total_bytes = less(total, size.plugged_bytes);
	unused = less(size.plugged_bytes, less(total, member->first_total_bytes));
	return MAX(less(size.actual_bytes, unused), MIN(size.actual_bytes, MEMORY_MIB));
}

void memory_member_observe(struct memory_member *member,
			   const struct memory_observation *observation)
{
	bool first = !member->observed;
	uint64_t now_ms = manager_now(member->manager);
	uint64_t at_ms = observation->at_ms ? observation->at_ms : now_ms;

	if (!first && at_ms < member->seen.at_ms)
		return;
	member->observed = true;
	member->seen = *observation;
	member->seen.at_ms = at_ms;
	member->seen.actual_bytes = MIN(observation->actual_bytes, member->machine_bytes);
	member->size[member->sizes++ % MEMBER_SIZES] =
		(struct member_size){at_ms, member->seen.actual_bytes,
				     MIN(observation->plugged_bytes, member->machine_bytes)};
	if (first)
		member->manager->hurry = true;
	if (member->vm)
		observe_policy(member);
}

static bool agent_is_fresh(const struct memory_member *member)
{
	return member->source == MEMORY_FROM_AGENT &&
	       manager_now(member->manager) <=
		       member->sample.at_ms + (uint64_t)AGENT_PERIODS * member->sample.period_ms;
}

bool memory_member_needs_statistics(const struct memory_member *member)
{
	return member->vm && !agent_is_fresh(member);
}

/* A counter that went back, or that another source told, begins anew where the last one was. */
static uint64_t go_on(uint64_t sum, uint64_t raw, uint64_t before, bool same)
{
	uint64_t result;

	if (!same || raw < before)
		return sum;
	return __builtin_add_overflow(sum, raw - before, &result) ? sum : result;
}

/* Statistics are read again before there are new ones, which is nothing new. What comes too soon
 * after the last sample counts as if it had come a little later. */
static bool is_news(const struct memory_member *member, enum memory_source source,
		    struct memory_sample *sample)
{
	uint64_t last_ms = member->sample.at_ms, now_ms = manager_now(member->manager);

	if (sample->at_ms <= last_ms)
		return false;
	if (source == MEMORY_FROM_BALLOON &&
	    (agent_is_fresh(member) || sample->at_ms < last_ms + sample->period_ms / 4))
		return false;
	if (sample->at_ms < last_ms + APART_MS)
		sample->at_ms = last_ms + APART_MS;
	return sample->at_ms <= now_ms + APART_MS;
}

void memory_member_sample(struct memory_member *member, enum memory_source source,
			  const struct memory_sample *told)
{
	struct memory_sample sample = *told;
	bool same = member->sampled && member->source == source;

	if (member->sampled && !is_news(member, source, &sample))
		return;
	sample.refaulted_bytes = go_on(member->sample.refaulted_bytes, told->refaulted_bytes,
				       member->raw.refaulted_bytes, same);
	sample.swapped_in_bytes = go_on(member->sample.swapped_in_bytes, told->swapped_in_bytes,
					member->raw.swapped_in_bytes, same);
	sample.stall_us =
		go_on(member->sample.stall_us, told->stall_us, member->raw.stall_us, same);
	if (member->sampled)
		sample.stall_us -= inflation_explains(&member->inflation,
						      sample.stall_us - member->sample.stall_us,
						      manager_now(member->manager));
	/* A guest says what it has, not how much there is. */
	if (!sample.visible_bytes && member->observed)
		sample.visible_bytes = visible_at(member, told->at_ms, told->total_bytes);
	if (sample.visible_bytes) {
		sample.free_bytes = MIN(sample.free_bytes, sample.visible_bytes);
		sample.available_bytes = MIN(sample.available_bytes, sample.visible_bytes);
	}
	member->raw = (struct member_counters){told->refaulted_bytes, told->swapped_in_bytes,
					       told->stall_us};
	member->sample = sample;
	member->sampled = true;
	member->source = source;
	if (member->vm)
		memory_vm_sample(member->manager->policy, member->vm, &sample);
}

void memory_member_reach(struct memory_member *member, uint64_t bytes)
{
	struct memory_vm_config config;

	bytes = MIN(bytes, member->machine_bytes);
	if (member->config.start_bytes)
		bytes = MAX(bytes, member->config.start_bytes);
	if (bytes == member->reach_bytes)
		return;
	member->reach_bytes = bytes;
	member_policy_config(member, &member->config, &config);
	/* What it is guaranteed stays the same: it cannot be refused. */
	if (member->vm)
		(void)memory_policy_configure(member->manager->policy, member->vm, &config);
}

void memory_member_urgent(struct memory_member *member)
{
	if (!member->vm)
		return;
	memory_vm_urgent(member->manager->policy, member->vm, manager_now(member->manager));
	member->manager->hurry = true;
}

void memory_member_stalls(struct memory_member *member)
{
	uint64_t enough = MAX(ENOUGH_BYTES, member->sample.visible_bytes / 16);

	/* Who has cache left to drop drops it for the balloon. */
	if (!member->inflation.only || member->sample.available_bytes < enough)
		memory_member_urgent(member);
}

void memory_member_was_paused(struct memory_member *member)
{
	member->paused = true;
}

void memory_member_was_limited(struct memory_member *member)
{
	member->limit_bytes = UINT64_MAX;
}

void memory_member_failed(struct memory_member *member)
{
	member->target_bytes = 0;
}

/* --- Carrying out ----------------------------------------------------------------------------- */

static void say_dry_run(struct memory_member *member, const struct memory_decision *decision)
{
	char why[1024], *line, *end;

	memory_vm_explain(member->manager->policy, member->vm, why, sizeof(why));
	line = strchr(why, '\n');
	end = line ? strchr(line + 1, '\n') : NULL;
	if (end)
		*end = '\0';
	manager_log(member->manager, "dry run: %s: %llu MiB: %s", member->name,
		    (unsigned long long)(decision->target_bytes / MEMORY_MIB),
		    line ? line + 1 : "");
}

static void pause_member(struct memory_member *member, bool pause)
{
	if (!member->driver->pause || member->paused == pause)
		return;
	manager_log(member->manager, "%s: %s", member->name,
		    pause ? "paused: the host runs out of memory, and it has most of what it is "
			    "not entitled to"
			  : "goes on");
	member->paused = pause;
	member->driver->pause(member->driver_owner, pause);
}

static void carry_out(struct memory_member *member)
{
	const struct memory_decision *decision = memory_vm_decision(member->vm);
	bool changed = decision->target_bytes != member->target_bytes;
	uint64_t had = member->seen.actual_bytes;

	if (member->waits && decision->ready) {
		member->waits = false;
		member->manager->hooks->ready(member->manager->owner, member->driver_owner);
	}
	if (!member->observed)
		return;
	if (member->target_bytes)
		had = MIN(had, member->target_bytes);
	member->target_bytes = decision->target_bytes;
	if (member->manager->settings.mode == MEMORY_MODE_DRY_RUN) {
		if (changed)
			say_dry_run(member, decision);
		return;
	}
	if (changed) {
		inflation_asked(&member->inflation, less(had, decision->target_bytes),
				manager_now(member->manager));
		member->driver->set_target(member->driver_owner, decision->target_bytes);
	}
	if (decision->reclaim_bytes && member->driver->reclaim)
		member->driver->reclaim(member->driver_owner, decision->reclaim_bytes);
	if (decision->limit_bytes != member->limit_bytes && member->driver->set_limit) {
		member->limit_bytes = decision->limit_bytes;
		member->driver->set_limit(member->driver_owner, decision->limit_bytes);
	}
	pause_member(member, decision->pause);
}

static void step(struct memory_manager *manager)
{
	struct memory_member *next;
	int level;

	manager->hurry = false;
	memory_policy_step(manager->policy, manager_now(manager));
	manager->stalled = false;
	level = memory_policy_totals(manager->policy)->emergency;
	if ((level > 0) != (manager->emergency > 0))
		manager_log(manager,
			    level ? "the host runs short of memory: VMs give back what they can"
				  : "the host has memory again");
	manager->emergency = level;
	for (struct memory_member *member = manager->members; member; member = next) {
		/* Who becomes ready may go at once. */
		next = member->next;
		if (member->vm)
			carry_out(member);
	}
}

static bool is_short(const struct memory_manager *manager)
{
	const struct memory_totals *totals = memory_policy_totals(manager->policy);

	/* What is lent may be called for at any moment. */
	return manager->host.available_bytes < 2 * totals->reserve_bytes + totals->lent_bytes;
}

void memory_manager_tick(struct memory_manager *manager)
{
	bool look = manager->phase % LOOK_EVERY == 0 || manager->emergency;
	bool due = manager->phase % LOOK_EVERY == 1;

	/* The last figures stand where /proc cannot be read. */
	(void)manager_read_host(manager);
	if (due || manager->hurry || manager->emergency || is_short(manager))
		step(manager);
	for (struct memory_member *member = manager->members; look && member;
	     member = member->next) {
		if (!member->waits)
			member->driver->observe(member->driver_owner);
	}
	manager->phase++;
}
