/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/sandbox.h"

#include "protocol/base/log.h"
#include "protocol/sandbox/confine.h"

int sandbox_process(void)
{
	const struct confine confine = {.network = false};
	int error = confine_namespaces(&confine);

	if (error)
		log_warning("no namespaces for the sandbox: %s; seccomp alone guards the host",
			    error_text(error));
	error = confine_privileges();
	if (error)
		log_error("cannot give up privileges: %s", error_text(error));
	return error;
}
