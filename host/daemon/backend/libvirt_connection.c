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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct libvirt_connection {
	struct libvirt_watch watch;
	char root[PATH_MAX];
	pthread_mutex_t opening; /* guards connect */
	virConnectPtr connect;
};

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
			libvirt_watch_post(opaque, domain, LIBVIRT_EVENT_ENDING, reasons[i].reason);
			return;
		}
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
	if (libvirt_watch_domains(&connection->watch, connect) == 0 &&
	    virConnectDomainQemuMonitorEventRegister(connect, NULL, "SHUTDOWN", on_qemu_shutdown,
						     &connection->watch, NULL, 0) >= 0)
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

	/* libvirt writes it into lists of QEMU's. */
	if (strchr(connection->root, ',')) {
		snprintf(error, capacity,
			 "%s: libvirt cannot start QEMU where a path has a comma; choose another "
			 "LODGE_RUNTIME_DIR",
			 connection->root);
		return NULL;
	}
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
		 "libvirt's QEMU driver does not start ('lodge doctor' says what is missing): %s",
		 words);
	return NULL;
}

int libvirt_connection_new(struct libvirt_events *events, const char *runtime,
			   void (*handle)(void *owner, const struct libvirt_event *event),
			   void *owner, struct libvirt_connection **result)
{
	struct libvirt_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return -ENOMEM;
	connection->watch = (struct libvirt_watch){events, handle, owner, {-1, -1, -1}};
	pthread_mutex_init(&connection->opening, NULL);
	if (snprintf(connection->root, sizeof(connection->root), "%s/libvirt", runtime) >=
	    (int)sizeof(connection->root)) {
		free(connection);
		return -ENAMETOOLONG;
	}
	*result = connection;
	return 0;
}

void libvirt_connection_free(struct libvirt_connection *connection)
{
	free(connection);
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
