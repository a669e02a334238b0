/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/statistics/channel.h"

#include "protocol/message_table.h"

MESSAGE(web_vm, NEED_TEXT(web_vm, vm));
MESSAGE(web_screen, NEED_TEXT(web_screen, address));
