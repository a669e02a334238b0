/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file.list: a step fills a block with encoded entries, the loop sends it, and so on.
 */
#include "guest-agent/agent/file/file.h"
#include "protocol/base/bytes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One entry at most: a name, a link's target, numbers. */
#define ENTRY_BYTES (MESSAGE_NAME_MAX + MESSAGE_PATH_MAX + 256)
#define BLOCK_BYTES (32 * 1024)

struct listing {
	struct operation operation;
	bool follow;
	DIR *directory;
	bool at_end;
	size_t filled, sent;
	uint8_t block[BLOCK_BYTES];
};

static int list_open(struct listing *listing)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC;
	int fd = open(listing->operation.path, flags | (listing->follow ? 0 : O_NOFOLLOW));

	if (fd < 0)
		/* O_NOFOLLOW with O_DIRECTORY gives ENOTDIR for a link too. */
		return -errno;
	listing->directory = fdopendir(fd);
	if (!listing->directory) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

/* An entry that vanished meanwhile is none. */
static void put_entry(struct listing *listing, const char *name)
{
	struct file_stat entry = {.name = slice_of(name)};
	struct cbor_writer writer = {.bytes = listing->block + listing->filled,
				     .capacity = BLOCK_BYTES - listing->filled};
	const int fd = dirfd(listing->directory);
	char target[MESSAGE_PATH_MAX];
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	file_stat_fill(&entry, &st);
	if (S_ISLNK(st.st_mode)) {
		const ssize_t length = readlinkat(fd, name, target, sizeof(target));

		if (length < 0)
			return;
		entry.target = (struct slice){(uint8_t *)target, (size_t)length};
	}
	message_encode(&message_file_stat, &entry, &writer);
	listing->filled += cbor_written(&writer).length;
}

static void list_step(struct operation *operation)
{
	struct listing *listing = CONTAINER_OF(operation, struct listing, operation);

	if (!listing->directory)
		operation->error = list_open(listing);
	if (operation->error)
		return;
	listing->filled = 0;
	listing->sent = 0;
	while (BLOCK_BYTES - listing->filled >= ENTRY_BYTES) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(listing->directory);
		if (!entry) {
			operation->error = -errno;
			listing->at_end = true;
			return;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			put_entry(listing, entry->d_name);
	}
}

static void send_block(struct operation *operation)
{
	struct listing *listing = CONTAINER_OF(operation, struct listing, operation);

	while (listing->sent < listing->filled) {
		const ssize_t taken =
			stream_send(operation->stream, 1, listing->block + listing->sent,
				    listing->filled - listing->sent);

		if (taken < 0) {
			operation_fail(operation, (int)taken);
			return;
		}
		if (taken == 0)
			return; /* list_credit() goes on */
		listing->sent += (size_t)taken;
	}
	if (listing->at_end)
		operation_reply(operation, NULL, NULL);
	else
		operation_step(operation);
}

static void list_credit(struct operation *operation)
{
	if (!operation->working)
		send_block(operation);
}

static void list_cleanup(struct operation *operation)
{
	struct listing *listing = CONTAINER_OF(operation, struct listing, operation);

	if (listing->directory)
		closedir(listing->directory);
}

static const struct operation_kind list_kind = {
	.verb = "list",
	.step = list_step,
	.stepped = send_block,
	.cleanup = list_cleanup,
	.credit = list_credit,
};

void file_list(void *state, struct stream *stream, struct slice params)
{
	struct path_params want;
	struct listing *listing;

	if (message_decode(&message_path_params, params, &want) < 0) {
		stream_fail(stream, EBADMSG, "file.list: malformed parameters");
		return;
	}
	listing = operation_new(sizeof(*listing), &list_kind, state, stream, want.path);
	if (!listing)
		return;
	listing->follow = want.follow;
	operation_step(&listing->operation);
}
