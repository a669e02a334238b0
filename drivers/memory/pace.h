/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pace - when to look at the guest's memory, and what to tell of it
 *
 * Pure: no I/O and no clock. While something changes there is a report every period; when it is
 * quiet, less and less often, down to one every idle_ms. In between nothing runs: the kernel's
 * trigger wakes the driver (EVENT_STIR) when tasks begin to wait for memory. Where there is no
 * trigger, or little memory is left, it looks more often than it tells.
 */
#ifndef LODGE_DRIVERS_MEMORY_PACE_H
#define LODGE_DRIVERS_MEMORY_PACE_H

#include "protocol/message.h"

/* As in guest_memory_watch, with nothing left to defaults but low_bytes. */
struct pace_wish {
	uint64_t period_ms, idle_ms, low_bytes;
};

enum pace_event {
	PACE_LOOK,  /* the time that was asked for has come */
	PACE_STIR,  /* the trigger: tasks wait now and then */
	PACE_STALL, /* the trigger: they wait much */
};

struct pace {
	struct pace_wish wish;
	bool trigger; /* the events come by themselves */
	bool fresh;   /* nothing was told yet, or somebody new listens: tell at the next look */
	struct guest_memory_report told, seen; /* last; at_ms 0: none */
	uint64_t delay_ms;		       /* from a report to the next */
	unsigned int quiet;		       /* reports without a change */
	bool low;			       /* below the mark, and said so */
	uint64_t low_at_ms, stall_at_ms;       /* last urgent report of each kind */
};

struct pace_step {
	bool tell;
	const char *cause;  /* of an urgent report; NULL: an ordinary one */
	uint64_t period_ms; /* to be said in it */
	uint64_t look_ms;   /* look again after that long */
};

/* Defaults where @watch has 0. Return: 0; -ERANGE. */
int pace_wish_from(const struct guest_memory_watch *watch, struct pace_wish *wish);

/* The most eager of both, into @wish. */
void pace_wish_merge(struct pace_wish *wish, const struct pace_wish *other);

/* @wish's low_bytes may be 0. What was told is kept: a change of wishes is no change of memory. */
void pace_set(struct pace *pace, const struct pace_wish *wish, bool trigger);

/* @now: the figures at this event. */
struct pace_step pace_look(struct pace *pace, const struct guest_memory_report *now,
			   enum pace_event event);

/* The mark that counts for a guest of that size. */
uint64_t pace_low_bytes(const struct pace_wish *wish, uint64_t total_bytes);

#endif
