/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/copy/place.h"
#include "host/cli/mount/guest_mount.h"
#include "host/cli/options.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- Behind ---------------------------------------------------------------------------------- */

/* It is mounted: who waits for it goes on, and this process is nobody's any more. */
static void detach(void *owner)
{
	const char status = EXIT_DONE;
	int *waiting = owner, null;

	if (*waiting < 0)
		return;
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	cleanup_close(&null);
	/* Who waited may have gone. */
	if (chdir("/") < 0 || write(*waiting, &status, 1) != 1)
		log_debug("nobody waits for the mount");
	close(take_fd(waiting));
}

/* The exit status of the process behind, unless it has mounted. */
static int await(pid_t pid, int ready)
{
	char status;
	int end;

	if (read(ready, &status, 1) == 1)
		return status;
	while (waitpid(pid, &end, 0) < 0) {
		if (errno != EINTR)
			return EXIT_FAILED;
	}
	return WIFEXITED(end) ? WEXITSTATUS(end) : EXIT_FAILED;
}

static int serve(struct guest_mount_options *options, int waiting)
{
	options->mounted = detach;
	options->owner = &waiting;
	return guest_mount_run(options) < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int serve_behind(struct guest_mount_options *options)
{
	_cleanup_close_ int ready = -EBADF;
	int ends[2], status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		log_error("mount: no process for it: %s", error_text(errno));
		return EXIT_FAILED;
	}
	if (pid == 0) {
		close(ends[0]);
		_exit(serve(options, ends[1]));
	}
	close(ends[1]);
	ready = ends[0];
	status = await(pid, ready);
	return status;
}

/* --- The command ----------------------------------------------------------------------------- */

/* "VM" is "VM:/". */
static int parse_source(const char *text, struct place *place, const char **problem)
{
	int r = place_parse(text, place, problem);

	if (r < 0)
		return r;
	if (!place->vm[0] && strlen(text) < sizeof(place->vm) && strcmp(text, "-") != 0) {
		strcpy(place->vm, text);
		place->path = "/";
	}
	*problem = "VM or VM:/PATH is expected";
	return place->vm[0] ? 0 : -EINVAL;
}

static int mount_at(struct guest_mount_options *options, const char *directory, bool foreground)
{
	_cleanup_free_ char *point = NULL, *source = NULL;
	char there[256];
	struct stat status;
	int r = fuse_mount_point(directory, &point);

	/* One that is a mount of ours may not answer. */
	if (r == 0 && fuse_mount_source(point, there, sizeof(there)) == 0) {
		log_error("mount: %s is mounted on %s already: lodge umount %s", there, point,
			  point);
		return EXIT_FAILED;
	}
	if (r == 0 && stat(point, &status) < 0)
		r = -errno;
	else if (r == 0 && !S_ISDIR(status.st_mode))
		r = -ENOTDIR;
	if (r == 0 && asprintf(&source, "%s:%s", options->vm, options->path) < 0)
		r = -ENOMEM;
	if (r < 0) {
		log_error("mount: %s: %s", directory, error_text(r));
		return EXIT_FAILED;
	}
	options->mount.source = source;
	options->mount.directory = point;
	return foreground ? serve(options, -EBADF) : serve_behind(options);
}

static int run_mount(const struct command *command, int argc, char **argv)
{
	struct guest_mount_options options = {0};
	bool foreground = false;
	const struct option_spec specs[] = {
		{"ro", 0, OPTION_FLAG, NULL, "nothing can be changed", &options.mount.read_only, 0,
		 0},
		{"user", 'u', OPTION_TEXT, "USER", "of the guest, as whom (root)", &options.user, 0,
		 0},
		{"allow-other", 0, OPTION_FLAG, NULL, "others here may look, too",
		 &options.mount.allow_other, 0, 0},
		{"foreground", 'f', OPTION_FLAG, NULL, "stay until it is unmounted", &foreground, 0,
		 0},
	};
	const char *problem;
	struct place place;
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (parse_source(argv[0], &place, &problem) < 0)
		return options_wrong(command, "'%s': %s", argv[0], problem);
	options.vm = place.vm;
	options.path = place.path;
	return mount_at(&options, argv[1], foreground);
}

const struct command command_mount = {
	.name = "mount",
	.operands = "VM[:/PATH] DIR",
	.summary = "Mount a running guest's files on this host",
	.description =
		"The guest's agent serves its own files, so they are what programs in the guest\n"
		"see. A process behind answers until it is unmounted: by 'lodge umount DIR',\n"
		"umount(8), or 'fusermount3 -u DIR'. Set-user-id programs and devices of the\n"
		"guest are none here. When the guest does not answer for long, its files give\n"
		"errors; they come back with it.\n",
	.operands_min = 2,
	.operands_max = 2,
	.run = run_mount,
};
