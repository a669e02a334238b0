/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * health - who answers, and who follows
 *
 * Whose figures are overdue is left as it is: they no longer say what may be taken. Who has been
 * silent for long, has no driver, or does not come nearer to its target for some seconds is given
 * the size that it has for a target, so that its driver does not spin, and is charged with what it
 * may have. A guest that was stuck is asked again, each time later.
 */
#include "host/daemon/memory/internal.h"

#define CLOSE_ENOUGH (8 * MEMORY_MIB)

static enum memory_state state_of(const struct memory_tuning *tuning, const struct memory_vm *vm,
				  uint64_t now_ms)
{
	uint64_t age = vm->sampled && now_ms > vm->sample.at_ms ? now_ms - vm->sample.at_ms : 0;
	uint64_t late = tuning->stale_periods * vm->sample.period_ms;
	bool booted = now_ms - vm->added_ms > tuning->boot_ms;

	if (!(vm->observed && vm->seen.driver))
		return booted ? MEMORY_DEAD : MEMORY_STARTING;
	if (vm->config.fixed_bytes)
		return MEMORY_FIXED;
	if (!vm->sampled)
		return booted ? MEMORY_DEAD : MEMORY_STARTING;
	if (age > late && age > tuning->dead_ms)
		return MEMORY_DEAD;
	if (age > late)
		return MEMORY_STALE;
	if (now_ms < vm->retry_at_ms)
		return MEMORY_STUCK;
	return MEMORY_FOLLOWED;
}

void health_check(const struct memory_tuning *tuning, struct memory_vm *vm, uint64_t now_ms)
{
	struct memory_decision *decision = &vm->decision;

	decision->state = state_of(tuning, vm, now_ms);
	decision->limit_bytes = 0;
	switch (decision->state) {
	case MEMORY_STARTING:
		decision->reason = MEMORY_BECAUSE_START;
		vm->want = decision->target_bytes;
		break;
	case MEMORY_STALE:
		decision->reason = MEMORY_BECAUSE_SILENCE;
		vm->want = decision->target_bytes;
		break;
	case MEMORY_DEAD:
		decision->reason = MEMORY_BECAUSE_SILENCE;
		vm->want = (uint64_t)vm_actual(vm);
		break;
	case MEMORY_STUCK:
		decision->reason = MEMORY_BECAUSE_STUCK;
		vm->want = (uint64_t)vm_actual(vm);
		break;
	case MEMORY_FIXED:
		decision->reason = MEMORY_BECAUSE_FIXED;
		vm->want = vm->config.fixed_bytes;
		break;
	case MEMORY_FOLLOWED:
		break;
	}
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

void health_progress(const struct memory_tuning *tuning, struct memory_vm *vm, uint64_t now_ms)
{
	uint64_t target = vm->decision.target_bytes, actual = vm->seen.actual_bytes;
	uint64_t away = distance(target, actual), before = distance(target, vm->progress_bytes);

	/* Who has no driver yet cannot follow: the time begins with it. */
	if (!vm->seen.driver) {
		vm->progress_ms = 0;
		return;
	}
	if (away <= CLOSE_ENOUGH) {
		/* There, and not where it stuck: it follows again. */
		if (vm->decision.state == MEMORY_FOLLOWED &&
		    (vm->progress_ms || distance(actual, vm->progress_bytes) > CLOSE_ENOUGH))
			vm->retry_ms = 0;
		vm->progress_ms = 0;
		return;
	}
	/* Also where the target has moved: the guest is judged by one target at a time. */
	if (!vm->progress_ms || away > before) {
		vm->progress_ms = now_ms;
		vm->progress_bytes = actual;
		return;
	}
	if (now_ms - vm->progress_ms < tuning->stuck_ms)
		return;
	if (before - away < tuning->stuck_bytes_per_s * tuning->stuck_ms / 1000) {
		vm->retry_ms = vm->retry_ms ? vm->retry_ms * 2 : tuning->retry_ms;
		if (vm->retry_ms > tuning->retry_max_ms)
			vm->retry_ms = tuning->retry_max_ms;
		vm->retry_at_ms = now_ms + vm->retry_ms;
		vm->progress_ms = 0;
		vm->progress_bytes = actual;
		return;
	}
	vm->progress_ms = now_ms;
	vm->progress_bytes = actual;
}
