/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection to handoff.sock is the process' pulse: while it lasts, lodge-screen lives, whether
 * this lodged started it or another. When it ends, we look whether somebody listens there again,
 * and start a new process if nobody does.
 */
#include "host/daemon/screen/screen_internal.h"

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

/* How often to look for the socket of a process that starts, and for how long. */
#define CONNECT_RETRY_MS 5
#define CONNECT_LIMIT_MS 10000
/* The longest between its death and the next start. */
#define RESTART_LAST_MS 10000
/* Until another try when the agent, or QEMU, had no room for us. */
#define AGAIN_MS 1000

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
	static const char *const services[] = {"display", "clipboard", "files", NULL};
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

/* --- The connection ------------------------------------------------------------------------- */

void screen_back_off(struct vm_screen *screen)
{
	screen->waited_ms = 0;
	uv_timer_start(&screen->retry, try_connect, screen->restart_ms, 0);
	screen->restart_ms = MIN(2 * screen->restart_ms, (uint64_t)RESTART_LAST_MS);
}

static void on_closed(void *owner, int error)
{
	struct vm_screen *screen = owner;
	uint64_t lived_ms = uv_now(&screen->vm->lodged->loop) - screen->ready_at_ms;
	pid_t pid = handoff_client_pid(screen->client);

	handoff_client_free(screen->client);
	screen->client = NULL;
	if (error && process_runs(pid, SCREEN_PROGRAM)) {
		log_warning("%s: its screen (process %d) does not answer: %s", screen->vm->name,
			    (int)pid, error_text(error));
		kill(pid, SIGKILL);
	}
	if (lived_ms >= SCREEN_CALM_MS)
		screen->restart_ms = SCREEN_RESTART_MS;
	screen_back_off(screen);
}

static void on_told(void *owner, const char *lines)
{
	screen_take_news(owner, lines);
}

static void became_ready(struct vm_screen *screen)
{
	struct vm *vm = screen->vm;

	screen->ready_at_ms = uv_now(&vm->lodged->loop);
	if (vm->backend->open_graphics)
		vm->backend->open_graphics(vm, graphics_opened);
	screen_watch(screen);
	hand_over_agent(screen);
	screen_hand_over_listeners(screen);
	screen->adopted = false;
	vm_wake(&vm->screen_waiters);
}

static void try_connect(uv_timer_t *timer)
{
	static const struct handoff_client_handlers handlers = {.closed = on_closed,
								.told = on_told};
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
		r = screen_spawn(screen);
		if (r == -ENOENT) {
			log_warning("%s: it has no screen: " SCREEN_PROGRAM
				    " is not installed beside lodged",
				    vm->name);
			screen->missing = true;
			vm_wake(&vm->screen_waiters);
			return;
		}
		if (r < 0) {
			log_warning("%s: its screen does not start: %s", vm->name, error_text(r));
			screen_back_off(screen);
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
	screen->restart_ms = SCREEN_RESTART_MS;
	if (vm->options.vnc) {
		r = listener_plan_parse(vm->options.vnc, &screen->plan, error, capacity);
		if (r == 0 && !adopted)
			r = screen_open_planned(screen, error, capacity);
		if (r < 0) {
			free(screen);
			return r;
		}
	}
	uv_timer_init(&vm->lodged->loop, &screen->retry);
	uv_timer_init(&vm->lodged->loop, &screen->again);
	uv_timer_init(&vm->lodged->loop, &screen->spice);
	screen->retry.data = screen->again.data = screen->spice.data = screen;
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
	screen_leave_child(screen, end);
	screen->closing = 3;
	uv_close((uv_handle_t *)&screen->retry, handle_closed);
	uv_close((uv_handle_t *)&screen->again, handle_closed);
	uv_close((uv_handle_t *)&screen->spice, handle_closed);
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
	if (process_runs(pid, SCREEN_PROGRAM))
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
	    process_runs(peer.pid, SCREEN_PROGRAM))
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
