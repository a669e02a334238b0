/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmm_internal - what the files of lodge-vmm's source share
 *
 * vmm.c holds the channel, vmm_picture.c copies what the area shows, vmm_input.c presses and
 * points. Nobody else includes this.
 */
#ifndef LODGE_SCREEN_SOURCE_VMM_INTERNAL_H
#define LODGE_SCREEN_SOURCE_VMM_INTERNAL_H

#include "host/screen/source/area.h"
#include "host/screen/source/packet_queue.h"
#include "host/screen/source/vmm.h"
#include "protocol/base/bytes.h"

struct vmm_head {
	struct surface surface;
	struct rectangle dirty;
	bool asked; /* CHANNEL_NEXT has been sent, no damage has come */
};

struct vmm_source {
	struct source source;
	int fd;
	uv_poll_t *poll;
	uv_timer_t *pace;
	struct area area;
	unsigned int heads; /* 0: before HELLO */
	bool watching, sending, ended;
	struct vmm_head head[CHANNEL_MAX_HEADS];
	uint64_t held[VIEWER_KEYS / 64];
	struct packet_queue queue;
};

static inline struct vmm_source *vmm_of(struct source *source)
{
	return CONTAINER_OF(source, struct vmm_source, source);
}

void vmm_send(struct vmm_source *vmm, const union packet *packet);
void vmm_end(struct vmm_source *vmm, int error);

/* --- vmm_picture.c -------------------------------------------------------------------------- */

/* What the area says of a head now. 0 or negative errno. */
int vmm_read_scanout(struct vmm_source *vmm, unsigned int head);
void vmm_read_cursor(struct vmm_source *vmm, unsigned int head);
void vmm_add_dirty(struct vmm_head *head, const struct rectangle *more);
/* Damage of @head is welcome, if somebody watches. */
void vmm_ask(struct vmm_source *vmm, unsigned int head);
/* Copies what is dirty, now or when the pace allows. */
void vmm_show(struct vmm_source *vmm);
void vmm_watch(struct source *source, bool watching);

/* --- vmm_input.c: operations of the source -------------------------------------------------- */

void vmm_key(struct source *source, uint32_t code, bool down);
void vmm_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		 const struct rectangle *at);
void vmm_motion(struct source *source, int32_t dx, int32_t dy);
void vmm_button(struct source *source, uint32_t code, bool down);
void vmm_wheel(struct source *source, int32_t dx, int32_t dy);

#endif
