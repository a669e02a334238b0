/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/cli/mount/played_lodged.h"

#include "host/cli/client.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/bus/bus_loop.h"
#include "protocol/pump/pumped_session.h"
#include "protocol/share.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS	   5
#define AGENTS_MAX 64

/* The process's own. */
struct world {
	struct played_lodged *played;
	uv_loop_t loop;
	struct pumped_session *agents[AGENTS_MAX];
	size_t count;
	unsigned int hung_up;
};

/* --- The agent ------------------------------------------------------------------------------ */

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct world *world = owner;
	const int refuse = atomic_load(&world->played->refuse);

	(void)params;
	if (!slice_is(method, "share.export")) {
		stream_fail(stream, ENOSYS, NULL);
		return;
	}
	atomic_fetch_add(&world->played->exports, 1);
	if (refuse)
		stream_fail(stream, refuse, "that is not shared");
}

/* They go all at once. */
static void hang_up(struct world *world)
{
	while (world->count > 0)
		pumped_session_free(world->agents[--world->count]);
}

static void on_look(uv_timer_t *timer)
{
	struct world *world = timer->data;
	const unsigned int wanted = atomic_load(&world->played->hang_ups);

	if (wanted == world->hung_up)
		return;
	world->hung_up = wanted;
	hang_up(world);
}

/* The other side has hung up; its place goes with the others'. */
static void on_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
}

/* Return: the client's end; -1. */
static int open_agent(struct world *world)
{
	static const struct pumped_session_handlers handlers = {.request = on_request,
								.closed = on_closed};
	static const char *const able[] = {SHARE_CAPABILITY, NULL}, *const unable[] = {NULL};
	const int manner = atomic_load(&world->played->manner);
	const struct pumped_session_options options = {
		.loop = &world->loop,
		.role = SESSION_GUEST,
		.software = "played",
		.capabilities = manner == PLAYED_SHARELESS ? unable : able,
		.handlers = &handlers,
		.owner = world,
	};
	int pair[2];

	if (world->count == AGENTS_MAX ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (pumped_session_new(&options, pair[1], &world->agents[world->count]) == 0)
		world->count++;
	return pair[0];
}

/* --- lodged --------------------------------------------------------------------------------- */

static DBusMessage *answer(struct world *world, DBusMessage *call)
{
	static const char *const path = LODGE_MANAGER_PATH "/vm/one";
	const int manner = atomic_load(&world->played->manner);
	const dbus_bool_t yes = TRUE;
	DBusMessage *reply;
	int fd;

	if (dbus_message_is_method_call(call, LODGE_MANAGER_INTERFACE, "GetVM")) {
		atomic_fetch_add(&world->played->asked, 1);
		if (manner == PLAYED_GONE)
			return dbus_message_new_error(call, LODGE_ERROR_NOT_FOUND, "no such VM");
		reply = dbus_message_new_method_return(call);
		dbus_message_append_args(reply, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
		return reply;
	}
	if (dbus_message_is_method_call(call, LODGE_VM_INTERFACE, "WaitAgent")) {
		reply = dbus_message_new_method_return(call);
		dbus_message_append_args(reply, DBUS_TYPE_BOOLEAN, &yes, DBUS_TYPE_INVALID);
		return reply;
	}
	if (!dbus_message_is_method_call(call, LODGE_VM_INTERFACE, "OpenAgent"))
		return dbus_message_new_error(call, DBUS_ERROR_UNKNOWN_METHOD, "what?");
	fd = manner == PLAYED_WITHOUT ? -1 : open_agent(world);
	if (fd < 0)
		return dbus_message_new_error(call, DBUS_ERROR_FAILED, "no agent");
	reply = dbus_message_new_method_return(call);
	dbus_message_append_args(reply, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
	close(fd); /* the message has a copy */
	atomic_fetch_add(&world->played->opened, 1);
	return reply;
}

static DBusHandlerResult on_call(DBusConnection *connection, DBusMessage *message, void *owner)
{
	DBusMessage *reply;

	if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL ||
	    dbus_message_has_interface(message, DBUS_INTERFACE_PEER))
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	reply = answer(owner, message);
	dbus_connection_send(connection, reply, NULL);
	dbus_message_unref(reply);
	return DBUS_HANDLER_RESULT_HANDLED;
}

static void on_connection(DBusServer *server, DBusConnection *connection, void *owner)
{
	struct world *world = owner;

	(void)server;
	dbus_connection_ref(connection);
	dbus_connection_set_exit_on_disconnect(connection, FALSE);
	dbus_connection_add_filter(connection, on_call, world, NULL);
	bus_loop_add_connection(&world->loop, connection);
}

/* --- The process ---------------------------------------------------------------------------- */

static _Noreturn void play(struct played_lodged *played, int ready)
{
	struct world world = {.played = played};
	char address[128];
	DBusServer *server;
	uv_timer_t look;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(address, sizeof(address), "unix:path=%s/lodged.sock", played->folder);
	server = dbus_server_listen(address, NULL);
	if (!server || uv_loop_init(&world.loop) < 0 || !bus_loop_add_server(&world.loop, server))
		_exit(1);
	dbus_server_set_new_connection_function(server, on_connection, &world, NULL);
	uv_timer_init(&world.loop, &look);
	look.data = &world;
	uv_timer_start(&look, on_look, LOOK_MS, LOOK_MS);
	if (write(ready, "x", 1) != 1)
		_exit(1);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	_exit(1);
}

struct played_lodged *played_lodged_start(void)
{
	struct played_lodged *played = mmap(NULL, sizeof(*played), PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char byte;
	int ready[2];
	pid_t pid;

	ck_assert_ptr_ne(played, MAP_FAILED);
	strcpy(played->folder, "/tmp/lodge-test-lodged.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(played->folder));
	ck_assert_int_eq(setenv("LODGE_RUNTIME_DIR", played->folder, 1), 0);
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		play(played, ready[1]);
	played->pid = pid;
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return played;
}

void played_lodged_stop(struct played_lodged *played)
{
	char path[96];

	kill(played->pid, SIGKILL);
	waitpid(played->pid, NULL, 0);
	snprintf(path, sizeof(path), "%s/lodged.sock", played->folder);
	unlink(path);
	rmdir(played->folder);
	munmap(played, sizeof(*played));
}
