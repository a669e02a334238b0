/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/server/files.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct peer peer;
static uint64_t node;

static void set_up(void)
{
	peer_begin(&peer);
	peer_write(&peer, "file", "text");
}

static void tear_down(void)
{
	peer_end(&peer);
}

/* Return: whether the folder's file system has attributes of users at all. */
static bool start(void)
{
	bool there = setxattr(peer_path(&peer, "file"), "user.probe", "", 0, 0) == 0;

	peer_start(&peer, FUSE_POSIX_ACL);
	node = (uint64_t)peer_lookup(&peer, FUSE_ROOT_ID, "file");
	if (there)
		removexattr(peer_path(&peer, "file"), "user.probe");
	return there;
}

static int set(const char *name, const char *value, uint32_t flags)
{
	struct fuse_setxattr_in in = {.size = (uint32_t)strlen(value), .flags = flags};

	return PEER_CALL(&peer, .opcode = FUSE_SETXATTR, .node = node, .arguments = &in,
			 .arguments_bytes = FUSE_COMPAT_SETXATTR_IN_SIZE, .name = name,
			 .payload = value, .payload_bytes = in.size);
}

/* @name NULL: the list. Return: bytes of the reply, negative errno. */
static int64_t get(const char *name, uint32_t size)
{
	struct fuse_getxattr_in in = {.size = size};
	int r = PEER_CALL(&peer, .opcode = name ? FUSE_GETXATTR : FUSE_LISTXATTR, .node = node,
			  .arguments = &in, .arguments_bytes = sizeof(in), .name = name);

	return r < 0 ? r : (int64_t)peer.length;
}

static int drop(const char *name)
{
	return PEER_CALL(&peer, .opcode = FUSE_REMOVEXATTR, .node = node, .name = name);
}

START_TEST(attributes_of_users_pass)
{
	peer.options.xattr = true;
	if (!start())
		return;
	ck_assert_int_eq((int)get("user.a", 64), -ENODATA);
	ck_assert_int_eq(set("user.a", "value", 0), 0);
	ck_assert_int_eq((int)get("user.a", 64), 5);
	ck_assert_mem_eq(PEER_BODY(&peer, char), "value", 5);
	ck_assert_int_eq((int)get("user.a", 0), sizeof(struct fuse_getxattr_out));
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_getxattr_out)->size, 5);
	ck_assert_int_eq((int)get("user.a", 4), -ERANGE);
	ck_assert_int_eq(set("user.a", "x", XATTR_CREATE), -EEXIST);
	ck_assert_int_eq(set("user.b", "x", XATTR_REPLACE), -ENODATA);
	ck_assert_int_eq((int)get(NULL, 0), sizeof(struct fuse_getxattr_out));
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_getxattr_out)->size, 7);
	ck_assert_int_eq((int)get(NULL, 64), 7);
	ck_assert_str_eq(PEER_BODY(&peer, char), "user.a");
	ck_assert_int_eq((int)get(NULL, 6), -ERANGE);
	ck_assert_int_eq(drop("user.a"), 0);
	ck_assert_int_eq(drop("user.a"), -ENODATA);
}
END_TEST

START_TEST(links_are_not_followed)
{
	peer.options.xattr = true;
	if (!start())
		return;
	ck_assert_int_eq(symlink("file", peer_path(&peer, "link")), 0);
	ck_assert_int_eq(setxattr(peer_path(&peer, "file"), "user.a", "v", 1, 0), 0);
	node = (uint64_t)peer_lookup(&peer, FUSE_ROOT_ID, "link");
	ck_assert_int_lt((int)get("user.a", 64), 0);
	ck_assert_int_eq(set("user.b", "x", 0), -EPERM);
	ck_assert_int_lt((int)getxattr(peer_path(&peer, "file"), "user.b", NULL, 0), 0);
}
END_TEST

START_TEST(other_kinds_do_not_exist)
{
	peer.options.xattr = true;
	peer.options.owner = SERVER_OWNER_SQUASH;
	start();
	ck_assert_int_eq(set("trusted.a", "x", 0), -EOPNOTSUPP);
	ck_assert_int_eq((int)get("trusted.a", 8), -EOPNOTSUPP);
	ck_assert_int_eq(set("security.selinux", "x", 0), -EOPNOTSUPP);
	ck_assert_int_eq(drop("system.posix_acl_access"), -EOPNOTSUPP);
	ck_assert_int_eq(set("foreign", "x", 0), -EOPNOTSUPP);
}
END_TEST

START_TEST(what_does_not_pass_is_not_listed)
{
	if (geteuid() != 0)
		return; /* only root can make one */
	peer.options.xattr = true;
	if (!start())
		return;
	ck_assert_int_eq(setxattr(peer_path(&peer, "file"), "trusted.a", "v", 1, 0), 0);
	ck_assert_int_eq(setxattr(peer_path(&peer, "file"), "user.b", "v", 1, 0), 0);
	peer.uid = 0;
	ck_assert_int_eq((int)get(NULL, 64), 10 + 7);
	peer.uid = 1000;
	ck_assert_int_eq((int)get(NULL, 64), 7);
	ck_assert_str_eq(PEER_BODY(&peer, char), "user.b");
}
END_TEST

START_TEST(without_them_nobody_asks_again)
{
	start();
	ck_assert_int_eq(set("user.a", "x", 0), -ENOSYS);
	ck_assert_int_eq((int)get("user.a", 8), -ENOSYS);
	ck_assert_int_eq((int)get(NULL, 8), -ENOSYS);
	ck_assert_int_eq(drop("user.a"), -ENOSYS);
}
END_TEST

START_TEST(a_read_only_share_keeps_them)
{
	peer.options.xattr = peer.options.read_only = true;
	if (!start())
		return;
	ck_assert_int_eq(setxattr(peer_path(&peer, "file"), "user.a", "v", 1, 0), 0);
	ck_assert_int_eq(set("user.a", "x", 0), -EROFS);
	ck_assert_int_eq(drop("user.a"), -EROFS);
	ck_assert_int_eq((int)get("user.a", 8), 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("xattr");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, attributes_of_users_pass);
	tcase_add_test(tests, links_are_not_followed);
	tcase_add_test(tests, other_kinds_do_not_exist);
	tcase_add_test(tests, what_does_not_pass_is_not_listed);
	tcase_add_test(tests, without_them_nobody_asks_again);
	tcase_add_test(tests, a_read_only_share_keeps_them);
	return suite_run_case("server/xattr", tests);
}
