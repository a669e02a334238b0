/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fsd/mount_options.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

struct word {
	const char *word;
	int value;
};

static int choose(const char *value, const struct word *words, size_t count, int *chosen)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(value, words[i].word) == 0) {
			*chosen = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

/* libvirt and virtiofsd say "none" for never. */
int mount_option_cache(struct arguments *arguments, const char *value, enum server_cache *cache)
{
	static const struct word words[] = {
		{"never", SERVER_CACHE_NEVER},
		{"none", SERVER_CACHE_NEVER},
		{"auto", SERVER_CACHE_AUTO},
		{"always", SERVER_CACHE_ALWAYS},
	};
	int chosen;

	if (choose(value, words, ARRAY_SIZE(words), &chosen) < 0)
		return arguments_refuse(arguments, "cache '%s': never, auto or always", value);
	*cache = (enum server_cache)chosen;
	return 0;
}

int mount_option_sandbox(struct arguments *arguments, const char *value, enum fsd_sandbox *sandbox)
{
	static const struct word words[] = {
		{"namespace", FSD_SANDBOX_NAMESPACE},
		{"chroot", FSD_SANDBOX_CHROOT},
		{"none", FSD_SANDBOX_NONE},
	};
	int chosen;

	if (choose(value, words, ARRAY_SIZE(words), &chosen) < 0)
		return arguments_refuse(arguments, "sandbox '%s': namespace, chroot or none",
					value);
	*sandbox = (enum fsd_sandbox)chosen;
	return 0;
}

int mount_option_filter(struct arguments *arguments, const char *value, enum fsd_filter *filter)
{
	static const struct word words[] = {
		{"errno", FSD_FILTER_REFUSE},
		{"kill", FSD_FILTER_KILL},
		{"log", FSD_FILTER_LOG},
		{"none", FSD_FILTER_NONE},
	};
	int chosen;

	if (choose(value, words, ARRAY_SIZE(words), &chosen) < 0)
		return arguments_refuse(arguments, "seccomp '%s': errno, kill, log or none", value);
	*filter = (enum fsd_filter)chosen;
	return 0;
}

int mount_option_log_level(struct arguments *arguments, const char *value, enum log_level *level)
{
	static const struct word words[] = {
		{"off", LOG_LEVEL_ERROR},    {"err", LOG_LEVEL_ERROR}, {"error", LOG_LEVEL_ERROR},
		{"warn", LOG_LEVEL_WARNING}, {"info", LOG_LEVEL_INFO}, {"debug", LOG_LEVEL_DEBUG},
		{"trace", LOG_LEVEL_DEBUG},
	};
	int chosen;

	if (choose(value, words, ARRAY_SIZE(words), &chosen) < 0)
		return arguments_refuse(arguments, "log level '%s': error, warn, info or debug",
					value);
	*level = (enum log_level)chosen;
	return 0;
}

/* Words that switch something; @offset 0: what they say makes no difference, or is so anyway. */
#define SERVER(name) offsetof(struct fsd_options, server.name)

static const struct {
	const char *word;
	size_t offset;
	bool value;
} switches[] = {
	{"xattr", SERVER(xattr), true},
	{"no_xattr", SERVER(xattr), false},
	{"posix_acl", SERVER(acl), true},
	{"no_posix_acl", SERVER(acl), false},
	{"flock", SERVER(flock), true},
	{"no_flock", SERVER(flock), false},
	{"posix_lock", SERVER(posix_lock), true},
	{"no_posix_lock", SERVER(posix_lock), false},
	{"writeback", SERVER(writeback), true},
	{"no_writeback", SERVER(writeback), false},
	{"announce_submounts", SERVER(submounts), true},
	{"readonly", SERVER(read_only), true},
	{"ro", SERVER(read_only), true},
	{"debug", offsetof(struct fsd_options, debug), true},
	{"allow_direct_io", 0, true},
	{"no_allow_direct_io", 0, true},
	{"readdirplus", 0, true},
	{"no_readdirplus", 0, true},
	{"killpriv_v2", 0, true},
	{"no_killpriv_v2", 0, true},
	{"no_security_label", 0, true},
	{"allow_root", 0, true},
};

static int take_switch(struct arguments *arguments, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (strcmp(word, switches[i].word) != 0)
			continue;
		if (switches[i].offset > 0)
			*(bool *)((char *)arguments->options + switches[i].offset) =
				switches[i].value;
		return 0;
	}
	return arguments_refuse(arguments, "unknown option '-o %s'; see --help", word);
}

/* @value: behind the "=" of @word, which has been cut off; it lives as long as the options. */
static int take_value(struct arguments *arguments, const char *word, const char *value)
{
	struct fsd_options *options = arguments->options;

	if (strcmp(word, "source") == 0) {
		options->source = value;
		return 0;
	}
	if (strcmp(word, "cache") == 0)
		return mount_option_cache(arguments, value, &options->server.cache);
	if (strcmp(word, "sandbox") == 0)
		return mount_option_sandbox(arguments, value, &options->sandbox);
	if (strcmp(word, "log_level") == 0)
		return mount_option_log_level(arguments, value, &options->log_level);
	/* Numbers of a pool that comes and goes by itself, and of a time that `cache` says. */
	if (strcmp(word, "max_idle_threads") == 0 || strcmp(word, "timeout") == 0)
		return 0;
	return arguments_refuse(arguments, "unknown option '-o %s=%s'; see --help", word, value);
}

/* Up to the next comma, in place. Return: what follows it; NULL: nothing. */
static char *cut_word(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++) {
		if (*from == ',' && from[1] != ',') {
			*to = '\0';
			return from + 1;
		}
		if (*from == ',')
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return NULL;
}

int mount_options_parse(struct arguments *arguments, const char *list)
{
	struct fsd_options *options = arguments->options;
	char *text = strdup(list), *next;
	int result = 0;

	if (!text)
		return -ENOMEM;
	if (options->lists == FSD_MAX_LISTS) {
		free(text);
		return arguments_refuse(arguments, "-o was given too often: put it all into one");
	}
	options->list[options->lists++] = text;
	for (; text && result == 0; text = next) {
		char *value;

		next = cut_word(text);
		value = strchr(text, '=');
		if (value)
			*value++ = '\0';
		if (*text == '\0')
			continue;
		result = value ? take_value(arguments, text, value) : take_switch(arguments, text);
	}
	return result;
}
