/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_uris - which libvirts of this host lodged is to look into, and how it reaches them
 *
 * LODGE_LIBVIRT_URIS names them, separated by spaces; "off" is none. Without it they are
 * qemu:///system for root and qemu:///session for everyone else.
 *
 * A local one is reached by the socket of its daemon, so that asking starts nothing where there is
 * none, and so that libvirt's driver inside lodged does not take the URI for its own.
 */
#ifndef LODGE_PROBE_LIBVIRT_URIS_H
#define LODGE_PROBE_LIBVIRT_URIS_H

#include <stdbool.h>
#include <stddef.h>

#define LIBVIRT_URIS_VARIABLE "LODGE_LIBVIRT_URIS"
#define LIBVIRT_URIS_MAX      8
#define LIBVIRT_URI_LENGTH    200
#define LIBVIRT_REACH_LENGTH  512

/**
 * libvirt_uris() - those to look into
 * @uris:	receives them, as a person would write them
 *
 * What is too long, or is a libvirt inside a program (qemu:///embed), is left out.
 *
 * Return: how many.
 */
size_t libvirt_uris(char uris[LIBVIRT_URIS_MAX][LIBVIRT_URI_LENGTH]);

/**
 * libvirt_uri_reach() - the URI to open
 * @reach:	receives it; @capacity bytes
 *
 * Return: 0; -ENOENT: no daemon of that libvirt has a socket now; -ENAMETOOLONG.
 */
int libvirt_uri_reach(const char *uri, char *reach, size_t capacity);

/* true: one of them may answer. */
bool libvirt_is_there(void);

#endif
