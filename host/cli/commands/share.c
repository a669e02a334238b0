/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/client.h"
#include "host/cli/dbus_json.h"
#include "host/cli/options.h"
#include "host/cli/share_text.h"
#include "host/cli/table.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wish {
	const char *at, *options, *map, *owner, *cache;
	char mapped[64]; /* --map as a rule */
	bool read_only, json;
};

/* --- Adding, removing ------------------------------------------------------------------------ */

static bool add_text(DBusMessageIter *dict, const char *key, const char *text)
{
	return !text || client_add_option(dict, key, DBUS_TYPE_STRING, &text);
}

static bool append_all(DBusMessage *message, const char *name, const char *folder,
		       const struct wish *wish)
{
	dbus_bool_t read_only = TRUE;
	DBusMessageIter iter, dict;

	dbus_message_iter_init_append(message, &iter);
	return dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &name) &&
	       dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &folder) &&
	       dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict) &&
	       (!wish->read_only ||
		client_add_option(&dict, "read_only", DBUS_TYPE_BOOLEAN, &read_only)) &&
	       add_text(&dict, "at", wish->at) && add_text(&dict, "options", wish->options) &&
	       add_text(&dict, "cache", wish->cache) && add_text(&dict, "owner", wish->owner) &&
	       dbus_message_iter_close_container(&iter, &dict);
}

static int add(const char *vm, const char *name, const char *directory, const struct wish *wish)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_free_ char *folder = NULL;
	DBusMessage *message, *reply;
	char error[512];

	if (share_folder(directory, &folder, error, sizeof(error)) < 0) {
		log_error("share: %s", error);
		return EXIT_FAILED;
	}
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	message = client_vm_message(client, vm, LODGE_VM_INTERFACE, "AddShare");
	if (message && !append_all(message, name, folder, wish)) {
		dbus_message_unref(message);
		log_error("share: out of memory");
		return EXIT_FAILED;
	}
	reply = message ? client_call(client, message, CLIENT_SLOW_MS, vm) : NULL;
	if (!reply)
		return EXIT_FAILED;
	dbus_message_unref(reply);
	return EXIT_DONE;
}

static int remove_share(const char *vm, const char *name)
{
	_cleanup_client_ struct client *client = NULL;
	DBusMessage *message, *reply;

	if (client_open(&client) < 0)
		return EXIT_FAILED;
	message = client_vm_message(client, vm, LODGE_VM_INTERFACE, "RemoveShare");
	if (message)
		dbus_message_append_args(message, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	reply = message ? client_call(client, message, CLIENT_QUICK_MS, vm) : NULL;
	if (!reply)
		return EXIT_FAILED;
	dbus_message_unref(reply);
	return EXIT_DONE;
}

/* --- Listing --------------------------------------------------------------------------------- */

/* Appends the VM's shares, each with the VM's name. 0 or -1 after an error was printed. */
static int list_of(struct client *client, const char *vm, struct json_object *all)
{
	DBusMessage *reply = client_vm_call(client, vm, "ListShares", CLIENT_QUICK_MS);
	struct json_object *list = NULL;
	DBusMessageIter iter;

	if (!reply)
		return -1;
	if (dbus_message_iter_init(reply, &iter))
		list = dbus_to_json(&iter);
	dbus_message_unref(reply);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *share = json_object_array_get_idx(list, i);

		json_object_object_add(share, "vm", json_clean_text(vm));
		json_object_array_add(all, json_object_get(share));
	}
	json_object_put(list);
	return 0;
}

static int gather(const char *vm, struct json_object *all)
{
	_cleanup_client_ struct client *client = NULL;
	struct json_object *vms;
	int r = 0;

	if (vm)
		return client_open(&client) < 0 ? -1 : list_of(client, vm, all);
	vms = client_list();
	if (!vms)
		return -1;
	if (json_object_object_length(vms) > 0)
		r = client_open(&client);
	if (r == 0) {
		json_object_object_foreach(vms, name, properties)
		{
			(void)properties;
			if (list_of(client, name, all) < 0)
				r = -1;
		}
	}
	json_object_put(vms);
	return r < 0 ? -1 : 0;
}

static void add_row(struct table *table, struct json_object *share)
{
	char mounts[24];

	snprintf(mounts, sizeof(mounts), "%u", (unsigned int)json_number(share, "mounts"));
	table_add(table, json_text(share, "vm"));
	table_add(table, json_text(share, "name"));
	table_add(table, json_text(share, "directory"));
	table_add(table, json_truth(share, "read_only") ? "read only" : "");
	table_add(table, json_text(share, "at"));
	table_add(table, json_text(share, "cache"));
	table_add(table, json_text(share, "state"));
	table_add(table, mounts);
}

static int print_table(struct json_object *all)
{
	static const char *const titles[] = {"VM", "NAME",  "FOLDER", "ACCESS",
					     "AT", "CACHE", "STATE",  "MOUNTS"};
	struct table table;
	int error = table_init(&table, titles, ARRAY_SIZE(titles));

	for (size_t i = 0; !error && i < json_object_array_length(all); i++)
		add_row(&table, json_object_array_get_idx(all, i));
	if (!error)
		table_print(&table, stdout);
	table_end(&table);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *share = json_object_array_get_idx(all, i);

		if (*json_text(share, "trouble"))
			log_warning("%s: share %s: %s", json_text(share, "vm"),
				    json_text(share, "name"), json_text(share, "trouble"));
	}
	return error ? EXIT_FAILED : EXIT_DONE;
}

static int list(const char *vm, bool json)
{
	struct json_object *all = json_object_new_array();
	int status = gather(vm, all) < 0 ? EXIT_FAILED : EXIT_DONE;

	if (status == EXIT_DONE && json)
		json_print(all);
	else if (status == EXIT_DONE)
		status = print_table(all);
	json_object_put(all);
	return status;
}

/* --- The command ----------------------------------------------------------------------------- */

static bool has_wishes(const struct wish *wish)
{
	return wish->at || wish->options || wish->map || wish->owner || wish->cache ||
	       wish->read_only;
}

static int run_add(const struct command *command, char **argv, struct wish *wish)
{
	if (wish->map && wish->owner)
		return options_wrong(command, "--map and --owner contradict each other");
	if (wish->map) {
		snprintf(wish->mapped, sizeof(wish->mapped), "map:%.48s", wish->map);
		wish->owner = wish->mapped;
	}
	return add(argv[1], argv[2], argv[3], wish);
}

static int run_share(const struct command *command, int argc, char **argv)
{
	struct wish wish = {0};
	const struct option_spec specs[] = {
		{"ro", 0, OPTION_FLAG, NULL, "add: the guest may only read", &wish.read_only, 0, 0},
		{"at", 0, OPTION_TEXT, "PATH", "add: the guest's agent mounts it there", &wish.at,
		 0, 0},
		{"options", 0, OPTION_TEXT, "LIST", "add: of that mount, as after mount's -o",
		 &wish.options, 0, 0},
		{"map", 0, OPTION_TEXT, "UID[:GID]", "add: the guest's user who is you", &wish.map,
		 0, 0},
		{"owner", 0, OPTION_TEXT, "RULE", "add: whose files are: map, squash or pass",
		 &wish.owner, 0, 0},
		{"cache", 0, OPTION_TEXT, "WHAT", "add: never, auto or always (auto)", &wish.cache,
		 0, 0},
		{"json", 0, OPTION_FLAG, NULL, "ls: an array of objects", &wish.json, 0, 0},
	};
	const char *verb;
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	verb = argv[0];
	if (strcmp(verb, "add") != 0 && has_wishes(&wish))
		return options_wrong(command, "these options go with add");
	if (strcmp(verb, "ls") != 0 && wish.json)
		return options_wrong(command, "--json goes with ls");
	if (strcmp(verb, "add") == 0 && argc == 4)
		return run_add(command, argv, &wish);
	if (strcmp(verb, "rm") == 0 && argc == 3)
		return remove_share(argv[1], argv[2]);
	if (strcmp(verb, "ls") == 0 && argc <= 2)
		return list(argc == 2 ? argv[1] : NULL, wish.json);
	return options_wrong(command, "it is add VM NAME DIR, rm VM NAME, or ls [VM]");
}

const struct command command_share = {
	.name = "share",
	.operands = "add VM NAME DIR | rm VM NAME | ls [VM]",
	.summary = "Share folders of this host with a guest while it runs",
	.description =
		"In the guest, 'mount -t lodge NAME DIR' mounts what is shared under NAME, unless\n"
		"--at has the agent do so. A share lasts until 'rm', or until the VM ends; what\n"
		"is mounted of it then answers with errors, and can be unmounted.\n"
		"A file is opened as whoever started the VM. --map says which of the guest's\n"
		"users that is in the guest; with --owner squash everybody there is, with --owner\n"
		"pass (which needs root) numbers of users are the same on both sides.\n",
	.operands_min = 1,
	.operands_max = 4,
	.run = run_share,
};
