/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/common/process.h"

#include "guest-agent/common/key_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int process_name(pid_t pid, char name[static PROCESS_NAME_MAX])
{
	char text[KEY_FILE_MAX], path[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (!key_file_read("", path, text))
		return -ESRCH;
	text[strcspn(text, "\n")] = '\0';
	snprintf(name, PROCESS_NAME_MAX, "%.*s", PROCESS_NAME_MAX - 1, text);
	return 0;
}
