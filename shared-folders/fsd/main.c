/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-fsd - a folder for one virtual machine (lodge-fsd(8))
 *
 * First sockets are made, for which paths and rights are needed; then the process enters its
 * sandbox; and only then it reads what the peer sends.
 */
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "shared-folders/fsd/ending.h"
#include "shared-folders/fsd/options.h"
#include "shared-folders/fsd/sandbox.h"
#include "shared-folders/fsd/sockets.h"
#include "shared-folders/server/server.h"
#include "shared-folders/stream/looker.h"
#include "shared-folders/stream/stream.h"
#include "shared-folders/vhost/backend.h"

#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>

enum fsd_exit_status {
	FSD_EXIT_CLOSED = 0,
	FSD_EXIT_FAILED = 1,
	FSD_EXIT_USAGE = 2,
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

/* All there is to a process that serves. */
struct fsd {
	const struct fsd_options *options;
	struct server_options server;
	struct fsd_sockets sockets;
	struct looker *looker;	/* of the machine, where both roads are served; else NULL */
	pthread_t vhost_thread; /* where both roads are served; the streams have the main one */
	struct fsd_ending ending;
	uv_async_t end_streams;
};

/* --- vhost-user --- */

static void call_server(void *server, struct server_call *call)
{
	server_call(server, call);
}

/* One machine, from its coming to its going. */
static int serve_connection(struct fsd *fsd, struct server *server, struct vhost_window *window,
			    int connection)
{
	const struct fsd_options *options = fsd->options;
	const struct vhost_options vhost = {
		.call = call_server,
		.owner = server,
		.threads = options->threads,
		.tag = options->tag,
		.window = window,
	};
	struct vhost_backend *backend = vhost_backend_new(&vhost);
	int result = 0;

	if (fsd->looker)
		looker_serve(fsd->looker, server);
	if (!backend)
		result = -ENOMEM;
	else if (fsd_ending_serve(&fsd->ending, server))
		result = vhost_backend_run(backend, connection);
	fsd_ending_leave(&fsd->ending);
	if (fsd->looker)
		looker_serve(fsd->looker, NULL);
	/* What waits for others comes back now; the back end has to be there. */
	server_free(server);
	vhost_backend_free(backend);
	/* A machine that ends need not say goodbye. */
	return result == -ECONNRESET || result == -EPIPE ? 0 : result;
}

static int serve_machine(struct fsd *fsd, int connection)
{
	struct server_options options = fsd->server;
	struct vhost_window *window = NULL;
	struct server *server;
	int result;

	if (fsd->options->window_bytes > 0) {
		window = vhost_window_new(fsd->options->window_bytes);
		if (!window)
			return -ENOMEM;
		vhost_window_describe(window, &options.window);
	}
	/* What is written back late cannot be told from what is older. */
	if (fsd->looker && !options.writeback) {
		options.looks = true;
		options.notify = looker_notify;
		options.notify_owner = fsd->looker;
	}
	result = server_new(&options, &server);
	if (result == 0)
		result = serve_connection(fsd, server, window, connection);
	vhost_window_free(window);
	return result;
}

/* @connection: closed. */
static int serve_machine_and_close(struct fsd *fsd, int connection)
{
	_cleanup_close_ int fd = connection;

	if (fd >= 0)
		return serve_machine(fsd, fd);
	log_error("no machine can connect: %s", error_text(fd));
	return fd;
}

/* Beside streams: one machine after the other, as long as there is a socket where they come in. */
static void *serve_machines(void *owner)
{
	struct fsd *fsd = owner;
	int connection;

	do {
		connection = fsd_connection(&fsd->sockets.vhost);
		if (serve_machine_and_close(fsd, connection) < 0)
			log_error("a machine was given up");
	} while (connection >= 0 && fsd->sockets.vhost >= 0 && !fsd_ending_has_come(&fsd->ending));
	return NULL;
}

/* --- Streams --- */

static void stop_loop(void *loop)
{
	uv_stop(loop);
}

static void on_end_streams(uv_async_t *async)
{
	uv_stop(async->loop);
}

static void end_streams(void *owner)
{
	struct fsd *fsd = owner;

	uv_async_send(&fsd->end_streams);
}

static int serve_streams(struct fsd *fsd)
{
	uv_loop_t loop;
	struct stream_server_options stream = {
		.server = &fsd->server,
		.threads = fsd->options->threads,
		.looker = fsd->looker,
		.disconnected = stop_loop,
		.unused = fsd->options->control ? NULL : stop_loop,
		.owner = &loop,
	};
	struct stream_server *server;
	int fd = take_fd(&fsd->sockets.control), result = uv_loop_init(&loop);

	if (result < 0)
		return result;
	result = uv_async_init(&loop, &fsd->end_streams, on_end_streams);
	if (result < 0)
		return result;
	result = stream_server_new(&loop, &stream, &server);
	if (result < 0)
		return result;
	uv_unref((uv_handle_t *)&fsd->end_streams);
	if (fsd_listens(fd))
		result = stream_server_listen(server, fd);
	else
		result = stream_server_connect(server, fd);
	if (result == 0)
		result = fsd_ending_await(&fsd->ending, end_streams, fsd);
	if (result == 0)
		uv_run(&loop, UV_RUN_DEFAULT);
	stream_server_free(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	return result;
}

/* --- The program --- */

static int serve_one_machine(struct fsd *fsd)
{
	int result = fsd_ending_await(&fsd->ending, NULL, NULL);

	return result < 0 ? result
			  : serve_machine_and_close(fsd, fsd_connection(&fsd->sockets.vhost));
}

static int serve_roads(struct fsd *fsd)
{
	int result;

	fsd_ending_init(&fsd->ending);
	if (fsd->sockets.control < 0)
		return serve_one_machine(fsd);
	if (fsd->sockets.vhost >= 0) {
		fsd->looker = looker_new();
		if (!fsd->looker)
			return -ENOMEM;
		result = -pthread_create(&fsd->vhost_thread, NULL, serve_machines, fsd);
		if (result < 0)
			return result;
	}
	result = serve_streams(fsd);
	/* The machine has not unmounted yet. */
	if (fsd->looker && fsd_ending_has_come(&fsd->ending))
		pthread_join(fsd->vhost_thread, NULL);
	return result;
}

static int serve(struct fsd *fsd)
{
	int result = fsd_sandbox_enter(fsd->options, &fsd->server.root, &fsd->server.proc);

	if (result == 0)
		result = fsd_sandbox_seal(fsd->options);
	if (result < 0)
		return result;
	result = serve_roads(fsd);
	if (result < 0)
		log_error("cannot serve '%s': %s", fsd->options->source, error_text(result));
	return result;
}

static enum fsd_exit_status run(const struct fsd_options *options)
{
	struct fsd fsd = {.options = options, .server = options->server};

	if (fsd_sockets_open(options, &fsd.sockets) < 0)
		return FSD_EXIT_FAILED;
	if (options->syslog)
		fsd_log_to_syslog();
	return serve(&fsd) < 0 ? FSD_EXIT_FAILED : FSD_EXIT_CLOSED;
}

int main(int count, char *arguments[])
{
	enum fsd_exit_status status = FSD_EXIT_CLOSED;
	struct fsd_options options;
	char error[512] = "";
	int result;

	log_setup("lodge-fsd", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	/* Messages of a mebibyte come and go; to map and clear their pages each time costs more
	 * than to copy them. */
	mallopt(M_MMAP_THRESHOLD, 4 * SERVER_MAX_MESSAGE);
	mallopt(M_TRIM_THRESHOLD, 16 * SERVER_MAX_MESSAGE);
	fsd_ending_defer();
	result = fsd_options_parse(count, arguments, &options, error, sizeof(error));
	if (result < 0) {
		log_error("%s", error[0] ? error : error_text(result));
		status = FSD_EXIT_USAGE;
	} else if (options.help) {
		fputs(fsd_options_help, stdout);
	} else if (options.version) {
		puts("lodge-fsd " LODGE_VERSION);
	} else if (options.print_capabilities) {
		puts("{\n  \"type\": \"fs\"\n}");
	} else {
		log_setup("lodge-fsd", options.log_level);
		status = run(&options);
	}
	fsd_options_free(&options);
	return status;
}
