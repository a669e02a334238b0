/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/mount/options.h"

#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"
#include "protocol/share.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define WAIT_MAX_S 3600

struct flag {
	const char *name;
	unsigned long set, clear;
};

static const struct flag flags[] = {
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, 0},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, 0},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, 0},
	{"lazytime", MS_LAZYTIME, 0},
	{"nolazytime", 0, MS_LAZYTIME},
	{"silent", MS_SILENT, 0},
	{"loud", 0, MS_SILENT},
	{"nosymfollow", MS_NOSYMFOLLOW, 0},
	/* For mount(8), systemd and fstab alone. */
	{"defaults", 0, 0},
	{"auto", 0, 0},
	{"noauto", 0, 0},
	{"nofail", 0, 0},
	{"_netdev", 0, 0},
	{"nouser", 0, 0},
	{"user", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
	{"users", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
	{"owner", MS_NOSUID | MS_NODEV, 0},
	{"group", MS_NOSUID | MS_NODEV, 0},
};

static bool take_flag(struct mount_options *options, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (strcmp(flags[i].name, word) != 0)
			continue;
		options->flags = (options->flags | flags[i].set) & ~flags[i].clear;
		return true;
	}
	return false;
}

/* Comments that others read: x-systemd.automount, comment=... */
static bool is_of_others(const char *word)
{
	return strncmp(word, "x-", 2) == 0 || strncmp(word, "X-", 2) == 0 ||
	       strncmp(word, "comment=", 8) == 0;
}

/* Words of virtiofs. */
static bool is_dax(const char *word)
{
	static const char *const words[] = {"dax", "dax=always", "dax=inode", "dax=never"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static int take_word(struct mount_options *options, const char *word, char *error,
		     size_t error_size)
{
	uint64_t seconds;

	if (!word[0] || is_of_others(word) || take_flag(options, word))
		return 0;
	if (is_dax(word)) {
		snprintf(options->dax, sizeof(options->dax), "%s", word);
	} else if (strcmp(word, "stream") == 0) {
		options->stream = true;
	} else if (strcmp(word, "private") == 0) {
		options->private = true;
	} else if (strncmp(word, "wait=", 5) == 0) {
		if (parse_u64(word + 5, 1, WAIT_MAX_S, &seconds) < 0) {
			snprintf(error, error_size, "wait=%s: it takes seconds, 1 to %d", word + 5,
				 WAIT_MAX_S);
			return -EINVAL;
		}
		options->wait_ms = seconds * 1000;
	} else if (strncmp(word, "socket=", 7) == 0) {
		if (strlen(word + 7) >= sizeof(options->socket)) {
			snprintf(error, error_size, "%s: too long", word);
			return -EINVAL;
		}
		snprintf(options->socket, sizeof(options->socket), "%s", word + 7);
	} else {
		snprintf(error, error_size, "no such option: %s", word);
		return -EINVAL;
	}
	return 0;
}

static int take_list(struct mount_options *options, char *list, char *error, size_t error_size)
{
	char *rest = NULL;
	int r = 0;

	for (char *word = strtok_r(list, ",", &rest); word && !r; word = strtok_r(NULL, ",", &rest))
		r = take_word(options, word, error, error_size);
	return r;
}

int mount_options_parse(int argc, char **argv, struct mount_options *options, char *error,
			size_t error_size)
{
	static const struct option longs[] = {
		{"foreground", no_argument, NULL, 'F'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option, r = 0;

	*options = (struct mount_options){0};
	snprintf(options->socket, sizeof(options->socket), "%s", SHARE_SOCKET_PATH);
	optind = 0;
	opterr = 0;
	while (!r && (option = getopt_long(argc, argv, "o:fnsvt:N:hV", longs, NULL)) != -1) {
		switch (option) {
		case 'o':
			r = take_list(options, optarg, error, error_size);
			break;
		case 'F':
			options->foreground = true;
			break;
		case 'f':
			options->fake = true;
			break;
		case 'h':
			options->help = true;
			break;
		case 'V':
			options->version = true;
			break;
		case '?':
			snprintf(error, error_size, "wrong use: %s", argv[optind - 1]);
			r = -EINVAL;
			break;
		default: /* -n, -s, -v, -t, -N: of mount(8), nothing to us */
			break;
		}
	}
	if (r || options->help || options->version)
		return r;
	if (argc - optind != 2) {
		snprintf(error, error_size, "it takes the name of a share and a directory");
		return -EINVAL;
	}
	options->name = argv[optind];
	options->target = argv[optind + 1];
	if (share_name_is_valid(options->name, strlen(options->name)))
		return 0;
	snprintf(error, error_size, "%s: that is no name of a share", options->name);
	return -EINVAL;
}
