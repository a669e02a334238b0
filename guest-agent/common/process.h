/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process - what the kernel tells everybody of a process (proc(5))
 */
#ifndef LODGE_GUEST_COMMON_PROCESS_H
#define LODGE_GUEST_COMMON_PROCESS_H

#include <sys/types.h>

#define PROCESS_NAME_MAX 16 /* of a program's name the kernel keeps so much */

/* What program it runs. Return: 0; -ESRCH: there is none, or it is hidden from us. */
int process_name(pid_t pid, char name[static PROCESS_NAME_MAX]);

#endif
