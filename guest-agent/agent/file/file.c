/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/file/file.h"
#include "guest-agent/agent/service.h"

int file_decode_write(struct slice params, struct file_write_params *want)
{
	int error = message_decode(&message_file_write_params, params, want);

	if (!error && want->mode != 0)
		want->set_mode = true;
	return error;
}

static int file_start(const struct service_context *context, void **state)
{
	*state = context->workers;
	return 0;
}

static void file_stop(void *state)
{
	(void)state; /* operations end with their streams */
}

const struct service service_file = {
	.name = "file",
	.summary = "reads, writes, lists and changes files",
	.start = file_start,
	.stop = file_stop,
	.methods =
		(const struct service_method[]){
			{"file.read", file_read},
			{"file.write", file_write},
			{"file.list", file_list},
			{"file.stat", file_stat},
			{"file.mkdir", file_mkdir},
			{"file.setattr", file_setattr},
			{"file.symlink", file_symlink},
			{"file.remove", file_remove},
			{NULL, NULL},
		},
};
