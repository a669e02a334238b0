/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hot - loops over pixels, which are worth a vector unit
 */
#ifndef LODGE_SCREEN_RFB_HOT_H
#define LODGE_SCREEN_RFB_HOT_H

/* Whatever the rest is compiled with. */
#if defined(__GNUC__) && !defined(__clang__)
#define HOT_LOOPS __attribute__((optimize("O3")))
#else
#define HOT_LOOPS
#endif

#endif
