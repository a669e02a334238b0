/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/command.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define USER_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

/* A NULL-terminated list of strings of its own, of a length known from the start. */
struct list {
	char **strings;
	size_t count, capacity;
	bool failed;
};

static void list_new(struct list *list, size_t capacity)
{
	*list = (struct list){.capacity = capacity};
	list->strings = calloc(capacity + 1, sizeof(char *));
	list->failed = !list->strings;
}

static void list_take(struct list *list, char *string)
{
	if (!string || list->failed || list->count == list->capacity) {
		list->failed = true;
		free(string);
		return;
	}
	list->strings[list->count++] = string;
}

__attribute__((format(printf, 2, 3))) static void list_add(struct list *list, const char *format,
							   ...)
{
	char *string = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&string, format, arguments) < 0)
		string = NULL;
	va_end(arguments);
	list_take(list, string);
}

static void list_free(char **strings)
{
	for (char **string = strings; string && *string; string++)
		free(*string);
	free(strings);
}

static int take_items(struct cbor_reader *reader, uint64_t count, struct list *list)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct slice item = cbor_get_bytes(reader);

		if (reader->error || (item.length && memchr(item.bytes, '\0', item.length)))
			return -EBADMSG;
		list_take(list, strndup((const char *)item.bytes, item.length));
	}
	return list->failed ? -ENOMEM : 0;
}

static uint64_t begin_items(struct slice items, struct cbor_reader *reader)
{
	*reader = CBOR_READER(items);
	return items.length ? cbor_get_array(reader) : 0;
}

/* The name of @variable="NAME=value" up to and with the sign; 0 without one. */
static size_t name_length(const char *variable)
{
	const char *sign = strchr(variable, '=');

	return sign ? (size_t)(sign - variable) + 1 : 0;
}

/* Later variables replace earlier ones of the same name. */
static void drop_repeats(struct list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		const size_t length = name_length(list->strings[i]);
		bool replaced = false;

		for (size_t j = i + 1; j < list->count && !replaced; j++)
			replaced = strncmp(list->strings[i], list->strings[j], length) == 0;
		if (replaced)
			free(list->strings[i]);
		else
			list->strings[kept++] = list->strings[i];
	}
	list->count = kept;
	list->strings[kept] = NULL;
}

static int parse_environment(const struct exec_params *params, const struct account *account,
			     struct command *command)
{
	struct cbor_reader reader;
	const uint64_t count = begin_items(params->environment, &reader);
	struct list list;
	int error;

	if (reader.error || count > MESSAGE_ITEMS_MAX)
		return -EBADMSG;
	list_new(&list, count + 6);
	command->environment = list.strings;
	list_add(&list, "PATH=%s", account->uid == 0 ? ROOT_PATH : USER_PATH);
	list_add(&list, "HOME=%s", account->home);
	list_add(&list, "USER=%s", account->name);
	list_add(&list, "LOGNAME=%s", account->name);
	list_add(&list, "SHELL=%s", account->shell);
	if (params->terminal && params->term.length == 0)
		list_add(&list, "TERM=linux");
	else if (params->terminal)
		list_add(&list, "TERM=%.*s", (int)params->term.length,
			 (const char *)params->term.bytes);
	error = take_items(&reader, count, &list);
	if (error)
		return error;
	for (size_t i = 0; i < list.count; i++) {
		if (name_length(list.strings[i]) < 2)
			return -EINVAL;
	}
	drop_repeats(&list);
	return 0;
}

static const char *lookup(char *const *environment, const char *name)
{
	const size_t length = strlen(name);

	for (; *environment; environment++) {
		if (strncmp(*environment, name, length) == 0)
			return *environment + length;
	}
	return "";
}

static int find_candidates(struct command *command)
{
	const char *path = lookup(command->environment, "PATH=");
	const char *program = command->argv[0];
	size_t count = 1;
	struct list list;

	for (const char *at = path; *at; at++)
		count += *at == ':';
	list_new(&list, count);
	command->candidates = list.strings;
	if (strchr(program, '/')) {
		list_add(&list, "%s", program);
		return list.failed ? -ENOMEM : 0;
	}
	while (*path) {
		const size_t length = strcspn(path, ":");

		/* An empty element would mean the current directory: not for root. */
		if (length > 0)
			list_add(&list, "%.*s/%s", (int)length, path, program);
		path += length + (path[length] == ':');
	}
	return list.failed ? -ENOMEM : 0;
}

static int parse_arguments(const struct exec_params *params, struct command *command)
{
	struct cbor_reader reader;
	const uint64_t count = begin_items(params->argv, &reader);
	struct list list;
	int error;

	if (reader.error || count == 0 || count > MESSAGE_ITEMS_MAX)
		return -EBADMSG;
	list_new(&list, count);
	command->argv = list.strings;
	error = take_items(&reader, count, &list);
	if (!error && !command->argv[0][0])
		error = -EINVAL;
	return error ? error : find_candidates(command);
}

/* A login shell knows that it is one by the sign before its name. */
static int login_shell(const struct account *account, struct command *command)
{
	const char *slash = strrchr(account->shell, '/');
	struct list argv, candidates;

	list_new(&argv, 1);
	command->argv = argv.strings;
	list_add(&argv, "-%s", slash ? slash + 1 : account->shell);
	list_new(&candidates, 1);
	command->candidates = candidates.strings;
	list_add(&candidates, "%s", account->shell);
	return argv.failed || candidates.failed ? -ENOMEM : 0;
}

static bool has_arguments(const struct exec_params *params)
{
	struct cbor_reader reader;

	return begin_items(params->argv, &reader) > 0;
}

int command_parse(const struct exec_params *params, const struct account *account,
		  struct command *command, const char **text)
{
	int error;

	*command = (struct command){.directory_given = params->directory.length > 0};
	*text = "exec: the environment is not a list of NAME=value";
	error = parse_environment(params, account, command);
	if (error)
		goto fail;
	*text = "exec: no command";
	if (params->shell && !has_arguments(params))
		error = login_shell(account, command);
	else
		error = parse_arguments(params, command);
	if (error)
		goto fail;
	if (command->directory_given)
		command->directory =
			strndup((const char *)params->directory.bytes, params->directory.length);
	else
		command->directory = strdup(account->home);
	if (command->directory)
		return 0;
	error = -ENOMEM;
fail:
	if (error == -ENOMEM)
		*text = NULL;
	command_clear(command);
	return error;
}

void command_clear(struct command *command)
{
	list_free(command->argv);
	list_free(command->environment);
	list_free(command->candidates);
	free(command->directory);
	*command = (struct command){0};
}
