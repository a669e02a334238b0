/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and pointers, for the device that lodge-vmm has for each. */
#include "host/screen/source/vmm_internal.h"

/* The guest repeats keys itself. */
void vmm_key(struct source *source, uint32_t code, bool down)
{
	struct vmm_source *vmm = vmm_of(source);
	union packet packet = {.key = {.kind = CHANNEL_KEY, .code = code, .down = down}};
	uint64_t bit = 1ULL << code % 64;

	if (((vmm->held[code / 64] & bit) != 0) == down)
		return;
	vmm->held[code / 64] ^= bit;
	vmm_send(vmm, &packet);
}

void vmm_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		 const struct rectangle *at)
{
	union packet packet = {.pointer = {.kind = CHANNEL_POINTER, .x = x, .y = y}};

	(void)head;
	(void)at;
	vmm_send(vmm_of(source), &packet);
}

void vmm_motion(struct source *source, int32_t dx, int32_t dy)
{
	union packet packet = {.motion = {.kind = CHANNEL_MOTION, .dx = dx, .dy = dy}};

	vmm_send(vmm_of(source), &packet);
}

void vmm_button(struct source *source, uint32_t code, bool down)
{
	union packet packet = {.key = {.kind = CHANNEL_BUTTON, .code = code, .down = down}};

	vmm_send(vmm_of(source), &packet);
}

void vmm_wheel(struct source *source, int32_t dx, int32_t dy)
{
	union packet packet = {.motion = {.kind = CHANNEL_WHEEL, .dx = dx, .dy = dy}};

	vmm_send(vmm_of(source), &packet);
}
