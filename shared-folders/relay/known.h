/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * known - what a kernel need not ask the server for
 *
 * Some of what a kernel asks has been answered already: by a message ahead (fuse/ahead.h), or a
 * moment ago (that there is no such name: whoever creates with O_EXCL asks twice). Such requests
 * are answered here, as the server would, and only while that is certain:
 *
 * - attributes came with the reply to a request during which nothing else was changed, and since
 *   then no request was sent that changes them, and no notification has come;
 * - so did the absence of a name; its answer is repeated to the same user only;
 * - all of this for a tenth of a second at most, since the server does not see all changes;
 * - the close of a file that has nothing to say is told to nobody unless its owner may have locks
 *   (which is remembered by a hash: it may seem so of others).
 *
 * Nothing here is more than a kernel could have believed by itself: it asks because it does not
 * know that its own change was the only one. A hostile server gains nothing: what it says ahead is
 * checked as its replies are when it is used. All of it has a fixed size.
 */
#ifndef LODGE_SHARED_FOLDERS_KNOWN_H
#define LODGE_SHARED_FOLDERS_KNOWN_H

#include "shared-folders/fuse/ahead.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNOWN_MS 100

#define KNOWN_ATTRIBUTES 8
#define KNOWN_ABSENCES	 8
#define KNOWN_NEW	 16
#define KNOWN_HANDLES	 256
#define KNOWN_OWNER_BITS 16

struct known_attributes {
	uint64_t node, until_ms; /* node 0: none */
	struct fuse_attr_out out;
};

struct known_absence {
	uint64_t folder, until_ms; /* folder 0: none */
	uint32_t uid, gid;
	char name[NAME_MAX + 1];
	struct fuse_entry_out out;
};

struct known_file {
	uint64_t node, until_ms;
};

struct known_handle {
	uint64_t node, handle;
};

struct known {
	struct known_attributes attributes[KNOWN_ATTRIBUTES];
	struct known_absence absences[KNOWN_ABSENCES];
	struct known_file new[KNOWN_NEW];
	struct known_handle handles[KNOWN_HANDLES]; /* by their hash */
	uint8_t owners[(1U << KNOWN_OWNER_BITS) / 8];
	unsigned int next_attributes, next_absence, next_new;
	bool has_capabilities; /* the server can tell whether a file has any */
	uint64_t alone;	       /* the last change, if nothing else was under way; 0: none */
	uint64_t turn;	       /* counts what may have changed names */
};

/* Requests that change something, and what. */
enum known_effect { KNOWN_NOTHING, KNOWN_FILE, KNOWN_ANYTHING };

enum known_effect known_effect(const void *request, size_t length);

/**
 * known_answer() - in the server's place
 * @reply:	room for a fuse_out_header and a fuse_entry_out
 *
 * Return: length of the reply; 0: the server is to be asked.
 */
size_t known_answer(const struct known *known, const void *request, size_t length, uint64_t now_ms,
		    void *reply);

/**
 * known_asked() - this is about to be sent to the server
 * @changing:	so many requests that change something have no answer yet
 *
 * Return: for known_replied(); 0: its reply is not to be remembered.
 */
uint64_t known_asked(struct known *known, const void *request, size_t length, size_t changing);

/* The server's reply, checked. @turn: what known_asked() returned */
void known_replied(struct known *known, const void *request, size_t length, uint64_t turn,
		   const void *reply, size_t reply_length, uint64_t now_ms);

/* What the server says ahead. */
void known_told(struct known *known, const struct fuse_ahead *ahead, uint64_t now_ms);

/* Somebody else has changed something, or the server was out of reach. */
void known_doubt(struct known *known);

/* Another server, or the same one begins anew: it has no locks, and other handles. */
void known_forget(struct known *known);

#endif
