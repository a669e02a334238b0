/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/source.h"

static int take_once(struct client *client, struct snapshot *snapshot)
{
	struct snapshot_sources sources = {0};
	int error = client_pair(client, "Statistics", &sources.host, &sources.vms);

	if (!error)
		error = client_pair(client, "ListMemory", &sources.policy, &sources.memory);
	if (!error)
		error = snapshot_read(&sources, snapshot);
	json_object_put(sources.host);
	json_object_put(sources.vms);
	json_object_put(sources.policy);
	json_object_put(sources.memory);
	return error;
}

int source_take(struct client **client, struct snapshot *snapshot)
{
	int error = take_once(*client, snapshot);

	if (!error || dbus_connection_get_is_connected(client_connection(*client)))
		return error;
	/* lodged has gone; the next one takes its VMs up. */
	client_close(*client);
	*client = NULL;
	error = client_open(client);
	return error ? error : take_once(*client, snapshot);
}
