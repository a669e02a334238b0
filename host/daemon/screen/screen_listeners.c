/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listeners for viewers: lodge-screen has them, and lodged a copy, so that the next lodge-screen
 * listens where the last one did.
 */
#include "host/daemon/screen/screen_internal.h"

#include "host/screen/handoff.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void listener_handed(void *owner, int error, const char *text)
{
	if (error && error != -ECONNRESET)
		log_warning("%s: its screen does not listen for viewers: %s",
			    ((struct vm_screen *)owner)->vm->name, text);
}

static int hand_over_listener(struct vm_screen *screen, const struct viewer_listener *listener,
			      handoff_done done, void *owner)
{
	char text[HANDOFF_MAX_PACKET + 1];
	int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	viewer_listener_packet(listener, text, sizeof(text));
	return handoff_client_send(screen->client, text, fd, done, owner);
}

int screen_open_planned(struct vm_screen *screen, char *error, size_t capacity)
{
	const struct listener_plan *plan = &screen->plan;
	struct viewer_listener *listener = calloc(1, sizeof(*listener));
	int r = 0;

	snprintf(error, capacity, "out of memory");
	if (!listener)
		return -ENOMEM;
	strcpy(listener->id, "vnc");
	strcpy(listener->key, "vnc");
	listener->view_only = plan->view_only;
	listener->tls = plan->tls;
	if (plan->password_file[0])
		r = listener_read_password(plan->password_file, listener->secret,
					   sizeof(listener->secret));
	if (r < 0)
		snprintf(error, capacity, "--vnc: no password can be read from %s: %s",
			 plan->password_file,
			 r == -EINVAL ? "its first line must be one" : error_text(r));
	else
		r = viewer_listener_open(plan->address, listener);
	if (r < 0) {
		if (error[0] == 'o')
			snprintf(error, capacity, "--vnc: cannot listen on %s: %s", plan->address,
				 error_text(r));
		free(listener);
		return r;
	}
	listener->next = screen->listeners;
	screen->listeners = listener;
	return 0;
}

void screen_hand_over_listeners(struct vm_screen *screen)
{
	char error[512];

	if (screen->plan.address[0] && !vm_screen_listener(screen, "vnc")) {
		int r = screen_open_planned(screen, error, sizeof(error));

		/* One that was taken up again has it, and nobody can take it away. */
		if (r < 0 && !(screen->adopted && r == -EADDRINUSE))
			log_warning("%s: %s", screen->vm->name, error);
	}
	for (const struct viewer_listener *at = screen->listeners; at; at = at->next)
		hand_over_listener(screen, at, listener_handed, screen);
}

const struct viewer_listener *vm_screen_listener(const struct vm_screen *screen, const char *id)
{
	const struct viewer_listener *at = screen ? screen->listeners : NULL;

	while (at && strcmp(at->id, id) != 0)
		at = at->next;
	return at;
}

/* Off the list; to be closed and freed. */
static struct viewer_listener *take_listener(struct vm_screen *screen, const char *id)
{
	for (struct viewer_listener **at = &screen->listeners; *at; at = &(*at)->next) {
		struct viewer_listener *listener = *at;

		if (strcmp(listener->id, id) == 0) {
			*at = listener->next;
			return listener;
		}
	}
	return NULL;
}

static void drop_listener(struct viewer_listener *listener)
{
	if (listener)
		viewer_listener_close(listener);
	free(listener);
}

int vm_screen_listen(struct vm_screen *screen, const char *address,
		     struct viewer_listener *listener, handoff_done done, void *owner)
{
	struct viewer_listener *entry;
	size_t count = 0;
	int r;

	if (!vm_screen_is_ready(screen))
		return -ENOTCONN;
	if (vm_screen_listener(screen, listener->id))
		vm_screen_close_listener(screen, listener->id, NULL, NULL);
	make_secret(listener->key, LISTENER_KEY_RANDOM);
	for (entry = screen->listeners; entry; entry = entry->next)
		count++;
	if (count >= SCREEN_MAX_LISTENERS)
		return -EMFILE;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	r = viewer_listener_open(address, listener);
	if (r == 0) {
		*entry = *listener;
		entry->next = screen->listeners;
		screen->listeners = entry;
		r = hand_over_listener(screen, entry, done, owner);
		if (r == 0)
			return 0;
		viewer_listener_close(take_listener(screen, listener->id));
	}
	free(entry);
	return r;
}

int vm_screen_close_listener(struct vm_screen *screen, const char *id, handoff_done done,
			     void *owner)
{
	char text[128];
	struct viewer_listener *listener = screen ? take_listener(screen, id) : NULL;

	if (!listener)
		return -ENOENT;
	snprintf(text, sizeof(text), "kind=close\nid=%s\n", listener->key);
	drop_listener(listener);
	return vm_screen_hand_over(screen, text, -1, done, owner);
}
