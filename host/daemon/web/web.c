/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/web/internal.h"

#include "host/daemon/lodged.h"
#include "host/daemon/screen/viewer_listener.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PROGRAM "lodge-web"
/* In the runtime folder: "PORT TOKEN". */
#define KEPT "web"

/* Descriptors of the process. */
enum { CHILD_LISTEN = 3, CHILD_LODGED, CHILD_TOKEN, CHILD_DESCRIPTORS };

/* --- What the next lodged needs --------------------------------------------------------------- */

static int kept_path(const struct web *web, char path[PATH_MAX])
{
	int length = snprintf(path, PATH_MAX, "%s/" KEPT, web->lodged->runtime);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void keep(const struct web *web)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX], text[64];
	int length;

	if (kept_path(web, path) < 0)
		return;
	length = snprintf(text, sizeof(text), "%u %s\n", web->port, web->token);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length)
		log_warning("the next lodged will not know the address of the page: %s",
			    error_text(errno));
}

/* false: there is nothing that could be used. */
static bool read_kept(struct web *web)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX], text[64] = "", token[WEB_TOKEN_LENGTH + 1];
	unsigned int port;

	if (kept_path(web, path) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	_Static_assert(WEB_TOKEN_LENGTH == 32, "as in the format");
	if (sscanf(text, "%u %32[A-Za-z0-9]", &port, token) != 2 || port == 0 || port > 65535 ||
	    strlen(token) != WEB_TOKEN_LENGTH)
		return false;
	web->port = port;
	strcpy(web->token, token);
	return true;
}

/* --- The process ------------------------------------------------------------------------------ */

static void child_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_child_exit(uv_process_t *process, int64_t status, int number)
{
	struct web_child *child = process->data;

	if (child->web) {
		log_warning("lodge-web has ended (%s %d); lodge web starts another",
			    number ? "signal" : "status", number ? number : (int)status);
		child->web->child = NULL;
	}
	uv_close((uv_handle_t *)process, child_closed);
}

static void drop_session(struct web *web)
{
	pumped_session_free(take_ptr(web->session));
}

static void on_closed(void *owner, int error)
{
	(void)error;
	drop_session(owner);
}

static const struct pumped_session_handlers session_handlers = {.request = web_request,
								.closed = on_closed};

static int listen_at(unsigned int port, unsigned int *bound)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	/* An earlier lodge-web's connections may still be closing. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	*bound = ntohs(address.sin_port);
	return take_fd(&fd);
}

/* A pipe from which the token can be read, to its end. */
static int token_pipe(const char *token)
{
	_cleanup_close_ int near = -EBADF, far = -EBADF;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	far = ends[0];
	near = ends[1];
	if (write(near, token, strlen(token)) != (ssize_t)strlen(token))
		return -EIO;
	return take_fd(&far);
}

static int spawn(struct web *web, int listen_fd, int lodged_fd)
{
	_cleanup_close_ int log = -EBADF, token = token_pipe(web->token);
	char program[PATH_MAX], path[PATH_MAX];
	char *words[] = {PROGRAM, "--listen", "3", "--lodged", "4", "--token", "5", NULL};
	uv_stdio_container_t stdio[CHILD_DESCRIPTORS] = {{.flags = UV_IGNORE}};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = program,
		.args = words,
		.stdio_count = CHILD_DESCRIPTORS,
		.stdio = stdio,
	};
	struct web_child *child;
	int result = lodged_find_program(PROGRAM, program, sizeof(program));

	if (result < 0 || token < 0)
		return result < 0 ? result : token;
	if (snprintf(path, sizeof(path), "%s/web.log", web->lodged->runtime) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	child = calloc(1, sizeof(*child));
	if (!child || log < 0) {
		free(child);
		return log < 0 ? -errno : -ENOMEM;
	}
	for (int i = 1; i < CHILD_DESCRIPTORS; i++)
		stdio[i].flags = UV_INHERIT_FD;
	stdio[1].data.fd = stdio[2].data.fd = log;
	stdio[CHILD_LISTEN].data.fd = listen_fd;
	stdio[CHILD_LODGED].data.fd = lodged_fd;
	stdio[CHILD_TOKEN].data.fd = token;
	child->process.data = child;
	child->web = web;
	result = uv_spawn(&web->lodged->loop, &child->process, &options);
	if (result < 0) {
		uv_close((uv_handle_t *)&child->process, child_closed);
		return result;
	}
	uv_unref((uv_handle_t *)&child->process);
	web->child = child;
	return 0;
}

static void let_go(struct web *web)
{
	drop_session(web);
	if (!web->child)
		return;
	/* It ends by itself when the connection does; this is for one that hangs. */
	uv_process_kill(&web->child->process, SIGTERM);
	web->child->web = NULL;
	web->child = NULL;
}

static int connect_to(struct web *web, int *far)
{
	static const char *const capabilities[] = {NULL};
	const struct pumped_session_options options = {.loop = &web->lodged->loop,
						       .role = SESSION_GUEST,
						       .software = "lodged " LODGE_VERSION,
						       .capabilities = capabilities,
						       .handlers = &session_handlers,
						       .owner = web};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	*far = pair[1];
	return pumped_session_new(&options, pair[0], &web->session);
}

static int start(struct web *web, unsigned int port)
{
	unsigned int bound = 0;
	_cleanup_close_ int far = -EBADF, listener = listen_at(port, &bound);
	int result;

	if (listener < 0)
		return listener;
	let_go(web);
	result = connect_to(web, &far);
	if (result == 0)
		result = spawn(web, listener, far);
	if (result < 0) {
		drop_session(web);
		return result;
	}
	web->port = bound;
	return 0;
}

/* --- For others ------------------------------------------------------------------------------- */

struct web *web_new(struct lodged *lodged)
{
	struct web *web = calloc(1, sizeof(*web));

	if (web)
		web->lodged = lodged;
	return web;
}

void web_free(struct web *web)
{
	if (!web)
		return;
	let_go(web);
	explicit_bzero(web->token, sizeof(web->token));
	free(web);
}

void web_take_up(struct web *web)
{
	int result;

	if (!read_kept(web))
		return;
	result = start(web, web->port);
	if (result < 0)
		log_warning("the page is not at 127.0.0.1:%u again: %s", web->port,
			    error_text(result));
}

static void say_why(int result, unsigned int port, char *error, size_t capacity)
{
	if (result == -ENOENT)
		snprintf(error, capacity, PROGRAM " is not installed beside lodged");
	else if (port)
		snprintf(error, capacity, "cannot listen on 127.0.0.1:%u: %s", port,
			 error_text(result));
	else
		snprintf(error, capacity, "cannot start " PROGRAM ": %s", error_text(result));
}

int web_open(struct web *web, unsigned int port, char address[WEB_ADDRESS], char *error,
	     size_t capacity)
{
	bool runs = web->child && web->session;
	int result = 0;

	if (!runs || (port && port != web->port)) {
		if (!web->token[0])
			make_secret(web->token, WEB_TOKEN_LENGTH);
		result = start(web, port ? port : web->port);
		/* Where it was there is somebody else now. */
		if (result == -EADDRINUSE && !port)
			result = start(web, 0);
	}
	if (result < 0) {
		say_why(result, port, error, capacity);
		return result;
	}
	keep(web);
	snprintf(address, WEB_ADDRESS, "http://127.0.0.1:%u/#%s", web->port, web->token);
	return 0;
}

void web_stop(struct web *web)
{
	char path[PATH_MAX];

	let_go(web);
	web->port = 0;
	explicit_bzero(web->token, sizeof(web->token));
	if (kept_path(web, path) == 0)
		unlink(path);
}
