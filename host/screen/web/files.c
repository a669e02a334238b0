/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own files are in host/screen/web/page and become part of the program when it is assembled.
 * noVNC's are read once, as a whole, from its folders core and vendor: modules alone, no links
 * followed, nothing of its own pages. A path in an address is compared with the names that were
 * found then, and never given to the kernel.
 */
#include "host/screen/web/files.h"

#include "host/http/embed.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define MAX_DEPTH  6
#define MAX_PATH   256
#define HTML	   "text/html; charset=utf-8"
#define JAVASCRIPT "text/javascript; charset=utf-8"

struct web_files {
	struct file file[FILES_MAX];
	size_t count, bytes;
};

/* --- Ours ------------------------------------------------------------------------------------- */

#define OWN "host/screen/web/page/"

EMBED(door_html, OWN "door.html");
EMBED(door_js, OWN "door.js");
EMBED(page_html, OWN "page.html");
EMBED(page_js, OWN "page.js");
EMBED(page_css, OWN "page.css");
EMBED(token_js, "host/http/page/token.js");
EMBED(icon_svg, OWN "icon.svg");

static const struct {
	const char *path, *type;
	const uint8_t *bytes, *end;
	bool open;
} own[] = {
	{FILES_DOOR, HTML, embedded_door_html, embedded_door_html_end, true},
	{"/door.js", JAVASCRIPT, embedded_door_js, embedded_door_js_end, true},
	{"/token.js", JAVASCRIPT, embedded_token_js, embedded_token_js_end, true},
	{"/page.css", "text/css; charset=utf-8", embedded_page_css, embedded_page_css_end, true},
	{"/icon.svg", "image/svg+xml", embedded_icon_svg, embedded_icon_svg_end, true},
	{FILES_PAGE, HTML, embedded_page_html, embedded_page_html_end, false},
	{"/page.js", JAVASCRIPT, embedded_page_js, embedded_page_js_end, false},
};

bool files_find(const struct web_files *files, struct slice path, struct file *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (!slice_is(path, own[i].path))
			continue;
		*file = (struct file){own[i].path,
				      own[i].type,
				      {own[i].bytes, (size_t)(own[i].end - own[i].bytes)},
				      own[i].open};
		return true;
	}
	for (size_t i = 0; files && i < files->count; i++) {
		if (slice_is(path, files->file[i].path)) {
			*file = files->file[i];
			return true;
		}
	}
	return false;
}

bool files_have_novnc(const struct web_files *files)
{
	struct file file;

	return files_find(files, SLICE_LITERAL(FILES_NOVNC "core/rfb.js"), &file);
}

/* --- noVNC's ---------------------------------------------------------------------------------- */

static int read_whole(int fd, uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		ssize_t got = read(fd, bytes + at, length - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EIO;
		at += (size_t)got;
	}
	return 0;
}

static int add_file(struct web_files *files, int folder, const char *name, const char *path)
{
	_cleanup_close_ int fd =
		openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *copy = NULL;
	_cleanup_free_ uint8_t *bytes = NULL;
	struct stat status;
	size_t length;
	int result;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return 0;
	if (files->count == FILES_MAX || status.st_size > (off_t)(FILES_MAX_BYTES - files->bytes))
		return -EFBIG;
	length = (size_t)status.st_size;
	bytes = malloc(length + 1);
	copy = strdup(path);
	if (!bytes || !copy)
		return -ENOMEM;
	result = read_whole(fd, bytes, length);
	if (result < 0)
		return result;
	files->bytes += length;
	files->file[files->count++] =
		(struct file){take_ptr(copy), JAVASCRIPT, {take_ptr(bytes), length}, false};
	return 0;
}

static bool is_module(const char *name)
{
	size_t length = strlen(name);

	return length > 3 && strcmp(name + length - 3, ".js") == 0;
}

static void cleanup_closedir(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

static int add_folder(struct web_files *files, int parent, const char *name, const char *path,
		      unsigned int depth)
{
	_cleanup_close_ int fd =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(cleanup_closedir) DIR *directory = NULL;
	struct dirent *entry;
	int result = 0;

	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (!directory)
		return -errno;
	take_fd(&fd);
	while (result == 0 && (errno = 0, entry = readdir(directory))) {
		char inner[MAX_PATH];
		int length = snprintf(inner, sizeof(inner), "%s%s", path, entry->d_name);

		if (entry->d_name[0] == '.' || length < 0 || length >= MAX_PATH - 1)
			continue;
		if (entry->d_type == DT_REG && is_module(entry->d_name)) {
			result = add_file(files, dirfd(directory), entry->d_name, inner);
		} else if (entry->d_type == DT_DIR && depth < MAX_DEPTH) {
			memcpy(inner + length, "/", 2);
			result = add_folder(files, dirfd(directory), entry->d_name, inner,
					    depth + 1);
		}
	}
	return result < 0 ? result : -errno;
}

int web_files_read(const char *folder, struct web_files **files)
{
	_cleanup_close_ int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct web_files *made;
	int result;

	if (fd < 0)
		return -errno;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	result = add_folder(made, fd, "core", FILES_NOVNC "core/", 0);
	if (result == 0)
		result = add_folder(made, fd, "vendor", FILES_NOVNC "vendor/", 0);
	if (result == 0 && !files_have_novnc(made))
		result = -ENOENT;
	if (result < 0) {
		web_files_free(made);
		return result;
	}
	*files = made;
	return 0;
}

void web_files_free(struct web_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->count; i++) {
		free((char *)files->file[i].path);
		free((uint8_t *)files->file[i].content.bytes);
	}
	free(files);
}
