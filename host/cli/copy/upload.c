/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the host to the guest. A folder is made before what is in it is sent, and gets its mode and
 * time when all of it is there.
 */
#include "host/cli/copy/copy.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT	    0
#define CHUNK_BYTES 65536
#define MODE_KEPT   0777

struct upload {
	struct copy_task task;
	int fd; /* of a file */
	struct stat stat;
	int error; /* on this side; then the stream was cancelled */
};

static void start_folder(struct copy_task *task);
static void start_file(struct copy_task *task);
static void start_link(struct copy_task *task);

static int64_t mtime_of(const struct stat *stat)
{
	return (int64_t)stat->st_mtim.tv_sec * 1000000000 + stat->st_mtim.tv_nsec;
}

static void done(struct upload *upload)
{
	if (upload->fd >= 0)
		close(upload->fd);
	copy_task_done(&upload->task);
}

static void fail(struct upload *upload, int error)
{
	copy_failed_errno(upload->task.copy, upload->task.host, error);
	done(upload);
}

static void add(struct copy *copy, const struct stat *stat, const char *host, const char *guest,
		const char *name)
{
	void (*start)(struct copy_task * task);
	struct upload *upload;

	switch (stat->st_mode & S_IFMT) {
	case S_IFDIR:
		start = start_folder;
		break;
	case S_IFREG:
		start = start_file;
		copy->progress.total_bytes += (uint64_t)stat->st_size;
		break;
	case S_IFLNK:
		start = start_link;
		break;
	default:
		copy_failed(copy, name ? name : host,
			    "is neither file, folder nor link; not copied");
		return;
	}
	upload = (struct upload *)copy_task_new(copy, sizeof(*upload), start, guest, host, name);
	if (!upload)
		return;
	upload->fd = -EBADF;
	upload->stat = *stat;
}

void upload_begin(struct copy *copy, const char *host, const char *guest)
{
	struct stat status;

	if (stat(host, &status) < 0)
		copy_failed_errno(copy, host, -errno);
	else if (S_ISDIR(status.st_mode) && !copy->recursive)
		copy_failed(copy, host, "is a folder; copy it with -r");
	else
		add(copy, &status, host, guest, NULL);
}

/* --- Folders ------------------------------------------------------------------------------- */

static void add_entries(struct upload *upload, DIR *folder)
{
	const struct dirent *entry;
	struct copy *copy = upload->task.copy;

	while ((entry = readdir(folder))) {
		struct stat status;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			copy_failed_errno(copy, entry->d_name, -errno);
		else
			add(copy, &status, upload->task.host, upload->task.guest, entry->d_name);
	}
}

static void folder_made(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct upload *upload = owner;
	struct copy *copy = upload->task.copy;
	DIR *folder;

	(void)stream;
	if (result->error) {
		copy_failed_stream(&upload->task, result);
		done(upload);
		return;
	}
	folder = opendir(upload->task.host);
	if (!folder || copy_add_folder(copy, upload->task.guest, upload->stat.st_mode,
				       mtime_of(&upload->stat)) < 0) {
		if (folder)
			closedir(folder);
		fail(upload, folder ? -ENOMEM : -errno);
		return;
	}
	add_entries(upload, folder);
	closedir(folder);
	done(upload);
}

static void start_folder(struct copy_task *task)
{
	static const struct stream_handlers handlers = {.closed = folder_made};
	struct file_write_params params = {.path = slice_of(task->guest), .mode = 0700};
	int error = agent_request(task->copy->agent, "file.mkdir", &message_file_write_params,
				  &params, &handlers, task, &task->stream);

	if (error)
		fail((struct upload *)task, error);
}

void upload_finish(struct copy *copy)
{
	while (copy->folders) {
		struct copy_folder *folder = copy->folders;
		struct file_write_params params = {
			.path = slice_of(folder->path),
			.mode = folder->mode & MODE_KEPT,
			.set_mode = true,
			.set_mtime = true,
			.mtime_ns = folder->mtime_ns,
		};
		uint8_t reply[MESSAGE_TEXT_MAX];

		if (!copy->stopping &&
		    agent_call(copy->agent, "file.setattr", &message_file_write_params, &params, 0,
			       reply, sizeof(reply)) < 0)
			copy_failed(copy, folder->path, (const char *)reply);
		copy->folders = folder->next;
		free(folder);
	}
}

/* --- Files --------------------------------------------------------------------------------- */

static void send_some(struct upload *upload)
{
	struct stream *stream = upload->task.stream;
	struct copy *copy = upload->task.copy;
	uint8_t chunk[CHUNK_BYTES];
	size_t room;

	while (!copy->stopping && upload->fd >= 0 && (room = stream_credit(stream, INPUT)) > 0) {
		ssize_t length = read(upload->fd, chunk, MIN(room, sizeof(chunk)));

		if (length < 0 && errno == EINTR)
			continue;
		if (length > 0 && stream_send(stream, INPUT, chunk, (size_t)length) == length) {
			copy->progress.done_bytes += (uint64_t)length;
			continue;
		}
		if (length == 0) {
			stream_end(stream, INPUT);
		} else {
			upload->error = length < 0 ? -errno : -ENOMEM;
			stream_cancel(stream);
		}
		close(take_fd(&upload->fd));
	}
	progress_update(&copy->progress);
}

static void file_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)bytes;
	if (channel == INPUT)
		send_some(owner);
}

static void file_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct upload *upload = owner;

	(void)stream;
	if (upload->error)
		copy_failed_errno(upload->task.copy, upload->task.host, upload->error);
	else if (result->error)
		copy_failed_stream(&upload->task, result);
	else
		upload->task.copy->progress.items++;
	done(upload);
}

static void send_file(struct upload *upload)
{
	static const struct stream_handlers handlers = {.credit = file_credit,
							.closed = file_closed};
	struct copy_task *task = &upload->task;
	struct file_write_params params = {.path = slice_of(task->guest), .set_mtime = true};
	int error;

	/* Non-blocking: a file that became a pipe meanwhile shall not keep us waiting. */
	upload->fd = open(task->host, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (upload->fd < 0 || fstat(upload->fd, &upload->stat) < 0) {
		fail(upload, -errno);
		return;
	}
	if (!S_ISREG(upload->stat.st_mode)) {
		fail(upload, -EINVAL);
		return;
	}
	params.set_mode = true;
	params.mode = upload->stat.st_mode & MODE_KEPT;
	params.mtime_ns = mtime_of(&upload->stat);
	error = agent_request(task->copy->agent, "file.write", &message_file_write_params, &params,
			      &handlers, upload, &task->stream);
	if (error)
		fail(upload, error);
	else
		send_some(upload);
}

static void old_file_seen(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct upload *upload = owner;
	struct file_stat old;

	(void)stream;
	upload->task.stream = NULL;
	if (upload->task.copy->stopping) {
		upload->task.copy->failures++;
		done(upload);
	} else if (result->error == 0 &&
		   message_decode(&message_file_stat, result->params, &old) == 0 &&
		   S_ISREG(old.mode) && old.size_bytes == (uint64_t)upload->stat.st_size &&
		   old.mtime_ns == mtime_of(&upload->stat)) {
		upload->task.copy->progress.done_bytes += old.size_bytes;
		done(upload);
	} else {
		send_file(upload);
	}
}

static void start_file(struct copy_task *task)
{
	static const struct stream_handlers handlers = {.closed = old_file_seen};
	struct path_params params = {.path = slice_of(task->guest)};
	int error;

	if (!task->copy->update) {
		send_file((struct upload *)task);
		return;
	}
	error = agent_request(task->copy->agent, "file.stat", &message_path_params, &params,
			      &handlers, task, &task->stream);
	if (error)
		fail((struct upload *)task, error);
}

/* --- Links --------------------------------------------------------------------------------- */

static void link_made(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct upload *upload = owner;

	(void)stream;
	if (result->error)
		copy_failed_stream(&upload->task, result);
	done(upload);
}

static void start_link(struct copy_task *task)
{
	static const struct stream_handlers handlers = {.closed = link_made};
	struct upload *upload = (struct upload *)task;
	char target[MESSAGE_PATH_MAX];
	ssize_t length = readlink(task->host, target, sizeof(target));
	struct file_symlink_params params = {.path = slice_of(task->guest),
					     .set_mtime = true,
					     .mtime_ns = mtime_of(&upload->stat)};
	int error;

	if (length < 0 || length == sizeof(target)) {
		fail(upload, length < 0 ? -errno : -ENAMETOOLONG);
		return;
	}
	params.target = (struct slice){(const uint8_t *)target, (size_t)length};
	error = agent_request(task->copy->agent, "file.symlink", &message_file_symlink_params,
			      &params, &handlers, upload, &task->stream);
	if (error)
		fail(upload, error);
}
