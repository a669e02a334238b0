/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pace - for how long to look for more work before sleeping
 *
 * To be woken costs a guest an exit and us a wake-up: tens of microseconds, where a request takes
 * one or two. A guest that asks one thing after another is worth waiting for; one that does not is
 * not. So the time grows while it pays and falls to nothing when it does not, as the kernel does it
 * for halted vCPUs.
 *
 * Who looks has a processor to himself, which pays only if nobody else wants it: it may be the very
 * guest that is to ask. Whoever is taken off his processor while he looks was in somebody's way,
 * and sleeps at once, and from then on always, for a while.
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_PACE_H
#define LODGE_SHARED_FOLDERS_VHOST_PACE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define PACE_MAX_NS   50000
#define PACE_FIRST_NS 10000
/* Between two looks: so long does nothing take but somebody else. */
#define PACE_TAKEN_NS 20000
/* How long we then go without. */
#define PACE_REST_NS	 100000000
#define PACE_MAX_REST_NS 1600000000

struct pace {
	uint64_t look_ns;    /* how long to look the next time */
	uint64_t asleep_at;  /* when we last went to sleep */
	uint64_t until;	     /* when this looking ends */
	uint64_t looked_at;  /* the last time that we did */
	uint64_t rest_ns;    /* the last rest, and until when: */
	uint64_t rest_until; /* before that we do not begin to look again */
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

/* Looking begins. Return: whether it does. */
static inline bool pace_begin_at(struct pace *pace, uint64_t now)
{
	pace->until = now + pace->look_ns;
	pace->looked_at = now;
	return pace->look_ns > 0;
}

static inline bool pace_begin(struct pace *pace)
{
	return pace_begin_at(pace, pace_now());
}

static inline void pace_rest_at(struct pace *pace, uint64_t now)
{
	bool again = now - pace->rest_until < pace->rest_ns;

	pace->rest_ns = again ? pace->rest_ns * 2 : PACE_REST_NS;
	if (pace->rest_ns > PACE_MAX_REST_NS)
		pace->rest_ns = PACE_MAX_REST_NS;
	pace->rest_until = now + pace->rest_ns;
	pace->look_ns = 0;
}

/* After each look that found nothing. Return: whether to look again. */
static inline bool pace_goes_on_at(struct pace *pace, uint64_t now)
{
	bool taken = now - pace->looked_at > PACE_TAKEN_NS;

	pace->looked_at = now;
	if (taken)
		pace_rest_at(pace, now);
	return !taken && now < pace->until;
}

static inline bool pace_goes_on(struct pace *pace)
{
	for (int i = 0; i < 16; i++)
		__builtin_ia32_pause();
	return pace_goes_on_at(pace, pace_now());
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
	if (now - pace->asleep_at > PACE_MAX_NS || now < pace->rest_until)
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
