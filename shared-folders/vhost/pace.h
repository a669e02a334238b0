/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pace - for how long to look for more work before sleeping
 *
 * To be woken costs a guest an exit and us a wake-up: tens of microseconds, where a request takes
 * one or two. A guest that asks one thing after another is worth waiting for; one that does not is
 * not. So the time grows while it pays and falls to nothing when it does not, as the kernel does it
 * for halted vCPUs.
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_PACE_H
#define LODGE_SHARED_FOLDERS_VHOST_PACE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define PACE_MAX_NS   50000
#define PACE_FIRST_NS 10000

struct pace {
	uint64_t look_ns;   /* how long to look the next time */
	uint64_t asleep_at; /* when we last went to sleep */
};

static inline uint64_t pace_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void pace_reset(struct pace *pace)
{
	*pace = (struct pace){0};
}

/* Return: until when to look. */
static inline uint64_t pace_begin(const struct pace *pace)
{
	return pace->look_ns ? pace_now() + pace->look_ns : 0;
}

static inline bool pace_goes_on(uint64_t until)
{
	for (int i = 0; i < 16 && until; i++)
		__builtin_ia32_pause();
	return until && pace_now() < until;
}

static inline void pace_end(struct pace *pace, bool found)
{
	if (!found)
		pace->look_ns /= 2;
	if (pace->look_ns < PACE_FIRST_NS / 2)
		pace->look_ns = 0;
}

static inline void pace_sleep_at(struct pace *pace, uint64_t now)
{
	pace->asleep_at = now;
}

/* Had we looked a little longer, we would not have slept. */
static inline void pace_wake_at(struct pace *pace, uint64_t now)
{
	if (now - pace->asleep_at > PACE_MAX_NS)
		return;
	pace->look_ns = pace->look_ns ? pace->look_ns * 2 : PACE_FIRST_NS;
	if (pace->look_ns > PACE_MAX_NS)
		pace->look_ns = PACE_MAX_NS;
}

static inline void pace_sleep(struct pace *pace)
{
	pace_sleep_at(pace, pace_now());
}

static inline void pace_wake(struct pace *pace)
{
	pace_wake_at(pace, pace_now());
}

#endif
