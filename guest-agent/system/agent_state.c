/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/agent_state.h"
#include "guest-agent/system/store.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

int agent_state_write(const char *path, const struct agent_state *state)
{
	char temporary[PATH_MAX], line[64];
	_cleanup_close_ int fd = -EBADF;
	int length;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return -ENAMETOOLONG;
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	length = snprintf(line, sizeof(line), "%d %s\n", (int)state->pid,
			  state->connected ? "connected" : "waiting");
	if (write(fd, line, (size_t)length) != length || rename(temporary, path) < 0) {
		const int error = errno ? -errno : -EIO;

		unlink(temporary);
		return error;
	}
	return 0;
}

int agent_state_read(const char *path, struct agent_state *state)
{
	char line[64], *word;
	uint64_t pid;
	ssize_t length = read_line(path, line, sizeof(line));

	if (length < 0)
		return (int)length;
	word = strchr(line, ' ');
	if (!word)
		return -EBADMSG;
	*word++ = '\0';
	if (parse_u64(line, 1, INT_MAX, &pid) < 0)
		return -EBADMSG;
	state->pid = (pid_t)pid;
	state->connected = strcmp(word, "connected") == 0;
	if (!state->connected && strcmp(word, "waiting") != 0)
		return -EBADMSG;
	/* EPERM: alive, and somebody else's. */
	return kill(state->pid, 0) < 0 && errno == ESRCH ? -ENOENT : 0;
}
