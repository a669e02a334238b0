/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VM's lodge-screen as a process: in a session of its own, so that it outlives lodged. */
#include "host/daemon/screen/screen_internal.h"

#include "host/daemon/backend.h"
#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void child_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_child_exit(uv_process_t *process, int64_t status, int signal)
{
	struct screen_child *child = process->data;
	struct vm_screen *screen = child->screen;

	if (screen) {
		/* 0: it says that the VM has ended, which the backend will say too. */
		if (status != 0 || signal)
			log_warning("%s: its screen has ended (%s %d)", screen->vm->name,
				    signal ? "signal" : "status", signal ? signal : (int)status);
		screen->child = NULL;
		/* Whoever waits for its socket waits in vain. */
		if (!screen->client)
			screen_back_off(screen);
	}
	uv_close((uv_handle_t *)process, child_closed);
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

static const char *awaits(const char *kind)
{
	if (strcmp(kind, "pictures") == 0)
		return "--await-pictures";
	return strcmp(kind, "vnc") == 0 ? "--await-vnc" : "--await-qemu";
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

	line->list[line->count++] = SCREEN_PROGRAM;
	add_pair(line, "--name", vm->name);
	for (size_t i = 0; i < ARRAY_SIZE(sockets) - !is_vmm; i++) {
		int r = vm_file(vm, sockets[i].file, line->paths[i], sizeof(line->paths[i]));

		if (r < 0)
			return r;
		add_pair(line, sockets[i].flag, line->paths[i]);
	}
	if (!is_vmm)
		line->list[line->count++] = awaits(vm->backend->graphics_kind(vm));
	if (screen->plan.certificate[0]) {
		add_pair(line, "--tls-certificate", screen->plan.certificate);
		add_pair(line, "--tls-key", screen->plan.key);
	}
	add_pair(line, "--clipboard", vm->options.clipboard);
	return 0;
}

int screen_spawn(struct vm_screen *screen)
{
	_cleanup_close_ int log = -EBADF;
	struct command_line line = {0};
	char program[PATH_MAX], path[PATH_MAX];
	struct screen_child *child;
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = program,
		.args = (char **)line.list,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};
	int r = lodged_find_program(SCREEN_PROGRAM, program, sizeof(program));

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

void screen_leave_child(struct vm_screen *screen, bool ends)
{
	if (!screen->child)
		return;
	screen->child->screen = NULL;
	if (!ends)
		uv_close((uv_handle_t *)&screen->child->process, child_closed);
	screen->child = NULL;
}
