/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_world - a screen's clipboard between two viewers and a guest that is played, over a
 * socket pair with a session at each end
 */
#ifndef LODGE_UNIT_SCREEN_CLIPBOARD_WORLD_H
#define LODGE_UNIT_SCREEN_CLIPBOARD_WORLD_H

#include "host/screen/clipboard.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/pump/pump.h"
#include "tests/unit/suite.h"

#define WAIT_MS 20000

struct end {
	struct world *world;
	struct session *session;
	struct pump *pump;
	bool established;
};

struct answer {
	bool done;
	int error;
	uint8_t *bytes;
	size_t length;
};

struct viewer_end {
	struct viewer viewer;
	struct world *world;
	unsigned int changes;
	uint64_t wanted; /* id of the last want */
	unsigned int wants;
	char type[128];
	bool answers; /* at once, with "from the viewer" */
};

struct world {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct clipboard *clipboard;
	struct end host, guest;
	struct viewer_end viewer[2];
	/* The guest. */
	bool detached; /* answers ENOTCONN to attach */
	bool silent;   /* reads are never answered */
	bool sized;    /* reads are answered by endless DATA */
	unsigned int reads, offers, attaches;
	struct stream *attach, *read;
	char offered[1024]; /* "clipboard: type type" of the host */
	uint64_t offered_serial;
	uint8_t got[64];
	size_t got_length;
	bool got_end;
	uint64_t got_number;
	const char *has; /* what a read gives */
	bool read_cancelled;
};

/* With a guest that has a clipboard; @guest_detached: and nobody for it, which it says. */
void world_new(struct world *world, bool guest_detached);
void world_free(struct world *world);
void run_until(struct world *world, bool (*condition)(const struct world *world));
/* Until all that is under way has come. */
void calm(struct world *world);
bool attached(const struct world *world);
bool detached(const struct world *world);

/* --- The guest --- */

void guest_copies_as(struct world *world, const char *selection, uint64_t serial,
		     const char *const *types, size_t count, bool secret);
#define GUEST_COPIES(world, ...)                                                                   \
	guest_copies_as(world, "clipboard", 7, (const char *const[]){__VA_ARGS__},                 \
			ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), false)
void guest_wants(struct world *world, uint64_t serial, const char *type);
/* All that it wanted. */
bool guest_got(const struct world *world);

/* --- Viewers --- */

/* Fetched by on_wanted() when somebody pastes. */
int viewer_copies(struct viewer_end *end, const char *type);
void on_wanted(struct viewer *viewer, uint64_t id, enum clipboard_selection selection,
	       const char *type);
struct clipboard_paste *paste_start(struct world *world, struct viewer_end *viewer,
				    const char *type, size_t max, struct answer *answer);
void await(struct world *world, const struct answer *answer);
struct clipboard_types seen(struct viewer_end *viewer);

void allow(struct world *world, unsigned int to_guest, unsigned int to_host);

#endif
