/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-vmm - one virtual machine on KVM
 */
#include "host/vmm/control.h"
#include "host/vmm/loop.h"
#include "host/vmm/machine.h"
#include "host/vmm/sandbox.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

/* Of malloc(), for all threads. Without a limit of ours it counts processors when many threads use
 * it, which opens a file: in the sandbox, that would be the end. */
#define MALLOC_ARENAS 2

struct signals {
	int fd;
	struct machine *machine;
	struct loop_source *source;
};

static void signal_came(void *owner, uint32_t events)
{
	struct signals *signals = owner;
	struct signalfd_siginfo info;

	(void)events;
	if (read(signals->fd, &info, sizeof(info)) == sizeof(info))
		machine_shut_down(signals->machine);
}

static int watch_signals(struct signals *signals, struct machine *machine)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals->machine = machine;
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0)
		return -errno;
	return loop_add_fd(machine_vm(machine)->loop, signals->fd, EPOLLIN, signal_came, signals,
			   &signals->source);
}

/* From here on the guest runs, and nothing can be opened. */
static enum exit_status run(struct machine *machine, const struct options *options)
{
	enum exit_status status;

	if (options->sandbox && sandbox_process() < 0)
		return EXIT_STATUS_FAILED;
	status = machine_start(machine);
	if (status)
		return status;
	if (options->sandbox)
		sandbox_thread(THREAD_MAIN);
	return machine_run(machine);
}

static enum exit_status make_and_run(const struct options *options)
{
	struct signals signals = {.fd = -EBADF};
	struct control *control = NULL;
	struct machine *machine;
	enum exit_status status = machine_new(options, &machine);
	int error;

	if (status)
		return status;
	error = watch_signals(&signals, machine);
	if (error) {
		log_error("cannot watch for signals: %s", error_text(error));
		status = EXIT_STATUS_FAILED;
	} else if (control_new(machine, options, &control) < 0) {
		status = EXIT_STATUS_FAILED;
	} else {
		status = run(machine, options);
	}
	control_free(control);
	loop_remove(signals.source);
	machine_free(machine);
	cleanup_close(&signals.fd);
	return status;
}

/* Whatever the caller left open is not for the guest to find, but what it passed on purpose. */
static void close_others(const struct options *options)
{
	unsigned int first = STDERR_FILENO + 1;

	for (;;) {
		unsigned int next = ~0U;

		for (size_t i = 0; i < options->shares; i++) {
			int fd = options->fs[i].fd;

			if (fd >= (int)first && (unsigned int)fd < next)
				next = (unsigned int)fd;
		}
		if (next == ~0U)
			break;
		if (next > first)
			close_range(first, next - 1, 0);
		first = next + 1;
	}
	close_range(first, ~0U, 0);
}

int main(int count, char *arguments[])
{
	struct options options;
	enum exit_status status = EXIT_STATUS_OFF;
	char error[256];

	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	log_setup("lodge-vmm", LOG_LEVEL_INFO);
	if (options_parse(count, arguments, &options, error, sizeof(error)) < 0) {
		log_error("%s", error);
		return EXIT_STATUS_USAGE;
	}
	close_others(&options);
	if (options.help)
		fputs(options_help, stdout);
	else if (options.version)
		puts("lodge-vmm " LODGE_VERSION);
	else
		status = make_and_run(&options);
	options_free(&options);
	return status;
}
