/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "shared-folders/server/internal.h"
#include "tests/unit/shared-folders/server/peer.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT FUSE_ROOT_ID

static struct peer peer;

static void set_up(void)
{
	peer_begin(&peer);
}

static void tear_down(void)
{
	peer_end(&peer);
}

static int forget(uint64_t node, uint64_t count)
{
	struct fuse_forget_in in = {.nlookup = count};

	return PEER_CALL(&peer, .opcode = FUSE_FORGET, .node = node, .arguments = &in,
			 .arguments_bytes = sizeof(in));
}

static int getattr(uint64_t node)
{
	struct fuse_getattr_in in = {0};

	return PEER_CALL(&peer, .opcode = FUSE_GETATTR, .node = node, .arguments = &in,
			 .arguments_bytes = sizeof(in));
}

static int make_folder(uint64_t parent, const char *name)
{
	struct fuse_mkdir_in in = {.mode = 0755};

	return PEER_CALL(&peer, .opcode = FUSE_MKDIR, .node = parent, .arguments = &in,
			 .arguments_bytes = sizeof(in), .name = name);
}

static int make_node(uint64_t parent, const char *name, uint32_t mode)
{
	struct fuse_mknod_in in = {.mode = mode, .rdev = 0x103};

	return PEER_CALL(&peer, .opcode = FUSE_MKNOD, .node = parent, .arguments = &in,
			 .arguments_bytes = sizeof(in), .name = name);
}

static int move(uint64_t from, const char *name, uint64_t to, const char *new_name, uint32_t flags)
{
	struct fuse_rename2_in in = {.newdir = to, .flags = flags};

	return PEER_CALL(&peer, .opcode = FUSE_RENAME2, .node = from, .arguments = &in,
			 .arguments_bytes = sizeof(in), .name = name, .second = new_name);
}

static int setattr(uint64_t node, const struct fuse_setattr_in *in)
{
	return PEER_CALL(&peer, .opcode = FUSE_SETATTR, .node = node, .arguments = in,
			 .arguments_bytes = sizeof(*in));
}

/* --- Session --------------------------------------------------------------------------------- */

START_TEST(test_negotiation)
{
	struct fuse_init_in in = {.major = 7, .minor = 31, .max_readahead = 131072};
	const struct fuse_init_out *out = PEER_BODY(&peer, struct fuse_init_out);
	const struct peer_request init = {
		.opcode = FUSE_INIT, .arguments = &in, .arguments_bytes = sizeof(in)};

	peer.options.posix_lock = true;
	ck_assert_int_eq(server_new(&peer.options, &peer.server), 0);
	/* Nothing before INIT. */
	ck_assert_int_eq(getattr(ROOT), -EIO);

	ck_assert_int_eq(peer_call(&peer, &init), 0);
	ck_assert_uint_eq(out->minor, 31);
	ck_assert_uint_eq(out->flags, 0);
	ck_assert_uint_eq(out->max_write, SERVER_MAX_PAYLOAD);
	ck_assert_int_eq(getattr(ROOT), 0);

	in.minor = 99;
	in.flags = UINT32_MAX;
	in.flags2 = UINT32_MAX;
	ck_assert_int_eq(peer_call(&peer, &init), 0);
	ck_assert_uint_eq(out->minor, FUSE_KERNEL_MINOR_VERSION);
	ck_assert(out->flags & FUSE_POSIX_LOCKS);
	ck_assert(out->flags & FUSE_AUTO_INVAL_DATA);
	ck_assert(!(out->flags & (FUSE_FLOCK_LOCKS | FUSE_EXPORT_SUPPORT | FUSE_WRITEBACK_CACHE)));
	ck_assert_uint_eq(out->max_pages, SERVER_MAX_PAYLOAD / (size_t)sysconf(_SC_PAGESIZE));

	in.minor = 30;
	ck_assert_int_eq(peer_call(&peer, &init), -EPROTO);
	in.major = 8;
	ck_assert_int_eq(peer_call(&peer, &init), 0);
	ck_assert_uint_eq(out->major, 7);
}
END_TEST

START_TEST(test_withdrawn)
{
	struct fuse_init_in in = {.major = 7, .minor = 38};
	int64_t node;

	peer_start(&peer, 0);
	peer_write(&peer, "file", "text");
	node = peer_lookup(&peer, ROOT, "file");
	ck_assert_int_gt(node, 0);
	server_withdraw(peer.server);
	ck_assert_int_eq(getattr((uint64_t)node), -EIO);
	ck_assert_int_eq(getattr(ROOT), -EIO);
	/* What has no answer has none now. */
	ck_assert_int_eq(forget((uint64_t)node, 1), 1);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_INIT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 -EIO);
	ck_assert_int_eq(getattr(ROOT), -EIO);
}
END_TEST

START_TEST(test_new_session_forgets)
{
	struct fuse_init_in in = {.major = 7, .minor = 38};
	int64_t node;

	peer_write(&peer, "a", "");
	peer_start(&peer, 0);
	node = peer_lookup(&peer, ROOT, "a");
	ck_assert_int_gt(node, 0);
	ck_assert_int_eq(getattr((uint64_t)node), 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_INIT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
	ck_assert_int_eq(getattr((uint64_t)node), -ESTALE);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_DESTROY), 0);
	ck_assert_int_eq(getattr(ROOT), -EIO);
	ck_assert_uint_eq(peer.server->inode_count, 1);
}
END_TEST

START_TEST(test_root_is_no_folder)
{
	struct server *server;

	peer_write(&peer, "a", "");
	close(peer.options.root);
	peer.options.root = open(peer_path(&peer, "a"), O_PATH);
	ck_assert_int_eq(server_new(&peer.options, &server), -ENOTDIR);
}
END_TEST

static void on_done(struct server_call *call, size_t length)
{
	*(size_t *)call->owner = length;
}

START_TEST(test_not_even_a_request)
{
	char bytes[200] = {0}, reply[64];
	struct fuse_in_header header = {.len = sizeof(header), .opcode = 999, .unique = 4};

	peer_start(&peer, 0);
	for (size_t size = 0; size < sizeof(bytes); size++) {
		struct iovec in = {bytes, size}, out = {reply, sizeof(reply)};
		size_t length = 77;
		struct server_call call = {.in = &in,
					   .in_count = 1,
					   .out = &out,
					   .out_count = 1,
					   .done = on_done,
					   .owner = &length};

		server_call(peer.server, &call);
		ck_assert_uint_eq(length, 0); /* unique is 0: not to be told from a notification */
		memcpy(bytes, &header, sizeof(header));
		call.out_count = 0;
		server_call(peer.server, &call);
		ck_assert_uint_eq(length, 0);
		if (size >= sizeof(header)) {
			call.out_count = 1;
			server_call(peer.server, &call);
			ck_assert_uint_eq(length, 16);
			ck_assert_int_eq(((struct fuse_out_header *)(void *)reply)->error, -ENOSYS);
		}
		memset(bytes, 0, sizeof(bytes));
	}
}
END_TEST

START_TEST(test_reply_room)
{
	struct {
		struct fuse_in_header header;
		struct fuse_read_in in;
	} read = {.header = {.opcode = FUSE_READ}, .in = {.size = 4096}};

	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)), 16 + 4096);
	read.in.size = UINT32_MAX;
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)), 16 + SERVER_MAX_PAYLOAD);
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read.header)), 16);
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read.header) - 1), 0);
	read.header.opcode = FUSE_FORGET;
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)), 0);
	read.header.opcode = FUSE_LOOKUP;
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)),
			  16 + sizeof(struct fuse_entry_out));
	read.header.opcode = 12345;
	ck_assert_uint_eq(server_reply_room(&read, sizeof(read)), 16);
}
END_TEST

/* The reply has less room than it needs: an error, and no lookup is counted. */
START_TEST(test_little_room)
{
	peer_start(&peer, 0);
	peer.room = 16 + 40;
	ck_assert_int_eq(getattr(ROOT), -EIO);
	ck_assert_int_eq(make_folder(ROOT, "a"), -EIO);
	ck_assert_uint_eq(peer.server->inode_count, 1);
	peer.room = 15;
	ck_assert_int_eq(getattr(ROOT), 1);
}
END_TEST

/* --- Nodes ----------------------------------------------------------------------------------- */

START_TEST(test_forget_never_underflows)
{
	int64_t node;

	peer_write(&peer, "a", "");
	peer_start(&peer, 0);
	node = peer_lookup(&peer, ROOT, "a");
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "a"), node);
	ck_assert_int_eq(forget((uint64_t)node, 1), 1);
	ck_assert_int_eq(getattr((uint64_t)node), 0);
	ck_assert_int_eq(forget((uint64_t)node, UINT64_MAX), 1);
	ck_assert_int_eq(getattr((uint64_t)node), -ESTALE);
	ck_assert_int_eq(forget((uint64_t)node, UINT64_MAX), 1);
	ck_assert_int_eq(forget(ROOT, UINT64_MAX), 1);
	ck_assert_int_eq(getattr(ROOT), 0);
	ck_assert_int_eq(forget(0, 1), 1);
	ck_assert_int_eq(forget(UINT64_MAX, 1), 1);
	ck_assert_uint_eq(peer.server->inode_count, 1);
	/* The same place, and the old id is still nobody's. */
	ck_assert_int_ne(peer_lookup(&peer, ROOT, "a"), node);
	ck_assert_int_eq(getattr((uint64_t)node), -ESTALE);
}
END_TEST

START_TEST(test_batch_forget)
{
	struct fuse_batch_forget_in in = {.count = 100};
	struct fuse_forget_one one[100] = {{0}};
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		peer_write(&peer, name, "");
	}
	peer_start(&peer, 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		one[i].nodeid = (uint64_t)peer_lookup(&peer, ROOT, name);
		one[i].nlookup = (uint64_t)i; /* the first keeps its one */
	}
	ck_assert_uint_eq(peer.server->inode_count, 101);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_BATCH_FORGET, .arguments = &in,
				   .arguments_bytes = sizeof(in), .payload = one,
				   .payload_bytes = sizeof(one)),
			 1);
	ck_assert_uint_eq(peer.server->inode_count, 2);
	ck_assert_int_eq(getattr(one[0].nodeid), 0);
}
END_TEST

/* Where nobody else changes anything the peer need not ask again for what is not there. */
START_TEST(test_absent)
{
	const struct fuse_entry_out *entry = PEER_BODY(&peer, struct fuse_entry_out);
	const struct peer_request lookup = {.opcode = FUSE_LOOKUP, .node = ROOT, .name = "none"};

	peer_start(&peer, 0);
	ck_assert_int_eq(peer_call(&peer, &lookup), -ENOENT);
	server_free(peer.server);
	peer.options.cache = SERVER_CACHE_ALWAYS;
	peer_start(&peer, 0);
	ck_assert_int_eq(peer_call(&peer, &lookup), 0);
	ck_assert_uint_eq(peer.length, sizeof(*entry));
	ck_assert_uint_eq(entry->nodeid, 0);
	ck_assert_uint_gt(entry->entry_valid, 0);
	ck_assert_uint_eq(peer.server->inode_count, 1);
}
END_TEST

/* A child whose parent was forgotten still works: it knows where it is. */
START_TEST(test_parent_forgotten)
{
	int64_t folder, file;

	ck_assert_int_eq(mkdir(peer_path(&peer, "d"), 0755), 0);
	peer_write(&peer, "d/f", "1234");
	peer_start(&peer, 0);
	folder = peer_lookup(&peer, ROOT, "d");
	file = peer_lookup(&peer, (uint64_t)folder, "f");
	forget((uint64_t)folder, 1);
	ck_assert_int_eq(getattr((uint64_t)file), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_attr_out)->attr.size, 4);
	ck_assert_int_eq((int)peer_lookup(&peer, (uint64_t)folder, "f"), -ESTALE);
	forget((uint64_t)file, 1);
	ck_assert_uint_eq(peer.server->inode_count, 1);
}
END_TEST

/* Somebody on this side replaces a file: the node is not the new one. */
START_TEST(test_replaced_behind)
{
	char old[512];
	int64_t node, other;

	peer_write(&peer, "a", "old");
	peer_start(&peer, 0);
	node = peer_lookup(&peer, ROOT, "a");
	peer_write(&peer, "b", "newer");
	snprintf(old, sizeof(old), "%s", peer_path(&peer, "b"));
	ck_assert_int_eq(rename(old, peer_path(&peer, "a")), 0);
	ck_assert_int_eq(getattr((uint64_t)node), -ESTALE);
	other = peer_lookup(&peer, ROOT, "a");
	ck_assert_int_ne(other, node);
	ck_assert_int_eq(getattr((uint64_t)other), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_attr_out)->attr.size, 5);
}
END_TEST

static void deep_path(char *path, size_t size, unsigned int depth)
{
	size_t at = 0;

	path[0] = '\0';
	for (unsigned int i = 0; i < depth; i++)
		at += (size_t)snprintf(path + at, size - at, i ? "/%u" : "%u", i);
}

/* With room for hardly any descriptor, whole paths are opened again. */
START_TEST(test_few_descriptors)
{
	enum { DEPTH = 40 };
	uint64_t nodes[DEPTH], parent = ROOT;
	char path[256], name[16];

	for (unsigned int depth = 1; depth <= DEPTH; depth++) {
		deep_path(path, sizeof(path), depth);
		ck_assert_int_eq(mkdir(peer_path(&peer, path), 0755), 0);
	}
	peer.options.max_descriptors = 4;
	peer_start(&peer, 0);
	for (unsigned int i = 0; i < DEPTH; i++) {
		snprintf(name, sizeof(name), "%u", i);
		parent = nodes[i] = (uint64_t)peer_lookup(&peer, parent, name);
		ck_assert_int_gt((int64_t)parent, 0);
		ck_assert_uint_le(peer.server->descriptors, 5);
	}
	for (unsigned int i = 0; i < DEPTH; i++) {
		ck_assert_int_eq(getattr(nodes[i * 7 % DEPTH]), 0);
		ck_assert_int_eq(make_folder(nodes[i * 11 % DEPTH], "x"), 0);
		ck_assert_uint_le(peer.server->descriptors, 5);
	}
	/* The whole of it moves, and all below it goes along. */
	ck_assert_int_eq(make_folder(ROOT, "y"), 0);
	parent = (uint64_t)peer_lookup(&peer, ROOT, "y");
	ck_assert_int_eq(move(ROOT, "0", parent, "moved", 0), 0);
	ck_assert_int_eq(getattr(nodes[DEPTH - 1]), 0);
	ck_assert_int_eq(make_folder(nodes[DEPTH - 1], "z"), 0);
}
END_TEST

START_TEST(test_many_files)
{
	char name[32];

	peer.options.max_descriptors = 16;
	peer_start(&peer, 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		ck_assert_int_eq(make_node(ROOT, name, S_IFREG | 0644), 0);
	}
	ck_assert_uint_eq(peer.server->inode_count, 3001);
	ck_assert_uint_le(peer.server->descriptors, 17);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		ck_assert_int_gt(peer_lookup(&peer, ROOT, name), 0);
		ck_assert_int_eq(
			PEER_CALL(&peer, .opcode = FUSE_UNLINK, .node = ROOT, .name = name), 0);
	}
	ck_assert_uint_eq(peer.server->inode_count, 3001);
}
END_TEST

/* --- Names ----------------------------------------------------------------------------------- */

START_TEST(test_rename)
{
	int64_t a, b, folder;

	peer_write(&peer, "a", "1");
	peer_write(&peer, "b", "22");
	peer_start(&peer, 0);
	a = peer_lookup(&peer, ROOT, "a");
	b = peer_lookup(&peer, ROOT, "b");
	ck_assert_int_eq(move(ROOT, "a", ROOT, "b", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(move(ROOT, "a", ROOT, "b", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "a"), b);
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "b"), a);
	ck_assert_int_eq(getattr((uint64_t)a), 0);
	ck_assert_int_eq(getattr((uint64_t)b), 0);
	ck_assert_int_eq(make_folder(ROOT, "d"), 0);
	folder = peer_lookup(&peer, ROOT, "d");
	ck_assert_int_eq(move(ROOT, "b", (uint64_t)folder, "c", 0), 0);
	ck_assert_int_eq(getattr((uint64_t)a), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_attr_out)->attr.size, 1);
	ck_assert_int_eq(peer_lookup(&peer, (uint64_t)folder, "c"), a);
	ck_assert_int_eq(move(ROOT, "a", ROOT, "e", 0x80), -EINVAL);
	ck_assert_int_eq(move(ROOT, "none", ROOT, "e", 0), -ENOENT);
	ck_assert_int_eq(move(ROOT, "a", 999, "e", 0), -ESTALE);
}
END_TEST

/* One name of two goes, and the file is still there by the node. */
START_TEST(test_unlinked_link)
{
	struct fuse_link_in in;
	int64_t node;

	peer_write(&peer, "a", "1");
	peer_start(&peer, 0);
	node = peer_lookup(&peer, ROOT, "a");
	in.oldnodeid = (uint64_t)node;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_LINK, .node = ROOT, .arguments = &in,
				   .arguments_bytes = sizeof(in), .name = "b"),
			 0);
	ck_assert_int_eq((int)PEER_BODY(&peer, struct fuse_entry_out)->nodeid, (int)node);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->attr.nlink, 2);
	for (const char *name = "b"; name; name = *name == 'b' ? "a" : NULL) {
		ck_assert_int_eq(
			PEER_CALL(&peer, .opcode = FUSE_UNLINK, .node = ROOT, .name = name), 0);
		ck_assert_int_eq(getattr((uint64_t)node), 0);
	}
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_attr_out)->attr.nlink, 0);
}
END_TEST

START_TEST(test_create)
{
	struct fuse_create_in in = {.flags = O_RDWR | O_CREAT, .mode = S_IFREG | 0640};
	struct fuse_release_in release = {0};
	const struct peer_request create = {.opcode = FUSE_CREATE,
					    .node = ROOT,
					    .arguments = &in,
					    .arguments_bytes = sizeof(in),
					    .name = "a"};
	uint64_t node;

	peer_start(&peer, 0);
	ck_assert_int_eq(peer_call(&peer, &create), 0);
	ck_assert_uint_eq(peer.length,
			  sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out));
	node = PEER_BODY(&peer, struct fuse_entry_out)->nodeid;
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->attr.mode, S_IFREG | 0640);
	release.fh =
		((const struct fuse_open_out *)(PEER_BODY(&peer, struct fuse_entry_out) + 1))->fh;
	/* It works without a name. */
	ck_assert_int_eq(unlink(peer_path(&peer, "a")), 0);
	ck_assert_int_eq(getattr(node), 0);
	/* And is there already the next time. */
	ck_assert_int_eq(peer_call(&peer, &create), 0);
	ck_assert_int_eq(peer_call(&peer, &create), 0);
	in.flags |= O_EXCL;
	ck_assert_int_eq(peer_call(&peer, &create), -EEXIST);
	in.flags = O_RDWR | O_CREAT;
	/* A handle is of its node alone. */
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_RELEASEDIR, .node = ROOT,
				   .arguments = &release, .arguments_bytes = sizeof(release)),
			 -EBADF);
	/* Neither a link nor a FIFO is opened. */
	ck_assert_int_eq(unlink(peer_path(&peer, "a")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", peer_path(&peer, "a")), 0);
	ck_assert_int_eq(peer_call(&peer, &create), -ELOOP);
	ck_assert_int_eq(unlink(peer_path(&peer, "a")), 0);
	ck_assert_int_eq(mkfifo(peer_path(&peer, "a"), 0600), 0);
	ck_assert_int_eq(peer_call(&peer, &create), -EOPNOTSUPP);
}
END_TEST

START_TEST(test_escapes)
{
	static const char *const names[] = {"..", ".", "", "/etc", "d/../..", "link/passwd", "a/b"};
	struct fuse_open_in in = {.flags = O_RDONLY};
	int64_t link_, file;

	ck_assert_int_eq(symlink("/etc", peer_path(&peer, "link")), 0);
	peer_write(&peer, "a", "");
	peer_start(&peer, 0);
	link_ = peer_lookup(&peer, ROOT, "link");
	ck_assert_int_gt(link_, 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->attr.mode & S_IFMT, S_IFLNK);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ck_assert_int_eq((int)peer_lookup(&peer, ROOT, names[i]), -EINVAL);
		ck_assert_int_eq(make_folder(ROOT, names[i]), -EINVAL);
		ck_assert_int_eq(move(ROOT, "a", ROOT, names[i], 0), -EINVAL);
		ck_assert_int_eq(move(ROOT, names[i], ROOT, "x", 0), -EINVAL);
	}
	/* A link is no folder, and a file is none. */
	file = peer_lookup(&peer, ROOT, "a");
	for (int i = 0; i < 2; i++) {
		uint64_t node = (uint64_t)(i ? file : link_);

		ck_assert_int_eq((int)peer_lookup(&peer, node, "passwd"), -ENOTDIR);
		ck_assert_int_eq(make_folder(node, "x"), -ENOTDIR);
		ck_assert_int_eq(
			PEER_CALL(&peer, .opcode = FUSE_UNLINK, .node = node, .name = "passwd"),
			-ENOTDIR);
		ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_OPENDIR, .node = node,
					   .arguments = &in, .arguments_bytes = sizeof(in)),
				 -ENOTDIR);
	}
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_READLINK, .node = (uint64_t)link_), 0);
	ck_assert_uint_eq(peer.length, 4);
	ck_assert_int_eq(memcmp(PEER_BODY(&peer, char), "/etc", 4), 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_READLINK, .node = (uint64_t)file),
			 -EINVAL);
}
END_TEST

START_TEST(test_devices)
{
	peer.options.owner = SERVER_OWNER_SQUASH;
	peer_start(&peer, 0);
	ck_assert_int_eq(make_node(ROOT, "c", S_IFCHR | 0600), -EPERM);
	ck_assert_int_eq(make_node(ROOT, "b", S_IFBLK | 0600), -EPERM);
	ck_assert_int_eq(make_node(ROOT, "d", S_IFDIR | 0600), -EPERM);
	ck_assert_int_eq(make_node(ROOT, "l", S_IFLNK | 0600), -EPERM);
	ck_assert_int_eq(make_node(ROOT, "f", S_IFIFO | 0600), 0);
	ck_assert_int_eq(make_node(ROOT, "s", S_IFSOCK | 0600), 0);
	ck_assert_int_eq(make_node(ROOT, "r", 0600), 0);
	ck_assert_int_eq(move(ROOT, "r", ROOT, "x", RENAME_WHITEOUT), -EPERM);
}
END_TEST

/* --- Attributes ------------------------------------------------------------------------------ */

START_TEST(test_setattr)
{
	struct fuse_setattr_in in = {.valid = FATTR_MODE | FATTR_SIZE | FATTR_MTIME | FATTR_CTIME,
				     .mode = 04711,
				     .size = 1000,
				     .mtime = 1000000000,
				     .mtimensec = 5};
	const struct fuse_attr *attr = &PEER_BODY(&peer, struct fuse_attr_out)->attr;
	int64_t node;

	peer_write(&peer, "a", "1");
	ck_assert_int_eq(symlink("a", peer_path(&peer, "link")), 0);
	peer_start(&peer, 0);
	node = peer_lookup(&peer, ROOT, "a");
	ck_assert_int_eq(setattr((uint64_t)node, &in), 0);
	ck_assert_uint_eq(attr->mode & 0777, 0711);
	ck_assert_uint_eq(attr->size, 1000);
	ck_assert_uint_eq(attr->mtime, 1000000000);
	ck_assert_uint_eq(attr->mtimensec, 5);
	in.valid = FATTR_SIZE;
	in.size = UINT64_MAX;
	ck_assert_int_eq(setattr((uint64_t)node, &in), -EFBIG);
	in.valid = FATTR_MTIME;
	in.mtimensec = 1000000000;
	ck_assert_int_eq(setattr((uint64_t)node, &in), -EINVAL);
	in.valid = FATTR_SIZE;
	in.size = 0;
	ck_assert_int_eq(setattr(ROOT, &in), -EISDIR);
	node = peer_lookup(&peer, ROOT, "link");
	in.valid = FATTR_MODE;
	ck_assert_int_eq(setattr((uint64_t)node, &in), -EOPNOTSUPP);
	in.valid = FATTR_SIZE;
	ck_assert_int_eq(setattr((uint64_t)node, &in), -ELOOP);
	in.valid = FATTR_MTIME;
	in.mtimensec = 6;
	ck_assert_int_eq(setattr((uint64_t)node, &in), 0);
	ck_assert_uint_eq(attr->mtimensec, 6);
	ck_assert_uint_eq(attr->mode & S_IFMT, S_IFLNK);
}
END_TEST

static int map(void *owner, int fd, uint64_t file_offset, uint64_t window_offset, uint64_t length,
	       uint64_t flags)
{
	(void)owner, (void)fd, (void)file_offset, (void)window_offset, (void)length, (void)flags;
	return 0;
}

/* Large files are worth a window, where there is one and the peer asks. */
START_TEST(test_dax)
{
	peer_write(&peer, "small", "1");
	peer_write(&peer, "large", "1");
	ck_assert_int_eq(truncate(peer_path(&peer, "large"), 1 << 20), 0);
	peer.options.window.map = map;
	for (int asks = 0; asks < 2; asks++) {
		peer_start(&peer, asks ? FUSE_HAS_INODE_DAX : 0);
		ck_assert_int_gt(peer_lookup(&peer, ROOT, "small"), 0);
		ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->attr.flags, 0);
		ck_assert_int_gt(peer_lookup(&peer, ROOT, "large"), 0);
		ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->attr.flags,
				  asks ? FUSE_ATTR_DAX : 0);
		if (!asks)
			server_free(peer.server);
	}
}
END_TEST

START_TEST(test_read_only)
{
	struct fuse_setattr_in set = {.valid = FATTR_MODE};
	struct fuse_link_in link_ = {.oldnodeid = ROOT};
	struct fuse_access_in access_ = {.mask = W_OK};
	struct fuse_create_in create = {.flags = O_RDONLY | O_CREAT, .mode = 0600};

	peer.options.read_only = true;
	peer_write(&peer, "a", "");
	peer_start(&peer, 0);
	ck_assert_int_gt(peer_lookup(&peer, ROOT, "a"), 0);
	ck_assert_int_eq(setattr(ROOT, &set), -EROFS);
	ck_assert_int_eq(make_folder(ROOT, "x"), -EROFS);
	ck_assert_int_eq(make_node(ROOT, "x", S_IFREG), -EROFS);
	ck_assert_int_eq(move(ROOT, "a", ROOT, "x", 0), -EROFS);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_UNLINK, .node = ROOT, .name = "a"),
			 -EROFS);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_RMDIR, .node = ROOT, .name = "a"), -EROFS);
	ck_assert_int_eq(
		PEER_CALL(&peer, .opcode = FUSE_SYMLINK, .node = ROOT, .name = "x", .second = "a"),
		-EROFS);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_LINK, .node = ROOT, .arguments = &link_,
				   .arguments_bytes = sizeof(link_), .name = "x"),
			 -EROFS);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_ACCESS, .node = ROOT,
				   .arguments = &access_, .arguments_bytes = sizeof(access_)),
			 -EROFS);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_CREATE, .node = ROOT, .arguments = &create,
				   .arguments_bytes = sizeof(create), .name = "a"),
			 -EROFS);
	ck_assert_int_ne(access(peer_path(&peer, "x"), F_OK), 0);
}
END_TEST

START_TEST(test_owners)
{
	struct fuse_setattr_in set = {.valid = FATTR_UID, .uid = 5000};
	const struct fuse_attr *attr = &PEER_BODY(&peer, struct fuse_attr_out)->attr;
	struct stat stat_;

	peer.options.owner = SERVER_OWNER_MAP;
	peer.options.owner_uid = geteuid();
	peer.options.owner_gid = getegid();
	peer.options.peer_uid = 5001;
	peer.options.peer_gid = 5002;
	peer_start(&peer, 0);
	ck_assert_int_eq(getattr(ROOT), 0);
	ck_assert_uint_eq(attr->uid, 5001);
	ck_assert_uint_eq(attr->gid, 5002);
	/* Nobody here is who 5000 is there. */
	ck_assert_int_eq(setattr(ROOT, &set), -EPERM);
	set.uid = 5001;
	ck_assert_int_eq(setattr(ROOT, &set), 0);
	peer.uid = 5001;
	peer.gid = 5002;
	ck_assert_int_eq(make_folder(ROOT, "d"), 0);
	ck_assert_int_eq(stat(peer_path(&peer, "d"), &stat_), 0);
	ck_assert_uint_eq(stat_.st_uid, geteuid());
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(peer_path(&peer, "d"), 77, 78), 0);
		ck_assert_int_gt(peer_lookup(&peer, ROOT, "d"), 0);
		ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->attr.uid, 65534);
	}
}
END_TEST

/* As root, whose files are passed: a file is made by who asks, and nobody of ours remains so. */
START_TEST(test_passed_owner)
{
	struct stat stat_;

	peer_start(&peer, 0);
	if (geteuid() != 0) {
		ck_assert_int_eq(make_folder(ROOT, "d"), 0);
		return;
	}
	peer.uid = 5001;
	peer.gid = 5002;
	/* Its kernel allows it by a group that we are not told of. */
	ck_assert_int_eq(chmod(peer.path, 0770), 0);
	ck_assert_int_eq(make_folder(ROOT, "d"), 0);
	ck_assert_int_eq(make_node(ROOT, "f", S_IFREG | 0600), 0);
	ck_assert_int_eq(stat(peer_path(&peer, "f"), &stat_), 0);
	ck_assert_uint_eq(stat_.st_uid, 5001);
	ck_assert_uint_eq(stat_.st_gid, 5002);
	peer.uid = 0;
	peer.gid = 0;
	ck_assert_int_eq(make_node(ROOT, "r", S_IFREG | 0600), 0);
	ck_assert_int_eq(stat(peer_path(&peer, "r"), &stat_), 0);
	ck_assert_uint_eq(stat_.st_uid, 0);
}
END_TEST

/* The umask counts unless the folder has an ACL for what is made in it. */
START_TEST(test_umask)
{
	struct fuse_mkdir_in in = {.mode = 0777, .umask = 027};

	peer.options.acl = peer.options.xattr = true;
	peer_start(&peer, FUSE_POSIX_ACL | FUSE_DONT_MASK);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_MKDIR, .node = ROOT, .arguments = &in,
				   .arguments_bytes = sizeof(in), .name = "d"),
			 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->attr.mode & 0777, 0750);
}
END_TEST

/* --- Folders --------------------------------------------------------------------------------- */

static uint64_t open_folder(uint64_t node)
{
	struct fuse_open_in in = {.flags = O_RDONLY};

	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_OPENDIR, .node = node, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
	return PEER_BODY(&peer, struct fuse_open_out)->fh;
}

static int list(uint64_t handle, uint64_t offset, uint32_t size, bool plus)
{
	struct fuse_read_in in = {.fh = handle, .offset = offset, .size = size};

	return PEER_CALL(&peer, .opcode = plus ? FUSE_READDIRPLUS : FUSE_READDIR, .node = ROOT,
			 .arguments = &in, .arguments_bytes = sizeof(in));
}

/* Count what is listed. @seen[i]: of the files named by numbers */
static unsigned int take_list(bool plus, unsigned int *seen, size_t files, uint64_t *offset)
{
	unsigned int entries = 0;

	for (size_t at = 0; at < peer.length; entries++) {
		const char *entry = peer.reply + 16 + at;
		struct fuse_entry_out node = {0};
		struct fuse_dirent dirent;
		char name[FUSE_NAME_MAX_BYTES + 1] = "";
		unsigned int number;

		if (plus) {
			memcpy(&node, entry, sizeof(node));
			entry += sizeof(node);
			at += sizeof(node);
		}
		memcpy(&dirent, entry, FUSE_NAME_OFFSET);
		ck_assert_uint_le(dirent.namelen, FUSE_NAME_MAX_BYTES);
		memcpy(name, entry + FUSE_NAME_OFFSET, dirent.namelen);
		ck_assert_int_eq(plus && name[0] != '.', node.nodeid != 0);
		if (sscanf(name, "%u", &number) == 1 && number < files)
			seen[number]++;
		*offset = dirent.off;
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + dirent.namelen);
		ck_assert_uint_le(at, peer.length);
	}
	return entries;
}

START_TEST(test_listing)
{
	enum { FILES = 500 };
	char name[16];
	uint64_t handle;

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		peer_write(&peer, name, "");
	}
	peer_start(&peer, 0);
	handle = open_folder(ROOT);
	for (int plus = 0; plus < 2; plus++) {
		unsigned int seen[FILES] = {0}, entries = 0, more;
		uint64_t offset = 0;

		do {
			ck_assert_int_eq(list(handle, offset, 1500, plus), 0);
			ck_assert_uint_le(peer.length, 1500);
			more = take_list(plus, seen, FILES, &offset);
			entries += more;
		} while (more > 0);
		ck_assert_uint_eq(entries, FILES + 2);
		for (int i = 0; i < FILES; i++)
			ck_assert_uint_eq(seen[i], 1);
	}
	ck_assert_uint_eq(peer.server->inode_count, FILES + 1);
	ck_assert_int_eq(list(handle, 0, 10, false), -EINVAL);
	ck_assert_int_eq(list(handle, 0, UINT32_MAX, false), 0);
	ck_assert_int_eq(list(handle + 1, 0, 1500, false), -EBADF);
	/* It was told by a server before this one that it need not open folders. */
	ck_assert_int_eq(list(0, 0, 1500, false), 0);
	ck_assert_uint_gt(peer.length, 0);
}
END_TEST

/* A peer that keeps listings opens no folder: by the node, each goes on where it was left. */
START_TEST(test_listing_unopened)
{
	enum { FILES = 300 };
	struct fuse_open_in in = {.flags = O_RDONLY};
	struct fuse_fsync_in sync_ = {0};
	char name[16];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		peer_write(&peer, name, "");
	}
	peer.options.cache = SERVER_CACHE_ALWAYS;
	peer_start(&peer, FUSE_NO_OPENDIR_SUPPORT);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_OPENDIR, .node = ROOT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 -ENOSYS);
	/* Where others come in between, it is begun again in the middle. */
	for (int others = 0; others < 2; others++) {
		unsigned int seen[FILES] = {0}, more;
		uint64_t offset = 0;

		do {
			ck_assert_int_eq(list(0, offset, 1500, others), 0);
			more = take_list(others, seen, FILES, &offset);
			for (int i = 0; others && i < KEPT_LISTINGS; i++)
				ck_assert_int_eq(list(0, 0, 600, false), 0);
			if (others && more > 0) {
				ck_assert_int_eq(list(0, offset, 1500, true), 0);
				more = take_list(true, seen, FILES, &offset);
			}
		} while (more > 0);
		for (int i = 0; i < FILES; i++)
			ck_assert_uint_eq(seen[i], 1);
	}
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_FSYNCDIR, .node = ROOT,
				   .arguments = &sync_, .arguments_bytes = sizeof(sync_)),
			 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_DESTROY), 0);
	ck_assert_uint_eq(peer.server->inode_count, 1);
	ck_assert_uint_eq(peer.server->descriptors, 1);
}
END_TEST

/* --- Waiting calls --------------------------------------------------------------------------- */

static void on_cancel(struct server *server, struct waiter *waiter)
{
	server_answer(server, waiter, -EINTR, NULL, 0);
}

START_TEST(test_waiting)
{
	char reply[16];
	struct iovec out = {reply, sizeof(reply)};
	size_t length = 77;
	struct server_call call = {.out = &out, .out_count = 1, .done = on_done, .owner = &length};
	struct task task = {.call = &call};
	struct waiter waiter = {.cancel = on_cancel};
	struct fuse_interrupt_in in = {.unique = 5};
	const struct peer_request interrupt = {
		.opcode = FUSE_INTERRUPT, .arguments = &in, .arguments_bytes = sizeof(in)};

	peer_start(&peer, 0);
	task.server = peer.server;
	task.in.header.unique = 5;
	/* Woken. */
	ck_assert_int_eq(server_wait(&task, &waiter), 0);
	ck_assert(server_take(peer.server, &waiter));
	ck_assert(!server_take(peer.server, &waiter));
	server_answer(peer.server, &waiter, 0, NULL, 0);
	ck_assert_uint_eq(length, 16);
	/* Interrupted. */
	ck_assert_int_eq(server_wait(&task, &waiter), 0);
	in.unique = 6;
	length = 77;
	ck_assert_int_eq(peer_call(&peer, &interrupt), 1);
	ck_assert_uint_eq(length, 77);
	in.unique = 5;
	ck_assert_int_eq(peer_call(&peer, &interrupt), 1);
	ck_assert_uint_eq(length, 16);
	ck_assert_int_eq(((struct fuse_out_header *)(void *)reply)->error, -EINTR);
	ck_assert(!server_take(peer.server, &waiter));
	/* The interrupt was faster. */
	task.in.header.unique = 6;
	ck_assert_int_eq(server_wait(&task, &waiter), -EINTR);
	/* The session ends. */
	task.in.header.unique = 7;
	ck_assert_int_eq(server_wait(&task, &waiter), 0);
	length = 77;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_DESTROY), 0);
	ck_assert_uint_eq(length, 16);
	ck_assert_int_eq(server_wait(&task, &waiter), -EINTR);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("server");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_negotiation);
	tcase_add_test(tests, test_withdrawn);
	tcase_add_test(tests, test_new_session_forgets);
	tcase_add_test(tests, test_root_is_no_folder);
	tcase_add_test(tests, test_not_even_a_request);
	tcase_add_test(tests, test_reply_room);
	tcase_add_test(tests, test_little_room);
	tcase_add_test(tests, test_forget_never_underflows);
	tcase_add_test(tests, test_batch_forget);
	tcase_add_test(tests, test_absent);
	tcase_add_test(tests, test_parent_forgotten);
	tcase_add_test(tests, test_replaced_behind);
	tcase_add_test(tests, test_few_descriptors);
	tcase_add_test(tests, test_many_files);
	tcase_add_test(tests, test_rename);
	tcase_add_test(tests, test_unlinked_link);
	tcase_add_test(tests, test_create);
	tcase_add_test(tests, test_escapes);
	tcase_add_test(tests, test_devices);
	tcase_add_test(tests, test_setattr);
	tcase_add_test(tests, test_dax);
	tcase_add_test(tests, test_read_only);
	tcase_add_test(tests, test_owners);
	tcase_add_test(tests, test_passed_owner);
	tcase_add_test(tests, test_umask);
	tcase_add_test(tests, test_listing);
	tcase_add_test(tests, test_listing_unopened);
	tcase_add_test(tests, test_waiting);
	return suite_run_case("server", tests);
}
