/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/libvirt_events.h"

#include "host/daemon/backend/loop_queue.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct libvirt_events {
	struct loop_queue queue;
	pthread_t thread;
	atomic_bool stop;
	int nudge; /* a libvirt timer that ends its wait */
};

struct posted {
	struct loop_item item;
	struct libvirt_watch *watch;
	struct libvirt_event event;
};

void libvirt_last_words(char *text, size_t capacity)
{
	/* What QEMU said stands behind QEMU's whole command line, or a time. */
	static const char *const preludes[] = {"unexpected exit status", "qemu-system-x86_64: "};
	const char *words = virGetLastErrorMessage();

	for (size_t i = 0; i < ARRAY_SIZE(preludes); i++) {
		const char *at = strstr(words, preludes[i]);

		if (at)
			words = at + (strchr(preludes[i], ':') ? strlen(preludes[i]) : 0);
	}
	snprintf(text, capacity, "%s", words);
	for (char *at = text; (at = strchr(at, '\n')) != NULL;)
		*at = at[1] == '\0' ? '\0' : ' ';
}

/* --- In libvirt's thread -------------------------------------------------------------------- */

static void handle_event(struct loop_item *item)
{
	struct posted *posted = CONTAINER_OF(item, struct posted, item);

	posted->watch->handle(posted->watch->owner, &posted->event);
	free(posted);
}

static struct posted *posted_new(struct libvirt_watch *watch, virDomainPtr domain,
				 enum libvirt_event_kind kind)
{
	struct posted *posted = calloc(1, sizeof(*posted));

	if (!posted)
		return NULL;
	posted->item.handle = handle_event;
	posted->watch = watch;
	posted->event.kind = kind;
	if (domain) {
		virDomainGetUUIDString(domain, posted->event.uuid);
		snprintf(posted->event.name, sizeof(posted->event.name), "%s",
			 virDomainGetName(domain));
	}
	return posted;
}

void libvirt_watch_post(struct libvirt_watch *watch, virDomainPtr domain,
			enum libvirt_event_kind kind, const char *reason)
{
	struct posted *posted = posted_new(watch, domain, kind);

	if (!posted)
		return;
	snprintf(posted->event.reason, sizeof(posted->event.reason), "%s", reason);
	loop_queue_post(&watch->events->queue, &posted->item);
}

static const char *stop_reason(int detail)
{
	switch (detail) {
	case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
		return "panic";
	case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
		return "killed";
	case VIR_DOMAIN_EVENT_STOPPED_FAILED:
		return "error";
	case VIR_DOMAIN_EVENT_STOPPED_MIGRATED:
		return "migrated";
	case VIR_DOMAIN_EVENT_STOPPED_SAVED:
		return "saved";
	default:
		return ""; /* QEMU said why before, or it was the guest */
	}
}

static int on_lifecycle(virConnectPtr connect, virDomainPtr domain, int event, int detail,
			void *opaque)
{
	(void)connect;
	switch (event) {
	case VIR_DOMAIN_EVENT_STARTED:
		libvirt_watch_post(opaque, domain, LIBVIRT_EVENT_STARTED, "");
		break;
	case VIR_DOMAIN_EVENT_SUSPENDED:
		libvirt_watch_post(opaque, domain, LIBVIRT_EVENT_PAUSED, "");
		break;
	case VIR_DOMAIN_EVENT_RESUMED:
		libvirt_watch_post(opaque, domain, LIBVIRT_EVENT_RESUMED, "");
		break;
	case VIR_DOMAIN_EVENT_CRASHED:
		libvirt_watch_post(opaque, domain, LIBVIRT_EVENT_PANICKED, "panic");
		break;
	case VIR_DOMAIN_EVENT_STOPPED:
		libvirt_watch_post(opaque, domain, LIBVIRT_EVENT_STOPPED, stop_reason(detail));
		break;
	default:
		break;
	}
	return 0;
}

static void on_close(virConnectPtr connect, int reason, void *opaque)
{
	(void)connect;
	(void)reason;
	libvirt_watch_post(opaque, NULL, LIBVIRT_EVENT_CLOSED, "");
}

static void on_balloon(virConnectPtr connect, virDomainPtr domain, unsigned long long kib,
		       void *opaque)
{
	struct libvirt_watch *watch = opaque;
	struct posted *posted = posted_new(watch, domain, LIBVIRT_EVENT_BALLOON);

	(void)connect;
	if (!posted)
		return;
	posted->event.bytes = kib > UINT64_MAX >> 10 ? UINT64_MAX : kib << 10;
	loop_queue_post(&watch->events->queue, &posted->item);
}

static void on_metadata(virConnectPtr connect, virDomainPtr domain, int type, const char *uri,
			void *opaque)
{
	(void)connect;
	(void)uri;
	if (type == VIR_DOMAIN_METADATA_ELEMENT)
		libvirt_watch_post(opaque, domain, LIBVIRT_EVENT_METADATA, "");
}

int libvirt_watch_domains(struct libvirt_watch *watch, virConnectPtr connect)
{
	struct libvirt_callbacks *callbacks = &watch->callbacks;

	callbacks->lifecycle = virConnectDomainEventRegisterAny(
		connect, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), watch, NULL);
	if (callbacks->lifecycle < 0)
		return -EIO;
	/* Without these two it is only later that something is seen. */
	callbacks->balloon = virConnectDomainEventRegisterAny(
		connect, NULL, VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE,
		VIR_DOMAIN_EVENT_CALLBACK(on_balloon), watch, NULL);
	callbacks->metadata = virConnectDomainEventRegisterAny(
		connect, NULL, VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
		VIR_DOMAIN_EVENT_CALLBACK(on_metadata), watch, NULL);
	/* A driver inside the process does not close, and says that it cannot tell. */
	if (virConnectRegisterCloseCallback(connect, on_close, watch, NULL) < 0 &&
	    virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
		return -EIO;
	return 0;
}

void libvirt_unwatch_domains(virConnectPtr connect, const struct libvirt_callbacks *callbacks)
{
	virConnectDomainEventDeregisterAny(connect, callbacks->lifecycle);
	if (callbacks->balloon >= 0)
		virConnectDomainEventDeregisterAny(connect, callbacks->balloon);
	if (callbacks->metadata >= 0)
		virConnectDomainEventDeregisterAny(connect, callbacks->metadata);
	virConnectUnregisterCloseCallback(connect, on_close);
}

/* --- The thread ----------------------------------------------------------------------------- */

static void on_nudge(int timer, void *opaque)
{
	(void)opaque;
	virEventUpdateTimeout(timer, -1);
}

static void *run_events(void *opaque)
{
	struct libvirt_events *events = opaque;

	while (!atomic_load(&events->stop)) {
		if (virEventRunDefaultImpl() < 0) {
			log_error("libvirt's event loop has ended");
			break;
		}
	}
	return NULL;
}

static void ignore_error(void *opaque, virErrorPtr error)
{
	(void)opaque;
	(void)error;
}

/* libvirt logs to standard error otherwise, warnings about each domain included. */
static void send_log_to_file(const char *log)
{
	char outputs[PATH_MAX + 16];

	snprintf(outputs, sizeof(outputs), "3:file:%s", log);
	setenv("LIBVIRT_LOG_OUTPUTS", outputs, 0);
}

static void free_events(uv_handle_t *handle)
{
	free(handle->data);
}

int libvirt_events_new(uv_loop_t *loop, const char *log, struct libvirt_events **result)
{
	struct libvirt_events *events = calloc(1, sizeof(*events));
	int r;

	if (!events)
		return -ENOMEM;
	send_log_to_file(log);
	virSetErrorFunc(NULL, ignore_error);
	if (virEventRegisterDefaultImpl() < 0) {
		free(events);
		return -EIO;
	}
	events->nudge = virEventAddTimeout(-1, on_nudge, NULL, NULL);
	r = loop_queue_init(&events->queue, loop);
	if (r < 0) {
		free(events);
		return r;
	}
	events->queue.wake.data = events;
	r = -pthread_create(&events->thread, NULL, run_events, events);
	if (r < 0) {
		loop_queue_close(&events->queue, free_events);
		return r;
	}
	*result = events;
	return 0;
}

void libvirt_events_free(struct libvirt_events *events)
{
	if (!events)
		return;
	atomic_store(&events->stop, true);
	virEventUpdateTimeout(events->nudge, 0);
	pthread_join(events->thread, NULL);
	loop_queue_close(&events->queue, free_events);
}
