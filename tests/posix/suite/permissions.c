/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * permissions - what another user may, sticky and set-gid folders, access(2)
 */
#include "suite.h"

#include <stdio.h>

static void stranger(const struct suite *suite)
{
	struct stat stat;

	expect(suite, "0644: read", holds_text("0644", "x"));
	expect_error(suite, "0644: write", open("0644", O_WRONLY), EACCES);
	expect_error(suite, "0600: read", open("0600", O_RDONLY), EACCES);
	expect_error(suite, "0600: O_TRUNC", open("0600", O_WRONLY | O_TRUNC), EACCES);
	expect_error(suite, "0600: truncate", truncate("0600", 0), EACCES);
	expect_done(suite, "0600: stat", lstat("0600", &stat));
	expect_done(suite, "0622: write", close(open("0622", O_WRONLY)));
	expect_error(suite, "0622: read", open("0622", O_RDONLY), EACCES);
	expect_error(suite, "create in 0755", open("d0755/x", O_CREAT | O_RDWR, 0600), EACCES);
	expect_error(suite, "mkdir in 0755", mkdir("d0755/x", 0755), EACCES);
	expect_error(suite, "unlink in 0755", unlink("d0755/file"), EACCES);
	expect_error(suite, "rename in 0755", rename("d0755/file", "d0755/other"), EACCES);
	expect_error(suite, "link into 0755", link("mine", "d0755/mine"), EACCES);
	expect_error(suite, "symlink into 0755", symlink("x", "d0755/link"), EACCES);
	expect_error(suite, "look into 0744", lstat("d0744/file", &stat), EACCES);
	expect_done(suite, "list 0744", close(open("d0744", O_RDONLY | O_DIRECTORY)));
	expect_error(suite, "list 0711", open("d0711", O_RDONLY | O_DIRECTORY), EACCES);
	expect_done(suite, "look into 0711", lstat("d0711/file", &stat));
	expect_error(suite, "look into 0700", lstat("d0700/file", &stat), EACCES);
	expect_done(suite, "access F_OK", access("0600", F_OK));
	expect_error(suite, "access R_OK", access("0600", R_OK), EACCES);
	expect_done(suite, "access R_OK of 0644", access("0644", R_OK));
	expect_error(suite, "access X_OK of 0644", access("0644", X_OK), EACCES);
	expect_error(suite, "access of nothing", access("none", F_OK), ENOENT);
	expect_error(suite, "access through 0700", access("d0700/file", F_OK), EACCES);
	put(suite, "d0777/own", "mine");
	stat = status(suite, "d0777/own");
	expect(suite, "created as oneself", stat.st_uid == OTHER_ID && stat.st_gid == OTHER_ID);
	expect_done(suite, "unlink of root's in 0777", unlink("d0777/file"));
	expect_error(suite, "unlink of root's in sticky", unlink("sticky/file"), EPERM);
	expect_error(suite, "rename of root's in sticky", rename("sticky/file", "sticky/x"), EPERM);
	put(suite, "sticky/own", "mine");
	expect_error(suite, "rename over root's in sticky", rename("sticky/own", "sticky/file"),
		     EPERM);
	expect_done(suite, "unlink of one's own in sticky", unlink("sticky/own"));
	expect_error(suite, "mknod of a device", mknod("d0777/device", S_IFCHR | 0600, 0x103),
		     EPERM);
	expect_error(suite, "chroot's own: mkdir below a file", mkdir("0644/x", 0755), ENOTDIR);
}

static void in_group_folder(const struct suite *suite)
{
	struct stat stat;

	put(suite, "set-gid/file", "");
	stat = status(suite, "set-gid/file");
	expect(suite, "file in set-gid: its group", stat.st_gid == 4242 && stat.st_uid == OTHER_ID);
	need(suite, "mkdir", mkdir("set-gid/folder", 0755));
	stat = status(suite, "set-gid/folder");
	expect(suite, "folder in set-gid: its group", stat.st_gid == 4242);
	expect_equal(suite, "folder in set-gid: set-gid too", stat.st_mode & 07777, 02755);
	need(suite, "open", close(open("set-gid/program", O_CREAT | O_RDWR, 02775)));
	expect_equal(suite, "set-gid file of a group one is not in",
		     status(suite, "set-gid/program").st_mode & 07777, 0755);
	need(suite, "chmod", chmod("set-gid/file", 02755));
	expect_equal(suite, "chmod set-gid of a group one is not in",
		     status(suite, "set-gid/file").st_mode & 07777, 0755);
}

void group_permissions(const struct suite *suite)
{
	expect_done(suite, "access R_OK and W_OK",
		    (put(suite, "0644", "x"), access("0644", R_OK | W_OK)));
	expect_error(suite, "access X_OK of a file that nobody executes", access("0644", X_OK),
		     EACCES);
	if (!can_be_others(suite))
		return;
	put(suite, "0600", "x");
	put(suite, "0622", "x");
	put(suite, "mine", "x");
	need(suite, "chmod", chmod("0600", 0600) | chmod("0622", 0622));
	need(suite, "chown", chown("mine", OTHER_ID, OTHER_ID));
	need(suite, "mkdir",
	     mkdir("d0755", 0755) | mkdir("d0744", 0744) | mkdir("d0711", 0711) |
		     mkdir("d0700", 0700) | mkdir("d0777", 0777) | mkdir("sticky", 0777) |
		     mkdir("set-gid", 0777));
	put(suite, "d0755/file", "");
	put(suite, "d0744/file", "");
	put(suite, "d0711/file", "");
	put(suite, "d0700/file", "");
	put(suite, "d0777/file", "");
	put(suite, "sticky/file", "");
	need(suite, "chmod", chmod("d0777", 0777) | chmod("sticky", 01777));
	need(suite, "chown", chown("set-gid", 0, 4242));
	need(suite, "chmod", chmod("set-gid", 02777));
	in_child(suite, OTHER_ID, stranger);
	in_child(suite, OTHER_ID, in_group_folder);
}
