/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * explain - the last decision in plain words
 */
#include "host/daemon/memory/internal.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const state_names[] = {
	[MEMORY_STARTING] = "starting", [MEMORY_FOLLOWED] = "followed", [MEMORY_STALE] = "stale",
	[MEMORY_DEAD] = "dead",		[MEMORY_STUCK] = "stuck",	[MEMORY_FIXED] = "fixed",
};

static const char *const reasons[] = {
	[MEMORY_BECAUSE_START] = "it is starting, and has told nothing yet",
	[MEMORY_BECAUSE_DEMAND] = "it gets what it needs, and its share of what nobody needs",
	[MEMORY_BECAUSE_SHARES] = "memory is scarce: it gets what its shares give it",
	[MEMORY_BECAUSE_SAVINGS] = "memory is scarce: it has back some of what it left to others",
	[MEMORY_BECAUSE_MINIMUM] = "memory is scarce: it gets its guaranteed minimum",
	[MEMORY_BECAUSE_MAXIMUM] = "it has all that it may have",
	[MEMORY_BECAUSE_CREDIT] = "more is due, and waits for what others give back",
	[MEMORY_BECAUSE_DEADBAND] = "the change that is due is too small to be worth it",
	[MEMORY_BECAUSE_UNNEEDED] = "it could do with less, and nobody needs that",
	[MEMORY_BECAUSE_TURN] = "it moved the other way a moment ago",
	[MEMORY_BECAUSE_URGENT] = "it stalls, and is served first",
	[MEMORY_BECAUSE_EMERGENCY] = "the host runs short of memory",
	[MEMORY_BECAUSE_SILENCE] = "its figures are overdue: it is left as it is",
	[MEMORY_BECAUSE_STUCK] =
		"it did not follow its target: it is left as it is, and asked again",
	[MEMORY_BECAUSE_FIXED] = "its owner has set this size",
};

const char *memory_state_name(enum memory_state state)
{
	return state_names[state];
}

struct writer {
	char *text;
	size_t size;
	int length;
};

__attribute__((format(printf, 2, 3))) static void say(struct writer *writer, const char *format,
						      ...)
{
	size_t used = (size_t)writer->length < writer->size ? (size_t)writer->length : writer->size;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(used < writer->size ? writer->text + used : NULL, writer->size - used,
			   format, arguments);
	va_end(arguments);
	if (length > 0)
		writer->length += length;
}

static double mib(double bytes)
{
	return bytes / (double)MEMORY_MIB;
}

static void say_demand(struct writer *writer, const struct memory_vm *vm, uint64_t now_ms)
{
	if (!vm->sampled)
		return;
	say(writer, "in use %.0f MiB, headroom %.0f MiB, free %.0f MiB: it demands %.0f MiB\n",
	    mib(vm->used), mib(vm->headroom), mib((double)vm->sample.free_bytes), mib(vm->demand));
	say(writer, "stalled %.2f %% of the time, reading back %.1f MiB/s that it had to drop%s\n",
	    vm->pressure * 100, mib(vm->refault_rate),
	    vm->judge.futile ? "; more memory has not helped it lately" : "");
	if (vm->leaps)
		say(writer, "its use has just leapt: it is served at the least stall\n");
	if (now_ms < vm->hold_until_ms)
		say(writer, "its cache is not touched for another %llu s: it stalled lately\n",
		    (unsigned long long)((vm->hold_until_ms - now_ms + 999) / 1000));
}

int memory_vm_explain(const struct memory_policy *policy, const struct memory_vm *vm, char *text,
		      size_t size)
{
	const struct memory_decision *decision = &vm->decision;
	const struct memory_totals *totals = &policy->totals;
	struct writer writer = {.text = text, .size = size};

	if (size)
		text[0] = '\0';
	say(&writer,
	    "%s (%s): target %.0f MiB, has %.0f MiB; between %.0f and %.0f MiB, %u shares\n",
	    vm->name, memory_state_name(decision->state), mib((double)decision->target_bytes),
	    mib(vm_actual(vm)), mib((double)vm->config.minimum_bytes),
	    mib((double)vm->config.maximum_bytes), vm->config.shares);
	say(&writer, "%s\n", reasons[decision->reason]);
	if (decision->due_bytes != decision->target_bytes)
		say(&writer, "%.0f MiB are due to it\n", mib((double)decision->due_bytes));
	say_demand(&writer, vm, policy->stepped_ms);
	if (decision->limit_bytes)
		say(&writer, "its cgroup is limited to %.0f MiB\n",
		    mib((double)decision->limit_bytes));
	if (decision->pause)
		say(&writer, "it is paused until the host has memory again\n");
	say(&writer, "all VMs: demand %.0f MiB, may have %.0f MiB",
	    mib((double)totals->demand_bytes),
	    mib((double)(totals->charged_bytes + totals->lent_bytes)));
	if (totals->lent_bytes)
		say(&writer, ", of which %.0f MiB are not taken, and lent",
		    mib((double)totals->lent_bytes));
	say(&writer, ", budget %.0f MiB%s\n", mib((double)totals->budget_bytes),
	    policy->scarce ? " (scarce)" : "");
	return writer.length;
}
