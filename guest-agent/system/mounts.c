/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/mounts.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <string.h>
#include <sys/statvfs.h>

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Blanks in names are written as \040 and the like. In place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
		    is_octal(from[3])) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool has_option(const char *options, const char *option)
{
	const size_t length = strlen(option);

	while (*options) {
		const size_t end = strcspn(options, ",");

		if (end == length && memcmp(options, option, length) == 0)
			return true;
		options += end + (options[end] == ',');
	}
	return false;
}

/* "253:1" */
static int parse_device(char *text, struct mount *mount)
{
	const char *major = strsep(&text, ":");
	uint64_t numbers[2];

	if (!text || parse_u64(major, 0, UINT32_MAX, &numbers[0]) < 0 ||
	    parse_u64(text, 0, UINT32_MAX, &numbers[1]) < 0)
		return -EBADMSG;
	mount->major = (unsigned int)numbers[0];
	mount->minor = (unsigned int)numbers[1];
	return 0;
}

/* id parent major:minor root mount-point options [tags] - type source super-options */
int mount_parse(char *line, struct mount *mount)
{
	char *rest = line, *fields[6], *type, *source;

	*mount = (struct mount){0};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&rest, " ");
		if (!fields[i] || !rest)
			return -EBADMSG;
	}
	if (parse_device(fields[2], mount) < 0)
		return -EBADMSG;
	for (const char *tag = ""; strcmp(tag, "-") != 0;) {
		tag = strsep(&rest, " ");
		if (!tag || !rest)
			return -EBADMSG;
	}
	type = strsep(&rest, " ");
	source = rest ? strsep(&rest, " ") : NULL;
	if (!source)
		return -EBADMSG;
	unescape(fields[4]);
	unescape(source);
	mount->mount_point = slice_of(fields[4]);
	mount->type = slice_of(type);
	mount->source = slice_of(source);
	mount->read_only = has_option(fields[5], "ro");
	return 0;
}

static bool is_of_the_kernel(struct slice type)
{
	static const char *const types[] = {
		"autofs",     "binfmt_misc", "bpf",	  "cgroup",   "cgroup2", "configfs",
		"debugfs",    "devpts",	     "devtmpfs",  "efivarfs", "fusectl", "hugetlbfs",
		"mqueue",     "nsfs",	     "proc",	  "pstore",   "ramfs",	 "rootfs",
		"rpc_pipefs", "securityfs",  "selinuxfs", "smackfs",  "sysfs",	 "tracefs",
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (slice_is(type, types[i]))
			return true;
	}
	return false;
}

static bool is_known(const struct mount *mounts, size_t count, const struct mount *mount)
{
	for (size_t i = 0; i < count; i++) {
		if (mounts[i].major == mount->major && mounts[i].minor == mount->minor)
			return true;
	}
	return false;
}

static struct slice keep(struct store *store, struct slice text)
{
	return store_text(store, "%.*s", (int)text.length, (const char *)text.bytes);
}

size_t mounts_read(const char *path, struct store *store, struct mount mounts[MOUNTS_MAX])
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0, count = 0;
	struct mount mount;

	while (file && count < MOUNTS_MAX && getline(&line, &capacity, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (mount_parse(line, &mount) < 0 || is_of_the_kernel(mount.type) ||
		    is_known(mounts, count, &mount))
			continue;
		mount.source = keep(store, mount.source);
		mount.mount_point = keep(store, mount.mount_point);
		mount.type = keep(store, mount.type);
		if (mount.mount_point.length > 0)
			mounts[count++] = mount;
	}
	return count;
}

int mount_figures(const char *path, struct mount *mount)
{
	struct statvfs figures;

	if (statvfs(path, &figures) < 0)
		return -errno;
	mount->size_bytes = figures.f_blocks * figures.f_frsize;
	mount->used_bytes = (figures.f_blocks - figures.f_bfree) * figures.f_frsize;
	mount->available_bytes = figures.f_bavail * figures.f_frsize;
	return 0;
}

struct slice mounts_put(struct store *store, const struct mount *mounts, size_t count)
{
	struct store_items items = store_items_begin(store);

	for (size_t i = 0; i < count; i++) {
		const struct mount *mount = &mounts[i];
		const struct info_filesystem filesystem = {
			.source = mount->source,
			.mount_point = mount->mount_point,
			.type = mount->type,
			.size_bytes = mount->size_bytes,
			.used_bytes = mount->used_bytes,
			.available_bytes = mount->available_bytes,
			.read_only = mount->read_only,
		};

		if (!store_items_add(&items, &message_info_filesystem, &filesystem))
			break;
	}
	return store_items_end(&items);
}
