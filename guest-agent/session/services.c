/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display.h"

const struct session_service *const session_services[] = {
	&session_service_display,
	NULL,
};
