/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/service.h"

const struct service *const services[] = {
	&service_agent, &service_clipboard, &service_display, &service_exec,
	&service_file,	&service_files,	    &service_info,    &service_memory,
	&service_power, &service_share,	    &service_time,    &service_watch,
	NULL,
};
