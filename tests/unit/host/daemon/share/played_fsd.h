/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_fsd - a process that stands in for lodge-fsd
 *
 * It serves `share.open` on its control socket: says `opened`, and sends DATA back as it came. A
 * share whose folder is /sys has a server that ends at once, with a last word.
 */
#ifndef LODGE_TEST_PLAYED_FSD_H
#define LODGE_TEST_PLAYED_FSD_H

#include <stdbool.h>

/* Makes this program be found as lodge-fsd, beside itself. */
void played_fsd_install(void);
void played_fsd_remove(void);

/* true: we are it. To be asked first in main(); played_fsd_run() does not return. */
bool played_fsd_is_meant(char **argv);
void played_fsd_run(int argc, char **argv) __attribute__((noreturn));

#endif
