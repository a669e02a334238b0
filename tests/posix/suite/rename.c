/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rename - renameat2(2) with each of its flags
 */
#include "suite.h"

#include <stdio.h>
#include <sys/sysmacros.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT (1 << 2)
#endif

static int rename_with(const char *from, const char *to, unsigned int flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void plain(const struct suite *suite)
{
	ino_t inode;

	put(suite, "a", "a");
	inode = status(suite, "a").st_ino;
	expect_done(suite, "to a new name", rename("a", "b"));
	expect(suite, "the old name is gone", !exists("a"));
	expect_equal(suite, "same inode", status(suite, "b").st_ino == inode, 1);
	put(suite, "c", "c");
	expect_done(suite, "over a file", rename("b", "c"));
	expect(suite, "text of the renamed", holds_text("c", "a"));
	expect_done(suite, "to itself", rename("c", "c"));
	expect_error(suite, "of nothing", rename("none", "x"), ENOENT);
	need(suite, "link", link("c", "d"));
	expect_done(suite, "onto its own link", rename("c", "d"));
	expect(suite, "both links stay", exists("c") && exists("d"));
	need(suite, "mkdir", mkdir("folder", 0755) | mkdir("empty", 0755) | mkdir("full", 0755));
	put(suite, "full/file", "x");
	expect_error(suite, "file over a folder", rename("c", "folder"), EISDIR);
	expect_error(suite, "folder over a file", rename("folder", "c"), ENOTDIR);
	/* POSIX leaves the choice. */
	expect(suite, "folder over a full one",
	       rename("folder", "full") && (errno == ENOTEMPTY || errno == EEXIST));
	expect_done(suite, "folder over an empty one", rename("full", "empty"));
	expect(suite, "what was in it", holds_text("empty/file", "x"));
	expect_error(suite, "folder into itself", rename("empty", "empty/inside"), EINVAL);
	expect_done(suite, "file into a folder", rename("c", "empty/c"));
	expect(suite, "file in the folder", holds_text("empty/c", "a"));
	expect_done(suite, "folder into a folder", rename("empty", "folder/moved"));
	expect(suite, "file in the moved folder", holds_text("folder/moved/c", "a"));
	expect_done(suite, "file out of it", rename("folder/moved/c", "c"));
	expect(suite, "file outside", holds_text("c", "a"));
	expect_error(suite, "long name", rename("c", "folder/moved/../../c/x"), ENOTDIR);
}

static void moved_parent(const struct suite *suite)
{
	struct stat up, moved;
	int inside;

	need(suite, "mkdir", mkdir("one", 0755) | mkdir("two", 0755) | mkdir("one/child", 0755));
	inside = (int)need(suite, "open", open("one/child", O_RDONLY | O_DIRECTORY));
	expect_done(suite, "open folder to another parent", rename("one/child", "two/child"));
	need(suite, "fstatat", fstatat(inside, "..", &up, 0));
	moved = status(suite, "two");
	expect(suite, "its parent is the new one", up.st_ino == moved.st_ino);
	expect_done(suite, "create in the moved",
		    close(openat(inside, "x", O_CREAT | O_RDWR, 0600)));
	expect(suite, "seen under the new path", exists("two/child/x"));
	close(inside);
}

static void flags(const struct suite *suite)
{
	struct stat stat;

	put(suite, "from", "from");
	put(suite, "to", "to");
	expect_error(suite, "NOREPLACE on a file", rename_with("from", "to", RENAME_NOREPLACE),
		     EEXIST);
	expect_done(suite, "NOREPLACE to a new name",
		    rename_with("from", "fresh", RENAME_NOREPLACE));
	expect_done(suite, "EXCHANGE", rename_with("fresh", "to", RENAME_EXCHANGE));
	expect(suite, "EXCHANGE's first", holds_text("fresh", "to"));
	expect(suite, "EXCHANGE's second", holds_text("to", "from"));
	expect_error(suite, "EXCHANGE with nothing", rename_with("to", "none", RENAME_EXCHANGE),
		     ENOENT);
	need(suite, "mkdir", mkdir("tree", 0755));
	put(suite, "tree/leaf", "leaf");
	expect_done(suite, "EXCHANGE of folder and file",
		    rename_with("tree", "to", RENAME_EXCHANGE));
	expect(suite, "folder under the file's name", holds_text("to/leaf", "leaf"));
	expect(suite, "file under the folder's name", holds_text("tree", "from"));
	expect_error(suite, "EXCHANGE with NOREPLACE",
		     rename_with("to", "tree", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	expect_error(suite, "unknown flag", rename_with("to", "tree", 1U << 20), EINVAL);
	if (!observe(suite, "WHITEOUT", rename_with("tree", "white", RENAME_WHITEOUT)))
		return;
	expect(suite, "WHITEOUT's target", holds_text("white", "from"));
	need(suite, "lstat", lstat("tree", &stat));
	expect(suite, "WHITEOUT is a device 0:0",
	       S_ISCHR(stat.st_mode) && stat.st_rdev == makedev(0, 0));
}

void group_rename(const struct suite *suite)
{
	need(suite, "mkdir", mkdir("plain", 0755) | mkdir("parent", 0755) | mkdir("flags", 0755));
	need(suite, "chdir", chdir("plain"));
	plain(suite);
	need(suite, "chdir", chdir("../parent"));
	moved_parent(suite);
	need(suite, "chdir", chdir("../flags"));
	flags(suite);
}
