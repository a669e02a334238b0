/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A survey of a libvirt: one list of what runs, with the XML of each domain that is new. The list
 * of VMs is made to agree with it.
 */
#include "host/daemon/backend/domain.h"

#include "host/daemon/lodged.h"
#include "host/daemon/screen/screen.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct survey {
	struct libvirt_call call;
	struct domain_host *host;
	virConnectPtr connect;
	bool reread; /* the connection is new, and known domains may have changed meanwhile */
	size_t known_count, count;
	char (*known)[VIR_UUID_STRING_BUFLEN];
	struct domain_found *found;
};

static bool contains(const struct survey *survey, const char *uuid)
{
	for (size_t i = 0; i < survey->known_count; i++) {
		if (strcmp(survey->known[i], uuid) == 0)
			return true;
	}
	return false;
}

static enum vm_status state_of(virDomainPtr domain, const char **reason)
{
	int state = VIR_DOMAIN_NOSTATE, detail = 0;

	*reason = "";
	virDomainGetState(domain, &state, &detail, 0);
	switch (state) {
	case VIR_DOMAIN_CRASHED:
		*reason = "panic";
		return VM_PAUSED;
	case VIR_DOMAIN_PAUSED:
	case VIR_DOMAIN_PMSUSPENDED:
		return VM_PAUSED;
	case VIR_DOMAIN_SHUTDOWN:
		return VM_STOPPING;
	case VIR_DOMAIN_SHUTOFF:
		return VM_STOPPED;
	default:
		return VM_RUNNING;
	}
}

/* false: it is to be left out. */
static bool look_at(const struct survey *survey, virDomainPtr domain, struct domain_found *found)
{
	char *xml;
	bool good;

	virDomainGetUUIDString(domain, found->uuid);
	found->state = state_of(domain, &found->reason);
	found->is_new = !contains(survey, found->uuid);
	if (!found->is_new && (!survey->reread || found->state == VM_STOPPED))
		return true;
	if (found->state == VM_STOPPED)
		return false;
	xml = virDomainGetXMLDesc(domain, 0);
	good = xml && domain_facts_read(xml, &found->facts) == 0;
	free(xml);
	found->name = good ? strdup(virDomainGetName(domain)) : NULL;
	return found->name != NULL || !found->is_new;
}

static void survey_runs(struct libvirt_call *call)
{
	struct survey *survey = CONTAINER_OF(call, struct survey, call);
	virDomainPtr *list = NULL;
	int count =
		virConnectListAllDomains(survey->connect, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	survey->found = calloc((size_t)MAX(count, 1), sizeof(*survey->found));
	if (count < 0 || !survey->found) {
		libvirt_last_words(call->text, sizeof(call->text));
		call->error = -EIO;
	}
	for (int i = 0; i < count; i++) {
		if (!call->error && look_at(survey, list[i], &survey->found[survey->count]))
			survey->count++;
		virDomainFree(list[i]);
	}
	free(list);
	virConnectClose(survey->connect);
	survey->connect = NULL;
}

struct domain *domain_find(const struct domain_host *host, const char *uuid)
{
	for (struct vm *vm = host->lodged->vms; vm; vm = vm->next) {
		struct domain *domain = domain_of(host, vm);

		if (domain && strcmp(domain->uuid, uuid) == 0)
			return domain;
	}
	return NULL;
}

/* Ends those that the survey knew of and did not find. */
static void end_missing(const struct survey *survey)
{
	for (size_t i = 0; i < survey->known_count; i++) {
		struct domain *domain = domain_find(survey->host, survey->known[i]);
		bool found = false;

		for (size_t k = 0; k < survey->count && !found; k++)
			found = survey->found[k].state != VM_STOPPED &&
				strcmp(survey->found[k].uuid, survey->known[i]) == 0;
		if (domain && !found)
			domain_ended(domain, "");
	}
}

/* Ends the screens of domains that ended while no lodged looked. */
static void sweep_folders(const struct domain_host *host)
{
	char path[PATH_MAX], folder[PATH_MAX];
	const struct dirent *entry;
	DIR *directory;

	if (snprintf(path, sizeof(path), "%s/domain", host->lodged->runtime) >= (int)sizeof(path))
		return;
	directory = opendir(path);
	while (directory && (entry = readdir(directory)) != NULL) {
		const char *uuid = entry->d_name + strlen(host->label) + 1;

		if (strlen(entry->d_name) != strlen(host->label) + VIR_UUID_STRING_BUFLEN ||
		    strncmp(entry->d_name, host->label, strlen(host->label)) != 0 ||
		    domain_find(host, uuid))
			continue;
		if (domain_folder(host, uuid, folder, sizeof(folder)) < 0)
			continue;
		vm_clear_folder(folder);
	}
	if (directory)
		closedir(directory);
}

static void take_found(struct domain_host *host, const struct domain_found *found)
{
	struct domain *domain = domain_find(host, found->uuid);

	if (!domain) {
		if (found->is_new && domain_add(host, found) < 0)
			log_warning("%s: not listed: %s", found->name, error_text(-ENOMEM));
		return;
	}
	if (found->name)
		domain_memory_reread(domain, &found->facts);
	/* One that was asked to stop still runs until it does not. */
	if (found->state != VM_STOPPED &&
	    !(domain->vm->state == VM_STOPPING && found->state == VM_RUNNING))
		vm_set_state(domain->vm, found->state, found->reason);
}

static void survey_done(struct libvirt_call *call, int error, const char *text)
{
	struct survey *survey = CONTAINER_OF(call, struct survey, call);
	struct domain_host *host = survey->host;

	host->surveying = false;
	if (error == -ECANCELED)
		return;
	if (!error) {
		end_missing(survey);
		for (size_t i = 0; i < survey->count; i++)
			take_found(host, &survey->found[i]);
		if (!host->listed)
			sweep_folders(host);
	}
	domain_host_surveyed(host, error, text);
}

static void survey_release(struct libvirt_call *call)
{
	struct survey *survey = CONTAINER_OF(call, struct survey, call);

	for (size_t i = 0; survey->found && i < survey->count; i++)
		free(survey->found[i].name);
	/* It did not run. */
	if (survey->connect)
		virConnectClose(survey->connect);
	free(survey->found);
	free(survey->known);
	free(survey);
}

static int fill_known(struct survey *survey)
{
	const struct domain_host *host = survey->host;
	size_t count = 0;

	for (struct vm *vm = host->lodged->vms; vm; vm = vm->next)
		count += domain_of(host, vm) != NULL;
	survey->known = calloc(count + 1, sizeof(*survey->known));
	if (!survey->known)
		return -ENOMEM;
	for (struct vm *vm = host->lodged->vms; vm; vm = vm->next) {
		const struct domain *domain = domain_of(host, vm);

		if (domain)
			strcpy(survey->known[survey->known_count++], domain->uuid);
	}
	return 0;
}

void domain_survey(struct domain_host *host)
{
	struct survey *survey;

	host->survey_again = host->surveying;
	if (host->surveying || !host->connect)
		return;
	survey = calloc(1, sizeof(*survey));
	if (!survey)
		return;
	survey->host = host;
	survey->reread = !host->listed;
	if (fill_known(survey) < 0) {
		free(survey);
		return;
	}
	survey->call.run = survey_runs;
	survey->call.done = survey_done;
	survey->call.release = survey_release;
	survey->connect = host->connect;
	virConnectRef(survey->connect);
	host->surveying = true;
	libvirt_call_start(host->calls, &survey->call, 0);
}
