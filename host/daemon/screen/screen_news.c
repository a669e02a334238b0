/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a VM's lodge-screen tells of how it stands: the clipboard's policy, which is kept with the
 * VM for the lodge-screen after it; and whether it wants the port of SPICE's agent. A port that was
 * let go soon after it was handed over is handed over again more and more slowly.
 */
#include "host/daemon/screen/screen_internal.h"

#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/clipboard_policy.h"

#include <errno.h>
#include <string.h>

#define SPICE_FIRST_MS 1000
#define SPICE_LAST_MS  60000
/* It went well for so long. */
#define SPICE_CALM_MS 30000

/* --- The clipboard's policy ----------------------------------------------------------------- */

static void keep_policy(struct vm *vm, const char *words)
{
	struct clipboard_policy said, kept;
	int r;

	if (clipboard_policy_parse(words, &said) < 0 ||
	    (clipboard_policy_parse(vm->options.clipboard, &kept) == 0 &&
	     clipboard_policy_is_same(&said, &kept)))
		return;
	r = vm_option_set_text(&vm->options, vm_option_named("clipboard"), words);
	if (r < 0)
		log_warning("%s: its clipboard's policy is not kept: %s", vm->name, error_text(r));
	else if (!vm->source)
		vm_keep(vm);
}

/* --- SPICE's port --------------------------------------------------------------------------- */

static void spice_handed(void *owner, int error, const char *text)
{
	struct vm_screen *screen = owner;

	screen->spice_sent = false;
	if (error && error != -ECONNRESET)
		log_debug("%s: its screen does not take the port of SPICE's agent: %s",
			  screen->vm->name, text);
}

/* Guests without our agent may have SPICE's. The port takes one connection at a time. */
static void hand_over_spice(uv_timer_t *timer)
{
	struct vm_screen *screen = timer->data;
	char path[PATH_MAX];
	int fd = vm_file(screen->vm, SCREEN_SPICE, path, sizeof(path));

	if (!screen->client)
		return;
	if (fd == 0)
		fd = connect_unix(path);
	if (fd < 0) {
		log_debug("%s: no port for SPICE's agent: %s", screen->vm->name, error_text(fd));
		return;
	}
	screen->spice_at_ms = uv_now(timer->loop);
	screen->spice_sent =
		handoff_client_send(screen->client, "kind=spice\n", fd, spice_handed, screen) == 0;
}

static void spice_is_wanted(struct vm_screen *screen)
{
	const uint64_t now_ms = uv_now(screen->spice.loop);
	uint64_t wait_ms = 0;

	if (screen->spice_sent || uv_is_active((uv_handle_t *)&screen->spice))
		return;
	if (screen->spice_at_ms && now_ms - screen->spice_at_ms < SPICE_CALM_MS + screen->spice_ms)
		wait_ms = screen->spice_ms ? MIN(2 * screen->spice_ms, (uint64_t)SPICE_LAST_MS)
					   : SPICE_FIRST_MS;
	screen->spice_ms = wait_ms;
	uv_timer_start(&screen->spice, hand_over_spice, wait_ms, 0);
}

/* --- All of it ------------------------------------------------------------------------------ */

static void take_line(struct vm_screen *screen, const char *line)
{
	static const char policy[] = "clipboard=";

	if (strncmp(line, policy, strlen(policy)) == 0)
		keep_policy(screen->vm, line + strlen(policy));
	else if (strcmp(line, "spice=wanted") == 0)
		spice_is_wanted(screen);
}

void screen_take_news(struct vm_screen *screen, const char *lines)
{
	char copy[HANDOFF_MAX_ANSWER + 1], *rest = copy, *line;

	snprintf(copy, sizeof(copy), "%s", lines);
	while ((line = strsep(&rest, "\n")) != NULL)
		take_line(screen, line);
}

static void watched(void *owner, int error, const char *text)
{
	/* One of an earlier version cannot tell us. */
	if (error && error != -ECONNRESET)
		log_debug("%s: its screen cannot be watched: %s",
			  ((struct vm_screen *)owner)->vm->name, text);
}

void screen_watch(struct vm_screen *screen)
{
	screen->spice_sent = false;
	screen->spice_at_ms = screen->spice_ms = 0;
	handoff_client_send(screen->client, "kind=watch\n", -1, watched, screen);
}
