/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/toolbox/command.h"

#include <stddef.h>

const struct command *const commands[] = {&command_info,   &command_memory, &command_shares,
					  &command_status, &command_watch,  NULL};
