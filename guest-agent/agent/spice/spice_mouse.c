/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_mouse: QEMU's server gives a client's mouse to the agent as soon as there is one, and to no
 * device of the machine's any more. So it becomes a device here (drivers/pointer).
 */
#include "guest-agent/agent/spice/spice_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>

static const struct {
	uint32_t theirs, ours;
} buttons[] = {
	{SPICE_BUTTON_LEFT, POINTER_LEFT},
	{SPICE_BUTTON_MIDDLE, POINTER_MIDDLE},
	{SPICE_BUTTON_RIGHT, POINTER_RIGHT},
	{SPICE_BUTTON_SIDE, POINTER_SIDE},
	{SPICE_BUTTON_EXTRA, POINTER_EXTRA},
	{SPICE_BUTTON_WHEEL_UP, POINTER_WHEEL_UP},
	{SPICE_BUTTON_WHEEL_DOWN, POINTER_WHEEL_DOWN},
};

void spice_mouse_begin(struct spice *spice)
{
	int error;

	if (!(spice->theirs & SPICE_CAP(MOUSE_STATE)) || spice->pointer ||
	    !port_is_virtio(spice->port))
		return;
	error = pointer_new("Lodge SPICE pointer", &spice->pointer);
	if (error)
		log_warning("the SPICE client cannot move the pointer: uinput: %s",
			    error_text(error));
}

/* One axis, in thousandths of what positions count. */
struct span {
	int64_t start, end;
};

static void extend(struct span *span, int32_t position, uint32_t pixels, uint32_t scale, bool first)
{
	const int64_t start = (int64_t)position * 1000;
	const int64_t end = start + (int64_t)pixels * 1000 * 1000 / scale;

	span->start = first ? start : MIN(span->start, start);
	span->end = first ? end : MAX(span->end, end);
}

static uint32_t scale_of(const struct spice_layout *layout, const struct head *head)
{
	return head->scale_milli && !layout->pixels ? head->scale_milli : 1000;
}

/* The middle of the pixel, so that whoever rounds comes back to it. */
static uint32_t place(const struct span *span, int32_t position, uint32_t pixel, uint32_t scale)
{
	const int64_t at = (int64_t)position * 1000 - span->start +
			   (2 * (int64_t)pixel + 1) * 500 * 1000 / scale;
	const int64_t size = span->end - span->start;

	return size > 0 ? (uint32_t)MIN(MAX(at, 0) * POINTER_RANGE / size, POINTER_RANGE - 1) : 0;
}

void spice_mouse_place(const struct spice_layout *layout, const struct spice_mouse *mouse,
		       struct pointer_state *state)
{
	struct span across = {0}, down = {0};
	const struct head *on = NULL;
	bool first = true;

	for (size_t i = 0; i < layout->heads.count; i++) {
		const struct head *head = &layout->heads.heads[i];
		const uint32_t scale = scale_of(layout, head);

		if (!head->enabled)
			continue;
		extend(&across, head->x, head->width, scale, first);
		extend(&down, head->y, head->height, scale, first);
		if (first || head->head == mouse->screen)
			on = head;
		first = false;
	}
	if (on) {
		const uint32_t scale = scale_of(layout, on);

		state->x = place(&across, on->x, MIN(mouse->x, on->width), scale);
		state->y = place(&down, on->y, MIN(mouse->y, on->height), scale);
	}
	state->buttons = 0;
	for (size_t i = 0; i < ARRAY_SIZE(buttons); i++) {
		if (mouse->buttons & buttons[i].theirs)
			state->buttons |= buttons[i].ours;
	}
}

static void point(struct spice *spice)
{
	spice_mouse_place(spice_monitors_layout(spice), &spice->mouse, &spice->pointed);
	pointer_set(spice->pointer, &spice->pointed);
}

void spice_mouse_message(struct spice *spice, struct slice payload)
{
	if (!spice->pointer || spice_mouse_parse(payload, &spice->mouse) < 0)
		return;
	spice->mouse_said = true;
	point(spice);
}

void spice_mouse_again(struct spice *spice)
{
	if (spice->pointer && spice->mouse_said)
		point(spice);
}
