/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xattr - extended attributes
 */
#include "suite.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/xattr.h>

static bool listed(const char *file, const char *name)
{
	static char list[65536];
	ssize_t length = listxattr(file, list, sizeof(list));

	for (char *at = list; length > 0 && at < list + length; at += strlen(at) + 1)
		if (!strcmp(at, name))
			return true;
	return false;
}

static void values(const struct suite *suite)
{
	char buffer[64];

	expect_error(suite, "get before set", getxattr("file", "user.a", buffer, 64), ENODATA);
	expect_done(suite, "set", setxattr("file", "user.a", "value", 5, 0));
	expect_equal(suite, "get", getxattr("file", "user.a", buffer, 64), 5);
	expect(suite, "value", !memcmp(buffer, "value", 5));
	expect_equal(suite, "size alone", getxattr("file", "user.a", NULL, 0), 5);
	expect_error(suite, "too small a buffer", getxattr("file", "user.a", buffer, 4), ERANGE);
	expect_error(suite, "CREATE on one that is there",
		     setxattr("file", "user.a", "x", 1, XATTR_CREATE), EEXIST);
	expect_error(suite, "REPLACE on one that is not",
		     setxattr("file", "user.b", "x", 1, XATTR_REPLACE), ENODATA);
	expect_done(suite, "REPLACE",
		    setxattr("file", "user.a", "longer value", 12, XATTR_REPLACE));
	expect_equal(suite, "replaced", getxattr("file", "user.a", buffer, 64), 12);
	expect_done(suite, "CREATE", setxattr("file", "user.b", "", 0, XATTR_CREATE));
	expect_equal(suite, "empty value", getxattr("file", "user.b", buffer, 64), 0);
	expect_error(suite, "unknown flag", setxattr("file", "user.b", "", 0, 8), EINVAL);
	expect_done(suite, "any bytes", setxattr("file", "user.\xff \n", "\0\1\xff", 3, 0));
	expect_equal(suite, "any bytes back", getxattr("file", "user.\xff \n", buffer, 64), 3);
	expect(suite, "any bytes' value", !memcmp(buffer, "\0\1\xff", 3));
	expect(suite, "all are listed",
	       listed("file", "user.a") && listed("file", "user.b") &&
		       listed("file", "user.\xff \n"));
	expect_error(suite, "too small a list", listxattr("file", buffer, 1), ERANGE);
	expect(suite, "size of the list", listxattr("file", NULL, 0) >= 21);
	expect_done(suite, "remove", removexattr("file", "user.a"));
	expect_error(suite, "removed", getxattr("file", "user.a", buffer, 64), ENODATA);
	expect_error(suite, "remove again", removexattr("file", "user.a"), ENODATA);
	expect(suite, "not listed any more", !listed("file", "user.a"));
	expect_error(suite, "of nothing", setxattr("none", "user.a", "", 0, 0), ENOENT);
}

static void sizes(const struct suite *suite)
{
	static char large[70000], back[70000];
	char name[300] = "user.", list[300];

	memset(large, 'l', sizeof(large));
	expect_done(suite, "3000 bytes", setxattr("sized", "user.l", large, 3000, 0));
	expect_equal(suite, "3000 bytes back", getxattr("sized", "user.l", back, sizeof(back)),
		     3000);
	expect(suite, "3000 bytes the same", !memcmp(large, back, 3000));
	if (observe(suite, "65536 bytes", setxattr("sized", "user.l", large, 65536, 0)))
		expect_equal(suite, "65536 bytes back", getxattr("sized", "user.l", back, 65536),
			     65536);
	expect_error(suite, "65537 bytes", setxattr("sized", "user.l", large, 65537, 0), E2BIG);
	memset(name + 5, 'n', 250);
	expect_done(suite, "name of 255", setxattr("sized", name, "v", 1, 0));
	expect(suite, "name of 255 listed", listed("sized", name));
	expect_equal(suite, "size of one name",
		     (removexattr("sized", "user.l"), listxattr("sized", list, 256)) >= 256, 1);
	name[255] = 'n';
	expect_error(suite, "name of 256", setxattr("sized", name, "v", 1, 0), ERANGE);
	expect_error(suite, "empty name", setxattr("sized", "", "v", 1, 0), ERANGE);
	expect_error(suite, "user. alone", setxattr("sized", "user.", "v", 1, 0), EINVAL);
}

static void kinds(const struct suite *suite)
{
	struct vfs_cap_data capability = {.magic_etc = VFS_CAP_REVISION_2,
					  .data[0] = {.permitted = 1 << CAP_NET_RAW}};
	char buffer[64];
	int fd;

	need(suite, "mkdir", mkdir("folder", 0755));
	expect_done(suite, "on a folder", setxattr("folder", "user.d", "v", 1, 0));
	expect(suite, "folder's listed", listed("folder", "user.d"));
	need(suite, "symlink", symlink("file", "link"));
	expect_error(suite, "user. on a symlink", lsetxattr("link", "user.s", "v", 1, 0), EPERM);
	expect_done(suite, "through a symlink", setxattr("link", "user.s", "v", 1, 0));
	expect(suite, "arrived at the file", listed("file", "user.s"));
	expect_error(suite, "unknown kind", setxattr("file", "foreign.x", "v", 1, 0), EOPNOTSUPP);
	expect_error(suite, "no kind", setxattr("file", "x", "v", 1, 0), EOPNOTSUPP);
	expect_error(suite, "system.", setxattr("file", "system.x", "v", 1, 0), EOPNOTSUPP);
	fd = (int)need(suite, "open", open("file", O_RDWR));
	expect_done(suite, "by descriptor", fsetxattr(fd, "user.f", "v", 1, 0));
	expect_equal(suite, "by descriptor back", fgetxattr(fd, "user.f", buffer, 64), 1);
	if (!can_be_others(suite)) {
		close(fd);
		return;
	}
	observe(suite, "trusted.", setxattr("file", "trusted.x", "v", 1, 0));
	if (observe(suite, "security.capability",
		    setxattr("file", "security.capability", &capability, XATTR_CAPS_SZ_2, 0))) {
		expect_equal(suite, "capability back",
			     getxattr("file", "security.capability", buffer, 64), XATTR_CAPS_SZ_2);
		need(suite, "write", pwrite(fd, "x", 1, 0));
		expect_error(suite, "write clears the capability",
			     getxattr("file", "security.capability", buffer, 64), ENODATA);
	}
	close(fd);
}

static void others(const struct suite *suite)
{
	char buffer[8];

	expect_equal(suite, "get by one who reads", getxattr("readable", "user.o", buffer, 8), 1);
	expect_error(suite, "set by one who reads", setxattr("readable", "user.o", "x", 1, 0),
		     EACCES);
	expect_error(suite, "remove by one who reads", removexattr("readable", "user.o"), EACCES);
	expect_error(suite, "get by one who does not", getxattr("silent", "user.o", buffer, 8),
		     EACCES);
	expect_error(suite, "trusted. by a user", setxattr("readable", "trusted.x", "v", 1, 0),
		     EPERM);
	expect_error(suite, "get of trusted. by a user",
		     getxattr("readable", "trusted.x", buffer, 8), ENODATA);
}

void group_xattr(const struct suite *suite)
{
	put(suite, "file", "text");
	put(suite, "sized", "");
	if (!observe(suite, "user.", setxattr("file", "user.probe", "", 0, 0)))
		return;
	need(suite, "removexattr", removexattr("file", "user.probe"));
	values(suite);
	sizes(suite);
	kinds(suite);
	if (!can_be_others(suite))
		return;
	put(suite, "readable", "");
	put(suite, "silent", "");
	need(suite, "setxattr", setxattr("readable", "user.o", "v", 1, 0));
	need(suite, "setxattr", setxattr("silent", "user.o", "v", 1, 0));
	need(suite, "chmod", chmod("silent", 0600));
	in_child(suite, OTHER_ID, others);
}
