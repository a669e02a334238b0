/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seat - whose session has the guest's screen
 *
 * logind (systemd's or elogind) says it in /run/systemd/seats/seat0, which it replaces on each
 * change: its own library reads it there, too. So no bus and no library is needed. Where there is
 * no logind, whoever owns the virtual terminal in front has the screen; login(1) sets that.
 *
 * A process may run in no session: what a user's systemd has started, as GNOME and KDE do with all
 * they have. Then it is in the one in front if that is its user's, and not a text console: a user
 * may have logged in there, too.
 */
#ifndef LODGE_AGENT_SEAT_H
#define LODGE_AGENT_SEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SEAT_SESSION_MAX 32

struct seat {
	bool taken; /* somebody has the screen */
	uid_t uid;
	char session[SEAT_SESSION_MAX]; /* logind's name of the session; "" if not known */
	bool is_text;			/* a text console is in front */
	bool is_greeter;		/* nobody is: it is the login screen */
};

/**
 * seat_read() - who has the screen now
 * @root:	"", or a folder that holds /run, /sys and /dev, for tests
 */
void seat_read(const char *root, struct seat *seat);

/**
 * seat_session_of() - in which session of logind a process runs
 * @session:	set; "" if in none, as what a user's systemd has started
 */
void seat_session_of(const char *root, pid_t pid, char session[static SEAT_SESSION_MAX]);

enum seat_claim {
	SEAT_OTHER,    /* it is not in the session that has the screen */
	SEAT_PROBABLY, /* it is its user's */
	SEAT_CERTAINLY,
};

/* Does a process of @uid in @session ("": not known) belong to whoever has the screen? */
enum seat_claim seat_claim_of(const struct seat *seat, uid_t uid, const char *session);

/**
 * seat_watch() - let an inotify descriptor tell of changes
 * @inotify:	non-blocking; its watches are replaced by one on the deepest folder there is
 * @watch:	the watch before, -1 at first; updated
 *
 * To be called again after each event, and before seat_read().
 */
void seat_watch(const char *root, int inotify, int *watch);

#endif
