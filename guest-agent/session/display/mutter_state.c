/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/mutter_state.h"

#include "guest-agent/session/display/plan.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_SIGNATURE	 "ua((ssss)a(siiddada{sv})a{sv})a(iiduba(ssss)a{sv})a{sv}"
#define METHOD_TEMPORARY 1U
#define LAYOUT_PHYSICAL	 2U
#define SCALE_MIN	 0.1
#define SCALE_MAX	 16.0

/* --- Reading: the signature has been checked, so each step is known to be there -------------- */

static void take(DBusMessageIter *iter, void *value)
{
	dbus_message_iter_get_basic(iter, value);
	dbus_message_iter_next(iter);
}

static bool more(DBusMessageIter *iter)
{
	return dbus_message_iter_get_arg_type(iter) != DBUS_TYPE_INVALID;
}

static DBusMessageIter enter(DBusMessageIter *iter)
{
	DBusMessageIter inner;

	dbus_message_iter_recurse(iter, &inner);
	dbus_message_iter_next(iter);
	return inner;
}

/* The value of a key of a{sv}, if it is there and of that type. @dict is left as it was. */
static bool lookup(const DBusMessageIter *dict, const char *wanted, int type, void *value)
{
	DBusMessageIter entries = *dict;

	while (more(&entries)) {
		DBusMessageIter entry = enter(&entries), variant;
		const char *key;

		take(&entry, &key);
		dbus_message_iter_recurse(&entry, &variant);
		if (strcmp(key, wanted) != 0 || dbus_message_iter_get_arg_type(&variant) != type)
			continue;
		dbus_message_iter_get_basic(&variant, value);
		return true;
	}
	return false;
}

static int parse_mode(DBusMessageIter *fields, struct mutter_state *state)
{
	struct mutter_mode *grown, *mode;
	DBusMessageIter scales, properties;
	dbus_bool_t current = FALSE;
	dbus_int32_t width, height;
	const char *id;
	double refresh;

	if (state->mode_count == MUTTER_MODES_MAX)
		return 0;
	grown = realloc(state->modes, (state->mode_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	state->modes = grown;
	mode = &grown[state->mode_count];
	*mode = (struct mutter_mode){.monitor = state->count};
	take(fields, &id);
	take(fields, &width);
	take(fields, &height);
	take(fields, &refresh);
	take(fields, &mode->preferred_scale);
	scales = enter(fields);
	properties = enter(fields);
	if (strlen(id) >= sizeof(mode->id) || width <= 0 || height <= 0 || width > HEAD_MAX_SIDE ||
	    height > HEAD_MAX_SIDE)
		return 0;
	strcpy(mode->id, id);
	mode->width = (uint32_t)width;
	mode->height = (uint32_t)height;
	while (more(&scales) && mode->scale_count < MUTTER_SCALES)
		take(&scales, &mode->scales[mode->scale_count++]);
	mode->current = lookup(&properties, "is-current", DBUS_TYPE_BOOLEAN, &current) && current;
	state->mode_count++;
	return 0;
}

static int parse_monitor(DBusMessageIter *fields, struct mutter_state *state)
{
	struct mutter_monitor *monitor = &state->monitors[state->count];
	DBusMessageIter identity = enter(fields), modes = enter(fields);
	const char *connector;
	int error = 0;

	take(&identity, &connector);
	if (state->count == DISPLAY_MAX_HEADS || strlen(connector) >= sizeof(monitor->connector))
		return 0;
	*monitor = (struct mutter_monitor){0};
	strcpy(monitor->connector, connector);
	monitor->head = head_of_connector(connector, (unsigned int)state->count);
	while (more(&modes) && !error) {
		DBusMessageIter mode = enter(&modes);

		error = parse_mode(&mode, state);
	}
	state->count++;
	return error;
}

static void parse_logical_monitor(DBusMessageIter *fields, struct mutter_state *state)
{
	struct mutter_monitor shown = {.on = true};
	dbus_uint32_t transform;
	dbus_bool_t primary;
	DBusMessageIter monitors;

	take(fields, &shown.x);
	take(fields, &shown.y);
	take(fields, &shown.scale);
	take(fields, &transform);
	take(fields, &primary);
	shown.primary = primary;
	monitors = enter(fields);
	while (more(&monitors)) {
		DBusMessageIter identity = enter(&monitors);
		const char *connector;

		take(&identity, &connector);
		for (size_t i = 0; i < state->count; i++) {
			struct mutter_monitor *monitor = &state->monitors[i];

			if (strcmp(monitor->connector, connector) != 0)
				continue;
			memcpy(shown.connector, monitor->connector, sizeof(shown.connector));
			shown.head = monitor->head;
			*monitor = shown;
		}
	}
}

int mutter_state_parse(DBusMessage *reply, struct mutter_state *state)
{
	DBusMessageIter iter, list, properties;
	dbus_uint32_t layout_mode = 0;
	int error = 0;

	*state = (struct mutter_state){0};
	if (!dbus_message_has_signature(reply, REPLY_SIGNATURE) ||
	    !dbus_message_iter_init(reply, &iter))
		return -EBADMSG;
	take(&iter, &state->serial);
	list = enter(&iter);
	while (more(&list) && !error) {
		DBusMessageIter monitor = enter(&list);

		error = parse_monitor(&monitor, state);
	}
	list = enter(&iter);
	while (more(&list)) {
		DBusMessageIter logical = enter(&list);

		parse_logical_monitor(&logical, state);
	}
	properties = enter(&iter);
	lookup(&properties, "layout-mode", DBUS_TYPE_UINT32, &layout_mode);
	state->pixels = layout_mode == LAYOUT_PHYSICAL;
	if (error)
		mutter_state_free(state);
	return error;
}

void mutter_state_free(struct mutter_state *state)
{
	free(state->modes);
	*state = (struct mutter_state){0};
}

static uint32_t to_milli(double scale)
{
	return scale > SCALE_MIN && scale < SCALE_MAX ? (uint32_t)(scale * 1000 + 0.5) : 1000;
}

void mutter_state_heads(const struct mutter_state *state, struct head_list *heads)
{
	for (size_t i = 0; i < state->count; i++) {
		const struct mutter_monitor *monitor = &state->monitors[i];
		struct head *head = &heads->heads[heads->count];

		if (head_list_find(heads, monitor->head))
			continue;
		*head = (struct head){.head = monitor->head};
		memcpy(head->connector, monitor->connector, sizeof(head->connector));
		for (size_t j = 0; j < state->mode_count && monitor->on; j++) {
			const struct mutter_mode *mode = &state->modes[j];

			if (mode->monitor != i || !mode->current)
				continue;
			head->enabled = true;
			head->primary = monitor->primary;
			head->x = monitor->x;
			head->y = monitor->y;
			head->width = mode->width;
			head->height = mode->height;
			head->scale_milli = to_milli(monitor->scale);
		}
		heads->count++;
	}
}

/* --- Writing -------------------------------------------------------------------------------- */

struct target {
	const struct head *head;
	const struct mutter_monitor *monitor;
	const struct mutter_mode *mode;
	double scale;
};

struct targets {
	struct target list[DISPLAY_MAX_HEADS];
	size_t count;
	bool pixels;
};

static double nearest_scale(const struct mutter_mode *mode, uint32_t scale_milli)
{
	const double wanted = scale_milli ? scale_milli / 1000.0 : mode->preferred_scale;
	double best = 1.0, distance = SCALE_MAX;

	for (size_t i = 0; i < mode->scale_count; i++) {
		const double d = mode->scales[i] > wanted ? mode->scales[i] - wanted
							  : wanted - mode->scales[i];

		if (d < distance) {
			distance = d;
			best = mode->scales[i];
		}
	}
	return best;
}

static bool find_target(const struct mutter_state *state, const struct head *head,
			struct target *target)
{
	for (size_t i = 0; i < state->mode_count; i++) {
		const struct mutter_mode *mode = &state->modes[i];
		const struct mutter_monitor *monitor = &state->monitors[mode->monitor];

		if (monitor->head != head->head || mode->width != head->width ||
		    mode->height != head->height)
			continue;
		*target = (struct target){
			.head = head,
			.monitor = monitor,
			.mode = mode,
			.scale = nearest_scale(mode, head->scale_milli),
		};
		return true;
	}
	return false;
}

static int32_t units(const struct targets *targets, const struct target *target, uint32_t pixels)
{
	return targets->pixels ? (int32_t)pixels : (int32_t)(pixels / target->scale + 0.5);
}

/* Places were reckoned with scales in thousandths; neighbours must touch to the unit. */
static int32_t exact_x(const struct targets *targets, const struct head *head)
{
	for (size_t i = 0; i < targets->count; i++) {
		const struct target *left = &targets->list[i];
		const uint32_t width = plan_width(left->head, targets->pixels);

		if (width > 0 && left->head->x + (int32_t)width == head->x)
			return exact_x(targets, left->head) +
			       units(targets, left, left->mode->width);
	}
	return head->x;
}

static int32_t exact_y(const struct targets *targets, const struct head *head)
{
	for (size_t i = 0; i < targets->count; i++) {
		const struct target *above = &targets->list[i];
		const uint32_t height = plan_height(above->head, targets->pixels);

		if (height > 0 && above->head->y + (int32_t)height == head->y)
			return exact_y(targets, above->head) +
			       units(targets, above, above->mode->height);
	}
	return head->y;
}

static bool append_no_properties(DBusMessageIter *iter)
{
	DBusMessageIter properties;

	return dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &properties) &&
	       dbus_message_iter_close_container(iter, &properties);
}

static bool append_monitor(DBusMessageIter *iter, const struct target *target)
{
	const char *connector = target->monitor->connector, *mode = target->mode->id;
	DBusMessageIter monitors, monitor;

	return dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "(ssa{sv})", &monitors) &&
	       dbus_message_iter_open_container(&monitors, DBUS_TYPE_STRUCT, NULL, &monitor) &&
	       dbus_message_iter_append_basic(&monitor, DBUS_TYPE_STRING, &connector) &&
	       dbus_message_iter_append_basic(&monitor, DBUS_TYPE_STRING, &mode) &&
	       append_no_properties(&monitor) &&
	       dbus_message_iter_close_container(&monitors, &monitor) &&
	       dbus_message_iter_close_container(iter, &monitors);
}

static bool append_logical_monitor(DBusMessageIter *iter, const struct targets *targets,
				   const struct target *target)
{
	const dbus_int32_t x = exact_x(targets, target->head), y = exact_y(targets, target->head);
	const dbus_uint32_t transform = 0;
	const dbus_bool_t primary = target->head->primary;
	DBusMessageIter logical;

	return dbus_message_iter_open_container(iter, DBUS_TYPE_STRUCT, NULL, &logical) &&
	       dbus_message_iter_append_basic(&logical, DBUS_TYPE_INT32, &x) &&
	       dbus_message_iter_append_basic(&logical, DBUS_TYPE_INT32, &y) &&
	       dbus_message_iter_append_basic(&logical, DBUS_TYPE_DOUBLE, &target->scale) &&
	       dbus_message_iter_append_basic(&logical, DBUS_TYPE_UINT32, &transform) &&
	       dbus_message_iter_append_basic(&logical, DBUS_TYPE_BOOLEAN, &primary) &&
	       append_monitor(&logical, target) &&
	       dbus_message_iter_close_container(iter, &logical);
}

int mutter_state_configure(const struct mutter_state *state, const struct head_list *heads,
			   DBusMessage *call)
{
	const dbus_uint32_t serial = state->serial, method = METHOD_TEMPORARY;
	struct targets targets = {.pixels = state->pixels};
	DBusMessageIter iter, list;
	bool good;

	for (size_t i = 0; i < heads->count; i++) {
		if (!heads->heads[i].enabled)
			continue;
		if (!find_target(state, &heads->heads[i], &targets.list[targets.count]))
			return -EAGAIN;
		targets.count++;
	}
	dbus_message_iter_init_append(call, &iter);
	good = dbus_message_iter_append_basic(&iter, DBUS_TYPE_UINT32, &serial) &&
	       dbus_message_iter_append_basic(&iter, DBUS_TYPE_UINT32, &method) &&
	       dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "(iiduba(ssa{sv}))", &list);
	for (size_t i = 0; i < targets.count && good; i++)
		good = append_logical_monitor(&list, &targets, &targets.list[i]);
	good = good && dbus_message_iter_close_container(&iter, &list) &&
	       append_no_properties(&iter);
	return good ? 0 : -ENOMEM;
}
