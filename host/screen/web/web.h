/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * web - the screen in a browser: one page, noVNC's modules, and a WebSocket that carries RFB
 *
 * The address that a person opens is
 *
 *	http://127.0.0.1:PORT/#TOKEN		(https:// with TLS)
 *
 * What is behind "#" never leaves the browser by itself: the first page takes the token out of the
 * address bar, keeps it for its tab, and shows it to us once for a cookie. The page with the screen
 * and everything else needs that cookie, the WebSocket (/socket) the cookie and the token, which is
 * offered as the subprotocol "lodge.TOKEN" beside "binary". So neither is enough that another
 * server on this host sees our cookie, nor that somebody reads the browser's history.
 *
 * Only requests are answered whose Host is this machine's (localhost, a loopback address, the
 * address that was connected to, or the name that was configured), and what changes something must
 * come from our own page (Origin).
 */
#ifndef LODGE_SCREEN_WEB_H
#define LODGE_SCREEN_WEB_H

#include "host/screen/link.h"
#include "host/screen/screen.h"

#include <stdbool.h>

#define WEB_NOVNC "/usr/share/novnc"
/* Of one listener, viewers not counted; then who was to be hung up next makes room. */
#define WEB_MAX_CONNECTIONS 64

struct tls_credentials;
struct web;
struct web_files;

/**
 * web_files_read() - noVNC's modules, into memory; before the sandbox
 * @folder:	WEB_NOVNC
 *
 * Return: 0; -ENOENT: noVNC is not there; -EFBIG: more than it ever has; or negative errno.
 */
int web_files_read(const char *folder, struct web_files **files);
void web_files_free(struct web_files *files);

enum web_tls {
	WEB_TLS_NO,
	WEB_TLS_OPTIONAL, /* the connection's first byte tells */
	WEB_TLS_REQUIRED,
};

struct web_options {
	const char *token; /* copied */
	bool view_only;	   /* the page says so; it is for @viewer to enforce it */
	enum web_tls tls;
	const struct tls_credentials *credentials; /* live longer than the listener's viewers */
	const char *host; /* another name that we may be called by; NULL; copied */
	/* Somebody has come by WebSocket. @link: what is received and sent now is RFB's bytes;
	 * becomes yours, also on failure. 0 or negative errno (-EMFILE: too many viewers). */
	int (*viewer)(void *owner, struct link *link, const char *peer);
	void *owner; /* lives until web_close() */
};

/**
 * web_listen() - serve on a listening socket
 * @fd:		stream socket, listening; becomes the listener's, also on failure
 * @files:	live longer than the listener; NULL: noVNC is not installed, and the page says that
 *
 * Return: 0; -EINVAL: the token is no good, or TLS is asked for without credentials; -ENOMEM; or
 * negative errno.
 */
int web_listen(struct screen *screen, int fd, const struct web_files *files,
	       const struct web_options *options, struct web **web);
/* Nobody else is let in; viewers stay. NULL is fine. */
void web_close(struct web *web);

#endif
