/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* internal - what the files of lodged's web share */
#ifndef LODGE_DAEMON_WEB_INTERNAL_H
#define LODGE_DAEMON_WEB_INTERNAL_H

#include "host/daemon/statistics/statistics.h"
#include "host/daemon/web/web.h"
#include "protocol/session.h"

#include <uv.h>

struct pump;

#define WEB_TOKEN_LENGTH 32

struct web_child {
	uv_process_t process;
	struct web *web; /* NULL: it has been let go */
};

struct web {
	struct lodged *lodged;
	struct web_child *child; /* NULL: it does not run */
	struct session *session;
	struct pump *pump;
	unsigned int port;
	char token[WEB_TOKEN_LENGTH + 1];
};

/* web_answers.c */
extern const struct session_handlers web_session_handlers; /* their owner is the web */

#endif
