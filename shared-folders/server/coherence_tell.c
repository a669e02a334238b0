/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the peer is told: FUSE's notifications for its kernel (fs/fuse/inode.c and dir.c of Linux,
 * fuse_reverse_inval_*), and our own for its echo, which always come after those.
 */
#include "shared-folders/server/coherence_internal.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "shared-folders/server/inode.h"

static int send(struct coherence *coherence, int code, struct iovec *message, size_t count)
{
	const struct server_options *options = &coherence->server->options;
	struct fuse_out_header header = {.len = sizeof(header), .error = code};

	for (size_t i = 1; i < count; i++)
		header.len += (uint32_t)message[i].iov_len;
	message[0] = (struct iovec){&header, sizeof(header)};
	return options->notify(options->notify_owner, message, count);
}

/* @length: of the path, with its zero byte; 0: the peer has no such path, and believes in none. */
static int send_look(struct coherence *coherence, enum server_change_kind kind, const char *path,
		     size_t length)
{
	struct server_change change = {.kind = htole32(kind)};
	struct iovec message[4] = {
		[1] = {&change, sizeof(change)},
		[2] = {(void *)path, length},
		[3] = {"", 1},
	};

	return length ? send(coherence, SERVER_NOTIFY_CHANGE, message, 4) : 0;
}

static int look_at_name(struct coherence *coherence, uint64_t folder, const char *name)
{
	char path[PATH_MAX];

	return send_look(coherence, SERVER_CHANGE_LOOK_NAME, path,
			 coherence_path(coherence->server, folder, name, path));
}

static int look_at_file(struct coherence *coherence, uint64_t node)
{
	struct inode *inode;
	char path[PATH_MAX];
	int ret;

	if (inode_get(coherence->server, node, &inode) < 0)
		return 0;
	ret = inode_path(coherence->server, inode, path, sizeof(path));
	inode_put(coherence->server, inode);
	return ret < 0 ? 0 : send_look(coherence, SERVER_CHANGE_LOOK_FILE, path, strlen(path) + 1);
}

static int send_name(struct coherence *coherence, uint64_t folder, const char *name, uint32_t flags)
{
	struct fuse_notify_inval_entry_out out = {
		.parent = folder, .namelen = (uint32_t)strlen(name), .flags = flags};
	struct iovec message[3] = {
		[1] = {&out, sizeof(out)},
		[2] = {(void *)name, out.namelen + 1},
	};

	if (coherence->server->options.looks)
		return look_at_name(coherence, folder, name);
	return send(coherence, FUSE_NOTIFY_INVAL_ENTRY, message, 3);
}

static int send_file(struct coherence *coherence, uint64_t node, bool contents)
{
	struct fuse_notify_inval_inode_out out = {.ino = node, .off = contents ? 0 : -1};
	struct iovec message[2] = {[1] = {&out, sizeof(out)}};

	if (coherence->server->options.looks)
		return look_at_file(coherence, node);
	return send(coherence, FUSE_NOTIFY_INVAL_INODE, message, 2);
}

static int send_echo(struct coherence *coherence, const struct waiting_echo *echo)
{
	struct server_change change = {
		.kind = htole32(echo->change.kind),
		.mode = htole32(echo->change.type),
	};
	struct iovec message[3] = {
		[1] = {&change, sizeof(change)},
		[2] = {(void *)echo->paths, echo->length},
	};
	uint64_t id = changes_add(coherence->changes, &echo->change, coherence_now_ms());
	int ret;

	if (!id)
		return 0;
	change.id = htole64(id);
	ret = send(coherence, SERVER_NOTIFY_CHANGE, message, 3);
	if (ret < 0)
		changes_withdraw(coherence->changes, id);
	return ret;
}

/* When what waits has been told: until then the table of inodes keeps the names that it has, which
 * are those that the peer believes. */
void coherence_forget_all(struct coherence *coherence)
{
	coherence->notices.all = true;
}

/* Return: false: it has to be told later. */
static bool tell_first(struct coherence *coherence)
{
	const struct notice *notice = coherence->notices.first;
	int ret = notice->kind == NOTICE_NAME
			  ? send_name(coherence, notice->node, notice->name, 0)
			  : send_file(coherence, notice->node, notice->kind == NOTICE_DATA);

	if (ret == -ENOBUFS)
		return false;
	notice_queue_drop_first(&coherence->notices);
	return true;
}

/* Its name and its file. The peer need not drop a name to ask for it again, where it knows that. */
static int forget_one(struct coherence *coherence, struct inode *inode)
{
	struct server *server = coherence->server;
	uint32_t flags = atomic_load(&server->flags) & FUSE_HAS_EXPIRE_ONLY ? FUSE_EXPIRE_ONLY : 0;
	char name[NAME_MAX + 1];
	uint64_t parent = inode_place(server, inode, name);
	int ret = parent ? send_name(coherence, parent, name, flags) : 0;

	return ret == -ENOBUFS ? ret : send_file(coherence, inode->id, true);
}

/* Return: whether all are done. */
static bool forget_absent(struct coherence *coherence)
{
	for (;;) {
		if (!coherence->has_untold &&
		    !absent_take(coherence->absent, &coherence->untold_folder, coherence->untold))
			return true;
		coherence->has_untold = true;
		if (send_name(coherence, coherence->untold_folder, coherence->untold, 0) ==
		    -ENOBUFS)
			return false;
		coherence->has_untold = false;
	}
}

static bool forget_some(struct coherence *coherence)
{
	struct server *server = coherence->server;
	struct inode *inode;

	if (!forget_absent(coherence))
		return false;
	for (;;) {
		uint32_t at = coherence->all_at;
		int ret;

		inode = inode_next(server, &coherence->all_at);
		if (!inode)
			return true;
		ret = forget_one(coherence, inode);
		inode_put(server, inode);
		if (ret == -ENOBUFS) {
			coherence->all_at = at;
			return false;
		}
	}
}

static bool tell_notices(struct coherence *coherence)
{
	struct notice_queue *notices = &coherence->notices;

	while (notices->first)
		if (!tell_first(coherence))
			return false;
	if (notices->all) {
		/* What happens from here on is told on its own again. */
		notices->all = false;
		coherence->forgetting = true;
		coherence->all_at = 0;
	}
	if (coherence->forgetting && !forget_some(coherence))
		return false;
	coherence->forgetting = false;
	return true;
}

static bool tell_echoes(struct coherence *coherence)
{
	struct waiting_echo *echo;

	while ((echo = coherence->first_echo)) {
		if (changes_count(coherence->changes, coherence_now_ms()) >=
			    COHERENCE_ECHO_WINDOW ||
		    send_echo(coherence, echo) == -ENOBUFS)
			return false;
		coherence->first_echo = echo->next;
		if (!coherence->first_echo)
			coherence->last_echo = &coherence->first_echo;
		coherence->echo_count--;
		free(echo);
	}
	return true;
}

bool coherence_tell(struct coherence *coherence)
{
	struct server *server = coherence->server;

	if (!atomic_load(&server->begun) || !coherence_has_listener(coherence))
		return false;
	atomic_store(&server->behind,
		     coherence->notices.all || coherence->forgetting || coherence->notices.first);
	if (!tell_notices(coherence))
		return true;
	atomic_store(&server->behind, false);
	return !tell_echoes(coherence);
}
