/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/cli/copy/fake_guest.h"
#include "protocol/pump/pump.h"
#include "protocol/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

struct served {
	const struct fake_guest *guest;
	struct session *session;
	struct pump *pump;
};

static void reply_stat(struct stream *stream, const struct file_stat *stat)
{
	uint8_t bytes[1024];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_file_stat, stat, &writer);
	stream_reply(stream, cbor_written(&writer));
}

static void serve_list(const struct fake_guest *guest, struct stream *stream, struct slice path)
{
	bool is_root = slice_is(path, "/root");
	const struct fake_entry *entries = is_root ? guest->root : guest->sub;
	size_t count = is_root ? guest->root_count : guest->sub_count;

	if (guest->raw.length > 0) {
		stream_send(stream, 1, guest->raw.bytes, guest->raw.length);
		stream_reply(stream, (struct slice){0});
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[1024];
		struct cbor_writer writer = CBOR_WRITER(bytes);

		message_encode(&message_file_stat, &entries[i].stat, &writer);
		stream_send(stream, 1, writer.bytes, writer.length);
	}
	stream_reply(stream, (struct slice){0});
}

static void serve_read(const struct fake_guest *guest, struct stream *stream, struct slice path)
{
	const uint8_t *slash = memrchr(path.bytes, '/', path.length);
	struct slice name = {slash + 1, path.length - (size_t)(slash + 1 - path.bytes)};

	for (size_t i = 0; i < guest->root_count; i++) {
		const struct fake_entry *entry = &guest->root[i];

		if (entry->stat.name.length != name.length ||
		    memcmp(entry->stat.name.bytes, name.bytes, name.length) != 0 ||
		    (entry->stat.mode & 0170000) != 0100000)
			continue;
		if (!entry->bytes) {
			stream_send(stream, 1, "half", 4);
			stream_fail(stream, EIO, "the disk\033[2J is broken");
			return;
		}
		stream_send(stream, 1, entry->bytes, strlen(entry->bytes));
		reply_stat(stream, &entry->stat);
		return;
	}
	stream_fail(stream, ENOENT, NULL);
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	static const struct stream_handlers none = {0};
	struct served *served = owner;
	struct path_params path;

	stream_set_handlers(stream, &none, NULL);
	if (served->guest->hangs)
		return;
	if (message_decode(&message_path_params, params, &path) < 0)
		stream_fail(stream, EBADMSG, NULL);
	else if (slice_is(method, "file.list"))
		serve_list(served->guest, stream, path.path);
	else if (slice_is(method, "file.read"))
		serve_read(served->guest, stream, path.path);
	else
		stream_fail(stream, ENOSYS, NULL);
}

static void on_wake(void *owner)
{
	struct served *served = owner;

	pump_wake(served->pump);
}

static uint64_t on_random(void *owner)
{
	uint64_t value = 0;

	(void)owner;
	if (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value))
		_exit(1);
	return value;
}

static const struct session_handlers session_handlers = {
	.request = on_request,
	.wake = on_wake,
	.random = on_random,
};

static void on_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
	_exit(0);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

static void serve(const struct fake_guest *guest, int fd)
{
	static const char *const capabilities[] = {"file", NULL};
	struct served served = {.guest = guest};
	uv_loop_t loop;

	uv_loop_init(&loop);
	served.session =
		session_new(SESSION_GUEST, "fake", capabilities, &session_handlers, &served);
	if (!served.session ||
	    pump_new(&loop, fd, false, served.session, &pump_handlers, &served, &served.pump) < 0)
		_exit(1);
	uv_run(&loop, UV_RUN_DEFAULT);
	_exit(2);
}

int fake_guest_start(const struct fake_guest *guest, pid_t *child)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	*child = fork();
	if (*child == 0) {
		close(fds[0]);
		serve(guest, fds[1]);
	}
	close(fds[1]);
	return fds[0];
}
