/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/init_system.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>

/* systemd(1), SIGNALS: what it has as SIGRTMIN+3 and so on, by the kernel's numbers. */
#define SYSTEMD_HALT	  (34 + 3)
#define SYSTEMD_POWER_OFF (34 + 4)
#define SYSTEMD_REBOOT	  (34 + 5)

static const int signals[][3] = {
	[INIT_SYSTEMD] = {[POWER_OFF] = SYSTEMD_POWER_OFF,
			  [POWER_REBOOT] = SYSTEMD_REBOOT,
			  [POWER_HALT] = SYSTEMD_HALT},
	[INIT_BUSYBOX] = {[POWER_OFF] = SIGUSR2, [POWER_REBOOT] = SIGTERM, [POWER_HALT] = SIGUSR1},
	[INIT_SHELL] = {0},
	[INIT_OTHER] = {0},
};

static const char *const commands[] = {
	[POWER_OFF] = "poweroff", [POWER_REBOOT] = "reboot", [POWER_HALT] = "halt"};

static const unsigned int kernel_commands[] = {
	[POWER_OFF] = RB_POWER_OFF, [POWER_REBOOT] = RB_AUTOBOOT, [POWER_HALT] = RB_HALT_SYSTEM};

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static ssize_t read_command_line(const char *root, char *text, size_t capacity)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -EBADF;

	snprintf(path, sizeof(path), "%s/proc/1/cmdline", root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : read(fd, text, capacity);
}

/* Called as init, and not by the kernel to run a script named init. */
static bool is_called_init(const char *root)
{
	char text[PATH_MAX];
	const ssize_t length = read_command_line(root, text, sizeof(text) - 2);
	const char *name;

	if (length < 0)
		return false;
	text[length] = text[length + 1] = '\0';
	name = last_component(text);
	if (strncmp(name, "busybox", strlen("busybox")) == 0)
		name = last_component(text + strlen(text) + 1);
	return strcmp(name, "init") == 0 || strcmp(name, "linuxrc") == 0;
}

static enum init_system by_program(const char *root)
{
	static const char *const shells[] = {"sh", "dash", "ash", "bash"};
	char path[PATH_MAX], program[PATH_MAX];
	const char *name;
	ssize_t length;

	snprintf(path, sizeof(path), "%s/proc/1/exe", root);
	length = readlink(path, program, sizeof(program) - 1);
	if (length < 0)
		return INIT_OTHER;
	program[length] = '\0';
	name = last_component(program);
	if (strncmp(name, "busybox", strlen("busybox")) == 0)
		return is_called_init(root) ? INIT_BUSYBOX : INIT_SHELL;
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(name, shells[i]) == 0)
			return INIT_SHELL;
	}
	return INIT_OTHER;
}

enum init_system init_system_detect(const char *root)
{
	char path[PATH_MAX];
	struct stat st;

	/* As sd_booted(3) does. */
	snprintf(path, sizeof(path), "%s/run/systemd/system", root);
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return INIT_SYSTEMD;
	return by_program(root);
}

int init_system_signal(enum init_system system, enum power_action action)
{
	return signals[system][action];
}

static int run_command(const char *name)
{
	static const char *const folders[] = {"/sbin", "/usr/sbin", "/bin", "/usr/bin"};
	char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
	char *const argv[] = {(char *)name, NULL};
	char path[64];
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (posix_spawn(&pid, path, NULL, NULL, argv, environment) == 0)
			return 0;
	}
	return -ENOENT;
}

int init_system_power(enum power_action action)
{
	const enum init_system system = init_system_detect("");
	const int signal = init_system_signal(system, action);

	if (signal && kill(1, signal) == 0)
		return 0;
	if (system != INIT_SHELL && run_command(commands[action]) == 0)
		return 0;
	sync();
	return reboot((int)kernel_commands[action]) < 0 ? -errno : 0;
}
