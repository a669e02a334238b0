/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-session - the guest's desktop side (lodge-session(1))
 */
#include "guest-agent/common/program.h"
#include "guest-agent/session/agent_connection.h"
#include "guest-agent/session/await.h"
#include "guest-agent/session/session.h"
#include "guest-agent/system/session_socket.h"
#include "protocol/base/log.h"
#include "protocol/bus/bus_loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define X11_SOCKETS "/tmp/.X11-unix"

struct program {
	uv_loop_t loop;
	uv_signal_t signals[PROGRAM_SIGNALS];
	struct environment environment;
	struct service_context context;
	const char *socket_path;
	bool wait;
	const char *const *disabled; /* services */
	struct service_set services;
	struct session *session;
	struct agent_connection *agent;
};

static const char usage[] =
	"Usage: lodge-session [OPTION]...\n"
	"Lets the agent of this guest set the screens of a desktop session. Started by the "
	"session.\n\n"
	"  --socket PATH   the agent's socket; default " SESSION_SOCKET_PATH "\n"
	"  --wait          where there is no desktop yet, wait for one\n";

static void take_option(void *owner, int option, char *argument)
{
	struct program *program = owner;

	if (option == 'w')
		program->wait = true;
	else
		program->socket_path = argument;
}

/* --- The session with the agent ------------------------------------------------------------- */

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct program *program = owner;

	service_set_call(&program->services, stream, method, params);
}

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	log_debug("connected to %.*s", (int)peer->software.length,
		  (const char *)peer->software.bytes);
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	log_debug("the agent is gone: %s", error_text(reason));
}

static void on_wake(void *owner)
{
	const struct program *program = owner;

	agent_connection_wake(program->agent);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.wake = on_wake,
};

/* --- Start and end -------------------------------------------------------------------------- */

static void on_over(void *owner)
{
	struct program *program = owner;

	log_debug("the desktop is gone");
	uv_stop(&program->loop);
}

/* Where libdbus finds one: else it would start one, that nobody needs and that stays. */
static bool has_bus(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[PATH_MAX];

	if (getenv("DBUS_SESSION_BUS_ADDRESS"))
		return true;
	return runtime && snprintf(path, sizeof(path), "%s/bus", runtime) < (int)sizeof(path) &&
	       access(path, F_OK) == 0;
}

/* A desktop without a bus is one without what needs it. */
static void join_bus(struct program *program)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusConnection *bus;

	if (!has_bus()) {
		log_debug("there is no session bus");
		return;
	}
	bus = dbus_bus_get_private(DBUS_BUS_SESSION, &error);
	if (!bus) {
		log_debug("no session bus: %s", error.message);
		dbus_error_free(&error);
		return;
	}
	dbus_connection_set_exit_on_disconnect(bus, FALSE);
	if (!bus_loop_add_connection(&program->loop, bus)) {
		dbus_connection_close(bus);
		dbus_connection_unref(bus);
		return;
	}
	program->context.bus = bus;
}

static void leave_bus(struct program *program)
{
	if (!program->context.bus)
		return;
	dbus_connection_close(program->context.bus);
	dbus_connection_unref(program->context.bus);
	program->context.bus = NULL;
}

static int start(struct program *program)
{
	service_set_start(&program->services, session_services, program->disabled,
			  &program->context);
	if (program->services.count == 0) {
		log_error("nothing can be done for the desktop on %s",
			  program->environment.display);
		return -ENOTSUP;
	}
	program->session = session_new(SESSION_GUEST, "lodge-session " LODGE_VERSION,
				       program->services.capabilities, &session_handlers, program);
	if (!program->session)
		return -ENOMEM;
	return agent_connection_new(&program->loop, program->socket_path, program->session,
				    &program->agent);
}

static void stop(struct program *program)
{
	struct agent_connection *agent = program->agent;

	program->agent = NULL;
	agent_connection_free(agent);
	session_free(program->session);
	service_set_stop(&program->services);
	leave_bus(program);
	program_ignore_signals(program->signals);
	program_close_loop(&program->loop);
	/* What libdbus keeps for other connections. */
	dbus_shutdown();
}

static int run(struct program *program)
{
	int error = uv_loop_init(&program->loop);

	if (error) {
		log_error("cannot make an event loop: %s", error_text(error));
		return error;
	}
	signal(SIGPIPE, SIG_IGN);
	program_watch_signals(&program->loop, program->signals);
	program->context = (struct service_context){
		.loop = &program->loop,
		.environment = &program->environment,
		.over = on_over,
		.owner = program,
	};
	join_bus(program);
	error = start(program);
	if (!error)
		uv_run(&program->loop, UV_RUN_DEFAULT);
	stop(program);
	return error;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"wait", no_argument, NULL, 'w'},
		PROGRAM_OPTIONS,
	};
	struct program program = {.socket_path = SESSION_SOCKET_PATH};
	struct program_command_line line = {
		.name = "lodge-session",
		.usage = usage,
		.exit_status = "Exit status: 0 the session ended or has another lodge-session, "
			       "1 failure, 2 wrong use.",
		.options = options,
		.services = session_services,
		.take = take_option,
		.owner = &program,
	};
	int status, lock;

	log_setup("lodge-session", LOG_LEVEL_INFO);
	status = program_parse(&line, argc, argv);
	if (status >= 0)
		return status;
	program.disabled = line.disabled;
	if ((program.wait && await_desktop(X11_SOCKETS) < 0) ||
	    environment_read(&program.environment) < 0) {
		log_error("there is no desktop here: neither WAYLAND_DISPLAY nor DISPLAY is set");
		return EXIT_FAILURE;
	}
	lock = environment_lock(&program.environment, program.wait);
	if (lock == -EEXIST) {
		log_info("the session on %s has a lodge-session", program.environment.display);
		return EXIT_SUCCESS;
	}
	if (lock < 0) {
		log_error("cannot take the session's lock: %s", error_text(lock));
		return EXIT_FAILURE;
	}
	status = run(&program) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	close(lock);
	return status;
}
