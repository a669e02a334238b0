/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus_loop - libdbus' watches and timeouts on a libuv loop */
#ifndef LODGE_PROTOCOL_BUS_LOOP_H
#define LODGE_PROTOCOL_BUS_LOOP_H

#include <dbus/dbus.h>
#include <stdbool.h>
#include <uv.h>

/* false: without memory. Both undo themselves when the server or connection is finalized. */
bool bus_loop_add_server(uv_loop_t *loop, DBusServer *server);
bool bus_loop_add_connection(uv_loop_t *loop, DBusConnection *connection);

#endif
