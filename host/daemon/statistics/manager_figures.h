/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* manager_figures - what the memory manager knows of a VM, as figures */
#ifndef LODGE_DAEMON_MANAGER_FIGURES_H
#define LODGE_DAEMON_MANAGER_FIGURES_H

#include "host/daemon/memory/manager.h"
#include "host/statistics/figures.h"

/* Sets what is known; the rest stays. */
void manager_figures_take(const struct memory_member_view *view, struct figures *figures);

#endif
