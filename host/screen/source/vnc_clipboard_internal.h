/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vnc_clipboard_internal - what the files of the VNC server's clipboard share
 *
 *	vnc_clipboard.c		the session that looks as an agent's, and the server's messages
 *	vnc_clipboard_text.c	what is copied on one side and pasted on the other
 */
#ifndef LODGE_SCREEN_SOURCE_VNC_CLIPBOARD_INTERNAL_H
#define LODGE_SCREEN_SOURCE_VNC_CLIPBOARD_INTERNAL_H

#include "host/screen/clipboard_paste.h"
#include "host/screen/source/vnc_internal.h"
#include "protocol/pump/pump.h"

/* What the host gives, until all of it is there. */
struct vnc_write {
	struct stream *stream; /* NULL: nothing is given */
	struct wire text;
};

struct vnc_clipboard {
	struct vnc *vnc;
	struct session *session; /* NULL: none was asked for */
	struct pump *pump;
	struct stream *attached;
	uint64_t last_serial, last_id;
	uint64_t copied;  /* serial of the guest's offer; 0: there is none */
	uint64_t offered; /* serial of the host's */
	uint64_t asked;	  /* id of the guest's want; 0: there is none */
	struct clipboard_pastes pastes;
	struct vnc_write write;
};

/* To the server. false: it is too long, or there is no memory. */
bool vnc_clipboard_say(struct vnc *vnc, uint32_t flags, const void *bytes, size_t length);

/* The guest has copied, or what it had is gone. */
void vnc_clipboard_notified(struct vnc_clipboard *clipboard, bool text);
/* The host is told what the guest has. */
void vnc_clipboard_tell(struct vnc_clipboard *clipboard);
/* The host pastes, and this comes of it: 0; -EPROTO. */
void vnc_clipboard_read(struct vnc_clipboard *clipboard, struct stream *stream,
			struct slice params);
int vnc_clipboard_provided(struct vnc_clipboard *clipboard, const uint8_t *bytes, size_t length);

/* The host has copied: a stream handler. */
void vnc_clipboard_offered(struct stream *stream, void *owner, struct slice name,
			   struct slice params);
/* The guest pastes, and the host gives. */
void vnc_clipboard_requested(struct vnc_clipboard *clipboard);
void vnc_clipboard_write(struct vnc_clipboard *clipboard, struct stream *stream,
			 struct slice params);

#endif
