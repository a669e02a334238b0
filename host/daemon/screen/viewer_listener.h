/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * viewer_listener - a socket that viewers connect to, as lodged keeps it
 *
 * lodge-screen accepts from it; lodged keeps the descriptor too, so that a lodge-screen that was
 * started again listens at the same place, and viewers find their way back.
 */
#ifndef LODGE_DAEMON_VIEWER_LISTENER_H
#define LODGE_DAEMON_VIEWER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#define LISTENER_ID_MAX	    63
#define LISTENER_KEY_RANDOM 12
#define LISTENER_ADDRESS    112 /* bytes of "[ADDRESS]:PORT" or a path, NUL included */
#define LISTENER_SECRET_MAX 128

enum listener_tls {
	LISTENER_TLS_NO,
	LISTENER_TLS_OPTIONAL,
	LISTENER_TLS_REQUIRED,
};

struct viewer_listener {
	struct viewer_listener *next;
	char id[LISTENER_ID_MAX + 1];
	/* What lodge-screen calls it; differs from that of an earlier lodged's, which may still
	 * listen and whose address somebody may have. */
	char key[LISTENER_ID_MAX + 1];
	bool web; /* HTTP with noVNC; else VNC */
	bool view_only;
	enum listener_tls tls;
	char address[LISTENER_ADDRESS];	      /* where it listens */
	char secret[LISTENER_SECRET_MAX + 1]; /* password, or the web's token; "": none */
	bool is_path;			      /* the address is a path, which goes with it */
	int fd;
};

/* What `--vnc` and org.lodge1.VM.ListenScreen may say. */
struct listener_plan {
	char address[LISTENER_ADDRESS];	 /* "" for any free port of 127.0.0.1 */
	char password_file[256];	 /* "": none */
	char certificate[256], key[256]; /* "": one is made when it is needed */
	enum listener_tls tls;
	bool view_only;
};

/**
 * listener_plan_parse() - "[ADDRESS:]PORT[,password-file=FILE][,tls=no|optional|required]
 * [,tls-certificate=FILE,tls-key=FILE][,view-only]"
 * @error:	one line for people on failure
 *
 * An address that is not of this machine's loopback needs a password.
 *
 * Return: 0; -EINVAL.
 */
int listener_plan_parse(const char *text, struct listener_plan *plan, char *error, size_t capacity);

/* "no", "optional", "required". -EINVAL. */
int listener_tls_parse(const char *text, enum listener_tls *tls);

/**
 * viewer_listener_open() - listen
 * @address:	"ADDRESS:PORT", "[ADDRESS]:PORT", ":PORT" or "PORT" (of 127.0.0.1), a port of 0 is
 *		any free one; or a path, beginning with '/'
 * @listener:	id, web, view_only, tls and secret are set; receives address and fd
 *
 * Return: 0; -EADDRINUSE; -EINVAL: that is no address; -errno.
 */
int viewer_listener_open(const char *address, struct viewer_listener *listener);
/* Closes the descriptor, removes a path. */
void viewer_listener_close(struct viewer_listener *listener);

/* true: only processes of this machine can connect. */
bool listener_address_is_local(const char *address);

/* 1 to LISTENER_ID_MAX letters, digits, '-', '_' or '.'. */
bool listener_id_is_valid(const char *id);

/* The first line of a file, which must not be empty and fit. -EINVAL, -errno. */
int listener_read_password(const char *path, char *password, size_t capacity);

/* What a person opens: of a web listener with its token. Returns @url. */
#define LISTENER_URL_SIZE (LISTENER_ADDRESS + LISTENER_SECRET_MAX + 16)
const char *viewer_listener_url(const struct viewer_listener *listener,
				char url[LISTENER_URL_SIZE]);

/* A web listener's secret has so many letters and digits. */
#define LISTENER_TOKEN_LENGTH 32

/* @length random letters and digits (some 5.9 bits each), and a NUL. */
void make_secret(char *text, size_t length);

/* The packet by which it is handed over; @text has HANDOFF_MAX_PACKET + 1 bytes. */
void viewer_listener_packet(const struct viewer_listener *listener, char *text, size_t capacity);

#endif
