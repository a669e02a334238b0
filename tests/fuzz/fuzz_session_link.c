/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: agent common drivers system pump relay protocol base
/*
 * The bytes of a user in the guest: a desktop session that has the screen says to the agent
 * whatever it likes, while a host is attached to its screens and its clipboard. Afterwards the
 * agent must still answer the host.
 *
 * The input is a row of acts, each a byte and what it takes: those of a session that keeps to the
 * frames, and raw bytes.
 */
#include "guest-agent/agent/agent.h"
#include "guest-agent/common/unix_socket.h"
#include "protocol/display.h"
#include "protocol/pump/pump.h"
#include "tests/fuzz/input.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURNS	2000
#define STREAMS 8

struct fuzz {
	uv_loop_t loop;
	struct agent *agent;
	struct session *host;
	struct pump *host_pump;
	bool answered;
	/* The hostile one; its session is without a pump. */
	struct session *desktop;
	int fd;
	bool established;
	struct stream *streams[STREAMS]; /* that the agent has opened; NULL: free */
	struct slice input;
};

static char root[] = "/tmp/lodge-fuzz-XXXXXX";

static void must_at(bool is_so, int line)
{
	if (is_so)
		return;
	fprintf(stderr, "line %d\n", line);
	abort();
}

#define must(is_so) must_at(is_so, __LINE__)

/* --- The host ------------------------------------------------------------------------------- */

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_host_wake(void *owner)
{
	pump_wake(((struct fuzz *)owner)->host_pump);
}

static const struct session_handlers host_handlers = {
	.lost = on_lost,
	.wake = on_host_wake,
};

static void on_host_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
	abort(); /* the agent has hung up on the host */
}

static const struct pump_handlers host_pump_handlers = {.closed = on_host_closed};

static void on_answer(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct fuzz *fuzz = owner;

	(void)stream;
	must(result->error == 0);
	fuzz->answered = true;
}

static void ignore_answer(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

static const struct stream_handlers ping_handlers = {.closed = on_answer};
static const struct stream_handlers ignored_handlers = {.closed = ignore_answer};

static void ask(struct fuzz *fuzz, const char *method, struct slice params,
		const struct stream_handlers *handlers)
{
	must(session_request(fuzz->host, slice_of(method), params, handlers, fuzz, NULL) == 0);
}

static void want_clipboard(struct fuzz *fuzz)
{
	const struct clipboard_want want = {.selection = slice_of("clipboard"),
					    .type = slice_of("text/plain")};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_clipboard_want, &want, &writer);
	ask(fuzz, "clipboard.read", cbor_written(&writer), &ignored_handlers);
}

/* --- The desktop session -------------------------------------------------------------------- */

static void on_desktop_established(void *owner, const struct session_peer *peer)
{
	(void)peer;
	((struct fuzz *)owner)->established = true;
}

static void forget(struct fuzz *fuzz, const struct stream *stream)
{
	for (size_t i = 0; i < STREAMS; i++) {
		if (fuzz->streams[i] == stream)
			fuzz->streams[i] = NULL;
	}
}

static void on_desktop_closed(struct stream *stream, void *owner,
			      const struct stream_result *result)
{
	(void)result;
	forget(owner, stream);
}

/* Not answered before the input says so. */
static void on_desktop_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	(void)owner;
}

static const struct stream_handlers desktop_stream_handlers = {.cancelled = on_desktop_cancelled,
							       .closed = on_desktop_closed};

static void on_desktop_request(void *owner, struct stream *stream, struct slice method,
			       struct slice params)
{
	struct fuzz *fuzz = owner;

	(void)method;
	(void)params;
	stream_set_handlers(stream, &desktop_stream_handlers, fuzz);
	for (size_t i = 0; i < STREAMS; i++) {
		if (!fuzz->streams[i]) {
			fuzz->streams[i] = stream;
			return;
		}
	}
}

static void on_desktop_wake(void *owner)
{
	(void)owner;
}

static const struct session_handlers desktop_handlers = {
	.established = on_desktop_established,
	.lost = on_lost,
	.request = on_desktop_request,
	.wake = on_desktop_wake,
};

static void shuttle(struct fuzz *fuzz)
{
	uint8_t bytes[16384];
	ssize_t length;

	uv_run(&fuzz->loop, UV_RUN_NOWAIT);
	while ((length = recv(fuzz->fd, bytes, sizeof(bytes), 0)) > 0)
		session_receive(fuzz->desktop, bytes, (size_t)length);
	while ((length = (ssize_t)session_output(fuzz->desktop, bytes, sizeof(bytes))) > 0) {
		if (send(fuzz->fd, bytes, (size_t)length, MSG_NOSIGNAL) < length)
			return;
	}
}

static void act(struct fuzz *fuzz)
{
	const uint8_t what = input_byte(&fuzz->input);
	struct stream *stream = fuzz->streams[(what >> 4) % STREAMS];
	struct slice first, second;

	switch (what % 10) {
	case 0:
		first = input_slice(&fuzz->input);
		must(send(fuzz->fd, first.bytes, first.length, MSG_NOSIGNAL) != 0 || !first.length);
		break;
	case 1:
		first = input_slice(&fuzz->input);
		second = input_slice(&fuzz->input);
		if (stream)
			stream_message(stream, first, second);
		break;
	case 2:
		first = input_slice(&fuzz->input);
		if (stream)
			stream_send(stream, input_byte(&fuzz->input) % 3U, first.bytes,
				    first.length);
		break;
	case 3:
		if (stream)
			stream_end(stream, input_byte(&fuzz->input) % 3U);
		break;
	case 4:
		forget(fuzz, stream);
		if (stream)
			stream_reply(stream, input_slice(&fuzz->input));
		break;
	case 5:
		forget(fuzz, stream);
		if (stream)
			stream_fail(stream, input_byte(&fuzz->input), "no");
		break;
	case 6:
		first = input_slice(&fuzz->input);
		session_request(fuzz->desktop, first, input_slice(&fuzz->input), &ignored_handlers,
				fuzz, NULL);
		break;
	case 7:
		session_event(fuzz->desktop, "event", input_slice(&fuzz->input));
		break;
	case 8:
		session_start(fuzz->desktop);
		break;
	default:
		want_clipboard(fuzz);
	}
	shuttle(fuzz);
}

/* --- All of it ------------------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_root(void)
{
	nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_root(void)
{
	static const char *const folders[] = {"run", "run/systemd", "run/systemd/seats", "proc"};
	static bool made;
	char path[128];
	FILE *file;

	if (made)
		return;
	made = true;
	must(mkdtemp(root) != NULL);
	atexit(remove_root);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		must(mkdir(path, 0755) == 0);
	}
	snprintf(path, sizeof(path), "%s/run/systemd/seats/seat0", root);
	file = fopen(path, "w");
	must(file != NULL);
	fprintf(file, "ACTIVE_UID=%u\n", getuid());
	fclose(file);
}

static void begin(struct fuzz *fuzz)
{
	static const char *const disabled[] = {"exec", "file",	"info", "power",
					       "time", "watch", NULL};
	static const char *const capabilities[] = {"display", "clipboard", "files", NULL};
	char path[64];
	struct agent_options options = {.disabled = disabled, .session_socket = path, .root = root};
	int ends[2];

	make_root();
	snprintf(path, sizeof(path), "%s/session.sock", root);
	must(uv_loop_init(&fuzz->loop) == 0);
	must(agent_new(&fuzz->loop, &options, &fuzz->agent) == 0);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	must(agent_attach(fuzz->agent, ends[0], false) == 0);
	fuzz->host = session_new(SESSION_HOST, "host", NULL, &host_handlers, fuzz);
	must(fuzz->host && pump_new(&fuzz->loop, ends[1], false, fuzz->host, &host_pump_handlers,
				    fuzz, &fuzz->host_pump) == 0);
	session_start(fuzz->host);
	fuzz->desktop =
		session_new(SESSION_GUEST, "desktop", capabilities, &desktop_handlers, fuzz);
	fuzz->fd = unix_socket_connect(path);
	must(fuzz->desktop && fuzz->fd >= 0);
	session_start(fuzz->desktop);
	for (int i = 0; i < TURNS && !(fuzz->established && session_is_established(fuzz->host));
	     i++)
		shuttle(fuzz);
	must(fuzz->established && session_is_established(fuzz->host));
	ask(fuzz, "display.attach", (struct slice){0}, &ignored_handlers);
	ask(fuzz, "clipboard.attach", (struct slice){0}, &ignored_handlers);
	want_clipboard(fuzz);
	shuttle(fuzz);
	shuttle(fuzz);
}

static void close_all(uv_handle_t *handle, void *data)
{
	(void)data;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void end(struct fuzz *fuzz)
{
	session_free(fuzz->desktop);
	close(fuzz->fd);
	pump_free(fuzz->host_pump);
	session_free(fuzz->host);
	agent_free(fuzz->agent);
	uv_run(&fuzz->loop, UV_RUN_NOWAIT);
	uv_run(&fuzz->loop, UV_RUN_NOWAIT);
	uv_walk(&fuzz->loop, close_all, NULL);
	uv_run(&fuzz->loop, UV_RUN_DEFAULT);
	must(uv_loop_close(&fuzz->loop) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct fuzz fuzz = {.input = {bytes, length}};

	signal(SIGPIPE, SIG_IGN);
	begin(&fuzz);
	while (fuzz.input.length > 0)
		act(&fuzz);
	ask(&fuzz, "agent.ping", (struct slice){0}, &ping_handlers);
	for (int i = 0; i < TURNS && !fuzz.answered; i++)
		shuttle(&fuzz);
	must(fuzz.answered);
	end(&fuzz);
	return 0;
}
