/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* internal - what the files of lodged's web share */
#ifndef LODGE_DAEMON_WEB_INTERNAL_H
#define LODGE_DAEMON_WEB_INTERNAL_H

#include "host/daemon/statistics/statistics.h"
#include "host/daemon/web/web.h"
#include "protocol/pump/pumped_session.h"

#include <uv.h>

#define WEB_TOKEN_LENGTH 32

struct web_child {
	uv_process_t process;
	struct web *web; /* NULL: it has been let go */
};

struct web {
	struct lodged *lodged;
	struct web_child *child; /* NULL: it does not run */
	struct pumped_session *session;
	unsigned int port;
	char token[WEB_TOKEN_LENGTH + 1];
};

/* web_answers.c */
/* As of pumped_session_handlers; its owner is the web. */
void web_request(void *web, struct stream *stream, struct slice method, struct slice params);

#endif
