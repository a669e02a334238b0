/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_events - libvirt's event loop, and what it reports of domains, brought to the uv loop
 *
 * libvirt has one event loop a process, which serves every connection: answers to calls, keepalive,
 * events. It has a thread of its own here, so that a daemon that hangs holds up nobody else.
 */
#ifndef LODGE_DAEMON_LIBVIRT_EVENTS_H
#define LODGE_DAEMON_LIBVIRT_EVENTS_H

#include <libvirt/libvirt.h>
#include <uv.h>

enum libvirt_event_kind {
	LIBVIRT_EVENT_STARTED,
	LIBVIRT_EVENT_PAUSED,
	LIBVIRT_EVENT_RESUMED,
	LIBVIRT_EVENT_PANICKED, /* and stands still */
	LIBVIRT_EVENT_ENDING,	/* QEMU says why it is about to end */
	LIBVIRT_EVENT_STOPPED,
	LIBVIRT_EVENT_BALLOON,	/* has another size now: `bytes` is the guest's memory */
	LIBVIRT_EVENT_METADATA, /* may have changed */
	LIBVIRT_EVENT_CLOSED,	/* the connection has ended; of no domain */
};

struct libvirt_event {
	enum libvirt_event_kind kind;
	char uuid[VIR_UUID_STRING_BUFLEN];
	char name[64];	 /* cut, if it is longer */
	uint64_t bytes;	 /* of BALLOON */
	char reason[16]; /* of ENDING and STOPPED, as org.lodge1.VM.Wait has it; or "" */
};

struct libvirt_events;

/* libvirt's numbers of what a connection is asked to tell. */
struct libvirt_callbacks {
	int lifecycle, balloon, metadata;
};

/* Who is told of a connection's domains: @handle on the loop. It lasts as long as the events. */
struct libvirt_watch {
	struct libvirt_events *events;
	void (*handle)(void *owner, const struct libvirt_event *event);
	void *owner;
	struct libvirt_callbacks callbacks; /* of the last connection */
};

/**
 * libvirt_events_new() - run libvirt's event loop
 * @log:	where libvirt logs to, instead of standard error
 *
 * To be called before any connection is made, once a process. Does not keep @loop alive.
 * Return: 0; -errno.
 */
int libvirt_events_new(uv_loop_t *loop, const char *log, struct libvirt_events **events);
/* Ends it, and with it all connections' events. NULL is fine. */
void libvirt_events_free(struct libvirt_events *events);

/* From any thread: @connect's domains are watched from now on, and its end. 0; -EIO. */
int libvirt_watch_domains(struct libvirt_watch *watch, virConnectPtr connect);
/* From any thread: @connect, which had those @callbacks, can be closed. */
void libvirt_unwatch_domains(virConnectPtr connect, const struct libvirt_callbacks *callbacks);
/* From any thread: as if libvirt had reported it. @domain NULL: of none. */
void libvirt_watch_post(struct libvirt_watch *watch, virDomainPtr domain,
			enum libvirt_event_kind kind, const char *reason);

/* What libvirt said last in this thread, on one line. */
void libvirt_last_words(char *text, size_t capacity);

#endif
