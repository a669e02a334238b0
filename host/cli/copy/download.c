/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the guest to the host. What the guest says of its files is not believed further than it can
 * do harm: host_tree.h keeps everything below one folder, listing.h lets only plain names in.
 */
#include "host/cli/copy/copy.h"
#include "host/cli/copy/host_tree.h"
#include "host/cli/copy/listing.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define OUTPUT 1

struct download {
	struct copy_task task;
	mode_t mode;
	uint64_t size_bytes;
	int64_t mtime_ns;
	struct host_file file;	 /* of a file */
	int error;		 /* on this side; then the stream was cancelled */
	struct listing *listing; /* of a folder */
};

static void start_folder(struct copy_task *task);
static void start_file(struct copy_task *task);
static void start_link(struct copy_task *task);

static void done(struct download *download)
{
	free(download->listing);
	copy_task_done(&download->task);
}

/* Something went wrong here while the guest sends: it need not go on. */
static void break_off(struct download *download, int error)
{
	download->error = error;
	stream_cancel(download->task.stream);
}

static void add(struct copy *copy, const struct file_stat *stat, const char *guest,
		const char *host, const char *name)
{
	void (*start)(struct copy_task * task);
	struct download *download;

	switch (stat->mode & S_IFMT) {
	case S_IFDIR:
		start = start_folder;
		break;
	case S_IFREG:
		start = start_file;
		copy->progress.total_bytes += stat->size_bytes;
		break;
	case S_IFLNK:
		start = start_link;
		break;
	default:
		copy_failed(copy, name ? name : guest,
			    "is neither file, folder nor link; not copied");
		return;
	}
	download =
		(struct download *)copy_task_new(copy, sizeof(*download), start, guest, host, name);
	if (!download)
		return;
	download->mode = (mode_t)stat->mode;
	download->size_bytes = stat->size_bytes;
	download->mtime_ns = stat->mtime_ns;
	if (S_ISLNK(stat->mode))
		download->task.target =
			strndup((const char *)stat->target.bytes, stat->target.length);
}

void download_begin(struct copy *copy, const struct file_stat *stat, const char *guest,
		    const char *relative)
{
	if (S_ISDIR(stat->mode) && !copy->recursive)
		copy_failed(copy, guest, "is a folder; copy it with -r");
	else
		add(copy, stat, guest, relative, NULL);
}

/* --- Folders ------------------------------------------------------------------------------- */

static int on_entry(void *owner, const struct file_stat *stat)
{
	struct download *download = owner;
	char name[MESSAGE_NAME_MAX + 1];

	/* Its length was checked by the listing. */
	memcpy(name, stat->name.bytes, stat->name.length);
	name[stat->name.length] = '\0';
	if (strlen(download->task.host) + stat->name.length + 2 > HOST_TREE_PATH_MAX ||
	    strlen(download->task.guest) + stat->name.length + 2 > MESSAGE_PATH_MAX) {
		copy_failed_errno(download->task.copy, download->task.guest, -ENAMETOOLONG);
		return 0;
	}
	add(download->task.copy, stat, download->task.guest, download->task.host, name);
	return 0;
}

static void folder_data(struct stream *stream, void *owner, unsigned int channel,
			struct slice bytes)
{
	struct download *download = owner;
	int error = 0;

	if (channel == OUTPUT && !download->error)
		error = listing_feed(download->listing, bytes);
	stream_consumed(stream, channel, bytes.length);
	if (error)
		break_off(download, error);
}

static void folder_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct download *download = owner;
	struct copy *copy = download->task.copy;

	(void)stream;
	if (!download->error && !result->error)
		download->error = listing_finish(download->listing);
	if (download->error == -EBADMSG)
		copy_failed(copy, download->task.guest,
			    "the guest sent a list of names that no folder can have; refused");
	else if (download->error)
		copy_failed_errno(copy, download->task.host, download->error);
	else if (result->error)
		copy_failed_stream(&download->task, result);
	done(download);
}

static int request_list(struct download *download)
{
	static const struct stream_handlers handlers = {.data = folder_data,
							.closed = folder_closed};
	struct path_params params = {.path = slice_of(download->task.guest)};

	download->listing = calloc(1, sizeof(*download->listing));
	if (!download->listing)
		return -ENOMEM;
	download->listing->entry = on_entry;
	download->listing->owner = download;
	return agent_request(download->task.copy->agent, "file.list", &message_path_params, &params,
			     &handlers, download, &download->task.stream);
}

static void start_folder(struct copy_task *task)
{
	struct download *download = (struct download *)task;
	int error = host_tree_make_folder(task->copy->root, task->host);

	if (!error)
		error = copy_add_folder(task->copy, task->host, download->mode, download->mtime_ns);
	if (!error)
		error = request_list(download);
	if (!error)
		return;
	copy_failed_errno(task->copy, task->host, error);
	done(download);
}

void download_finish(struct copy *copy)
{
	while (copy->folders) {
		struct copy_folder *folder = copy->folders;
		int error = host_tree_finish_folder(copy->root, folder->path, folder->mode,
						    folder->mtime_ns);

		if (error)
			copy_failed_errno(copy, folder->path, error);
		copy->folders = folder->next;
		free(folder);
	}
}

/* --- Files --------------------------------------------------------------------------------- */

static int write_all(int fd, struct slice bytes)
{
	size_t at = 0;

	while (at < bytes.length) {
		ssize_t count = write(fd, bytes.bytes + at, bytes.length - at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		at += (size_t)count;
	}
	return 0;
}

static void file_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct download *download = owner;
	struct copy *copy = download->task.copy;
	int error = 0;

	if (channel == OUTPUT && !download->error) {
		error = write_all(download->file.fd, bytes);
		copy->progress.done_bytes += bytes.length;
		progress_update(&copy->progress);
	}
	stream_consumed(stream, channel, bytes.length);
	if (error)
		break_off(download, error);
}

static void file_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct download *download = owner;
	struct copy *copy = download->task.copy;
	struct file_stat stat;
	int error = download->error;

	(void)stream;
	if (!error && !result->error)
		error = message_decode(&message_file_stat, result->params, &stat);
	if (error || result->error) {
		host_file_abandon(&download->file);
		if (error)
			copy_failed_errno(copy, download->task.host, error);
		else
			copy_failed_stream(&download->task, result);
	} else {
		error = host_file_commit(&download->file, (mode_t)stat.mode, stat.mtime_ns);
		if (error)
			copy_failed_errno(copy, download->task.host, error);
		else
			copy->progress.items++;
	}
	done(download);
}

/* true: what is there has the same size and time. */
static bool is_unchanged(const struct download *download)
{
	struct stat old;

	if (!download->task.copy->update ||
	    host_tree_stat(download->task.copy->root, download->task.host, &old) < 0)
		return false;
	return S_ISREG(old.st_mode) && (uint64_t)old.st_size == download->size_bytes &&
	       (int64_t)old.st_mtim.tv_sec * 1000000000 + old.st_mtim.tv_nsec == download->mtime_ns;
}

static void start_file(struct copy_task *task)
{
	static const struct stream_handlers handlers = {.data = file_data, .closed = file_closed};
	struct download *download = (struct download *)task;
	struct file_read_params params = {.path = slice_of(task->guest)};
	int error;

	if (is_unchanged(download)) {
		task->copy->progress.done_bytes += download->size_bytes;
		done(download);
		return;
	}
	error = host_file_create(task->copy->root, task->host, &download->file);
	if (!error) {
		error = agent_request(task->copy->agent, "file.read", &message_file_read_params,
				      &params, &handlers, download, &task->stream);
		if (error)
			host_file_abandon(&download->file);
	}
	if (!error)
		return;
	copy_failed_errno(task->copy, task->host, error);
	done(download);
}

/* --- Links --------------------------------------------------------------------------------- */

static void start_link(struct copy_task *task)
{
	struct download *download = (struct download *)task;
	int error = download->task.target ? 0 : -ENOMEM;

	if (!error)
		error = host_tree_make_link(task->copy->root, task->host, download->task.target,
					    download->mtime_ns);
	if (error)
		copy_failed_errno(task->copy, task->host, error);
	done(download);
}
