/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-screen - the screen of one virtual machine, for viewers
 *
 * First everything that has a path is opened, then all parts are put together, then the sandbox is
 * entered, and only then is anything read of what the machine or a viewer says.
 */
#include "host/screen/capture.h"
#include "host/screen/control.h"
#include "host/screen/doors.h"
#include "host/screen/guest.h"
#include "host/screen/handoff_socket.h"
#include "host/screen/keyboard.h"
#include "host/screen/options.h"
#include "host/screen/origin.h"
#include "host/screen/resize.h"
#include "host/screen/sandbox.h"
#include "host/screen/socket_path.h"
#include "host/screen/spice/spice_guest.h"
#include "host/screen/typing.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <signal.h>
#include <sys/socket.h>

enum screen_exit_status {
	SCREEN_EXIT_ENDED = 0,
	SCREEN_EXIT_FAILED = 1,
	SCREEN_EXIT_USAGE = 2,
};

struct program {
	uv_loop_t loop;
	uv_signal_t signals[2];
	struct screen *screen;
	struct keyboard *keyboard;
	struct clipboard *clipboard;
	struct guest *guest;
	struct spice_guest *spice; /* NULL: its port was not handed over */
	struct resize *resize;
	struct captures *captures;
	struct typing *typing;
	struct control *control;
	struct doors *doors;
	struct handoff_socket *handoff;
	struct origin *origin;
};

/* --- What the parts tell each other ----------------------------------------------------------- */

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	resize_requested(((struct program *)owner)->resize, who, wish);
}

static int source_session(void *owner)
{
	struct source *source = screen_source(((struct program *)owner)->screen);

	return source && source->ops->session ? source->ops->session(source) : -ENOTCONN;
}

static void on_source_ready(void *owner)
{
	struct program *program = owner;

	resize_source_changed(program->resize);
	if (!program->spice)
		guest_set_spare(program->guest, source_session, program);
}

static void on_head_changed(void *owner, unsigned int head, uint32_t width, uint32_t height)
{
	resize_head_changed(((struct program *)owner)->resize, head, width, height);
}

static void on_viewer_gone(void *owner, struct viewer *viewer)
{
	clipboard_forget(((struct program *)owner)->clipboard, viewer);
}

static bool on_source_ended(void *owner, int error)
{
	(void)error;
	return origin_ended(((struct program *)owner)->origin);
}

static const struct screen_hooks screen_hooks = {
	.requested = on_requested,
	.source_ready = on_source_ready,
	.head_changed = on_head_changed,
	.viewer_gone = on_viewer_gone,
	.source_ended = on_source_ended,
};

static void on_clipboard_changed(void *owner, struct viewer *by)
{
	screen_clipboard_changed(((struct program *)owner)->screen, by);
}

/* For lodged: how things stand. */
static void tell_news(void *owner)
{
	struct program *program = owner;
	const struct clipboard_policy policy = clipboard_policy(program->clipboard);
	char words[CLIPBOARD_POLICY_BYTES], news[HANDOFF_MAX_ANSWER];

	snprintf(news, sizeof(news), HANDOFF_NEWS "clipboard=%s\nspice=%s\n",
		 clipboard_policy_format(&policy, words), program->spice ? "here" : "wanted");
	handoff_socket_tell(program->handoff, news);
}

static void on_layout(void *owner)
{
	struct program *program = owner;
	const struct guest_layout *layout = guest_layout(program->guest);

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		const struct guest_head *head = &layout->head[i];

		screen_place_head(program->screen, i, head->known && head->enabled, head->x,
				  head->y, head->scale_milli);
	}
	screen_places_known(program->screen);
	resize_session_changed(program->resize);
	screen_status_changed(program->screen);
}

static void on_applied(void *owner, uint64_t serial, int error, bool replug)
{
	resize_applied(((struct program *)owner)->resize, serial, error, replug);
}

static const struct guest_handlers guest_handlers = {.layout = on_layout, .applied = on_applied};

static bool can_apply(void *owner)
{
	return guest_can_apply(((struct program *)owner)->guest);
}

static int apply(void *owner, const struct guest_layout *layout, uint64_t *serial)
{
	return guest_apply(((struct program *)owner)->guest, layout, serial);
}

static const struct guest_layout *layout_now(void *owner)
{
	return guest_layout(((struct program *)owner)->guest);
}

static const struct resize_session resize_session = {
	.can_apply = can_apply, .apply = apply, .layout = layout_now};

/* --- Beginning -------------------------------------------------------------------------------- */

static int failed(const char *what, const char *detail, int error)
{
	log_error("%s '%s': %s", what, detail, error_text(error));
	return error;
}

/* A guest that sets a mode may not look at its keyboard for a while. */
static bool is_resizing(void *owner)
{
	return resize_is_waiting(((struct program *)owner)->resize);
}

static int make_parts(struct program *program, const struct screen_options *options)
{
	struct control_services services;
	int result = keyboard_new(options->keyboard, &program->keyboard);

	if (result < 0)
		return failed("cannot use keyboard layout", options->keyboard, result);
	program->screen = screen_new(&program->loop, options->name);
	if (!program->screen)
		return -ENOMEM;
	screen_set_keyboard(program->screen, program->keyboard);
	program->clipboard = clipboard_new(&program->loop, on_clipboard_changed, program);
	if (!program->clipboard)
		return -ENOMEM;
	clipboard_set_policy(program->clipboard, options->clipboard);
	clipboard_watch_policy(program->clipboard, tell_news, program);
	screen_set_clipboard(program->screen, program->clipboard);
	program->guest = guest_new(&program->loop, program->clipboard, &guest_handlers, program);
	program->resize = resize_new(program->screen, &resize_session, program);
	program->captures = captures_new(program->screen);
	program->typing = typing_new(program->screen, is_resizing, program);
	services = (struct control_services){
		.screen = program->screen,
		.clipboard = program->clipboard,
		.captures = program->captures,
		.typing = program->typing,
		.resize = program->resize,
		.guest = program->guest,
	};
	program->control = control_new(&services);
	if (!program->guest || !program->resize || !program->captures || !program->typing ||
	    !program->control)
		return -ENOMEM;
	screen_set_hooks(program->screen, &screen_hooks, program);
	return 0;
}

static int spice_session(void *owner)
{
	return spice_guest_session(owner);
}

static void on_spice_ended(void *owner)
{
	struct program *program = owner;

	spice_guest_free(program->spice);
	program->spice = NULL;
	guest_set_spare(program->guest, source_session, program);
	tell_news(program);
}

static int open_spice(struct program *program, int fd)
{
	struct spice_guest *spice;
	const int result = spice_guest_new(&program->loop, fd, on_spice_ended, program, &spice);

	if (result < 0)
		return result;
	guest_set_spare(program->guest, spice_session, spice);
	spice_guest_free(program->spice);
	program->spice = spice;
	tell_news(program);
	return 0;
}

static int on_handoff(void *owner, const struct handoff *handoff, int fd, const char **why)
{
	struct program *program = owner;

	if (handoff->kind == HANDOFF_AGENT)
		return guest_attach(program->guest, fd);
	if (handoff->kind == HANDOFF_SPICE)
		return open_spice(program, fd);
	if (origin_takes(program->origin, handoff->kind))
		return origin_take(program->origin, handoff->kind, fd);
	return doors_take(program->doors, handoff, fd, why);
}

static int open_doors(struct program *program, const struct screen_options *options)
{
	const struct doors_options doors = {.name = options->name,
					    .certificate = options->certificate,
					    .key = options->key,
					    .novnc = options->novnc};
	int fd, result = doors_new(program->screen, &doors, &program->doors);

	if (result < 0 || !options->vnc)
		return result;
	fd = socket_path_listen(options->vnc, SOCK_STREAM);
	result = fd < 0 ? fd : doors_listen(program->doors, fd);
	return result < 0 ? failed("cannot listen on", options->vnc, result) : 0;
}

static int open_sockets(struct program *program, const struct screen_options *options)
{
	int fd, result = open_doors(program, options);

	if (result < 0)
		return result;
	if (options->control) {
		fd = socket_path_listen(options->control, SOCK_STREAM);
		result = fd < 0 ? fd : control_listen(program->control, fd);
		if (result < 0)
			return failed("cannot listen on", options->control, result);
	}
	if (options->handoff) {
		fd = socket_path_listen(options->handoff, SOCK_SEQPACKET);
		result = fd < 0 ? fd
				: handoff_socket_new(&program->loop, fd, on_handoff, program,
						     &program->handoff);
		if (result < 0)
			return failed("cannot listen on", options->handoff, result);
		tell_news(program);
	}
	return 0;
}

static void tell_ready(int fd)
{
	if (fd < 0)
		return;
	/* Who does not listen does not want to know. */
	if (write(fd, "1", 1) < 0)
		log_debug("nobody waits for us to be ready");
	close(fd);
}

/* --- Running and ending ----------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	uv_stop(handle->loop);
}

static void init_handles(struct program *program)
{
	static const int numbers[] = {SIGTERM, SIGINT};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uv_signal_init(&program->loop, &program->signals[i]);
		uv_signal_start(&program->signals[i], on_signal, numbers[i]);
		uv_unref((uv_handle_t *)&program->signals[i]);
	}
}

static void free_parts(struct program *program)
{
	handoff_socket_free(program->handoff);
	doors_close(program->doors);
	control_free(program->control);
	captures_free(program->captures);
	typing_free(program->typing);
	guest_free(program->guest);
	spice_guest_free(program->spice);
	origin_free(program->origin);
	if (program->screen)
		screen_set_hooks(program->screen, NULL, NULL);
	screen_free(program->screen);
	doors_free(program->doors);
	resize_free(program->resize);
	clipboard_free(program->clipboard);
	keyboard_free(program->keyboard);
}

static int run(struct program *program, const struct screen_options *options)
{
	int error = 0, result = make_parts(program, options);

	if (result == 0)
		result = open_sockets(program, options);
	if (result == 0)
		result = origin_open(program->screen, options, &program->origin);
	if (result == 0 && options->sandbox)
		result = screen_sandbox_enter();
	if (result < 0)
		return result;
	tell_ready(options->ready_fd);
	uv_run(&program->loop, UV_RUN_DEFAULT);
	screen_ended(program->screen, &error);
	return error;
}

static enum screen_exit_status serve(const struct screen_options *options)
{
	struct program program = {0};
	int result = uv_loop_init(&program.loop);

	if (result < 0) {
		log_error("no event loop: %s", error_text(result));
		return SCREEN_EXIT_FAILED;
	}
	init_handles(&program);
	result = run(&program, options);
	if (result == -ENOMEM)
		log_error("no memory");
	free_parts(&program);
	for (size_t i = 0; i < ARRAY_SIZE(program.signals); i++)
		uv_close((uv_handle_t *)&program.signals[i], NULL);
	uv_run(&program.loop, UV_RUN_DEFAULT);
	uv_loop_close(&program.loop);
	return result < 0 ? SCREEN_EXIT_FAILED : SCREEN_EXIT_ENDED;
}

int main(int count, char *arguments[])
{
	struct screen_options options;
	char error[256];

	log_setup("lodge-screen", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (screen_options_parse(count, arguments, &options, error, sizeof(error)) < 0) {
		log_error("%s", error);
		return SCREEN_EXIT_USAGE;
	}
	if (options.help) {
		fputs(screen_options_help, stdout);
		return 0;
	}
	if (options.version) {
		puts("lodge-screen " LODGE_VERSION);
		return 0;
	}
	return (int)serve(&options);
}
