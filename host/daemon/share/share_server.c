/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/share/share_server.h"

#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pump.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* How often to look for the socket of a process that starts, and for how long. */
#define CONNECT_RETRY_MS 5
#define CONNECT_LIMIT_MS 10000
/* Between its death and the next start: doubles up to the last, until it has lived for a while. */
#define RESTART_FIRST_MS 100
#define RESTART_LAST_MS	 10000
#define CALM_MS		 30000

struct server_child {
	uv_process_t process;
	struct share_server *server; /* NULL: it is on its own now */
};

struct share_server {
	uv_loop_t *loop;
	const struct share_spec *spec;
	const struct share_server_handlers *handlers;
	void *owner;
	char folder[PATH_MAX]; /* the VM's */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char device[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": none */
	struct session *session;
	struct pump *pump;	    /* NULL while not connected */
	pid_t pid;		    /* of who listens there, while connected */
	struct server_child *child; /* NULL: an earlier lodged started it, or nobody */
	uv_timer_t retry;
	uint64_t waited_ms, restart_ms, ready_at_ms;
	bool lasting; /* it was ready once, or is an earlier lodged's: it is started again */
};

static void try_connect(uv_timer_t *timer);

static void back_off(struct share_server *server)
{
	server->waited_ms = 0;
	uv_timer_start(&server->retry, try_connect, server->restart_ms, 0);
	server->restart_ms = MIN(2 * server->restart_ms, (uint64_t)RESTART_LAST_MS);
}

static int file_of(const struct share_server *server, const char *suffix, char *path,
		   size_t capacity)
{
	int length = snprintf(path, capacity, "%s/" SHARE_FOLDER "/%s%s", server->folder,
			      server->spec->name, suffix);

	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}

/* --- The process ---------------------------------------------------------------------------- */

static void fail(struct share_server *server, int error, const char *what)
{
	char path[PATH_MAX], words[256] = "", text[512];

	if (file_of(server, ".log", path, sizeof(path)) == 0)
		last_words(path, SHARE_PROGRAM, words, sizeof(words));
	snprintf(text, sizeof(text), "%s%s%s", what, words[0] ? ": " : "", words);
	server->handlers->failed(server->owner, error, text);
}

static void child_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_child_exit(uv_process_t *process, int64_t status, int signal)
{
	struct server_child *child = process->data;
	struct share_server *server = child->server;

	uv_close((uv_handle_t *)process, child_closed);
	if (!server)
		return;
	server->child = NULL;
	if (server->lasting) {
		log_warning("the server of share %s has ended (%s %d)", server->path,
			    signal ? "signal" : "status", signal ? signal : (int)status);
		/* Whoever waits for its socket waits in vain. */
		if (!server->pump)
			back_off(server);
	} else {
		uv_timer_stop(&server->retry);
		fail(server, -EIO, SHARE_PROGRAM " does not start");
	}
}

/* A command line, with its end. */
static void make_command_line(const struct share_server *server, const char *list[24],
			      char number[24])
{
	const struct share_spec *spec = server->spec;
	size_t count = 0;

	list[count++] = SHARE_PROGRAM;
	list[count++] = "--control";
	list[count++] = server->path;
	list[count++] = "--shared-dir";
	list[count++] = spec->directory;
	list[count++] = "--cache";
	list[count++] = spec->cache;
	/* What is mounted below the folder is seen as well. */
	list[count++] = "--announce-submounts";
	if (spec->read_only)
		list[count++] = "--readonly";
	if (spec->owner[0]) {
		list[count++] = "--owner";
		list[count++] = spec->owner;
	}
	if (server->device[0]) {
		list[count++] = "--socket-path";
		list[count++] = server->device;
		list[count++] = "--tag";
		list[count++] = spec->name;
	}
	if (server->device[0] && spec->dax_bytes) {
		snprintf(number, 24, "%" PRIu64, spec->dax_bytes);
		list[count++] = "--dax-window";
		list[count++] = number;
	}
	list[count] = NULL;
}

static int open_log(const struct share_server *server)
{
	char path[PATH_MAX];
	int r = file_of(server, ".log", path, sizeof(path));
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;

	if (r < 0)
		return r;
	/* The last words of one that never lived are those of this start. */
	r = open(path, server->lasting ? flags : flags | O_TRUNC, 0600);
	return r < 0 ? -errno : r;
}

static int spawn(struct share_server *server)
{
	_cleanup_close_ int log = -EBADF;
	char program[PATH_MAX], number[24];
	const char *list[24];
	struct server_child *child;
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = program,
		.args = (char **)list,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};
	int r = lodged_find_program(SHARE_PROGRAM, program, sizeof(program));

	if (r < 0)
		return r;
	log = open_log(server);
	if (log < 0)
		return log;
	make_command_line(server, list, number);
	child = calloc(1, sizeof(*child));
	if (!child)
		return -ENOMEM;
	/* Nobody listens there any more. */
	unlink(server->path);
	if (server->device[0])
		unlink(server->device);
	stdio[1] = stdio[2] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = log};
	child->process.data = child;
	child->server = server;
	r = uv_spawn(server->loop, &child->process, &options);
	if (r < 0) {
		uv_close((uv_handle_t *)&child->process, child_closed);
		return r;
	}
	uv_unref((uv_handle_t *)&child->process);
	server->child = child;
	return 0;
}

/* --- The connection ------------------------------------------------------------------------- */

static pid_t peer_of(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

static void on_closed(void *owner, int error)
{
	struct share_server *server = owner;

	(void)error;
	pump_free(server->pump);
	server->pump = NULL;
	if (server->ready_at_ms && uv_now(server->loop) - server->ready_at_ms >= CALM_MS)
		server->restart_ms = RESTART_FIRST_MS;
	if (server->lasting)
		back_off(server);
	else if (server->child)
		uv_timer_start(&server->retry, try_connect, CONNECT_RETRY_MS, 0);
	else
		fail(server, -EIO, SHARE_PROGRAM " has ended");
}

/* It takes connections and says nothing. */
static void on_silence(uv_timer_t *timer)
{
	struct share_server *server = timer->data;

	log_warning("the server of share %s does not answer", server->path);
	if (process_runs(server->pid, SHARE_PROGRAM))
		kill(server->pid, SIGKILL);
	else if (server->child)
		uv_process_kill(&server->child->process, SIGKILL);
}

static int connect_to(struct share_server *server)
{
	static const struct pump_handlers handlers = {.closed = on_closed};
	int fd = connect_unix(server->path), r;

	if (fd < 0)
		return fd;
	server->pid = peer_of(fd);
	r = pump_new(server->loop, fd, false, server->session, &handlers, server, &server->pump);
	if (r < 0)
		return r;
	uv_timer_start(&server->retry, on_silence, CONNECT_LIMIT_MS, 0);
	session_start(server->session);
	return 0;
}

static void start_failed(struct share_server *server, int error)
{
	if (server->lasting) {
		log_warning("the server of share %s does not start: %s", server->path,
			    error_text(error));
		back_off(server);
	} else if (error == -ENOENT) {
		server->handlers->failed(server->owner, error,
					 SHARE_PROGRAM " is not installed beside lodged");
	} else {
		server->handlers->failed(server->owner, error, error_text(error));
	}
}

static void try_connect(uv_timer_t *timer)
{
	struct share_server *server = timer->data;
	int r;

	if (connect_to(server) == 0)
		return;
	if (!server->child) {
		r = spawn(server);
		if (r < 0) {
			start_failed(server, r);
			return;
		}
	}
	server->waited_ms += CONNECT_RETRY_MS;
	/* Its exit says the rest. */
	if (server->waited_ms > CONNECT_LIMIT_MS)
		uv_process_kill(&server->child->process, SIGKILL);
	uv_timer_start(&server->retry, try_connect, CONNECT_RETRY_MS, 0);
}

static void on_established(void *owner, const struct session_peer *peer)
{
	struct share_server *server = owner;

	(void)peer;
	uv_timer_stop(&server->retry);
	server->lasting = true;
	server->ready_at_ms = uv_now(server->loop);
	server->handlers->ready(server->owner);
}

static void on_lost(void *owner, int reason)
{
	struct share_server *server = owner;

	if (reason == -EPROTO || reason == -EPROTONOSUPPORT)
		log_warning("the server of share %s does not speak our protocol", server->path);
}

static void on_wake(void *owner)
{
	pump_wake(((struct share_server *)owner)->pump);
}

/* --- Beginning and end ---------------------------------------------------------------------- */

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.wake = on_wake,
};

static int make_folder(const struct share_server *server)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" SHARE_FOLDER, server->folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int share_server_new(uv_loop_t *loop, const char *folder, const struct share_spec *spec,
		     enum share_device device, const struct share_server_handlers *handlers,
		     void *owner, struct share_server **result)
{
	static const char *const capabilities[] = {NULL};
	struct share_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->loop = loop;
	server->spec = spec;
	server->handlers = handlers;
	server->owner = owner;
	server->lasting = device == SHARE_DEVICE_AS_BEFORE;
	server->restart_ms = RESTART_FIRST_MS;
	r = snprintf(server->folder, sizeof(server->folder), "%s", folder) >=
			    (int)sizeof(server->folder)
		    ? -ENAMETOOLONG
		    : file_of(server, ".sock", server->path, sizeof(server->path));
	if (r == 0 && device != SHARE_DEVICE_NONE)
		r = file_of(server, "~fs", server->device, sizeof(server->device));
	if (r == 0 && device == SHARE_DEVICE_AS_BEFORE && access(server->device, F_OK) < 0)
		server->device[0] = '\0';
	if (r == 0)
		r = make_folder(server);
	if (r == 0) {
		server->session = session_new(SESSION_HOST, "lodged " LODGE_VERSION, capabilities,
					      &session_handlers, server);
		r = server->session ? 0 : -ENOMEM;
	}
	if (r < 0) {
		free(server);
		return r;
	}
	uv_timer_init(loop, &server->retry);
	server->retry.data = server;
	uv_timer_start(&server->retry, try_connect, 0, 0);
	*result = server;
	return 0;
}

struct session *share_server_session(const struct share_server *server)
{
	return session_is_established(server->session) ? server->session : NULL;
}

const char *share_server_device(const struct share_server *server)
{
	return server->device[0] ? server->device : NULL;
}

static void free_server(uv_handle_t *handle)
{
	free(handle->data);
}

static void let_go(struct share_server *server, bool ends)
{
	if (server->child) {
		server->child->server = NULL;
		if (!ends)
			uv_close((uv_handle_t *)&server->child->process, child_closed);
	}
	pump_free(server->pump);
	server->pump = NULL;
	session_free(server->session);
	uv_close((uv_handle_t *)&server->retry, free_server);
}

void share_server_leave(struct share_server *server)
{
	if (server)
		let_go(server, false);
}

static void remove_file(const struct share_server *server, const char *suffix)
{
	char path[PATH_MAX];

	if (file_of(server, suffix, path, sizeof(path)) == 0)
		unlink(path);
}

void share_server_end(struct share_server *server)
{
	if (!server)
		return;
	if (server->child)
		uv_process_kill(&server->child->process, SIGTERM);
	else if (server->pump && process_runs(server->pid, SHARE_PROGRAM))
		kill(server->pid, SIGTERM);
	remove_file(server, ".sock");
	remove_file(server, ".log");
	remove_file(server, "~fs");
	let_go(server, true);
}

static void end_orphan(const char *path)
{
	_cleanup_close_ int fd = connect_unix(path);
	pid_t pid = fd >= 0 ? peer_of(fd) : 0;

	if (pid > 0 && process_runs(pid, SHARE_PROGRAM))
		kill(pid, SIGTERM);
}

void share_server_end_orphans(const char *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	if (snprintf(path, sizeof(path), "%s/" SHARE_FOLDER, folder) >= (int)sizeof(path))
		return;
	directory = opendir(path);
	while (directory && (entry = readdir(directory)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".sock") == 0 &&
		    snprintf(path, sizeof(path), "%s/" SHARE_FOLDER "/%s", folder, entry->d_name) <
			    (int)sizeof(path))
			end_orphan(path);
	}
	if (directory)
		closedir(directory);
}
