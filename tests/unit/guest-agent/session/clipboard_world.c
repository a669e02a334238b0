/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/guest-agent/session/clipboard_world.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static pid_t spawn(const char *command)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Outside of a test, too: without check's asserts. */
static int shell(const char *command)
{
	int status = -1;

	waitpid(spawn(command), &status, 0);
	return status;
}

bool world_has(const char *program)
{
	char command[256];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", program);
	if (shell(command) == 0)
		return true;
	fprintf(stderr, "left out: there is no %s\n", program);
	return false;
}

/* --- The loop ------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void on_expired(uv_timer_t *timer)
{
	const struct world *world = timer->data;

	ck_abort_msg("nothing happens any more while it %s; offered: %s, primary: %s", world->doing,
		     world->offered[0], world->offered[1]);
}

void world_wait(struct world *world, bool (*condition)(struct world *world))
{
	uv_timer_start(&world->watchdog, on_expired, WORLD_WAIT_MS, 0);
	while (!condition(world))
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_timer_stop(&world->watchdog);
}

void world_pass(struct world *world, unsigned int ms)
{
	const uint64_t until = uv_now(&world->loop) + ms;

	while (uv_now(&world->loop) < until)
		uv_run(&world->loop, UV_RUN_ONCE);
}

int world_run(struct world *world, const char *command)
{
	char text[1024];
	int status = 0;
	pid_t pid;

	snprintf(text, sizeof(text), "cd '%s' && %s", world->folder, command);
	pid = spawn(text);
	ck_assert_int_gt(pid, 0);
	world->doing = command;
	uv_timer_start(&world->watchdog, on_expired, WORLD_WAIT_MS, 0);
	while (waitpid(pid, &status, WNOHANG) == 0)
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_timer_stop(&world->watchdog);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void world_do(struct world *world, const char *command)
{
	const uint64_t until_ms = uv_hrtime() / 1000000 + WORLD_WAIT_MS;

	while (world_run(world, command) != 0) {
		ck_assert_msg(uv_hrtime() / 1000000 < until_ms, "%s", command);
		world_pass(world, 50);
	}
}

void world_put(const struct world *world, const char *name, const void *bytes, size_t length)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

uint8_t *world_get(const struct world *world, const char *name, size_t *length)
{
	struct stat status;
	char path[256];
	uint8_t *bytes;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	ck_assert_int_eq(stat(path, &status), 0);
	*length = (size_t)status.st_size;
	bytes = malloc(*length + 1);
	file = fopen(path, "rb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(bytes, 1, *length, file), *length);
	fclose(file);
	bytes[*length] = '\0';
	return bytes;
}

/* --- The guest's end ------------------------------------------------------------------------ */

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct world *world = owner;
	const struct service_method *m = session_service_clipboard.methods;

	while (m->name && !slice_is(method, m->name))
		m++;
	ck_assert_ptr_nonnull(m->name);
	m->call(world->service, stream, params);
}

/* --- The host's end ------------------------------------------------------------------------- */

static void on_write_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct world *world = owner;

	(void)result;
	if (world->write == stream)
		world->write = NULL;
}

static void write_more(struct world *world)
{
	while (world->write && world->written < world->has_length) {
		const ssize_t taken = stream_send(world->write, 0, world->has + world->written,
						  world->has_length - world->written);

		if (taken <= 0)
			return;
		world->written += (size_t)taken;
	}
	if (world->write)
		stream_end(world->write, 0);
}

static void on_write_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct world *world = owner;

	(void)channel;
	(void)bytes;
	if (world->write == stream)
		write_more(world);
}

static const struct stream_handlers write_handlers = {.credit = on_write_credit,
						      .closed = on_write_closed};

static void on_want(struct world *world, const struct clipboard_want *want)
{
	const struct clipboard_write params = {.id = want->id, .number = (uint64_t)world->refuses};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	world->wants++;
	ck_assert_uint_eq(want->serial, world->serial);
	snprintf(world->wanted, sizeof(world->wanted), "%.*s", (int)want->type.length,
		 (const char *)want->type.bytes);
	if (world->silent)
		return;
	message_encode(&message_clipboard_write, &params, &writer);
	ck_assert_int_eq(session_request(world->host.session, SLICE_LITERAL("clipboard.write"),
					 cbor_written(&writer), &write_handlers, world,
					 &world->write),
			 0);
	world->written = 0;
	if (!world->refuses)
		write_more(world);
}

static void on_offer(struct world *world, const struct clipboard_offer *offer)
{
	const bool primary = slice_is(offer->selection, "primary");
	char *text = world->offered[primary];
	struct cbor_reader reader = CBOR_READER(offer->types);

	*text = '\0';
	for (uint64_t count = cbor_get_array(&reader); count > 0; count--) {
		const struct slice type = cbor_get_text(&reader);

		strncat(text, (const char *)type.bytes, type.length);
		strcat(text, " ");
	}
	ck_assert_uint_gt(offer->serial, world->offered_serial[primary]);
	world->offered_serial[primary] = offer->serial;
	world->offers[primary]++;
	world->secret = offer->secret;
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct clipboard_offer offer;
	struct clipboard_want want;

	(void)stream;
	if (slice_is(name, "offer")) {
		ck_assert_int_eq(message_decode(&message_clipboard_offer, params, &offer), 0);
		on_offer(owner, &offer);
	} else {
		ck_assert(slice_is(name, "want"));
		ck_assert_int_eq(message_decode(&message_clipboard_want, params, &want), 0);
		on_want(owner, &want);
	}
}

static void on_attach_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	((struct world *)owner)->attach = NULL;
}

static const struct stream_handlers attach_handlers = {.message = on_message,
						       .closed = on_attach_closed};

void world_offer(struct world *world, enum clipboard_selection selection, const char *types)
{
	const struct clipboard_offer offer = {
		.selection = slice_of(selection == CLIPBOARD_PRIMARY ? "primary" : "clipboard"),
		.serial = ++world->serial,
	};
	struct clipboard_offer filled = offer;
	uint8_t list[1024], bytes[1200];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	char copy[1024], *left = copy, *type;
	size_t count = *types != '\0';

	for (const char *c = types; *c; c++)
		count += *c == ' ';
	cbor_put_array(&list_writer, count);
	strcpy(copy, types);
	while (count > 0 && (type = strsep(&left, " ")))
		cbor_put_text(&list_writer, slice_of(type));
	filled.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &filled, &writer);
	ck_assert_int_eq(
		stream_message(world->attach, SLICE_LITERAL("offer"), cbor_written(&writer)), 0);
	world_pass(world, 100);
}

void world_wait_offered(struct world *world, enum clipboard_selection selection, const char *type)
{
	world->doing = type;
	uv_timer_start(&world->watchdog, on_expired, WORLD_WAIT_MS, 0);
	while (!strstr(world->offered[selection], type))
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_timer_stop(&world->watchdog);
}

struct answer {
	bool done;
	int error;
	uint8_t *bytes;
	size_t length;
};

static void on_read_data(struct stream *stream, void *owner, unsigned int channel,
			 struct slice bytes)
{
	struct answer *answer = owner;

	ck_assert_uint_eq(channel, 1);
	answer->bytes = realloc(answer->bytes, answer->length + bytes.length + 1);
	memcpy(answer->bytes + answer->length, bytes.bytes, bytes.length);
	answer->length += bytes.length;
	stream_consumed(stream, channel, bytes.length);
}

static void on_read_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct answer *answer = owner;

	(void)stream;
	answer->done = true;
	answer->error = result->error;
}

static const struct stream_handlers read_handlers = {.data = on_read_data,
						     .closed = on_read_closed};

int world_read(struct world *world, enum clipboard_selection selection, const char *type,
	       uint8_t **bytes, size_t *length)
{
	const struct clipboard_want want = {
		.serial = world->offered_serial[selection],
		.selection = slice_of(selection == CLIPBOARD_PRIMARY ? "primary" : "clipboard"),
		.type = slice_of(type),
	};
	struct answer answer = {.bytes = calloc(1, 1)};
	uint8_t encoded[512];
	struct cbor_writer writer = CBOR_WRITER(encoded);

	message_encode(&message_clipboard_want, &want, &writer);
	ck_assert_int_eq(session_request(world->host.session, SLICE_LITERAL("clipboard.read"),
					 cbor_written(&writer), &read_handlers, &answer, NULL),
			 0);
	world->doing = "reads";
	uv_timer_start(&world->watchdog, on_expired, WORLD_WAIT_MS, 0);
	while (!answer.done)
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_timer_stop(&world->watchdog);
	answer.bytes[answer.length] = '\0';
	*bytes = answer.bytes;
	*length = answer.length;
	return answer.error;
}

/* --- Checks ----------------------------------------------------------------------------------- */

uint8_t *world_noise(size_t length)
{
	uint8_t *bytes = malloc(length);
	uint32_t state = 1;

	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(state >> 24);
	}
	return bytes;
}

void world_has_bytes(struct world *world, const void *bytes, size_t length)
{
	world->has = bytes;
	world->has_length = length;
}

void world_check_read(struct world *world, enum clipboard_selection selection, const char *type,
		      const void *expected, size_t length)
{
	uint8_t *bytes;
	size_t got;

	ck_assert_int_eq(world_read(world, selection, type, &bytes, &got), 0);
	ck_assert_uint_eq(got, length);
	ck_assert_int_eq(memcmp(bytes, expected, length), 0);
	free(bytes);
}

void world_check_file(const struct world *world, const char *name, const void *expected,
		      size_t length)
{
	size_t got;
	uint8_t *bytes = world_get(world, name, &got);

	ck_assert_uint_eq(got, length);
	ck_assert_int_eq(memcmp(bytes, expected, length), 0);
	free(bytes);
}

/* --- Start and end -------------------------------------------------------------------------- */

static void on_over(void *owner)
{
	((struct world *)owner)->over = true;
}

static bool is_established(struct world *world)
{
	return world->host.established && world->guest.established;
}

static void start_service(struct world *world)
{
	static const char *const capabilities[] = {"clipboard", NULL};

	world->context = (struct service_context){
		.loop = &world->loop,
		.environment = &world->environment,
		.over = on_over,
		.owner = world,
	};
	ck_assert_int_eq(session_service_clipboard.start(&world->context, &world->service), 0);
	world->guest = (struct played_end){.request = on_request, .owner = world};
	played_ends_start(&world->host, &world->guest, &world->loop, capabilities);
	world_wait(world, is_established);
	ck_assert_int_eq(session_request(world->host.session, SLICE_LITERAL("clipboard.attach"),
					 (struct slice){0}, &attach_handlers, world,
					 &world->attach),
			 0);
	world_pass(world, 100);
}

static void start_loop(struct world *world)
{
	*world = (struct world){.folder = "/tmp/lodge-clipboard-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(world->folder));
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&world->loop);
	uv_timer_init(&world->loop, &world->tick);
	uv_timer_init(&world->loop, &world->watchdog);
	world->watchdog.data = world;
	world->doing = "waits";
	uv_timer_start(&world->tick, on_tick, 5, 5);
}

static bool has_file(const struct world *world, const char *name)
{
	struct stat status;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	return stat(path, &status) == 0 && status.st_size > 1;
}

static void wait_for_file(struct world *world, const char *name)
{
	for (unsigned int i = 0; i < 1000 && !has_file(world, name); i++)
		world_pass(world, 20);
	ck_assert_msg(has_file(world, name), "the display server does not start");
}

void world_start_x11(struct world *world)
{
	char command[512];
	uint8_t *number;
	size_t length;

	start_loop(world);
	snprintf(command, sizeof(command),
		 "exec Xvfb -displayfd 3 -nolisten tcp -screen 0 640x480x24 3>'%s/display' "
		 ">/dev/null 2>&1",
		 world->folder);
	world->server = spawn(command);
	wait_for_file(world, "display");
	number = world_get(world, "display", &length);
	snprintf(command, sizeof(command), ":%d", atoi((char *)number));
	free(number);
	setenv("DISPLAY", command, 1);
	unsetenv("WAYLAND_DISPLAY");
	world->environment.kind = ENVIRONMENT_X11;
	snprintf(world->environment.display, sizeof(world->environment.display), "%.100s", command);
	start_service(world);
}

void world_start_sway(struct world *world)
{
	static const char config[] = "exec echo \"$WAYLAND_DISPLAY\" > display\n";
	char command[512];
	uint8_t *name;
	size_t length;

	start_loop(world);
	world_put(world, "config", config, sizeof(config) - 1);
	setenv("XDG_RUNTIME_DIR", world->folder, 1);
	ck_assert_int_eq(chmod(world->folder, 0777), 0);
	/* sway does not run as root. */
	snprintf(command, sizeof(command),
		 "cd '%s' && export WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1 "
		 "WLR_RENDERER=pixman && exec %s sway -c config >log 2>&1",
		 world->folder,
		 geteuid() == 0 ? "setpriv --reuid 65534 --regid 65534 --clear-groups" : "");
	world->server = spawn(command);
	wait_for_file(world, "display");
	name = world_get(world, "display", &length);
	name[strcspn((char *)name, "\n")] = '\0';
	setenv("WAYLAND_DISPLAY", (char *)name, 1);
	unsetenv("DISPLAY");
	free(name);
	world->environment.kind = ENVIRONMENT_WAYLAND;
	start_service(world);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	ck_assert_msg(uv_is_closing(handle), "a handle was forgotten");
}

void world_stop(struct world *world)
{
	char command[128];

	played_end_stop(&world->guest);
	played_end_stop(&world->host);
	session_service_clipboard.stop(world->service);
	uv_close((uv_handle_t *)&world->tick, NULL);
	uv_close((uv_handle_t *)&world->watchdog, NULL);
	for (unsigned int i = 0; i < 3; i++)
		uv_run(&world->loop, UV_RUN_NOWAIT);
	uv_walk(&world->loop, close_handle, NULL);
	ck_assert_int_eq(uv_loop_close(&world->loop), 0);
	kill(world->server, SIGTERM);
	waitpid(world->server, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	ck_assert_int_eq(shell(command), 0);
}
