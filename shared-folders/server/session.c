/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The session with one peer: what is agreed on when it begins, what ends with it. */
#include "protocol/base/bytes.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/handle.h"
#include "shared-folders/server/inode.h"
#include "shared-folders/server/internal.h"
#include "shared-folders/server/lock.h"

#include <errno.h>
#include <unistd.h>

/* The first minor version whose messages have the lengths that we know. */
#define OLDEST_MINOR 31

/* Requests that the peer's kernel sends ahead (read-ahead, write-back) before it waits. */
#define MAX_BACKGROUND 128

/* Offsets of mappings are multiples of this, as a power of two: pages of 4 KiB. */
#define MAP_ALIGNMENT 12

/* For ever, as far as a kernel is concerned: a day. */
#define LONG_SECONDS 86400

static bool trusts(struct server *server)
{
	return server->options.cache == SERVER_CACHE_ALWAYS ||
	       (server->options.cache == SERVER_CACHE_AUTO && atomic_load(&server->coherent));
}

struct validity server_validity(struct server *server, bool told)
{
	switch (server->options.cache) {
	case SERVER_CACHE_ALWAYS:
		return (struct validity){.seconds = LONG_SECONDS};
	case SERVER_CACHE_AUTO:
		if (atomic_load(&server->behind))
			return (struct validity){0};
		if (!told)
			return (struct validity){.seconds = 1};
		return (struct validity){.seconds = server->options.looks ? LOOKED_SECONDS
									  : TOLD_SECONDS};
	default:
		return (struct validity){0};
	}
}

static bool may_keep(struct server *server, uint64_t node)
{
	return server->options.cache == SERVER_CACHE_ALWAYS ||
	       (server->options.cache == SERVER_CACHE_AUTO && inode_may_keep(server, node));
}

uint32_t server_folder_flags(struct server *server, struct inode *folder)
{
	/* A listing that is only made to be looked at again is dropped if the folder's time has
	 * changed; two changes may have the same. */
	if (may_keep(server, folder->id) && !server->options.looks)
		return FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR;
	return server->options.cache == SERVER_CACHE_AUTO ? listing_open(server, folder) : 0;
}

uint32_t server_open_flags(struct server *server, uint64_t node)
{
	uint64_t agreed = atomic_load(&server->flags);
	uint32_t flags = 0;

	if (may_keep(server, node))
		flags |= FOPEN_KEEP_CACHE;
	if (server->options.cache == SERVER_CACHE_NEVER)
		flags |= FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
	/* Only locks and data that were held back have to be told of a close. */
	if (!(agreed & (FUSE_POSIX_LOCKS | FUSE_WRITEBACK_CACHE)))
		flags |= FOPEN_NOFLUSH;
	return flags;
}

void server_set_coherent(struct server *server, bool coherent)
{
	atomic_store(&server->coherent, coherent);
}

void server_set_crowded(struct server *server)
{
	atomic_store(&server->crowded, true);
}

void server_withdraw(struct server *server)
{
	atomic_store(&server->withdrawn, true);
	session_end(server);
}

/* What we can do, of what the peer can. */
static uint64_t agree(struct server *server, uint64_t peer)
{
	const struct server_options *options = &server->options;
	uint64_t ours = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS |
			FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | FUSE_MAX_PAGES |
			FUSE_ASYNC_DIO | FUSE_ATOMIC_O_TRUNC | FUSE_HANDLE_KILLPRIV_V2 |
			FUSE_INIT_EXT | FUSE_DIRECT_IO_ALLOW_MMAP;

	if (options->cache != SERVER_CACHE_NEVER)
		ours |= FUSE_CACHE_SYMLINKS;
	/* Who is told of changes keeps listings, and then need not even open folders. */
	if (options->cache == SERVER_CACHE_ALWAYS ||
	    (options->cache == SERVER_CACHE_AUTO && atomic_load(&server->coherent)))
		ours |= FUSE_NO_OPENDIR_SUPPORT;
	/* Who is told of each change need not guess from times and sizes. */
	ours |= trusts(server) ? FUSE_EXPLICIT_INVAL_DATA : FUSE_AUTO_INVAL_DATA;
	if (options->cache == SERVER_CACHE_AUTO)
		ours |= FUSE_HAS_EXPIRE_ONLY;
	if (options->writeback && options->cache != SERVER_CACHE_NEVER)
		ours |= FUSE_WRITEBACK_CACHE;
	if (options->posix_lock)
		ours |= FUSE_POSIX_LOCKS;
	if (options->flock)
		ours |= FUSE_FLOCK_LOCKS;
	/* Ids in lists are not translated (xattr.c). */
	if (options->acl && options->owner == SERVER_OWNER_PASS)
		ours |= FUSE_POSIX_ACL | FUSE_DONT_MASK | FUSE_SETXATTR_EXT;
	if (options->submounts)
		ours |= FUSE_SUBMOUNTS;
	if (options->window.map)
		ours |= FUSE_MAP_ALIGNMENT | FUSE_HAS_INODE_DAX;
	return ours & peer;
}

int init_op(struct task *task)
{
	struct server *server = task->server;
	const struct fuse_init_in *in = &task->in.init;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
	};
	uint64_t flags = in->flags;
	long page = sysconf(_SC_PAGESIZE);

	if (atomic_load(&server->withdrawn))
		return -EIO;
	if (in->major > FUSE_KERNEL_VERSION)
		return task_put(task, &out, sizeof(out)); /* it asks again, in our version */
	if (in->major < FUSE_KERNEL_VERSION || in->minor < OLDEST_MINOR)
		return -EPROTO;
	if (flags & FUSE_INIT_EXT)
		flags |= (uint64_t)in->flags2 << 32;
	session_end(server);
	coherence_begin(server);
	flags = agree(server, flags);
	out.minor = MIN(in->minor, (uint32_t)FUSE_KERNEL_MINOR_VERSION);
	out.max_readahead = in->max_readahead;
	out.flags = (uint32_t)flags;
	out.flags2 = (uint32_t)(flags >> 32);
	out.max_background = MAX_BACKGROUND;
	out.congestion_threshold = MAX_BACKGROUND * 3 / 4;
	out.max_write = SERVER_MAX_PAYLOAD;
	out.max_pages = (uint16_t)(SERVER_MAX_PAYLOAD / (size_t)page);
	out.time_gran = 1;
	if (flags & FUSE_MAP_ALIGNMENT)
		out.map_alignment = MAP_ALIGNMENT;
	atomic_store(&server->flags, flags);
	atomic_store(&server->begun, true);
	if (atomic_load(&server->withdrawn)) {
		session_end(server);
		return -EIO;
	}
	return task_put(task, &out, sizeof(out));
}

int destroy_op(struct task *task)
{
	if (!task->server->options.looks)
		atomic_store(&task->server->echo, 0);
	session_end(task->server);
	return 0;
}

/* --- Calls that wait ------------------------------------------------------------------------- */

/* With the lock. */
static void take(struct server *server, struct waiter *waiter)
{
	*(waiter->previous ? &waiter->previous->next : &server->waiters) = waiter->next;
	if (waiter->next)
		waiter->next->previous = waiter->previous;
	waiter->waiting = false;
}

int server_wait(struct task *task, struct waiter *waiter)
{
	struct server *server = task->server;
	int r = -EINTR;

	waiter->call = task->call;
	waiter->unique = task->in.header.unique;
	pthread_mutex_lock(&server->lock);
	if (!atomic_load(&server->begun))
		goto out;
	for (unsigned int i = 0; i < EARLY_INTERRUPTS; i++)
		if (server->interrupted[i] == waiter->unique)
			goto out;
	waiter->waiting = true;
	waiter->previous = NULL;
	waiter->next = server->waiters;
	if (waiter->next)
		waiter->next->previous = waiter;
	server->waiters = waiter;
	r = 0;
out:
	pthread_mutex_unlock(&server->lock);
	return r;
}

bool server_take(struct server *server, struct waiter *waiter)
{
	bool ours;

	pthread_mutex_lock(&server->lock);
	ours = waiter->waiting;
	if (ours)
		take(server, waiter);
	pthread_mutex_unlock(&server->lock);
	return ours;
}

int interrupt_op(struct task *task)
{
	struct server *server = task->server;
	uint64_t unique = task->in.interrupt.unique;
	struct waiter *waiter;

	pthread_mutex_lock(&server->lock);
	waiter = server->waiters;
	while (waiter && waiter->unique != unique)
		waiter = waiter->next;
	if (waiter)
		take(server, waiter);
	else
		server->interrupted[server->next_interrupted++ % EARLY_INTERRUPTS] = unique;
	pthread_mutex_unlock(&server->lock);
	if (waiter)
		waiter->cancel(server, waiter);
	return TASK_NO_REPLY;
}

void session_end(struct server *server)
{
	struct waiter *waiter;

	atomic_store(&server->begun, false);
	coherence_end(server);
	do {
		pthread_mutex_lock(&server->lock);
		waiter = server->waiters;
		if (waiter)
			take(server, waiter);
		pthread_mutex_unlock(&server->lock);
		if (waiter)
			waiter->cancel(server, waiter);
	} while (waiter);
	locks_settle(server);
	handles_close_all(server);
	directory_forget_listings(server);
	if (server->root)
		inodes_forget_all(server);
	pthread_mutex_lock(&server->lock);
	memset(server->interrupted, 0, sizeof(server->interrupted));
	pthread_mutex_unlock(&server->lock);
}
