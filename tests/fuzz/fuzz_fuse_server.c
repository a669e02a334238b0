/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: fsserver protocol base
/*
 * A hostile peer of the server of shared folders: sequences of requests that look like some, and
 * raw bytes, on a folder beside which lies one that is to stay as it is, with links into it.
 */
#include "protocol/base/bytes.h"
#include "protocol/share.h"
#include "shared-folders/fuse/request.h"
#include "shared-folders/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_KNOWN   32
#define MAX_MESSAGE 8192
#define MAX_CALLS   300

#define WINDOW_BYTES (1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct input {
	const uint8_t *bytes;
	size_t left;
};

struct peer {
	struct server *server;
	uint64_t nodes[MAX_KNOWN], handles[MAX_KNOWN], unique;
	unsigned int node_count, handle_count;
};

/* A call, which may end long after it was made. */
struct exchange {
	struct server_call call;
	struct peer *peer;
	struct iovec in[2], out[2];
	char request[MAX_MESSAGE], reply[MAX_MESSAGE];
};

/* The calling thread's working directory is the server's: paths begin with these. */
static char base[64], share[72];
static int base_fd;
static struct stat outside[2]; /* the folder beside, and its file, as they are to stay */

static uint8_t next(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->bytes++;
}

static void next_bytes(struct input *input, void *to, size_t size)
{
	size_t some = MIN(size, input->left);

	memcpy(to, input->bytes, some);
	memset((char *)to + some, 0, size - some);
	input->bytes += some;
	input->left -= some;
}

/* --- The folders ----------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)type, (void)walk;
	(void)remove(path);
	return 0;
}

static int open_up(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)walk;
	if (type == FTW_D || type == FTW_DNR)
		chmod(path, 0700);
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, open_up, 16, FTW_PHYS);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_base(void)
{
	remove_tree(base);
}

static void write_file(const char *path)
{
	int fd = openat(base_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "text", 4) != 4)
		abort();
	close(fd);
}

static void set_up(void)
{
	/* No file grows large, whatever is asked. */
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	snprintf(base, sizeof(base), "%s/lodge-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(base))
		abort();
	snprintf(share, sizeof(share), "%s/share", base);
	base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base_fd < 0 || mkdirat(base_fd, "outside", 0700) < 0)
		abort();
	write_file("outside/secret");
	if (fstatat(base_fd, "outside", &outside[0], AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(base_fd, "outside/secret", &outside[1], AT_SYMLINK_NOFOLLOW) < 0)
		abort();
	atexit(remove_base);
}

static void make_share(void)
{
	if (mkdirat(base_fd, "share", 0777) < 0 || mkdirat(base_fd, "share/d", 0777) < 0 ||
	    mkdirat(base_fd, "share/d/e", 0777) < 0 ||
	    symlinkat("../outside", base_fd, "share/out") < 0 ||
	    symlinkat("../../outside", base_fd, "share/d/out") < 0 ||
	    symlinkat("/proc/self/root", base_fd, "share/l") < 0 ||
	    mkfifoat(base_fd, "share/p", 0600) < 0)
		abort();
	write_file("share/f");
	write_file("share/d/f");
}

static void check_outside(void)
{
	struct stat after[2];

	if (fstatat(base_fd, "outside", &after[0], AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(base_fd, "outside/secret", &after[1], AT_SYMLINK_NOFOLLOW) < 0)
		abort();
	for (int i = 0; i < 2; i++)
		if (after[i].st_ino != outside[i].st_ino ||
		    after[i].st_ctim.tv_sec != outside[i].st_ctim.tv_sec ||
		    after[i].st_ctim.tv_nsec != outside[i].st_ctim.tv_nsec)
			abort();
}

/* --- Messages -------------------------------------------------------------------------------- */

static void remember(uint64_t *known, unsigned int *count, uint64_t value)
{
	known[(*count)++ % MAX_KNOWN] = value;
}

/* No node is of what lies outside. */
static void check_entry(const struct exchange *exchange)
{
	struct fuse_entry_out entry;

	memcpy(&entry, exchange->reply + sizeof(struct fuse_out_header), sizeof(entry));
	if (entry.attr.ino == outside[0].st_ino || entry.attr.ino == outside[1].st_ino)
		abort();
}

static void learn(struct peer *peer, const struct exchange *exchange, size_t length)
{
	struct fuse_in_header in;
	struct fuse_out_header out;

	memcpy(&in, exchange->request, sizeof(in));
	memcpy(&out, exchange->reply, sizeof(out));
	if (out.len != length || out.error > 0 || out.error < -511 || out.unique != in.unique)
		abort();
	if (out.error < 0)
		return;
	switch (in.opcode) {
	case FUSE_CREATE:
	case FUSE_TMPFILE:
		remember(peer->handles, &peer->handle_count,
			 load_le64(exchange->reply + sizeof(out) + sizeof(struct fuse_entry_out)));
		__attribute__((fallthrough));
	case FUSE_LOOKUP:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_SYMLINK:
	case FUSE_LINK:
		check_entry(exchange);
		remember(peer->nodes, &peer->node_count, load_le64(exchange->reply + sizeof(out)));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		remember(peer->handles, &peer->handle_count,
			 load_le64(exchange->reply + sizeof(out)));
		break;
	default:
		break;
	}
}

static void on_done(struct server_call *call, size_t length)
{
	struct exchange *exchange = call->owner;

	if (length > MAX_MESSAGE || (length > 0 && length < sizeof(struct fuse_out_header)))
		abort();
	if (length > 0)
		learn(exchange->peer, exchange, length);
	free(exchange);
}

/* @piece: where the memory of the request and of the reply is cut in two */
static void call(struct peer *peer, struct exchange *exchange, size_t length, size_t room,
		 size_t piece)
{
	size_t in = MIN(piece, length), out = MIN(piece, room);

	exchange->peer = peer;
	exchange->in[0] = (struct iovec){exchange->request, in};
	exchange->in[1] = (struct iovec){exchange->request + in, length - in};
	exchange->out[0] = (struct iovec){exchange->reply, out};
	exchange->out[1] = (struct iovec){exchange->reply + out, room - out};
	exchange->call = (struct server_call){
		.in = exchange->in,
		.in_count = 2,
		.out = exchange->out,
		.out_count = 2,
		.done = on_done,
		.owner = exchange,
	};
	server_call(peer->server, &exchange->call);
}

static size_t put_name(struct exchange *exchange, size_t at, uint8_t which)
{
	static const char *const names[] = {"f",
					    "d",
					    "e",
					    "p",
					    "out",
					    "l",
					    "a",
					    "b",
					    "c",
					    "g",
					    ".",
					    "..",
					    "",
					    "d/f",
					    "secret",
					    "user.x",
					    "system.posix_acl_access",
					    "h",
					    "i",
					    "/"};
	const char *name = names[which % ARRAY_SIZE(names)];

	memcpy(exchange->request + at, name, strlen(name) + 1);
	return at + strlen(name) + 1;
}

/* Put what the arguments say follows. Return: the length. */
static size_t put_tail(struct exchange *exchange, size_t at, const struct fuse_opcode_info *info,
		       struct input *input)
{
	uint8_t first = next(input), second = next(input);
	size_t size = first;

	switch (info->tail) {
	case FUSE_TAIL_NONE:
		return at;
	case FUSE_TAIL_NAME:
	case FUSE_TAIL_XATTR:
	case FUSE_TAIL_IGNORED_NAME:
		return put_name(exchange, at, first);
	case FUSE_TAIL_TWO_NAMES:
	case FUSE_TAIL_NAME_AND_TARGET:
		return put_name(exchange, put_name(exchange, at, first), second);
	case FUSE_TAIL_XATTR_AND_BYTES:
		store_le32(exchange->request + sizeof(struct fuse_in_header), second);
		at = put_name(exchange, at, first);
		size = second;
		break;
	case FUSE_TAIL_BYTES:
		if (info == fuse_opcode(FUSE_WRITE))
			store_le32(exchange->request + sizeof(struct fuse_in_header) +
					   offsetof(struct fuse_write_in, size),
				   first);
		break;
	case FUSE_TAIL_FORGETS:
	case FUSE_TAIL_MAPPINGS:
		store_le32(exchange->request + sizeof(struct fuse_in_header), first % 4);
		size = first % 4 * 16U;
		break;
	}
	next_bytes(input, exchange->request + at, size);
	return at + size;
}

static void make_call(struct peer *peer, struct input *input, uint32_t opcode)
{
	static const uint32_t ids[] = {0, 0, 1000, 5001};
	const struct fuse_opcode_info *info = fuse_opcode(opcode);
	struct exchange *exchange = malloc(sizeof(*exchange));
	uint8_t node = next(input), handle = next(input), who = next(input), room = next(input);
	struct fuse_in_header header = {
		.opcode = opcode,
		.unique = ++peer->unique,
		.nodeid = node % 4 ? peer->nodes[node / 4 % MAX_KNOWN] : FUSE_ROOT_ID,
		.uid = ids[who % 4],
		.gid = ids[who / 4 % 4],
	};
	size_t at = sizeof(header);

	if (!exchange)
		abort();
	if (info) {
		next_bytes(input, exchange->request + at, info->arguments);
		if (info->arguments >= 8 && handle % 8)
			store_le64(exchange->request + at, handle & 1 ? peer->handles[handle / 8]
								      : peer->nodes[handle / 8]);
		at = put_tail(exchange, at + info->arguments, info, input);
	}
	header.len = (uint32_t)at;
	memcpy(exchange->request, &header, sizeof(header));
	call(peer, exchange, at, room ? MAX_MESSAGE : who, node);
}

static void make_raw_call(struct peer *peer, struct input *input)
{
	struct exchange *exchange = malloc(sizeof(*exchange));
	size_t size = next(input), piece = next(input);

	if (!exchange)
		abort();
	next_bytes(input, exchange->request, size);
	memset(exchange->reply, 0, sizeof(struct fuse_out_header));
	call(peer, exchange, size, MAX_MESSAGE, piece);
}

/* Nobody listens, or it is lost: from another thread, so a message is only looked at. */
static int on_notify(void *owner, const struct iovec *message, size_t count)
{
	const bool *lost = owner;
	size_t bytes = fuse_iov_bytes(message, count);

	if (bytes < sizeof(struct fuse_out_header) || bytes > MAX_MESSAGE)
		abort();
	return *lost ? -ENOBUFS : 0;
}

static void begin(struct peer *peer, struct input *input)
{
	struct fuse_init_in in = {.major = 7, .minor = 38, .flags = FUSE_INIT_EXT};
	struct exchange *exchange = malloc(sizeof(*exchange));
	struct fuse_in_header header = {
		.opcode = FUSE_INIT, .unique = ++peer->unique, .len = sizeof(header) + sizeof(in)};

	if (!exchange)
		abort();
	next_bytes(input, &in.flags, sizeof(in.flags));
	memcpy(exchange->request, &header, sizeof(header));
	memcpy(exchange->request + sizeof(header), &in, sizeof(in));
	call(peer, exchange, header.len, MAX_MESSAGE, MAX_MESSAGE);
}

static int unmap(void *owner, uint64_t window_offset, uint64_t length)
{
	(void)owner;
	if (length == 0 || window_offset > WINDOW_BYTES || length > WINDOW_BYTES - window_offset)
		abort();
	return 0;
}

static int map(void *owner, int fd, uint64_t file_offset, uint64_t window_offset, uint64_t length,
	       uint64_t flags)
{
	struct stat stat;

	(void)flags;
	if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) || stat.st_ino == outside[1].st_ino ||
	    file_offset > INT64_MAX - length)
		abort();
	return unmap(owner, window_offset, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, size};
	struct peer peer = {.nodes = {FUSE_ROOT_ID}};
	struct server_options options = {0};
	uint8_t choice = next(&input);
	bool lost = choice & 2;

	if (!base[0])
		set_up();
	make_share();
	options.root = openat(base_fd, "share", O_PATH | O_DIRECTORY | O_CLOEXEC);
	options.read_only = choice % 16 == 0;
	options.cache = (enum server_cache)(choice % 3);
	options.owner = (enum server_owner)(choice / 3 % 3);
	options.writeback = options.posix_lock = choice & 8;
	options.flock = options.xattr = options.acl = choice & 16;
	options.submounts = choice & 32;
	options.max_descriptors = choice & 64 ? 2 : 0;
	if (choice & 128)
		options.window = (struct server_window){
			.size_bytes = WINDOW_BYTES, .map = map, .unmap = unmap};
	if (choice & 4) {
		options.notify = on_notify;
		options.notify_owner = &lost;
	}
	if (options.root < 0 || server_new(&options, &peer.server) < 0)
		abort();
	begin(&peer, &input);
	for (int calls = 0; input.left > 0 && calls < MAX_CALLS; calls++) {
		uint8_t opcode = next(&input);

		if (opcode == 255)
			make_raw_call(&peer, &input);
		else if (opcode == 254)
			make_call(&peer, &input, SHARE_OP_ECHO);
		else
			make_call(&peer, &input, opcode % 54);
	}
	server_free(peer.server);
	close(options.root);
	check_outside();
	remove_tree(share);
	return 0;
}
