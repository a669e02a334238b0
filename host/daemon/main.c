/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodged - holds the VMs of one user
 *
 * Started on demand by lodge; --ready-fd gets one byte when calls are answered. A lock in the
 * runtime folder lets one run at a time. It ends when nobody needs it, and may be killed at any
 * time: VMs go on, and the next lodged takes them up.
 */
#include "host/daemon/lodged.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { EXIT_USAGE = 2, EXIT_RUNS_ALREADY = 3 };

static const char help[] =
	"usage: lodged [--runtime FOLDER] [--ready-fd FD] [--memory-total SIZE]\n"
	"\n"
	"Holds the VMs of this user: their agents, their consoles, the D-Bus API org.lodge1.\n"
	"lodge starts it when it is needed; it ends by itself, and VMs outlive it.\n"
	"\n"
	"  --runtime FOLDER  sockets and descriptors (default: $LODGE_RUNTIME_DIR, else "
	"/run/lodge\n"
	"                    for root, else $XDG_RUNTIME_DIR/lodge)\n"
	"  --ready-fd FD     write one byte there when calls are answered\n"
	"  --memory-total SIZE\n"
	"                    all VMs share so much memory, not all that the host has\n"
	"  --host-root FOLDER\n"
	"                    FOLDER/proc/meminfo tells of the host's memory, for tests\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 ended in order; 1 failure; 2 usage; 3 one is running already.\n";

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	uv_stop(handle->loop);
}

static int default_runtime(char *path, size_t capacity)
{
	const char *own = getenv("LODGE_RUNTIME_DIR");
	const char *session = getenv("XDG_RUNTIME_DIR");
	int length;

	if (own && own[0] == '/')
		length = snprintf(path, capacity, "%s", own);
	else if (getuid() == 0)
		length = snprintf(path, capacity, "/run/lodge");
	else if (session && session[0] == '/')
		length = snprintf(path, capacity, "%s/lodge", session);
	else
		return -ENOENT;
	return (size_t)length < capacity ? 0 : -ENAMETOOLONG;
}

/* The runtime folder, ours alone, and "vm" in it. */
static int make_folders(const char *runtime)
{
	char path[PATH_MAX];
	struct stat status;

	if (mkdir(runtime, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(runtime, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode) || status.st_uid != getuid())
		return -EPERM;
	if (snprintf(path, sizeof(path), "%s/vm", runtime) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* The lock lasts as long as the process. */
static int take_lock(const char *runtime)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/lodged.lock", runtime) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int run(struct lodged *lodged, int ready_fd)
{
	uv_signal_t terminate, interrupt;
	int r = lodged_start(lodged);

	if (r < 0)
		return r;
	uv_signal_init(&lodged->loop, &terminate);
	uv_signal_init(&lodged->loop, &interrupt);
	uv_signal_start(&terminate, on_signal, SIGTERM);
	uv_signal_start(&interrupt, on_signal, SIGINT);
	if (ready_fd >= 0) {
		if (write(ready_fd, "+", 1) != 1)
			log_debug("nobody waits for us any more");
		close(ready_fd);
	}
	uv_run(&lodged->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&terminate, NULL);
	uv_close((uv_handle_t *)&interrupt, NULL);
	lodged_finish(lodged);
	return 0;
}

static int parse_arguments(int count, char *arguments[], struct lodged *lodged, int *ready_fd)
{
	static const struct option options[] = {
		{"runtime", required_argument, NULL, 'r'},
		{"ready-fd", required_argument, NULL, 'f'},
		{"memory-total", required_argument, NULL, 'm'},
		{"host-root", required_argument, NULL, 'H'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	uint64_t fd;

	for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
		switch (option) {
		case 'r':
			if (optarg[0] != '/' || strlen(optarg) >= sizeof(lodged->runtime)) {
				log_error("--runtime %s: an absolute path is needed", optarg);
				return -EINVAL;
			}
			strcpy(lodged->runtime, optarg);
			break;
		case 'f':
			if (parse_u64(optarg, 3, 1024, &fd) < 0) {
				log_error("--ready-fd %s: not a descriptor", optarg);
				return -EINVAL;
			}
			*ready_fd = (int)fd;
			break;
		case 'm':
			if (parse_size(optarg, &lodged->memory_total) < 0) {
				log_error("--memory-total %s: not a size", optarg);
				return -EINVAL;
			}
			break;
		case 'H':
			if (optarg[0] != '/' || strlen(optarg) >= sizeof(lodged->host_root)) {
				log_error("--host-root %s: an absolute path is needed", optarg);
				return -EINVAL;
			}
			strcpy(lodged->host_root, optarg);
			break;
		case 'h':
			fputs(help, stdout);
			exit(EXIT_SUCCESS);
		case 'v':
			puts("lodged " LODGE_VERSION);
			exit(EXIT_SUCCESS);
		default:
			return -EINVAL;
		}
	}
	if (optind < count) {
		log_error("%s: no argument is expected; see lodged --help", arguments[optind]);
		return -EINVAL;
	}
	return 0;
}

int main(int count, char *arguments[])
{
	static struct lodged lodged;
	int ready_fd = -1, lock, r;

	log_setup("lodged", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	umask(0077);
	if (parse_arguments(count, arguments, &lodged, &ready_fd) < 0)
		return EXIT_USAGE;
	if (!lodged.runtime[0] && default_runtime(lodged.runtime, sizeof(lodged.runtime)) < 0) {
		log_error("no runtime folder: set XDG_RUNTIME_DIR or LODGE_RUNTIME_DIR");
		return EXIT_FAILURE;
	}
	r = make_folders(lodged.runtime);
	if (r < 0) {
		log_error("cannot use the runtime folder %s: %s", lodged.runtime, error_text(r));
		return EXIT_FAILURE;
	}
	lock = take_lock(lodged.runtime);
	if (lock == -EWOULDBLOCK) {
		log_error("another lodged holds %s", lodged.runtime);
		return EXIT_RUNS_ALREADY;
	}
	if (lock < 0) {
		log_error("cannot lock %s: %s", lodged.runtime, error_text(lock));
		return EXIT_FAILURE;
	}
	r = run(&lodged, ready_fd);
	close(lock);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
