/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * capture - "screen.capture": a picture of the desktop, or of one head
 *
 * A capture is a viewer for as long as it takes the picture to be what the guest shows; then it has
 * a copy, which is encoded piece by piece as the stream has room, while everything else goes on.
 */
#ifndef LODGE_SCREEN_CAPTURE_H
#define LODGE_SCREEN_CAPTURE_H

#include "host/screen/screen.h"
#include "protocol/session.h"

#define CAPTURE_MAX	   4	/* at once */
#define CAPTURE_TIMEOUT_MS 3000 /* for the picture to come */

struct captures;

/* NULL without memory. */
struct captures *captures_new(struct screen *screen);
/* Answers the stream, now or later. */
void capture_call(struct captures *captures, struct stream *stream, struct slice params);
/* Those under way fail. Before the screen goes. */
void captures_free(struct captures *captures);

#endif
