/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures of a libvirt's domains: one call for all of them. */
#include "host/daemon/backend/domain.h"

#include "host/daemon/statistics/libvirt_figures.h"
#include "host/daemon/statistics/statistics.h"
#include "protocol/base/bytes.h"

#include <stdlib.h>

struct count {
	struct libvirt_call call;
	struct domain_host *host;
	virConnectPtr connect;
	struct statistics_round *round;
	struct libvirt_figures *list;
	size_t found;
};

static void count_runs(struct libvirt_call *call)
{
	struct count *count = CONTAINER_OF(call, struct count, call);

	call->error = libvirt_figures_read(count->connect, &count->list, &count->found);
	if (call->error)
		libvirt_last_words(call->text, sizeof(call->text));
	/* Not on the loop: the last one to close waits for the daemon. */
	virConnectClose(count->connect);
	count->connect = NULL;
}

static void count_done(struct libvirt_call *call, int error, const char *text)
{
	struct count *count = CONTAINER_OF(call, struct count, call);

	(void)text;
	for (size_t i = 0; !error && i < count->found; i++) {
		const struct domain *domain = domain_find(count->host, count->list[i].uuid);

		if (domain && domain->vm)
			libvirt_figures_merge(&domain->vm->figures, &count->list[i].figures);
	}
	statistics_release(count->round);
}

static void count_release(struct libvirt_call *call)
{
	struct count *count = CONTAINER_OF(call, struct count, call);

	count->host->counting = false;
	/* It did not run. */
	if (count->connect)
		virConnectClose(count->connect);
	free(count->list);
	free(count);
}

void domain_count(struct domain_host *host, struct statistics_round *round)
{
	struct count *count;

	/* One that hangs is not asked again and again. */
	if (host->counting || !host->connect || !host->listed)
		return;
	count = calloc(1, sizeof(*count));
	if (!count)
		return;
	count->call.run = count_runs;
	count->call.done = count_done;
	count->call.release = count_release;
	count->host = host;
	count->round = statistics_hold(round);
	count->connect = host->connect;
	virConnectRef(count->connect);
	host->counting = true;
	libvirt_call_start(host->calls, &count->call, STATISTICS_LIMIT_MS);
}
