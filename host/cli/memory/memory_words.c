/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/memory/memory_words.h"
#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIZE_MIN (UINT64_C(1) << 20)

static const char *const modes[] = {"on", "off", "dry-run"};
static const char *const speeds[] = {"calm", "normal", "quick"};

int memory_words_size(const char *text, enum memory_size_word *word, uint64_t *size_bytes)
{
	uint64_t size = 0;
	int error;

	if (strcmp(text, "auto") == 0 || strcmp(text, "off") == 0) {
		*word = *text == 'a' ? MEMORY_SIZE_AUTO : MEMORY_SIZE_OFF;
		*size_bytes = 0;
		return 0;
	}
	error = parse_size(text, &size);
	if (!error && size < SIZE_MIN)
		error = -ERANGE;
	if (error)
		return error;
	*word = MEMORY_SIZE_FIXED;
	*size_bytes = size;
	return 0;
}

int memory_words_machine(const char *text, uint64_t *start_bytes, uint64_t *most_bytes)
{
	static const char key[] = ",max=";
	const char *most = strstr(text, key);
	char first[32];
	int length = most ? (int)(most - text) : (int)strlen(text), error;

	*most_bytes = 0;
	if (length >= (int)sizeof(first))
		return -EINVAL;
	snprintf(first, sizeof(first), "%.*s", length, text);
	error = parse_size(first, start_bytes);
	if (!error && most)
		error = parse_size(most + strlen(key), most_bytes);
	/* 0 would be as if nothing was said. */
	return !error && most && !*most_bytes ? -EINVAL : error;
}

static const char *one_of(const char *const *words, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], text) == 0)
			return words[i];
	}
	return NULL;
}

/* The value behind "KEY=", NULL if @text is something else. */
static const char *value_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	return strncmp(text, key, length) == 0 && text[length] == '=' ? text + length + 1 : NULL;
}

static int read_bytes(const char *text, uint64_t *bytes)
{
	if (strcmp(text, "auto") != 0)
		return parse_size(text, bytes);
	*bytes = 0;
	return 0;
}

static int read_switch(const char *key, const char *value, bool *on, bool *has, char *error,
		       size_t capacity)
{
	*on = strcmp(value, "on") == 0;
	*has = *on || strcmp(value, "off") == 0;
	if (*has)
		return 0;
	snprintf(error, capacity, "%s is on or off, not '%s'", key, value);
	return -EINVAL;
}

int memory_words_policy(const char *text, struct memory_policy_words *words, char *error,
			size_t capacity)
{
	const char *mode = one_of(modes, ARRAY_SIZE(modes), text), *value;

	if (mode) {
		words->mode = mode;
		return 0;
	}
	if ((value = value_of(text, "speed")) != NULL) {
		const char *speed = one_of(speeds, ARRAY_SIZE(speeds), value);

		if (speed) {
			words->speed = speed;
			return 0;
		}
		snprintf(error, capacity, "speed is calm, normal or quick, not '%s'", value);
		return -EINVAL;
	}
	if ((value = value_of(text, "ksm")) != NULL)
		return read_switch("ksm", value, &words->ksm, &words->has_ksm, error, capacity);
	if ((value = value_of(text, "overcommit")) != NULL)
		return read_switch("overcommit", value, &words->overcommit, &words->has_overcommit,
				   error, capacity);
	if ((value = value_of(text, "reserve")) != NULL) {
		words->has_reserve = read_bytes(value, &words->reserve_bytes) == 0;
		if (words->has_reserve)
			return 0;
	} else if ((value = value_of(text, "total")) != NULL) {
		words->has_total = read_bytes(value, &words->total_bytes) == 0;
		if (words->has_total)
			return 0;
	} else {
		snprintf(error, capacity,
			 "'%s' is none of on, off, dry-run, speed=calm|normal|quick, "
			 "reserve=SIZE|auto, total=SIZE|auto, ksm=on|off, overcommit=on|off",
			 text);
		return -EINVAL;
	}
	snprintf(error, capacity, "'%s': '%s' is no size, such as 2G, and not auto", text, value);
	return -EINVAL;
}
