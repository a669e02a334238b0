/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory_figures - what the memory manager knows of a VM, as figures */
#ifndef LODGE_DAEMON_MEMORY_FIGURES_H
#define LODGE_DAEMON_MEMORY_FIGURES_H

#include "host/daemon/memory/manager.h"
#include "host/statistics/figures.h"

/* Sets what is known; the rest stays. */
void memory_figures_take(const struct memory_member_view *view, struct figures *figures);

#endif
