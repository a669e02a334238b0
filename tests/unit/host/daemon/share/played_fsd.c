/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/daemon/share/played_fsd.h"

#include "protocol/base/bytes.h"
#include "protocol/pump/pump.h"
#include "protocol/share.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* --- As a file ------------------------------------------------------------------------------ */

static void place(char path[PATH_MAX], char own[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", own, PATH_MAX - 1);

	if (length <= 0)
		abort();
	own[length] = '\0';
	snprintf(path, PATH_MAX, "%.*s/lodge-fsd", (int)(strrchr(own, '/') - own), own);
}

/* One program after the other: they lie beside each other. Until we end. */
static void await_others(const char *own)
{
	int fd = open(dirname(strdupa(own)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		abort();
}

void played_fsd_install(void)
{
	char path[PATH_MAX], own[PATH_MAX];

	place(path, own);
	await_others(own);
	unlink(path);
	if (symlink(own, path) < 0)
		abort();
}

void played_fsd_remove(void)
{
	char path[PATH_MAX], own[PATH_MAX];

	place(path, own);
	unlink(path);
}

bool played_fsd_is_meant(char **argv)
{
	return strcmp(argv[0], "lodge-fsd") == 0;
}

/* --- As a process --------------------------------------------------------------------------- */

static uv_loop_t loop;

struct connection {
	struct session *session;
	struct pump *pump;
};

static void echo_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	(void)owner;
	if (stream_send(stream, channel, bytes.bytes, bytes.length) != (ssize_t)bytes.length)
		_exit(90);
	stream_consumed(stream, channel, bytes.length);
}

static void echo_end(struct stream *stream, void *owner, unsigned int channel)
{
	(void)owner;
	(void)channel;
	stream_reply(stream, (struct slice){NULL, 0});
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	static const struct stream_handlers handlers = {.data = echo_data, .end = echo_end};
	struct share_opened opened = {0};
	struct share_open wish;
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	(void)owner;
	if (slice_is(method, "share.watch")) {
		stream_set_handlers(stream, &handlers, NULL);
		return;
	}
	if (!slice_is(method, "share.open") ||
	    message_decode(&message_share_open, params, &wish) < 0) {
		stream_fail(stream, ENOSYS, NULL);
		return;
	}
	opened.resumed = wish.resume;
	stream_set_handlers(stream, &handlers, NULL);
	message_encode(&message_share_opened, &opened, &writer);
	stream_message(stream, slice_of("opened"), cbor_written(&writer));
}

static void ignore_peer(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
}

static void ignore_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_wake(void *owner)
{
	pump_wake(((struct connection *)owner)->pump);
}

static uint64_t on_random(void *owner)
{
	uint64_t value;

	(void)owner;
	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		_exit(91);
	return value;
}

static void on_closed(void *owner, int error)
{
	struct connection *connection = owner;

	(void)error;
	pump_free(connection->pump);
	connection->pump = NULL;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	static const struct session_handlers handlers = {.established = ignore_peer,
							 .lost = ignore_lost,
							 .request = on_request,
							 .wake = on_wake,
							 .random = on_random};
	static const struct pump_handlers pump_handlers = {.closed = on_closed};
	static const char *const capabilities[] = {SHARE_CAPABILITY, NULL};
	struct connection *connection = calloc(1, sizeof(*connection));
	int listener = *(int *)poll->data, fd = accept(listener, NULL, NULL);

	(void)status;
	(void)events;
	if (!connection || fd < 0)
		_exit(92);
	connection->session =
		session_new(SESSION_GUEST, "played-fsd", capabilities, &handlers, connection);
	if (!connection->session || pump_new(&loop, fd, false, connection->session, &pump_handlers,
					     connection, &connection->pump) < 0)
		_exit(93);
	session_start(connection->session);
}

static const char *value_of(int argc, char **argv, const char *flag)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], flag) == 0)
			return argv[i + 1];
	}
	_exit(94);
}

void played_fsd_run(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uv_poll_t poll;

	if (strcmp(value_of(argc, argv, "--shared-dir"), "/sys") == 0) {
		fputs("lodge-fsd: it is not to be\n", stderr);
		_exit(3);
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 value_of(argc, argv, "--control"));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 4) < 0)
		_exit(95);
	uv_loop_init(&loop);
	uv_poll_init(&loop, &poll, listener);
	poll.data = &listener;
	uv_poll_start(&poll, UV_READABLE, on_connection);
	uv_run(&loop, UV_RUN_DEFAULT);
	_exit(0);
}
