/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keys - what the keys of `lodge top` do to its view
 */
#ifndef LODGE_CLI_TOP_KEYS_H
#define LODGE_CLI_TOP_KEYS_H

#include "host/cli/top/view.h"

/**
 * keys_apply() - what was typed, in one piece as a terminal sends it
 * @bytes:	letters, and sequences of xterm's for arrows and their kin; others do nothing
 * @look:	its order and first VM change
 * @count:	of VMs
 *
 * Return: false: q, Ctrl-C or Ctrl-D, the end.
 */
bool keys_apply(const char *bytes, size_t length, struct view_look *look, size_t count);

#endif
