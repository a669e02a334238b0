/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/libvirt_connection.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct libvirt_connection {
	void (*handle)(void *owner, const struct libvirt_event *event);
	void *owner;
	char root[PATH_MAX];
	uv_async_t wake;
	pthread_t events; /* runs libvirt's loop */
	atomic_bool stop;
	int nudge; /* a libvirt timer that ends its wait */

	pthread_mutex_t opening; /* guards connect */
	virConnectPtr connect;

	pthread_mutex_t lock; /* guards the queue */
	struct libvirt_event *first, **last;
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

/* --- Events, in libvirt's thread ------------------------------------------------------------ */

static void post(struct libvirt_connection *connection, virDomainPtr domain,
		 enum libvirt_event_kind kind, const char *reason)
{
	struct libvirt_event *event = calloc(1, sizeof(*event));

	if (!event)
		return;
	event->kind = kind;
	virDomainGetUUIDString(domain, event->uuid);
	snprintf(event->name, sizeof(event->name), "%s", virDomainGetName(domain));
	snprintf(event->reason, sizeof(event->reason), "%s", reason);
	pthread_mutex_lock(&connection->lock);
	*connection->last = event;
	connection->last = &event->next;
	pthread_mutex_unlock(&connection->lock);
	uv_async_send(&connection->wake);
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
	default:
		return ""; /* QEMU said why before */
	}
}

static int on_lifecycle(virConnectPtr connect, virDomainPtr domain, int event, int detail,
			void *opaque)
{
	(void)connect;
	switch (event) {
	case VIR_DOMAIN_EVENT_SUSPENDED:
		post(opaque, domain, LIBVIRT_EVENT_PAUSED, "");
		break;
	case VIR_DOMAIN_EVENT_RESUMED:
		post(opaque, domain, LIBVIRT_EVENT_RESUMED, "");
		break;
	case VIR_DOMAIN_EVENT_CRASHED:
		post(opaque, domain, LIBVIRT_EVENT_PANICKED, "panic");
		break;
	case VIR_DOMAIN_EVENT_STOPPED:
		post(opaque, domain, LIBVIRT_EVENT_STOPPED, stop_reason(detail));
		break;
	default:
		break;
	}
	return 0;
}

/* QEMU's event SHUTDOWN tells apart what libvirt's does not: {"guest":true,"reason":"guest-reset"}.
 */
static void on_qemu_shutdown(virConnectPtr connect, virDomainPtr domain, const char *event,
			     long long seconds, unsigned int micros, const char *details,
			     void *opaque)
{
	static const struct {
		const char *qemu, *reason;
	} reasons[] = {
		{"\"guest-shutdown\"", "power-off"},
		{"\"guest-reset\"", "reboot"},
		{"\"guest-panic\"", "panic"},
		{"\"host-", "killed"},
	};

	(void)connect;
	(void)event;
	(void)seconds;
	(void)micros;
	for (size_t i = 0; details && i < ARRAY_SIZE(reasons); i++) {
		if (strstr(details, reasons[i].qemu)) {
			post(opaque, domain, LIBVIRT_EVENT_ENDING, reasons[i].reason);
			return;
		}
	}
}

static void on_nudge(int timer, void *opaque)
{
	(void)opaque;
	virEventUpdateTimeout(timer, -1);
}

static void *run_events(void *opaque)
{
	struct libvirt_connection *connection = opaque;

	while (!atomic_load(&connection->stop)) {
		if (virEventRunDefaultImpl() < 0) {
			log_error("libvirt's event loop has ended");
			break;
		}
	}
	return NULL;
}

/* --- Events, on the uv loop ----------------------------------------------------------------- */

static void on_wake(uv_async_t *wake)
{
	struct libvirt_connection *connection = wake->data;
	struct libvirt_event *event, *next;

	pthread_mutex_lock(&connection->lock);
	event = connection->first;
	connection->first = NULL;
	connection->last = &connection->first;
	pthread_mutex_unlock(&connection->lock);
	for (; event; event = next) {
		next = event->next;
		connection->handle(connection->owner, event);
		free(event);
	}
}

/* --- Opening -------------------------------------------------------------------------------- */

static int make_folder(const char *root, const char *sub)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", root, sub) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/*
 * QEMU runs as the user who asked, as lodge-vmm does, with QEMU's own seccomp sandbox: files are
 * opened with that user's rights and no labels or owners are changed. No virtlogd: logs are files.
 */
static int write_settings(const char *root)
{
	char path[PATH_MAX];
	_cleanup_fclose_ FILE *file = NULL;
	int r = make_folder(root, "");

	if (r == 0)
		r = make_folder(root, "/etc");
	if (r < 0)
		return r;
	if (snprintf(path, sizeof(path), "%s/etc/qemu.conf", root) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file,
		"stdio_handler = \"file\"\n"
		"user = \"+%u\"\n"
		"group = \"+%u\"\n"
		"dynamic_ownership = 0\n"
		"remember_owner = 0\n"
		"security_driver = \"none\"\n"
		"seccomp_sandbox = 1\n"
		"namespaces = []\n"
		"cgroup_controllers = []\n",
		(unsigned int)getuid(), (unsigned int)getgid());
	return ferror(file) ? -EIO : 0;
}

/* A path as the value of a URI's parameter. */
static void write_uri(const char *root, char *uri, size_t capacity)
{
	size_t length = (size_t)snprintf(uri, capacity, "qemu:///embed?root=");

	for (; *root && length + 4 < capacity; root++) {
		if (strchr("/-_.", *root) || (*root >= '0' && *root <= '9') ||
		    (*root >= 'A' && *root <= 'Z') || (*root >= 'a' && *root <= 'z'))
			uri[length++] = *root;
		else
			length += (size_t)sprintf(uri + length, "%%%02X", (unsigned char)*root);
	}
	uri[length] = '\0';
}

static virConnectPtr open_embedded(struct libvirt_connection *connection)
{
	char uri[3 * PATH_MAX];
	virConnectPtr connect;

	write_uri(connection->root, uri, sizeof(uri));
	connect = virConnectOpen(uri);
	if (!connect)
		return NULL;
	if (virConnectDomainEventRegisterAny(connect, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
					     VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), connection,
					     NULL) >= 0 &&
	    virConnectDomainQemuMonitorEventRegister(connect, NULL, "SHUTDOWN", on_qemu_shutdown,
						     connection, NULL, 0) >= 0)
		return connect;
	virConnectClose(connect);
	return NULL;
}

virConnectPtr libvirt_connection_get(struct libvirt_connection *connection, char *error,
				     size_t capacity)
{
	virConnectPtr connect;
	char words[512];
	int r = 0;

	pthread_mutex_lock(&connection->opening);
	if (!connection->connect)
		r = write_settings(connection->root);
	if (!connection->connect && r == 0)
		connection->connect = open_embedded(connection);
	connect = connection->connect;
	pthread_mutex_unlock(&connection->opening);
	if (connect)
		return connect;
	if (r < 0)
		snprintf(words, sizeof(words), "cannot write its settings: %s", error_text(r));
	else
		libvirt_last_words(words, sizeof(words));
	snprintf(error, capacity,
		 "libvirt's QEMU driver does not start (is libvirt-daemon-driver-qemu installed?): "
		 "%s",
		 words);
	return NULL;
}

static void ignore_error(void *opaque, virErrorPtr error)
{
	(void)opaque;
	(void)error;
}

static void free_connection(uv_handle_t *handle)
{
	struct libvirt_connection *connection = handle->data;
	struct libvirt_event *next;

	for (struct libvirt_event *event = connection->first; event; event = next) {
		next = event->next;
		free(event);
	}
	free(connection);
}

/* libvirt logs to standard error otherwise, warnings about each domain included. */
static void send_log_to_file(const char *root)
{
	char outputs[PATH_MAX + 16];

	snprintf(outputs, sizeof(outputs), "3:file:%s/log.txt", root);
	setenv("LIBVIRT_LOG_OUTPUTS", outputs, 0);
}

int libvirt_connection_new(uv_loop_t *loop, const char *runtime,
			   void (*handle)(void *owner, const struct libvirt_event *event),
			   void *owner, struct libvirt_connection **result)
{
	struct libvirt_connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return -ENOMEM;
	connection->handle = handle;
	connection->owner = owner;
	connection->last = &connection->first;
	pthread_mutex_init(&connection->opening, NULL);
	pthread_mutex_init(&connection->lock, NULL);
	if (snprintf(connection->root, sizeof(connection->root), "%s/libvirt", runtime) >=
	    (int)sizeof(connection->root)) {
		free(connection);
		return -ENAMETOOLONG;
	}
	make_folder(connection->root, "");
	send_log_to_file(connection->root);
	virSetErrorFunc(NULL, ignore_error);
	if (virEventRegisterDefaultImpl() < 0) {
		free(connection);
		return -EIO;
	}
	connection->nudge = virEventAddTimeout(-1, on_nudge, NULL, NULL);
	uv_async_init(loop, &connection->wake, on_wake);
	uv_unref((uv_handle_t *)&connection->wake);
	connection->wake.data = connection;
	r = -pthread_create(&connection->events, NULL, run_events, connection);
	if (r < 0) {
		uv_close((uv_handle_t *)&connection->wake, free_connection);
		return r;
	}
	*result = connection;
	return 0;
}

void libvirt_connection_free(struct libvirt_connection *connection)
{
	if (!connection)
		return;
	atomic_store(&connection->stop, true);
	virEventUpdateTimeout(connection->nudge, 0);
	pthread_join(connection->events, NULL);
	uv_close((uv_handle_t *)&connection->wake, free_connection);
}

pid_t libvirt_domain_pid(const struct libvirt_connection *connection, const char *name)
{
	char path[PATH_MAX], text[16] = "";
	_cleanup_fclose_ FILE *file = NULL;
	uint64_t pid = 0;

	if (snprintf(path, sizeof(path), "%s/run/qemu/%s.pid", connection->root, name) >=
	    (int)sizeof(path))
		return 0;
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, 1, INT_MAX, &pid) < 0 ? 0 : (pid_t)pid;
}
