/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snapshot_read - answers of lodged as a snapshot; keys are those of its D-Bus interface
 */
#include "host/cli/dbus_json.h"
#include "host/cli/text.h"
#include "host/cli/top/snapshot.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_word(struct json_object *object, const char *key, char word[SNAPSHOT_WORD_MAX])
{
	snprintf(word, SNAPSHOT_WORD_MAX, "%s", json_text(object, key));
}

/* Return: whether it is told at all. */
static bool take_number(struct json_object *object, const char *key, uint64_t *number)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return false;
	*number = json_object_get_uint64(value);
	return true;
}

static void read_figures(struct json_object *figures, struct snapshot_vm *vm)
{
	static const char *const keys[SNAPSHOT_COUNTERS] = {
		[SNAPSHOT_DISK_READ] = "DiskReadBytes",
		[SNAPSHOT_DISK_WRITTEN] = "DiskWrittenBytes",
		[SNAPSHOT_NET_RECEIVED] = "NetworkReceivedBytes",
		[SNAPSHOT_NET_SENT] = "NetworkSentBytes",
	};

	take_number(figures, "Time", &vm->at_ns);
	take_number(figures, "Processors", &vm->cpus);
	vm->has_cpu = take_number(figures, "CpuTime", &vm->cpu_ns);
	vm->has_stall = take_number(figures, "MemoryStallTime", &vm->stall_ns);
	for (size_t i = 0; i < SNAPSHOT_COUNTERS; i++)
		vm->has_counter[i] = take_number(figures, keys[i], &vm->counter[i]);
	take_number(figures, "MemoryMaximum", &vm->maximum);
	take_number(figures, "MemoryMinimum", &vm->minimum);
	take_number(figures, "MemoryTarget", &vm->target);
	take_number(figures, "MemoryActual", &vm->actual);
	take_number(figures, "MemoryResident", &vm->resident);
	take_number(figures, "MemoryWorkingSet", &vm->working_set);
}

static void read_memory(struct json_object *memory, struct snapshot_vm *vm)
{
	take_number(memory, "maximum", &vm->maximum);
	take_number(memory, "minimum", &vm->minimum);
	take_number(memory, "target", &vm->target);
	take_number(memory, "actual", &vm->actual);
	take_number(memory, "used", &vm->working_set);
	take_word(memory, "state", vm->memory);
	/* Balloons do not tell of it. */
	if (strcmp(json_text(memory, "source"), "agent") == 0)
		vm->pressure = json_real(memory, "pressure");
}

static void read_host(const struct snapshot_sources *sources, struct snapshot *snapshot)
{
	if (sources->host) {
		take_number(sources->host, "Time", &snapshot->at_ns);
		take_number(sources->host, "Processors", &snapshot->cpus);
		snapshot->has_cpu = take_number(sources->host, "CpuTime", &snapshot->cpu_ns);
		snapshot->has_stall =
			take_number(sources->host, "MemoryStallTime", &snapshot->stall_ns);
		take_number(sources->host, "MemoryTotal", &snapshot->total);
		take_number(sources->host, "MemoryAvailable", &snapshot->available);
	}
	if (sources->policy) {
		take_word(sources->policy, "mode", snapshot->policy);
		take_number(sources->policy, "reserve", &snapshot->reserve);
		take_number(sources->policy, "budget", &snapshot->budget);
		take_number(sources->policy, "charged", &snapshot->charged);
		take_number(sources->policy, "emergency", &snapshot->emergency);
	}
}

static void read_vm(const struct snapshot_sources *sources, const char *name,
		    struct json_object *figures, struct snapshot_vm *vm)
{
	struct json_object *memory;

	*vm = (struct snapshot_vm){.pressure = -1, .cpu_part = -1};
	for (size_t i = 0; i < SNAPSHOT_COUNTERS; i++)
		vm->rate[i] = -1;
	text_clean_into(slice_of(name), vm->name, sizeof(vm->name));
	take_word(figures, "State", vm->state);
	read_figures(figures, vm);
	if (sources->memory && json_object_object_get_ex(sources->memory, name, &memory))
		read_memory(memory, vm);
}

int snapshot_read(const struct snapshot_sources *sources, struct snapshot *snapshot)
{
	int count = sources->vms ? json_object_object_length(sources->vms) : 0;

	*snapshot = (struct snapshot){.cpu_part = -1, .pressure = -1};
	if (count > 0) {
		snapshot->vms = calloc((size_t)count, sizeof(*snapshot->vms));
		if (!snapshot->vms)
			return -ENOMEM;
		json_object_object_foreach(sources->vms, name, figures)
		{
			read_vm(sources, name, figures, &snapshot->vms[snapshot->count++]);
		}
	}
	read_host(sources, snapshot);
	return 0;
}
