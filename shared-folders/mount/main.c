/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount.lodge - mounts a share of the host (mount.lodge(8)); mount(8) calls it for `mount -t lodge`
 *
 * By virtiofs, where the VM has a device for the share; then a process stays beside the mount that
 * has the kernel look again at what changes on the host (watcher.h). Else it stays as a process of
 * its own and carries what the kernel asks over the agent's connection. The caller waits until the
 * mount is of use, or cannot be.
 */
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/share.h"
#include "shared-folders/mount/fuse_mount.h"
#include "shared-folders/mount/link.h"
#include "shared-folders/mount/options.h"
#include "shared-folders/mount/watcher.h"
#include "shared-folders/relay/echo.h"
#include "shared-folders/relay/share_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* As mount(8) has them. */
#define EXIT_USAGE  1
#define EXIT_SYSTEM 2
#define EXIT_MOUNT  32

/* How long the agent is awaited before the first mount, at least: where somebody watches, and where
 * the guest may just be booting (systemd gives mounts 90 seconds). */
#define FIRST_WAIT_MS	   10000
#define FIRST_WAIT_BOOT_MS 80000

static const char usage[] =
	"Usage: mount.lodge NAME DIRECTORY [-o OPTION[,OPTION]...] [--foreground]\n"
	"       mount -t lodge [-o OPTION[,OPTION]...] NAME DIRECTORY\n"
	"Mounts the folder that the host shares with this guest as NAME.\n\n"
	"  -o ro, noexec, ...  as mount(8)\n"
	"  -o stream           over the agent's connection, even if there is virtiofs\n"
	"  -o wait=SECONDS     how long requests wait for a lost connection; default 30\n"
	"  -o dax[=always|inode|never]  with virtiofs: which files are seen in the host's cache\n"
	"  -o private          for root alone\n"
	"  -o socket=PATH      of the agent; default " SHARE_SOCKET_PATH "\n"
	"  --foreground        stay, and speak\n"
	"  --version, --help\n\n"
	"Exit status: 0 mounted, 1 wrong use, 2 the system has not got what it takes,\n"
	"32 the share cannot be mounted.\n";

struct program {
	struct mount_options options;
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t first;
	struct link *link;
	struct share_relay *relay;
	struct echo *echo;
	uv_poll_t echo_poll;
	bool is_mounted, has_started;
	int starter; /* tells who waits for us; -EBADF: nobody does */
	int status;
};

/*
 * libuv refers to this in a function that is never called (uv_os_homedir). The C library's needs
 * shared objects of the name service switch, which a static program cannot load.
 */
int getpwuid_r(uid_t uid, struct passwd *entry, char *bytes, size_t capacity,
	       struct passwd **result)
{
	(void)uid;
	(void)entry;
	(void)bytes;
	(void)capacity;
	*result = NULL;
	return ENOENT;
}

/* The starter goes on with this exit status. */
static void release_starter(struct program *program, int status)
{
	const uint8_t byte = (uint8_t)status;

	if (program->starter < 0)
		return;
	if (write(program->starter, &byte, 1) < 0)
		log_debug("nobody waits: %s", error_text(errno));
	close(take_fd(&program->starter));
}

static void stop(struct program *program, int status)
{
	program->status = status;
	release_starter(program, status);
	uv_stop(&program->loop);
}

static void on_opened(void *owner)
{
	struct program *program = owner;
	const struct mount_options *options = &program->options;
	_cleanup_close_ int fd = fuse_mount_open();
	int error = fd < 0 ? fd : fuse_mount(options, fd);

	if (fd < 0) {
		log_error("cannot open /dev/fuse: %s", error_text(error));
		stop(program, EXIT_SYSTEM);
		return;
	}
	if (error) {
		log_error("cannot mount on %s: %s", options->target, error_text(error));
		stop(program, EXIT_MOUNT);
		return;
	}
	program->is_mounted = true;
	uv_timer_stop(&program->first);
	error = share_relay_use(program->relay, take_fd(&fd));
	if (error) {
		log_error("cannot serve %s: %s", options->target, error_text(error));
		stop(program, EXIT_SYSTEM);
	}
}

/* Who started us shall not wait for our end, nor hear of it. */
static void let_go(const struct mount_options *options)
{
	int null;

	if (options->foreground)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

static void on_echo(uv_poll_t *poll, int status, int events)
{
	struct program *program = poll->data;
	int64_t id = echo_finished(program->echo);

	(void)status;
	(void)events;
	if (id < 0)
		uv_poll_stop(poll);
	else if (id > 0)
		share_relay_echo_done(program->relay, (uint64_t)id);
}

static void follow_echo(struct program *program)
{
	uv_poll_init(&program->loop, &program->echo_poll, echo_descriptor(program->echo));
	program->echo_poll.data = program;
	uv_poll_start(&program->echo_poll, UV_READABLE, on_echo);
	share_relay_set_echo(program->relay, echo_pid(program->echo));
}

static void on_started(void *owner)
{
	struct program *program = owner;
	int error = echo_start(program->options.target, &program->echo);

	program->has_started = true;
	if (error)
		log_warning("programs here will not be told of changes on the host: %s",
			    error_text(error));
	else
		follow_echo(program);
	release_starter(program, EXIT_SUCCESS);
	let_go(&program->options);
}

static void on_ended(void *owner, int error, const char *text)
{
	struct program *program = owner;
	const char *name = program->options.name;

	if (!error) {
		stop(program, EXIT_SUCCESS);
		return;
	}
	if (error == -ENOENT)
		log_error("the host shares no folder %s with this guest", name);
	else
		log_error("cannot have the share %s: %s%s%s", name, error_text(error),
			  text[0] ? ": " : "", text);
	stop(program, EXIT_MOUNT);
}

static void on_changed(void *owner, bool is_there)
{
	const struct program *program = owner;

	if (is_there)
		log_info("the share %s is back", program->options.name);
	else
		log_warning("the share %s is away: what needs it fails", program->options.name);
}

static void on_change(void *owner, const void *body, size_t length)
{
	const struct program *program = owner;

	if (program->echo)
		echo_change(program->echo, body, length);
}

static const struct share_relay_handlers relay_handlers = {
	.opened = on_opened,
	.started = on_started,
	.ended = on_ended,
	.changed = on_changed,
	.change = on_change,
};

static void on_connected(void *owner, struct session *session)
{
	struct program *program = owner;

	uv_timer_stop(&program->first);
	share_relay_connect(program->relay, session);
}

static void on_lost(void *owner)
{
	struct program *program = owner;

	share_relay_disconnect(program->relay);
}

static const struct link_handlers link_handlers = {.connected = on_connected, .lost = on_lost};

static void on_first(uv_timer_t *timer)
{
	struct program *program = timer->data;

	log_error("cannot reach lodge-agent at %s: %s", program->options.socket,
		  error_text(link_error(program->link)));
	stop(program, EXIT_SYSTEM);
}

/* The mount goes; we follow when nobody uses it any more. */
static void on_signal(uv_signal_t *signal, int number)
{
	struct program *program = signal->data;

	(void)number;
	if (!program->is_mounted)
		stop(program, EXIT_MOUNT);
	else if (umount2(program->options.target, MNT_DETACH) < 0)
		stop(program, EXIT_SYSTEM);
}

static uint64_t first_wait(const struct mount_options *options)
{
	const uint64_t least = isatty(STDERR_FILENO) ? FIRST_WAIT_MS : FIRST_WAIT_BOOT_MS;

	return MAX(options->wait_ms, least);
}

static int start(struct program *program)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	const struct share_relay_options options = {
		.loop = &program->loop,
		.method = "share.open",
		.target = program->options.name,
		.wait_ms = program->options.wait_ms,
		.handlers = &relay_handlers,
		.owner = program,
	};
	int error = uv_loop_init(&program->loop);

	if (error)
		return error;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uv_signal_init(&program->loop, &program->signals[i]);
		program->signals[i].data = program;
		uv_signal_start(&program->signals[i], on_signal, numbers[i]);
	}
	uv_timer_init(&program->loop, &program->first);
	program->first.data = program;
	uv_timer_start(&program->first, on_first, first_wait(&program->options), 0);
	error = share_relay_new(&options, &program->relay);
	if (!error)
		error = link_new(&program->loop, program->options.socket, &link_handlers, program,
				 &program->link);
	return error;
}

/* The process that serves the mount, until it is unmounted. Return: the exit status. */
static int serve(struct program *program)
{
	int error;

	signal(SIGPIPE, SIG_IGN);
	/* What the kernel asks of us may be to write pages away, so that memory gets free. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	if (chdir("/") < 0)
		return EXIT_SYSTEM;
	error = start(program);
	if (error) {
		log_error("cannot start: %s", error_text(error));
		release_starter(program, EXIT_SYSTEM);
		return EXIT_SYSTEM;
	}
	uv_run(&program->loop, UV_RUN_DEFAULT);
	if (program->is_mounted && program->status)
		umount2(program->options.target, MNT_FORCE | MNT_DETACH);
	echo_stop(program->echo);
	share_relay_free(program->relay);
	link_free(program->link);
	return program->status;
}

/* Return: the exit status of the mount. */
static int await(int fd)
{
	uint8_t status;
	ssize_t length;

	do {
		length = read(fd, &status, 1);
	} while (length < 0 && errno == EINTR);
	if (length == 1)
		return status;
	log_error("the mount's process has ended");
	return EXIT_SYSTEM;
}

static int start_in_background(struct program *program)
{
	_cleanup_close_ int ours = -EBADF;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		log_error("cannot make a pipe: %s", error_text(errno));
		return EXIT_SYSTEM;
	}
	ours = ends[0];
	program->starter = ends[1];
	child = fork();
	if (child == 0) {
		close(take_fd(&ours));
		setsid();
		return serve(program);
	}
	close(ends[1]);
	if (child < 0) {
		log_error("cannot start a process: %s", error_text(errno));
		return EXIT_SYSTEM;
	}
	return await(ours);
}

/* The mount is of use without it: then changes on the host show after a second. */
static int watch(const struct mount_options *options)
{
	pid_t child = options->foreground ? 0 : watcher_is_possible() ? fork() : -1;
	int error;

	if (child != 0)
		return EXIT_SUCCESS;
	if (!options->foreground)
		setsid();
	let_go(options);
	error = watcher_is_possible() ? watcher_run(options) : -ENOSYS;
	if (error)
		log_warning("changes on the host show after a second: %s", error_text(error));
	return EXIT_SUCCESS;
}

/* Return: 0; an exit status, and all has been said. */
static int prepare(struct mount_options *options, char path[PATH_MAX])
{
	struct stat file;

	if (geteuid() != 0) {
		log_error("only root may mount shares");
		return EXIT_USAGE;
	}
	if (!realpath(options->target, path) || stat(path, &file) < 0) {
		log_error("cannot mount on %s: %s", options->target, error_text(errno));
		return EXIT_MOUNT;
	}
	if (!S_ISDIR(file.st_mode)) {
		log_error("cannot mount on %s: %s", options->target, error_text(ENOTDIR));
		return EXIT_MOUNT;
	}
	options->target = path;
	return 0;
}

int main(int argc, char **argv)
{
	struct program program = {.starter = -EBADF};
	char path[PATH_MAX], text[256];
	int status, error;

	log_setup("mount.lodge", LOG_LEVEL_INFO);
	if (mount_options_parse(argc, argv, &program.options, text, sizeof(text)) < 0) {
		log_error("%s; mount.lodge --help says more", text);
		return EXIT_USAGE;
	}
	if (program.options.help || program.options.version) {
		fputs(program.options.help ? usage : "mount.lodge " LODGE_VERSION "\n", stdout);
		return EXIT_SUCCESS;
	}
	status = prepare(&program.options, path);
	if (status || program.options.fake)
		return status;
	error = program.options.stream ? -ENODEV : fuse_mount_virtio(&program.options);
	if (error == 0)
		return watch(&program.options);
	if (error != -ENODEV) {
		log_error("cannot mount %s by virtiofs: %s", program.options.name,
			  error_text(error));
		return EXIT_MOUNT;
	}
	return program.options.foreground ? serve(&program) : start_in_background(&program);
}
