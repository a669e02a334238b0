/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host_tree - writing below one folder of the host, and nowhere else
 *
 * The guest says which names and links there are; it may be hostile, and it may have had us make
 * a symbolic link a moment ago. So every folder on the way is opened by openat2() with
 * RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, relative to the root that the user named, and the last
 * component, which has been checked to be one, is never followed.
 */
#ifndef LODGE_CLI_HOST_TREE_H
#define LODGE_CLI_HOST_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Relative paths below the root: components parted by '/', "" is the root itself. */
#define HOST_TREE_PATH_MAX 4096

/* true: 1 to 255 bytes, no '/', no NUL, neither "." nor "..". */
bool host_tree_name_is_valid(const char *name, size_t length);

/* Opens the folder that the user named, following links. Return: a descriptor or -errno. */
int host_tree_open_root(const char *path);

/* Opens a folder below. -ELOOP or -EXDEV: a link is in the way. */
int host_tree_open_folder(int root, const char *relative);

/* Makes a folder that only we may enter until host_tree_finish_folder(); one that is there is
 * fine. */
int host_tree_make_folder(int root, const char *relative);
/* Sets permission bits and time of modification. */
int host_tree_finish_folder(int root, const char *relative, mode_t mode, int64_t mtime_ns);

/* Makes a symbolic link in place of what is no folder there. */
int host_tree_make_link(int root, const char *relative, const char *target, int64_t mtime_ns);

/* lstat() below. */
int host_tree_stat(int root, const char *relative, struct stat *status);

/* A file that is being written: it has a name of its own until it is whole. */
struct host_file {
	int fd;	       /* to write to */
	int folder_fd; /* that it is in */
	char temporary[64];
	char name[256];
};

int host_file_create(int root, const char *relative, struct host_file *file);
/* Takes its name, and what was there goes. On failure the temporary file is gone too. */
int host_file_commit(struct host_file *file, mode_t mode, int64_t mtime_ns);
/* Removes the temporary file. */
void host_file_abandon(struct host_file *file);

#endif
