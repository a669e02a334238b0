/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-guest info: what lodge-agent tells the host of this guest, collected the same way.
 */
#include "guest-agent/system/collect.h"
#include "guest-agent/system/mounts.h"
#include "guest-agent/system/parts.h"
#include "guest-agent/toolbox/command.h"
#include "guest-agent/toolbox/json.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <stdlib.h>

#define MS_PER_S 1000

/* How many of the list's maps; @reader stands before the first. */
static uint64_t begin(struct slice items, struct cbor_reader *reader)
{
	uint64_t count = 0;

	*reader = CBOR_READER(items);
	return items.length && message_items_begin(reader, &count) == 0 ? count : 0;
}

static void collect(struct store *store, struct info *info)
{
	static struct mount mounts[MOUNTS_MAX];
	size_t count;

	collect_parts(PART_ALL, store, info);
	count = mounts_read("/proc/self/mountinfo", store, mounts);
	for (size_t i = 0; i < count; i++) {
		char path[MESSAGE_PATH_MAX + 1];

		snprintf(path, sizeof(path), "%.*s", (int)mounts[i].mount_point.length,
			 (const char *)mounts[i].mount_point.bytes);
		mount_figures(path, &mounts[i]);
	}
	info->filesystems = mounts_put(store, mounts, count);
}

static void json_identity(struct json *json, const struct info *info)
{
	const struct {
		const char *name;
		struct slice text;
	} texts[] = {
		{"os_id", info->os_id},		  {"os_name", info->os_name},
		{"os_version", info->os_version}, {"os_pretty", info->os_pretty},
		{"kernel", info->kernel},	  {"architecture", info->architecture},
		{"hostname", info->hostname},	  {"machine_id", info->machine_id},
		{"boot_id", info->boot_id},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_text(json, texts[i].name, texts[i].text);
	json_number(json, "processors", info->processors);
	json_number(json, "uptime_ms", info->uptime_ms);
	json_number(json, "realtime_ns", info->realtime_ns);
	json_number(json, "memory_total_bytes", info->memory_total_bytes);
	json_number(json, "memory_available_bytes", info->memory_available_bytes);
	json_number(json, "memory_free_bytes", info->memory_free_bytes);
	json_number(json, "memory_cached_bytes", info->memory_cached_bytes);
	json_number(json, "swap_total_bytes", info->swap_total_bytes);
	json_number(json, "swap_free_bytes", info->swap_free_bytes);
	json_number(json, "load_1_milli", info->load_1_milli);
	json_number(json, "load_5_milli", info->load_5_milli);
	json_number(json, "load_15_milli", info->load_15_milli);
}

static void json_users(struct json *json, const struct info *info)
{
	struct cbor_reader reader;
	uint64_t left = begin(info->users, &reader);
	struct info_user user;

	json_open(json, "users", '[');
	while (message_items_next(&reader, &left, &message_info_user, &user) == 1) {
		json_open(json, NULL, '{');
		json_text(json, "name", user.name);
		json_text(json, "terminal", user.terminal);
		json_text(json, "from", user.from);
		json_number(json, "since_ns", user.since_ns);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_network(struct json *json, const struct info *info)
{
	struct cbor_reader reader;
	uint64_t left = begin(info->network, &reader);
	struct info_interface interface;

	json_open(json, "network", '[');
	while (message_items_next(&reader, &left, &message_info_interface, &interface) == 1) {
		struct cbor_reader addresses = CBOR_READER(interface.addresses);
		uint64_t count = interface.addresses.length ? cbor_get_array(&addresses) : 0;

		json_open(json, NULL, '{');
		json_text(json, "name", interface.name);
		json_text(json, "mac", interface.mac);
		json_text(json, "state", interface.state);
		json_open(json, "addresses", '[');
		for (; count > 0; count--)
			json_text(json, NULL, cbor_get_text(&addresses));
		json_close(json, ']');
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_disks(struct json *json, const struct info *info)
{
	struct cbor_reader reader;
	uint64_t left = begin(info->disks, &reader);
	struct info_disk disk;

	json_open(json, "disks", '[');
	while (message_items_next(&reader, &left, &message_info_disk, &disk) == 1) {
		json_open(json, NULL, '{');
		json_text(json, "name", disk.name);
		json_text(json, "model", disk.model);
		json_text(json, "serial", disk.serial);
		json_number(json, "size_bytes", disk.size_bytes);
		json_bool(json, "read_only", disk.read_only);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_filesystems(struct json *json, const struct info *info)
{
	struct cbor_reader reader;
	uint64_t left = begin(info->filesystems, &reader);
	struct info_filesystem filesystem;

	json_open(json, "filesystems", '[');
	while (message_items_next(&reader, &left, &message_info_filesystem, &filesystem) == 1) {
		json_open(json, NULL, '{');
		json_text(json, "source", filesystem.source);
		json_text(json, "mount_point", filesystem.mount_point);
		json_text(json, "type", filesystem.type);
		json_number(json, "size_bytes", filesystem.size_bytes);
		json_number(json, "used_bytes", filesystem.used_bytes);
		json_number(json, "available_bytes", filesystem.available_bytes);
		json_bool(json, "read_only", filesystem.read_only);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void print_json(const struct info *info)
{
	struct json json = {.file = stdout};

	json_open(&json, NULL, '{');
	json_identity(&json, info);
	json_users(&json, info);
	json_network(&json, info);
	json_disks(&json, info);
	json_filesystems(&json, info);
	json_close(&json, '}');
	putchar('\n');
}

static void print_slice(const char *label, struct slice text)
{
	if (text.length > 0)
		printf("%-12s %.*s\n", label, (int)text.length, (const char *)text.bytes);
}

static void print_network(const struct info *info)
{
	struct cbor_reader reader;
	uint64_t left = begin(info->network, &reader);
	struct info_interface interface;

	while (message_items_next(&reader, &left, &message_info_interface, &interface) == 1) {
		struct cbor_reader addresses = CBOR_READER(interface.addresses);
		uint64_t count = interface.addresses.length ? cbor_get_array(&addresses) : 0;

		printf("%-12s %.*s, %.*s", "network", (int)interface.name.length,
		       (const char *)interface.name.bytes, (int)interface.state.length,
		       (const char *)interface.state.bytes);
		for (; count > 0; count--) {
			const struct slice address = cbor_get_text(&addresses);

			printf(", %.*s", (int)address.length, (const char *)address.bytes);
		}
		putchar('\n');
	}
}

static void print_disks(const struct info *info)
{
	struct cbor_reader reader;
	uint64_t left = begin(info->disks, &reader);
	struct info_disk disk;
	char size[16];

	while (message_items_next(&reader, &left, &message_info_disk, &disk) == 1)
		printf("%-12s %.*s, %s%s\n", "disk", (int)disk.name.length,
		       (const char *)disk.name.bytes,
		       format_size(disk.size_bytes, size, sizeof(size)),
		       disk.read_only ? ", read-only" : "");
}

static void print_filesystems(const struct info *info)
{
	struct cbor_reader reader;
	uint64_t left = begin(info->filesystems, &reader);
	struct info_filesystem filesystem;
	char used[16], size[16];

	while (message_items_next(&reader, &left, &message_info_filesystem, &filesystem) == 1)
		printf("%-12s %.*s (%.*s), %s of %s used%s\n", "file system",
		       (int)filesystem.mount_point.length,
		       (const char *)filesystem.mount_point.bytes, (int)filesystem.type.length,
		       (const char *)filesystem.type.bytes,
		       format_size(filesystem.used_bytes, used, sizeof(used)),
		       format_size(filesystem.size_bytes, size, sizeof(size)),
		       filesystem.read_only ? ", read-only" : "");
}

static void print_users(const struct info *info)
{
	struct cbor_reader reader;
	uint64_t left = begin(info->users, &reader);
	struct info_user user;

	while (message_items_next(&reader, &left, &message_info_user, &user) == 1)
		printf("%-12s %.*s on %.*s\n", "user", (int)user.name.length,
		       (const char *)user.name.bytes, (int)user.terminal.length,
		       (const char *)user.terminal.bytes);
}

static void print_text(const struct info *info)
{
	const unsigned long seconds = (unsigned long)(info->uptime_ms / MS_PER_S);
	char total[16], available[16];

	print_slice("system", info->os_pretty);
	print_slice("kernel", info->kernel);
	print_slice("architecture", info->architecture);
	print_slice("hostname", info->hostname);
	printf("%-12s %lu d %02lu:%02lu:%02lu\n", "up", seconds / 86400, seconds / 3600 % 24,
	       seconds / 60 % 60, seconds % 60);
	printf("%-12s %lu\n", "processors", (unsigned long)info->processors);
	printf("%-12s %s, %s available\n", "memory",
	       format_size(info->memory_total_bytes, total, sizeof(total)),
	       format_size(info->memory_available_bytes, available, sizeof(available)));
	printf("%-12s %lu.%02lu %lu.%02lu %lu.%02lu\n", "load",
	       (unsigned long)info->load_1_milli / 1000,
	       (unsigned long)info->load_1_milli % 1000 / 10,
	       (unsigned long)info->load_5_milli / 1000,
	       (unsigned long)info->load_5_milli % 1000 / 10,
	       (unsigned long)info->load_15_milli / 1000,
	       (unsigned long)info->load_15_milli % 1000 / 10);
	print_network(info);
	print_disks(info);
	print_filesystems(info);
	print_users(info);
}

static int info_run(bool json)
{
	struct store *store = calloc(1, sizeof(*store));
	struct info info = {0};

	if (!store) {
		log_error("cannot collect: %s", error_text(ENOMEM));
		return EXIT_FAILURE;
	}
	collect(store, &info);
	if (json)
		print_json(&info);
	else
		print_text(&info);
	free(store);
	return EXIT_SUCCESS;
}

const struct command command_info = {
	.name = "info",
	.summary = "this guest, as the host is told of it",
	.run = info_run,
};
