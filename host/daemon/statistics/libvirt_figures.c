/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/libvirt_figures.h"

#include "host/daemon/backend/libvirt_internal.h"
#include "host/daemon/lodged.h"
#include "host/daemon/statistics/statistics.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB	    1024ULL
#define MAX_DEVICES 256 /* disks or cards of a domain */
#define WHAT                                                                                       \
	(VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON |          \
	 VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK)
#define WHICH (VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)

/* --- Typed parameters ------------------------------------------------------------------------- */

/* Numbers of any width; false: it is not there, or negative. */
static bool get_number(virTypedParameterPtr parameters, int count, const char *name,
		       uint64_t *number)
{
	const virTypedParameter *parameter = virTypedParamsGet(parameters, count, name);

	switch (parameter ? parameter->type : 0) {
	case VIR_TYPED_PARAM_INT:
		*number = (uint64_t)parameter->value.i;
		return parameter->value.i >= 0;
	case VIR_TYPED_PARAM_UINT:
		*number = parameter->value.ui;
		return true;
	case VIR_TYPED_PARAM_LLONG:
		*number = (uint64_t)parameter->value.l;
		return parameter->value.l >= 0;
	case VIR_TYPED_PARAM_ULLONG:
		*number = parameter->value.ul;
		return true;
	default:
		return false;
	}
}

static const struct {
	const char *name;
	enum vm_figure figure;
	uint64_t unit;
} plain[] = {
	{"cpu.time", VM_CPU_TIME, 1},
	{"vcpu.current", VM_PROCESSORS, 1},
	{"balloon.maximum", VM_MEMORY_MAXIMUM, KIB},
	{"balloon.current", VM_MEMORY_ACTUAL, KIB},
	{"balloon.rss", VM_MEMORY_RESIDENT, KIB},
	{"balloon.usable", VM_MEMORY_AVAILABLE, KIB},
	{"balloon.disk_caches", VM_MEMORY_CACHE, KIB},
};

/* Sums over devices: "block.0.rd.bytes", "block.1.rd.bytes"... As the guest sees it: what it
 * receives is "rx". */
static const struct {
	const char *group, *field;
	enum vm_figure figure;
} summed[] = {
	{"block", "rd.bytes", VM_DISK_READ_BYTES},
	{"block", "wr.bytes", VM_DISK_WRITTEN_BYTES},
	{"block", "rd.reqs", VM_DISK_READS},
	{"block", "wr.reqs", VM_DISK_WRITES},
	{"net", "rx.bytes", VM_NETWORK_RECEIVED_BYTES},
	{"net", "tx.bytes", VM_NETWORK_SENT_BYTES},
	{"net", "rx.pkts", VM_NETWORK_RECEIVED_PACKETS},
	{"net", "tx.pkts", VM_NETWORK_SENT_PACKETS},
};

/* false: no device has it. */
static bool sum(virTypedParameterPtr parameters, int count, const char *group, const char *field,
		uint64_t *total)
{
	uint64_t devices = 0, number;
	bool found = false;
	char name[64];

	snprintf(name, sizeof(name), "%s.count", group);
	(void)get_number(parameters, count, name, &devices);
	*total = 0;
	for (uint64_t i = 0; i < MIN(devices, MAX_DEVICES); i++) {
		snprintf(name, sizeof(name), "%s.%u.%s", group, (unsigned int)i, field);
		if (!get_number(parameters, count, name, &number))
			continue;
		*total += number;
		found = true;
	}
	return found;
}

void libvirt_figures_take(virTypedParameterPtr parameters, int count, struct figures *figures)
{
	uint64_t number;

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (get_number(parameters, count, plain[i].name, &number) &&
		    number <= UINT64_MAX / plain[i].unit)
			figures_set(figures, plain[i].figure, number * plain[i].unit);
	}
	for (size_t i = 0; i < ARRAY_SIZE(summed); i++) {
		if (sum(parameters, count, summed[i].group, summed[i].field, &number))
			figures_set(figures, summed[i].figure, number);
	}
}

int libvirt_figures_read(virConnectPtr connect, struct libvirt_figures **list, size_t *count)
{
	virDomainStatsRecordPtr *records = NULL;
	int found = virConnectGetAllDomainStats(connect, WHAT, &records, WHICH);

	if (found < 0)
		return -EIO;
	*count = 0;
	*list = calloc((size_t)found + 1, sizeof(**list));
	for (int i = 0; *list && i < found; i++) {
		struct libvirt_figures *entry = &(*list)[(*count)++];

		virDomainGetUUIDString(records[i]->dom, entry->uuid);
		figures_set(&entry->figures, VM_TIME, statistics_now());
		libvirt_figures_take(records[i]->params, records[i]->nparams, &entry->figures);
	}
	virDomainStatsRecordListFree(records);
	return *list ? 0 : -ENOMEM;
}

void libvirt_figures_merge(struct figures *figures, const struct figures *news)
{
	for (unsigned int i = 0; i < VM_FIGURES; i++) {
		if (figures_have(news, i))
			figures_set(figures, i, news->value[i]);
	}
}

/* --- libvirt inside lodged -------------------------------------------------------------------- */

struct counting {
	uv_work_t work;
	struct lodged *lodged;
	struct statistics_round *round;
	struct libvirt_figures *list;
	size_t count;
};

static void count_runs(uv_work_t *work)
{
	struct counting *counting = work->data;
	char error[256];
	virConnectPtr connect =
		libvirt_connection_get(counting->lodged->libvirt, error, sizeof(error));

	/* Without an answer nothing is known, and libvirt_connection has logged why. */
	if (connect)
		(void)libvirt_figures_read(connect, &counting->list, &counting->count);
}

static void count_done(uv_work_t *work, int status)
{
	struct counting *counting = work->data;

	(void)status;
	for (struct vm *vm = counting->lodged->vms; vm; vm = vm->next) {
		const struct libvirt_machine *machine = vm->machine;

		if (vm->backend != &backend_libvirt || !machine)
			continue;
		for (size_t i = 0; i < counting->count; i++) {
			if (strcmp(counting->list[i].uuid, machine->uuid) == 0)
				libvirt_figures_merge(&vm->figures, &counting->list[i].figures);
		}
	}
	statistics_release(counting->round);
	free(counting->list);
	free(counting);
}

void libvirt_figures_count(struct lodged *lodged, struct statistics_round *round)
{
	struct counting *counting;
	bool wanted = false;

	for (const struct vm *vm = lodged->vms; vm; vm = vm->next)
		wanted |= vm->backend == &backend_libvirt && vm->machine;
	counting = wanted && lodged->libvirt ? calloc(1, sizeof(*counting)) : NULL;
	if (!counting)
		return;
	*counting = (struct counting){.lodged = lodged, .round = round};
	counting->work.data = counting;
	if (uv_queue_work(&lodged->loop, &counting->work, count_runs, count_done) < 0)
		free(counting);
	else
		statistics_hold(round);
}
