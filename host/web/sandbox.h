/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox - lodge-web keeps its descriptors, and can open nothing more */
#ifndef LODGE_WEB_SANDBOX_H
#define LODGE_WEB_SANDBOX_H

/* Single-threaded still. 0, or negative errno after a line about it. */
int web_sandbox_enter(void);

#endif
