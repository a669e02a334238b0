/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_export - folders of this guest, for the host: a lodge-fsd for each mount there
 *
 * It is kept SHARE_KEEP_SECONDS without a stream, so that the host may come again; also when the
 * agent ends, for the next one (export_server.h).
 */
#ifndef LODGE_AGENT_SHARE_EXPORT_H
#define LODGE_AGENT_SHARE_EXPORT_H

#include "guest-agent/agent/service.h"

#define SHARE_EXPORTS_MAX 16

struct share_exports;

/* Return: 0; -ENOMEM. */
int share_exports_new(const struct service_context *context, enum share_export_right right,
		      struct share_exports **exports);

/* The request `share.export`. */
void share_exports_call(struct share_exports *exports, struct stream *stream, struct slice params);

/* Memory goes as the loop runs on. NULL is fine. */
void share_exports_free(struct share_exports *exports);

#endif
