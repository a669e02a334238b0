/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-guest shares: the folders that the host shares with this guest, and where they are.
 */
#include "guest-agent/system/mounts.h"
#include "guest-agent/system/share_list.h"
#include "guest-agent/toolbox/command.h"
#include "guest-agent/toolbox/json.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <stdlib.h>
#include <string.h>

/* The place of the first mount of that share, whoever mounted it; "" if there is none. */
static void find_place(const char *name, char place[PATH_MAX])
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *text = NULL;
	size_t capacity = 0;

	place[0] = '\0';
	while (file && !place[0] && getline(&text, &capacity, file) > 0) {
		struct mount mount;

		text[strcspn(text, "\n")] = '\0';
		if (mount_parse(text, &mount) < 0 || !slice_is(mount.source, name) ||
		    !(slice_is(mount.type, "fuse.lodge") || slice_is(mount.type, "virtiofs")))
			continue;
		snprintf(place, PATH_MAX, "%.*s", (int)mount.mount_point.length,
			 (const char *)mount.mount_point.bytes);
	}
}

static void print_json(const struct share_line *lines, int count)
{
	struct json json = {.file = stdout};
	char place[PATH_MAX];

	json_open(&json, NULL, '[');
	for (int i = 0; i < count; i++) {
		find_place(lines[i].name, place);
		json_open(&json, NULL, '{');
		json_text(&json, "name", slice_of(lines[i].name));
		json_bool(&json, "read_only", lines[i].read_only);
		if (lines[i].at[0])
			json_text(&json, "at", slice_of(lines[i].at));
		if (place[0])
			json_text(&json, "mounted", slice_of(place));
		json_close(&json, '}');
	}
	json_close(&json, ']');
	putchar('\n');
}

static void print_text(const struct share_line *lines, int count)
{
	char place[PATH_MAX];

	for (int i = 0; i < count; i++) {
		find_place(lines[i].name, place);
		printf("%-20s %-3s %s\n", lines[i].name, lines[i].read_only ? "ro" : "rw",
		       place[0]		? place
		       : lines[i].at[0] ? "is to be mounted"
					: "not mounted: mount -t lodge NAME DIRECTORY");
	}
}

static int shares_run(bool json)
{
	_cleanup_free_ struct share_line *lines = calloc(SHARE_MAX, sizeof(*lines));
	int count = lines ? share_list_read(SHARE_LIST_PATH, lines) : -ENOMEM;

	if (count < 0 && count != -ENOENT) {
		log_error("cannot read %s: %s", SHARE_LIST_PATH, error_text(count));
		return EXIT_FAILURE;
	}
	if (json)
		print_json(lines, count);
	else if (count <= 0)
		printf("the host shares no folder with this guest\n");
	else
		print_text(lines, count);
	return EXIT_SUCCESS;
}

const struct command command_shares = {
	.name = "shares",
	.summary = "folders of the host in this guest",
	.help = "Those that have a place are mounted there by lodge-agent; the others by whoever "
		"wants them:\nmount -t lodge NAME DIRECTORY (mount.lodge(8)).",
	.run = shares_run,
};
