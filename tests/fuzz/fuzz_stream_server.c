/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: fsd fsserver virtqueue sandbox arguments pump protocol base
/*
 * Hostile mounters of the stream server (road 3): they connect, open sessions of their own and of
 * each other, say requests and acknowledgements that make no sense, in pieces, and are gone again.
 * What comes back is held against the rules, and afterwards a mounter that keeps them is served.
 *
 * The input is a row of acts, each a byte and what it takes.
 */
#include "protocol/base/bytes.h"
#include "protocol/pump/pumped_session.h"
#include "protocol/share.h"
#include "shared-folders/fuse/cutter.h"
#include "shared-folders/stream/looker.h"
#include "shared-folders/stream/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENTS	 4
#define MAX_ACTS 200
#define TURNS	 5000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct client {
	struct fuzz *fuzz;
	struct pumped_session *session; /* NULL: not connected */
	struct stream *stream;
	int fd;
	bool is_open;
	struct cutter cutter;
	uint64_t received, replied; /* messages; the unique of the last reply */
};

struct fuzz {
	uv_loop_t loop;
	struct stream_server *server;
	struct looker *looker;
	struct client clients[CLIENTS + 1]; /* the last one is good */
	uint64_t unique;
	const uint8_t *bytes;
	size_t left;
};

static char base[] = "/tmp/lodge-fuzz-XXXXXX";
static int root = -1;

static void must_at(bool is_so, int line)
{
	if (is_so)
		return;
	fprintf(stderr, "line %d\n", line);
	abort();
}

#define must(is_so) must_at(is_so, __LINE__)

static uint8_t next(struct fuzz *fuzz)
{
	if (fuzz->left == 0)
		return 0;
	fuzz->left--;
	return *fuzz->bytes++;
}

/* Up to @size bytes of the input. */
static struct slice next_slice(struct fuzz *fuzz, size_t size)
{
	struct slice slice = {fuzz->bytes, MIN(size, fuzz->left)};

	fuzz->bytes += slice.length;
	fuzz->left -= slice.length;
	return slice;
}

static void turn(struct fuzz *fuzz, unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		uv_run(&fuzz->loop, UV_RUN_NOWAIT);
}

/* --- The folder --- */

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)type, (void)walk;
	(void)remove(path);
	return 0;
}

static void remove_base(void)
{
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};

	setrlimit(RLIMIT_FSIZE, &limit);
	must(mkdtemp(base) != NULL);
	atexit(remove_base);
	root = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(root >= 0 && mkdirat(root, "d", 0777) == 0 && symlinkat("/etc", root, "l") == 0);
}

/* --- What comes back --- */

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct client *client = owner;
	struct share_opened opened;

	(void)stream;
	must(slice_is(name, "opened"));
	must(message_decode(&message_share_opened, params, &opened) == 0);
	client->is_open = true;
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct client *client = owner;
	const size_t taken = bytes.length;
	struct fuse_out_header header;
	uint8_t *message;
	size_t length;
	int result;

	must(channel == 0);
	while ((result = cutter_take(&client->cutter, &bytes, &message, &length)) > 0) {
		memcpy(&header, message, sizeof(header));
		/* Notifications have a code there. */
		must(header.len == length &&
		     (header.unique == 0 || (header.error <= 0 && header.error > -512)));
		client->received++;
		client->replied = header.unique;
		free(message);
	}
	must(result == 0);
	stream_consumed(stream, channel, taken);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream, (void)owner, (void)channel, (void)bytes;
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct client *client = owner;

	(void)stream, (void)result;
	client->stream = NULL;
	client->is_open = false;
	cutter_clear(&client->cutter);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message, .data = on_data, .credit = on_credit, .closed = on_closed};

/* --- What they do --- */

static bool is_established(const struct client *client)
{
	return session_is_established(pumped_session_session(client->session));
}

static void hang_up(struct client *client)
{
	if (!client->session)
		return;
	pumped_session_free(client->session);
	cutter_clear(&client->cutter);
	*client = (struct client){.fuzz = client->fuzz};
}

static void make_connection(struct client *client)
{
	static const char *const none[] = {NULL};
	static const struct pumped_session_handlers handlers = {0};
	struct fuzz *fuzz = client->fuzz;
	const struct pumped_session_options options = {.loop = &fuzz->loop,
						       .role = SESSION_HOST,
						       .software = "fuzz",
						       .capabilities = none,
						       .handlers = &handlers};
	int fds[2];

	if (client->session)
		return;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	/* Those who were here a moment ago may not have been seen to go. */
	for (int i = 0; stream_server_connect(fuzz->server, dup(fds[0])) == -EMFILE; i++) {
		must(i < TURNS);
		turn(fuzz, 1);
	}
	close(fds[0]);
	client->cutter = CUTTER(sizeof(struct fuse_out_header), SERVER_MAX_MESSAGE);
	client->fd = fds[1];
	must(pumped_session_new(&options, fds[1], &client->session) == 0);
	for (int i = 0; !is_established(client) && i < TURNS; i++)
		turn(fuzz, 1);
	must(is_established(client));
}

static void ask(struct client *client, const char *method, const struct message_type *type,
		const void *params)
{
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (!client->session || !is_established(client) || client->stream)
		return;
	message_encode(type, params, &writer);
	if (session_request(pumped_session_session(client->session), slice_of(method),
			    cbor_written(&writer), &stream_handlers, client, &client->stream) < 0)
		client->stream = NULL;
}

static void open_session(struct client *client, uint8_t which, bool resume, uint64_t received)
{
	uint8_t id[SHARE_SESSION_SIZE] = {which % 4};
	const struct share_open open = {slice_of("x"), {id, sizeof(id)}, resume, received};

	client->received = received;
	ask(client, "share.open", &message_share_open, &open);
}

static void watch(struct client *client, uint8_t pid)
{
	const struct share_watch watch = {slice_of("x"), pid};

	ask(client, "share.watch", &message_share_watch, &watch);
}

static void say_request(struct client *client, uint32_t opcode, struct slice body, int32_t wrong)
{
	uint8_t message[sizeof(struct fuse_in_header) + 256];
	struct fuse_in_header header = {
		.len = (uint32_t)((int32_t)(sizeof(header) + body.length) + wrong),
		.opcode = opcode,
		.unique = ++client->fuzz->unique * 2,
		.nodeid = FUSE_ROOT_ID,
	};

	if (!client->stream)
		return;
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), body.bytes, body.length);
	(void)stream_send(client->stream, 0, message, sizeof(header) + body.length);
}

static void say_bytes(struct client *client, unsigned int channel, struct slice bytes)
{
	if (client->stream)
		(void)stream_send(client->stream, channel, bytes.bytes, bytes.length);
}

static void say_init(struct client *client)
{
	struct fuse_init_in in = {.major = 7, .minor = 38};

	say_request(client, FUSE_INIT, (struct slice){(const uint8_t *)&in, sizeof(in)}, 0);
}

static void say_received(struct client *client, uint64_t received, uint64_t carried)
{
	const struct share_received has = {received, carried};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (!client->stream)
		return;
	message_encode(&message_share_received, &has, &writer);
	(void)stream_message(client->stream, slice_of("received"), cbor_written(&writer));
}

static void say_raw(struct client *client, struct slice bytes)
{
	if (client->session && send(client->fd, bytes.bytes, bytes.length, MSG_NOSIGNAL) < 0)
		must(errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
}

static void act(struct fuzz *fuzz)
{
	uint8_t what = next(fuzz), first = next(fuzz);
	struct client *client = &fuzz->clients[what / 16 % CLIENTS];

	switch (what % 16) {
	case 0:
		make_connection(client);
		break;
	case 1:
		open_session(client, first, first & 4, 0);
		break;
	case 2:
		open_session(client, first, true, next(fuzz));
		break;
	case 3:
		say_init(client);
		break;
	case 4:
	case 5:
		say_request(client, first % 54, next_slice(fuzz, next(fuzz)), 0);
		break;
	case 6:
		say_request(client, SHARE_OP_ECHO, next_slice(fuzz, 8), (int8_t)first);
		break;
	case 7:
		say_bytes(client, first & 1, next_slice(fuzz, first));
		break;
	case 8:
		say_received(client, client->received, 0);
		break;
	case 9:
		say_received(client, first & 1 ? UINT64_MAX - first : first, next(fuzz));
		break;
	case 10:
		if (client->stream)
			(void)stream_message(client->stream, slice_of("received"),
					     next_slice(fuzz, first));
		break;
	case 11:
		if (client->stream && first & 1)
			stream_end(client->stream, 0);
		else if (client->stream)
			stream_cancel(client->stream);
		break;
	case 12:
		hang_up(client);
		break;
	case 13:
		say_raw(client, next_slice(fuzz, first));
		break;
	case 14:
		watch(client, first);
		break;
	default:
		turn(fuzz, first % 16);
		break;
	}
}

/* Somebody who keeps the rules takes over the first session, whatever has become of it. */
static void serves_still(struct fuzz *fuzz)
{
	struct client *good = &fuzz->clients[CLIENTS];

	for (int i = 0; i < CLIENTS; i++)
		hang_up(&fuzz->clients[i]);
	make_connection(good);
	open_session(good, 0, false, 0);
	for (int i = 0; !good->is_open && i < TURNS; i++)
		turn(fuzz, 1);
	must(good->is_open);
	say_init(good);
	for (int i = 0; good->replied != fuzz->unique * 2 && i < TURNS * 100; i++) {
		turn(fuzz, 1);
		usleep(i < 100 ? 0 : 100);
	}
	must(good->replied == fuzz->unique * 2);
	hang_up(good);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {.bytes = bytes, .left = size};
	struct server_options folder = {.cache = SERVER_CACHE_AUTO, .xattr = true, .flock = true};
	struct stream_server_options options = {.server = &folder, .threads = 2};

	if (root < 0)
		set_up();
	folder.root = root;
	must(uv_loop_init(&fuzz.loop) == 0);
	if (next(&fuzz) & 1)
		options.looker = fuzz.looker = looker_new();
	must(stream_server_new(&fuzz.loop, &options, &fuzz.server) == 0);
	for (int i = 0; i <= CLIENTS; i++)
		fuzz.clients[i].fuzz = &fuzz;
	for (int acts = 0; fuzz.left > 0 && acts < MAX_ACTS; acts++) {
		act(&fuzz);
		turn(&fuzz, 2);
	}
	serves_still(&fuzz);
	stream_server_free(fuzz.server);
	looker_free(fuzz.looker);
	uv_run(&fuzz.loop, UV_RUN_DEFAULT);
	must(uv_loop_close(&fuzz.loop) == 0);
	return 0;
}
