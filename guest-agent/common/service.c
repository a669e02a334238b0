/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/common/service.h"

#include "protocol/base/log.h"

#include <errno.h>
#include <string.h>

const struct service *service_find(const struct service *const *table, const char *name)
{
	for (; *table; table++) {
		if (strcmp((*table)->name, name) == 0)
			return *table;
	}
	return NULL;
}

static bool is_among(const char *const *names, const char *name)
{
	for (; names && *names; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

void service_set_start(struct service_set *set, const struct service *const *table,
		       const char *const *disabled, const struct service_context *context)
{
	for (; *table && set->count < SERVICES_MAX; table++) {
		const struct service *service = *table;
		int error;

		if (is_among(disabled, service->name))
			continue;
		error = service->start(context, &set->running[set->count].state);
		if (error) {
			log_warning("cannot start service %s: %s", service->name,
				    error_text(error));
			continue;
		}
		set->running[set->count].service = service;
		set->capabilities[set->count++] = service->name;
	}
}

void service_set_call(const struct service_set *set, struct stream *stream, struct slice method,
		      struct slice params)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct service_method *m = set->running[i].service->methods;

		for (; m->name; m++) {
			if (slice_is(method, m->name)) {
				m->call(set->running[i].state, stream, params);
				return;
			}
		}
	}
	stream_fail(stream, ENOSYS, "there is no such method here, or it is switched off");
}

void service_set_stop(struct service_set *set)
{
	while (set->count > 0) {
		set->count--;
		set->running[set->count].service->stop(set->running[set->count].state);
	}
	memset(set->capabilities, 0, sizeof(set->capabilities));
}
