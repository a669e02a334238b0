/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/domain_memory.h"

#include "host/daemon/agent_memory.h"
#include "host/daemon/backend/domain.h"
#include "host/daemon/backend/memory_metadata.h"
#include "host/daemon/lodged.h"
#include "host/daemon/lodged_memory.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls at once that carry out wishes: others need some of LIBVIRT_CALLS_MAX. */
#define CARRYING_OUT_MAX 16

/* --- Figures -------------------------------------------------------------------------------- */

struct look {
	struct libvirt_call call;
	struct domain_host *host;
	virConnectPtr connect;
	size_t count;
	struct found {
		char uuid[VIR_UUID_STRING_BUFLEN];
		struct memory_figures figures;
	} * found;
};

static void look_runs(struct libvirt_call *call)
{
	struct look *look = CONTAINER_OF(call, struct look, call);
	virDomainStatsRecordPtr *records = NULL;
	int count = virConnectGetAllDomainStats(look->connect, VIR_DOMAIN_STATS_BALLOON, &records,
						VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
							VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

	if (count < 0) {
		libvirt_last_words(call->text, sizeof(call->text));
		call->error = -EIO;
	}
	look->found = count > 0 ? calloc((size_t)count, sizeof(*look->found)) : NULL;
	for (int i = 0; look->found && i < count; i++) {
		struct found *found = &look->found[look->count++];

		virDomainGetUUIDString(records[i]->dom, found->uuid);
		memory_figures_read(records[i]->params, records[i]->nparams, &found->figures);
	}
	if (records)
		virDomainStatsRecordListFree(records);
	virConnectClose(look->connect);
	look->connect = NULL;
}

static void look_done(struct libvirt_call *call, int error, const char *text)
{
	struct look *look = CONTAINER_OF(call, struct look, call);
	struct domain_host *host = look->host;

	host->looking = false;
	if (error && error != -ECANCELED)
		log_debug("%s: no figures of its domains' memory: %s", host->uri, text);
	for (size_t i = 0; !error && i < look->count; i++) {
		struct domain *domain = domain_find(host, look->found[i].uuid);

		if (domain)
			memory_figures_tell(&domain->memory.figures, &domain->memory.driver,
					    &look->found[i].figures, domain->vm->memory);
	}
}

static void look_release(struct libvirt_call *call)
{
	struct look *look = CONTAINER_OF(call, struct look, call);

	/* It did not run. */
	if (look->connect)
		virConnectClose(look->connect);
	free(look->found);
	free(look);
}

static void look_at(struct domain_host *host)
{
	struct look *look;

	if (host->looking || !host->connect)
		return;
	look = calloc(1, sizeof(*look));
	if (!look)
		return;
	look->call.run = look_runs;
	look->call.done = look_done;
	look->call.release = look_release;
	look->host = host;
	look->connect = host->connect;
	virConnectRef(look->connect);
	host->looking = true;
	libvirt_call_start(host->calls, &look->call, 0);
}

/* --- Wishes --------------------------------------------------------------------------------- */

static void start_wishes(struct domain_host *host);
static void read_again(struct domain *domain);

static int set_limit(virDomainPtr domain, uint64_t bytes)
{
	virTypedParameter parameter = {.type = VIR_TYPED_PARAM_ULLONG};

	/* libvirt's soft limit is memory.high where cgroups are of version 2. */
	strcpy(parameter.field, VIR_DOMAIN_MEMORY_SOFT_LIMIT);
	parameter.value.ul = bytes ? bytes >> 10 : VIR_DOMAIN_MEMORY_PARAM_UNLIMITED;
	return virDomainSetMemoryParameters(domain, &parameter, 1, VIR_DOMAIN_AFFECT_LIVE);
}

static int set_metadata(virDomainPtr domain, const char *metadata)
{
	unsigned int flags = VIR_DOMAIN_AFFECT_LIVE;

	if (virDomainIsPersistent(domain) > 0)
		flags |= VIR_DOMAIN_AFFECT_CONFIG;
	return virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, metadata,
				    MEMORY_METADATA_PREFIX, MEMORY_METADATA_URI, flags);
}

/* Each wish is tried though another fails, and the first words are kept. */
static void note(struct domain_call *call, int result)
{
	if (result < 0 && !call->call.error)
		domain_call_fails(call, -EIO);
}

static void ask_wish(struct domain_call *call, virDomainPtr domain)
{
	const struct domain_wish *wish = &call->wish;

	if (wish->is_target)
		note(call, virDomainSetMemoryFlags(domain, wish->target_bytes >> 10,
						   VIR_DOMAIN_AFFECT_LIVE));
	if (wish->is_limit)
		note(call, set_limit(domain, wish->limit_bytes));
	if (wish->is_pause)
		note(call, wish->pause ? virDomainSuspend(domain) : virDomainResume(domain));
	if (wish->is_period)
		note(call, virDomainSetMemoryStatsPeriod(domain, (int)wish->period_s,
							 VIR_DOMAIN_AFFECT_LIVE));
	if (wish->metadata[0])
		note(call, set_metadata(domain, wish->metadata));
}

static void wish_answered(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	struct domain_memory *memory = &call->domain->memory;

	memory->carrying_out = false;
	if (error && error != -ECANCELED) {
		if (strcmp(memory->trouble, text) != 0)
			log_warning("%s: its memory is not as it is to be: %s", vm->name, text);
		snprintf(memory->trouble, sizeof(memory->trouble), "%s", text);
		if (vm->memory)
			memory_member_failed(vm->memory);
	}
	if (memory->read_again)
		read_again(call->domain);
	call->done(call->owner, error, text);
}

/* Called in any case, though the VM may be gone. */
static void wish_done(void *owner, int error, const char *text)
{
	struct domain_host *host = owner;

	(void)error;
	(void)text;
	host->carrying_out--;
	start_wishes(host);
}

static bool has_wish(const struct domain *domain)
{
	const struct domain_wish *wish = &domain->memory.wish;

	return wish->is_target || wish->is_limit || wish->is_period || wish->is_pause ||
	       wish->metadata[0];
}

static void start_wish(struct domain *domain)
{
	struct domain_call *call = domain_call_new(domain->vm, ask_wish, wish_answered);

	if (!call)
		return;
	call->wish = domain->memory.wish;
	call->done = wish_done;
	call->owner = domain->host;
	/* One that does not come back is not to be followed by more of the same. */
	call->is_patient = true;
	domain->memory.wish = (struct domain_wish){0};
	domain->memory.carrying_out = true;
	domain->host->carrying_out++;
	domain_call_start(call);
}

/* What is wished while libvirt cannot be reached waits. */
static void start_wishes(struct domain_host *host)
{
	/* A call that cannot be started is answered at once. */
	if (host->starting_wishes)
		return;
	host->starting_wishes = true;
	for (struct vm *vm = host->lodged->vms; vm; vm = vm->next) {
		struct domain *domain = domain_of(host, vm);

		if (!host->connect || host->carrying_out >= CARRYING_OUT_MAX)
			break;
		if (domain && has_wish(domain) && !domain->memory.carrying_out)
			start_wish(domain);
	}
	host->starting_wishes = false;
}

void domain_memory_reached(struct domain_host *host)
{
	start_wishes(host);
}

/* --- What its owner says -------------------------------------------------------------------- */

static bool same(const struct memory_member_config *a, const struct memory_member_config *b)
{
	return a->maximum_bytes == b->maximum_bytes && a->minimum_bytes == b->minimum_bytes &&
	       a->shares == b->shares && a->fixed_bytes == b->fixed_bytes &&
	       a->watched == b->watched;
}

static void config_of(const struct domain *domain, struct memory_member_config *config)
{
	const struct domain_facts *facts = &domain->facts;
	const char *why = NULL;

	memory_metadata_complete(&facts->memory, facts->memory_bytes, config);
	if (facts->bad_metadata)
		why = "what its metadata says of it cannot be meant";
	else if (!config->watched && !facts->has_balloon)
		why = "it has no balloon (<memballoon model='virtio'/> in its XML)";
	if (!why)
		return;
	log_warning("%s: its memory is only watched: %s", domain->vm->name, why);
	config->watched = true;
}

void domain_memory_reread(struct domain *domain, const struct domain_facts *facts)
{
	struct memory_member *member = domain->vm->memory;
	struct memory_member_config config;
	char error[512] = "";

	domain->facts.memory = facts->memory;
	domain->facts.bad_metadata = facts->bad_metadata;
	domain->facts.has_balloon = facts->has_balloon;
	domain->facts.autodeflate = facts->autodeflate;
	if (!member)
		return;
	config_of(domain, &config);
	if (same(&config, memory_member_config(member)))
		return;
	if (memory_member_configure(member, &config, false, error, sizeof(error)) < 0)
		log_warning("%s: what its metadata says of its memory cannot be: %s",
			    domain->vm->name, error);
}

static void ask_facts(struct domain_call *call, virDomainPtr domain)
{
	domain_call_reads_facts(call, domain);
}

static void facts_answered(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	(void)vm;
	(void)text;
	/* What we are about to write is newer than what was read. */
	if (!error && !call->domain->memory.carrying_out)
		domain_memory_reread(call->domain, &call->facts);
}

static void read_again(struct domain *domain)
{
	struct domain_call *call;

	domain->memory.read_again = domain->memory.carrying_out;
	if (domain->memory.carrying_out)
		return;
	call = domain_call_new(domain->vm, ask_facts, facts_answered);
	if (call)
		domain_call_start(call);
}

void domain_memory_told(struct domain *domain, const struct libvirt_event *event)
{
	if (event->kind == LIBVIRT_EVENT_METADATA) {
		read_again(domain);
	} else if (event->kind == LIBVIRT_EVENT_BALLOON) {
		memory_figures_tell_size(&domain->memory.figures, &domain->memory.driver,
					 event->bytes, domain->vm->memory);
	}
}

/* --- Following ------------------------------------------------------------------------------ */

/* Changes what is to be otherwise in a domain that takes part, or no longer does. */
static void follow(struct domain *domain)
{
	struct domain_memory *memory = &domain->memory;
	bool takes_part = !memory_member_config(domain->vm->memory)->watched;

	if (memory->follows == takes_part)
		return;
	memory->follows = takes_part;
	memory->wish.is_period = true;
	memory->wish.period_s = takes_part ? MEMORY_FIGURES_PERIOD_S : memory->period_before;
	if (!takes_part && memory->limited)
		domain_memory_driver.set_limit(domain->vm, 0);
	if (takes_part && !domain->facts.autodeflate)
		log_info("%s: what its guest needs all at once may cost it a process; "
			 "<memballoon model='virtio' autodeflate='on'/> in its XML avoids that",
			 domain->vm->name);
	if (takes_part && domain->facts.has_channel && !domain->vm->agent)
		domain_attend(domain->vm, BACKEND_PORT_AGENT, NULL, NULL);
	start_wishes(domain->host);
	lodged_check_idle(domain->vm->lodged);
}

static void observe(void *owner)
{
	struct vm *vm = owner;
	struct domain *domain = vm->machine;

	follow(domain);
	look_at(domain->host);
}

static void set_target(void *owner, uint64_t target_bytes)
{
	struct vm *vm = owner;
	struct domain *domain = vm->machine;

	domain->memory.wish.is_target = true;
	domain->memory.wish.target_bytes = target_bytes;
	start_wishes(domain->host);
}

static void set_domain_limit(void *owner, uint64_t limit_bytes)
{
	struct vm *vm = owner;
	struct domain *domain = vm->machine;

	if (domain->memory.limited != (limit_bytes != 0) || !limit_bytes)
		lodged_memory_keep_done(vm, MEMORY_KEPT_LIMIT, limit_bytes != 0);
	domain->memory.limited = limit_bytes != 0;
	domain->memory.wish.is_limit = true;
	domain->memory.wish.limit_bytes = limit_bytes;
	start_wishes(domain->host);
}

static void pause_domain(void *owner, bool pause)
{
	struct vm *vm = owner;
	struct domain *domain = vm->machine;

	lodged_memory_keep_done(vm, MEMORY_KEPT_PAUSE, pause);
	domain->memory.wish.is_pause = true;
	domain->memory.wish.pause = pause;
	start_wishes(domain->host);
}

static void keep(void *owner, const struct memory_member_config *config)
{
	struct vm *vm = owner;
	struct domain *domain = vm->machine;

	memory_metadata_write(config, domain->facts.memory_bytes, domain->memory.wish.metadata);
	start_wishes(domain->host);
}

const struct vm_memory_driver domain_memory_driver = {
	.observe = observe,
	.set_target = set_target,
	.set_limit = set_domain_limit,
	.pause = pause_domain,
	.reclaim = agent_memory_reclaim,
	.keep = keep,
	.merges = true, /* QEMU, unless it is told not to */
};

void domain_memory_begin(struct domain *domain)
{
	struct memory_member_config config;

	config_of(domain, &config);
	domain->memory.period_before = domain->facts.balloon_period;
	/* An earlier lodged has set it. */
	if (!config.watched && domain->memory.period_before == MEMORY_FIGURES_PERIOD_S)
		domain->memory.period_before = 0;
	lodged_memory_adopt(domain->vm, &config);
	/* Nobody decides of one that takes part no more. */
	if (config.watched && memory_is_kept(domain->vm, MEMORY_KEPT_LIMIT))
		set_domain_limit(domain->vm, 0);
}
