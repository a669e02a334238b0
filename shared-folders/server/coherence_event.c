/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the watch found, as notices for the peer's kernel and changes for its echo. The table of
 * inodes learns here where files went that somebody else moved.
 */
#include "shared-folders/server/coherence_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/base/bytes.h"
#include "shared-folders/server/inode.h"

#define CONTENTS (WATCH_CREATED | WATCH_MODIFIED | WATCH_WRITTEN)

/* --- Echoes ---------------------------------------------------------------------------------- */

void coherence_drop_waiting(struct coherence *coherence)
{
	struct waiting_echo *echo;

	while ((echo = coherence->first_echo)) {
		coherence->first_echo = echo->next;
		free(echo);
	}
	coherence->last_echo = &coherence->first_echo;
	coherence->echo_count = 0;
	while (coherence->doubt_count) {
		free(coherence->doubts[coherence->first_doubt]);
		coherence->first_doubt = (coherence->first_doubt + 1) % COHERENCE_DOUBT_MAX;
		coherence->doubt_count--;
	}
	notice_queue_clear(&coherence->notices);
	coherence->forgetting = coherence->has_untold = false;
}

size_t coherence_path(struct server *server, uint64_t node, const char *name, char *path)
{
	struct inode *folder;
	size_t length = 0;
	int ret;

	if (inode_get(server, node, &folder) < 0)
		return 0;
	ret = inode_path(server, folder, path, PATH_MAX);
	inode_put(server, folder);
	if (ret < 0)
		return 0;
	length = strlen(path);
	ret = snprintf(path + length, PATH_MAX - length, "%s%s", length ? "/" : "", name);
	return ret > 0 && (size_t)ret < PATH_MAX - length ? length + (size_t)ret + 1 : 0;
}

static bool is_same(const struct change *a, const struct change *b)
{
	return a->kind == b->kind && a->directory == b->directory && strcmp(a->name, b->name) == 0;
}

/* Too many: an event is lost over there. */
static void echo_later(struct coherence *coherence, const struct change *change)
{
	char path[PATH_MAX], to_path[PATH_MAX] = "";
	size_t length, to_length = 1;
	struct waiting_echo *echo;

	if (!atomic_load(&coherence->server->echo) || coherence->echo_count >= COHERENCE_ECHO_MAX)
		return;
	if (coherence->first_echo && change->kind >= SERVER_CHANGE_MODIFY) {
		const struct waiting_echo *last =
			CONTAINER_OF(coherence->last_echo, struct waiting_echo, next);

		if (is_same(&last->change, change))
			return;
	}
	length = coherence_path(coherence->server, change->directory, change->name, path);
	if (change->kind == SERVER_CHANGE_RENAME)
		to_length = coherence_path(coherence->server, change->to_directory, change->to_name,
					   to_path);
	if (!length || !to_length)
		return;
	echo = malloc(sizeof(*echo) + length + to_length);
	if (!echo)
		return;
	*echo = (struct waiting_echo){.change = *change, .length = length + to_length};
	memcpy(echo->paths, path, length);
	memcpy(echo->paths + length, to_path, to_length);
	*coherence->last_echo = echo;
	coherence->last_echo = &echo->next;
	coherence->echo_count++;
}

/* --- Names ----------------------------------------------------------------------------------- */

/* What a name stood for, as far as the peer knows, and what it stands for now. */
struct meaning {
	struct inode *before, *now; /* with references; NULL: nothing, or nothing known */
	uint32_t type;		    /* S_IFMT bits of what is there; 0: nothing */
};

static void learn(struct coherence *coherence, uint64_t node, const char *name,
		  struct meaning *meaning)
{
	struct server *server = coherence->server;
	_cleanup_node_ struct node folder = NODE_NONE;
	struct statx stat;
	int ret;

	*meaning = (struct meaning){0};
	if (node_begin(&folder, server, node) < 0 && !folder.inode)
		return;
	/* Not while a rename of the peer is between the file system and the table. */
	pthread_rwlock_wrlock(&server->renames);
	meaning->before = inode_find_name(server, folder.inode, name);
	ret = folder.descriptor < 0 ? folder.descriptor
				    : inode_stat_child(server, folder.descriptor, name, &stat);
	if (ret == 0) {
		meaning->type = stat.stx_mode & S_IFMT;
		meaning->now = inode_find(server, &stat);
	}
	/* What the peer believes in place of this is told from the table, if it was not noted. */
	if (coherence->notices.all)
		;
	else if (meaning->now && meaning->now != meaning->before)
		inode_name_is(server, meaning->now, folder.inode, name);
	else if (!meaning->now && meaning->before)
		inode_name_gone(server, folder.inode, name);
	pthread_rwlock_unlock(&server->renames);
}

static void meaning_end(struct server *server, struct meaning *meaning)
{
	if (meaning->before)
		inode_put(server, meaning->before);
	if (meaning->now)
		inode_put(server, meaning->now);
}

static void notice_file(struct coherence *coherence, const struct inode *inode, bool contents)
{
	if (!inode)
		return;
	if (contents && coherence->server->options.looks)
		inode_drop_contents(coherence->server, inode->id);
	notice_queue_add(&coherence->notices, contents ? NOTICE_DATA : NOTICE_ATTRIBUTES, inode->id,
			 NULL);
}

/* --- Events ---------------------------------------------------------------------------------- */

static void names_changed(struct coherence *coherence, uint64_t directory, const char *name)
{
	notice_queue_add(&coherence->notices, NOTICE_NAME, directory, name);
	notice_queue_add(&coherence->notices, NOTICE_DATA, directory, NULL);
}

static void renamed(struct coherence *coherence, const struct watch_event *event, bool echoed)
{
	struct server *server = coherence->server;
	struct meaning from, to;
	struct change change = {.kind = SERVER_CHANGE_RENAME,
				.directory = event->directory,
				.to_directory = event->to_directory};

	names_changed(coherence, event->directory, event->name);
	names_changed(coherence, event->to_directory, event->to_name);
	/* Before the old name is gone, what it was is known by it. */
	learn(coherence, event->to_directory, event->to_name, &to);
	learn(coherence, event->directory, event->name, &from);
	notice_file(coherence, from.before, false);
	notice_file(coherence, from.now, true);
	notice_file(coherence, to.before, false);
	notice_file(coherence, to.now, true);
	if (echoed) {
		change.type = to.type ? to.type : event->is_dir ? S_IFDIR : S_IFREG;
		change.node = to.now ? to.now->id : from.before ? from.before->id : 0;
		snprintf(change.name, sizeof(change.name), "%s", event->name);
		snprintf(change.to_name, sizeof(change.to_name), "%s", event->to_name);
		echo_later(coherence, &change);
	}
	meaning_end(server, &from);
	meaning_end(server, &to);
}

static void echo_of(struct coherence *coherence, const struct watch_event *event,
		    const struct meaning *meaning)
{
	static const struct {
		unsigned int what;
		enum server_change_kind kind;
	} order[] = {
		{WATCH_CREATED, SERVER_CHANGE_CREATE},
		{WATCH_MODIFIED, SERVER_CHANGE_MODIFY},
		{WATCH_ATTRIBUTES, SERVER_CHANGE_ATTRIBUTES},
		{WATCH_WRITTEN, SERVER_CHANGE_WRITTEN},
		{WATCH_DELETED, SERVER_CHANGE_DELETE},
	};
	const unsigned int both = WATCH_CREATED | WATCH_DELETED;
	struct change change = {.directory = event->directory};
	unsigned int what = event->what;

	snprintf(change.name, sizeof(change.name), "%s", event->name);
	/* Merged, and there: it was replaced. */
	if ((what & both) == both && meaning->type) {
		change.kind = SERVER_CHANGE_DELETE;
		change.type = meaning->before ? meaning->before->type : meaning->type;
		echo_later(coherence, &change);
		what &= ~(unsigned int)WATCH_DELETED;
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(what & order[i].what))
			continue;
		change.kind = order[i].kind;
		change.type = meaning->type ? meaning->type : event->is_dir ? S_IFDIR : S_IFREG;
		change.node = 0;
		if (change.kind == SERVER_CHANGE_DELETE && meaning->before) {
			change.node = meaning->before->id;
			change.type = meaning->before->type;
		}
		echo_later(coherence, &change);
	}
}

static void handle(struct coherence *coherence, const struct watch_event *event, bool echoed)
{
	struct server *server = coherence->server;
	struct meaning meaning;

	if (!event->name) {
		notice_queue_add(&coherence->notices, NOTICE_ATTRIBUTES, event->directory, NULL);
		return;
	}
	if (event->what & WATCH_RENAMED) {
		renamed(coherence, event, echoed);
		return;
	}
	if (event->what & (WATCH_CREATED | WATCH_DELETED))
		names_changed(coherence, event->directory, event->name);
	else if (!event->is_dir)
		/* It waits for a lookup that is under way and has older attributes. */
		notice_queue_add(&coherence->notices, NOTICE_NAME, event->directory, event->name);
	learn(coherence, event->directory, event->name, &meaning);
	notice_file(coherence, meaning.before, event->what & CONTENTS);
	notice_file(coherence, meaning.now, event->what & CONTENTS);
	if (echoed)
		echo_of(coherence, event, &meaning);
	meaning_end(server, &meaning);
}

/* --- Whose ----------------------------------------------------------------------------------- */

enum whose { THEIRS, OURS, PERHAPS_OURS };

static enum whose whose_is(struct coherence *coherence, const struct watch_event *event)
{
	struct server *server = coherence->server;
	struct inode *folder, *file = NULL;
	uint64_t now_ms = coherence_now_ms();
	bool has;

	if (watch_method(coherence->watch) == WATCH_FANOTIFY) {
		if (!event->own)
			return THEIRS;
		if (!atomic_load(&server->crowded))
			return OURS;
	}
	if (!event->name)
		/* Of a folder's own attributes: told without doubt, it costs little. */
		return THEIRS;
	has = own_has(&coherence->own, event->directory, event->name, now_ms);
	if (!has && inode_get(server, event->directory, &folder) == 0) {
		file = inode_find_name(server, folder, event->name);
		if (file) {
			has = own_has(&coherence->own, file->id, NULL, now_ms);
			inode_put(server, file);
		}
		inode_put(server, folder);
	}
	return has ? PERHAPS_OURS : THEIRS;
}

static bool is_equal(const struct watch_event *a, const struct watch_event *b)
{
	return a->directory == b->directory && strcmp(a->name, b->name) == 0 &&
	       a->to_directory == b->to_directory &&
	       (!a->to_directory || strcmp(a->to_name, b->to_name) == 0);
}

/* Return: false: there is no room. */
static bool doubt_add(struct coherence *coherence, const struct watch_event *event)
{
	size_t last = (coherence->first_doubt + coherence->doubt_count - 1) % COHERENCE_DOUBT_MAX;
	struct doubt *doubt;

	if (coherence->doubt_count && is_equal(&coherence->doubts[last]->event, event)) {
		coherence->doubts[last]->event.what |= event->what;
		return true;
	}
	if (coherence->doubt_count == COHERENCE_DOUBT_MAX)
		return false;
	doubt = calloc(1, sizeof(*doubt));
	if (!doubt)
		return false;
	doubt->due_ms = coherence_now_ms() + COHERENCE_DOUBT_MS;
	doubt->event = *event;
	snprintf(doubt->name, sizeof(doubt->name), "%s", event->name);
	doubt->event.name = doubt->name;
	if (event->to_name) {
		snprintf(doubt->to_name, sizeof(doubt->to_name), "%s", event->to_name);
		doubt->event.to_name = doubt->to_name;
	}
	coherence->doubts[(last + 1) % COHERENCE_DOUBT_MAX] = doubt;
	coherence->doubt_count++;
	return true;
}

void coherence_doubts(struct coherence *coherence, uint64_t now_ms)
{
	while (coherence->doubt_count) {
		struct doubt *doubt = coherence->doubts[coherence->first_doubt];

		if (doubt->due_ms > now_ms)
			return;
		coherence->first_doubt = (coherence->first_doubt + 1) % COHERENCE_DOUBT_MAX;
		coherence->doubt_count--;
		handle(coherence, &doubt->event, false);
		free(doubt);
	}
}

/* Its kernel holds the folder's lock until it has moved the name, so the notice comes after that.
 */
void coherence_note_acted(struct coherence *coherence)
{
	char name[NAME_MAX + 1];
	uint64_t folder;

	/* Where they are not noted any more, they wait. */
	while (!coherence->notices.all && coherence->notices.count < NOTICE_QUEUE_MAX &&
	       absent_take(coherence->acted, &folder, name))
		notice_queue_add(&coherence->notices, NOTICE_NAME, folder, name);
}

void coherence_event(void *owner, const struct watch_event *event)
{
	struct coherence *coherence = owner;
	struct inode *folder;

	if (!atomic_load(&coherence->server->begun) || !coherence_has_listener(coherence))
		return;
	if (event->what & WATCH_LOST) {
		coherence_forget_all(coherence);
		return;
	}
	if (event->what & WATCH_GONE &&
	    inode_get(coherence->server, event->directory, &folder) == 0) {
		atomic_store(&folder->watched, false);
		inode_put(coherence->server, folder);
	}
	switch (whose_is(coherence, event)) {
	case OURS:
		return;
	case PERHAPS_OURS:
		if (doubt_add(coherence, event))
			return;
		handle(coherence, event, false);
		return;
	case THEIRS:
		handle(coherence, event, true);
		return;
	}
}
