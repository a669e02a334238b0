/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/handle.h"

#include "protocol/base/cleanup.h"
#include "shared-folders/server/lock.h"

#include <errno.h>
#include <stdlib.h>

int handle_make(struct server *server, struct inode *inode, int fd, int flags,
		struct directory *directory, struct handle **out)
{
	struct handle *handle = calloc(1, sizeof(*handle));
	int r;

	if (!handle)
		return -ENOMEM;
	r = inode_descriptor_get(server, inode);
	if (r < 0) {
		free(handle);
		return r;
	}
	*handle = (struct handle){
		.inode = inode_reference(server, inode),
		.fd = fd,
		.flags = flags,
		.references = 1,
		.directory = directory,
	};
	*out = handle;
	return 0;
}

void handle_lists(struct server *server, struct handle *handle)
{
	pthread_mutex_lock(&server->lock);
	handle->lists = true;
	handle->inode->listers++;
	pthread_mutex_unlock(&server->lock);
}

int handle_add(struct server *server, struct handle *handle, uint64_t *id)
{
	int r;

	/* From then on another thread of the peer's may close it. */
	pthread_mutex_lock(&server->lock);
	r = id_table_add(&server->handles, handle, &handle->id);
	if (r == 0)
		*id = handle->id;
	pthread_mutex_unlock(&server->lock);
	return r;
}

int handle_new(struct server *server, struct inode *inode, int fd, int flags, uint64_t *id)
{
	struct handle *handle;
	int r = handle_make(server, inode, fd, flags, NULL, &handle);

	if (r < 0)
		return r;
	r = handle_add(server, handle, id);
	if (r == 0)
		return 0;
	/* The descriptor stays the caller's. */
	inode_descriptor_put(server, inode);
	inode_put(server, inode);
	free(handle);
	return r;
}

int handle_get(struct server *server, uint64_t id, uint64_t node, struct handle **handle)
{
	struct handle *found;

	pthread_mutex_lock(&server->lock);
	found = id_table_get(&server->handles, id);
	if (found && found->inode->id == node)
		found->references++;
	else
		found = NULL;
	pthread_mutex_unlock(&server->lock);
	*handle = found;
	return found ? 0 : -EBADF;
}

void handle_put(struct server *server, struct handle *handle)
{
	bool last;

	pthread_mutex_lock(&server->lock);
	last = --handle->references == 0;
	if (last && handle->lists)
		handle->inode->listers--;
	pthread_mutex_unlock(&server->lock);
	if (!last)
		return;
	locks_drop_handle(server, handle);
	close(handle->fd);
	directory_free(handle->directory);
	inode_descriptor_put(server, handle->inode);
	inode_put(server, handle->inode);
	free(handle);
}

int handle_close(struct server *server, uint64_t id, uint64_t node)
{
	struct handle *handle;

	pthread_mutex_lock(&server->lock);
	handle = id_table_get(&server->handles, id);
	if (handle && handle->inode->id == node)
		id_table_remove(&server->handles, id);
	else
		handle = NULL;
	pthread_mutex_unlock(&server->lock);
	if (!handle)
		return -EBADF;
	handle_put(server, handle);
	return 0;
}

void handles_close_all(struct server *server)
{
	for (uint32_t index = 0;;) {
		struct handle *handle;

		pthread_mutex_lock(&server->lock);
		handle = id_table_next(&server->handles, &index);
		if (handle)
			id_table_remove(&server->handles, handle->id);
		pthread_mutex_unlock(&server->lock);
		if (!handle)
			return;
		handle_put(server, handle);
	}
}
