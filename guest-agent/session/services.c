/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/session.h"

const struct session_service *const session_services[] = {
	NULL,
};
