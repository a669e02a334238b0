/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "tests/unit/shared-folders/server/nodes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct peer peer;

static void set_up(void)
{
	peer_begin(&peer);
}

static void tear_down(void)
{
	peer_end(&peer);
}

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
	ck_assert_int_eq(node_getattr(&peer, node), 0);
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

START_TEST(test_devices)
{
	peer.options.owner = SERVER_OWNER_SQUASH;
	peer_start(&peer, 0);
	ck_assert_int_eq(node_make(&peer, ROOT, "c", S_IFCHR | 0600), -EPERM);
	ck_assert_int_eq(node_make(&peer, ROOT, "b", S_IFBLK | 0600), -EPERM);
	ck_assert_int_eq(node_make(&peer, ROOT, "d", S_IFDIR | 0600), -EPERM);
	ck_assert_int_eq(node_make(&peer, ROOT, "l", S_IFLNK | 0600), -EPERM);
	ck_assert_int_eq(node_make(&peer, ROOT, "f", S_IFIFO | 0600), 0);
	ck_assert_int_eq(node_make(&peer, ROOT, "s", S_IFSOCK | 0600), 0);
	ck_assert_int_eq(node_make(&peer, ROOT, "r", 0600), 0);
	ck_assert_int_eq(node_move(&peer, ROOT, "r", ROOT, "x", RENAME_WHITEOUT), -EPERM);
}
END_TEST

/* As root, whose files are passed: a file is made by who asks, and nobody of ours remains so. */
START_TEST(test_passed_owner)
{
	struct stat stat_;

	peer_start(&peer, 0);
	if (geteuid() != 0) {
		ck_assert_int_eq(node_make_folder(&peer, ROOT, "d"), 0);
		return;
	}
	peer.uid = 5001;
	peer.gid = 5002;
	/* Its kernel allows it by a group that we are not told of. */
	ck_assert_int_eq(chmod(peer.path, 0770), 0);
	ck_assert_int_eq(node_make_folder(&peer, ROOT, "d"), 0);
	ck_assert_int_eq(node_make(&peer, ROOT, "f", S_IFREG | 0600), 0);
	ck_assert_int_eq(stat(peer_path(&peer, "f"), &stat_), 0);
	ck_assert_uint_eq(stat_.st_uid, 5001);
	ck_assert_uint_eq(stat_.st_gid, 5002);
	peer.uid = 0;
	peer.gid = 0;
	ck_assert_int_eq(node_make(&peer, ROOT, "r", S_IFREG | 0600), 0);
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
		ck_assert_int_eq(node_make_folder(&peer, ROOT, names[i]), -EINVAL);
		ck_assert_int_eq(node_move(&peer, ROOT, "a", ROOT, names[i], 0), -EINVAL);
		ck_assert_int_eq(node_move(&peer, ROOT, names[i], ROOT, "x", 0), -EINVAL);
	}
	/* A link is no folder, and a file is none. */
	file = peer_lookup(&peer, ROOT, "a");
	for (int i = 0; i < 2; i++) {
		uint64_t node = (uint64_t)(i ? file : link_);

		ck_assert_int_eq((int)peer_lookup(&peer, node, "passwd"), -ENOTDIR);
		ck_assert_int_eq(node_make_folder(&peer, node, "x"), -ENOTDIR);
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

/* --- Other names ------------------------------------------------------------------------------ */

START_TEST(test_rename)
{
	int64_t a, b, folder;

	peer_write(&peer, "a", "1");
	peer_write(&peer, "b", "22");
	peer_start(&peer, 0);
	a = peer_lookup(&peer, ROOT, "a");
	b = peer_lookup(&peer, ROOT, "b");
	ck_assert_int_eq(node_move(&peer, ROOT, "a", ROOT, "b", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(node_move(&peer, ROOT, "a", ROOT, "b", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "a"), b);
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "b"), a);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)a), 0);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)b), 0);
	ck_assert_int_eq(node_make_folder(&peer, ROOT, "d"), 0);
	folder = peer_lookup(&peer, ROOT, "d");
	ck_assert_int_eq(node_move(&peer, ROOT, "b", (uint64_t)folder, "c", 0), 0);
	ck_assert_int_eq(node_getattr(&peer, (uint64_t)a), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_attr_out)->attr.size, 1);
	ck_assert_int_eq(peer_lookup(&peer, (uint64_t)folder, "c"), a);
	ck_assert_int_eq(node_move(&peer, ROOT, "a", ROOT, "e", 0x80), -EINVAL);
	ck_assert_int_eq(node_move(&peer, ROOT, "none", ROOT, "e", 0), -ENOENT);
	ck_assert_int_eq(node_move(&peer, ROOT, "a", 999, "e", 0), -ESTALE);
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
		ck_assert_int_eq(node_getattr(&peer, (uint64_t)node), 0);
	}
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_attr_out)->attr.nlink, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("create");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_rename);
	tcase_add_test(tests, test_unlinked_link);
	tcase_add_test(tests, test_create);
	tcase_add_test(tests, test_escapes);
	tcase_add_test(tests, test_devices);
	tcase_add_test(tests, test_passed_owner);
	tcase_add_test(tests, test_umask);
	return suite_run_case("create", tests);
}
