/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mutter_state - what GetCurrentState of org.gnome.Mutter.DisplayConfig answers, and the parameters
 * of ApplyMonitorsConfig
 */
#ifndef LODGE_SESSION_DISPLAY_MUTTER_STATE_H
#define LODGE_SESSION_DISPLAY_MUTTER_STATE_H

#include "protocol/head_list.h"

#include <dbus/dbus.h>

#define MUTTER_SCALES	  16
#define MUTTER_MODES_MAX  4096
#define MUTTER_MODE_CHARS 64

struct mutter_mode {
	size_t monitor; /* in the state's list */
	char id[MUTTER_MODE_CHARS];
	uint32_t width, height;
	bool current;
	double preferred_scale, scales[MUTTER_SCALES];
	size_t scale_count;
};

struct mutter_monitor {
	char connector[32];
	unsigned int head;
	/* Of the logical monitor that shows it; `on` false: none does. */
	bool on, primary;
	int32_t x, y;
	double scale;
};

struct mutter_state {
	uint32_t serial;
	bool pixels; /* positions count pixels (layout-mode 2) */
	struct mutter_monitor monitors[DISPLAY_MAX_HEADS];
	size_t count;
	struct mutter_mode *modes;
	size_t mode_count;
};

/* 0; -EBADMSG; -ENOMEM. Freed by mutter_state_free(), also before it is parsed into again. */
int mutter_state_parse(DBusMessage *reply, struct mutter_state *state);
void mutter_state_free(struct mutter_state *state);

void mutter_state_heads(const struct mutter_state *state, struct head_list *heads);

/**
 * mutter_state_configure() - append the parameters that make @heads so
 *
 * Nothing is saved: the user's own settings stay what they are. Scales become the nearest that the
 * mode allows.
 *
 * Return: 0; -EAGAIN if a monitor has no mode of that size; -ENOMEM.
 */
int mutter_state_configure(const struct mutter_state *state, const struct head_list *heads,
			   DBusMessage *call);

#endif
