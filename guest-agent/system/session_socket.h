/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session_socket - where the agent and the lodge-session of each desktop meet */
#ifndef LODGE_SYSTEM_SESSION_SOCKET_H
#define LODGE_SYSTEM_SESSION_SOCKET_H

#define SESSION_SOCKET_PATH "/run/lodge/session.sock"

#endif
