/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * await - wait for this user's desktop, where nothing starts us inside one
 *
 * Some desktops start nothing (sway, Weston, a bare window manager); what systemd starts for the
 * user was there before any desktop. So the places where display servers put their sockets are
 * watched: $XDG_RUNTIME_DIR for Wayland, /tmp/.X11-unix for X11.
 */
#ifndef LODGE_SESSION_AWAIT_H
#define LODGE_SESSION_AWAIT_H

/**
 * await_desktop() - return when there is a display server that takes us as a client
 * @x11_folder:	"/tmp/.X11-unix", but for tests
 *
 * Sets $WAYLAND_DISPLAY or $DISPLAY. An X server that is a Wayland compositor's is none. Blocks, to
 * be called before there is a loop; a signal ends the process.
 *
 * Return: 0; -ENOENT without $XDG_RUNTIME_DIR; another negative errno.
 */
int await_desktop(const char *x11_folder);

#endif
