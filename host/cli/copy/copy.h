/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * copy - files between host and guest, several at once
 *
 * A copy is a heap of tasks, one for each folder, file and link; folders add the tasks of what is
 * in them. A few run at a time, each with a stream of its own; what fails is said, counted, and
 * does not stop the others. Files are written under another name until they are whole, on both
 * sides, so a copy that was cut off leaves nothing half done and can simply be run again. Modes and
 * times of modification are kept, owners and set-user-ID bits are not.
 */
#ifndef LODGE_CLI_COPY_H
#define LODGE_CLI_COPY_H

#include "host/cli/agent_client.h"
#include "host/cli/progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct copy_task;

/* What a folder gets when everything is in it. */
struct copy_folder {
	struct copy_folder *next;
	mode_t mode;
	int64_t mtime_ns;
	char path[]; /* on the side that is written */
};

struct copy {
	struct agent *agent;
	bool recursive;
	bool update; /* leave files alone whose size and time are the same */
	int root;    /* download: what is written below */
	struct progress progress;
	struct copy_task *waiting; /* a stack, so that folders are finished one by one */
	size_t waiting_count;
	struct copy_task *active;
	unsigned int active_count;
	struct copy_folder *folders; /* deepest first */
	uint64_t failures;
	unsigned int closing; /* handles that have yet to close */
	bool stopping;	      /* the user or the connection says: no more */
};

/* The first member of each kind's own struct. */
struct copy_task {
	struct copy *copy;
	struct copy_task *next, **link; /* in `waiting` or `active` */
	void (*start)(struct copy_task *task);
	char *guest;	       /* path */
	char *host;	       /* path: below `root` for a download, else any */
	char *target;	       /* of a link, or NULL; the task's */
	struct stream *stream; /* while it has one; cancelled when the copy stops */
};

/* Makes ready; also takes over SIGINT and the like until copy_run() is done. */
void copy_init(struct copy *copy, struct agent *agent);

/* Runs all tasks. Return: exit status. */
int copy_run(struct copy *copy);

/**
 * copy_task_new() - a task that waits for its turn
 * @size:	of the kind's struct
 * @guest, @host:	copied; with @name, it is added to both behind a '/'
 *
 * Return: the task; NULL after an error was printed (memory; too many).
 */
struct copy_task *copy_task_new(struct copy *copy, size_t size,
				void (*start)(struct copy_task *task), const char *guest,
				const char *host, const char *name);

/* The end of a started task, which is freed. */
void copy_task_done(struct copy_task *task);

/* Prints and counts a failure: about @path, which may be the guest's, and why. */
void copy_failed(struct copy *copy, const char *path, const char *why);
void copy_failed_errno(struct copy *copy, const char *path, int error);
/* The same for a stream of @task that ended with an error. */
void copy_failed_stream(struct copy_task *task, const struct stream_result *result);

/* Remembers a folder to be finished at the end. 0 or -ENOMEM. */
int copy_add_folder(struct copy *copy, const char *path, mode_t mode, int64_t mtime_ns);

/* What the first task is; everything else follows from it. @stat: of the source in the guest. */
void download_begin(struct copy *copy, const struct file_stat *stat, const char *guest,
		    const char *relative);
void download_finish(struct copy *copy);
void upload_begin(struct copy *copy, const char *host, const char *guest);
void upload_finish(struct copy *copy);

/* "-": the bytes of one file, as they come. Return: exit status. */
int copy_to_stdout(struct copy *copy, const char *guest);
int copy_from_stdin(struct copy *copy, const char *guest);

#endif
