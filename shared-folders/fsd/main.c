/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-fsd - a folder for one virtual machine (lodge-fsd(8))
 *
 * First sockets are made, for which paths and rights are needed; then the process enters its
 * sandbox; and only then it reads what the peer sends.
 */
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "shared-folders/fsd/options.h"
#include "shared-folders/fsd/sandbox.h"
#include "shared-folders/fsd/sockets.h"
#include "shared-folders/server/server.h"
#include "shared-folders/stream/stream.h"
#include "shared-folders/vhost/backend.h"

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>

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

/* --- vhost-user --- */

static void call_server(void *server, struct server_call *call)
{
	server_call(server, call);
}

/* The first who comes is served, and then we end. */
static int serve_front_end(struct server *server, const struct fsd_options *options,
			   struct vhost_window *window, int fd)
{
	const struct vhost_options vhost = {
		.call = call_server,
		.owner = server,
		.threads = options->threads,
		.tag = options->tag,
		.window = window,
	};
	_cleanup_close_ int connection = fsd_connection(fd);
	struct vhost_backend *backend;
	int result;

	if (connection < 0) {
		log_error("nobody has connected: %s", error_text(connection));
		server_free(server);
		return connection;
	}
	backend = vhost_backend_new(&vhost);
	if (!backend) {
		server_free(server);
		return -ENOMEM;
	}
	result = vhost_backend_run(backend, connection);
	/* What waits for others comes back now; the back end has to be there. */
	server_free(server);
	vhost_backend_free(backend);
	/* A machine that ends need not say goodbye. */
	return result == -ECONNRESET || result == -EPIPE ? 0 : result;
}

static int serve_vhost(const struct fsd_options *options, struct server_options *server_options,
		       int fd)
{
	struct vhost_window *window = NULL;
	struct server *server;
	int result;

	if (options->window_bytes > 0) {
		window = vhost_window_new(options->window_bytes);
		if (!window)
			return -ENOMEM;
		vhost_window_describe(window, &server_options->window);
	}
	result = server_new(server_options, &server);
	if (result == 0)
		result = serve_front_end(server, options, window, fd);
	vhost_window_free(window);
	return result;
}

/* --- Streams --- */

static void stop_loop(void *loop)
{
	uv_stop(loop);
}

static int serve_streams(const struct fsd_options *options,
			 const struct server_options *server_options, int fd)
{
	uv_loop_t loop;
	struct stream_server_options stream = {
		.server = server_options,
		.threads = options->threads,
		.disconnected = stop_loop,
		.owner = &loop,
	};
	struct stream_server *server;
	int result = uv_loop_init(&loop);

	if (result < 0)
		return result;
	result = stream_server_new(&loop, &stream, &server);
	if (result < 0)
		return result;
	if (options->control)
		result = stream_server_listen(server, fd);
	else
		result = stream_server_connect(server, fd);
	if (result == 0)
		uv_run(&loop, UV_RUN_DEFAULT);
	stream_server_free(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	return result;
}

/* --- The program --- */

static int serve(const struct fsd_options *options, int fd)
{
	struct server_options server = options->server;
	int result;

	result = fsd_sandbox_enter(options, &server.root, &server.proc);
	if (result == 0)
		result = fsd_sandbox_seal(options);
	if (result < 0)
		return result;
	if (options->control || options->control_fd >= 0)
		result = serve_streams(options, &server, fd);
	else
		result = serve_vhost(options, &server, fd);
	if (result < 0)
		log_error("cannot serve '%s': %s", options->source, error_text(result));
	return result;
}

static enum fsd_exit_status run(struct fsd_options *options)
{
	int fd = fsd_socket(options);

	if (fd < 0)
		return FSD_EXIT_FAILED;
	if (options->syslog)
		fsd_log_to_syslog();
	return serve(options, fd) < 0 ? FSD_EXIT_FAILED : FSD_EXIT_CLOSED;
}

int main(int count, char *arguments[])
{
	enum fsd_exit_status status = FSD_EXIT_CLOSED;
	struct fsd_options options;
	char error[512] = "";
	int result;

	log_setup("lodge-fsd", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
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
