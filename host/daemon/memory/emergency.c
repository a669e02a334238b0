/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * emergency - the host itself runs short
 *
 * Short is a host whose available memory is below twice the reserve while more is out than the
 * budget has (a host that is merely well used is not, with an even ledger), or below half the
 * reserve whatever the ledger says, or that stalls. Then memory is taken without regard to calm:
 * first what is free in the guests, all of it; then their cache, as much as is missing; then the
 * rest down to the minimums. Where that does not help within seconds the VMs' cgroups get limits,
 * and at last the VM that has most above what it is entitled to is paused until the host has
 * recovered. Minimums hold throughout.
 *
 * A guest that deflates on OOM takes memory without asking, and faster than others give it back.
 * So where only a quarter of the reserve is left, who has just done that is paused at once, and
 * goes on when half the reserve is there again.
 *
 * Guests that come for what was lent (overcommit.c) do so without asking, too. Where they would
 * have taken all but half the reserve in a second, loans are called back: part of what is free in
 * guests that have much of it.
 *
 * Who is paused gives nothing back. So one of several runs always, one that starts is not kept from
 * loading its driver unless nothing is left at all, and each goes on after a minute, to do its
 * part.
 */
#include "host/daemon/memory/internal.h"

#define LIMITS_AFTER_MS 5000
#define PAUSE_AFTER_MS	10000
#define PAUSED_MS	60000 /* at most */
#define RUNS_MS		60000 /* then, at least */
#define TOOK_MS		2000  /* it may take more still */
#define AHEAD_S		1     /* loans are called back before memory ends by so much */

enum { FREE = 1, CACHE, REST, LIMITS, PAUSED };

/* What a guest has of a kind, above its minimum. Kinds include the ones before them. */
static double pool(const struct memory_vm *vm, int kind)
{
	double size = vm_actual(vm), above = max2(0, size - (double)vm->config.minimum_bytes);
	double free_bytes = min2((double)vm->sample.free_bytes, size);
	double available = max2(free_bytes, min2((double)vm->sample.available_bytes, size));

	if (!vm_is_followed(vm))
		return 0;
	if (kind == FREE)
		return min2(above, free_bytes);
	return kind == CACHE ? min2(above, available) : above;
}

static double pools(const struct memory_policy *policy, int kind)
{
	double sum = 0;

	for (size_t i = 0; i < policy->count; i++)
		sum += pool(policy->vm[i], kind);
	return sum;
}

static void take(struct memory_policy *policy, int kind, double need)
{
	double surely = kind > FREE ? pools(policy, kind - 1) : pools(policy, FREE);
	double more = pools(policy, kind) - surely;
	double part = kind == FREE || more <= 0 ? 0 : clamp((need - surely) / more, 0, 1);

	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		double before = pool(vm, kind > FREE ? kind - 1 : FREE);
		double taken = before + part * (pool(vm, kind) - before);
		uint64_t left = (uint64_t)max2(0, vm_actual(vm) - taken);

		if (!vm_is_followed(vm) || left >= vm->want)
			continue;
		vm->want = left;
		vm->decision.reason = MEMORY_BECAUSE_EMERGENCY;
	}
}

/* What it has above its minimum and its shares. */
static double unearned(const struct memory_policy *policy, const struct memory_vm *vm)
{
	return (double)ledger_charge(vm) - (double)vm->config.minimum_bytes -
	       (policy->scarce ? policy->level * vm->config.shares : 0);
}

static void limit(struct memory_policy *policy)
{
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		double entitled = min2(vm->due, (double)vm->config.minimum_bytes +
							policy->level * vm->config.shares);

		if (vm_is_followed(vm))
			entitled = (double)vm->want;
		entitled = max2(entitled, (double)vm->config.minimum_bytes);
		if ((double)ledger_charge(vm) > entitled)
			vm->decision.limit_bytes = (uint64_t)entitled;
	}
}

static bool may_pause(const struct memory_policy *policy, const struct memory_vm *vm,
		      uint64_t now_ms)
{
	bool ended = policy->host.available_bytes < policy->totals.reserve_bytes / 8;

	if (vm->paused_ms && now_ms - vm->paused_ms < PAUSED_MS + RUNS_MS)
		return false;
	return ended || vm->decision.state != MEMORY_STARTING;
}

static bool takes(const struct memory_vm *vm, uint64_t now_ms)
{
	return vm->took_ms && now_ms - vm->took_ms < TOOK_MS;
}

/* Who is least entitled to what it has; with @takers, of those who take without asking. */
static struct memory_vm *pause_one(struct memory_policy *policy, bool takers, uint64_t now_ms)
{
	struct memory_vm *least = NULL;
	size_t running = 0;

	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];

		if (vm->decision.pause)
			continue;
		running++;
		if (may_pause(policy, vm, now_ms) && (!takers || takes(vm, now_ms)) &&
		    (!least || unearned(policy, vm) > unearned(policy, least)))
			least = vm;
	}
	if (!least || (running == 1 && policy->count > 1))
		return NULL;
	least->decision.pause = true;
	least->paused_ms = now_ms;
	return least;
}

/* Those whose time is over, or all. */
static void go_on(struct memory_policy *policy, bool all, uint64_t now_ms)
{
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];

		if (all || now_ms - vm->paused_ms >= PAUSED_MS)
			vm->decision.pause = false;
		/* It is stopped again as soon as it takes more. */
		if (vm->braked && !vm->decision.pause) {
			vm->braked = false;
			vm->paused_ms = 0;
		}
		if (vm->decision.pause)
			vm->decision.reason = MEMORY_BECAUSE_EMERGENCY;
	}
}

static void brake(struct memory_policy *policy, uint64_t now_ms)
{
	double reserve = (double)policy->totals.reserve_bytes;
	double available = (double)policy->host.available_bytes;
	struct memory_vm *braked = NULL;

	for (size_t i = 0; i < policy->count; i++)
		if (policy->vm[i]->braked && available >= reserve / 2)
			policy->vm[i]->decision.pause = false;
	if (available < reserve / 4)
		braked = pause_one(policy, true, now_ms);
	if (braked)
		braked->braked = true;
}

/* Bytes a second that the host had less since the last step. */
static double falling(struct memory_policy *policy, uint64_t now_ms)
{
	double available = (double)policy->host.available_bytes, rate = 0;

	if (policy->watched_ms && now_ms > policy->watched_ms)
		rate = (policy->watched_bytes - available) * 1000 /
		       (double)(now_ms - policy->watched_ms);
	policy->watched_ms = now_ms;
	policy->watched_bytes = available;
	return max2(0, rate);
}

static void call_back(struct memory_policy *policy, double need)
{
	double part = clamp(need / max2(1, pools(policy, FREE)), 0, 1);

	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		double size = vm_actual(vm), taken = part * pool(vm, FREE);

		if (taken < 2 * calm_deadband(&policy->tuning, size) || size - taken >= vm->want)
			continue;
		vm->want = (uint64_t)(size - taken);
		vm->decision.reason = MEMORY_BECAUSE_EMERGENCY;
	}
}

void emergency_check(struct memory_policy *policy, uint64_t now_ms)
{
	const struct memory_host *host = &policy->host;
	double reserve = (double)policy->totals.reserve_bytes;
	double mark = policy->overdrawn ? 2 * reserve : reserve / 2;
	double need = mark - (double)host->available_bytes;
	double ahead = min2((double)policy->totals.lent_bytes, AHEAD_S * falling(policy, now_ms));
	uint64_t since;
	int level;

	policy->totals.emergency = 0;
	if (need <= 0 && !host->stalled) {
		policy->short_of_memory = false;
		call_back(policy, reserve / 2 + ahead - (double)host->available_bytes);
		go_on(policy, true, now_ms);
		return;
	}
	if (!policy->short_of_memory) {
		policy->short_of_memory = true;
		policy->short_since_ms = now_ms;
		policy->paused_ms = 0;
	}
	need = max2(need, reserve / 4);
	level = need <= pools(policy, FREE) ? FREE : need <= pools(policy, CACHE) ? CACHE : REST;
	take(policy, level, need);
	since = now_ms - policy->short_since_ms;
	if (level == REST && since >= LIMITS_AFTER_MS) {
		level = LIMITS;
		limit(policy);
	}
	if (level == LIMITS && since >= PAUSE_AFTER_MS && (double)host->available_bytes < reserve) {
		level = PAUSED;
		if (!policy->paused_ms || now_ms - policy->paused_ms >= LIMITS_AFTER_MS) {
			pause_one(policy, false, now_ms);
			policy->paused_ms = now_ms;
		}
	}
	brake(policy, now_ms);
	go_on(policy, false, now_ms);
	policy->totals.emergency = level;
}
