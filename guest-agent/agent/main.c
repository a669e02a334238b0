/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-agent - the guest's daemon (lodge-agent(8))
 */
#include "guest-agent/agent/agent.h"
#include "guest-agent/agent/memory.h"
#include "guest-agent/agent/notify.h"
#include "guest-agent/agent/port.h"
#include "guest-agent/agent/service.h"
#include "guest-agent/agent/spice/spice.h"
#include "guest-agent/common/program.h"
#include "guest-agent/system/agent_state.h"
#include "guest-agent/system/ports.h"
#include "guest-agent/system/session_socket.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/share.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For transfers to remove what is unfinished. */
#define STOP_MS 2000

struct program {
	uv_loop_t loop;
	uv_signal_t signals[PROGRAM_SIGNALS];
	struct agent *agent;
	struct port *port;
	struct spice *spice;	/* NULL: that port is not served */
	const char *spice_path; /* NULL: the virtio port, if there is no stock daemon for it */
	const char *port_path;	/* NULL: the virtio port */
	const char *state_path; /* NULL: none */
	const char *session_path;
	const char *share_path;
	char share_list[PATH_MAX]; /* beside it */
	enum share_export_right export_right;
	bool is_wrong;		     /* the command line */
	const char *const *disabled; /* services */
	int error;
};

/*
 * libuv refers to this in a function that the agent never calls (uv_os_homedir). The C library's
 * needs shared objects of the name service switch, which a static program cannot load.
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

static const char usage[] =
	"Usage: lodge-agent [OPTION]...\n"
	"Lets the host see and drive this guest, over the virtio-serial port " PORT_NAME ".\n\n"
	"  --port PATH     use this port; unix:PATH listens on a socket (for tests)\n"
	"  --state FILE    tell lodge-guest there how the connection stands; default\n"
	"                  /run/lodge-agent.state, with --port none\n"
	"  --sessions PATH await desktop sessions on this socket; default\n"
	"                  " SESSION_SOCKET_PATH ", with --port none\n"
	"  --shares PATH   await mount.lodge on this socket; default\n"
	"                  " SHARE_SOCKET_PATH ", with --port none\n"
	"  --export WHAT   what the host may do to files here: rw (default), ro, no\n"
	"  --spice PATH    serve SPICE clients over this port, or unix:PATH; \"no\": none;\n"
	"                  default: port com.redhat.spice.0, unless spice-vdagentd is\n"
	"                  installed; with --port none\n";

static void take_right(struct program *program, const char *word)
{
	static const char *const words[] = {
		[SHARE_EXPORT_WRITE] = "rw", [SHARE_EXPORT_READ] = "ro", [SHARE_EXPORT_NO] = "no"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		program->export_right = (enum share_export_right)i;
		return;
	}
	log_error("--export %s: it is rw, ro or no", word);
	program->is_wrong = true;
}

static void take_option(void *owner, int option, char *argument)
{
	struct program *program = owner;

	switch (option) {
	case 'p':
		program->port_path = argument;
		break;
	case 's':
		program->state_path = argument;
		break;
	case 'e':
		program->session_path = argument;
		break;
	case 'h':
		program->share_path = argument;
		break;
	case 'x':
		take_right(program, argument);
		break;
	default:
		program->spice_path = argument;
	}
}

static void on_connected(void *owner, int fd, bool is_port)
{
	struct program *program = owner;
	int error = agent_attach(program->agent, fd, is_port);

	if (!error)
		return;
	log_error("cannot use the port: %s", error_text(error));
	program->error = error;
	uv_stop(&program->loop);
}

static void on_met(void *owner, bool connected)
{
	const struct program *program = owner;
	const struct agent_state state = {.pid = getpid(), .connected = connected};
	int error;

	if (!program->state_path)
		return;
	error = agent_state_write(program->state_path, &state);
	if (error)
		log_debug("cannot write %s: %s", program->state_path, error_text(error));
}

static void on_removed(void *owner)
{
	struct program *program = owner;

	log_info("the port is gone");
	agent_detach(program->agent);
}

static void on_failed(void *owner, int error)
{
	struct program *program = owner;

	program->error = error;
	uv_stop(&program->loop);
}

static const struct port_handlers port_handlers = {
	.connected = on_connected,
	.removed = on_removed,
	.failed = on_failed,
};

static void on_disconnected(void *owner, bool is_port, int error)
{
	struct program *program = owner;

	(void)error;
	if (is_port)
		return; /* the host comes back on the same port */
	agent_detach(program->agent);
	port_listen(program->port);
}

/* As a careless parent may have left them; spawn.h counts on it. */
static void set_signals(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
}

/* Nothing of ours shall become descriptor 0, 1 or 2. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* The agent is worth having without. */
static void serve_spice(struct program *program)
{
	const char *path = program->spice_path;
	int error;

	if (path ? strcmp(path, "no") == 0
		 : program->port_path || access(SPICE_STOCK_DAEMON, F_OK) == 0)
		return;
	error = spice_new(&program->loop, program->agent, path, &program->spice);
	if (error)
		log_warning("SPICE clients are not served: %s", error_text(error));
}

/* Where lodge-guest looks, if the socket is where mount.lodge looks. */
static void place_share_list(struct program *program)
{
	const char *slash = program->share_path ? strrchr(program->share_path, '/') : NULL;

	if (slash)
		snprintf(program->share_list, sizeof(program->share_list), "%.*s/shares",
			 (int)(slash - program->share_path), program->share_path);
}

static int start(struct program *program)
{
	const struct agent_options options = {
		.disabled = program->disabled,
		.session_socket = program->session_path,
		.share_socket = program->share_path,
		.share_list = program->share_list[0] ? program->share_list : NULL,
		.export_right = program->export_right,
		.disconnected = on_disconnected,
		.connected = on_met,
		.owner = program,
	};
	int error = uv_loop_init(&program->loop);

	if (error) {
		log_error("cannot make an event loop: %s", error_text(error));
		return error;
	}
	program_watch_signals(&program->loop, program->signals);
	on_met(program, false);
	error = agent_new(&program->loop, &options, &program->agent);
	if (error)
		return error;
	serve_spice(program);
	return port_new(&program->loop, program->port_path, &port_handlers, program,
			&program->port);
}

static void on_late(uv_timer_t *timer)
{
	(void)timer;
}

/* Ends the connection, and lets what is unfinished be cleaned up. What hangs is left behind. */
static void stop(struct program *program)
{
	const uint64_t deadline = uv_hrtime() / 1000000 + STOP_MS;
	uv_timer_t late;

	spice_free(program->spice);
	agent_detach(program->agent);
	uv_timer_init(&program->loop, &late);
	uv_timer_start(&late, on_late, STOP_MS, 0);
	while (agent_is_busy(program->agent) && uv_hrtime() / 1000000 < deadline)
		uv_run(&program->loop, UV_RUN_ONCE);
	agent_free(program->agent);
	if (program->state_path)
		unlink(program->state_path);
	port_free(program->port);
	program_ignore_signals(program->signals);
	uv_close((uv_handle_t *)&late, NULL);
	program_close_loop(&program->loop);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"state", required_argument, NULL, 's'},
		{"sessions", required_argument, NULL, 'e'},
		{"shares", required_argument, NULL, 'h'},
		{"export", required_argument, NULL, 'x'},
		{"spice", required_argument, NULL, 'i'},
		PROGRAM_OPTIONS,
	};
	struct program program = {0};
	struct program_command_line line = {
		.name = "lodge-agent",
		.usage = usage,
		.exit_status = "Exit status: 0 ended by SIGTERM, 1 failure, 2 wrong use.",
		.options = options,
		.services = services,
		.take = take_option,
		.owner = &program,
	};
	int status;

	open_standard_files();
	log_setup("lodge-agent", LOG_LEVEL_INFO);
	status = program_parse(&line, argc, argv);
	if (status >= 0)
		return status;
	if (program.is_wrong)
		return PROGRAM_EXIT_USAGE;
	program.disabled = line.disabled;
	if (!program.port_path && !program.state_path)
		program.state_path = AGENT_STATE_PATH;
	if (!program.port_path && !program.session_path)
		program.session_path = SESSION_SOCKET_PATH;
	if (!program.port_path && !program.share_path)
		program.share_path = SHARE_SOCKET_PATH;
	place_share_list(&program);
	memory_set_policy();
	set_signals();
	if (start(&program) < 0)
		return EXIT_FAILURE;
	if (!program.error) {
		notify_send(getenv("NOTIFY_SOCKET"), "READY=1");
		memory_release();
		uv_run(&program.loop, UV_RUN_DEFAULT);
		notify_send(getenv("NOTIFY_SOCKET"), "STOPPING=1");
	}
	stop(&program);
	return program.error ? EXIT_FAILURE : EXIT_SUCCESS;
}
