/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/memory/memory_table.h"
#include "host/cli/dbus_json.h"
#include "host/cli/table.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <string.h>

static void add_size(struct table *table, uint64_t bytes)
{
	char text[16];

	table_add(table, bytes ? format_size(bytes, text, sizeof(text)) : "-");
}

static void add_row(struct table *table, const char *name, struct json_object *vm)
{
	bool has_agent = strcmp(json_text(vm, "source"), "agent") == 0;
	char text[64] = "";

	table_add(table, name);
	add_size(table, json_number(vm, "maximum"));
	add_size(table, json_number(vm, "minimum"));
	add_size(table, json_number(vm, "target"));
	add_size(table, json_number(vm, "actual"));
	add_size(table, json_number(vm, "used"));
	/* Balloons do not tell of it. */
	if (has_agent)
		snprintf(text, sizeof(text), "%.1f %%", json_real(vm, "pressure") * 100);
	table_add(table, text);
	snprintf(text, sizeof(text), "%s%s%s%s", json_text(vm, "state"),
		 *json_text(vm, "trend") ? ", " : "", json_text(vm, "trend"),
		 json_truth(vm, "paused") ? ", paused" : "");
	table_add(table, text);
}

const char *memory_note(const char *vm_name, struct json_object *vm, char *text, size_t capacity)
{
	char name[128];

	text_clean_into(slice_of(vm_name), name, sizeof(name));
	*text = '\0';
	if (strcmp(json_text(vm, "state"), "off") == 0)
		return text;
	if (!json_truth(vm, "sharing"))
		snprintf(text, capacity,
			 "%s is only watched, its size is left as it is; 'lodge memory %s auto' "
			 "lets it take part.",
			 name, name);
	else if (!json_truth(vm, "driver") && strcmp(json_text(vm, "state"), "starting") == 0)
		snprintf(text, capacity,
			 "%s: no balloon driver (Linux: virtio_balloon) has been seen in its guest "
			 "yet; without one it keeps all its memory.",
			 name);
	else if (!json_truth(vm, "driver"))
		snprintf(
			text, capacity,
			"%s: no balloon driver (Linux: virtio_balloon) is at work in its guest, so "
			"it keeps all its memory.",
			name);
	else if (json_number(vm, "reach") && json_number(vm, "reach") < json_number(vm, "maximum"))
		snprintf(text, capacity,
			 "%s: nobody has said that its guest puts plugged memory into use, as an "
			 "agent does, so it is not grown by itself.",
			 name);
	else if (strcmp(json_text(vm, "source"), "balloon") == 0)
		snprintf(text, capacity,
			 "%s: no agent tells of its guest's memory, only its balloon: its pressure "
			 "is not known.",
			 name);
	else if (*json_text(vm, "source") == '\0')
		snprintf(text, capacity, "%s: its guest has told nothing of its memory.", name);
	return text;
}

int memory_table_print(struct json_object *list, FILE *file)
{
	static const char *const titles[] = {"NAME",   "MAXIMUM",     "MINIMUM",  "TARGET",
					     "ACTUAL", "WORKING SET", "PRESSURE", "STATE"};
	struct table table;
	char note[512];
	int error = table_init(&table, titles, ARRAY_SIZE(titles));

	if (!error) {
		json_object_object_foreach(list, name, vm)
		{
			add_row(&table, name, vm);
		}
		table_print(&table, file);
	}
	table_end(&table);
	if (!error) {
		json_object_object_foreach(list, name, vm)
		{
			if (*memory_note(name, vm, note, sizeof(note)))
				fprintf(file, "%s\n", note);
		}
	}
	return error;
}

static const char *size_of(struct json_object *object, const char *key, char *text)
{
	return format_size(json_number(object, key), text, 16);
}

void memory_policy_print(struct json_object *host, struct json_object *policy, FILE *file)
{
	static const char *const stages[] = {"free memory is taken back", "cache is taken back",
					     "all but minimums is taken", "VMs are limited",
					     "a VM is paused"};
	uint64_t emergency = json_number(host, "emergency");
	char a[16], b[16], c[16];

	fprintf(file, "sharing    %s, speed %s\n", json_text(policy, "mode"),
		json_text(policy, "speed"));
	fprintf(file, "host       %s, %s of it available; %s are kept free%s\n",
		size_of(host, "total", a), size_of(host, "available", b),
		size_of(host, "reserve", c), json_number(policy, "reserve") ? " (set)" : "");
	if (json_number(policy, "total"))
		fprintf(file, "limit      VMs and what is kept free are %s at most (set)\n",
			size_of(policy, "total", a));
	fprintf(file, "VMs        need %s, have %s of %s\n", size_of(host, "demand", a),
		size_of(host, "charged", b), size_of(host, "budget", c));
	if (json_object_object_get(policy, "overcommit") && !json_truth(policy, "overcommit"))
		fprintf(file, "lending    off: all that VMs may have is kept for them\n");
	if (json_number(host, "ksm_saved"))
		fprintf(file, "KSM        saves %s\n", size_of(host, "ksm_saved", a));
	else if (json_truth(policy, "ksm"))
		fprintf(file, "KSM        runs when memory is scarce\n");
	if (emergency)
		fprintf(file, "emergency  the host runs short of memory: %s\n",
			stages[MIN(emergency, ARRAY_SIZE(stages)) - 1]);
}
