/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cp: finds out which way, and what the result is to be called; the rest is in copy/.
 */
#include "host/cli/copy/copy.h"
#include "host/cli/copy/host_tree.h"
#include "host/cli/copy/place.h"
#include "host/cli/options.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct request {
	const struct command *command;
	struct place *sources;
	size_t count;
	struct place destination;
	bool recursive, update, quiet;
};

static bool ends_in_slash(const char *path)
{
	return *path && path[strlen(path) - 1] == '/';
}

static bool must_be_folder(const struct request *request)
{
	return request->count > 1 || ends_in_slash(request->destination.path);
}

/* 0 and *stat; or negative errno, with the guest's words in @words. @bytes holds the reply. */
static int guest_stat(struct agent *agent, const char *path, struct file_stat *stat, uint8_t *bytes,
		      size_t capacity)
{
	struct path_params params = {.path = slice_of(path), .follow = true};
	ssize_t length =
		agent_call(agent, "file.stat", &message_path_params, &params, 0, bytes, capacity);

	if (length < 0)
		return (int)length;
	return message_decode(&message_file_stat, (struct slice){bytes, (size_t)length}, stat);
}

/* --- To the host --------------------------------------------------------------------------- */

/* Where the copy of @source goes: in an existing folder under the source's name, else the name
 * that was given. Opens the folder it is in. Return: 0 or -errno after an error was counted. */
static int open_host_target(struct copy *copy, const struct request *request, const char *source,
			    char *name, size_t capacity)
{
	const char *destination = request->destination.path;
	_cleanup_free_ char *copied = strdup(destination);
	struct stat status;
	bool into = stat(destination, &status) == 0 && S_ISDIR(status.st_mode);
	int error = copied ? 0 : -ENOMEM;

	if (!error && !into && must_be_folder(request))
		error = -ENOTDIR;
	if (!error)
		error = place_base_name(into ? source : destination, name, (unsigned int)capacity);
	if (!error) {
		copy->root = host_tree_open_root(into ? destination : dirname(copied));
		error = copy->root < 0 ? copy->root : 0;
	}
	if (error)
		copy_failed_errno(copy, destination, error);
	return error;
}

static void download_one(struct copy *copy, const struct request *request, const char *source)
{
	uint8_t bytes[2 * MESSAGE_PATH_MAX];
	char name[NAME_MAX + 1];
	struct file_stat stat;
	int error = guest_stat(copy->agent, source, &stat, bytes, sizeof(bytes));

	if (error) {
		copy_failed(copy, copy->agent->vm,
			    error == -EBADMSG ? error_text(error) : (char *)bytes);
		return;
	}
	if (open_host_target(copy, request, source, name, sizeof(name)) < 0)
		return;
	download_begin(copy, &stat, source, name);
	copy_run(copy);
	download_finish(copy);
	close(take_fd(&copy->root));
}

/* --- To the guest -------------------------------------------------------------------------- */

static int find_guest_target(struct copy *copy, const struct request *request, const char *source,
			     char *target, size_t capacity)
{
	const char *destination = request->destination.path;
	uint8_t bytes[2 * MESSAGE_PATH_MAX];
	char name[NAME_MAX + 1];
	struct file_stat stat;
	int length, error = guest_stat(copy->agent, destination, &stat, bytes, sizeof(bytes));

	if (error && error != -ENOENT) {
		copy_failed(copy, copy->agent->vm,
			    error == -EBADMSG ? error_text(error) : (char *)bytes);
		return error;
	}
	if (error || !S_ISDIR(stat.mode)) {
		length = snprintf(target, capacity, "%s", destination);
		error = must_be_folder(request) ? -ENOTDIR : 0;
	} else {
		error = place_base_name(source, name, sizeof(name));
		length = snprintf(target, capacity, "%s%s%s", destination,
				  ends_in_slash(destination) ? "" : "/", error ? "" : name);
	}
	if (!error && (size_t)length >= capacity)
		error = -ENAMETOOLONG;
	if (error)
		copy_failed_errno(copy, error == -EINVAL ? source : destination, error);
	return error;
}

static void upload_one(struct copy *copy, const struct request *request, const char *source)
{
	char target[MESSAGE_PATH_MAX];

	if (find_guest_target(copy, request, source, target, sizeof(target)) < 0)
		return;
	upload_begin(copy, source, target);
	copy_run(copy);
	upload_finish(copy);
}

/* --- Both ---------------------------------------------------------------------------------- */

static void copy_one(struct copy *copy, const struct request *request, const struct place *source)
{
	if (request->destination.is_stream)
		copy_to_stdout(copy, source->path);
	else if (source->is_stream)
		copy_from_stdin(copy, request->destination.path);
	else if (*source->vm)
		download_one(copy, request, source->path);
	else
		upload_one(copy, request, source->path);
}

static int run_request(const struct request *request)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *agent = NULL;
	const char *vm =
		*request->destination.vm ? request->destination.vm : request->sources[0].vm;
	struct copy copy;
	uint64_t failures = 0;

	if (client_open(&client) < 0 || agent_open(client, vm, &agent) < 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < request->count; i++) {
		bool stopped;

		copy_init(&copy, agent);
		copy.recursive = request->recursive;
		copy.update = request->update;
		progress_start(&copy.progress, request->sources[i].path);
		if (request->quiet)
			copy.progress.on_terminal = false;
		copy_one(&copy, request, &request->sources[i]);
		failures += copy.failures;
		stopped = copy.stopping;
		if (stopped)
			break;
	}
	return failures ? EXIT_FAILED : EXIT_DONE;
}

static int check_places(const struct request *request)
{
	const struct command *command = request->command;
	bool to_guest = *request->destination.vm != '\0';

	for (size_t i = 0; i < request->count; i++) {
		const struct place *source = &request->sources[i];
		bool from_guest = *source->vm != '\0';

		if (from_guest == to_guest)
			return options_wrong(command, "one side must be a VM's (VM:/PATH), the "
						      "other the host's");
		if (strcmp(source->vm, request->sources[0].vm) != 0)
			return options_wrong(command, "the sources are in different VMs");
		if (source->is_stream && request->count > 1)
			return options_wrong(command, "'-' must be the only source");
		if ((source->is_stream || request->destination.is_stream) && request->recursive)
			return options_wrong(command, "'-' is one file; not with -r");
	}
	return EXIT_DONE;
}

static int parse_places(struct request *request, char **arguments)
{
	const char *problem = NULL;
	int error = place_parse(arguments[request->count], &request->destination, &problem);

	for (size_t i = 0; i < request->count && !error; i++)
		error = place_parse(arguments[i], &request->sources[i], &problem);
	if (error)
		return options_wrong(request->command, "%s", problem);
	return check_places(request);
}

static int run_cp(const struct command *command, int argc, char **argv)
{
	struct request request = {.command = command};
	const struct option_spec specs[] = {
		{"recursive", 'r', OPTION_FLAG, NULL, "folders, and all that is in them",
		 &request.recursive, 0, 0},
		{"update", 'u', OPTION_FLAG, NULL,
		 "leave out files whose size and time are the same there", &request.update, 0, 0},
		{"quiet", 'q', OPTION_FLAG, NULL, "no progress bar", &request.quiet, 0, 0},
	};
	_cleanup_free_ struct place *sources = NULL;
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	request.count = (size_t)argc - 1;
	sources = calloc(request.count, sizeof(*sources));
	if (!sources)
		return EXIT_FAILED;
	request.sources = sources;
	status = parse_places(&request, argv);
	return status ? status : run_request(&request);
}

const struct command command_cp = {
	.name = "cp",
	.operands = "SOURCE... DESTINATION",
	.summary = "Copy files between host and guest",
	.description =
		"One side is VM:/PATH, the other a path on the host, or '-' for standard input or\n"
		"output. Into a folder that exists files are copied under their own names.\n"
		"Modes, times and symbolic links are kept; owners and set-user-ID bits are not.\n"
		"A file appears under its name when it is whole. A copy that was broken off can "
		"be\n"
		"run again; with --update it goes on where it was.\n",
	.operands_min = 2,
	.operands_max = -1,
	.run = run_cp,
};
