/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/client.h"
#include "host/cli/dbus_json.h"
#include "host/cli/memory/memory_table.h"
#include "host/cli/memory/memory_words.h"
#include "host/cli/options.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <string.h>

#define POLICY_WORD    "policy"
#define SIZE_MIN       (UINT64_C(1) << 20)
#define SIZE_MAX_BYTES (UINT64_C(1) << 60)

/* What is to change of a VM. */
struct wish {
	enum memory_size_word size_word;
	uint64_t size_bytes;
	uint64_t minimum_bytes, maximum_bytes, shares; /* 0: as they are */
};

/* --- Showing --------------------------------------------------------------------------------- */

static DBusMessage *manager_message(const char *method)
{
	return dbus_message_new_method_call(NULL, LODGE_MANAGER_PATH, LODGE_MANAGER_INTERFACE,
					    method);
}

/* Return: an object; NULL after an error was printed. */
static struct json_object *ask_policy(struct client *client)
{
	DBusMessage *reply =
		client_call(client, manager_message("GetMemoryPolicy"), CLIENT_QUICK_MS, "policy");

	return reply ? client_reply_object(reply) : NULL;
}

/* @table: VMs, too. */
static int show_all(struct client *client, bool table, bool json)
{
	struct json_object *host, *vms, *policy = NULL;
	int status = EXIT_FAILED;

	if (client_pair(client, "ListMemory", &host, &vms) == 0)
		policy = ask_policy(client);
	if (policy && json) {
		struct json_object *all = json_object_new_object();

		json_object_object_add(all, "host", json_object_get(host));
		json_object_object_add(all, "policy", json_object_get(policy));
		if (table)
			json_object_object_add(all, "vms", json_object_get(vms));
		json_print(all);
		json_object_put(all);
		status = EXIT_DONE;
	} else if (policy) {
		status = EXIT_DONE;
		if (table && memory_table_print(vms, stdout))
			status = EXIT_FAILED;
		if (table)
			putchar('\n');
		memory_policy_print(host, policy, stdout);
	}
	json_object_put(host);
	json_object_put(vms);
	json_object_put(policy);
	return status;
}

/* Why its size is what it is, in lodged's words. */
static int explain(struct client *client, const char *vm)
{
	DBusMessage *reply = client_vm_call(client, vm, "ExplainMemory", CLIENT_QUICK_MS);
	const char *text;
	int status = EXIT_FAILED;

	if (!reply)
		return EXIT_FAILED;
	if (dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID)) {
		fputs(text, stdout);
		status = EXIT_DONE;
	}
	dbus_message_unref(reply);
	return status;
}

static int show_one(struct client *client, const char *vm, bool json)
{
	DBusMessage *reply = client_vm_call(client, vm, "GetMemory", CLIENT_QUICK_MS);
	struct json_object *memory = reply ? client_reply_object(reply) : NULL, *list;
	int status = EXIT_DONE;

	if (!memory)
		return EXIT_FAILED;
	if (json) {
		json_print(memory);
		json_object_put(memory);
		return EXIT_DONE;
	}
	list = json_object_new_object();
	json_object_object_add(list, vm, memory);
	if (memory_table_print(list, stdout))
		status = EXIT_FAILED;
	json_object_put(list);
	return status == EXIT_DONE ? explain(client, vm) : status;
}

/* --- Setting --------------------------------------------------------------------------------- */

static bool add_bytes(DBusMessageIter *options, const char *key, uint64_t bytes)
{
	dbus_uint64_t value = bytes;

	return client_add_option(options, key, DBUS_TYPE_UINT64, &value);
}

static bool append_wish(DBusMessageIter *options, const struct wish *wish)
{
	dbus_uint32_t shares = (dbus_uint32_t)wish->shares;
	dbus_bool_t sharing = wish->size_word != MEMORY_SIZE_OFF;

	return (!wish->minimum_bytes || add_bytes(options, "minimum", wish->minimum_bytes)) &&
	       (!wish->maximum_bytes || add_bytes(options, "maximum", wish->maximum_bytes)) &&
	       (!shares || client_add_option(options, "shares", DBUS_TYPE_UINT32, &shares)) &&
	       (wish->size_word == MEMORY_SIZE_KEPT ||
		(client_add_option(options, "sharing", DBUS_TYPE_BOOLEAN, &sharing) &&
		 add_bytes(options, "fixed", wish->size_bytes)));
}

static bool append_policy(DBusMessageIter *options, const struct memory_policy_words *words)
{
	dbus_bool_t ksm = words->ksm, overcommit = words->overcommit;

	return (!words->mode ||
		client_add_option(options, "mode", DBUS_TYPE_STRING, &words->mode)) &&
	       (!words->speed ||
		client_add_option(options, "speed", DBUS_TYPE_STRING, &words->speed)) &&
	       (!words->has_reserve || add_bytes(options, "reserve", words->reserve_bytes)) &&
	       (!words->has_total || add_bytes(options, "total", words->total_bytes)) &&
	       (!words->has_ksm || client_add_option(options, "ksm", DBUS_TYPE_BOOLEAN, &ksm)) &&
	       (!words->has_overcommit ||
		client_add_option(options, "overcommit", DBUS_TYPE_BOOLEAN, &overcommit));
}

/* Sends @message with the dictionary of @wish or @words, whichever there is. */
static int send_options(struct client *client, DBusMessage *message, const struct wish *wish,
			const struct memory_policy_words *words, const char *about)
{
	DBusMessageIter arguments, options;
	DBusMessage *reply;
	bool good;

	if (!message)
		return EXIT_FAILED;
	dbus_message_iter_init_append(message, &arguments);
	good = dbus_message_iter_open_container(&arguments, DBUS_TYPE_ARRAY, "{sv}", &options) &&
	       (wish ? append_wish(&options, wish) : append_policy(&options, words)) &&
	       dbus_message_iter_close_container(&arguments, &options);
	if (!good) {
		dbus_message_unref(message);
		message = NULL;
	}
	reply = client_call(client, message, CLIENT_QUICK_MS, about);
	if (reply)
		dbus_message_unref(reply);
	return reply ? EXIT_DONE : EXIT_FAILED;
}

static int set_vm(struct client *client, const char *vm, const struct wish *wish)
{
	return send_options(client, client_vm_message(client, vm, LODGE_VM_INTERFACE, "SetMemory"),
			    wish, NULL, vm);
}

/* --- The command ----------------------------------------------------------------------------- */

static int read_wish(const struct command *command, int argc, char **argv, struct wish *wish)
{
	if (argc > 1 && memory_words_size(argv[1], &wish->size_word, &wish->size_bytes) < 0)
		return options_wrong(
			command, "'%s' is no size from 1M on, such as 512M, and not auto or off",
			argv[1]);
	if (argc > 2)
		return options_wrong(command, "unexpected argument '%s'", argv[2]);
	if (wish->maximum_bytes && wish->minimum_bytes > wish->maximum_bytes)
		return options_wrong(command, "--min is more than --max");
	return EXIT_DONE;
}

static int run_policy(const struct command *command, int argc, char **argv, bool json)
{
	_cleanup_client_ struct client *client = NULL;
	struct memory_policy_words words = {0};
	char error[256];

	for (int i = 0; i < argc; i++) {
		if (memory_words_policy(argv[i], &words, error, sizeof(error)) < 0)
			return options_wrong(command, "%s", error);
	}
	if (client_open(&client) < 0 ||
	    (argc > 0 && send_options(client, manager_message("SetMemoryPolicy"), NULL, &words,
				      "policy") != EXIT_DONE))
		return EXIT_FAILED;
	return show_all(client, false, json);
}

static int run_memory(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	struct wish wish = {0};
	bool json = false, why = false, sets;
	const struct option_spec specs[] = {
		{"min", 0, OPTION_SIZE, "SIZE", "never take it below that", &wish.minimum_bytes,
		 SIZE_MIN, SIZE_MAX_BYTES},
		{"max", 0, OPTION_SIZE, "SIZE", "never give it more", &wish.maximum_bytes, SIZE_MIN,
		 SIZE_MAX_BYTES},
		{"shares", 0, OPTION_NUMBER, "N", "its weight where memory is scarce (1000)",
		 &wish.shares, 1, 1000000},
		{"why", 0, OPTION_FLAG, NULL, "say why a VM has the size that it has", &why, 0, 0},
		{"json", 0, OPTION_FLAG, NULL, "objects: host, policy, vms; of a VM: what is known",
		 &json, 0, 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	sets = argc > 1 || wish.minimum_bytes || wish.maximum_bytes || wish.shares;
	if (why && (argc != 1 || sets || json))
		return options_wrong(command, "it is --why VM");
	if (argc == 0 && sets)
		return options_wrong(command, "which VM?");
	if (argc > 0 && !why && strcmp(argv[0], POLICY_WORD) == 0) {
		if (wish.minimum_bytes || wish.maximum_bytes || wish.shares)
			return options_wrong(command, "--min, --max and --shares are of a VM");
		return run_policy(command, argc - 1, argv + 1, json);
	}
	status = read_wish(command, argc, argv, &wish);
	if (status != EXIT_DONE)
		return status;
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	if (argc == 0)
		return show_all(client, true, json);
	if (why)
		return explain(client, argv[0]);
	if (sets)
		status = set_vm(client, argv[0], &wish);
	return status == EXIT_DONE ? show_one(client, argv[0], json) : status;
}

const struct command command_memory = {
	.name = "memory",
	.operands = "[VM [SIZE|auto|off]] | policy [WORD...]",
	.summary = "How VMs share this host's memory, and what they may have",
	.description =
		"Without a VM: what each could have (MAXIMUM), is never left without (MINIMUM), "
		"is\n"
		"to have now (TARGET), has (ACTUAL) and works with, the part of its time that it\n"
		"waits for memory (PRESSURE), and how it takes part; then the host.\n"
		"With one: SIZE is what it has from now on; 'auto' lets the host choose, as at\n"
		"first; 'off' leaves it alone. These and the options last as long as the VM.\n"
		"policy: on, off, dry-run (only log what would be done), speed=calm|normal|quick,\n"
		"reserve=SIZE|auto (kept free on the host), total=SIZE|auto (for all VMs).\n"
		"A guest gives memory back by its balloon driver, which Linux has.\n",
	.operands_max = -1,
	.run = run_memory,
};
