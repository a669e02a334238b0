/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-session - the guest's desktop side (lodge-session(1))
 */
#include "guest-agent/session/agent_connection.h"
#include "guest-agent/session/await.h"
#include "guest-agent/session/session.h"
#include "guest-agent/system/session_socket.h"
#include "protocol/base/log.h"
#include "protocol/bus/bus_loop.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE   2
#define SERVICES_MAX 8
#define X11_SOCKETS  "/tmp/.X11-unix"

struct running {
	const struct session_service *service;
	void *state;
};

struct program {
	uv_loop_t loop;
	uv_signal_t signals[3];
	struct environment environment;
	struct session_context context;
	const char *socket_path;
	bool wait;
	const char *disabled[SERVICES_MAX + 1];
	struct running running[SERVICES_MAX];
	size_t count;
	const char *capabilities[SERVICES_MAX + 1];
	struct session *session;
	struct agent_connection *agent;
};

static void usage(FILE *file)
{
	fprintf(file,
		"Usage: lodge-session [OPTION]...\n"
		"Lets the agent of this guest set the screens of a desktop session. Started by the "
		"session.\n\n"
		"  --socket PATH   the agent's socket; default " SESSION_SOCKET_PATH "\n"
		"  --wait          where there is no desktop yet, wait for one\n"
		"  --disable NAME  do without a service; may be repeated\n"
		"  --version       show the version\n"
		"  --help          show this\n\n"
		"Services:\n");
	for (const struct session_service *const *service = session_services; *service; service++)
		fprintf(file, "  %-10s %s\n", (*service)->name, (*service)->summary);
	fprintf(file, "\nExit status: 0 the session ended or has another lodge-session, 1 failure, "
		      "2 wrong use.\n");
}

static int disable(struct program *program, const char *name)
{
	size_t place = 0;

	for (const struct session_service *const *service = session_services; *service; service++) {
		if (strcmp((*service)->name, name) != 0)
			continue;
		while (place < SERVICES_MAX && program->disabled[place])
			place++;
		if (place < SERVICES_MAX)
			program->disabled[place] = name;
		return 0;
	}
	log_error("there is no service \"%s\" to disable: see --help", name);
	return -EINVAL;
}

/* -1: go on; else the exit status. */
static int parse_options(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'}, {"disable", required_argument, NULL, 'd'},
		{"wait", no_argument, NULL, 'w'},	  {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},	  {0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			program->socket_path = optarg;
			break;
		case 'd':
			if (disable(program, optarg) < 0)
				return EXIT_USAGE;
			break;
		case 'w':
			program->wait = true;
			break;
		case 'V':
			printf("lodge-session %s\n", LODGE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE; /* getopt_long() has said why */
		}
	}
	if (optind < argc) {
		log_error("unknown argument \"%s\": see --help", argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

/* --- The session with the agent ------------------------------------------------------------- */

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct program *program = owner;

	for (size_t i = 0; i < program->count; i++) {
		const struct session_method *m = program->running[i].service->methods;

		for (; m->name; m++) {
			if (slice_is(method, m->name)) {
				m->call(program->running[i].state, stream, params);
				return;
			}
		}
	}
	stream_fail(stream, ENOSYS, "this session has no such method, or it is switched off");
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

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	uv_stop(signal->loop);
}

static void watch_signals(struct program *program)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uv_signal_init(&program->loop, &program->signals[i]);
		uv_signal_start(&program->signals[i], on_signal, numbers[i]);
	}
}

/* A desktop without a bus is one without what needs it. */
static void join_bus(struct program *program)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusConnection *bus = dbus_bus_get_private(DBUS_BUS_SESSION, &error);

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

static bool is_disabled(const struct program *program, const char *name)
{
	for (const char *const *disabled = program->disabled; *disabled; disabled++) {
		if (strcmp(*disabled, name) == 0)
			return true;
	}
	return false;
}

/* Return: did any start? */
static bool start_services(struct program *program)
{
	for (const struct session_service *const *service = session_services;
	     *service && program->count < SERVICES_MAX; service++) {
		struct running *running = &program->running[program->count];
		int error;

		if (is_disabled(program, (*service)->name))
			continue;
		running->service = *service;
		error = (*service)->start(&program->context, &running->state);
		if (error) {
			/* The others are still worth having. */
			log_warning("cannot start service %s: %s", (*service)->name,
				    error_text(error));
			continue;
		}
		program->capabilities[program->count++] = (*service)->name;
	}
	return program->count > 0;
}

static int start(struct program *program)
{
	if (!start_services(program)) {
		log_error("nothing can be done for the desktop on %s",
			  program->environment.display);
		return -ENOTSUP;
	}
	program->session = session_new(SESSION_GUEST, "lodge-session " LODGE_VERSION,
				       program->capabilities, &session_handlers, program);
	if (!program->session)
		return -ENOMEM;
	return agent_connection_new(&program->loop, program->socket_path, program->session,
				    &program->agent);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void stop(struct program *program)
{
	struct agent_connection *agent = program->agent;

	program->agent = NULL;
	agent_connection_free(agent);
	session_free(program->session);
	for (size_t i = program->count; i > 0; i--)
		program->running[i - 1].service->stop(program->running[i - 1].state);
	leave_bus(program);
	for (size_t i = 0; i < sizeof(program->signals) / sizeof(program->signals[0]); i++)
		close_handle((uv_handle_t *)&program->signals[i], NULL);
	uv_run(&program->loop, UV_RUN_NOWAIT);
	uv_run(&program->loop, UV_RUN_NOWAIT);
}

static int run(struct program *program)
{
	int error = uv_loop_init(&program->loop);

	if (error) {
		log_error("cannot make an event loop: %s", error_text(error));
		return error;
	}
	watch_signals(program);
	program->context = (struct session_context){
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
	struct program program = {.socket_path = SESSION_SOCKET_PATH};
	int status, lock;

	log_setup("lodge-session", LOG_LEVEL_INFO);
	status = parse_options(&program, argc, argv);
	if (status >= 0)
		return status;
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
