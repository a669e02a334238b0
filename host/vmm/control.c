/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/control.h"

#include "host/vmm/counters.h"
#include "host/vmm/loop.h"
#include "host/vmm/memory_control.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/frame.h"
#include "protocol/message.h"
#include "protocol/session.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define MAX_CLIENTS  16
#define BUFFER_SIZE  (FRAME_HEADER_SIZE + 8192)
#define REPLY_SIZE   4096
#define DEVICES_SIZE 2048

struct client {
	struct control *control;
	struct session *session;
	int fd;
	struct loop_source *source;
	/* Taken from the session and not written yet. */
	uint8_t output[BUFFER_SIZE];
	size_t output_at, output_length;
	bool waits_for_room;
	bool gone; /* to be freed when no handler of its session runs */
};

struct control {
	struct machine *machine;
	const struct options *options;
	struct memory_control *memory;
	int listen_fd;
	struct loop_source *source;
	struct client *client[MAX_CLIENTS];
};

/* --- Methods -----------------------------------------------------------------------------------
 */

/* A text for each function on the bus. */
static struct slice list_devices(struct control *control, uint8_t *bytes, size_t capacity)
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = capacity};
	const struct pci_bus *bus = &machine_vm(control->machine)->pci;
	unsigned int count = 0;

	while (count < PCI_SLOTS && bus->function[count])
		count++;
	cbor_put_array(&writer, count);
	for (unsigned int i = 0; i < count; i++)
		cbor_put_text(&writer, slice_of(bus->function[i]->name));
	return cbor_written(&writer);
}

static void reply_info(struct control *control, struct stream *stream)
{
	struct machine *machine = control->machine;
	uint8_t devices[DEVICES_SIZE], bytes[REPLY_SIZE];
	struct vm_info info = {
		.name = slice_of(control->options->name),
		.state = slice_of(machine_state_name(machine_state(machine))),
		.pid = (uint64_t)getpid(),
		.processors = control->options->cpus,
		.memory_bytes = control->options->memory_bytes,
		.restarts = machine_restarts(machine),
		.boot = slice_of(machine_boot_kind(machine)),
		.devices = list_devices(control, devices, sizeof(devices)),
		.sandboxed = control->options->sandbox,
	};
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_vm_info, &info, &writer);
	stream_reply(stream, cbor_written(&writer));
}

static int stop(struct machine *machine)
{
	machine_kill(machine);
	return 0;
}

static const struct {
	const char *method;
	int (*act)(struct machine *machine);
} methods[] = {
	{"vm.pause", machine_pause},
	{"vm.resume", machine_resume},
	{"vm.power-button", machine_press_power_button},
	{"vm.reset", machine_reset},
	{"vm.stop", stop},
};

static void answer(struct control *control, struct stream *stream, struct slice method,
		   struct slice params)
{
	char text[96];
	int error = -ENOSYS;

	if (slice_is(method, "vm.info")) {
		reply_info(control, stream);
		return;
	}
	if (slice_is(method, "vm.counters")) {
		uint8_t bytes[COUNTERS_SIZE];

		stream_reply(stream, counters_describe(machine_vm(control->machine), bytes));
		return;
	}
	if (memory_control_answer(control->memory, stream, method, params))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (slice_is(method, methods[i].method))
			error = methods[i].act(control->machine);
	snprintf(text, sizeof(text), "the machine is %s",
		 machine_state_name(machine_state(control->machine)));
	if (error)
		stream_fail(stream, error,
			    error == -ENOSYS ? "lodge-vmm does not know this method" : text);
	else
		stream_reply(stream, (struct slice){NULL, 0});
}

/* --- Moving bytes ------------------------------------------------------------------------------
 */

static void set_waiting(struct client *client, bool waits)
{
	if (client->waits_for_room == waits)
		return;
	client->waits_for_room = waits;
	loop_modify(client->source, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void send_output(struct client *client)
{
	while (!client->gone) {
		ssize_t done;

		if (client->output_at == client->output_length) {
			client->output_at = 0;
			client->output_length = session_output(client->session, client->output,
							       sizeof(client->output));
			if (client->output_length == 0)
				break;
		}
		done = send(client->fd, client->output + client->output_at,
			    client->output_length - client->output_at, MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN) {
			set_waiting(client, true);
			return;
		}
		if (done < 0 && errno != EINTR)
			client->gone = true;
		client->output_at += done > 0 ? (size_t)done : 0;
	}
	if (!client->gone)
		set_waiting(client, false);
}

static void free_client(struct control *control, size_t index)
{
	struct client *client = control->client[index];

	control->client[index] = NULL;
	loop_remove(client->source);
	session_free(client->session);
	cleanup_close(&client->fd);
	free(client);
	loop_modify(control->source, EPOLLIN);
}

static void free_gone(struct control *control)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (control->client[i] && control->client[i]->gone)
			free_client(control, i);
}

static void client_ready(void *owner, uint32_t events)
{
	struct client *client = owner;
	struct control *control = client->control;
	uint8_t bytes[4096];

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		ssize_t length = recv(client->fd, bytes, sizeof(bytes), 0);

		if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
			client->gone = true;
		else if (length > 0 && session_receive(client->session, bytes, (size_t)length) < 0)
			client->gone = true;
	}
	send_output(client);
	free_gone(control);
}

/* --- Sessions ----------------------------------------------------------------------------------
 */

static void request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct client *client = owner;

	answer(client->control, stream, method, params);
}

/* Output is sent by client_ready() and tell(), in whose calls it arises. */
static void wake(void *owner)
{
	(void)owner;
}

static const struct session_handlers session_handlers = {
	.request = request,
	.wake = wake,
};

static const char *const capabilities[] = {"vm", NULL};

static void add_client(struct control *control, size_t index, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		close(fd);
		return;
	}
	client->control = control;
	client->fd = fd;
	client->session = session_new(SESSION_GUEST, "lodge-vmm " LODGE_VERSION, capabilities,
				      &session_handlers, client);
	if (!client->session || loop_add_fd(machine_vm(control->machine)->loop, fd, EPOLLIN,
					    client_ready, client, &client->source) < 0) {
		session_free(client->session);
		close(fd);
		free(client);
		return;
	}
	control->client[index] = client;
	session_start(client->session);
	send_output(client);
}

static void client_waits(void *owner, uint32_t events)
{
	struct control *control = owner;
	size_t index = 0;
	int fd;

	(void)events;
	while (index < MAX_CLIENTS && control->client[index])
		index++;
	/* With all places taken the next waits until one is free. */
	if (index == MAX_CLIENTS) {
		loop_modify(control->source, 0);
		return;
	}
	fd = accept4(control->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		add_client(control, index, fd);
	free_gone(control);
}

/* May be called while a session's handler runs: marks, but does not free. */
static void tell(void *owner, const char *name, struct slice params)
{
	struct control *control = owner;

	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = control->client[i];

		if (!client || client->gone)
			continue;
		(void)session_event(client->session, name, params);
		send_output(client);
	}
}

static void tell_state(void *owner, enum machine_state state, const char *reason)
{
	struct vm_state message = {slice_of(machine_state_name(state)), slice_of(reason)};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_vm_state, &message, &writer);
	tell(owner, "vm.state", cbor_written(&writer));
}

int control_new(struct machine *machine, const struct options *options, struct control **control)
{
	struct control *made;
	int error;

	*control = NULL;
	if (!options->control)
		return 0;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->machine = machine;
	made->options = options;
	made->listen_fd = -EBADF;
	error = memory_control_new(machine_vm(machine), tell, made, &made->memory);
	if (error) {
		log_error("cannot make the control socket: %s", error_text(error));
		control_free(made);
		return error;
	}
	made->listen_fd = socket_list_listen(&machine_vm(machine)->sockets, options->control);
	error = made->listen_fd < 0 ? made->listen_fd
				    : loop_add_fd(machine_vm(machine)->loop, made->listen_fd,
						  EPOLLIN, client_waits, made, &made->source);
	if (error) {
		log_error("cannot listen on the control socket '%s': %s", options->control,
			  error_text(error));
		control_free(made);
		return error;
	}
	machine_watch(machine, tell_state, made);
	*control = made;
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (control->client[i]) {
			send_output(control->client[i]);
			free_client(control, i);
		}
	machine_watch(control->machine, NULL, NULL);
	memory_control_free(control->memory);
	loop_remove(control->source);
	cleanup_close(&control->listen_fd);
	free(control);
}
