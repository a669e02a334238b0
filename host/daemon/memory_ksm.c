/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory_ksm.h"

#include "host/daemon/json_file.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/kernel_counts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "memory-ksm.json"

/* A UUID and its newline. */
struct boot {
	char text[64];
};

/* "" where the kernel does not tell it. */
static void read_boot(const char *root, struct boot *boot)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/proc/sys/kernel/random/boot_id", root) >=
		    (int)sizeof(path) ||
	    kernel_file_read(path, boot->text, sizeof(boot->text)) < 0)
		boot->text[0] = '\0';
	boot->text[strcspn(boot->text, "\n")] = '\0';
}

int memory_ksm_keep(const char *runtime, const char *root, const struct ksm_kept *kept)
{
	_cleanup_json_ struct json_object *object = NULL;
	char path[PATH_MAX];
	struct boot boot;

	if (!kept->driven) {
		if (snprintf(path, sizeof(path), "%s/" FILE_NAME, runtime) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	}
	read_boot(root, &boot);
	object = json_object_new_object();
	json_object_object_add(object, "boot", json_object_new_string(boot.text));
	json_object_object_add(object, "pages_before",
			       json_object_new_int64((int64_t)kept->pages_before));
	json_object_object_add(object, "pages", json_object_new_int64((int64_t)kept->pages));
	return json_file_write(runtime, FILE_NAME, object);
}

static bool read_number(struct json_object *object, const char *key, uint64_t *number)
{
	struct json_object *value;

	if (!json_file_get(object, key, json_type_int, &value) || json_object_get_int64(value) < 0)
		return false;
	*number = (uint64_t)json_object_get_int64(value);
	return true;
}

void memory_ksm_read(const char *runtime, const char *root, struct ksm_kept *kept)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *value;
	struct boot boot;

	*kept = (struct ksm_kept){0};
	read_boot(root, &boot);
	if (json_file_read(runtime, FILE_NAME, &object) < 0 ||
	    !json_file_get(object, "boot", json_type_string, &value) ||
	    strcmp(json_object_get_string(value), boot.text) != 0)
		return;
	kept->driven = read_number(object, "pages_before", &kept->pages_before) &&
		       read_number(object, "pages", &kept->pages);
	if (!kept->driven)
		*kept = (struct ksm_kept){0};
}
