/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * echo - does to the mount what happened to the folder on the other side
 *
 * So that programs here that watch the mount (inotify) get the events which a kernel raises only
 * for what is done through it. The server tells of a change (SERVER_NOTIFY_CHANGE); this process
 * asks the kernel for the same; the server knows its pid (SHARE_OP_ECHO), answers as if it had been
 * done, and changes nothing.
 *
 * It is a process of its own, because it waits for the relay, which carries its requests. It holds
 * no descriptor of the mount between two changes, so the mount can always be unmounted.
 */
#ifndef LODGE_SHARED_FOLDERS_RELAY_ECHO_H
#define LODGE_SHARED_FOLDERS_RELAY_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct echo;

/**
 * echo_start() - fork it
 * @mount:	path of the mount point, mounted
 * @echo:	set on success; ended by echo_stop()
 *
 * It keeps no other descriptor of the caller. It ends with the thread that called this, or when
 * something else is mounted at @mount.
 *
 * Return: 0; negative errno.
 */
int echo_start(const char *mount, struct echo **echo);
void echo_stop(struct echo *echo);

/* Its process, whose requests the server is to know. */
pid_t echo_pid(const struct echo *echo);

/* A change, the body of SERVER_NOTIFY_CHANGE as it came. Never waits.
 * Return: 0; negative errno: it is lost, and the event with it. */
int echo_change(struct echo *echo, const void *body, size_t length);

/* Readable when echo_finished() has something to say, or the process has ended. */
int echo_descriptor(const struct echo *echo);

/* Return: the last change that it is done with, since the last call; 0: none; negative errno: it
 * has ended. */
int64_t echo_finished(struct echo *echo);

/* --- For echo.c and its test ---------------------------------------------------------------- */

/* Whether it is SERVER_CHANGE_LOOK_*, which takes a mount that nothing can be changed by. */
bool echo_is_look(const void *body, size_t length);

/* The mount of the folder @root once more, read-only and nowhere to be found. Return: a descriptor;
 * negative errno. */
int echo_open_reading(int root);

/**
 * echo_act() - act one change out
 * @root:	the mount's root; to look, that of echo_open_reading()
 * @body:	checked before it is believed
 *
 * Return: 0; negative errno. @id is set in any case.
 */
int echo_act(int root, const void *body, size_t length, uint64_t *id);

#endif
