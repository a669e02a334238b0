/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/clipboard.h"
#include "guest-agent/session/display.h"
#include "guest-agent/session/files.h"

const struct service *const session_services[] = {
	&session_service_display,
	&session_service_clipboard,
	&session_service_files,
	NULL,
};
