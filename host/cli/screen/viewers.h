/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * viewers - the viewers that people have installed, best first
 */
#ifndef LODGE_CLI_VIEWERS_H
#define LODGE_CLI_VIEWERS_H

#include <stdbool.h>
#include <stddef.h>

enum viewer_way {
	VIEWER_UNIX,	/* takes the path of a unix socket */
	VIEWER_FILE,	/* takes a file that says all, the password too */
	VIEWER_DISPLAY, /* takes HOST:DISPLAY, and asks for the password */
	VIEWER_PORT,	/* takes HOST::PORT, likewise */
	VIEWER_BROWSER, /* takes a URL */
};

struct viewer_program {
	const char *name; /* of the program */
	enum viewer_way way;
	const char *package;   /* Debian's, for people who have none */
	const char *arguments; /* one before the address, or NULL */
};

/* The best that is in PATH: a viewer of VNC, or what opens a browser. NULL: none. */
const struct viewer_program *viewers_find(bool browser);

/* All that are known, best first; ends with a NULL name. A program that makes the guest's screen
 * follow its window is better than one that does not. */
extern const struct viewer_program viewers_known[];

/* The program's path, if PATH has it. */
bool viewers_path(const char *name, char *path, size_t capacity);

/* Runs it until it ends; what asks us to end, meanwhile, is passed on. Return: an exit status of
 * ours, after a line about it if it failed. */
int viewers_open(const struct viewer_program *program, const char *address);

/* virt-viewer, in front of a domain's own display, likewise: VIEWERS_ATTACH must be in PATH. */
#define VIEWERS_ATTACH "virt-viewer"
int viewers_attach(const char *uri, const char *domain);

/* true: windows can be opened here ($DISPLAY or $WAYLAND_DISPLAY). */
bool viewers_have_display(void);

#endif
