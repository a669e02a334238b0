/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rfb - viewers that speak VNC's protocol, RFB 3.3 to 3.8 (RFC 6143 and its registered extensions)
 *
 * A viewer says what it can, and is sent what has changed since it was sent something last, when it
 * has asked and its connection has room. One that is slow sees fewer pictures; one that breaks the
 * rules loses its connection, and nobody else notices.
 */
#ifndef LODGE_SCREEN_RFB_H
#define LODGE_SCREEN_RFB_H

#include "host/screen/link.h"
#include "host/screen/screen.h"

#include <stdbool.h>
#include <stdint.h>

struct tls_credentials;

/* Failed passwords, of all who came by one listener; zero to begin with. After RFB_FREE_FAILURES in
 * a row nobody gets in for a while, which grows with each further failure. */
#define RFB_FREE_FAILURES 5
struct rfb_attempts {
	unsigned int failures;
	uint64_t closed_until_ms; /* uv_now() */
};

enum rfb_tls {
	RFB_TLS_NO,
	RFB_TLS_OPTIONAL,
	RFB_TLS_REQUIRED,
};

struct rfb_options {
	bool view_only;
	/* A viewer that asks for the screen for itself (not "shared") gets that: the other VNC
	 * viewers are closed. Else it is one of several all the same. */
	bool exclusive;
	const char *password; /* its first 8 bytes count; NULL or "": none is needed. Copied */
	enum rfb_tls tls;
	/* With a certificate: VeNCrypt's X509None and X509Vnc; without: TLSNone and TLSVnc. Either
	 * may be NULL; they live longer than the viewer. */
	const struct tls_credentials *credentials, *anonymous;
	struct rfb_attempts *attempts; /* may be NULL; lives longer than the viewer */
};

/**
 * rfb_accept() - a viewer has come
 * @link:	its connection, nothing received yet; becomes the viewer's, also on failure
 * @peer:	who it is, for people
 *
 * The viewer counts as one of the screen's from now on, sees nothing before it has got in, and is
 * closed if that takes longer than RFB_HANDSHAKE_MS.
 *
 * Return: 0; -EMFILE: there are too many viewers; -EINVAL: TLS is required, and there are no
 * credentials; -ENOMEM.
 */
int rfb_accept(struct screen *screen, struct link *link, const struct rfb_options *options,
	       const char *peer);
#define RFB_HANDSHAKE_MS 60000

#endif
