/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/memory/pace.h"
#include "protocol/base/bytes.h"

#include <errno.h>

#define PERIOD_MS     1000
#define PERIOD_MIN_MS 100
#define IDLE_MS	      30000

#define MIB (UINT64_C(1) << 20)

#define LOW_MIN_BYTES  (16 * MIB)
#define LOW_MAX_BYTES  (256 * MIB)
#define LOW_AGAIN_MS   5000 /* still below the mark: said again */
#define URGENT_MS      500  /* between two urgent reports of a kind */
#define NEAR_MS	       250  /* between looks, near the mark */
#define NO_TRIGGER_MS  1000
#define QUIET_REPORTS  5  /* as often as before, then less */
#define EARLY_MS       20 /* timers are not exact */
#define STEP_MIN_BYTES (4 * MIB)
#define CHANGED_BYTES  (256 * 1024)
#define STALL_PART     10	  /* of the time: a tenth is much */
#define STIR_PART      2000	  /* and a two thousandth is something */
#define DIRECT_BYTES_S (16 * MIB) /* scanned by who allocates, in a second: without PSI */

int pace_wish_from(const struct guest_memory_watch *watch, struct pace_wish *wish)
{
	wish->period_ms = watch->period_ms ? watch->period_ms : PERIOD_MS;
	wish->idle_ms = watch->idle_ms ? watch->idle_ms : MAX(IDLE_MS, wish->period_ms);
	wish->low_bytes = watch->low_bytes;
	return wish->period_ms < PERIOD_MIN_MS || wish->idle_ms < wish->period_ms ? -ERANGE : 0;
}

void pace_wish_merge(struct pace_wish *wish, const struct pace_wish *other)
{
	wish->period_ms = MIN(wish->period_ms, other->period_ms);
	wish->idle_ms = MIN(wish->idle_ms, other->idle_ms);
	wish->low_bytes = MAX(wish->low_bytes, other->low_bytes);
}

uint64_t pace_low_bytes(const struct pace_wish *wish, uint64_t total_bytes)
{
	return wish->low_bytes ? wish->low_bytes
			       : MIN(MAX(total_bytes / 32, LOW_MIN_BYTES), LOW_MAX_BYTES);
}

void pace_set(struct pace *pace, const struct pace_wish *wish, bool trigger)
{
	pace->wish = *wish;
	pace->trigger = trigger;
	pace->fresh = true;
	pace->quiet = 0;
	pace->delay_ms = wish->period_ms;
}

static uint64_t grown(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static bool has_changed(const struct guest_memory_report *before,
			const struct guest_memory_report *now)
{
	const uint64_t step = MAX(STEP_MIN_BYTES, now->total_bytes / 128);
	const uint64_t elapsed_ms = grown(before->at_ms, now->at_ms);
	const uint64_t refaulted =
		grown(before->refaulted_anonymous_bytes, now->refaulted_anonymous_bytes) +
		grown(before->refaulted_file_bytes, now->refaulted_file_bytes);

	return before->total_bytes != now->total_bytes ||
	       distance(before->available_bytes, now->available_bytes) > step ||
	       distance(before->free_bytes, now->free_bytes) > step ||
	       distance(before->swap_free_bytes, now->swap_free_bytes) > step ||
	       refaulted > CHANGED_BYTES ||
	       grown(before->swapped_in_bytes, now->swapped_in_bytes) > CHANGED_BYTES ||
	       now->scanned_directly_bytes != before->scanned_directly_bytes ||
	       now->oom_kills != before->oom_kills ||
	       grown(before->some_us, now->some_us) * STIR_PART > elapsed_ms * 1000;
}

/* By the figures, where no trigger says it. */
static bool has_stalled(const struct guest_memory_report *before,
			const struct guest_memory_report *now)
{
	const uint64_t elapsed_ms = grown(before->at_ms, now->at_ms);

	if (before->at_ms == 0 || elapsed_ms == 0)
		return false;
	if (now->pressure)
		return grown(before->some_us, now->some_us) * STALL_PART >= elapsed_ms * 1000;
	return grown(before->scanned_directly_bytes, now->scanned_directly_bytes) * 1000 >=
	       DIRECT_BYTES_S * elapsed_ms;
}

/* May it be said now, if it was at @last_ms? */
static bool again(uint64_t last_ms, uint64_t now_ms, uint64_t gap_ms)
{
	return last_ms == 0 || now_ms >= last_ms + gap_ms;
}

/* Who stays below the mark has said so: that is said again only while something changes. */
static bool is_low(struct pace *pace, const struct guest_memory_report *now, bool changed)
{
	const uint64_t mark = pace_low_bytes(&pace->wish, now->total_bytes);
	const uint64_t gap_ms = pace->low ? LOW_AGAIN_MS : URGENT_MS;

	if (now->available_bytes == 0) /* a kernel that does not say */
		return false;
	if (now->available_bytes >= mark + mark / 8)
		pace->low = false;
	if (now->available_bytes >= mark || (pace->low && !changed) ||
	    !again(pace->low_at_ms, now->at_ms, gap_ms))
		return false;
	pace->low = true;
	pace->low_at_ms = now->at_ms;
	return true;
}

static const char *find_cause(struct pace *pace, const struct guest_memory_report *now,
			      enum pace_event event, bool changed)
{
	const bool stalled =
		event == PACE_STALL || (!pace->trigger && has_stalled(&pace->seen, now));

	if (stalled && again(pace->stall_at_ms, now->at_ms, URGENT_MS)) {
		pace->stall_at_ms = now->at_ms;
		return "stall";
	}
	return is_low(pace, now, changed) ? "low" : NULL;
}

static uint64_t next_look(const struct pace *pace, const struct guest_memory_report *now)
{
	const uint64_t due_ms = pace->told.at_ms + pace->delay_ms;
	uint64_t look_ms = MAX(grown(now->at_ms, due_ms), 1);

	if (pace->quiet <= QUIET_REPORTS &&
	    now->available_bytes < 2 * pace_low_bytes(&pace->wish, now->total_bytes))
		look_ms = MIN(look_ms, NEAR_MS);
	return pace->trigger ? look_ms : MIN(look_ms, NO_TRIGGER_MS);
}

struct pace_step pace_look(struct pace *pace, const struct guest_memory_report *now,
			   enum pace_event event)
{
	const bool changed = pace->told.at_ms == 0 || has_changed(&pace->told, now);
	struct pace_step step = {.cause = find_cause(pace, now, event, changed)};

	if (changed || step.cause || event != PACE_LOOK) {
		pace->quiet = 0;
		pace->delay_ms = pace->wish.period_ms;
	}
	step.tell = pace->fresh || step.cause ||
		    now->at_ms + EARLY_MS >= pace->told.at_ms + pace->delay_ms;
	if (step.tell) {
		if (!changed && !step.cause && ++pace->quiet > QUIET_REPORTS)
			pace->delay_ms = MIN(2 * pace->delay_ms, pace->wish.idle_ms);
		pace->told = *now;
		pace->fresh = false;
	}
	pace->seen = *now;
	step.period_ms = pace->delay_ms;
	step.look_ms = next_look(pace, now);
	return step;
}
