/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resize_internal - what resize.c, resize_phases.c and resize_layout.c share
 *
 * Nobody else includes this.
 */
#ifndef LODGE_SCREEN_RESIZE_INTERNAL_H
#define LODGE_SCREEN_RESIZE_INTERNAL_H

#include "host/screen/resize.h"
#include "protocol/base/bytes.h"

enum phase {
	PHASE_REST,
	PHASE_CALM,	 /* more wishes may come */
	PHASE_ITSELF,	 /* the monitor has changed */
	PHASE_SESSION,	 /* the guest's session was asked, if there is one */
	PHASE_GAP,	 /* the monitor is unplugged for a moment */
	PHASE_REPLUGGED, /* and is plugged in again */
	PHASE_BACK,	 /* it came back with another size */
	PHASE_AGAIN	 /* the session was asked once more */
};

/* What a head shall be. */
struct wanted {
	bool enabled, placed;
	uint32_t width, height, width_mm, height_mm;
	uint32_t scale_milli; /* 0: as it is */
	int32_t x, y;	      /* if placed; logical */
};

struct size {
	uint32_t width, height;
};

struct resize_head {
	bool asked;
	struct wanted wanted;
	enum screen_who who;
	enum resize_followed followed;
	struct size shown;  /* what is scanned out; 0: nothing */
	struct size before; /* the monitor's before it was what it is */
	enum phase phase;
	uint64_t next_ms;     /* of the phase; 0: nothing comes by time */
	uint64_t wished_ms;   /* the last wish */
	uint64_t first_ms;    /* PHASE_CALM: its beginning */
	uint64_t changed_ms;  /* when the monitor was changed */
	uint64_t gap_ms;      /* PHASE_GAP: its end at the earliest */
	uint64_t undone_ms;   /* when the guest set another size than was wished; 0: it has not */
	bool to_place;	      /* place or scale are for the session to set */
	unsigned int replugs; /* for this wish */
	bool session_asked;   /* for this wish */
	bool helped;	      /* when it was, the size was not right */
	unsigned int asks_left;
};

struct resize {
	struct screen *screen;
	const struct resize_session *session;
	void *owner;
	uv_timer_t *timer;
	uint64_t serial; /* of the last "apply" */
	bool needs_help; /* this session has had to be asked, or wanted a replug, the last time */
	char session_name[sizeof(((struct guest_layout *)NULL)->session)];
	char desktop[sizeof(((struct guest_layout *)NULL)->desktop)];
	char backend[sizeof(((struct guest_layout *)NULL)->backend)];
	struct resize_head head[DESKTOP_MAX_HEADS];
};

static inline uint64_t resize_now(const struct resize *resize)
{
	return uv_now(screen_loop(resize->screen));
}

static inline bool resize_is_right(const struct resize_head *head)
{
	if (!head->wanted.enabled)
		return head->shown.width == 0;
	return head->shown.width == head->wanted.width && head->shown.height == head->wanted.height;
}

/* --- resize_phases.c: each sets when the next phase comes; resize_await() must follow -----------
 */

void resize_rest(struct resize *resize, struct resize_head *head, enum resize_followed followed);
void resize_begin_itself(struct resize *resize, unsigned int number);
void resize_begin_replug(struct resize *resize, unsigned int number);
/* In a replug: the guest has taken notice that the monitor is gone. */
void resize_went_dark(struct resize *resize, unsigned int number);
/* It is back, soon: what it comes back with may be for a moment. */
void resize_begin_back(struct resize *resize, struct resize_head *head);
void resize_ask_session(struct resize *resize, unsigned int number);
/* The head has become what it shall be. */
void resize_followed(struct resize *resize, unsigned int number);
/* The phase's time is over. */
void resize_next_phase(struct resize *resize, unsigned int number);

/* --- resize_layout.c ----------------------------------------------------------------------------
 */

/* All heads as the session is to set them. */
void resize_lay_out(const struct resize *resize, struct guest_layout *layout);

#endif
