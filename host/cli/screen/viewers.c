/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/viewers.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct viewer_program viewers_known[] = {
	{"xtigervncviewer", VIEWER_UNIX, "tigervnc-viewer", "-Shared"},
	{"vncviewer", VIEWER_UNIX, "tigervnc-viewer", "-Shared"},
	{"remote-viewer", VIEWER_FILE, "virt-viewer", NULL},
	{"gvncviewer", VIEWER_DISPLAY, "gvncviewer", NULL},
	{"vinagre", VIEWER_PORT, "vinagre", NULL},
	{"xdg-open", VIEWER_BROWSER, "xdg-utils", NULL},
	{NULL, VIEWER_BROWSER, NULL, NULL},
};

bool viewers_path(const char *name, char *path, size_t capacity)
{
	const char *at = getenv("PATH");

	while (at && *at) {
		size_t length = strcspn(at, ":");
		int written = snprintf(path, capacity, "%.*s/%s", (int)length, at, name);

		if (length > 0 && written > 0 && (size_t)written < capacity &&
		    access(path, X_OK) == 0)
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

const struct viewer_program *viewers_find(bool browser)
{
	char path[PATH_MAX];

	for (const struct viewer_program *at = viewers_known; at->name; at++) {
		if ((at->way == VIEWER_BROWSER) == browser &&
		    viewers_path(at->name, path, sizeof(path)))
			return at;
	}
	return NULL;
}

bool viewers_have_display(void)
{
	const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	return (x && *x) || (wayland && *wayland);
}
