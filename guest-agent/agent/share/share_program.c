/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/share/share_program.h"

#include "guest-agent/agent/exec/spawn.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};

static int place_beside_us(const char *name, char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (length < 0)
		return -errno;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + 2 + strlen(name) > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(slash + 1, name, strlen(name) + 1);
	return 0;
}

pid_t share_program_start(const char *const *argv, const char *user, int input, int output)
{
	static char path_variable[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", root[] = "/";
	char paths[ARRAY_SIZE(folders) + 1][PATH_MAX], *candidates[ARRAY_SIZE(folders) + 2] = {0};
	char *environment[] = {path_variable, NULL};
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct command command = {
		.argv = (char **)argv,
		.environment = environment,
		.candidates = candidates,
		.directory = root,
	};
	struct account account = {0};
	const struct spawn spawn = {
		.command = &command,
		.account = &account,
		.fds = {input < 0 ? null : input, output < 0 ? STDERR_FILENO : output,
			output < 0 ? STDERR_FILENO : output},
		.reset_oom_score = true,
	};
	const char *failed = "";
	size_t count = 0;
	pid_t pid = -1;
	int error;

	if (null < 0)
		return -errno;
	error = account_find("/etc/passwd", "/etc/group", user ? user : "root", &account);
	if (error && user)
		return error == -ENOENT ? -ESRCH : error;
	if (place_beside_us(argv[0], paths[0]) == 0)
		candidates[count++] = paths[0];
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(paths[i + 1], PATH_MAX, "%s/%s", folders[i], argv[0]);
		candidates[count++] = paths[i + 1];
	}
	error = spawn_program(&spawn, &pid, &failed);
	account_clear(&account);
	if (!error)
		return pid;
	log_warning("%s: cannot %s: %s", argv[0], failed, error_text(error));
	return error == -ENOENT ? -ENOPKG : error;
}
