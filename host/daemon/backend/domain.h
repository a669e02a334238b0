/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * domain - a running domain of the host's libvirt, as a VM; and the libvirt it is of
 */
#ifndef LODGE_DAEMON_DOMAIN_H
#define LODGE_DAEMON_DOMAIN_H

#include "host/daemon/backend.h"
#include "host/daemon/backend/domain_facts.h"
#include "host/daemon/backend/domain_memory.h"
#include "host/daemon/backend/libvirt_call.h"
#include "host/daemon/backend/libvirt_events.h"
#include "host/probe/libvirt_uris.h"

#include <libvirt/libvirt.h>

struct domains;

/* One libvirt. */
struct domain_host {
	struct domains *domains;
	struct lodged *lodged;
	char uri[LIBVIRT_URI_LENGTH];
	char label[9]; /* of the URI, for names of folders */
	struct libvirt_watch watch;
	struct libvirt_calls *calls;
	virConnectPtr connect; /* NULL while it is not there */
	char why[256];	       /* it is not */
	bool absent;	       /* there is no daemon */
	bool opening, slow, surveying, survey_again, listed, counting;
	uv_timer_t timer; /* the next try, or the limit of this one */
	uint64_t retry_ms;
	/* Memory: a look is under way; calls that carry out wishes, and while they are started. */
	bool looking, starting_wishes;
	unsigned int carrying_out;
};

/* vm->machine of a domain. */
struct domain {
	struct domain_host *host;
	struct vm *vm;	    /* NULL once it was released */
	unsigned int users; /* the VM, and calls */
	char uuid[VIR_UUID_STRING_BUFLEN];
	struct domain_facts facts;
	struct domain_memory memory;
	bool by_stream; /* its agent's port cannot be connected to, libvirt passes it on */
};

/* --- The list --------------------------------------------------------------------------------- */

/* Looks what runs, unless somebody does: then again afterwards. domain_host_surveyed() follows. */
void domain_survey(struct domain_host *host);
/* domains.c: the list agrees with what runs, or why not. */
void domain_host_surveyed(struct domain_host *host, int error, const char *text);
/* NULL: no VM is that domain. */
struct domain *domain_find(const struct domain_host *host, const char *uuid);

/* domain_count.c: has the figures of all its domains read, unless that is under way. */
struct statistics_round;
void domain_count(struct domain_host *host, struct statistics_round *round);

/* What a survey found. */
struct domain_found {
	char uuid[VIR_UUID_STRING_BUFLEN];
	char *name;
	enum vm_status state;
	const char *reason;
	bool is_new;
	struct domain_facts facts; /* if there is a name: if it is new, or was read again */
};

/* A VM in the list; what an earlier lodged left for it is taken up. -errno. */
int domain_add(struct domain_host *host, const struct domain_found *found);
/* NULL: @vm is none of @host. */
struct domain *domain_of(const struct domain_host *host, const struct vm *vm);
void domain_put(struct domain *domain);
/* It runs no more. */
void domain_ended(struct domain *domain, const char *reason);

/* The folder of a domain's screen: in @path. */
int domain_folder(const struct domain_host *host, const char *uuid, char *path, size_t capacity);

/* --- A call about a domain -------------------------------------------------------------------- */

struct domain_call {
	struct libvirt_call call;
	struct domain *domain;
	virConnectPtr connect;
	/* In the thread, with the domain as libvirt has it. */
	void (*ask)(struct domain_call *call, virDomainPtr domain);
	/* On the loop; not called once the VM is gone. @error as libvirt_call has it. */
	void (*answer)(struct domain_call *call, struct vm *vm, int error, const char *text);
	/* For `ask` and `answer`. */
	backend_done done;
	void *owner;
	enum backend_command command;
	enum backend_port port;
	struct domain_facts facts;
	struct domain_wish wish;
	int fd;		 /* what was opened; closed if nobody took it */
	bool is_patient; /* nobody waits for it: there is no limit */
	bool connects;	 /* the agent's port, to its socket */
	void (*opened)(struct vm *vm, int fd, const char *text);
};

/* NULL without memory. */
struct domain_call *domain_call_new(struct vm *vm,
				    void (*ask)(struct domain_call *call, virDomainPtr domain),
				    void (*answer)(struct domain_call *call, struct vm *vm,
						   int error, const char *text));
/* Runs it, and frees it when it is over. */
#define DOMAIN_CALL_LIMIT_MS 15000
void domain_call_start(struct domain_call *call);
/* In the thread: libvirt's last words become the call's error. */
void domain_call_fails(struct domain_call *call, int error);
/* In the thread: what the live XML says, in @call->facts. 0, or -errno set in the call. */
int domain_call_reads_facts(struct domain_call *call, virDomainPtr domain);

/* domain_ports.c: for backend_domain. */
int domain_start_screen(struct vm *vm, bool adopted, char *error, size_t capacity);
void domain_attend(struct vm *vm, enum backend_port port, backend_done done, void *owner);
void domain_attach_agent(struct vm *vm, backend_done done, void *owner);
void domain_open_agent(struct vm *vm);
void domain_open_graphics(struct vm *vm, void (*opened)(struct vm *vm, int fd, const char *text));

#endif
