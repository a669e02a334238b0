/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* files - what the web server can give: our page, which is in the program, and noVNC's modules */
#ifndef LODGE_SCREEN_WEB_FILES_H
#define LODGE_SCREEN_WEB_FILES_H

#include "host/screen/web/web.h"
#include "protocol/cbor.h"

#include <stdbool.h>

/* All of noVNC 1.3 has a tenth of that. */
#define FILES_MAX	256
#define FILES_MAX_BYTES (8U << 20)
#define FILES_NOVNC	"/novnc/"

struct file {
	const char *path; /* in addresses: "/page.js" */
	const char *type;
	struct slice content;
	bool open; /* without a cookie */
};

/* @files may be NULL. false: there is no such file. */
bool files_find(const struct web_files *files, struct slice path, struct file *file);
/* What "/" is: the page with the screen, or, before there is a cookie, the one that gets it. */
#define FILES_PAGE "/page.html"
#define FILES_DOOR "/door.html"
bool files_have_novnc(const struct web_files *files);

#endif
