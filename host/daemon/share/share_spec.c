/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/share/share_spec.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"
#include "protocol/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Rules ---------------------------------------------------------------------------------- */

static int refuse(char *error, size_t capacity, const char *text, const char *value)
{
	snprintf(error, capacity, "%s '%.100s'", text, value);
	return -EINVAL;
}

/* D-Bus takes UTF-8 only, and nobody wants control characters in a list. */
static bool is_path(const char *path)
{
	size_t length = strlen(path);
	uint32_t character;

	if (path[0] != '/' || length >= PATH_MAX)
		return false;
	while (length > 0) {
		size_t bytes = utf8_character((const uint8_t *)path, length, &character);

		if (bytes == 0 || character < 0x20 || character == 0x7f)
			return false;
		path += bytes;
		length -= bytes;
	}
	return true;
}

static bool is_cache(const char *cache)
{
	return strcmp(cache, "never") == 0 || strcmp(cache, "auto") == 0 ||
	       strcmp(cache, "always") == 0;
}

/* A word, maybe with numbers: what it means is lodge-fsd's to say. */
static bool is_owner(const char *owner)
{
	static const char *const words[] = {"pass", "map", "squash"};
	size_t length = strcspn(owner, ":");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) == length && strncmp(owner, words[i], length) == 0)
			return owner[length + strspn(owner + length, ":0123456789")] == '\0';
	}
	return owner[0] == '\0';
}

/* Words of mount.lodge; which there are is the guest's to say. Where its server is found is not
 * among what may be wished for. */
static bool is_options(const char *options)
{
	for (const char *word = options; word; word = strchr(word, ',')) {
		word += *word == ',';
		if (strncmp(word, "socket=", 7) == 0)
			return false;
	}
	for (; *options; options++)
		if (*options <= ' ' || *options > '~')
			return false;
	return true;
}

int share_spec_check(const struct share_spec *spec, char *error, size_t capacity)
{
	if (!share_name_is_valid(spec->name, strlen(spec->name)))
		return refuse(error, capacity,
			      "a share's name is 1 to 64 letters, digits, '.', '_' or '-', not",
			      spec->name);
	if (!is_path(spec->directory))
		return refuse(error, capacity, "a share's folder is an absolute path, not",
			      spec->directory);
	if (spec->at &&
	    (!is_path(spec->at) || strcmp(spec->at, "/") == 0 || strlen(spec->at) > SHARE_AT_MAX))
		return refuse(error, capacity,
			      "a share is mounted at an absolute path of the guest, not at",
			      spec->at);
	if (!is_options(spec->options))
		return refuse(error, capacity, "a share is not mounted with the options",
			      spec->options);
	if (spec->options[0] && !spec->at)
		return refuse(error, capacity,
			      "a share that is not mounted by itself (at) takes no options of a "
			      "mount:",
			      spec->options);
	if (!is_cache(spec->cache))
		return refuse(error, capacity, "a share's cache is never, auto or always, not",
			      spec->cache);
	if (!is_owner(spec->owner))
		return refuse(error, capacity, "a share's owner rule is pass, map or squash, not",
			      spec->owner);
	if (spec->dax_bytes &&
	    (spec->dax_bytes < SHARE_DAX_MIN || spec->dax_bytes > SHARE_DAX_MAX ||
	     (spec->dax_bytes & (spec->dax_bytes - 1)) != 0)) {
		snprintf(error, capacity,
			 "a share's dax is a power of two from 2M to 16G, not %" PRIu64,
			 spec->dax_bytes);
		return -EINVAL;
	}
	return 0;
}

int share_spec_check_directory(const struct share_spec *spec, char *error, size_t capacity)
{
	_cleanup_close_ int fd = open(spec->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	if (r < 0)
		snprintf(error, capacity, "%s cannot be shared: %s", spec->directory,
			 error_text(r));
	return r;
}

/* --- Text ----------------------------------------------------------------------------------- */

/* Up to the next single comma, pairs of them being one; *rest goes behind it, or is NULL. */
static char *next_word(char **rest)
{
	char *word = *rest, *to = word;

	for (const char *from = word;; from++) {
		if (*from == ',' && from[1] == ',') {
			from++;
		} else if (*from == ',' || *from == '\0') {
			*rest = *from ? (char *)from + 1 : NULL;
			*to = '\0';
			return word;
		}
		*to++ = *from;
	}
}

/* What is behind "KEY="; NULL: it is another key. */
static const char *value_of(const char *word, const char *key)
{
	size_t length = strlen(key);

	return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static int set_word(struct share_spec *spec, const char *word, char *error, size_t capacity)
{
	const char *at = value_of(word, "at"), *cache = value_of(word, "cache");
	const char *owner = value_of(word, "owner"), *dax = value_of(word, "dax");
	const char *options = value_of(word, "options");

	if (strcmp(word, "ro") == 0) {
		spec->read_only = true;
	} else if (at) {
		free(spec->at);
		spec->at = strdup(at);
		return spec->at ? 0 : -ENOMEM;
	} else if (options && strlen(options) < sizeof(spec->options)) {
		strcpy(spec->options, options);
	} else if (cache && strlen(cache) < sizeof(spec->cache)) {
		strcpy(spec->cache, cache);
	} else if (owner && strlen(owner) < sizeof(spec->owner)) {
		strcpy(spec->owner, owner);
	} else if (dax && parse_size(dax, &spec->dax_bytes) == 0 && spec->dax_bytes) {
		return 0;
	} else {
		return refuse(error, capacity,
			      "a share is NAME=DIR[,ro][,at=PATH][,options=…][,cache=…][,owner=…]"
			      "[,dax=SIZE], which has no",
			      word);
	}
	return 0;
}

static int parse(char *line, struct share_spec *spec, char *error, size_t capacity)
{
	char *rest = line, *word = next_word(&rest), *directory = strchr(word, '=');
	int r = 0;

	if (!directory)
		return refuse(error, capacity, "a share is NAME=DIR[,…], not", word);
	*directory++ = '\0';
	if (strlen(word) > SHARE_NAME_MAX)
		return refuse(error, capacity, "too long for a share's name:", word);
	strcpy(spec->name, word);
	strcpy(spec->cache, "auto");
	spec->directory = strdup(directory);
	if (!spec->directory)
		r = -ENOMEM;
	while (r == 0 && rest)
		r = set_word(spec, next_word(&rest), error, capacity);
	return r < 0 ? r : share_spec_check(spec, error, capacity);
}

int share_spec_parse(const char *line, struct share_spec *spec, char *error, size_t capacity)
{
	_cleanup_free_ char *copy = strdup(line);
	int r;

	*spec = (struct share_spec){0};
	snprintf(error, capacity, "out of memory");
	if (!copy)
		return -ENOMEM;
	r = parse(copy, spec, error, capacity);
	if (r < 0)
		share_spec_free(spec);
	return r;
}

/* With its commas. */
static void write_value(FILE *file, const char *value)
{
	for (; *value; value++) {
		if (*value == ',')
			fputc(',', file);
		fputc(*value, file);
	}
}

char *share_spec_line(const struct share_spec *spec)
{
	char *line = NULL;
	size_t length;
	FILE *file = open_memstream(&line, &length);

	if (!file)
		return NULL;
	fprintf(file, "%s=", spec->name);
	write_value(file, spec->directory);
	if (spec->read_only)
		fputs(",ro", file);
	if (spec->at) {
		fputs(",at=", file);
		write_value(file, spec->at);
	}
	if (spec->options[0]) {
		fputs(",options=", file);
		write_value(file, spec->options);
	}
	fprintf(file, ",cache=%s", spec->cache);
	if (spec->owner[0])
		fprintf(file, ",owner=%s", spec->owner);
	if (spec->dax_bytes)
		fprintf(file, ",dax=%" PRIu64, spec->dax_bytes);
	if (fclose(file) != 0) {
		free(line);
		return NULL;
	}
	return line;
}

void share_spec_free(struct share_spec *spec)
{
	free(spec->directory);
	free(spec->at);
	*spec = (struct share_spec){0};
}
