/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* internal - what the files of the bus share */
#ifndef LODGE_DAEMON_BUS_INTERNAL_H
#define LODGE_DAEMON_BUS_INTERNAL_H

#include "host/daemon/backend.h"
#include "host/daemon/bus/bus.h"

#include <dbus/dbus.h>
#include <stdint.h>

#define BUS_NAME	      "org.lodge1"
#define BUS_PATH_MANAGER      "/org/lodge1"
#define BUS_PATH_VM	      "/org/lodge1/vm"
#define BUS_PATH_DOMAIN	      "/org/lodge1/domain"
#define BUS_INTERFACE_MANAGER "org.lodge1.Manager"
#define BUS_INTERFACE_VM      "org.lodge1.VM"

#define BUS_ERROR(name) "org.lodge1.Error." #name

/* A method call that is being answered, maybe later. */
struct call {
	struct lodged *lodged;
	struct vm *vm; /* org.lodge1.VM: whose */
	DBusConnection *connection;
	DBusMessage *message;
};

struct bus_method {
	const char *name;
	const char *in; /* "s name a{sv} options": types and names of arguments, in turn */
	const char *out;
	/* Answers by call_reply(), call_done() or call_fail(), now or later, once. The call is
	 * its own until then; @vm in it may be gone before. */
	void (*handle)(struct call *call);
};

struct bus_signal {
	const char *name, *arguments;
};

struct bus_property {
	const char *name, *type;
	void (*get)(const struct call *call, DBusMessageIter *value);
};

struct bus_interface {
	const char *name;
	const struct bus_method *methods;
	size_t method_count;
	const struct bus_signal *signals;
	size_t signal_count;
	const struct bus_property *properties;
	size_t property_count;
};

extern const struct bus_interface bus_manager_interface, bus_vm_interface;

/* dispatch.c */
DBusHandlerResult bus_dispatch(struct lodged *lodged, DBusConnection *connection,
			       DBusMessage *message);
/* All properties of an interface as a{sv}. */
void bus_append_properties(const struct call *call, const struct bus_interface *interface,
			   DBusMessageIter *iter);

/* message.c */
/* A call that holds references; answering it frees it. NULL without memory. */
struct call *call_keep(const struct call *call);
/* Sends @reply, consumed; NULL: nobody is told. */
void call_reply(struct call *call, DBusMessage *reply);
/* What a VMM or a guest said need not be UTF-8, which D-Bus insists on: in place. */
void message_make_valid(char *text);
/* An empty reply, or an error with one line for people. */
void call_done(struct call *call, int error, const char *text);
void call_fail(struct call *call, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
DBusMessage *call_new_reply(struct call *call);
/* A reply of one descriptor, which is closed. */
void call_reply_fd(struct call *call, int fd);
/* Appends "key": variant of a basic type to a{sv}. */
void append_basic(DBusMessageIter *dict, const char *key, int type, const void *value);
void append_text(DBusMessageIter *iter, const char *text);
/* The object path of a VM; in @path. */
#define BUS_PATH_MAX 256
void vm_object_path(const struct vm *vm, char path[BUS_PATH_MAX]);
struct vm *vm_of_path(struct lodged *lodged, const char *path);

/* waiting.c */
/**
 * call_wait() - answer later
 * @list:	of @call->vm: what it waits for
 * @timeout_ms:	0: for ever
 * @answer:	answers the call; @happened: in time
 */
void call_wait(struct call *call, struct vm_waiter **list, uint64_t timeout_ms,
	       void (*answer)(struct call *call, bool happened));

/* server.c */
void bus_emit(struct bus *bus, DBusMessage *signal);

/* execute.c */
void execute_in_vm(struct call *call);

/* agent.c */
void wait_agent(struct call *call);
void open_agent(struct call *call);
void ping_agent(struct call *call);
void attach_agent(struct call *call);
/* Goes on when the agent answers, or does not soon, in a guest that runs; @go answers the call. */
void call_with_agent(struct call *call, void (*go)(struct call *call, bool happened));
/* Goes on when what is made on demand has been made. */
void call_with_port(struct call *call, enum backend_port port, void (*go)(struct call *call));

/* machine.c */
/* true: the guest can answer. Else (it is paused) the call has been answered with an error. */
bool call_guest_runs(struct call *call);

/* manager.c */
/* Goes on when it is known what runs in the host's libvirt. */
void call_when_listed(struct call *call, void (*go)(struct call *call, bool happened));

/* statistics.c */
void tell_statistics(struct call *call);
void open_web(struct call *call);
void close_web(struct call *call);

/* share.c */
void add_share(struct call *call);
void remove_share(struct call *call);
void list_shares(struct call *call);

/* memory.c */
void list_memory(struct call *call);
void get_memory_policy(struct call *call);
void set_memory_policy(struct call *call);
void get_vm_memory(struct call *call);
void set_vm_memory(struct call *call);
void explain_memory(struct call *call);

/* screen.c */
void open_screen_control(struct call *call);
void open_screen(struct call *call);
void listen_screen(struct call *call);
void close_screen(struct call *call);
const char *screen_state_text(const struct vm *vm);

#endif
