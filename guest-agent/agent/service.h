/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * service - the services of the agent (guest-agent/common/service.h)
 *
 * What may block goes through work.h.
 */
#ifndef LODGE_AGENT_SERVICE_H
#define LODGE_AGENT_SERVICE_H

#include "guest-agent/agent/session_link.h"
#include "guest-agent/agent/work.h"
#include "guest-agent/common/service.h"

#include <uv.h>

/* What the guest's owner lets the host do to the guest's files (`share.export`). */
enum share_export_right {
	SHARE_EXPORT_WRITE,
	SHARE_EXPORT_READ,
	SHARE_EXPORT_NO,
};

/* What a service may use while it runs. */
struct service_context {
	uv_loop_t *loop;
	struct workers *workers;
	struct session_link *sessions; /* of desktops; NULL: there are none */
	struct session *host;	       /* set when all services have started */
	const char *share_socket;      /* where mount.lodge comes; NULL: nowhere */
	const char *share_list;	       /* see share_list.h; NULL: none is kept */
	enum share_export_right export_right;
	const char *root; /* of the system: "" but in tests */
};

/* All services there are, NULL-terminated. */
extern const struct service *const services[];

extern const struct service service_agent;
extern const struct service service_clipboard;
extern const struct service service_display;
extern const struct service service_exec;
extern const struct service service_file;
extern const struct service service_files;
extern const struct service service_info;
extern const struct service service_memory;
extern const struct service service_power;
extern const struct service service_share;
extern const struct service service_time;
extern const struct service service_watch;

#endif
