/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * source - snapshots from lodged
 */
#ifndef LODGE_CLI_TOP_SOURCE_H
#define LODGE_CLI_TOP_SOURCE_H

#include "host/cli/client.h"
#include "host/cli/top/snapshot.h"

/**
 * source_take() - all VMs as they are now, without rates
 * @client:	connected; replaced by a new connection where lodged has gone
 * @snapshot:	set on success; to be ended
 *
 * Return: 0; negative errno after an error was printed.
 */
int source_take(struct client **client, struct snapshot *snapshot);

#endif
