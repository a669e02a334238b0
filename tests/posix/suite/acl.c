/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acl - POSIX access control lists, as the extended attributes that carry them
 */
#include "suite.h"

#include <endian.h>
#include <sys/xattr.h>

#define ACCESS	"system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

enum tag { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32 };

struct entry {
	uint16_t tag, permissions;
	uint32_t id;
};

struct acl {
	uint32_t version;
	struct entry entries[8];
};

static size_t add(struct acl *acl, size_t count, enum tag tag, unsigned int permissions,
		  uint32_t id)
{
	acl->version = htole32(2);
	acl->entries[count] =
		(struct entry){htole16((uint16_t)tag), htole16((uint16_t)permissions), htole32(id)};
	return count + 1;
}

static size_t size_of(size_t count)
{
	return sizeof(uint32_t) + count * sizeof(struct entry);
}

/* rw- for the owner, r-- for OTHER_ID, --- for its group, mask r--, --- for others. */
static size_t with_a_user(struct acl *acl)
{
	size_t count = 0;

	count = add(acl, count, USER_OBJ, 6, UINT32_MAX);
	count = add(acl, count, USER, 4, OTHER_ID);
	count = add(acl, count, GROUP_OBJ, 0, UINT32_MAX);
	count = add(acl, count, MASK, 4, UINT32_MAX);
	return add(acl, count, OTHER, 0, UINT32_MAX);
}

static void reader(const struct suite *suite)
{
	expect(suite, "the named user reads", holds_text("file", "text"));
	expect_error(suite, "the named user does not write", open("file", O_WRONLY), EACCES);
	expect_error(suite, "access() agrees", access("file", W_OK), EACCES);
	expect_error(suite, "a user does not set it", removexattr("file", ACCESS), EPERM);
}

static void masked(const struct suite *suite)
{
	expect_error(suite, "the mask takes it away", open("file", O_RDONLY), EACCES);
}

static void access_lists(const struct suite *suite)
{
	struct acl acl = {0}, back = {0};
	size_t count = with_a_user(&acl);

	expect_equal(suite, "get", getxattr("file", ACCESS, &back, sizeof(back)),
		     (long long)size_of(count));
	expect(suite, "the same list", !memcmp(&acl, &back, size_of(count)));
	expect_equal(suite, "group bits are the mask", status(suite, "file").st_mode & 07777, 0640);
	if (can_be_others(suite))
		in_child(suite, OTHER_ID, reader);
	expect_done(suite, "chmod", chmod("file", 0600));
	getxattr("file", ACCESS, &back, sizeof(back));
	expect_equal(suite, "chmod sets the mask", le16toh(back.entries[3].permissions), 0);
	if (!getuid())
		in_child(suite, OTHER_ID, masked);
	acl.entries[1].tag = htole16(77);
	expect_error(suite, "unknown tag", setxattr("file", ACCESS, &acl, size_of(count), 0),
		     EINVAL);
	acl.version = htole32(9);
	expect_error(suite, "unknown version", setxattr("file", ACCESS, &acl, size_of(count), 0),
		     EOPNOTSUPP);
	count = add(&acl, 0, USER_OBJ, 7, UINT32_MAX);
	expect_error(suite, "incomplete list", setxattr("file", ACCESS, &acl, size_of(count), 0),
		     EINVAL);
	count = add(&acl, count, GROUP_OBJ, 5, UINT32_MAX);
	count = add(&acl, count, OTHER, 1, UINT32_MAX);
	expect_done(suite, "list that is a mode",
		    setxattr("file", ACCESS, &acl, size_of(count), 0));
	expect_equal(suite, "became the mode", status(suite, "file").st_mode & 07777, 0751);
	expect_error(suite, "and no list", getxattr("file", ACCESS, &back, sizeof(back)), ENODATA);
	count = with_a_user(&acl);
	need(suite, "setxattr", setxattr("file", ACCESS, &acl, size_of(count), 0));
	expect_done(suite, "remove", removexattr("file", ACCESS));
	expect_error(suite, "removed", getxattr("file", ACCESS, &back, sizeof(back)), ENODATA);
}

static void default_lists(const struct suite *suite)
{
	struct acl acl = {0}, back = {0};
	size_t count = with_a_user(&acl);

	need(suite, "mkdir", mkdir("folder", 0755));
	expect_error(suite, "default on a file", setxattr("file", DEFAULT, &acl, size_of(count), 0),
		     EACCES);
	acl.entries[0].permissions = htole16(7);
	acl.entries[3].permissions = htole16(6);
	expect_done(suite, "default", setxattr("folder", DEFAULT, &acl, size_of(count), 0));
	expect_equal(suite, "folder's mode stays", status(suite, "folder").st_mode & 07777, 0755);
	umask(077);
	put(suite, "folder/file", "");
	expect_equal(suite, "inherited by a file",
		     getxattr("folder/file", ACCESS, &back, sizeof(back)),
		     (long long)size_of(count));
	/* create() asked for 0644: the mask gets its group bits, the umask is not heeded. */
	expect_equal(suite, "file's mode", status(suite, "folder/file").st_mode & 07777, 0640);
	expect_equal(suite, "file's named user", le16toh(back.entries[1].permissions), 4);
	expect_error(suite, "a file has no default",
		     getxattr("folder/file", DEFAULT, &back, sizeof(back)), ENODATA);
	need(suite, "mkdir", mkdir("folder/sub", 0777));
	expect_equal(suite, "inherited by a folder",
		     getxattr("folder/sub", DEFAULT, &back, sizeof(back)),
		     (long long)size_of(count));
	expect_equal(suite, "folder's own", status(suite, "folder/sub").st_mode & 07777, 0760);
	need(suite, "mknod", mkfifo("folder/fifo", 0666));
	expect_equal(suite, "fifo's mode", status(suite, "folder/fifo").st_mode & 07777, 0660);
	need(suite, "symlink", symlink("x", "folder/link"));
	umask(022);
	expect_done(suite, "remove the default", removexattr("folder", DEFAULT));
	put(suite, "folder/plain", "");
	expect_equal(suite, "plain again", status(suite, "folder/plain").st_mode & 07777, 0644);
}

void group_acl(const struct suite *suite)
{
	struct acl acl = {0};
	size_t count = with_a_user(&acl);

	put(suite, "file", "text");
	if (!observe(suite, "set", setxattr("file", ACCESS, &acl, size_of(count), 0)))
		return;
	access_lists(suite);
	default_lists(suite);
}
