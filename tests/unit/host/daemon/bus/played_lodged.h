/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_lodged - lodged itself in a child process, and calls over its socket
 *
 * It takes up one VM, whose control socket the same child serves in the place of a lodge-vmm, as it
 * does the VM's lodge-screen.
 */
#ifndef LODGE_UNIT_DAEMON_BUS_PLAYED_LODGED_H
#define LODGE_UNIT_DAEMON_BUS_PLAYED_LODGED_H

#include <dbus/dbus.h>
#include <sys/types.h>

#define MANAGER	     "org.lodge1.Manager"
#define MANAGER_PATH "/org/lodge1"
#define VM	     "org.lodge1.VM"
#define VM_NAME	     "a-vm.1"
#define VM_PATH	     "/org/lodge1/vm/a_2dvm_2e1"
#define LIMIT_MS     10000

struct played_lodged {
	char runtime[64];
	pid_t child;
	DBusConnection *connection;
};

void played_lodged_start(struct played_lodged *lodged);
void played_lodged_end(struct played_lodged *lodged);

DBusMessage *new_call(const char *path, const char *interface, const char *method);
DBusMessage *get_property(const char *path, const char *interface, const char *name);
/* One option of type text behind what @iter has; NULL: none. */
void append_option(DBusMessageIter *iter, const char *key, const char *value);
/* These consume @message. The reply, or the error's name in @error (constant size). */
DBusMessage *call(const struct played_lodged *lodged, DBusMessage *message, char error[128]);
void expect_error(const struct played_lodged *lodged, DBusMessage *message, const char *name);
void expect_done(const struct played_lodged *lodged, const char *path, const char *interface,
		 const char *method);
/* The VM's property @name. */
void expect_text(const struct played_lodged *lodged, const char *name, const char *expected);

#endif
