/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/copy/copy.h"
#include "host/cli/command.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* Streams at once: enough to hide the way there and back, far below SESSION_MAX_STREAMS. */
#define ACTIVE_MAX 16
/* A guest can list names for ever. */
#define WAITING_MAX 4000000

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define STOP_SIGNALS ARRAY_SIZE(stop_signals)

void copy_init(struct copy *copy, struct agent *agent)
{
	*copy = (struct copy){.agent = agent, .root = -EBADF};
}

static void task_insert(struct copy_task **list, struct copy_task *task)
{
	task->next = *list;
	task->link = list;
	if (*list)
		(*list)->link = &task->next;
	*list = task;
}

static void task_remove(struct copy_task *task)
{
	*task->link = task->next;
	if (task->next)
		task->next->link = task->link;
}

static void task_free(struct copy_task *task)
{
	task_remove(task);
	free(task->guest);
	free(task->host);
	free(task->target);
	free(task);
}

static char *join(const char *path, const char *name)
{
	char *joined;

	if (!name)
		return strdup(path);
	if (asprintf(&joined, "%s%s%s", path, *path && path[strlen(path) - 1] == '/' ? "" : "/",
		     name) < 0)
		return NULL;
	return joined;
}

struct copy_task *copy_task_new(struct copy *copy, size_t size,
				void (*start)(struct copy_task *task), const char *guest,
				const char *host, const char *name)
{
	struct copy_task *task;

	if (copy->waiting_count == WAITING_MAX) {
		copy_failed(copy, guest, "too many files; copy fewer at a time");
		return NULL;
	}
	task = calloc(1, size);
	if (!task) {
		copy_failed_errno(copy, guest, -ENOMEM);
		return NULL;
	}
	task->copy = copy;
	task->start = start;
	task->guest = join(guest, name);
	task->host = join(host, name);
	task_insert(&copy->waiting, task);
	if (!task->guest || !task->host) {
		copy_failed_errno(copy, guest, -ENOMEM);
		task_free(task);
		return NULL;
	}
	copy->waiting_count++;
	return task;
}

void copy_task_done(struct copy_task *task)
{
	struct copy *copy = task->copy;

	copy->active_count--;
	task_free(task);
	progress_update(&copy->progress);
}

void copy_failed(struct copy *copy, const char *path, const char *why)
{
	_cleanup_free_ char *clean = text_clean(slice_of(path));

	copy->failures++;
	progress_end(&copy->progress);
	log_error("cp: %s: %s", clean ? clean : "?", why);
}

void copy_failed_errno(struct copy *copy, const char *path, int error)
{
	/* From openat2(): host_tree.h. */
	if (error == -ELOOP || error == -EXDEV)
		copy_failed(copy, path, "a symbolic link is in the way; not followed");
	else
		copy_failed(copy, path, error_text(error));
}

void copy_failed_stream(struct copy_task *task, const struct stream_result *result)
{
	struct copy *copy = task->copy;
	char text[MESSAGE_TEXT_MAX];

	/* One word for all that break off together. */
	if (copy->stopping) {
		copy->failures++;
		return;
	}
	/* The agent's words name the path. */
	copy_failed(copy, result->text.length > 0 ? copy->agent->vm : task->guest,
		    agent_failure(result, text, sizeof(text)));
	if (result->error == -ECONNRESET)
		copy->stopping = true;
}

int copy_add_folder(struct copy *copy, const char *path, mode_t mode, int64_t mtime_ns)
{
	size_t length = strlen(path) + 1;
	struct copy_folder *folder = malloc(sizeof(*folder) + length);

	if (!folder)
		return -ENOMEM;
	folder->mode = mode;
	folder->mtime_ns = mtime_ns;
	memcpy(folder->path, path, length);
	folder->next = copy->folders;
	copy->folders = folder;
	return 0;
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct copy *copy = handle->data;
	struct copy_task *task, *next;

	if (copy->stopping) {
		/* Asked twice: not even the guest is waited for. */
		signal(number, SIG_DFL);
		raise(number);
	}
	progress_end(&copy->progress);
	log_error("cp: stopped; what was copied is whole, run it again with --update for the rest");
	copy->stopping = true;
	for (task = copy->active; task; task = next) {
		next = task->next;
		if (task->stream)
			stream_cancel(task->stream);
	}
}

static void start_some(struct copy *copy)
{
	while (copy->waiting && copy->active_count < ACTIVE_MAX) {
		struct copy_task *task = copy->waiting;

		task_remove(task);
		task_insert(&copy->active, task);
		copy->waiting_count--;
		copy->active_count++;
		task->start(task);
	}
}

static void drop_waiting(struct copy *copy)
{
	while (copy->waiting) {
		copy->failures++;
		task_free(copy->waiting);
	}
	copy->waiting_count = 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct copy *copy = handle->data;

	copy->closing--;
}

int copy_run(struct copy *copy)
{
	uv_loop_t *loop = &copy->agent->loop;
	uv_signal_t signals[STOP_SIGNALS];

	for (size_t i = 0; i < STOP_SIGNALS; i++) {
		uv_signal_init(loop, &signals[i]);
		signals[i].data = copy;
		uv_signal_start(&signals[i], on_signal, stop_signals[i]);
	}
	while (copy->waiting || copy->active) {
		if (copy->stopping)
			drop_waiting(copy);
		else
			start_some(copy);
		if (copy->active)
			uv_run(loop, UV_RUN_ONCE);
	}
	/* They live in this frame. */
	copy->closing = STOP_SIGNALS;
	for (size_t i = 0; i < STOP_SIGNALS; i++)
		uv_close((uv_handle_t *)&signals[i], on_handle_closed);
	while (copy->closing > 0)
		uv_run(loop, UV_RUN_ONCE);
	progress_end(&copy->progress);
	return copy->failures ? EXIT_FAILED : EXIT_DONE;
}
