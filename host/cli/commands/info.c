/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * info: what lodged knows of a VM, and what the agent says of the guest.
 */
#include "host/cli/agent_client.h"
#include "host/cli/cbor_json.h"
#include "host/cli/dbus_json.h"
#include "host/cli/options.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"
#include "protocol/frame.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The agent answers at once; a guest that is stuck is not waited for. */
#define INFO_LIMIT_MS 5000

/* What the agent says as JSON; NULL after an error was printed. */
static struct json_object *ask_guest(struct client *client, const char *name)
{
	_cleanup_agent_ struct agent *agent = NULL;
	_cleanup_free_ uint8_t *reply = malloc(FRAME_MAX_MESSAGE);
	struct json_object *guest = NULL;
	ssize_t length;

	if (!reply || agent_open(client, name, &agent) < 0)
		return NULL;
	length = agent_call(agent, "agent.info", NULL, NULL, INFO_LIMIT_MS, reply,
			    FRAME_MAX_MESSAGE);
	if (length < 0)
		log_error("%s: the guest does not tell: %s", name, (const char *)reply);
	else if (!(guest = cbor_to_json((struct slice){reply, (size_t)length})))
		log_error("%s: the guest's answer cannot be read; refused", name);
	return guest;
}

/* In a VM that Lodge did not start, the agent's link is made when it is asked for: does it answer?
 * If not, why, in @why. */
static bool agent_comes(struct client *client, const char *name, char *why, size_t capacity)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusMessage *reply = NULL,
		    *message = client_vm_message(client, name, LODGE_VM_INTERFACE, "Ping");

	if (!message)
		return false;
	reply = dbus_connection_send_with_reply_and_block(client_connection(client), message,
							  CLIENT_QUICK_MS, &error);
	dbus_message_unref(message);
	if (reply) {
		dbus_message_unref(reply);
		return true;
	}
	snprintf(why, capacity, "%s", error.message);
	dbus_error_free(&error);
	return false;
}

/* --- For people ---------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void line(const char *title, const char *format, ...)
{
	va_list arguments;

	printf("%-12s ", title);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static void line_of_text(const char *title, struct json_object *object, const char *key)
{
	if (*json_text(object, key))
		line(title, "%s", json_text(object, key));
}

static size_t items_of(struct json_object *object, const char *key, struct json_object **items)
{
	if (!json_object_object_get_ex(object, key, items) ||
	    !json_object_is_type(*items, json_type_array))
		return 0;
	return json_object_array_length(*items);
}

static void print_host_side(struct json_object *vm, const char *no_agent)
{
	struct json_object *items;
	char memory[16];
	size_t count;

	line_of_text("name", vm, "Name");
	line("state", "%s%s%s", json_text(vm, "State"), *json_text(vm, "Reason") ? ", " : "",
	     json_text(vm, "Reason"));
	line("runs on", "%s%s", strcmp(json_text(vm, "Backend"), "vmm") == 0 ? "lodge-vmm" : "QEMU",
	     strcmp(json_text(vm, "Accelerator"), "kvm") == 0 ? ", KVM hardware"
							      : ", TCG (no KVM)");
	line_of_text("from", vm, "Source");
	line("processors", "%" PRIu64, json_number(vm, "Cpus"));
	line_of_text("screen", vm, "Screen");
	line("memory", "%s", format_size(json_number(vm, "Memory"), memory, sizeof(memory)));
	if (json_number(vm, "Pid"))
		line("process", "%" PRIu64, json_number(vm, "Pid"));
	count = items_of(vm, "Forwards", &items);
	for (size_t i = 0; i < count; i++)
		line(i ? "" : "forwards", "%s",
		     json_object_get_string(json_object_array_get_idx(items, i)));
	line("agent", "%s", *json_text(vm, "Agent") ? json_text(vm, "Agent") : no_agent);
}

static void print_network(struct json_object *guest)
{
	struct json_object *interfaces, *addresses;
	size_t count = items_of(guest, "network", &interfaces);

	for (size_t i = 0; i < count; i++) {
		struct json_object *interface = json_object_array_get_idx(interfaces, i);
		size_t address_count;

		if (!json_object_is_type(interface, json_type_object) ||
		    strcmp(json_text(interface, "name"), "lo") == 0)
			continue;
		address_count = items_of(interface, "addresses", &addresses);
		printf("%-12s %s %s (%s)", "network", json_text(interface, "name"),
		       json_text(interface, "mac"), json_text(interface, "state"));
		for (size_t k = 0; k < address_count; k++)
			printf(" %s",
			       json_object_get_string(json_object_array_get_idx(addresses, k)));
		putchar('\n');
	}
}

static void print_filesystems(struct json_object *guest)
{
	struct json_object *systems;
	size_t count = items_of(guest, "filesystems", &systems);

	for (size_t i = 0; i < count; i++) {
		struct json_object *system = json_object_array_get_idx(systems, i);
		char used[16], size[16];

		if (!json_object_is_type(system, json_type_object) ||
		    json_number(system, "size_bytes") == 0)
			continue;
		line("file system", "%s (%s) %s of %s used", json_text(system, "mount_point"),
		     json_text(system, "type"),
		     format_size(json_number(system, "used_bytes"), used, sizeof(used)),
		     format_size(json_number(system, "size_bytes"), size, sizeof(size)));
	}
}

static void print_disks(struct json_object *guest)
{
	struct json_object *disks;
	size_t count = items_of(guest, "disks", &disks);

	for (size_t i = 0; i < count; i++) {
		struct json_object *disk = json_object_array_get_idx(disks, i);
		char size[16];

		if (json_object_is_type(disk, json_type_object))
			line("disk", "%s %s", json_text(disk, "name"),
			     format_size(json_number(disk, "size_bytes"), size, sizeof(size)));
	}
}

static void print_users(struct json_object *guest)
{
	struct json_object *users;
	size_t count = items_of(guest, "users", &users);

	for (size_t i = 0; i < count; i++) {
		struct json_object *user = json_object_array_get_idx(users, i);

		if (json_object_is_type(user, json_type_object))
			line("user", "%s on %s", json_text(user, "name"),
			     json_text(user, "terminal"));
	}
}

static void print_guest(struct json_object *guest)
{
	uint64_t uptime = json_number(guest, "uptime_ms") / 1000;
	char available[16], total[16];

	line_of_text("host name", guest, "hostname");
	line_of_text("system", guest, "os_pretty");
	line_of_text("kernel", guest, "kernel");
	line("up", "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, uptime / 3600, uptime / 60 % 60,
	     uptime % 60);
	line("load", "%.2f %.2f %.2f", (double)json_number(guest, "load_1_milli") / 1000,
	     (double)json_number(guest, "load_5_milli") / 1000,
	     (double)json_number(guest, "load_15_milli") / 1000);
	line("free memory", "%s of %s",
	     format_size(json_number(guest, "memory_available_bytes"), available,
			 sizeof(available)),
	     format_size(json_number(guest, "memory_total_bytes"), total, sizeof(total)));
	print_network(guest);
	print_disks(guest);
	print_filesystems(guest);
	print_users(guest);
}

/* --- The command --------------------------------------------------------------------------- */

static int run_info(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	bool json = false;
	const struct option_spec specs[] = {
		{"json", 0, OPTION_FLAG, NULL, "an object: vm, and guest (null without an agent)",
		 &json, 0, 0},
	};
	struct json_object *all, *vm, *guest = NULL;
	char no_agent[512] = "does not answer";
	bool has_agent;
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (client_open(&client) < 0 || !(vm = client_vm_properties(client, argv[0])))
		return EXIT_FAILED;
	if (*json_text(vm, "Source") && *json_text(vm, "Agent") == '\0' &&
	    agent_comes(client, argv[0], no_agent, sizeof(no_agent))) {
		json_object_put(vm);
		vm = client_vm_properties(client, argv[0]);
		if (!vm)
			return EXIT_FAILED;
	}
	/* A paused guest cannot be asked, and that is no failure. */
	has_agent =
		*json_text(vm, "Agent") != '\0' && strcmp(json_text(vm, "State"), "paused") != 0;
	if (has_agent)
		guest = ask_guest(client, argv[0]);
	all = json_object_new_object();
	json_object_object_add(all, "vm", vm);
	json_object_object_add(all, "guest", guest);
	if (json) {
		json_print(all);
	} else {
		print_host_side(vm, no_agent);
		if (guest)
			print_guest(guest);
	}
	json_object_put(all);
	return has_agent && !guest ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_info = {
	.name = "info",
	.operands = "VM",
	.summary = "What a VM is, and what its guest says of itself",
	.operands_min = 1,
	.operands_max = 1,
	.run = run_info,
};
