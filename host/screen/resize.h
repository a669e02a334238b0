/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resize - from what somebody wishes the heads to be to what the guest shows
 *
 * The first wish after a calm is followed at once. A window that is dragged wishes many times: of
 * what follows the guest sees what was wished last, when it has been calm for RESIZE_CALM_MS (or
 * RESIZE_BURST_MS after the first of a long row). Then each head goes its way:
 *
 *	the monitor changes (EDID, event)
 *		Most desktops follow by themselves.
 *	RESIZE_SESSION_MS later
 *		the guest's session is asked over the agent; RESIZE_SOON_MS later if it had to be
 *		asked the last time.
 *	RESIZE_REPLUG_MS later, or if the session says so
 *		the monitor is unplugged until the head is dark or out of the session's layout:
 *		RESIZE_GAP_MS at least, RESIZE_DARK_MS at most. A guest too busy to notice that, or
 *		that notices so late that its desktop does not, is given RESIZE_DARK_AGAIN_MS
 *		another time, if its session asks for that.
 *	RESIZE_BACK_MS after it has come back with another size
 *		the session is asked again, RESIZE_ASKS_AGAIN times at most.
 *	RESIZE_GIVE_UP_MS after that
 *		it stays as it is, and viewers scale.
 *
 * A monitor that is not for us to change stays, and only the session is asked.
 * A head that comes back later still, a session that answers so late, and one that takes the place
 * of another, are helped then. Whether a head has followed is seen in what it scans out, never in
 * what was asked. The last wish wins, whoever had it; a viewer that goes changes nothing.
 */
#ifndef LODGE_SCREEN_RESIZE_H
#define LODGE_SCREEN_RESIZE_H

#include "host/screen/guest.h"
#include "host/screen/screen.h"

#define RESIZE_CALM_MS	     80
#define RESIZE_BURST_MS	     250
#define RESIZE_SOON_MS	     50	  /* after the monitor's change */
#define RESIZE_SESSION_MS    500  /* likewise */
#define RESIZE_REPLUG_MS     1500 /* likewise */
#define RESIZE_FIXED_MS	     4000 /* likewise, if the monitor is not for us to change */
#define RESIZE_GAP_MS	     150
#define RESIZE_DARK_MS	     2000
#define RESIZE_DARK_AGAIN_MS 10000
#define RESIZE_BLIND_MS	     500 /* where nobody says that it is dark */
#define RESIZE_BLINK_MS	     30	 /* dark is dark for so long */
#define RESIZE_BACK_MS	     100
#define RESIZE_ASKS_AGAIN    2
#define RESIZE_GIVE_UP_MS    1000
#define RESIZE_LATE_MS	     30000 /* after the replug: it may still come back */
#define RESIZE_START_MS                                                                            \
	10000 /* a session that starts sets its own size so long before it is known */

enum resize_followed {
	RESIZE_UNASKED,
	RESIZE_WAITING,
	RESIZE_BY_ITSELF,
	RESIZE_BY_SESSION,
	RESIZE_BY_REPLUG,
	RESIZE_NOT,
};

struct resize_status {
	bool asked;		/* somebody has, and: */
	bool enabled;		/* it shall show something */
	uint32_t width, height; /* of that size */
	enum screen_who by;	/* who has made it what it is */
	enum resize_followed followed;
};

/* Whom it asks; guest.h does it, tests have another. */
struct resize_session {
	bool (*can_apply)(void *owner);
	int (*apply)(void *owner, const struct guest_layout *layout, uint64_t *serial);
	const struct guest_layout *(*layout)(void *owner);
};

struct resize;

/* NULL without memory. */
struct resize *resize_new(struct screen *screen, const struct resize_session *session, void *owner);
/* From screen_hooks. */
void resize_requested(struct resize *resize, enum screen_who who, const struct screen_wish *wish);
void resize_head_changed(struct resize *resize, unsigned int head, uint32_t width, uint32_t height);
/* From guest_handlers: another layout. */
void resize_session_changed(struct resize *resize);
void resize_applied(struct resize *resize, uint64_t serial, int error, bool replug);
/* From screen_hooks: another source is ready; it is told the monitors again. */
void resize_source_changed(struct resize *resize);

struct resize_status resize_status(const struct resize *resize, unsigned int head);
/* "itself", "session", "replug", "no", "waiting", "". */
const char *resize_followed_name(enum resize_followed followed);
/* Whether any head is on its way. */
bool resize_is_waiting(const struct resize *resize);

/* Before the screen. NULL is fine. */
void resize_free(struct resize *resize);

#endif
