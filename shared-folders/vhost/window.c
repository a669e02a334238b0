/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/window.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/virtqueue/vhost_user.h"
#include "shared-folders/server/server.h"

#include <linux/fuse.h>
#include <pthread.h>

#define PAGE_BYTES 4096
/* A machine that has not answered by then will not. */
#define ANSWER_MS 10000

struct mapping {
	uint64_t offset, length;
};

struct vhost_window {
	uint64_t size_bytes;
	pthread_mutex_t lock; /* one question at a time; guards all below */
	int socket;
	bool is_lodge;
	struct mapping *mapping; /* by offset; they do not overlap */
	size_t count, capacity;
};

struct vhost_window *vhost_window_new(uint64_t size_bytes)
{
	struct vhost_window *window = calloc(1, sizeof(*window));

	if (!window)
		return NULL;
	window->size_bytes = size_bytes;
	window->socket = -EBADF;
	pthread_mutex_init(&window->lock, NULL);
	return window;
}

void vhost_window_free(struct vhost_window *window)
{
	if (!window)
		return;
	cleanup_close(&window->socket);
	pthread_mutex_destroy(&window->lock);
	free(window->mapping);
	free(window);
}

uint64_t vhost_window_size(const struct vhost_window *window)
{
	return window->size_bytes;
}

void vhost_window_connect(struct vhost_window *window, int socket, bool is_lodge)
{
	pthread_mutex_lock(&window->lock);
	cleanup_close(&window->socket);
	window->socket = socket;
	window->is_lodge = is_lodge;
	window->count = 0;
	pthread_mutex_unlock(&window->lock);
}

/* Return: 0; -EIO if the front end could not. One that breaks the rules is not asked again. */
static int ask(struct vhost_window *window, uint32_t request,
	       const union vhost_user_payload *payload, size_t size, int fd)
{
	struct vhost_user_message message = {
		.header = {request, VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, (uint32_t)size},
		.fd = {fd},
		.fds = fd >= 0,
	};
	int result;

	if (window->socket < 0)
		return -EOPNOTSUPP;
	memcpy(&message.payload, payload, size);
	result = vhost_user_send(window->socket, &message);
	if (result == 0)
		result = vhost_user_receive(window->socket, &message, ANSWER_MS);
	if (result > 0 &&
	    (message.header.request != request || !(message.header.flags & VHOST_USER_REPLY) ||
	     message.header.size != sizeof(message.payload.number) || message.fds)) {
		vhost_user_close(&message);
		result = -EBADMSG;
	}
	if (result <= 0) {
		cleanup_close(&window->socket);
		window->socket = -EBADF;
		return -EIO;
	}
	return message.payload.number == 0 ? 0 : -EIO;
}

static int ask_to_map(struct vhost_window *window, uint32_t request,
		      const struct vhost_user_mapping *mapping, int fd)
{
	union vhost_user_payload payload = {.mapping = *mapping};

	return ask(window, request, &payload, sizeof(*mapping), fd);
}

/* The first that ends behind @offset. */
static size_t first_behind(const struct vhost_window *window, uint64_t offset)
{
	size_t low = 0, high = window->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mapping *mapping = &window->mapping[middle];

		if (mapping->offset + mapping->length > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* What lies in the range. Nothing is cut: mappings that reach beyond it are an error. */
static int find(const struct vhost_window *window, uint64_t offset, uint64_t length, size_t *first,
		size_t *end)
{
	*first = *end = first_behind(window, offset);
	for (; *end < window->count && window->mapping[*end].offset < offset + length; ++*end)
		if (window->mapping[*end].offset < offset ||
		    window->mapping[*end].offset + window->mapping[*end].length > offset + length)
			return -EINVAL;
	return 0;
}

static void forget(struct vhost_window *window, size_t first, size_t end)
{
	memmove(&window->mapping[first], &window->mapping[end],
		(window->count - end) * sizeof(window->mapping[0]));
	window->count -= end - first;
}

static int clear(struct vhost_window *window, uint64_t offset, uint64_t length)
{
	size_t first, end;
	int result = find(window, offset, length, &first, &end);

	for (; end > first && result == 0; end--) {
		struct vhost_user_mapping gone = {
			.id = VIRTIO_FS_SHMCAP_ID_CACHE,
			.offset = window->mapping[first].offset,
			.length = window->mapping[first].length,
		};

		result = ask_to_map(window, VHOST_USER_BACKEND_SHMEM_UNMAP, &gone, -EBADF);
		if (result == 0)
			forget(window, first, first + 1);
	}
	return result;
}

static int reserve(struct vhost_window *window)
{
	size_t wanted = window->capacity ? window->capacity * 2 : 64;
	struct mapping *larger;

	if (window->count < window->capacity)
		return 0;
	/* As many as there are pages to say where they are mapped, and no more than 65,536. */
	if (wanted > 65536)
		return -ENOSPC;
	larger = reallocarray(window->mapping, wanted, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	window->mapping = larger;
	window->capacity = wanted;
	return 0;
}

static bool is_inside(const struct vhost_window *window, uint64_t offset, uint64_t length)
{
	return length > 0 && offset % PAGE_BYTES == 0 && length % PAGE_BYTES == 0 &&
	       offset <= window->size_bytes && length <= window->size_bytes - offset;
}

static int map_locked(struct vhost_window *window, int fd, struct vhost_user_mapping *wanted)
{
	size_t at, end;
	int result = find(window, wanted->offset, wanted->length, &at, &end);

	if (result == 0)
		result = reserve(window);
	if (result < 0)
		return result;
	result = ask_to_map(window, VHOST_USER_BACKEND_SHMEM_MAP, wanted, fd);
	if (result == 0) {
		forget(window, at, end);
	} else if (end > at) {
		result = clear(window, wanted->offset, wanted->length);
		if (result == 0)
			result = ask_to_map(window, VHOST_USER_BACKEND_SHMEM_MAP, wanted, fd);
	}
	if (result < 0)
		return result;
	memmove(&window->mapping[at + 1], &window->mapping[at],
		(window->count - at) * sizeof(window->mapping[0]));
	window->mapping[at] = (struct mapping){wanted->offset, wanted->length};
	window->count++;
	return 0;
}

static int map(void *owner, int fd, uint64_t file_offset, uint64_t window_offset, uint64_t length,
	       uint64_t flags)
{
	struct vhost_window *window = owner;
	struct vhost_user_mapping wanted = {
		.id = VIRTIO_FS_SHMCAP_ID_CACHE,
		.file_offset = file_offset,
		.offset = window_offset,
		.length = length,
		.flags = flags & FUSE_SETUPMAPPING_FLAG_WRITE ? VHOST_USER_MAPPING_WRITE : 0,
	};
	int result;

	if (!is_inside(window, window_offset, length) || file_offset % PAGE_BYTES ||
	    file_offset > INT64_MAX - length)
		return -EINVAL;
	pthread_mutex_lock(&window->lock);
	result = map_locked(window, fd, &wanted);
	pthread_mutex_unlock(&window->lock);
	return result;
}

/* A length that is too long means all from there on. */
static int unmap(void *owner, uint64_t window_offset, uint64_t length)
{
	struct vhost_window *window = owner;
	int result;

	if (window_offset > window->size_bytes)
		return -EINVAL;
	length = MIN(length, window->size_bytes - window_offset);
	pthread_mutex_lock(&window->lock);
	result = clear(window, window_offset, length);
	pthread_mutex_unlock(&window->lock);
	return result;
}

int vhost_window_copy(struct vhost_window *window, uint64_t gpa, uint64_t length, int memory,
		      uint64_t offset, bool into_guest)
{
	union vhost_user_payload payload = {
		.copy = {gpa, length, offset, into_guest ? VHOST_USER_COPY_INTO_GUEST : 0}};
	int result = -EOPNOTSUPP;

	pthread_mutex_lock(&window->lock);
	if (window->is_lodge)
		result = ask(window, VHOST_USER_BACKEND_LODGE_COPY, &payload, sizeof(payload.copy),
			     memory);
	pthread_mutex_unlock(&window->lock);
	return result;
}

/* A front end that does not know it leaves no pages out, or is not ours to help. */
static void settle(void *owner, uint64_t device, uint64_t inode)
{
	struct vhost_window *window = owner;
	union vhost_user_payload payload = {.file = {device, inode}};

	pthread_mutex_lock(&window->lock);
	if (window->is_lodge)
		(void)ask(window, VHOST_USER_BACKEND_LODGE_SETTLE, &payload, sizeof(payload.file),
			  -EBADF);
	pthread_mutex_unlock(&window->lock);
}

void vhost_window_describe(struct vhost_window *window, struct server_window *description)
{
	*description = (struct server_window){
		.size_bytes = window->size_bytes,
		.map = map,
		.unmap = unmap,
		.settle = settle,
		.owner = window,
	};
}
