/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* info - what "screen.info" says: heads, viewers, the guest's session */
#ifndef LODGE_SCREEN_INFO_H
#define LODGE_SCREEN_INFO_H

#include "host/screen/control.h"
#include "protocol/cbor.h"

#define INFO_MAX_BYTES 24576

/* A screen_info, encoded. */
void info_write(const struct control_services *services, struct cbor_writer *writer);

#endif
