/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/mount/fuse_mount.h"
#include "host/cli/options.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

static int unmount(const char *path, bool lazy)
{
	_cleanup_free_ char *point = NULL;
	char error[512], source[512];
	int r = fuse_mount_point(path, &point);

	if (r < 0) {
		log_error("umount: %s: %s", path, error_text(r));
		return r;
	}
	r = fuse_mount_source(point, source, sizeof(source));
	if (r == -EINVAL)
		log_error("umount: nothing of Lodge's is mounted on %s", point);
	else if (r < 0)
		log_error("umount: the list of mounts cannot be read: %s", error_text(r));
	if (r < 0)
		return r;
	r = fuse_unmount(point, lazy, error, sizeof(error));
	if (r < 0)
		log_error("umount: %s", error);
	return r;
}

static int run_umount(const struct command *command, int argc, char **argv)
{
	bool lazy = false;
	const struct option_spec specs[] = {
		{"lazy", 'z', OPTION_FLAG, NULL, "also when somebody is in it", &lazy, 0, 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	for (int i = 0; i < argc; i++) {
		if (unmount(argv[i], lazy) < 0)
			status = EXIT_FAILED;
	}
	return status;
}

const struct command command_umount = {
	.name = "umount",
	.operands = "DIR...",
	.summary = "Take away what lodge mount has mounted",
	.description = "As umount(8), for root, and 'fusermount3 -u', for others, do.\n",
	.operands_min = 1,
	.operands_max = -1,
	.run = run_umount,
};
