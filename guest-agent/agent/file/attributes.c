/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The methods of one step: file.stat, file.mkdir, file.setattr, file.symlink, file.remove.
 */
#include "guest-agent/agent/file/file.h"
#include "guest-agent/agent/file/place.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct change {
	struct operation operation;
	bool follow;
	struct file_write_params want; /* its path is not to be used: operation.path is */
	char *target;
	struct stat st;
};

static struct change *change_of(struct operation *operation)
{
	return CONTAINER_OF(operation, struct change, operation);
}

static void reply_empty(struct operation *operation)
{
	operation_reply(operation, NULL, NULL);
}

static void release_target(struct operation *operation)
{
	free(change_of(operation)->target);
}

static void stat_step(struct operation *operation)
{
	struct change *change = change_of(operation);
	char target[MESSAGE_PATH_MAX + 1];
	ssize_t length;

	if (fstatat(AT_FDCWD, operation->path, &change->st,
		    change->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0) {
		operation->error = -errno;
		return;
	}
	if (!S_ISLNK(change->st.st_mode))
		return;
	length = readlink(operation->path, target, sizeof(target) - 1);
	if (length < 0) {
		operation->error = -errno;
		return;
	}
	change->target = strndup(target, (size_t)length);
	if (!change->target)
		operation->error = -ENOMEM;
}

static void stat_stepped(struct operation *operation)
{
	const struct change *change = change_of(operation);
	struct file_stat result = {0};

	file_stat_fill(&result, &change->st);
	if (change->target)
		result.target = slice_of(change->target);
	operation_reply(operation, &message_file_stat, &result);
}

static int make_directory(struct change *change, const struct place *place)
{
	struct stat st;

	if (mkdirat(place->directory, place->name, 0700) == 0) {
		if (!change->want.set_mode) {
			change->want.set_mode = true;
			change->want.mode = 0755;
		}
		return place_set_attributes(place, -1, &change->want);
	}
	if (errno != EEXIST || change->want.exclusive)
		return -errno;
	if (fstatat(place->directory, place->name, &st, 0) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -EEXIST;
}

static void mkdir_step(struct operation *operation)
{
	struct change *change = change_of(operation);
	struct place place;

	operation->error = place_open(operation->path, &place);
	if (!operation->error)
		operation->error = make_directory(change, &place);
	else if (operation->error == -EEXIST && !change->want.exclusive)
		operation->error = 0; /* "/" */
	place_close(&place);
}

static void setattr_step(struct operation *operation)
{
	struct place place;

	operation->error = place_open(operation->path, &place);
	if (!operation->error)
		operation->error = place_set_attributes(&place, -1, &change_of(operation)->want);
	place_close(&place);
}

/* A link cannot be made over an old file: it is made beside and renamed. */
static int replace_by_link(const struct place *place, const char *target, char temporary[32])
{
	struct stat old;
	int fd;

	if (fstatat(place->directory, place->name, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(old.st_mode))
		return -EISDIR;
	/* The file is only to find a free name. */
	fd = place_create(place, 0600, temporary);
	if (fd < 0)
		return fd;
	close(fd);
	if (unlinkat(place->directory, temporary, 0) < 0 ||
	    symlinkat(target, place->directory, temporary) < 0)
		return -errno;
	if (renameat(place->directory, temporary, place->directory, place->name) < 0) {
		const int error = -errno;

		unlinkat(place->directory, temporary, 0);
		return error;
	}
	return 0;
}

static void symlink_step(struct operation *operation)
{
	struct change *change = change_of(operation);
	struct place place;
	char temporary[32];

	operation->error = place_open(operation->path, &place);
	if (operation->error)
		return;
	if (symlinkat(change->target, place.directory, place.name) < 0)
		operation->error = errno == EEXIST
					   ? replace_by_link(&place, change->target, temporary)
					   : -errno;
	if (!operation->error)
		operation->error = place_set_attributes(&place, -1, &change->want);
	place_close(&place);
}

static void remove_step(struct operation *operation)
{
	struct place place;

	operation->error = place_open(operation->path, &place);
	if (operation->error)
		return;
	if (unlinkat(place.directory, place.name, 0) < 0)
		operation->error = -errno;
	if (operation->error == -EISDIR || operation->error == -EPERM)
		operation->error =
			unlinkat(place.directory, place.name, AT_REMOVEDIR) < 0 ? -errno : 0;
	place_close(&place);
}

static const struct operation_kind stat_kind = {
	.verb = "stat", .step = stat_step, .stepped = stat_stepped, .release = release_target};
static const struct operation_kind mkdir_kind = {
	.verb = "make directory", .step = mkdir_step, .stepped = reply_empty};
static const struct operation_kind setattr_kind = {
	.verb = "change", .step = setattr_step, .stepped = reply_empty};
static const struct operation_kind symlink_kind = {.verb = "make link",
						   .step = symlink_step,
						   .stepped = reply_empty,
						   .release = release_target};
static const struct operation_kind remove_kind = {
	.verb = "remove", .step = remove_step, .stepped = reply_empty};

static void by_path(struct workers *workers, const struct operation_kind *kind,
		    struct stream *stream, struct slice params)
{
	struct path_params want;
	struct change *change;

	if (message_decode(&message_path_params, params, &want) < 0) {
		stream_fail(stream, EBADMSG, "malformed parameters");
		return;
	}
	change = operation_new(sizeof(*change), kind, workers, stream, want.path);
	if (!change)
		return;
	change->follow = want.follow;
	operation_step(&change->operation);
}

static void by_attributes(struct workers *workers, const struct operation_kind *kind,
			  struct stream *stream, struct slice params)
{
	struct file_write_params want;
	struct change *change;

	if (file_decode_write(params, &want) < 0) {
		stream_fail(stream, EBADMSG, "malformed parameters");
		return;
	}
	change = operation_new(sizeof(*change), kind, workers, stream, want.path);
	if (!change)
		return;
	change->want = want;
	operation_step(&change->operation);
}

void file_stat(void *state, struct stream *stream, struct slice params)
{
	by_path(state, &stat_kind, stream, params);
}

void file_remove(void *state, struct stream *stream, struct slice params)
{
	by_path(state, &remove_kind, stream, params);
}

void file_mkdir(void *state, struct stream *stream, struct slice params)
{
	by_attributes(state, &mkdir_kind, stream, params);
}

void file_setattr(void *state, struct stream *stream, struct slice params)
{
	by_attributes(state, &setattr_kind, stream, params);
}

void file_symlink(void *state, struct stream *stream, struct slice params)
{
	struct file_symlink_params want;
	struct change *change;

	if (message_decode(&message_file_symlink_params, params, &want) < 0 ||
	    want.target.length == 0) {
		stream_fail(stream, EBADMSG, "file.symlink: malformed parameters");
		return;
	}
	change = operation_new(sizeof(*change), &symlink_kind, state, stream, want.path);
	if (!change)
		return;
	change->want.set_mtime = want.set_mtime;
	change->want.mtime_ns = want.mtime_ns;
	change->target = strndup((const char *)want.target.bytes, want.target.length);
	if (!change->target) {
		operation_fail(&change->operation, -ENOMEM);
		return;
	}
	operation_step(&change->operation);
}
