/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options_fs - the words of --fs
 */
#include "host/vmm/guest_memory.h"
#include "host/vmm/options.h"
#include "host/vmm/options_devices.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* What a guest maps at once: Linux takes 2 MiB. */
#define MIN_DAX_BYTES (2ULL << 20)

/* The value of a word NAME=VALUE; NULL if it is another word, or has none. */
static const char *value_of(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] ? word + length : NULL;
}

static int take_tag(struct arguments *arguments, struct options_fs *fs, const char *tag)
{
	if (strlen(tag) > OPTIONS_FS_TAG)
		return arguments_refuse(arguments, "--fs: tag '%s' is longer than %d bytes", tag,
					OPTIONS_FS_TAG);
	memcpy(fs->tag, tag, strlen(tag) + 1);
	return 0;
}

static int take_socket(struct options_fs *fs, const char *path)
{
	free(fs->socket);
	fs->socket = strdup(path);
	return fs->socket ? 0 : -ENOMEM;
}

static int take_descriptor(struct arguments *arguments, struct options_fs *fs, const char *text)
{
	uint64_t fd;

	if (parse_u64(text, STDERR_FILENO + 1, INT_MAX, &fd) < 0)
		return arguments_refuse(
			arguments, "--fs: fd '%s': the number of an open socket is needed", text);
	fs->fd = (int)fd;
	return 0;
}

static int take_queues(struct arguments *arguments, struct options_fs *fs, const char *text)
{
	uint64_t queues;

	if (parse_u64(text, 1, OPTIONS_MAX_QUEUES, &queues) < 0)
		return arguments_refuse(arguments, "--fs: queues '%s': 1 to %d are possible", text,
					OPTIONS_MAX_QUEUES);
	fs->queues = (uint16_t)queues;
	return 0;
}

static int take_dax(struct arguments *arguments, struct options_fs *fs, const char *text)
{
	uint64_t size;

	if (parse_size(text, &size) < 0 || size < MIN_DAX_BYTES || size > LAYOUT_HIGH_BARS_MAX ||
	    (size & (size - 1)) != 0)
		return arguments_refuse(
			arguments, "--fs: dax '%s': a power of two from 2M to 16G is needed", text);
	fs->dax_bytes = size;
	return 0;
}

static int parse_word(struct arguments *arguments, struct options_fs *fs, const char *word)
{
	const char *value;

	if ((value = value_of(word, "tag=")))
		return take_tag(arguments, fs, value);
	if ((value = value_of(word, "socket=")))
		return take_socket(fs, value);
	if ((value = value_of(word, "fd=")))
		return take_descriptor(arguments, fs, value);
	if ((value = value_of(word, "queues=")))
		return take_queues(arguments, fs, value);
	if ((value = value_of(word, "dax=")))
		return take_dax(arguments, fs, value);
	return arguments_refuse(
		arguments,
		"--fs: '%s' is not known (tag=NAME, socket=PATH, fd=N, queues=N, dax=SIZE)", word);
}

static int check(const struct arguments *arguments, const struct options *options,
		 const char *value)
{
	const struct options_fs *last = &options->fs[options->shares - 1];
	uint64_t dax_bytes = 0;

	if (!last->tag[0] || !last->socket == (last->fd < 0))
		return arguments_refuse(
			arguments, "--fs '%s': tag=NAME and one of socket=PATH and fd=N are needed",
			value);
	for (const struct options_fs *fs = options->fs; fs <= last; fs++) {
		dax_bytes += fs->dax_bytes;
		if (fs != last && strcmp(fs->tag, last->tag) == 0)
			return arguments_refuse(arguments, "--fs: there are two of tag '%s'",
						last->tag);
	}
	if (dax_bytes > LAYOUT_HIGH_BARS_MAX)
		return arguments_refuse(arguments,
					"--fs: all DAX windows together can have 16G at most");
	return 0;
}

int options_take_fs(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	_cleanup_free_ char *copy = strdup(value);
	struct options_fs *fs = &options->fs[options->shares];
	char *rest = copy, *word;
	int error = 0;

	if (options->shares == OPTIONS_MAX_FS)
		return arguments_refuse(arguments, "--fs: at most %d are possible", OPTIONS_MAX_FS);
	if (!copy)
		return -ENOMEM;
	options->shares++;
	fs->fd = -EBADF;
	while (!error && (word = options_next_word(&rest)))
		error = parse_word(arguments, fs, word);
	return error ? error : check(arguments, options, value);
}
