/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sockets - where the peer comes in
 */
#ifndef LODGE_SHARED_FOLDERS_FSD_SOCKETS_H
#define LODGE_SHARED_FOLDERS_FSD_SOCKETS_H

#include "shared-folders/fsd/options.h"

/* Make the socket, or look at the one that was handed over. Return: it; negative errno: said. */
int fsd_socket(const struct fsd_options *options);

/* Of one that listens, the first connection: the socket is closed. Of a connection, itself. */
int fsd_connection(int fd);

/* From now on lines go there instead of to standard error, if there is such a service. */
void fsd_log_to_syslog(void);

#endif
