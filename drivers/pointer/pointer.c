/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/pointer/pointer.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define UINPUT "/dev/uinput"

static const struct {
	uint32_t button;
	uint16_t key;
} keys[] = {
	{POINTER_LEFT, BTN_LEFT}, {POINTER_MIDDLE, BTN_MIDDLE}, {POINTER_RIGHT, BTN_RIGHT},
	{POINTER_SIDE, BTN_SIDE}, {POINTER_EXTRA, BTN_EXTRA},
};

struct pointer {
	int fd;
	struct pointer_state state;
};

/* --- Events --------------------------------------------------------------------------------- */

static void add(struct input_event *events, size_t *count, uint16_t type, uint16_t code,
		int32_t value)
{
	events[(*count)++] = (struct input_event){.type = type, .code = code, .value = value};
}

size_t pointer_events(const struct pointer_state *from, const struct pointer_state *to,
		      struct input_event events[POINTER_EVENTS])
{
	const uint32_t changed = from->buttons ^ to->buttons, pressed = changed & to->buttons;
	size_t count = 0;

	if (from->x != to->x)
		add(events, &count, EV_ABS, ABS_X, (int32_t)to->x);
	if (from->y != to->y)
		add(events, &count, EV_ABS, ABS_Y, (int32_t)to->y);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (changed & keys[i].button)
			add(events, &count, EV_KEY, keys[i].key,
			    (to->buttons & keys[i].button) != 0);
	}
	if (pressed & (POINTER_WHEEL_UP | POINTER_WHEEL_DOWN))
		add(events, &count, EV_REL, REL_WHEEL, pressed & POINTER_WHEEL_UP ? 1 : -1);
	if (count)
		add(events, &count, EV_SYN, SYN_REPORT, 0);
	return count;
}

int pointer_set(struct pointer *pointer, const struct pointer_state *state)
{
	struct input_event events[POINTER_EVENTS];
	const size_t length = pointer_events(&pointer->state, state, events) * sizeof(events[0]);

	pointer->state = *state;
	if (length && write(pointer->fd, events, length) < 0)
		return -errno;
	return 0;
}

/* --- The device ----------------------------------------------------------------------------- */

static bool set_up(int fd, const char *name)
{
	struct uinput_abs_setup axis = {.absinfo = {.maximum = POINTER_RANGE - 1}};
	struct uinput_setup setup = {.id = {.bustype = BUS_VIRTUAL}};

	snprintf(setup.name, sizeof(setup.name), "%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (ioctl(fd, UI_SET_KEYBIT, keys[i].key) < 0)
			return false;
	}
	for (axis.code = ABS_X; axis.code <= ABS_Y; axis.code++) {
		if (ioctl(fd, UI_ABS_SETUP, &axis) < 0)
			return false;
	}
	return ioctl(fd, UI_SET_EVBIT, EV_KEY) == 0 && ioctl(fd, UI_SET_EVBIT, EV_ABS) == 0 &&
	       ioctl(fd, UI_SET_EVBIT, EV_REL) == 0 && ioctl(fd, UI_SET_RELBIT, REL_WHEEL) == 0 &&
	       ioctl(fd, UI_DEV_SETUP, &setup) == 0 && ioctl(fd, UI_DEV_CREATE) == 0;
}

bool pointer_is_possible(void)
{
	return access(UINPUT, W_OK) == 0;
}

int pointer_new(const char *name, struct pointer **result)
{
	_cleanup_close_ int fd = open(UINPUT, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	struct pointer *pointer;

	if (fd < 0)
		return -errno;
	if (!set_up(fd, name))
		return -errno;
	pointer = calloc(1, sizeof(*pointer));
	if (!pointer)
		return -ENOMEM;
	pointer->fd = take_fd(&fd);
	*result = pointer;
	return 0;
}

void pointer_free(struct pointer *pointer)
{
	if (!pointer)
		return;
	close(pointer->fd); /* the kernel lets go of what is down */
	free(pointer);
}
