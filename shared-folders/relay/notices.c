/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/relay/notices.h"

#include "protocol/base/log.h"
#include "protocol/share.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct notice {
	struct notice *next;
	uint8_t *message;
	size_t length;
};

struct notices {
	int fd;
	const struct notices_handlers *handlers;
	void *owner;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t more;   /* there is one, or `ending` */
	struct notice *first, **last;
	size_t count; /* waiting, or under way */
	uint64_t carried;
	bool ending;
};

static void carry(const struct notices *notices, const struct notice *notice)
{
	struct fuse_out_header header;

	memcpy(&header, notice->message, sizeof(header));
	if (header.error == SERVER_NOTIFY_CHANGE) {
		notices->handlers->change(notices->owner, notice->message + sizeof(header),
					  notice->length - sizeof(header));
		return;
	}
	/* ENOENT: the kernel had nothing of the kind, and all is well. */
	if (write(notices->fd, notice->message, notice->length) < 0 && errno != ENOENT &&
	    errno != ENODEV && errno != ENOTDIR && errno != ENOTEMPTY)
		log_debug("the kernel does not take a notification: %s", error_text(errno));
}

static void *thread_main(void *argument)
{
	struct notices *notices = argument;

	pthread_mutex_lock(&notices->mutex);
	while (!notices->ending) {
		struct notice *notice = notices->first;

		if (!notice) {
			pthread_cond_wait(&notices->more, &notices->mutex);
			continue;
		}
		notices->first = notice->next;
		if (!notices->first)
			notices->last = &notices->first;
		pthread_mutex_unlock(&notices->mutex);
		carry(notices, notice);
		free(notice->message);
		free(notice);
		pthread_mutex_lock(&notices->mutex);
		notices->count--;
		notices->carried++;
		pthread_mutex_unlock(&notices->mutex);
		notices->handlers->carried(notices->owner);
		pthread_mutex_lock(&notices->mutex);
	}
	pthread_mutex_unlock(&notices->mutex);
	return NULL;
}

int notices_new(int fuse_fd, const struct notices_handlers *handlers, void *owner,
		struct notices **result)
{
	struct notices *notices = calloc(1, sizeof(*notices));
	int error;

	if (!notices)
		return -ENOMEM;
	notices->fd = fuse_fd;
	notices->handlers = handlers;
	notices->owner = owner;
	notices->last = &notices->first;
	pthread_mutex_init(&notices->mutex, NULL);
	pthread_cond_init(&notices->more, NULL);
	error = pthread_create(&notices->thread, NULL, thread_main, notices);
	if (error) {
		free(notices);
		return -error;
	}
	*result = notices;
	return 0;
}

int notices_add(struct notices *notices, uint8_t *message, size_t length)
{
	struct notice *notice = calloc(1, sizeof(*notice));
	bool is_full;

	if (!notice) {
		free(message);
		return -ENOBUFS;
	}
	notice->message = message;
	notice->length = length;
	pthread_mutex_lock(&notices->mutex);
	is_full = notices->count >= SHARE_NOTIFY_MAX;
	if (!is_full) {
		*notices->last = notice;
		notices->last = &notice->next;
		notices->count++;
		pthread_cond_signal(&notices->more);
	}
	pthread_mutex_unlock(&notices->mutex);
	if (!is_full)
		return 0;
	free(message);
	free(notice);
	return -ENOBUFS;
}

uint64_t notices_carried(struct notices *notices)
{
	uint64_t carried;

	pthread_mutex_lock(&notices->mutex);
	carried = notices->carried;
	pthread_mutex_unlock(&notices->mutex);
	return carried;
}

void notices_free(struct notices *notices)
{
	struct notice *next;

	if (!notices)
		return;
	pthread_mutex_lock(&notices->mutex);
	notices->ending = true;
	pthread_cond_signal(&notices->more);
	pthread_mutex_unlock(&notices->mutex);
	pthread_join(notices->thread, NULL);
	for (struct notice *notice = notices->first; notice; notice = next) {
		next = notice->next;
		free(notice->message);
		free(notice);
	}
	pthread_cond_destroy(&notices->more);
	pthread_mutex_destroy(&notices->mutex);
	free(notices);
}
