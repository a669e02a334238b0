/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sockets - where the peer comes in
 */
#ifndef LODGE_SHARED_FOLDERS_FSD_SOCKETS_H
#define LODGE_SHARED_FOLDERS_FSD_SOCKETS_H

#include "shared-folders/fsd/options.h"

struct fsd_sockets {
	int vhost, control; /* -EBADF: that road is not served */
};

/* Make the sockets, or look at those that were handed over. 0; negative errno: it has been said. */
int fsd_sockets_open(const struct fsd_options *options, struct fsd_sockets *sockets);

/* Of one that listens, the next connection. Of a connection, itself: *fd is taken. */
int fsd_connection(int *fd);

/* Does others' connecting to it make connections? */
bool fsd_listens(int fd);

/* From now on lines go there instead of to standard error, if there is such a service. */
void fsd_log_to_syslog(void);

#endif
