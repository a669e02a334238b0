/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks, from /sys/block. A virtio disk is asked for its serial when the file is read, so this may
 * wait for the device.
 */
#include "guest-agent/system/collect.h"
#include "protocol/base/parse.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define SECTOR_BYTES 512

static ssize_t read_attribute(const char *disk, const char *name, char *text, size_t capacity)
{
	char path[MESSAGE_NAME_MAX + 64];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, name);
	text[0] = '\0';
	length = read_line(path, text, capacity);
	/* SCSI pads its names with spaces. */
	while (length > 0 && text[length - 1] == ' ')
		text[--length] = '\0';
	return length;
}

static uint64_t read_number(const char *disk, const char *name)
{
	uint64_t value;
	char text[32];

	if (read_attribute(disk, name, text, sizeof(text)) <= 0 ||
	    parse_u64(text, 0, UINT64_MAX, &value) < 0)
		return 0;
	return value;
}

/* Memory disks, loops without a file and the like have no size or no device behind. */
static bool is_disk(const char *name, uint64_t sectors)
{
	static const char *const others[] = {"ram", "loop", "zram", "dm-", "md"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strncmp(name, others[i], strlen(others[i])) == 0)
			return false;
	}
	return name[0] != '.' && sectors > 0;
}

void collect_disks(struct store *store, struct info *info)
{
	struct store_items items = store_items_begin(store);
	DIR *directory = opendir("/sys/block");
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		const char *name = entry->d_name;
		const uint64_t sectors = read_number(name, "size");
		struct info_disk disk = {.name = slice_of(name)};
		char model[128], serial[128];

		if (!is_disk(name, sectors))
			continue;
		disk.size_bytes = sectors * SECTOR_BYTES;
		disk.read_only = read_number(name, "ro") != 0;
		read_attribute(name, "device/model", model, sizeof(model));
		if (read_attribute(name, "serial", serial, sizeof(serial)) <= 0)
			read_attribute(name, "device/serial", serial, sizeof(serial));
		disk.model = slice_of(model);
		disk.serial = slice_of(serial);
		if (!store_items_add(&items, &message_info_disk, &disk))
			break;
	}
	if (directory)
		closedir(directory);
	info->disks = store_items_end(&items);
}
