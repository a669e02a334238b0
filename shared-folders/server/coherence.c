/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/coherence_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "protocol/base/log.h"
#include "shared-folders/server/inode.h"

/* When notices were refused, and how long events are let gather. */
#define AGAIN_MS  20
#define GATHER_MS 2

/* So many marks may be left behind before all are taken back at once. */
#define LEAKED_MAX 8192

uint64_t coherence_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- The thread ------------------------------------------------------------------------------ */

/* No folder is watched any more, but the root: marks that nobody could take back are gone. */
static void start_over(struct coherence *coherence)
{
	struct server *server = coherence->server;
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	for (uint32_t index = 0; (inode = id_table_next(&server->inodes, &index));) {
		atomic_store(&inode->watched, false);
		inode->unwatched_once = true;
	}
	pthread_mutex_unlock(&server->lock);
	atomic_store(&coherence->leaked, 0);
	watch_forget_all(coherence->watch);
	coherence_watch(server, server->root, server->root->descriptor);
	coherence_forget_all(coherence);
}

/* What the peer believes since the last looker went, it is to look at when there is one again. */
static void look_anew(struct coherence *coherence)
{
	struct server *server = coherence->server;

	coherence_drop_waiting(coherence);
	notice_queue_clear(&coherence->notices);
	coherence->forgetting = false;
	start_over(coherence);
	atomic_store(&server->behind, false);
	if (!atomic_load(&coherence->has_looker))
		return;
	server_set_coherent(server, true);
	/* It may just have gone: who says so says first that there is none. */
	if (!atomic_load(&coherence->has_looker))
		server_set_coherent(server, false);
	coherence_watch(server, server->root, server->root->descriptor);
}

static int timeout_of(const struct coherence *coherence, bool is_left)
{
	if (is_left)
		return AGAIN_MS;
	return coherence->doubt_count ? COHERENCE_DOUBT_MS / 2 : -1;
}

static void *run(void *owner)
{
	struct coherence *coherence = owner;
	struct pollfd wait[] = {
		{.fd = watch_descriptor(coherence->watch), .events = POLLIN},
		{.fd = coherence->wake, .events = POLLIN},
	};
	bool is_left = false;
	uint64_t count;

	while (!atomic_load(&coherence->ending)) {
		if (poll(wait, 2, timeout_of(coherence, is_left)) < 0 && errno != EINTR)
			break;
		if (wait[1].revents & POLLIN && read(coherence->wake, &count, sizeof(count)) < 0)
			continue;
		if (atomic_exchange(&coherence->anew, false))
			coherence_drop_waiting(coherence);
		if (atomic_exchange(&coherence->look_anew, false))
			look_anew(coherence);
		if (wait[0].revents && watch_read(coherence->watch, coherence_event, coherence) < 0)
			coherence_forget_all(coherence);
		coherence_doubts(coherence, coherence_now_ms());
		coherence_note_acted(coherence);
		if (atomic_load(&coherence->leaked) > LEAKED_MAX)
			start_over(coherence);
		is_left = coherence_tell(coherence);
		/* Writes in a row become one event meanwhile. */
		if (wait[0].revents)
			poll(&wait[1], 1, GATHER_MS);
	}
	return NULL;
}

static int start_thread(struct coherence *coherence)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&coherence->thread, NULL, run, coherence);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

/* --- Life ------------------------------------------------------------------------------------ */

static int coherence_new(struct server *server, struct coherence **result)
{
	struct coherence *coherence = calloc(1, sizeof(*coherence));
	int ret = -ENOMEM;

	if (!coherence)
		return -ENOMEM;
	coherence->server = server;
	notice_queue_init(&coherence->notices);
	coherence->last_echo = &coherence->first_echo;
	coherence->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	coherence->changes = changes_new();
	coherence->absent = absent_new();
	coherence->acted = absent_new();
	if (coherence->wake < 0 || !coherence->changes || !coherence->absent || !coherence->acted)
		goto fail;
	ret = watch_new(server->watch, server->root->descriptor, server->proc,
			COHERENCE_WATCH_LIMIT, &coherence->watch);
	if (ret < 0)
		goto fail;
	ret = start_thread(coherence);
	if (ret < 0)
		goto fail;
	*result = coherence;
	return 0;
fail:
	watch_free(coherence->watch);
	changes_free(coherence->changes);
	absent_free(coherence->absent);
	absent_free(coherence->acted);
	if (coherence->wake >= 0)
		close(coherence->wake);
	free(coherence);
	return ret;
}

static void wake(struct coherence *coherence)
{
	uint64_t one = 1;

	/* Full is awake enough. */
	if (write(coherence->wake, &one, sizeof(one)) < 0)
		return;
}

/* One for all sessions, however many begin at once. NULL: there is none, nor will be now. */
static struct coherence *coherence_made(struct server *server)
{
	struct coherence *coherence;
	int ret = 0;

	pthread_mutex_lock(&server->beginning);
	coherence = server->coherence;
	if (!coherence) {
		ret = coherence_new(server, &coherence);
		server->coherence = coherence;
	}
	pthread_mutex_unlock(&server->beginning);
	if (ret < 0)
		log_warning("cannot watch the folder: %s; changes show after a second",
			    error_text(ret));
	return coherence;
}

void coherence_begin(struct server *server)
{
	struct coherence *coherence;

	if (server->options.cache != SERVER_CACHE_AUTO || !server->options.notify)
		return;
	coherence = coherence_made(server);
	if (!coherence || server->options.looks)
		return;
	coherence_watch(server, server->root, server->root->descriptor);
	server_set_coherent(server, atomic_load(&server->root->watched));
	wake(coherence);
}

static void drop_looker(struct server *server, struct coherence *coherence)
{
	if (!atomic_exchange(&coherence->has_looker, false))
		return;
	atomic_store(&server->echo_until_ms, coherence_now_ms() + LOOKER_KEPT_MS);
	server_set_coherent(server, false);
	atomic_store(&coherence->look_anew, true);
}

void coherence_end(struct server *server)
{
	struct coherence *coherence = server->coherence;

	if (!coherence)
		return;
	changes_clear(coherence->changes);
	atomic_store(&coherence->anew, true);
	if (server->options.looks)
		drop_looker(server, coherence);
	wake(coherence);
}

void coherence_free(struct server *server)
{
	struct coherence *coherence = server->coherence;

	if (!coherence)
		return;
	atomic_store(&coherence->ending, true);
	wake(coherence);
	pthread_join(coherence->thread, NULL);
	server->coherence = NULL;
	coherence_drop_waiting(coherence);
	watch_free(coherence->watch);
	changes_free(coherence->changes);
	absent_free(coherence->absent);
	absent_free(coherence->acted);
	close(coherence->wake);
	free(coherence);
}

/* --- Folders --------------------------------------------------------------------------------- */

void coherence_watch(struct server *server, struct inode *folder, int descriptor)
{
	struct coherence *coherence = server->coherence;

	if (!coherence || folder->type != S_IFDIR || atomic_load(&folder->watched))
		return;
	/* Events that nobody is told of would be work in vain. */
	if (server->options.looks && !atomic_load(&server->coherent))
		return;
	if (watch_directory(coherence->watch, folder->id, descriptor) >= 0)
		atomic_store(&folder->watched, true);
}

void coherence_forget(struct server *server, uint64_t node, int descriptor)
{
	struct coherence *coherence = server->coherence;

	if (!coherence)
		return;
	watch_forget(coherence->watch, node, descriptor);
	if (descriptor < 0 && watch_method(coherence->watch) == WATCH_FANOTIFY)
		atomic_fetch_add(&coherence->leaked, 1);
}

bool coherence_absent(struct server *server, uint64_t folder, const char *name, uint64_t seconds)
{
	uint64_t now_ms = coherence_now_ms();

	/* The peer counts from when it gets the answer. */
	return server->coherence && absent_add(server->coherence->absent, folder, name, now_ms,
					       now_ms + (seconds + 1) * 1000);
}

/* --- Own changes, and the echo's ------------------------------------------------------------- */

void coherence_note(struct task *task)
{
	struct coherence *coherence = task->server->coherence;
	const struct fuse_request *in = &task->in;
	uint64_t now_ms, node = in->header.nodeid;

	if (!coherence)
		return;
	now_ms = coherence_now_ms();
	switch (in->header.opcode) {
	case FUSE_RENAME:
	case FUSE_RENAME2:
		own_did(&coherence->own, in->rename2.newdir, in->second, now_ms);
		own_did(&coherence->own, node, in->name, now_ms);
		break;
	case FUSE_LINK:
		own_did(&coherence->own, in->link.oldnodeid, NULL, now_ms);
		own_did(&coherence->own, node, in->name, now_ms);
		break;
	case FUSE_CREATE:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_SYMLINK:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		own_did(&coherence->own, node, in->name, now_ms);
		break;
	case FUSE_COPY_FILE_RANGE:
		own_did(&coherence->own, in->copy.nodeid_out, NULL, now_ms);
		break;
	case FUSE_OPEN:
	case FUSE_WRITE:
	case FUSE_SETATTR:
	case FUSE_FALLOCATE:
	case FUSE_SETXATTR:
	case FUSE_REMOVEXATTR:
	case FUSE_RELEASE:
	case FUSE_SETUPMAPPING:
		own_did(&coherence->own, node, NULL, now_ms);
		break;
	default:
		break;
	}
}

void coherence_set_echo(struct server *server, uint32_t pid, uint64_t id)
{
	bool is_another = atomic_exchange(&server->echo, pid) != pid;

	if (!server->coherence)
		return;
	if (is_another)
		changes_clear(server->coherence->changes);
	changes_finished(server->coherence->changes, id);
	wake(server->coherence);
}

bool coherence_is_echo(struct server *server, uint32_t pid)
{
	return pid && server->coherence && atomic_load(&server->echo) == pid &&
	       (!server->options.looks || coherence_now_ms() < atomic_load(&server->echo_until_ms));
}

int server_set_looker(struct server *server, uint32_t pid)
{
	/* Before there was a session, there may be no coherence, or one that is being made. */
	bool has_begun = atomic_load(&server->begun);
	struct coherence *coherence = has_begun ? server->coherence : NULL;

	if (!coherence || !server->options.looks)
		return -EAGAIN;
	if (!pid) {
		drop_looker(server, coherence);
		wake(coherence);
		return 0;
	}
	server_set_coherent(server, false);
	atomic_store(&server->echo_until_ms, UINT64_MAX);
	atomic_store(&server->echo, pid);
	changes_clear(coherence->changes);
	atomic_store(&coherence->has_looker, true);
	atomic_store(&coherence->look_anew, true);
	wake(coherence);
	return 0;
}

void server_looker_done(struct server *server, uint64_t id)
{
	struct coherence *coherence = atomic_load(&server->begun) ? server->coherence : NULL;

	if (!coherence)
		return;
	changes_finished(coherence->changes, id);
	wake(coherence);
}

bool coherence_acted(struct server *server, uint64_t folder, const char *name)
{
	struct coherence *coherence = server->coherence;

	if (!absent_add(coherence->acted, folder, name, 0, UINT64_MAX))
		return false;
	wake(coherence);
	return true;
}

struct changes *coherence_changes(struct server *server)
{
	return server->coherence->changes;
}
