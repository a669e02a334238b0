/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/probe/libvirt_uris.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_LENGTH 256

/* libvirt's daemons, all in one or one a driver. */
static const char *const sockets[] = {"libvirt-sock", "virtqemud-sock"};

size_t libvirt_uris(char uris[LIBVIRT_URIS_MAX][LIBVIRT_URI_LENGTH])
{
	const char *list = getenv(LIBVIRT_URIS_VARIABLE);
	size_t count = 0;

	if (!list || !*list)
		list = geteuid() == 0 ? "qemu:///system" : "qemu:///session";
	if (strcmp(list, "off") == 0)
		return 0;
	while (count < LIBVIRT_URIS_MAX) {
		size_t length;

		list += strspn(list, " \t\n");
		length = strcspn(list, " \t\n");
		if (length == 0)
			break;
		if (length < LIBVIRT_URI_LENGTH && memmem(list, length, "///embed", 8) == NULL) {
			memcpy(uris[count], list, length);
			uris[count][length] = '\0';
			count++;
		}
		list += length;
	}
	return count;
}

/* Where the daemon's socket is. -ENOENT: it is not one of the two that everybody has. */
static int folder_of(const char *uri, char *folder, size_t capacity)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");
	int length;

	if (strcmp(uri, "qemu:///system") == 0)
		length = snprintf(folder, capacity, "/run/libvirt");
	else if (strcmp(uri, "qemu:///session") != 0)
		return -ENOENT;
	else if (runtime && *runtime == '/')
		length = snprintf(folder, capacity, "%s/libvirt", runtime);
	else if (home && *home == '/')
		length = snprintf(folder, capacity, "%s/.cache/libvirt", home);
	else
		return -ENOENT;
	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}

int libvirt_uri_reach(const char *uri, char *reach, size_t capacity)
{
	char folder[PATH_LENGTH], path[PATH_LENGTH + 32];
	int r = folder_of(uri, folder, sizeof(folder)), length;

	if (r == -ENOENT && strcmp(uri, "qemu:///session") != 0) {
		/* Its own words say where it is. */
		length = snprintf(reach, capacity, "%s", uri);
		return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
	}
	for (size_t i = 0; r == 0 && i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, sockets[i]);
		if (access(path, W_OK) < 0)
			continue;
		length = snprintf(reach, capacity, "qemu+unix://%s?socket=%s",
				  uri + strlen("qemu://"), path);
		return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
	}
	return r < 0 ? r : -ENOENT;
}

bool libvirt_is_there(void)
{
	char uris[LIBVIRT_URIS_MAX][LIBVIRT_URI_LENGTH], reach[LIBVIRT_REACH_LENGTH];
	size_t count = libvirt_uris(uris);

	for (size_t i = 0; i < count; i++) {
		if (libvirt_uri_reach(uris[i], reach, sizeof(reach)) == 0)
			return true;
	}
	return false;
}
