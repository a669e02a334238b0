/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a screen is, who is asked for sizes, and its life. */
#include "host/screen/picture.h"
#include "host/screen/screen_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <ctype.h>
#include <sys/utsname.h>

/* --- For everyone --------------------------------------------------------------------------------
 */

uv_loop_t *screen_loop(struct screen *screen)
{
	return screen->loop;
}

const struct desktop *screen_desktop(const struct screen *screen)
{
	return &screen->desktop;
}

bool screen_is_current(const struct screen *screen)
{
	const struct source *source = screen->source;

	return source && screen->watchers > 0 &&
	       (!source->ops->is_current || source->ops->is_current(source));
}

const struct desktop_cursor *screen_cursor(const struct screen *screen)
{
	return &screen->cursor;
}

uint32_t screen_leds(const struct screen *screen)
{
	return screen->leds;
}

const char *screen_source_name(const struct screen *screen)
{
	return screen->source ? screen->source->ops->name : "";
}

unsigned int screen_heads(const struct screen *screen)
{
	return screen->source ? screen->source->heads : 0;
}

bool screen_is_driverless(const struct screen *screen)
{
	return screen->source && screen->source->driverless;
}

bool screen_is_behind(struct screen *screen)
{
	struct source *source = screen->source;

	return source && source->ops->is_behind && source->ops->is_behind(source);
}

unsigned int screen_key_ms(const struct screen *screen)
{
	return screen->source ? screen->source->ops->key_ms : 0;
}

const char *screen_name(const struct screen *screen)
{
	return screen->name;
}

const char *screen_uuid(const struct screen *screen)
{
	return screen->uuid;
}

void screen_set_uuid(struct screen *screen, const char *uuid)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(uuid) != strlen(form) || strspn(uuid, "0-") == strlen(form))
		return;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == '-' ? uuid[i] != '-' : !isxdigit((unsigned char)uuid[i]))
			return;
	}
	strcpy(screen->uuid, uuid);
}

/* --- Requests ------------------------------------------------------------------------------------
 */

/* Sizes within what a head can be; 0 stays: as it is. */
static void clamp(const struct screen *screen, struct screen_wish *wish)
{
	struct rectangle size[DESKTOP_MAX_HEADS] = {0};

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		__typeof__(&wish->head[0]) head = &wish->head[i];
		bool stays = head->named ? head->enabled : !wish->all;

		if (head->width)
			head->width = MIN(MAX(head->width, SCREEN_MIN_SIZE), SCREEN_MAX_SIZE);
		if (head->height)
			head->height = MIN(MAX(head->height, SCREEN_MIN_SIZE), SCREEN_MAX_SIZE);
		if (!stays)
			continue;
		size[i].width = head->width ? head->width : screen->head[i].width;
		size[i].height = head->height ? head->height : screen->head[i].height;
	}
	for (unsigned int i = 0; screen->source->ops->limit && i < DESKTOP_MAX_HEADS; i++) {
		__typeof__(&wish->head[0]) head = &wish->head[i];

		if (!head->named || !head->enabled || !head->width || !head->height)
			continue;
		screen->source->ops->limit(screen->source, i, size);
		head->width = size[i].width;
		head->height = size[i].height;
	}
}

/* A guest without any monitor has none to come back on. */
static int check(const struct screen *screen, const struct screen_wish *wish)
{
	bool any_named = false, any_on = false;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		any_named |= wish->head[i].named;
		if (wish->head[i].named && i >= screen->source->heads)
			return -ENXIO;
		if (wish->head[i].named)
			any_on |= wish->head[i].enabled;
		else
			any_on |= !wish->all && screen->head[i].width > 0;
	}
	return any_named && any_on ? 0 : -EINVAL;
}

int screen_request(struct screen *screen, struct viewer *viewer, enum screen_who who,
		   const struct screen_wish *wish)
{
	struct screen_wish checked = *wish;
	int result;

	if (viewer && viewer->view_only)
		return -EPERM;
	if (screen_heads(screen) == 0 || !screen->hooks)
		return -EOPNOTSUPP;
	result = check(screen, wish);
	if (result < 0)
		return result;
	clamp(screen, &checked);
	screen->hooks->requested(screen->hooks_owner, who, &checked);
	return 0;
}

/* --- For the program -----------------------------------------------------------------------------
 */

struct clipboard *screen_clipboard(const struct screen *screen)
{
	return screen->clipboard;
}

void screen_set_clipboard(struct screen *screen, struct clipboard *clipboard)
{
	screen->clipboard = clipboard;
}

const struct keyboard *screen_keyboard(const struct screen *screen)
{
	return screen->keyboard;
}

void screen_set_keyboard(struct screen *screen, const struct keyboard *keyboard)
{
	screen->keyboard = keyboard;
}

void screen_set_hooks(struct screen *screen, const struct screen_hooks *hooks, void *owner)
{
	screen->hooks = hooks;
	screen->hooks_owner = owner;
}

void screen_set_patience(struct screen *screen, uint64_t dark_ms)
{
	screen->patience_ms = dark_ms;
}

struct screen *screen_new(uv_loop_t *loop, const char *name)
{
	struct screen *screen = calloc(1, sizeof(*screen));
	struct utsname host;

	if (!screen)
		return NULL;
	screen->loop = loop;
	screen->patience_ms = SCREEN_DARK_MS;
	screen->name = strdup(name);
	screen->dark_timer = calloc(1, sizeof(*screen->dark_timer));
	if (!screen->name || !screen->dark_timer) {
		free(screen->dark_timer);
		free(screen->name);
		free(screen);
		return NULL;
	}
	uv_timer_init(loop, screen->dark_timer);
	screen->dark_timer->data = screen;
	uuid_of_name(uname(&host) == 0 ? host.nodename : "", name, screen->uuid);
	return screen;
}

void screen_set_source(struct screen *screen, struct source *source)
{
	struct source *old = screen->source;

	screen->source = NULL;
	if (old)
		old->ops->free(old);
	screen->source = source;
	screen->buttons = 0;
	if (source)
		source->screen = screen;
	if (source && screen->watchers)
		source->ops->watch(source, true);
}

void screen_source_ready(struct screen *screen)
{
	if (screen->hooks && screen->hooks->source_ready)
		screen->hooks->source_ready(screen->hooks_owner);
}

struct source *screen_source(const struct screen *screen)
{
	return screen->source;
}

void screen_source_ended(struct screen *screen, int error)
{
	if (screen->ended || (screen->hooks && screen->hooks->source_ended &&
			      screen->hooks->source_ended(screen->hooks_owner, error)))
		return;
	screen->ended = true;
	screen->error = error;
	screen_close_viewers(screen);
	uv_stop(screen->loop);
}

bool screen_ended(const struct screen *screen, int *error)
{
	*error = screen->error;
	return screen->ended;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void screen_free(struct screen *screen)
{
	if (!screen)
		return;
	screen_close_viewers(screen);
	screen_set_source(screen, NULL);
	uv_close((uv_handle_t *)screen->dark_timer, timer_closed);
	picture_free(&screen->desktop);
	free(screen->cursor.pixels);
	free(screen->name);
	free(screen);
}
