/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch: which directories are watched, by node and by the kernel's key; the methods are in files
 * of their own.
 *
 * The lock is held from before the kernel is told of a directory until it is in the table, so the
 * reading thread cannot meet an event of a directory that it does not find.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/base/cleanup.h"
#include "shared-folders/watch/internal.h"

/* How long the second half of a rename may take after the first: both are queued by one system
 * call. */
#define HALF_WAIT_MS 2

static size_t node_bucket(const struct watch *watch, uint64_t node)
{
	return (size_t)((node * 0x9e3779b97f4a7c15ULL) >> 32) % watch->bucket_count;
}

static size_t key_bucket(const struct watch *watch, const uint8_t *key, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ key[i]) * 0x100000001b3ULL;
	return (size_t)(hash >> 16) % watch->bucket_count;
}

static struct watch_entry *find_node(const struct watch *watch, uint64_t node)
{
	struct watch_entry *entry = watch->by_node[node_bucket(watch, node)];

	while (entry && entry->node != node)
		entry = entry->next_node;
	return entry;
}

static struct watch_entry *find_key(const struct watch *watch, const uint8_t *key, size_t length)
{
	struct watch_entry *entry = watch->by_key[key_bucket(watch, key, length)];

	while (entry && (entry->length != length || memcmp(entry->key, key, length) != 0))
		entry = entry->next_key;
	return entry;
}

static void insert(struct watch *watch, struct watch_entry *entry)
{
	struct watch_entry **node = &watch->by_node[node_bucket(watch, entry->node)];
	struct watch_entry **key = &watch->by_key[key_bucket(watch, entry->key, entry->length)];

	entry->next_node = *node;
	*node = entry;
	entry->next_key = *key;
	*key = entry;
	entry->next = watch->first;
	if (watch->first)
		watch->first->previous = entry;
	watch->first = entry;
	watch->count++;
}

static void take_out(struct watch *watch, struct watch_entry *entry)
{
	struct watch_entry **node = &watch->by_node[node_bucket(watch, entry->node)];
	struct watch_entry **key = &watch->by_key[key_bucket(watch, entry->key, entry->length)];

	for (; *node; node = &(*node)->next_node) {
		if (*node == entry) {
			*node = entry->next_node;
			break;
		}
	}
	for (; *key; key = &(*key)->next_key) {
		if (*key == entry) {
			*key = entry->next_key;
			break;
		}
	}
	*(entry->previous ? &entry->previous->next : &watch->first) = entry->next;
	if (entry->next)
		entry->next->previous = entry->previous;
	watch->count--;
}

uint64_t watch_find_key(struct watch *watch, const void *key, size_t length)
{
	struct watch_entry *entry;
	uint64_t node;

	pthread_mutex_lock(&watch->lock);
	entry = find_key(watch, key, length);
	node = entry ? entry->node : 0;
	pthread_mutex_unlock(&watch->lock);
	return node;
}

void watch_remove_key(struct watch *watch, const void *key, size_t length)
{
	struct watch_entry *entry;

	pthread_mutex_lock(&watch->lock);
	entry = find_key(watch, key, length);
	if (entry)
		take_out(watch, entry);
	pthread_mutex_unlock(&watch->lock);
	free(entry);
}

int watch_directory(struct watch *watch, uint64_t node, int fd)
{
	struct watch_key key = {0};
	struct watch_entry *entry = NULL;
	int ret = 0;

	pthread_mutex_lock(&watch->lock);
	if (find_node(watch, node))
		goto out;
	ret = -ENOSPC;
	if (watch->count >= watch->limit)
		goto out;
	ret = watch->driver->add(watch->fd, watch->proc, fd, &key);
	if (ret < 0)
		goto out;
	ret = -EEXIST;
	if (find_key(watch, key.bytes, key.length))
		goto out;
	entry = malloc(sizeof(*entry) + key.length);
	if (!entry) {
		watch->driver->remove(watch->fd, watch->proc, fd, key.bytes, key.length);
		ret = -ENOMEM;
		goto out;
	}
	*entry = (struct watch_entry){.node = node, .length = key.length};
	memcpy(entry->key, key.bytes, key.length);
	insert(watch, entry);
	ret = 1;
out:
	pthread_mutex_unlock(&watch->lock);
	return ret;
}

void watch_forget(struct watch *watch, uint64_t node, int fd)
{
	struct watch_entry *entry;

	pthread_mutex_lock(&watch->lock);
	entry = find_node(watch, node);
	if (entry) {
		take_out(watch, entry);
		watch->driver->remove(watch->fd, watch->proc, fd, entry->key, entry->length);
	}
	pthread_mutex_unlock(&watch->lock);
	free(entry);
}

bool watch_has(struct watch *watch, uint64_t node)
{
	bool has;

	pthread_mutex_lock(&watch->lock);
	has = find_node(watch, node) != NULL;
	pthread_mutex_unlock(&watch->lock);
	return has;
}

static void free_entries(struct watch *watch)
{
	struct watch_entry *entry;

	while ((entry = watch->first)) {
		watch->first = entry->next;
		free(entry);
	}
	watch->count = 0;
}

void watch_forget_all(struct watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	watch->driver->clear(watch);
	free_entries(watch);
	for (size_t i = 0; i < watch->bucket_count; i++)
		watch->by_node[i] = watch->by_key[i] = NULL;
	pthread_mutex_unlock(&watch->lock);
}

size_t watch_count(struct watch *watch)
{
	size_t count;

	pthread_mutex_lock(&watch->lock);
	count = watch->count;
	pthread_mutex_unlock(&watch->lock);
	return count;
}

int watch_read(struct watch *watch, watch_emit *event, void *owner)
{
	int total = 0;

	for (;;) {
		ssize_t length = read(watch->fd, watch->buffer, sizeof(watch->buffer));

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno != EAGAIN)
			return -errno;
		if (length > 0) {
			total += watch->driver->parse(watch, watch->buffer, (size_t)length, event,
						      owner);
			continue;
		}
		if (!watch->half.held)
			return total;
		struct pollfd more = {.fd = watch->fd, .events = POLLIN};

		if (poll(&more, 1, HALF_WAIT_MS) != 1)
			return total + watch->driver->flush(watch, event, owner);
	}
}

enum watch_method watch_method(const struct watch *watch)
{
	return watch->driver->method;
}

int watch_descriptor(const struct watch *watch)
{
	return watch->fd;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	free_entries(watch);
	if (watch->fd >= 0)
		close(watch->fd);
	pthread_mutex_destroy(&watch->lock);
	free(watch->by_node);
	free(watch->by_key);
	free(watch);
}

/* Whether the method works for the file system of @root. */
static int try_driver(struct watch *watch, const struct watch_driver *driver, int root)
{
	struct watch_key key = {0};
	int fd = driver->open();
	int ret;

	if (fd < 0)
		return fd;
	ret = driver->add(fd, watch->proc, root, &key);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	/* Not removed: inotify would say IGNORED for the number that the root gets next. */
	close(fd);
	fd = driver->open();
	if (fd < 0)
		return fd;
	watch->driver = driver;
	watch->fd = fd;
	return 0;
}

int watch_new(enum watch_method method, int root, int proc, size_t limit, struct watch **result)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int ret = -EOPNOTSUPP;

	if (!watch)
		return -ENOMEM;
	watch->fd = -EBADF;
	watch->proc = proc;
	watch->limit = limit;
	watch->bucket_count = limit / 2 + 1;
	pthread_mutex_init(&watch->lock, NULL);
	watch->by_node = calloc(watch->bucket_count, sizeof(struct watch_entry *));
	watch->by_key = calloc(watch->bucket_count, sizeof(struct watch_entry *));
	if (!watch->by_node || !watch->by_key) {
		watch_free(watch);
		return -ENOMEM;
	}
	if (method != WATCH_INOTIFY)
		ret = try_driver(watch, &watch_fanotify, root);
	if (ret < 0 && method != WATCH_FANOTIFY)
		ret = try_driver(watch, &watch_inotify, root);
	if (ret < 0) {
		watch_free(watch);
		return ret;
	}
	*result = watch;
	return 0;
}
