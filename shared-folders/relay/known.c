/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/relay/known.h"

#include "protocol/base/bytes.h"
#include "shared-folders/fuse/opcode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CAPABILITY "security.capability"

/* A request, as it is looked at here. */
struct asked {
	struct fuse_in_header header;
	const uint8_t *body;
	size_t length; /* of the body */
};

static bool take_apart(struct asked *asked, const void *request, size_t length)
{
	if (length < sizeof(asked->header))
		return false;
	memcpy(&asked->header, request, sizeof(asked->header));
	asked->body = (const uint8_t *)request + sizeof(asked->header);
	asked->length = length - sizeof(asked->header);
	return true;
}

#define ARGUMENTS(asked, to)                                                                       \
	((asked)->length >= sizeof(*(to)) && memcpy(to, (asked)->body, sizeof(*(to))))

static enum known_effect effect_of(const struct asked *asked)
{
	struct fuse_open_in open;

	switch (asked->header.opcode) {
	case FUSE_LOOKUP:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_GETATTR:
	case FUSE_STATX:
	case FUSE_ACCESS:
	case FUSE_STATFS:
	case FUSE_OPENDIR:
	case FUSE_RELEASEDIR:
	case FUSE_RELEASE:
	case FUSE_FLUSH:
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
	case FUSE_LSEEK:
	case FUSE_GETLK:
	case FUSE_SETLK:
	case FUSE_SETLKW:
	case FUSE_INTERRUPT:
		return KNOWN_NOTHING;
	case FUSE_OPEN:
		return ARGUMENTS(asked, &open) && !(open.flags & O_TRUNC) ? KNOWN_NOTHING
									  : KNOWN_FILE;
	case FUSE_READ: /* the time of access */
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
	case FUSE_READLINK:
	case FUSE_WRITE:
	case FUSE_FSYNC:
	case FUSE_SETATTR:
	case FUSE_SETXATTR:
	case FUSE_REMOVEXATTR:
	case FUSE_FALLOCATE:
		return KNOWN_FILE;
	default:
		return KNOWN_ANYTHING;
	}
}

enum known_effect known_effect(const void *request, size_t length)
{
	struct asked asked;

	return take_apart(&asked, request, length) ? effect_of(&asked) : KNOWN_ANYTHING;
}

static size_t slot_of(uint64_t handle)
{
	return (handle * 0x9e3779b97f4a7c15U) >> 32 & (KNOWN_HANDLES - 1);
}

static size_t bit_of(uint64_t owner)
{
	return (owner * 0x9e3779b97f4a7c15U) >> (64 - KNOWN_OWNER_BITS);
}

/* A name in a request ends with a zero byte. Return: NULL: it does not, or is too long. */
static const char *name_in(const struct asked *asked, size_t offset)
{
	const size_t room = asked->length > offset ? asked->length - offset : 0;
	const char *name = (const char *)asked->body + offset;

	return room > 0 && memchr(name, '\0', MIN(room, (size_t)NAME_MAX + 1)) ? name : NULL;
}

static bool is_about_capability(const struct asked *asked, size_t offset)
{
	const char *name = name_in(asked, offset);

	return name && strcmp(name, CAPABILITY) == 0;
}

/* --- Answers -------------------------------------------------------------------------------- */

static const struct known_absence *find_absence(const struct known *known,
						const struct asked *asked, uint64_t now_ms)
{
	const char *name = name_in(asked, 0);

	for (size_t i = 0; i < KNOWN_ABSENCES && name; i++) {
		const struct known_absence *absence = &known->absences[i];

		if (absence->folder && absence->folder == asked->header.nodeid &&
		    absence->until_ms >= now_ms && absence->uid == asked->header.uid &&
		    absence->gid == asked->header.gid && strcmp(absence->name, name) == 0)
			return absence;
	}
	return NULL;
}

static const struct known_attributes *find_attributes(const struct known *known, uint64_t node,
						      uint64_t now_ms)
{
	for (size_t i = 0; i < KNOWN_ATTRIBUTES; i++) {
		const struct known_attributes *attributes = &known->attributes[i];

		if (node && attributes->node == node && attributes->until_ms >= now_ms)
			return attributes;
	}
	return NULL;
}

static bool is_new(const struct known *known, uint64_t node, uint64_t now_ms)
{
	for (size_t i = 0; i < KNOWN_NEW && node; i++)
		if (known->new[i].node == node && known->new[i].until_ms >= now_ms)
			return true;
	return false;
}

/* Nobody has to know of it. */
static bool is_quiet(const struct known *known, const struct asked *asked)
{
	const struct known_handle *handle;
	struct fuse_flush_in in;
	size_t bit;

	if (!ARGUMENTS(asked, &in) || !asked->header.nodeid)
		return false;
	handle = &known->handles[slot_of(in.fh)];
	bit = bit_of(in.lock_owner);
	return handle->node == asked->header.nodeid && handle->handle == in.fh &&
	       !(known->owners[bit / 8] & 1U << bit % 8);
}

static size_t put(void *reply, const struct asked *asked, int error, const void *body, size_t size)
{
	const struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + size),
		.error = error,
		.unique = asked->header.unique,
	};

	memcpy(reply, &header, sizeof(header));
	if (size > 0)
		memcpy((uint8_t *)reply + sizeof(header), body, size);
	return header.len;
}

size_t known_answer(const struct known *known, const void *request, size_t length, uint64_t now_ms,
		    void *reply)
{
	const struct known_attributes *attributes;
	const struct known_absence *absence;
	struct asked asked;

	if (!take_apart(&asked, request, length))
		return 0;
	switch (asked.header.opcode) {
	case FUSE_LOOKUP:
		absence = find_absence(known, &asked, now_ms);
		return absence ? put(reply, &asked, 0, &absence->out, sizeof(absence->out)) : 0;
	case FUSE_GETATTR:
		attributes = find_attributes(known, asked.header.nodeid, now_ms);
		return attributes ? put(reply, &asked, 0, &attributes->out, sizeof(attributes->out))
				  : 0;
	case FUSE_GETXATTR:
		return known->has_capabilities && is_new(known, asked.header.nodeid, now_ms) &&
				       is_about_capability(&asked, sizeof(struct fuse_getxattr_in))
			       ? put(reply, &asked, -ENODATA, NULL, 0)
			       : 0;
	case FUSE_FLUSH:
		return is_quiet(known, &asked) ? put(reply, &asked, 0, NULL, 0) : 0;
	default:
		return 0;
	}
}

/* --- What is known, and no longer ------------------------------------------------------------ */

static void drop_attributes(struct known *known, enum known_effect effect, uint64_t node)
{
	for (size_t i = 0; i < KNOWN_ATTRIBUTES; i++)
		if (effect == KNOWN_ANYTHING || known->attributes[i].node == node)
			known->attributes[i].node = 0;
}

static void drop_absences(struct known *known)
{
	for (size_t i = 0; i < KNOWN_ABSENCES; i++)
		known->absences[i].folder = 0;
	known->turn++;
}

static void drop_new(struct known *known, uint64_t node)
{
	for (size_t i = 0; i < KNOWN_NEW; i++)
		if (known->new[i].node == node)
			known->new[i].node = 0;
}

static void note_owner(struct known *known, const struct asked *asked)
{
	struct fuse_lk_in in;
	size_t bit;

	if (!ARGUMENTS(asked, &in) || (in.lk_flags & FUSE_LK_FLOCK))
		return;
	bit = bit_of(in.owner);
	known->owners[bit / 8] |= (uint8_t)(1U << bit % 8);
}

static void note_release(struct known *known, const struct asked *asked)
{
	struct fuse_release_in in;

	if (ARGUMENTS(asked, &in) && known->handles[slot_of(in.fh)].handle == in.fh)
		known->handles[slot_of(in.fh)].node = 0;
}

uint64_t known_asked(struct known *known, const void *request, size_t length, size_t changing)
{
	enum known_effect effect;
	struct asked asked;

	if (!take_apart(&asked, request, length))
		return 0;
	effect = effect_of(&asked);
	if (effect != KNOWN_NOTHING) {
		drop_attributes(known, effect, asked.header.nodeid);
		known->alone = changing == 0 ? asked.header.unique : 0;
	}
	if (effect == KNOWN_ANYTHING)
		drop_absences(known);
	switch (asked.header.opcode) {
	case FUSE_SETLK:
	case FUSE_SETLKW:
		note_owner(known, &asked);
		break;
	case FUSE_RELEASE:
		note_release(known, &asked);
		break;
	case FUSE_SETXATTR:
		drop_new(known, asked.header.nodeid);
		break;
	}
	return changing == 0 ? known->turn + 1 : 0;
}

static void note_absence(struct known *known, const struct asked *asked, const uint8_t *reply,
			 uint64_t now_ms)
{
	struct known_absence *absence = &known->absences[known->next_absence % KNOWN_ABSENCES];
	const char *name = name_in(asked, 0);
	struct fuse_entry_out out;

	memcpy(&out, reply + sizeof(struct fuse_out_header), sizeof(out));
	/* Where nobody may believe it, neither do we. */
	if (!name || out.nodeid != 0 || out.entry_valid == 0)
		return;
	*absence = (struct known_absence){
		.folder = asked->header.nodeid,
		.until_ms = now_ms + KNOWN_MS,
		.uid = asked->header.uid,
		.gid = asked->header.gid,
		.out = out,
	};
	/* Not longer than the server thinks that it is believed. */
	absence->out.entry_valid--;
	memcpy(absence->name, name, strlen(name) + 1);
	known->next_absence++;
}

void known_replied(struct known *known, const void *request, size_t length, uint64_t turn,
		   const void *reply, size_t reply_length, uint64_t now_ms)
{
	struct fuse_out_header header;
	struct asked asked;

	if (!take_apart(&asked, request, length) || reply_length < sizeof(header))
		return;
	memcpy(&header, reply, sizeof(header));
	if (asked.header.opcode == FUSE_GETXATTR && header.error == -ENODATA &&
	    is_about_capability(&asked, sizeof(struct fuse_getxattr_in)))
		known->has_capabilities = true;
	if (asked.header.opcode == FUSE_LOOKUP && header.error == 0 && turn == known->turn + 1 &&
	    reply_length == sizeof(header) + sizeof(struct fuse_entry_out))
		note_absence(known, &asked, reply, now_ms);
}

void known_told(struct known *known, const struct fuse_ahead *ahead, uint64_t now_ms)
{
	const bool is_alone = known->alone && known->alone == ahead->unique;

	if (ahead->flags & FUSE_AHEAD_QUIET && ahead->file)
		known->handles[slot_of(ahead->handle)] =
			(struct known_handle){ahead->file, ahead->handle};
	if (ahead->flags & FUSE_AHEAD_NEW && is_alone)
		known->new[known->next_new++ % KNOWN_NEW] =
			(struct known_file){ahead->file, now_ms + KNOWN_MS};
	if (ahead->flags & FUSE_AHEAD_ATTRIBUTES && is_alone) {
		drop_attributes(known, KNOWN_FILE, ahead->node);
		known->attributes[known->next_attributes++ % KNOWN_ATTRIBUTES] =
			(struct known_attributes){ahead->node, now_ms + KNOWN_MS,
						  ahead->attributes};
	}
}

void known_doubt(struct known *known)
{
	drop_attributes(known, KNOWN_ANYTHING, 0);
	drop_absences(known);
	memset(known->new, 0, sizeof(known->new));
	known->alone = 0;
}

void known_forget(struct known *known)
{
	const uint64_t turn = known->turn;

	*known = (struct known){.turn = turn + 1};
}
