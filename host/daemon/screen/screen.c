/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection to handoff.sock is the process' pulse: while it lasts, lodge-screen lives, whether
 * this lodged started it or another. When it ends, we look whether somebody listens there again,
 * and start a new process if nobody does.
 */
#include "host/daemon/screen/screen.h"

#include "host/daemon/backend.h"
#include "host/daemon/broker/agent_link.h"
#include "host/daemon/lodged.h"
#include "host/screen/handoff.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PROGRAM "lodge-screen"
/* How often to look for the socket of a process that starts, and for how long. */
#define CONNECT_RETRY_MS 5
#define CONNECT_LIMIT_MS 10000
/* Between its death and the next start; doubles until it has lived for RESTART_CALM_MS. */
#define RESTART_FIRST_MS 100
#define RESTART_LAST_MS	 10000
#define RESTART_CALM_MS	 30000
/* Until another try when the agent, or QEMU, had no room for us. */
#define AGAIN_MS 1000

struct child {
	uv_process_t process;
	struct vm_screen *screen; /* NULL: it is on its own now */
};

struct vm_screen {
	struct vm *vm;
	struct listener_plan plan;
	struct viewer_listener *listeners;
	struct child *child; /* NULL: an earlier lodged started it, or nobody */
	struct handoff_client *client;
	uv_timer_t retry; /* connects, or starts it again */
	uint64_t waited_ms, restart_ms, ready_at_ms;
	uv_timer_t again; /* hands over what could not be had */
	bool adopted;	  /* the first that we connect to is not ours */
	bool started;	  /* vm_screen_start() */
	bool missing;	  /* there is no such program */
	bool blind;	  /* QEMU's display could not be had */
	unsigned int closing;
};

static void try_connect(uv_timer_t *timer);
static void on_again(uv_timer_t *timer);

/* --- What it is given ----------------------------------------------------------------------- */

static void agent_handed(void *owner, int error, const char *text)
{
	if (error && error != -ECONNRESET)
		log_warning("%s: its screen does not take the agent: %s",
			    ((struct vm_screen *)owner)->vm->name, text);
}

static void again(struct vm_screen *screen)
{
	if (!uv_is_active((uv_handle_t *)&screen->again))
		uv_timer_start(&screen->again, on_again, AGAIN_MS, 0);
}

static void hand_over_agent(struct vm_screen *screen)
{
	static const char *const services[] = {"display", "clipboard", NULL};
	int fd, r;

	if (!screen->client || !agent_link_is_available(screen->vm->agent))
		return;
	r = agent_link_open_limited(screen->vm->agent, services, &fd);
	if (r == 0)
		r = handoff_client_send(screen->client, "kind=agent\n", fd, agent_handed, screen);
	if (r < 0) {
		log_debug("%s: no agent for its screen: %s", screen->vm->name, error_text(r));
		again(screen);
	}
}

/* Guests without our agent may have SPICE's. The port takes one connection at a time. */
static void hand_over_spice(struct vm_screen *screen)
{
	char path[PATH_MAX];
	int fd = vm_file(screen->vm, SCREEN_SPICE, path, sizeof(path));

	if (fd == 0)
		fd = connect_unix(path);
	if (fd >= 0)
		handoff_client_send(screen->client, "kind=spice\n", fd, NULL, NULL);
	else
		log_debug("%s: no port for SPICE's agent: %s", screen->vm->name, error_text(fd));
}

static void graphics_opened(struct vm *vm, int fd, const char *text)
{
	struct vm_screen *screen = vm->screen;
	char packet[32];

	if (fd >= 0 && screen && screen->client) {
		snprintf(packet, sizeof(packet), "kind=%s\n", vm->backend->graphics_kind(vm));
		handoff_client_send(screen->client, packet, fd, NULL, NULL);
		screen->blind = false;
	} else if (fd >= 0) {
		close(fd);
	} else if (screen) {
		if (!screen->blind)
			log_warning("%s: no connection to QEMU's display: %s", vm->name, text);
		screen->blind = true;
		again(screen);
	}
}

static void on_again(uv_timer_t *timer)
{
	struct vm_screen *screen = timer->data;

	hand_over_agent(screen);
	if (screen->blind && screen->client)
		screen->vm->backend->open_graphics(screen->vm, graphics_opened);
}

static void listener_handed(void *owner, int error, const char *text)
{
	if (error && error != -ECONNRESET)
		log_warning("%s: its screen does not listen for viewers: %s",
			    ((struct vm_screen *)owner)->vm->name, text);
}

static int hand_over_listener(struct vm_screen *screen, const struct viewer_listener *listener,
			      handoff_done done, void *owner)
{
	char text[HANDOFF_MAX_PACKET + 1];
	int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	viewer_listener_packet(listener, text, sizeof(text));
	return handoff_client_send(screen->client, text, fd, done, owner);
}

static int open_planned(struct vm_screen *screen, char *error, size_t capacity)
{
	const struct listener_plan *plan = &screen->plan;
	struct viewer_listener *listener = calloc(1, sizeof(*listener));
	int r = 0;

	snprintf(error, capacity, "out of memory");
	if (!listener)
		return -ENOMEM;
	strcpy(listener->id, "vnc");
	strcpy(listener->key, "vnc");
	listener->view_only = plan->view_only;
	listener->tls = plan->tls;
	if (plan->password_file[0])
		r = listener_read_password(plan->password_file, listener->secret,
					   sizeof(listener->secret));
	if (r < 0)
		snprintf(error, capacity, "--vnc: no password can be read from %s: %s",
			 plan->password_file,
			 r == -EINVAL ? "its first line must be one" : error_text(r));
	else
		r = viewer_listener_open(plan->address, listener);
	if (r < 0) {
		if (error[0] == 'o')
			snprintf(error, capacity, "--vnc: cannot listen on %s: %s", plan->address,
				 error_text(r));
		free(listener);
		return r;
	}
	listener->next = screen->listeners;
	screen->listeners = listener;
	return 0;
}

static void hand_over_listeners(struct vm_screen *screen)
{
	char error[512];

	if (screen->plan.address[0] && !vm_screen_listener(screen, "vnc")) {
		int r = open_planned(screen, error, sizeof(error));

		/* One that was taken up again has it, and nobody can take it away. */
		if (r < 0 && !(screen->adopted && r == -EADDRINUSE))
			log_warning("%s: %s", screen->vm->name, error);
	}
	for (const struct viewer_listener *at = screen->listeners; at; at = at->next)
		hand_over_listener(screen, at, listener_handed, screen);
}

/* --- The process ---------------------------------------------------------------------------- */

static void back_off(struct vm_screen *screen)
{
	screen->waited_ms = 0;
	uv_timer_start(&screen->retry, try_connect, screen->restart_ms, 0);
	screen->restart_ms = MIN(2 * screen->restart_ms, (uint64_t)RESTART_LAST_MS);
}

static void child_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_child_exit(uv_process_t *process, int64_t status, int signal)
{
	struct child *child = process->data;
	struct vm_screen *screen = child->screen;

	if (screen) {
		/* 0: it says that the VM has ended, which the backend will say too. */
		if (status != 0 || signal)
			log_warning("%s: its screen has ended (%s %d)", screen->vm->name,
				    signal ? "signal" : "status", signal ? signal : (int)status);
		screen->child = NULL;
		/* Whoever waits for its socket waits in vain. */
		if (!screen->client)
			back_off(screen);
	}
	uv_close((uv_handle_t *)process, child_closed);
}

static const char *const *clipboard_arguments(const char *policy)
{
	static const struct {
		const char *policy, *arguments[5];
	} list[] = {
		{"off", {"--clipboard-to-guest", "off", "--clipboard-to-host", "off", NULL}},
		{"to-guest", {"--clipboard-to-guest", "all", "--clipboard-to-host", "off", NULL}},
		{"to-host", {"--clipboard-to-guest", "off", "--clipboard-to-host", "all", NULL}},
		{"both", {NULL}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		if (strcmp(list[i].policy, policy) == 0)
			return list[i].arguments;
	}
	return list[0].arguments;
}

struct command_line {
	char paths[4][PATH_MAX];
	const char *list[32];
	size_t count;
};

static void add_pair(struct command_line *line, const char *flag, const char *value)
{
	line->list[line->count++] = flag;
	line->list[line->count++] = value;
}

static int make_command_line(const struct vm_screen *screen, struct command_line *line)
{
	static const struct {
		const char *flag, *file;
	} sockets[] = {{"--control", SCREEN_CONTROL},
		       {"--handoff", SCREEN_HANDOFF},
		       {"--vnc", SCREEN_VNC},
		       {"--vmm", SCREEN_DISPLAY}};
	const struct vm *vm = screen->vm;
	bool is_vmm = !vm->backend->open_graphics;

	line->list[line->count++] = PROGRAM;
	add_pair(line, "--name", vm->name);
	for (size_t i = 0; i < ARRAY_SIZE(sockets) - !is_vmm; i++) {
		int r = vm_file(vm, sockets[i].file, line->paths[i], sizeof(line->paths[i]));

		if (r < 0)
			return r;
		add_pair(line, sockets[i].flag, line->paths[i]);
	}
	if (!is_vmm)
		line->list[line->count++] = strcmp(vm->backend->graphics_kind(vm), "vnc") == 0
						    ? "--await-vnc"
						    : "--await-qemu";
	if (screen->plan.certificate[0]) {
		add_pair(line, "--tls-certificate", screen->plan.certificate);
		add_pair(line, "--tls-key", screen->plan.key);
	}
	for (const char *const *at = clipboard_arguments(vm->options.clipboard); *at; at++)
		line->list[line->count++] = *at;
	return 0;
}

static int spawn(struct vm_screen *screen)
{
	_cleanup_close_ int log = -EBADF;
	struct command_line line = {0};
	char program[PATH_MAX], path[PATH_MAX];
	struct child *child;
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = program,
		.args = (char **)line.list,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};
	int r = lodged_find_program(PROGRAM, program, sizeof(program));

	if (r == 0)
		r = make_command_line(screen, &line);
	if (r == 0)
		r = vm_file(screen->vm, "screen.log", path, sizeof(path));
	if (r < 0)
		return r;
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	child = calloc(1, sizeof(*child));
	if (!child || log < 0) {
		free(child);
		return log < 0 ? -errno : -ENOMEM;
	}
	stdio[1] = stdio[2] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = log};
	child->process.data = child;
	child->screen = screen;
	r = uv_spawn(&screen->vm->lodged->loop, &child->process, &options);
	if (r < 0) {
		uv_close((uv_handle_t *)&child->process, child_closed);
		return r;
	}
	uv_unref((uv_handle_t *)&child->process);
	screen->child = child;
	screen->adopted = false;
	return 0;
}

/* --- The connection ------------------------------------------------------------------------- */

static void on_closed(void *owner, int error)
{
	struct vm_screen *screen = owner;
	uint64_t lived_ms = uv_now(&screen->vm->lodged->loop) - screen->ready_at_ms;
	pid_t pid = handoff_client_pid(screen->client);

	handoff_client_free(screen->client);
	screen->client = NULL;
	if (error && process_runs(pid, PROGRAM)) {
		log_warning("%s: its screen (process %d) does not answer: %s", screen->vm->name,
			    (int)pid, error_text(error));
		kill(pid, SIGKILL);
	}
	if (lived_ms >= RESTART_CALM_MS)
		screen->restart_ms = RESTART_FIRST_MS;
	back_off(screen);
}

static void became_ready(struct vm_screen *screen)
{
	struct vm *vm = screen->vm;

	screen->ready_at_ms = uv_now(&vm->lodged->loop);
	if (vm->backend->open_graphics)
		vm->backend->open_graphics(vm, graphics_opened);
	hand_over_agent(screen);
	/* One that was taken up again has it. */
	if (!screen->adopted)
		hand_over_spice(screen);
	hand_over_listeners(screen);
	screen->adopted = false;
	vm_wake(&vm->screen_waiters);
}

static void try_connect(uv_timer_t *timer)
{
	static const struct handoff_client_handlers handlers = {.closed = on_closed};
	struct vm_screen *screen = timer->data;
	struct vm *vm = screen->vm;
	char path[PATH_MAX];
	int r = vm_file(vm, SCREEN_HANDOFF, path, sizeof(path));

	if (r == 0)
		r = handoff_client_new(&vm->lodged->loop, path, &handlers, screen, &screen->client);
	if (r == 0) {
		became_ready(screen);
		return;
	}
	if (!screen->child) {
		r = spawn(screen);
		if (r == -ENOENT) {
			log_warning("%s: it has no screen: " PROGRAM
				    " is not installed beside lodged",
				    vm->name);
			screen->missing = true;
			vm_wake(&vm->screen_waiters);
			return;
		}
		if (r < 0) {
			log_warning("%s: its screen does not start: %s", vm->name, error_text(r));
			back_off(screen);
			return;
		}
	}
	screen->waited_ms += CONNECT_RETRY_MS;
	/* Its exit starts the next. */
	if (screen->waited_ms > CONNECT_LIMIT_MS)
		uv_process_kill(&screen->child->process, SIGKILL);
	uv_timer_start(&screen->retry, try_connect, CONNECT_RETRY_MS, 0);
}

/* --- Beginning and end ---------------------------------------------------------------------- */

int vm_screen_new(struct vm *vm, bool adopted, char *error, size_t capacity)
{
	struct vm_screen *screen;
	int r;

	if (!vm->options.display || strcmp(vm->options.display, "on") != 0)
		return 0;
	screen = calloc(1, sizeof(*screen));
	snprintf(error, capacity, "out of memory");
	if (!screen)
		return -ENOMEM;
	screen->vm = vm;
	screen->adopted = adopted;
	screen->restart_ms = RESTART_FIRST_MS;
	if (vm->options.vnc) {
		r = listener_plan_parse(vm->options.vnc, &screen->plan, error, capacity);
		if (r == 0 && !adopted)
			r = open_planned(screen, error, capacity);
		if (r < 0) {
			free(screen);
			return r;
		}
	}
	uv_timer_init(&vm->lodged->loop, &screen->retry);
	uv_timer_init(&vm->lodged->loop, &screen->again);
	screen->retry.data = screen->again.data = screen;
	vm->screen = screen;
	return 0;
}

void vm_screen_start(struct vm *vm)
{
	struct vm_screen *screen = vm->screen;

	if (!screen || screen->started)
		return;
	screen->started = true;
	try_connect(&screen->retry);
}

static void handle_closed(uv_handle_t *handle)
{
	struct vm_screen *screen = handle->data;

	if (--screen->closing == 0)
		free(screen);
}

static void let_go(struct vm_screen *screen, bool end)
{
	handoff_client_free(screen->client);
	screen->client = NULL;
	while (screen->listeners) {
		struct viewer_listener *listener = screen->listeners;

		screen->listeners = listener->next;
		/* A path is somebody else's now, or goes with the VM's folder. */
		close(listener->fd);
		free(listener);
	}
	if (screen->child) {
		screen->child->screen = NULL;
		if (!end)
			uv_close((uv_handle_t *)&screen->child->process, child_closed);
		screen->child = NULL;
	}
	screen->closing = 2;
	uv_close((uv_handle_t *)&screen->retry, handle_closed);
	uv_close((uv_handle_t *)&screen->again, handle_closed);
}

void vm_screen_leave(struct vm_screen *screen)
{
	if (screen)
		let_go(screen, false);
}

void vm_screen_end(struct vm_screen *screen)
{
	pid_t pid = 0;

	if (!screen)
		return;
	if (screen->client)
		pid = handoff_client_pid(screen->client);
	else if (screen->child)
		pid = screen->child->process.pid;
	if (process_runs(pid, PROGRAM))
		kill(pid, SIGTERM);
	let_go(screen, true);
}

void vm_screen_end_orphan(const char *folder)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/" SCREEN_HANDOFF, folder) >=
	    (int)sizeof(address.sun_path))
		return;
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	    process_runs(peer.pid, PROGRAM))
		kill(peer.pid, SIGTERM);
}

/* --- For others ----------------------------------------------------------------------------- */

void vm_screen_agent_changed(struct vm_screen *screen)
{
	if (screen)
		hand_over_agent(screen);
}

bool vm_screen_is_ready(const struct vm_screen *screen)
{
	return screen && screen->client;
}

bool vm_screen_is_missing(const struct vm_screen *screen)
{
	return !screen || screen->missing;
}

int vm_screen_hand_over(struct vm_screen *screen, const char *text, int fd, handoff_done done,
			void *owner)
{
	if (!vm_screen_is_ready(screen)) {
		cleanup_close(&fd);
		return -ENOTCONN;
	}
	return handoff_client_send(screen->client, text, fd, done, owner);
}

const struct viewer_listener *vm_screen_listener(const struct vm_screen *screen, const char *id)
{
	const struct viewer_listener *at = screen ? screen->listeners : NULL;

	while (at && strcmp(at->id, id) != 0)
		at = at->next;
	return at;
}

/* Off the list; to be closed and freed. */
static struct viewer_listener *take_listener(struct vm_screen *screen, const char *id)
{
	for (struct viewer_listener **at = &screen->listeners; *at; at = &(*at)->next) {
		struct viewer_listener *listener = *at;

		if (strcmp(listener->id, id) == 0) {
			*at = listener->next;
			return listener;
		}
	}
	return NULL;
}

static void drop_listener(struct viewer_listener *listener)
{
	if (listener)
		viewer_listener_close(listener);
	free(listener);
}

int vm_screen_listen(struct vm_screen *screen, const char *address,
		     struct viewer_listener *listener, handoff_done done, void *owner)
{
	struct viewer_listener *entry;
	size_t count = 0;
	int r;

	if (!vm_screen_is_ready(screen))
		return -ENOTCONN;
	if (vm_screen_listener(screen, listener->id))
		vm_screen_close_listener(screen, listener->id, NULL, NULL);
	make_secret(listener->key, LISTENER_KEY_RANDOM);
	for (entry = screen->listeners; entry; entry = entry->next)
		count++;
	if (count >= SCREEN_MAX_LISTENERS)
		return -EMFILE;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	r = viewer_listener_open(address, listener);
	if (r == 0) {
		*entry = *listener;
		entry->next = screen->listeners;
		screen->listeners = entry;
		r = hand_over_listener(screen, entry, done, owner);
		if (r == 0)
			return 0;
		viewer_listener_close(take_listener(screen, listener->id));
	}
	free(entry);
	return r;
}

int vm_screen_close_listener(struct vm_screen *screen, const char *id, handoff_done done,
			     void *owner)
{
	char text[128];
	struct viewer_listener *listener = screen ? take_listener(screen, id) : NULL;

	if (!listener)
		return -ENOENT;
	snprintf(text, sizeof(text), "kind=close\nid=%s\n", listener->key);
	drop_listener(listener);
	return vm_screen_hand_over(screen, text, -1, done, owner);
}
