/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots: asked for while somebody looks, kept as points in time. */
#include "host/statistics/channel.h"
#include "host/statistics/snapshot.h"
#include "host/web/internal.h"
#include "host/web/render.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

#define PERIOD_MS 1000
/* Who has asked in this time still looks. */
#define LOOKS_MS 3500
/* A snapshot is as good as a new one for so long. */
#define FRESH_MS 500

/* --- Answers ---------------------------------------------------------------------------------- */

static void finish_with(struct request *request, FILE *file, char *text, size_t length,
			const char *type, int error)
{
	bool failed = ferror(file) != 0;

	if (fclose(file) != 0 || failed || error < 0) {
		free(text);
		request_refuse(request, 500, "The figures cannot be told.");
		return;
	}
	request->answer = (struct answer){
		.status = 200, .type = type, .body = text, .length = length, .allocated = true};
	request_finish(request);
}

static void tell_points(struct request *request)
{
	const struct history *history = request->server->kept.history;
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);

	if (!file) {
		request_refuse(request, 503, "There is no memory for it.");
		return;
	}
	fputs("{\"keys\":", file);
	render_keys(file);
	fputs(",\"points\":[", file);
	history_write(history, request->since, file);
	fputs("]}\n", file);
	fflush(file);
	finish_with(request, file, text, length, "application/json", 0);
}

static void tell_metrics(struct request *request)
{
	const struct figures_kept *kept = &request->server->kept;
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);
	int error;

	if (!file) {
		request_refuse(request, 503, "There is no memory for it.");
		return;
	}
	error = render_metrics((struct slice){kept->snapshot, kept->snapshot_length}, file);
	fflush(file);
	finish_with(request, file, text, length, RENDER_METRICS_TYPE, error);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

static void answer_all(struct server *server, bool failed)
{
	for (struct request *request = server->requests, *next; request; request = next) {
		next = request->next;
		if (request->wants == WANTS_NOTHING)
			continue;
		if (failed)
			request_refuse(request, 503, "lodged does not tell the figures.");
		else if (request->wants == WANTS_POINTS)
			tell_points(request);
		else
			tell_metrics(request);
		request->wants = WANTS_NOTHING;
	}
}

static int keep_point(struct figures_kept *kept, struct slice snapshot)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);
	int error;

	if (!file)
		return -ENOMEM;
	error = render_point(snapshot, history_next(kept->history), file);
	if (fclose(file) != 0 && !error)
		error = -ENOMEM;
	if (error < 0)
		free(text);
	else
		history_add(kept->history, text, length);
	return error;
}

static int keep_snapshot(struct figures_kept *kept, struct slice snapshot)
{
	uint8_t *copy = malloc(snapshot.length + 1);
	int error = copy ? keep_point(kept, snapshot) : -ENOMEM;

	if (error < 0) {
		free(copy);
		return error;
	}
	if (snapshot.length)
		memcpy(copy, snapshot.bytes, snapshot.length);
	free(kept->snapshot);
	kept->snapshot = copy;
	kept->snapshot_length = snapshot.length;
	return 0;
}

static void on_snapshot(void *owner, const struct source_answer *answer)
{
	struct server *server = owner;
	struct figures_kept *kept = &server->kept;
	int error = answer->error;

	kept->asking = false;
	if (server->ending)
		return;
	if (error == 0)
		error = keep_snapshot(kept, answer->data);
	if (error < 0)
		log_warning("no figures from lodged: %s", error_text(error));
	else
		kept->when_ms = uv_now(server->loop);
	answer_all(server, error < 0);
}

/* Who waits is answered, in any case. */
static void ask(struct server *server)
{
	struct figures_kept *kept = &server->kept;

	if (kept->asking)
		return;
	kept->asking = source_ask(server->source, WEB_SNAPSHOT, (struct slice){NULL, 0},
				  SNAPSHOT_MAX_BYTES, on_snapshot, server) == 0;
}

static void on_second(uv_timer_t *timer)
{
	struct server *server = timer->data;

	if (uv_now(server->loop) - server->kept.looked_ms > LOOKS_MS)
		uv_timer_stop(timer);
	else
		ask(server);
}

static bool is_fresh(const struct server *server)
{
	return server->kept.snapshot && uv_now(server->loop) - server->kept.when_ms < FRESH_MS;
}

void figures_answer_points(struct request *request, uint64_t since)
{
	struct server *server = request->server;
	struct figures_kept *kept = &server->kept;

	uv_update_time(server->loop);
	kept->looked_ms = uv_now(server->loop);
	if (!uv_is_active((uv_handle_t *)&kept->timer)) {
		uv_timer_start(&kept->timer, on_second, PERIOD_MS, PERIOD_MS);
		ask(server);
	}
	request->since = since;
	/* What an earlier lodge-web counted means nothing here. */
	if (since >= history_next(kept->history))
		request->since = 0;
	if (request->since + 1 < history_next(kept->history)) {
		tell_points(request);
		return;
	}
	request->wants = WANTS_POINTS;
	request_wait(request);
}

void figures_answer_metrics(struct request *request)
{
	struct server *server = request->server;

	uv_update_time(server->loop);
	if (is_fresh(server)) {
		tell_metrics(request);
		return;
	}
	ask(server);
	if (!server->kept.asking) {
		request_refuse(request, 503, "lodged does not answer.");
		return;
	}
	request->wants = WANTS_METRICS;
	request_wait(request);
}

/* --- Life ------------------------------------------------------------------------------------- */

int figures_begin(struct server *server)
{
	server->kept.history = history_new();
	uv_timer_init(server->loop, &server->kept.timer);
	server->kept.timer.data = server;
	return server->kept.history ? 0 : -ENOMEM;
}

void figures_end(struct server *server)
{
	history_free(server->kept.history);
	free(server->kept.snapshot);
	server->kept = (struct figures_kept){.timer = server->kept.timer};
}
