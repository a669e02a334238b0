/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options - the command line of lodge-fsd (lodge-fsd(8))
 *
 * It is that of virtiofsd, in both forms that libvirt uses (`-o source=DIR,cache=auto` and
 * `--shared-dir DIR --cache auto`), and our own.
 */
#ifndef LODGE_SHARED_FOLDERS_FSD_OPTIONS_H
#define LODGE_SHARED_FOLDERS_FSD_OPTIONS_H

#include "protocol/base/log.h"
#include "shared-folders/server/server.h"

#include <sys/resource.h>

#define FSD_MAX_LISTS 16

enum fsd_sandbox {
	FSD_SANDBOX_NAMESPACE,
	FSD_SANDBOX_CHROOT,
	FSD_SANDBOX_NONE,
};

/* What becomes of a system call that is not ours. */
enum fsd_filter {
	FSD_FILTER_REFUSE, /* it fails with EPERM */
	FSD_FILTER_KILL,   /* the process ends */
	FSD_FILTER_LOG,	   /* it is done, and the kernel's log says so */
	FSD_FILTER_NONE,
};

struct fsd_options {
	const char *source; /* the folder */

	/* One of these two roads, or both: a vhost-user front end, and streams. */
	int fd;			  /* a socket that listens, or is connected; -1: none */
	const char *socket_path;  /* make one there */
	const char *socket_group; /* whose it is */
	int control_fd;
	const char *control;

	struct server_options server; /* all but `root`, `proc` and who is to be notified */
	bool has_owner; /* it was said whose files are; else it depends on who we are */
	const char *tag;
	uint64_t window_bytes; /* DAX; 0: none */
	unsigned int threads;  /* helpers; 0: none */
	bool has_threads;

	enum fsd_sandbox sandbox;
	enum fsd_filter filter; /* system calls */
	rlim_t descriptors;	/* limit; 0: stays */
	bool has_descriptors;
	bool has_uid_map, has_gid_map;
	uid_t root_uid; /* who we are inside a user namespace that libvirt asks for */
	gid_t root_gid;

	bool syslog, debug;
	enum log_level log_level;
	bool print_capabilities, help, version;

	bool ignored;		   /* set by options that make no difference */
	char *list[FSD_MAX_LISTS]; /* of -o, taken apart; freed by fsd_options_free() */
	size_t lists;
};

extern const char fsd_options_help[];

/**
 * fsd_options_parse() - read the command line
 * @error:	receives one line for people
 *
 * Return: 0; negative errno, -EINVAL with @error. To be freed in any case.
 */
int fsd_options_parse(int count, char *const words[], struct fsd_options *options, char *error,
		      size_t error_size);
void fsd_options_free(struct fsd_options *options);

#endif
