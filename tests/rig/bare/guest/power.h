/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* power - the ways in which a guest may end */
#ifndef BARE_POWER_H
#define BARE_POWER_H

/*
 * @how, up to a space or the end: "reset", "reset-once" (the first boot resets, the second, known
 * by a mark on the disk, powers off), "triple-fault", "panic", "sleep" (for ever). Anything else,
 * and NULL: power off.
 */
_Noreturn void power_end(const char *how);

#endif
