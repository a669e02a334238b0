/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard - one clipboard between the guest, the viewers and the control socket
 *
 * Whoever copies something offers types, not bytes; the last offer counts, whoever made it, and
 * everybody else is shown it as far as the policy lets him. Bytes are fetched when somebody pastes:
 * one fetch serves all who wait for the same thing, ends after CLIPBOARD_TIMEOUT_MS, and is
 * bounded. What a side has offered itself is never shown back to it.
 *
 * The policy (clipboard_policy.h) holds here, on the host, and not in the guest. By direction:
 * kinds of types, and how many bytes; PRIMARY only if it was asked for; what a password manager has
 * marked as secret only where all is allowed. A viewer's data leaves it when somebody in the guest
 * pastes, and only while that viewer may send input. From viewer to viewer both directions must
 * allow it.
 *
 * Text is "text/plain;charset=utf-8" here, valid UTF-8, lines end with LF: other forms of it
 * (UTF8_STRING, STRING, TEXT, text/plain) are recognised in offers, shown as that, and converted.
 * Pictures and other types pass as they are. So does text/uri-list, which names files of the side
 * that has copied them: who pastes such fetches them by the agent's "file.*" (lodge clipboard).
 */
#ifndef LODGE_SCREEN_CLIPBOARD_H
#define LODGE_SCREEN_CLIPBOARD_H

#include "host/screen/viewer.h"
#include "protocol/clipboard_policy.h"
#include "protocol/clipboard_text.h"
#include "protocol/display.h"
#include "protocol/session.h"

#include <uv.h>

#define CLIPBOARD_TEXT	     "text/plain;charset=utf-8"
#define CLIPBOARD_VIEWER_MAX (16U << 20) /* what a viewer should ask for, of text */
#define CLIPBOARD_FETCHES    16		 /* under way at once */
#define CLIPBOARD_TIMEOUT_MS 10000	 /* without a byte */

struct clipboard;

enum clipboard_selection {
	CLIPBOARD_CLIPBOARD,
	CLIPBOARD_PRIMARY,
	CLIPBOARD_SELECTIONS,
};

/* --- For viewers: paste --------------------------------------------------------------------- */

/* What is offered to one viewer. */
struct clipboard_types {
	uint64_t serial; /* differs for each offer; 0: there is nothing for this viewer */
	size_t count;
	const char *const *type; /* best first; CLIPBOARD_TEXT is how text is named */
};

/* Look in clipboard_changed. Valid until the loop is returned to. A viewer that may only look is
 * offered nothing. @viewer NULL: the user (the control socket), who also sees what he has set. */
struct clipboard_types clipboard_types(const struct clipboard *clipboard,
				       const struct viewer *viewer,
				       enum clipboard_selection selection);

struct clipboard_paste;

/* @error: 0; -ETIMEDOUT; -EFBIG: more than max_bytes; -ESTALE: something else was copied meanwhile;
 * else what the other side said. @bytes live during the call. */
typedef void clipboard_pasted(void *owner, int error, struct slice bytes);

/**
 * clipboard_paste() - fetch what is offered
 * @viewer:	who; NULL: the user
 * @type:	one of those shown to it
 * @max_bytes:	more fails; at most CLIPBOARD_MAX_BYTES
 * @done:	called once, never from within this function, unless it is cancelled before
 * @paste:	set on success; valid until @done was called
 *
 * Return: 0; -ENOENT: not offered, to this viewer; -EPERM: who has it may only look; -EAGAIN: too
 * many are under way; -ENOMEM.
 */
int clipboard_paste(struct clipboard *clipboard, struct viewer *viewer,
		    enum clipboard_selection selection, const char *type, size_t max_bytes,
		    clipboard_pasted *done, void *owner, struct clipboard_paste **paste);
void clipboard_paste_cancel(struct clipboard_paste *paste);

/* --- For viewers: copy ---------------------------------------------------------------------- */

/* Somebody pastes what @viewer has copied: answer now or later with clipboard_answer(). */
typedef void clipboard_wanted(struct viewer *viewer, uint64_t id,
			      enum clipboard_selection selection, const char *type);

/**
 * clipboard_copied() - a viewer has copied something; its bytes come when they are wanted
 * @types:	MIME types, best first; copied; those that are too many, too long or not printable
 *		are left out
 * @count:	0: what it had copied is no more
 *
 * Return: 0; -EPERM for a viewer that may only look, or if no policy lets it out; -ENOMEM.
 */
int clipboard_copied(struct clipboard *clipboard, struct viewer *viewer,
		     enum clipboard_selection selection, const char *const *types, size_t count,
		     clipboard_wanted *wanted);

/* The same with bytes that are there already, of one type; copied. For text, any line endings. */
int clipboard_copied_bytes(struct clipboard *clipboard, struct viewer *viewer,
			   enum clipboard_selection selection, const char *type, const void *bytes,
			   size_t length);

/* Answer to wanted(): pieces, as many as it likes, then clipboard_answered() with 0 or an errno.
 * An @id that nobody waits for any more: -ESTALE, nothing else happens. -EFBIG: it was too much,
 * and all is over with that id. */
int clipboard_answer(struct clipboard *clipboard, struct viewer *viewer, uint64_t id,
		     const void *bytes, size_t length);
void clipboard_answered(struct clipboard *clipboard, struct viewer *viewer, uint64_t id, int error);

/* The viewer goes (screen_remove_viewer() says so): its offers go, its pastes are cancelled. */
void clipboard_forget(struct clipboard *clipboard, struct viewer *viewer);

/* --- For the guest's link ------------------------------------------------------------------- */

/* The agent's session is there and has the capability "clipboard": what it and the guest's desktop
 * offer, and want, goes over streams that are opened here. */
void clipboard_guest_established(struct clipboard *clipboard, struct session *session);
/* It has ended. Before the session is freed. */
void clipboard_guest_lost(struct clipboard *clipboard);
/* Another desktop session has the guest's screen (a "layout" said so), or one has come. */
void clipboard_guest_changed(struct clipboard *clipboard);

/* --- For the control socket ----------------------------------------------------------------- */

/* "screen.clipboard-get", "screen.clipboard-set", "screen.policy": true, and the stream is answered
 * now or later. false: it is another method, and nothing was done. */
bool clipboard_call(struct clipboard *clipboard, struct stream *stream, struct slice method,
		    struct slice params);

/* --- For the program ------------------------------------------------------------------------ */

/**
 * clipboard_new() - with CLIPBOARD_POLICY_DEFAULT
 * @changed:	what viewers are offered is different: call each one's clipboard_changed, except
 *		that of @by (may be NULL), who has done it
 *
 * Return: the clipboard; NULL without memory.
 */
struct clipboard *clipboard_new(uv_loop_t *loop, void (*changed)(void *owner, struct viewer *by),
				void *owner);
struct clipboard_policy clipboard_policy(const struct clipboard *clipboard);
/* Whether files may be sent into the guest. */
bool clipboard_takes_files(const struct clipboard *clipboard);
void clipboard_set_policy(struct clipboard *clipboard, struct clipboard_policy policy);
/* @changed: there is another policy, set by the control socket or here; before the former is
 * answered. */
void clipboard_watch_policy(struct clipboard *clipboard, void (*changed)(void *owner), void *owner);
/* After all viewers have gone; pastes of the user are ended. */
void clipboard_free(struct clipboard *clipboard);

#endif
