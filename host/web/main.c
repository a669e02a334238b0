/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-web - the figures of this host's VMs in a browser
 *
 * It holds a listening socket and a connection to lodged, of which it can ask three things
 * (host/statistics/channel.h), and can open nothing itself. It ends with lodged.
 */
#include "host/http/access.h"
#include "host/web/options.h"
#include "host/web/sandbox.h"
#include "host/web/server.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <signal.h>
#include <string.h>

static void on_gone(void *owner)
{
	uv_stop(owner);
}

/* The token and perhaps a newline. @fd is closed. 0 or negative errno. */
static int read_token(int fd, char token[ACCESS_MAX_TOKEN + 2])
{
	_cleanup_close_ int own = fd;
	size_t length = 0;
	ssize_t got;

	do {
		got = read(own, token + length, ACCESS_MAX_TOKEN + 1 - length);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0)
		return -errno;
	token[length] = '\0';
	token[strcspn(token, "\n")] = '\0';
	return 0;
}

static int run(uv_loop_t *loop, const struct web_options *options)
{
	char token[ACCESS_MAX_TOKEN + 2];
	struct source *source = NULL;
	struct server *server = NULL;
	int result = read_token(options->token_fd, token);

	if (result == 0)
		result = source_new(loop, options->lodged_fd, on_gone, loop, &source);
	if (result == 0)
		result = server_new(loop, options->listen_fd, source, token, &server);
	explicit_bzero(token, sizeof(token));
	if (result < 0)
		log_error("cannot serve: %s", error_text(result));
	if (result == 0 && options->sandbox)
		result = web_sandbox_enter();
	if (result == 0)
		uv_run(loop, UV_RUN_DEFAULT);
	source_free(source);
	server_free(server);
	uv_run(loop, UV_RUN_DEFAULT);
	return result;
}

static enum web_exit_status serve(const struct web_options *options)
{
	uv_loop_t loop;
	int result = uv_loop_init(&loop);

	if (result < 0) {
		log_error("no event loop: %s", error_text(result));
		return WEB_EXIT_FAILED;
	}
	result = run(&loop, options);
	uv_loop_close(&loop);
	return result < 0 ? WEB_EXIT_FAILED : WEB_EXIT_ENDED;
}

int main(int count, char *arguments[])
{
	struct web_options options;
	char error[256];

	log_setup("lodge-web", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (web_options_parse(count, arguments, &options, error, sizeof(error)) < 0) {
		log_error("%s", error);
		return WEB_EXIT_USAGE;
	}
	if (options.help)
		fputs(web_options_help, stdout);
	else if (options.version)
		puts("lodge-web " LODGE_VERSION);
	else
		return (int)serve(&options);
	return 0;
}
