/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/domain.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void run(struct libvirt_call *base)
{
	struct domain_call *call = CONTAINER_OF(base, struct domain_call, call);
	virDomainPtr domain = virDomainLookupByUUIDString(call->connect, call->domain->uuid);

	if (domain)
		call->ask(call, domain);
	else
		domain_call_fails(call, -EIO);
	if (domain)
		virDomainFree(domain);
	/* Not on the loop: the last one to close waits for the daemon. */
	virConnectClose(call->connect);
	call->connect = NULL;
}

static void done(struct libvirt_call *base, int error, const char *text)
{
	struct domain_call *call = CONTAINER_OF(base, struct domain_call, call);
	struct vm *vm = call->domain->vm;

	if (vm)
		call->answer(call, vm, error, text);
	else if (call->done)
		call->done(call->owner, -ECANCELED, "it has ended");
}

static void release(struct libvirt_call *base)
{
	struct domain_call *call = CONTAINER_OF(base, struct domain_call, call);

	if (call->fd >= 0)
		close(call->fd);
	/* It did not run. */
	if (call->connect)
		virConnectClose(call->connect);
	domain_put(call->domain);
	free(call);
}

struct domain_call *domain_call_new(struct vm *vm,
				    void (*ask)(struct domain_call *call, virDomainPtr domain),
				    void (*answer)(struct domain_call *call, struct vm *vm,
						   int error, const char *text))
{
	struct domain_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->call.run = run;
	call->call.done = done;
	call->call.release = release;
	call->domain = vm->machine;
	call->domain->users++;
	call->ask = ask;
	call->answer = answer;
	call->fd = -EBADF;
	return call;
}

void domain_call_start(struct domain_call *call)
{
	struct domain_host *host = call->domain->host;
	char text[512];

	if (!host->connect) {
		snprintf(text, sizeof(text), "libvirt (%s) cannot be reached: %s", host->uri,
			 host->why[0] ? host->why : "it is being connected to");
		done(&call->call, -EIO, text);
		release(&call->call);
		return;
	}
	call->connect = host->connect;
	virConnectRef(call->connect);
	libvirt_call_start(host->calls, &call->call, call->is_patient ? 0 : DOMAIN_CALL_LIMIT_MS);
}

void domain_call_fails(struct domain_call *call, int error)
{
	libvirt_last_words(call->call.text, sizeof(call->call.text));
	call->call.error = error;
}

int domain_call_reads_facts(struct domain_call *call, virDomainPtr domain)
{
	char *xml = virDomainGetXMLDesc(domain, 0);
	int r;

	if (!xml) {
		domain_call_fails(call, -EIO);
		return -EIO;
	}
	r = domain_facts_read(xml, &call->facts);
	free(xml);
	if (r < 0)
		snprintf(call->call.text, sizeof(call->call.text), "its XML cannot be read: %s",
			 error_text(r));
	call->call.error = r;
	return r;
}
