/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handoff - descriptors for a lodge-screen that cannot open any itself
 *
 * A sandboxed lodge-screen listens on a unix socket of type SEQPACKET (--handoff PATH). Whoever may
 * connect to it (its folder is the user's alone) sends packets, one after the other, and each is
 * answered by one packet, in order:
 *
 *	kind=vnc-listener\n		text, at most HANDOFF_MAX_PACKET bytes: lines "key=value",
 *	id=window-7\n			each ended by a newline, the kind first, no key twice; a
 *	password=x7Hq\n			value is UTF-8 without control characters, to the end of
 *	tls=optional\n			its line
 *
 * and one descriptor by SCM_RIGHTS (none with "close"). The answer is "ok", or "error=" and words
 * for people; a descriptor that was refused is closed.
 *
 *	kind		descriptor				keys
 *	agent		socket of a brokered agent session,	-
 *			of which we are the host end; a new
 *			one takes the place of the last
 *	qemu		socket to QEMU's D-Bus display, peer	-
 *			to peer; likewise. It becomes the
 *			source of a screen started with
 *			--await-qemu
 *	vnc		connected stream socket to QEMU's VNC	-
 *			server, nothing said yet, no password
 *			(add_client with skipauth); likewise,
 *			with --await-vnc
 *	pictures	connected stream socket that brings	-
 *			pictures (source/pictures.h); likewise,
 *			with --await-pictures
 *	spice		the host's end of the guest's port	-
 *			com.redhat.spice.0, for a guest with
 *			the stock spice-vdagent; our agent, when
 *			it is there, comes first. A new one takes
 *			the place of the last
 *	vnc-client	connected stream socket: RFB		view_only password tls peer
 *	vnc-listener	listening stream socket			view_only password tls id
 *	web-listener	listening stream socket: HTTP, noVNC	token view_only tls id
 *	dbus-client	connected stream socket: 		view_only peer
 *			org.qemu.Display1, we are the server
 *	close		none: the listener of that id is closed,	id
 *			its viewers stay
 *	watch		none: from now on this connection is	-
 *			told how things stand
 *
 *	id		names a listener: one of the same id takes the place of the last
 *	view_only	1: viewers may look only
 *	password	at least one byte; RFB's own password compares the first 8
 *	token		what the address in the browser must contain; needed with web-listener
 *	tls		no (taken if absent), optional, required; with the credentials of --tls
 *	peer		who it is, for people; else what the socket says
 *
 * One who watches is told at once, and whenever something is different, by a packet of lines as
 * above that comes between the answers:
 *
 *	kind=news\n
 *	clipboard=to-guest=all,...\n	the policy, for the --clipboard of the next lodge-screen
 *	spice=wanted\n			there is none, or what it said was not understood and it
 *					was let go: a new connection is the cure. Else "here"
 */
#ifndef LODGE_SCREEN_HANDOFF_H
#define LODGE_SCREEN_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>

#define HANDOFF_MAX_PACKET 2048
#define HANDOFF_MAX_ANSWER 512
#define HANDOFF_MAX_VALUE  512 /* bytes of a value */
#define HANDOFF_NEWS	   "kind=news\n"

enum handoff_kind {
	HANDOFF_AGENT,
	HANDOFF_QEMU,
	HANDOFF_VNC,
	HANDOFF_PICTURES,
	HANDOFF_SPICE,
	HANDOFF_VNC_CLIENT,
	HANDOFF_VNC_LISTENER,
	HANDOFF_WEB_LISTENER,
	HANDOFF_DBUS_CLIENT,
	HANDOFF_CLOSE,
	HANDOFF_WATCH,
};

enum handoff_tls {
	HANDOFF_TLS_NO,
	HANDOFF_TLS_OPTIONAL,
	HANDOFF_TLS_REQUIRED,
};

/* A packet, read. What is absent is empty. */
struct handoff {
	enum handoff_kind kind;
	char id[64];
	bool view_only;
	char password[HANDOFF_MAX_VALUE + 1];
	char token[HANDOFF_MAX_VALUE + 1];
	enum handoff_tls tls;
	char peer[64];
};

/**
 * handoff_parse() - read a packet's text
 * @text:	@length bytes
 * @why:	receives words for the answer on failure
 *
 * Return: 0; -EINVAL.
 */
int handoff_parse(const char *text, size_t length, struct handoff *handoff, const char **why);

#endif
