/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/client.h"
#include "host/cli/dbus_json.h"
#include "host/cli/options.h"
#include "host/cli/table.h"
#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* "12 s", "3 min", "5 h", "8 d" since a time in nanoseconds. */
static void format_age(uint64_t since_ns, char *text, size_t capacity)
{
	static const struct {
		uint64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	uint64_t now = (uint64_t)time(NULL), since = since_ns / 1000000000;
	uint64_t age = now > since ? now - since : 0;
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && age < 2 * units[i].seconds)
		i++;
	snprintf(text, capacity, "%" PRIu64 " %s", age / units[i].seconds, units[i].unit);
}

static void add_row(struct table *table, const char *name, struct json_object *vm, bool with_source)
{
	char cpus[24], memory[16], age[32];

	snprintf(cpus, sizeof(cpus), "%" PRIu64, json_number(vm, "Cpus"));
	format_size(json_number(vm, "Memory"), memory, sizeof(memory));
	/* libvirt does not tell everybody since when a domain runs. */
	if (json_number(vm, "Started"))
		format_age(json_number(vm, "Started"), age, sizeof(age));
	else
		strcpy(age, "-");
	table_add(table, name);
	table_add(table, json_text(vm, "State"));
	table_add(table, json_text(vm, "Accelerator"));
	table_add(table, cpus);
	table_add(table, memory);
	table_add(table, age);
	table_add(table, *json_text(vm, "Agent") || !with_source ? json_text(vm, "Agent") : "-");
	if (with_source)
		table_add(table, *json_text(vm, "Source") ? json_text(vm, "Source") : "lodge");
}

/* Is one of them of the host's libvirt? */
static bool has_source(struct json_object *list)
{
	json_object_object_foreach(list, name, vm)
	{
		(void)name;
		if (*json_text(vm, "Source"))
			return true;
	}
	return false;
}

static int print_table(struct json_object *list)
{
	static const char *const titles[] = {"NAME",   "STATE", "ON",	 "CPUS",
					     "MEMORY", "UP",	"AGENT", "FROM"};
	bool with_source = has_source(list);
	struct table table;
	int error = table_init(&table, titles, ARRAY_SIZE(titles) - !with_source);

	if (!error) {
		json_object_object_foreach(list, name, vm)
		{
			add_row(&table, name, vm, with_source);
		}
		table_print(&table, stdout);
	}
	table_end(&table);
	return error ? EXIT_FAILED : EXIT_DONE;
}

static int run_ls(const struct command *command, int argc, char **argv)
{
	bool json = false, quiet = false;
	const struct option_spec specs[] = {
		{"json", 0, OPTION_FLAG, NULL, "an object: name, then all properties", &json, 0, 0},
		{"quiet", 'q', OPTION_FLAG, NULL, "names only", &quiet, 0, 0},
	};
	struct json_object *list;
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	list = client_list();
	if (!list)
		return EXIT_FAILED;
	if (json) {
		json_print(list);
	} else if (quiet) {
		json_object_object_foreach(list, name, vm)
		{
			(void)vm;
			puts(name);
		}
	} else {
		status = print_table(list);
	}
	json_object_put(list);
	return status;
}

const struct command command_ls = {
	.name = "ls",
	.operands = "",
	.summary = "List the VMs",
	.description = "Those of 'lodge run', and what runs in this host's libvirt.\n",
	.run = run_ls,
};
