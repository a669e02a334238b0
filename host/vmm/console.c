/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/console.h"

#include "host/vmm/kvm.h"
#include "host/vmm/loop.h"
#include "host/vmm/ports.h"
#include "host/vmm/serial.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define GATHER_MS 4   /* how long output waits for more */
#define RETRY_MS  100 /* how long for a far end that takes none */
#define LAST_MS	  1000
#define PIECE	  4096 /* PIPE_BUF: what a writable pipe takes without blocking */

struct console {
	struct vm *vm;
	struct serial serial;
	int listen_fd;	   /* SERIAL_UNIX */
	int in_fd, out_fd; /* a client's socket, or standard input and output; negative: none */
	int timer_fd;	   /* time to write */
	int room_fd;	   /* eventfd: the guest has read its input */
	struct loop_source *listen_source, *in_source, *timer_source, *room_source;
	/* Guarded by the I/O lock. */
	uint8_t kept[CONSOLE_KEPT];
	size_t first, count;
	bool input_waits; /* for room */
};

static void lock(struct console *console)
{
	pthread_mutex_lock(&console->vm->io_lock);
}

static void unlock(struct console *console)
{
	pthread_mutex_unlock(&console->vm->io_lock);
}

/* --- The guest's side: in vCPU threads, with the I/O lock held ----------------------------------
 */

static void write_after(struct console *console, long milliseconds)
{
	struct itimerspec when = {.it_value.tv_nsec = milliseconds * 1000000};

	timerfd_settime(console->timer_fd, 0, &when, NULL);
}

static void output(void *owner, uint8_t byte)
{
	struct console *console = owner;

	if (console->count == CONSOLE_KEPT) {
		console->first = (console->first + 1) % CONSOLE_KEPT;
		console->count--;
	}
	console->kept[(console->first + console->count) % CONSOLE_KEPT] = byte;
	if (console->count++ == 0)
		write_after(console, GATHER_MS);
}

static void set_irq(void *owner, bool level)
{
	struct console *console = owner;

	kvm_set_irq(console->vm->kvm, SERIAL_IRQ, level);
}

static void room(void *owner)
{
	struct console *console = owner;

	if (!console->input_waits)
		return;
	console->input_waits = false;
	eventfd_write(console->room_fd, 1);
}

static const struct serial_handlers serial_handlers = {output, set_irq, room};

/* --- Output: the main thread -------------------------------------------------------------------
 */

static bool takes_output(int fd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

	return poll(&poll_fd, 1, timeout_ms) == 1 && (poll_fd.revents & POLLOUT);
}

/*
 * Write a piece of what is kept. Standard output is shared with others, so it is not made
 * non-blocking: it is asked first. Return: bytes written; 0 if the far end takes none.
 */
static size_t write_piece(struct console *console, int timeout_ms)
{
	uint8_t piece[PIECE];
	size_t length;
	ssize_t done;

	lock(console);
	length = MIN(MIN(console->count, CONSOLE_KEPT - console->first), sizeof(piece));
	memcpy(piece, console->kept + console->first, length);
	unlock(console);
	if (length == 0 || !takes_output(console->out_fd, timeout_ms))
		return 0;
	done = write(console->out_fd, piece, length);
	if (done <= 0)
		return 0;

	/* If the ring ran over meanwhile, some of what was written is gone already. */
	lock(console);
	length = MIN((size_t)done, console->count);
	console->first = (console->first + length) % CONSOLE_KEPT;
	console->count -= length;
	unlock(console);
	return (size_t)done;
}

/* Write what is there. What the guest adds meanwhile waits for more, again. */
static void write_kept(struct console *console, int timeout_ms)
{
	size_t todo, done = 1;

	lock(console);
	todo = console->count;
	unlock(console);
	while (console->out_fd >= 0 && todo > 0 && done > 0) {
		done = write_piece(console, timeout_ms);
		todo -= MIN(done, todo);
	}
	lock(console);
	if (console->out_fd >= 0 && console->count > 0)
		write_after(console, done > 0 ? GATHER_MS : RETRY_MS);
	unlock(console);
}

static void timer_fired(void *owner, uint32_t events)
{
	struct console *console = owner;
	uint64_t ignored;

	(void)events;
	if (read(console->timer_fd, &ignored, sizeof(ignored)) > 0)
		write_kept(console, 0);
}

/* --- Input -------------------------------------------------------------------------------------
 */

static void drop_client(struct console *console)
{
	loop_remove(console->in_source);
	console->in_source = NULL;
	if (console->listen_fd >= 0) {
		cleanup_close(&console->in_fd);
		loop_modify(console->listen_source, EPOLLIN);
		console->out_fd = -EBADF;
	}
	console->in_fd = -EBADF;
}

static void input_ready(void *owner, uint32_t events)
{
	struct console *console = owner;
	uint8_t bytes[SERIAL_FIFO_SIZE];
	ssize_t length;
	size_t wanted;

	(void)events;
	lock(console);
	wanted = serial_room(&console->serial);
	console->input_waits = wanted == 0;
	unlock(console);
	if (wanted == 0) {
		loop_modify(console->in_source, 0);
		if (events & (EPOLLHUP | EPOLLERR))
			drop_client(console);
		return;
	}
	length = read(console->in_fd, bytes, wanted);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		drop_client(console);
		return;
	}
	lock(console);
	serial_input(&console->serial, bytes, (size_t)length);
	unlock(console);
}

static void room_made(void *owner, uint32_t events)
{
	struct console *console = owner;
	eventfd_t ignored;

	(void)events;
	eventfd_read(console->room_fd, &ignored);
	if (console->in_source)
		loop_modify(console->in_source, EPOLLIN);
}

static void client_waits(void *owner, uint32_t events)
{
	struct console *console = owner;
	int fd = accept4(console->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (loop_add_fd(console->vm->loop, fd, EPOLLIN, input_ready, console, &console->in_source) <
	    0) {
		close(fd);
		return;
	}
	console->in_fd = console->out_fd = fd;
	loop_modify(console->listen_source, 0);
	write_kept(console, 0);
}

/* --- Making and ending it ----------------------------------------------------------------------
 */

static int open_socket(struct console *console)
{
	const char *path = console->vm->options->serial_path;

	console->listen_fd = socket_list_listen(&console->vm->sockets, path);
	if (console->listen_fd < 0) {
		log_error("cannot listen on %s for the serial console: %s", path,
			  error_text(console->listen_fd));
		return console->listen_fd;
	}
	return loop_add_fd(console->vm->loop, console->listen_fd, EPOLLIN, client_waits, console,
			   &console->listen_source);
}

/* Standard input that cannot be waited for (a file, /dev/null) is no input. */
static int open_stdio(struct console *console)
{
	int error;

	console->out_fd = STDOUT_FILENO;
	console->in_fd = STDIN_FILENO;
	error = loop_add_fd(console->vm->loop, console->in_fd, EPOLLIN, input_ready, console,
			    &console->in_source);
	return error == -EPERM ? 0 : error;
}

static int open_far_end(struct console *console)
{
	struct loop *loop = console->vm->loop;
	int error;

	console->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	console->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (console->timer_fd < 0 || console->room_fd < 0)
		return -errno;
	error = loop_add_fd(loop, console->timer_fd, EPOLLIN, timer_fired, console,
			    &console->timer_source);
	if (!error)
		error = loop_add_fd(loop, console->room_fd, EPOLLIN, room_made, console,
				    &console->room_source);
	if (error)
		return error;
	return console->vm->options->serial == SERIAL_UNIX ? open_socket(console)
							   : open_stdio(console);
}

int console_new(struct vm *vm, struct console **console)
{
	struct console *made;
	int error;

	*console = NULL;
	if (vm->options->serial == SERIAL_NONE)
		return 0;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->vm = vm;
	made->listen_fd = made->in_fd = made->out_fd = made->timer_fd = made->room_fd = -EBADF;
	error = serial_init(&made->serial, &vm->pio, &serial_handlers, made);
	if (!error)
		error = open_far_end(made);
	if (error) {
		console_free(made);
		return error;
	}
	*console = made;
	return 0;
}

void console_free(struct console *console)
{
	if (!console)
		return;
	if (console->timer_fd >= 0)
		write_kept(console, LAST_MS);
	loop_remove(console->in_source);
	loop_remove(console->listen_source);
	loop_remove(console->timer_source);
	loop_remove(console->room_source);
	if (console->listen_fd >= 0)
		cleanup_close(&console->in_fd);
	cleanup_close(&console->listen_fd);
	cleanup_close(&console->timer_fd);
	cleanup_close(&console->room_fd);
	free(console);
}

void console_reset(struct console *console)
{
	if (!console)
		return;
	lock(console);
	serial_reset(&console->serial);
	unlock(console);
}
