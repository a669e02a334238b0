/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/screen/clipboard_files.h"
#include "host/cli/screen/screen_client.h"
#include "host/cli/screen/uri_list.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct request {
	const char *vm, *type;
	bool primary;
};

static struct screen_clipboard parameters(const struct request *request)
{
	return (struct screen_clipboard){
		.selection = slice_of(request->primary ? "primary" : "clipboard"),
		.type = slice_of(request->type),
	};
}

/* The bytes of that type. */
static int fetch(struct client *client, const struct request *request, struct screen_bytes *bytes)
{
	_cleanup_agent_ struct agent *screen = NULL;
	struct screen_clipboard params = parameters(request);
	uint8_t reply[512];

	if (screen_open(client, request->vm, &screen) < 0 ||
	    screen_call(screen, "screen.clipboard-get", &message_screen_clipboard, &params, NULL,
			bytes, reply, sizeof(reply)) < 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}

static int offer(struct client *client, const struct request *request,
		 const struct screen_bytes *bytes)
{
	_cleanup_agent_ struct agent *screen = NULL;
	struct screen_clipboard params = parameters(request);
	uint8_t reply[512];

	if (screen_open(client, request->vm, &screen) < 0 ||
	    screen_call(screen, "screen.clipboard-set", &message_screen_clipboard, &params, bytes,
			NULL, reply, sizeof(reply)) < 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}

static int get(const struct request *request)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_screen_bytes_ struct screen_bytes bytes = {0};
	int r;

	if (client_open(&client) < 0 || fetch(client, request, &bytes) != EXIT_DONE)
		return EXIT_FAILED;
	r = screen_bytes_write(&bytes, STDOUT_FILENO);
	if (r < 0) {
		log_error("clipboard: standard output cannot be written: %s", error_text(r));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int set(const struct request *request, const char *text)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_screen_bytes_ struct screen_bytes bytes = {0};
	int r = text ? screen_bytes_add(&bytes, text, strlen(text))
		     : screen_bytes_read(&bytes, STDIN_FILENO);

	if (r < 0) {
		log_error("clipboard: standard input cannot be read: %s", error_text(r));
		return EXIT_FAILED;
	}
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	return offer(client, request, &bytes);
}

static int get_files(struct request *request, const char *folder)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_screen_bytes_ struct screen_bytes list = {0};

	request->type = URI_LIST_TYPE;
	if (client_open(&client) < 0 || fetch(client, request, &list) != EXIT_DONE ||
	    clipboard_files_fetch(client, request->vm, &list, folder) < 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}

static int set_files(struct request *request, char **paths, size_t count)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_screen_bytes_ struct screen_bytes list = {0};

	request->type = URI_LIST_TYPE;
	if (client_open(&client) < 0 ||
	    clipboard_files_send(client, request->vm, paths, count, &list) < 0)
		return EXIT_FAILED;
	return offer(client, request, &list);
}

static int set_policy(const char *vm, const struct screen_policy *wanted)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *screen = NULL;
	struct screen_policy policy;
	uint8_t reply[512];
	ssize_t length;

	if (client_open(&client) < 0 || screen_open(client, vm, &screen) < 0)
		return EXIT_FAILED;
	length = screen_call(screen, "screen.policy", &message_screen_policy, wanted, NULL, NULL,
			     reply, sizeof(reply));
	if (length < 0)
		return EXIT_FAILED;
	if (message_decode(&message_screen_policy, (struct slice){reply, (size_t)length}, &policy) <
	    0) {
		log_error("%s: its screen's answer makes no sense", vm);
		return EXIT_FAILED;
	}
	printf("to the guest: %.*s\nto the host: %.*s\nprimary selection: %.*s\nat most: %" PRIu64
	       " bytes\n",
	       (int)policy.to_guest.length, (const char *)policy.to_guest.bytes,
	       (int)policy.to_host.length, (const char *)policy.to_host.bytes,
	       (int)policy.primary.length, (const char *)policy.primary.bytes, policy.max_bytes);
	return EXIT_DONE;
}

struct policy_words {
	const char *to_guest, *to_host, *primary, *max;
};

static int run_policy(const struct command *command, const char *vm,
		      const struct policy_words *words)
{
	struct screen_policy policy = {
		.to_guest = slice_of(words->to_guest),
		.to_host = slice_of(words->to_host),
		.primary = slice_of(words->primary),
	};

	if (*words->max && (parse_size(words->max, &policy.max_bytes) < 0 ||
			    policy.max_bytes == 0 || policy.max_bytes > CLIPBOARD_MAX_BYTES))
		return options_wrong(command, "--max takes a size up to 256M, such as 64K");
	return set_policy(vm, &policy);
}

static int run_clipboard(const struct command *command, int argc, char **argv)
{
	struct policy_words words = {"", "", "", ""};
	const char *verb;
	struct request request = {.type = ""};
	bool files = false;
	const struct option_spec specs[] = {
		{"type", 't', OPTION_TEXT, "TYPE", "MIME type, such as image/png (text)",
		 &request.type, 0, 0},
		{"files", 'f', OPTION_FLAG, NULL, "files, by way of the agent", &files, 0, 0},
		{"primary", 'p', OPTION_FLAG, NULL, "what is merely selected", &request.primary, 0,
		 0},
		{"to-guest", 0, OPTION_TEXT, "KINDS",
		 "policy: off, all, or some of text,images,files", &words.to_guest, 0, 0},
		{"to-host", 0, OPTION_TEXT, "KINDS", "the same, the other way", &words.to_host, 0,
		 0},
		{"max", 0, OPTION_TEXT, "SIZE", "policy: of one copy", &words.max, 0, 0},
		{"with-primary", 0, OPTION_TEXT, "on|off", "policy: the primary selection too",
		 &words.primary, 0, 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	request.vm = argv[0];
	verb = argv[1];
	if (strcmp(verb, "policy") == 0 && argc == 2)
		return run_policy(command, request.vm, &words);
	if (*words.to_guest || *words.to_host || *words.primary || *words.max)
		return options_wrong(command, "a policy is set by 'policy'");
	if (files && (*request.type || argc < 3))
		return options_wrong(command, "--files goes with 'set FILE...' or 'get FOLDER', "
					      "and no --type");
	if (files && strcmp(verb, "set") == 0)
		return set_files(&request, argv + 2, (size_t)argc - 2);
	if (files && strcmp(verb, "get") == 0 && argc == 3)
		return get_files(&request, argv[2]);
	if (strcmp(verb, "get") == 0 && argc == 2) {
		if (*request.type && strncmp(request.type, "text/", 5) != 0 &&
		    isatty(STDOUT_FILENO))
			return options_wrong(command,
					     "%s is nothing for a terminal; send it "
					     "elsewhere",
					     request.type);
		return get(&request);
	}
	if (strcmp(verb, "set") == 0 && argc <= 3)
		return set(&request, argc > 2 && strcmp(argv[2], "-") != 0 ? argv[2] : NULL);
	return options_wrong(command, "'%s' is not known here: get, set [TEXT] or policy", verb);
}

const struct command command_clipboard = {
	.name = "clipboard",
	.operands = "VM get|set|policy [TEXT|FILE...|FOLDER]",
	.summary = "Read or fill a VM's clipboard, or say what may pass",
	.description =
		"get writes what was copied in the guest to standard output. set offers TEXT, or\n"
		"what comes on standard input, to whoever pastes in the guest. policy shows what\n"
		"may pass, and sets it: by direction, which kinds, and how much at once; 'files'\n"
		"is also what lets 'lodge send' pass.\n"
		"With --files, set copies FILEs into a new folder of the guest's /tmp, to be "
		"pasted\n"
		"there; get copies what was copied in the guest into FOLDER, which it makes.\n",
	.operands_min = 2,
	.operands_max = -1,
	.run = run_clipboard,
};
