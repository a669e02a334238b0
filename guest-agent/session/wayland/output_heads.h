/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output_heads - what wlr-output-management tells of a head, into a list of outputs
 */
#ifndef LODGE_SESSION_WAYLAND_OUTPUT_HEADS_H
#define LODGE_SESSION_WAYLAND_OUTPUT_HEADS_H

#include "guest-agent/session/wayland/output_list.h"

/* A zwlr_output_head_v1 that has just come, which becomes the list's. It leaves by itself. What is
 * known of it is consistent when the manager says "done". */
void output_heads_add(struct output_list *list, struct wl_proxy *head);

#endif
