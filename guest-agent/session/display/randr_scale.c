/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/randr_scale.h"

#include "protocol/base/cleanup.h"

#include <string.h>

#define KEY	      "Xft.dpi:"
#define RESOURCES_MAX (1U << 20)
#define DPI_MIN	      24
#define DPI_MAX	      960

static const char *find_line(const char *resources)
{
	const char *line = resources;

	while (strncmp(line, KEY, strlen(KEY)) != 0) {
		line = strchr(line, '\n');
		if (!line)
			return NULL;
		line++;
	}
	return line;
}

uint32_t randr_scale_parse(const char *resources)
{
	const char *line = find_line(resources);
	const unsigned long dpi = line ? strtoul(line + strlen(KEY), NULL, 10) : 0;

	if (dpi < DPI_MIN || dpi > DPI_MAX)
		return 1000;
	return (uint32_t)(dpi * 1000 / RANDR_SCALE_DPI);
}

char *randr_scale_edit(const char *resources, uint32_t scale_milli)
{
	const uint32_t dpi = (uint32_t)(((uint64_t)scale_milli * RANDR_SCALE_DPI + 500) / 1000);
	const char *line = find_line(resources);
	const size_t length = strlen(resources), capacity = length + 64;
	const size_t before = line ? (size_t)(line - resources) : length;
	const char *after = line ? strchr(line, '\n') : NULL;
	char *text = malloc(capacity);

	if (!text)
		return NULL;
	snprintf(text, capacity, "%.*s%s" KEY "\t%u\n%s", (int)before, resources,
		 before > 0 && resources[before - 1] != '\n' ? "\n" : "", dpi,
		 after ? after + 1 : "");
	return text;
}

/* To be freed; NULL if there are none. */
static char *get_resources(xcb_connection_t *connection, xcb_window_t root)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(
		connection,
		xcb_get_property(connection, 0, root, XCB_ATOM_RESOURCE_MANAGER, XCB_ATOM_STRING, 0,
				 RESOURCES_MAX / 4),
		NULL);
	char *text = NULL;

	if (reply && reply->format == 8)
		text = strndup(xcb_get_property_value(reply),
			       (size_t)xcb_get_property_value_length(reply));
	free(reply);
	return text;
}

uint32_t randr_scale_get(xcb_connection_t *connection, xcb_window_t root)
{
	_cleanup_free_ char *text = get_resources(connection, root);

	return text ? randr_scale_parse(text) : 1000;
}

void randr_scale_set(xcb_connection_t *connection, xcb_window_t root, uint32_t scale_milli)
{
	_cleanup_free_ char *text = get_resources(connection, root);
	_cleanup_free_ char *edited = randr_scale_edit(text ? text : "", scale_milli);

	if (edited)
		xcb_change_property(connection, XCB_PROP_MODE_REPLACE, root,
				    XCB_ATOM_RESOURCE_MANAGER, XCB_ATOM_STRING, 8,
				    (uint32_t)strlen(edited), edited);
}
