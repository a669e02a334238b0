/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/doors.h"

#include "host/screen/dbus/dbus_viewer.h"
#include "host/screen/rfb/rfb.h"
#include "host/screen/tls.h"
#include "host/screen/web/web.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/listener.h"

/* A door's place stays when it is closed: viewers that came through it go on to count here. */
struct door {
	struct doors *doors;
	char id[sizeof(((struct handoff *)NULL)->id)];
	struct listener *vnc;
	struct web *web;
	struct handoff conditions;
	struct rfb_attempts attempts;
};

struct doors {
	struct screen *screen;
	char *name;
	struct tls_credentials *credentials, *anonymous;
	struct web_files *novnc;
	struct rfb_attempts client_attempts; /* of connections that were handed over */
	struct door door[DOORS_MAX];
};

/* --- Viewers ---------------------------------------------------------------------------------- */

static int let_in_link(struct doors *doors, struct link *link, const struct handoff *conditions,
		       struct rfb_attempts *attempts, const char *peer)
{
	const struct rfb_options options = {
		.view_only = conditions->view_only,
		.password = conditions->password,
		.tls = (enum rfb_tls)conditions->tls,
		.credentials = doors->credentials,
		.anonymous = doors->anonymous,
		.attempts = attempts,
	};

	return rfb_accept(doors->screen, link, &options, peer);
}

_Static_assert((int)RFB_TLS_OPTIONAL == HANDOFF_TLS_OPTIONAL &&
		       (int)RFB_TLS_REQUIRED == HANDOFF_TLS_REQUIRED &&
		       (int)WEB_TLS_OPTIONAL == HANDOFF_TLS_OPTIONAL &&
		       (int)WEB_TLS_REQUIRED == HANDOFF_TLS_REQUIRED,
	       "the protocols count as handoff does");

static int let_in(struct doors *doors, int fd, const struct handoff *conditions,
		  struct rfb_attempts *attempts, const char *peer)
{
	struct link *link = link_new(screen_loop(doors->screen), fd);

	return link ? let_in_link(doors, link, conditions, attempts, peer) : -ENOMEM;
}

static void on_vnc(void *owner, int fd, const char *peer)
{
	struct door *door = owner;
	int result = let_in(door->doors, fd, &door->conditions, &door->attempts, peer);

	if (result < 0)
		log_warning("cannot let VNC viewer %s in: %s", peer, error_text(result));
}

/* The token was the key: no password, and TLS is below. */
static int on_web(void *owner, struct link *link, const char *peer)
{
	struct door *door = owner;
	const struct handoff conditions = {.view_only = door->conditions.view_only};

	return let_in_link(door->doors, link, &conditions, NULL, peer);
}

/* --- TLS -------------------------------------------------------------------------------------- */

static int need_credentials(struct doors *doors, enum handoff_tls tls, const char **why)
{
	int result = 0;

	if (tls == HANDOFF_TLS_NO)
		return 0;
	if (!doors->credentials)
		result = tls_credentials_self_signed(doors->name, &doors->credentials);
	if (result == 0 && !doors->anonymous)
		result = tls_credentials_anonymous(&doors->anonymous);
	if (result < 0)
		*why = "a certificate for TLS cannot be made";
	return result;
}

/* --- Doors ------------------------------------------------------------------------------------ */

static bool is_open(const struct door *door)
{
	return door->vnc || door->web;
}

static void close_door(struct door *door)
{
	listener_free(take_ptr(door->vnc));
	web_close(take_ptr(door->web));
	door->id[0] = '\0';
}

static struct door *find_door(struct doors *doors, const char *id)
{
	for (unsigned int i = 0; i < DOORS_MAX; i++) {
		if (is_open(&doors->door[i]) && strcmp(doors->door[i].id, id) == 0)
			return &doors->door[i];
	}
	return NULL;
}

static struct door *free_door(struct doors *doors)
{
	for (unsigned int i = 0; i < DOORS_MAX; i++) {
		if (!is_open(&doors->door[i]))
			return &doors->door[i];
	}
	return NULL;
}

static int open_vnc(struct door *door, int fd)
{
	return listener_new(screen_loop(door->doors->screen), fd, on_vnc, door, &door->vnc);
}

static int open_web(struct door *door, int fd, const char **why)
{
	const struct web_options options = {
		.token = door->conditions.token,
		.view_only = door->conditions.view_only,
		.tls = (enum web_tls)door->conditions.tls,
		.credentials = door->doors->credentials,
		.viewer = on_web,
		.owner = door,
	};
	int result = web_listen(door->doors->screen, fd, door->doors->novnc, &options, &door->web);

	if (result == -EINVAL)
		*why = "the token is too short or has letters that an address cannot have, or "
		       "this is no listening socket";
	return result;
}

static int open_door(struct doors *doors, const struct handoff *handoff, int fd, const char **why)
{
	_cleanup_close_ int owned = fd;
	struct door *old = handoff->id[0] ? find_door(doors, handoff->id) : NULL;
	struct door *door = free_door(doors);
	int result = need_credentials(doors, handoff->tls, why);

	if (result < 0)
		return result;
	if (!door) {
		*why = "there are too many listeners";
		return -EMFILE;
	}
	door->doors = doors;
	door->conditions = *handoff;
	door->attempts = (struct rfb_attempts){0};
	result = handoff->kind == HANDOFF_WEB_LISTENER ? open_web(door, take_fd(&owned), why)
						       : open_vnc(door, take_fd(&owned));
	if (result < 0)
		return result;
	if (old)
		close_door(old);
	strcpy(door->id, handoff->id);
	return 0;
}

static int take_client(struct doors *doors, const struct handoff *handoff, int fd, const char **why)
{
	_cleanup_close_ int owned = fd;
	char peer[LISTENER_PEER_SIZE];
	int result = need_credentials(doors, handoff->tls, why);

	if (result < 0)
		return result;
	listener_peer(fd, peer);
	return let_in(doors, take_fd(&owned), handoff, &doors->client_attempts,
		      handoff->peer[0] ? handoff->peer : peer);
}

static int take_dbus_client(struct doors *doors, const struct handoff *handoff, int fd)
{
	char peer[LISTENER_PEER_SIZE];

	listener_peer(fd, peer);
	return dbus_viewer_accept(doors->screen, fd, handoff->view_only,
				  handoff->peer[0] ? handoff->peer : peer);
}

static int close_by_id(struct doors *doors, const char *id, const char **why)
{
	struct door *door = find_door(doors, id);

	if (!door) {
		*why = "no listener has that id";
		return -ENOENT;
	}
	close_door(door);
	return 0;
}

int doors_take(struct doors *doors, const struct handoff *handoff, int fd, const char **why)
{
	_cleanup_close_ int owned = fd;

	switch (handoff->kind) {
	case HANDOFF_VNC_CLIENT:
		return take_client(doors, handoff, take_fd(&owned), why);
	case HANDOFF_DBUS_CLIENT:
		return take_dbus_client(doors, handoff, take_fd(&owned));
	case HANDOFF_VNC_LISTENER:
	case HANDOFF_WEB_LISTENER:
		return open_door(doors, handoff, take_fd(&owned), why);
	case HANDOFF_CLOSE:
		return close_by_id(doors, handoff->id, why);
	default:
		*why = "lodge-screen does not take this kind";
		return -EOPNOTSUPP;
	}
}

int doors_listen(struct doors *doors, int fd)
{
	const struct handoff anybody = {.kind = HANDOFF_VNC_LISTENER};
	const char *why;

	return open_door(doors, &anybody, fd, &why);
}

/* --- Its life --------------------------------------------------------------------------------- */

static int read_files(struct doors *doors, const struct doors_options *options)
{
	int result;

	if (options->certificate) {
		result = tls_credentials_read(options->certificate, options->key,
					      &doors->credentials);
		if (result < 0) {
			log_error("cannot use the certificate '%s' with the key '%s': %s",
				  options->certificate, options->key, error_text(result));
			return result;
		}
	}
	result = web_files_read(options->novnc, &doors->novnc);
	if (result < 0 && result != -ENOENT)
		log_warning("cannot read noVNC's files in '%s': %s", options->novnc,
			    error_text(result));
	return 0;
}

int doors_new(struct screen *screen, const struct doors_options *options, struct doors **result)
{
	struct doors *doors = calloc(1, sizeof(*doors));
	int error;

	if (!doors)
		return -ENOMEM;
	doors->screen = screen;
	doors->name = strdup(options->name);
	error = doors->name ? read_files(doors, options) : -ENOMEM;
	if (error < 0) {
		doors_free(doors);
		return error;
	}
	*result = doors;
	return 0;
}

void doors_close(struct doors *doors)
{
	for (unsigned int i = 0; doors && i < DOORS_MAX; i++)
		close_door(&doors->door[i]);
}

void doors_free(struct doors *doors)
{
	if (!doors)
		return;
	doors_close(doors);
	tls_credentials_free(doors->credentials);
	tls_credentials_free(doors->anonymous);
	web_files_free(doors->novnc);
	free(doors->name);
	free(doors);
}
