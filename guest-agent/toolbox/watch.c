/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-guest watch: what changes in a folder, as any program is told that watches it (inotify(7)).
 * In a share these are the host's changes, too.
 */
#include "guest-agent/toolbox/command.h"
#include "guest-agent/toolbox/json.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

static const struct {
	uint32_t bit;
	const char *name;
} events[] = {
	{IN_CREATE, "create"},	   {IN_DELETE, "delete"},	{IN_MOVED_FROM, "moved-from"},
	{IN_MOVED_TO, "moved-to"}, {IN_MODIFY, "modify"},	{IN_CLOSE_WRITE, "written"},
	{IN_ATTRIB, "attributes"}, {IN_DELETE_SELF, "gone"},	{IN_MOVE_SELF, "moved"},
	{IN_UNMOUNT, "unmounted"}, {IN_Q_OVERFLOW, "overflow"},
};

static void print_event(const struct inotify_event *event, bool json)
{
	/* Zeroes fill it up. */
	const struct slice name = {(const uint8_t *)event->name,
				   event->len ? strnlen(event->name, event->len) : 0};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		struct json line = {.file = stdout};

		if (!(event->mask & events[i].bit))
			continue;
		if (json) {
			json_open(&line, NULL, '{');
			json_text(&line, "event", slice_of(events[i].name));
			json_text(&line, "name", name);
			json_close(&line, '}');
			putchar('\n');
		} else {
			printf("%-10s %.*s\n", events[i].name, (int)name.length,
			       (const char *)name.bytes);
		}
	}
	fflush(stdout);
}

/* Return: 0: there is no more to watch; negative errno. */
static int print_all(int fd, bool json)
{
	char bytes[16384] __attribute__((aligned(__alignof__(struct inotify_event))));

	for (;;) {
		ssize_t length = read(fd, bytes, sizeof(bytes));

		if (length < 0 && errno != EINTR)
			return -errno;
		for (const char *at = bytes; at < bytes + length;) {
			const struct inotify_event *event = (const void *)at;

			print_event(event, json);
			if (event->mask & IN_IGNORED)
				return 0;
			at += sizeof(*event) + event->len;
		}
	}
}

static int watch_run(const char *path, bool json)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC);
	uint32_t mask = 0;
	int error;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		mask |= events[i].bit & IN_ALL_EVENTS;
	if (fd < 0 || inotify_add_watch(fd, path, mask) < 0) {
		log_error("cannot watch '%s': %s", path, error_text(errno));
		return EXIT_FAILURE;
	}
	/* From now on nothing is missed. */
	if (!json)
		printf("watching %s\n", path);
	fflush(stdout);
	error = print_all(fd, json);
	if (error) {
		log_error("cannot watch '%s' any more: %s", path, error_text(error));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

const struct command command_watch = {
	.name = "watch",
	.summary = "what changes in a folder, as it happens",
	.help = "Prints a line for each event that inotify(7) has for PATH, until it is gone or "
		"this is\n"
		"ended. In a share these are the host's changes, too.",
	.operand = "PATH",
	.run_on = watch_run,
};
