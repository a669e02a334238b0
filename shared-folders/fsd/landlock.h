/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * landlock - files outside of one folder stay out of reach, without any privilege
 *
 * Kernels from 5.13 on; before 6.2 nothing can be moved or linked between two folders then, as the
 * kernel cannot yet tell whether that widens what may be done.
 */
#ifndef LODGE_SHARED_FOLDERS_FSD_LANDLOCK_H
#define LODGE_SHARED_FOLDERS_FSD_LANDLOCK_H

#include <stdbool.h>

/* The calling thread, and those it starts. @root: the folder. 0 or negative errno. */
int fsd_landlock_restrict(int root, bool read_only);

#endif
