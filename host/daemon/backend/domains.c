/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A libvirt is opened in a thread, then surveyed. Afterwards events keep the list; one that starts
 * makes for another survey, and surveys that are wanted meanwhile become one.
 */
#include "host/daemon/backend/domains.h"

#include "host/daemon/backend/domain.h"
#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS 250
#define RETRY_LAST_MS  30000
/* One that has not answered in this time may never; nobody waits longer. */
#define SLOW_MS 5000
/* A daemon that is silent for three of these is dead, and its calls are over. */
#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT	  2

struct domains {
	struct lodged *lodged;
	struct vm_waiter *waiters;
	size_t count;
	struct domain_host hosts[LIBVIRT_URIS_MAX];
};

static void open_host(struct domain_host *host);
static void lost(struct domain_host *host, const char *why);

static bool is_known(const struct domain_host *host)
{
	return host->slow || (host->connect ? host->listed : !host->opening);
}

bool domains_are_listed(const struct domains *domains)
{
	for (size_t i = 0; domains && i < domains->count; i++) {
		if (!is_known(&domains->hosts[i]))
			return false;
	}
	return true;
}

bool domains_any(const struct domains *domains)
{
	for (size_t i = 0; domains && i < domains->count; i++) {
		if (domains->hosts[i].connect)
			return true;
	}
	return false;
}

const char *domains_trouble(const struct domains *domains, size_t *at, char *text, size_t capacity)
{
	while (domains && *at < domains->count) {
		const struct domain_host *host = &domains->hosts[(*at)++];

		if (host->connect || host->absent || !host->why[0])
			continue;
		snprintf(text, capacity, "%s: %s", host->uri, host->why);
		return text;
	}
	return NULL;
}

struct vm_waiter **domains_waiters(struct domains *domains)
{
	return &domains->waiters;
}

void domains_count(struct domains *domains, struct statistics_round *round)
{
	for (size_t i = 0; domains && i < domains->count; i++)
		domain_count(&domains->hosts[i], round);
}

static void tell_waiters(struct domains *domains)
{
	if (domains_are_listed(domains))
		vm_wake(&domains->waiters);
}

/* --- The list ------------------------------------------------------------------------------- */

void domain_host_surveyed(struct domain_host *host, int error, const char *text)
{
	if (error) {
		lost(host, text);
	} else {
		host->listed = true;
		host->retry_ms = RETRY_FIRST_MS;
		domain_memory_reached(host);
		if (host->survey_again)
			domain_survey(host);
	}
	tell_waiters(host->domains);
}

/* --- The connection ------------------------------------------------------------------------- */

struct opening {
	struct libvirt_call call;
	struct domain_host *host;
	char reach[LIBVIRT_REACH_LENGTH];
	virConnectPtr connect;
};

static void opening_runs(struct libvirt_call *call)
{
	struct opening *opening = CONTAINER_OF(call, struct opening, call);

	opening->connect = virConnectOpen(opening->reach);
	if (opening->connect &&
	    libvirt_watch_domains(&opening->host->watch, opening->connect) == 0) {
		virConnectSetKeepAlive(opening->connect, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
		return;
	}
	libvirt_last_words(call->text, sizeof(call->text));
	call->error = -EIO;
	if (opening->connect)
		virConnectClose(opening->connect);
	opening->connect = NULL;
}

/* Domains go on while their libvirt does not answer. Whether one still does, its process says. */
static void check_processes(struct domain_host *host)
{
	for (struct vm *vm = host->lodged->vms, *next; vm; vm = next) {
		struct domain *domain = domain_of(host, vm);

		next = vm->next;
		if (domain && vm->pid > 0 && kill(vm->pid, 0) < 0 && errno == ESRCH)
			domain_ended(domain, "");
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct domain_host *host = timer->data;

	if (host->connect)
		return;
	if (host->opening) {
		host->slow = true;
		snprintf(host->why, sizeof(host->why), "it does not answer");
		log_warning("%s: %s", host->uri, host->why);
		tell_waiters(host->domains);
		return;
	}
	check_processes(host);
	open_host(host);
}

static void again_later(struct domain_host *host)
{
	uv_timer_start(&host->timer, on_timer, host->retry_ms, 0);
	host->retry_ms = MIN(2 * host->retry_ms, (uint64_t)RETRY_LAST_MS);
}

static void opening_done(struct libvirt_call *call, int error, const char *text)
{
	struct opening *opening = CONTAINER_OF(call, struct opening, call);
	struct domain_host *host = opening->host;

	host->opening = host->slow = false;
	if (error == -ECANCELED)
		return;
	uv_timer_stop(&host->timer);
	if (error) {
		if (strcmp(host->why, text) != 0)
			log_warning("%s: %s", host->uri, text);
		snprintf(host->why, sizeof(host->why), "%s", text);
		again_later(host);
	} else {
		log_info("%s: its domains are listed from now on", host->uri);
		host->connect = opening->connect;
		host->why[0] = '\0';
		host->listed = false;
		domain_survey(host);
	}
	tell_waiters(host->domains);
}

static void opening_release(struct libvirt_call *call)
{
	free(CONTAINER_OF(call, struct opening, call));
}

static void open_host(struct domain_host *host)
{
	struct opening *opening = calloc(1, sizeof(*opening));
	int r = -ENOMEM;

	if (opening)
		r = libvirt_uri_reach(host->uri, opening->reach, sizeof(opening->reach));
	if (r == 0 && !host->watch.events)
		host->watch.events = lodged_libvirt_events(host->lodged);
	if (r == 0 && !host->watch.events)
		r = -EIO;
	host->absent = r == -ENOENT;
	if (r < 0) {
		snprintf(host->why, sizeof(host->why), "%s",
			 r == -ENOENT ? "its daemon is not there" : error_text(r));
		free(opening);
		again_later(host);
		return;
	}
	opening->call.run = opening_runs;
	opening->call.done = opening_done;
	opening->call.release = opening_release;
	opening->host = host;
	host->opening = true;
	uv_timer_start(&host->timer, on_timer, SLOW_MS, 0);
	libvirt_call_start(host->calls, &opening->call, 0);
}

struct closing {
	struct libvirt_call call;
	virConnectPtr connect;
	struct libvirt_callbacks callbacks;
};

static void closing_runs(struct libvirt_call *call)
{
	struct closing *closing = CONTAINER_OF(call, struct closing, call);

	libvirt_unwatch_domains(closing->connect, &closing->callbacks);
	virConnectClose(closing->connect);
}

static void closing_done(struct libvirt_call *call, int error, const char *text)
{
	(void)call;
	(void)error;
	(void)text;
}

static void closing_release(struct libvirt_call *call)
{
	free(CONTAINER_OF(call, struct closing, call));
}

static void lost(struct domain_host *host, const char *why)
{
	struct closing *closing;

	if (!host->connect)
		return;
	closing = calloc(1, sizeof(*closing));
	if (closing) {
		closing->call.run = closing_runs;
		closing->call.done = closing_done;
		closing->call.release = closing_release;
		closing->connect = host->connect;
		closing->callbacks = host->watch.callbacks;
		libvirt_call_start(host->calls, &closing->call, 0);
	}
	log_info("%s: %s; its domains go on", host->uri, why);
	host->connect = NULL;
	snprintf(host->why, sizeof(host->why), "%s", why);
	again_later(host);
}

static void on_event(void *owner, const struct libvirt_event *event)
{
	struct domain_host *host = owner;
	struct domain *domain;

	if (event->kind == LIBVIRT_EVENT_CLOSED) {
		lost(host, "the connection has ended");
		return;
	}
	domain = domain_find(host, event->uuid);
	if (event->kind == LIBVIRT_EVENT_BALLOON || event->kind == LIBVIRT_EVENT_METADATA) {
		if (domain)
			domain_memory_told(domain, event);
		return;
	}
	/* One of which nothing is known yet, or which changes while it is being looked at. */
	if (host->surveying || (!domain && event->kind != LIBVIRT_EVENT_STOPPED))
		domain_survey(host);
	if (!domain)
		return;
	if (event->kind == LIBVIRT_EVENT_STOPPED)
		domain_ended(domain, event->reason);
	else if (event->kind == LIBVIRT_EVENT_PAUSED)
		vm_set_state(domain->vm, VM_PAUSED, "");
	else if (event->kind == LIBVIRT_EVENT_RESUMED)
		vm_set_state(domain->vm, VM_RUNNING, "");
	else if (event->kind == LIBVIRT_EVENT_PANICKED)
		vm_set_state(domain->vm, VM_PAUSED, "panic");
}

/* --- All of them ---------------------------------------------------------------------------- */

void domains_look_again(struct domains *domains)
{
	char reach[LIBVIRT_REACH_LENGTH];

	for (size_t i = 0; domains && i < domains->count; i++) {
		struct domain_host *host = &domains->hosts[i];

		if (!host->connect && !host->opening &&
		    libvirt_uri_reach(host->uri, reach, sizeof(reach)) == 0) {
			host->retry_ms = RETRY_FIRST_MS;
			open_host(host);
		}
	}
}

/* FNV-1a: the folder of a domain is its own though two libvirts have the same one. */
static void make_label(const char *uri, char label[9])
{
	uint32_t hash = 2166136261U;

	for (; *uri; uri++)
		hash = (hash ^ (uint8_t)*uri) * 16777619U;
	snprintf(label, 9, "%08x", hash);
}

struct domains *domains_new(struct lodged *lodged)
{
	char uris[LIBVIRT_URIS_MAX][LIBVIRT_URI_LENGTH];
	size_t count = libvirt_uris(uris);
	struct domains *domains = count ? calloc(1, sizeof(*domains)) : NULL;

	if (!domains)
		return NULL;
	domains->lodged = lodged;
	for (size_t i = 0; i < count; i++) {
		struct domain_host *host = &domains->hosts[domains->count];

		host->calls = libvirt_calls_new(&lodged->loop);
		if (!host->calls)
			break;
		host->domains = domains;
		host->lodged = lodged;
		strcpy(host->uri, uris[i]);
		make_label(host->uri, host->label);
		host->retry_ms = RETRY_FIRST_MS;
		host->watch = (struct libvirt_watch){NULL, on_event, host, {-1, -1, -1}};
		uv_timer_init(&lodged->loop, &host->timer);
		uv_unref((uv_handle_t *)&host->timer);
		host->timer.data = host;
		domains->count++;
		open_host(host);
	}
	return domains;
}

/* The hosts' memory stays: threads of calls that hang may look at it until the process ends. */
void domains_free(struct domains *domains)
{
	for (size_t i = 0; domains && i < domains->count; i++) {
		struct domain_host *host = &domains->hosts[i];

		libvirt_calls_free(host->calls);
		uv_close((uv_handle_t *)&host->timer, NULL);
	}
	if (domains)
		vm_wake(&domains->waiters);
}
