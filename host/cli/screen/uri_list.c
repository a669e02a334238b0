/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/uri_list.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const char start[] = "file://";

int uri_list_add(struct screen_bytes *list, const char *path)
{
	static const char hex[] = "0123456789ABCDEF";
	int r = screen_bytes_add(list, start, strlen(start));

	for (; r == 0 && *path; path++) {
		unsigned char byte = (unsigned char)*path;
		char coded[3] = {'%', hex[byte >> 4], hex[byte & 15]};

		/* RFC 3986, 2.3: what needs no coding; and the slash. */
		if (byte < 0x80 && (isalnum(byte) || strchr("-._~/", byte)))
			r = screen_bytes_add(list, path, 1);
		else
			r = screen_bytes_add(list, coded, sizeof(coded));
	}
	return r == 0 ? screen_bytes_add(list, "\r\n", 2) : r;
}

static int digit(char letter)
{
	if (letter >= '0' && letter <= '9')
		return letter - '0';
	letter = (char)tolower((unsigned char)letter);
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static int decode(const char *text, size_t length, char path[URI_LIST_PATH_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int byte = (unsigned char)text[i];

		if (byte == '%') {
			int high = length - i < 3 ? -1 : digit(text[i + 1]);
			int low = length - i < 3 ? -1 : digit(text[i + 2]);

			if (high < 0 || low < 0)
				return -EBADMSG;
			byte = high * 16 + low;
			i += 2;
		}
		if (byte == '\0' || used + 1 >= URI_LIST_PATH_MAX)
			return -EBADMSG;
		path[used++] = (char)byte;
	}
	path[used] = '\0';
	return path[0] == '/' ? 1 : -EBADMSG;
}

/* "file:///path", "file://localhost/path", "file:/path" */
static int decode_address(const char *line, size_t length, char path[URI_LIST_PATH_MAX])
{
	static const char *const starts[] = {"file://localhost/", "file:///", "file:/"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		size_t skip = strlen(starts[i]) - 1; /* the slash is the path's */

		if (length > skip && strncasecmp(line, starts[i], skip + 1) == 0 &&
		    (i < 2 || length == skip + 1 || line[skip + 1] != '/'))
			return decode(line + skip, length - skip, path);
	}
	return -EBADMSG;
}

int uri_list_next(const struct screen_bytes *list, size_t *at, char path[URI_LIST_PATH_MAX])
{
	while (*at < list->length) {
		const char *line = (const char *)list->bytes + *at;
		const char *end = memchr(line, '\n', list->length - *at);
		size_t length = end ? (size_t)(end - line) : list->length - *at;

		*at += length + (end != NULL);
		while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == '\0'))
			length--;
		/* A line that begins so is a comment. */
		if (length > 0 && line[0] != '#')
			return decode_address(line, length, path);
	}
	return 0;
}
