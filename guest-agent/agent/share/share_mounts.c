/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/share/share_mounts.h"

#include "guest-agent/agent/share/share_program.h"
#include "guest-agent/system/mounts.h"
#include "guest-agent/system/share_list.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What could not be mounted is tried again, as long as the host shares it. */
#define AGAIN_MS 10000

#define MOUNT_PROGRAM "mount.lodge"

struct share {
	struct share_line line;
	char options[MESSAGE_TEXT_MAX + 1];
	bool has_failed; /* to be mounted: it is not tried before the timer */
};

/* One mount or unmount at a time: shares may lie in each other. */
struct share_task {
	struct work work;
	struct share_mounts *mounts; /* NULL: nobody waits for it */
	struct share share;
	char socket[PATH_MAX];
	bool is_mount;
	int error;
	char text[256]; /* why it failed, if it said so */
};

struct share_mounts {
	const struct service_context *context;
	share_mounts_told told;
	void *owner;
	char socket[PATH_MAX], list[PATH_MAX];
	struct share *shares; /* SHARE_MAX, as the host has them */
	size_t count;
	struct share *mounted; /* SHARE_MAX, as we have mounted them */
	size_t mounted_count;
	struct share_task *task; /* NULL: none is under way */
	uv_timer_t again;
};

static void go_on(struct share_mounts *mounts);

/* --- On a thread ---------------------------------------------------------------------------- */

static bool is_mounted(const struct share_line *line)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *text = NULL;
	size_t capacity = 0;
	bool found = false;

	while (file && !found && getline(&text, &capacity, file) > 0) {
		struct mount mount;

		text[strcspn(text, "\n")] = '\0';
		found = mount_parse(text, &mount) == 0 && slice_is(mount.source, line->name) &&
			slice_is(mount.mount_point, line->at) &&
			(slice_is(mount.type, "fuse.lodge") || slice_is(mount.type, "virtiofs"));
	}
	return found;
}

static int make_folders(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(part, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* What it said until it ended or went to the background, which is ours to say; the last line is why
 * it failed, if it did. */
static void hear(int fd, char *why, size_t capacity)
{
	char said[2048], *rest = NULL;
	ssize_t length = 0;
	size_t total = 0;

	/* Processes of it may have the other end still, and say no more. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	do {
		total += (size_t)length;
		length = read(fd, said + total, sizeof(said) - 1 - total);
	} while (length > 0);
	said[total] = '\0';
	for (char *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *prefix = MOUNT_PROGRAM ": ";

		log_info("%s", line);
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			line += strlen(prefix);
		snprintf(why, capacity, "%s", line);
	}
}

static int run_mount(struct share_task *task)
{
	const struct share *share = &task->share;
	char options[PATH_MAX + MESSAGE_TEXT_MAX + 32];
	const char *const argv[] = {MOUNT_PROGRAM, share->line.name, share->line.at,
				    "-o",	   options,	     NULL};
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int status, ends[2];
	pid_t pid;

	snprintf(options, sizeof(options), "%s,socket=%s%s%s", share->line.read_only ? "ro" : "rw",
		 task->socket, share->options[0] ? "," : "", share->options);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	pid = share_program_start(argv, NULL, -EBADF, theirs);
	if (pid < 0)
		return pid;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	hear(ours, task->text, sizeof(task->text));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static void run_task(struct work *work)
{
	struct share_task *task = CONTAINER_OF(work, struct share_task, work);
	const struct share_line *line = &task->share.line;

	if (!task->is_mount) {
		/* The server is gone, too: whoever still works there keeps what he has open. */
		if (is_mounted(line) && umount2(line->at, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			task->error = -errno;
		return;
	}
	if (is_mounted(line))
		return; /* by an earlier agent */
	task->error = make_folders(line->at);
	if (task->error)
		snprintf(task->text, sizeof(task->text), "the folder cannot be made: %s",
			 error_text(task->error));
	else
		task->error = run_mount(task);
}

/* --- On the loop ---------------------------------------------------------------------------- */

static void tell(const struct share_mounts *mounts, const struct share *share, int error,
		 const char *text)
{
	if (mounts->told)
		mounts->told(mounts->owner, &share->line, error, text);
}

static void write_list(const struct share_mounts *mounts)
{
	_cleanup_free_ struct share_line *lines = calloc(SHARE_MAX, sizeof(*lines));
	int error = lines ? 0 : -ENOMEM;

	if (!mounts->list[0])
		return;
	for (size_t i = 0; i < mounts->count && lines; i++)
		lines[i] = mounts->shares[i].line;
	if (lines)
		error = share_list_write(mounts->list, lines, mounts->count);
	if (error)
		log_debug("cannot write %s: %s", mounts->list, error_text(error));
}

static struct share *find(struct share *shares, size_t count, const struct share_line *line)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(shares[i].line.name, line->name) == 0 &&
		    strcmp(shares[i].line.at, line->at) == 0)
			return &shares[i];
	}
	return NULL;
}

static void on_again(uv_timer_t *timer)
{
	struct share_mounts *mounts = timer->data;

	for (size_t i = 0; i < mounts->count; i++)
		mounts->shares[i].has_failed = false;
	go_on(mounts);
}

static void on_task_done(struct work *work)
{
	struct share_task *task = CONTAINER_OF(work, struct share_task, work);
	struct share_mounts *mounts = task->mounts;
	const struct share_line *line = &task->share.line;
	struct share *wanted, *mounted;

	if (!mounts) {
		free(task);
		return;
	}
	mounts->task = NULL;
	wanted = find(mounts->shares, mounts->count, line);
	mounted = find(mounts->mounted, mounts->mounted_count, line);
	if (task->error && !task->text[0])
		snprintf(task->text, sizeof(task->text), "%s", error_text(task->error));
	if (task->error)
		log_warning("%s is not %s at %s: %s", line->name,
			    task->is_mount ? "mounted" : "unmounted", line->at, task->text);
	else
		log_info("%s is %s at %s", line->name, task->is_mount ? "mounted" : "unmounted",
			 line->at);
	if (task->is_mount && !task->error) {
		mounts->mounted[mounts->mounted_count++] = task->share;
		if (wanted)
			wanted->line.state = SHARE_MOUNTED;
	} else if (!task->is_mount && mounted) {
		/* One that cannot be unmounted is somebody else's by now. */
		*mounted = mounts->mounted[--mounts->mounted_count];
	}
	if (task->is_mount && task->error && wanted) {
		wanted->has_failed = true;
		uv_timer_start(&mounts->again, on_again, AGAIN_MS, 0);
	}
	if (task->is_mount && wanted)
		tell(mounts, wanted, task->error, task->error ? task->text : "");
	write_list(mounts);
	go_on(mounts);
	free(task);
}

static void start_task(struct share_mounts *mounts, const struct share *share, bool is_mount)
{
	struct share_task *task = calloc(1, sizeof(*task));

	if (!task) {
		uv_timer_start(&mounts->again, on_again, AGAIN_MS, 0);
		return;
	}
	task->work = (struct work){.run = run_task, .done = on_task_done};
	task->mounts = mounts;
	task->share = *share;
	task->is_mount = is_mount;
	snprintf(task->socket, sizeof(task->socket), "%s", mounts->socket);
	mounts->task = task;
	workers_submit(mounts->context->workers, &task->work);
}

/* First unmount, the last mounted first, then mount. */
static void go_on(struct share_mounts *mounts)
{
	if (mounts->task)
		return;
	for (size_t i = mounts->mounted_count; i > 0; i--) {
		const struct share *mounted = &mounts->mounted[i - 1];

		if (find(mounts->shares, mounts->count, &mounted->line))
			continue;
		start_task(mounts, mounted, false);
		return;
	}
	for (size_t i = 0; i < mounts->count; i++) {
		const struct share *share = &mounts->shares[i];

		if (share->line.state != SHARE_WAITING || share->has_failed)
			continue;
		start_task(mounts, share, true);
		return;
	}
}

/* What can be mounted at all. Return: false: it is left out. */
static bool read_entry(const struct share_entry *entry, struct share *share)
{
	if (!share_name_is_valid((const char *)entry->name.bytes, entry->name.length) ||
	    entry->at.length >= sizeof(share->line.at))
		return false;
	*share = (struct share){.line.read_only = entry->read_only};
	memcpy(share->line.name, entry->name.bytes, entry->name.length);
	if (entry->options.length > 0)
		memcpy(share->options, entry->options.bytes, entry->options.length);
	if (entry->at.length == 0)
		return true;
	memcpy(share->line.at, entry->at.bytes, entry->at.length);
	share->line.state = SHARE_WAITING;
	return share->line.at[0] == '/' && share->line.at[1] && !strchr(share->line.at, '\n');
}

int share_mounts_set(struct share_mounts *mounts, struct slice bytes)
{
	struct share_list list;
	struct cbor_reader reader;
	struct share_entry entry;
	uint64_t left;
	int error, more;

	error = message_decode(&message_share_list, bytes, &list);
	if (error)
		return error;
	mounts->count = 0;
	reader = (struct cbor_reader)CBOR_READER(list.shares);
	more = list.shares.length > 0 ? message_items_begin(&reader, &left) : -1;
	while (more >= 0 && mounts->count < SHARE_MAX &&
	       (more = message_items_next(&reader, &left, &message_share_entry, &entry)) > 0) {
		struct share *share = &mounts->shares[mounts->count];

		if (!read_entry(&entry, share)) {
			log_warning("the host shares something that cannot be mounted");
			continue;
		}
		if (share->line.at[0] && find(mounts->mounted, mounts->mounted_count, &share->line))
			share->line.state = SHARE_MOUNTED;
		if (share->line.state == SHARE_MOUNTED)
			tell(mounts, share, 0, "");
		mounts->count++;
	}
	write_list(mounts);
	go_on(mounts);
	return 0;
}

/* What an earlier agent has mounted is ours to unmount. */
static void adopt(struct share_mounts *mounts)
{
	_cleanup_free_ struct share_line *lines = calloc(SHARE_MAX, sizeof(*lines));
	int count = lines ? share_list_read(mounts->list, lines) : -ENOMEM;

	for (int i = 0; i < count; i++) {
		if (lines[i].state == SHARE_MOUNTED && is_mounted(&lines[i]))
			mounts->mounted[mounts->mounted_count++].line = lines[i];
	}
}

int share_mounts_new(const struct service_context *context, const char *socket, const char *list,
		     share_mounts_told told, void *owner, struct share_mounts **result)
{
	_cleanup_free_ struct share_mounts *mounts = calloc(1, sizeof(*mounts));

	if (!mounts)
		return -ENOMEM;
	mounts->context = context;
	mounts->told = told;
	mounts->owner = owner;
	snprintf(mounts->socket, sizeof(mounts->socket), "%s", socket);
	snprintf(mounts->list, sizeof(mounts->list), "%s", list ? list : "");
	mounts->shares = calloc(SHARE_MAX, sizeof(*mounts->shares));
	/* A share that moves is mounted twice for a moment. */
	mounts->mounted = calloc(SHARE_MAX * 2, sizeof(*mounts->mounted));
	if (!mounts->shares || !mounts->mounted) {
		free(mounts->shares);
		free(mounts->mounted);
		return -ENOMEM;
	}
	uv_timer_init(context->loop, &mounts->again);
	mounts->again.data = mounts;
	adopt(mounts);
	*result = take_ptr(mounts);
	return 0;
}

static void on_released(uv_handle_t *handle)
{
	struct share_mounts *mounts = handle->data;

	free(mounts->shares);
	free(mounts->mounted);
	free(mounts);
}

void share_mounts_free(struct share_mounts *mounts)
{
	if (!mounts)
		return;
	if (mounts->task)
		mounts->task->mounts = NULL;
	uv_close((uv_handle_t *)&mounts->again, on_released);
}
