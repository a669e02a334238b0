/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/server/nodes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
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
	ck_assert_int_eq(node_setattr(&peer, (uint64_t)node, &in), 0);
	ck_assert_uint_eq(attr->mode & 0777, 0711);
	ck_assert_uint_eq(attr->size, 1000);
	ck_assert_uint_eq(attr->mtime, 1000000000);
	ck_assert_uint_eq(attr->mtimensec, 5);
	in.valid = FATTR_SIZE;
	in.size = UINT64_MAX;
	ck_assert_int_eq(node_setattr(&peer, (uint64_t)node, &in), -EFBIG);
	in.valid = FATTR_MTIME;
	in.mtimensec = 1000000000;
	ck_assert_int_eq(node_setattr(&peer, (uint64_t)node, &in), -EINVAL);
	in.valid = FATTR_SIZE;
	in.size = 0;
	ck_assert_int_eq(node_setattr(&peer, ROOT, &in), -EISDIR);
	node = peer_lookup(&peer, ROOT, "link");
	in.valid = FATTR_MODE;
	ck_assert_int_eq(node_setattr(&peer, (uint64_t)node, &in), -EOPNOTSUPP);
	in.valid = FATTR_SIZE;
	ck_assert_int_eq(node_setattr(&peer, (uint64_t)node, &in), -ELOOP);
	in.valid = FATTR_MTIME;
	in.mtimensec = 6;
	ck_assert_int_eq(node_setattr(&peer, (uint64_t)node, &in), 0);
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
	ck_assert_int_eq(node_setattr(&peer, ROOT, &set), -EROFS);
	ck_assert_int_eq(node_make_folder(&peer, ROOT, "x"), -EROFS);
	ck_assert_int_eq(node_make(&peer, ROOT, "x", S_IFREG), -EROFS);
	ck_assert_int_eq(node_move(&peer, ROOT, "a", ROOT, "x", 0), -EROFS);
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
	ck_assert_int_eq(node_getattr(&peer, ROOT), 0);
	ck_assert_uint_eq(attr->uid, 5001);
	ck_assert_uint_eq(attr->gid, 5002);
	/* Nobody here is who 5000 is there. */
	ck_assert_int_eq(node_setattr(&peer, ROOT, &set), -EPERM);
	set.uid = 5001;
	ck_assert_int_eq(node_setattr(&peer, ROOT, &set), 0);
	peer.uid = 5001;
	peer.gid = 5002;
	ck_assert_int_eq(node_make_folder(&peer, ROOT, "d"), 0);
	ck_assert_int_eq(stat(peer_path(&peer, "d"), &stat_), 0);
	ck_assert_uint_eq(stat_.st_uid, geteuid());
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(peer_path(&peer, "d"), 77, 78), 0);
		ck_assert_int_gt(peer_lookup(&peer, ROOT, "d"), 0);
		ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->attr.uid, 65534);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("attributes");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_setattr);
	tcase_add_test(tests, test_dax);
	tcase_add_test(tests, test_read_only);
	tcase_add_test(tests, test_owners);
	return suite_run_case("attributes", tests);
}
