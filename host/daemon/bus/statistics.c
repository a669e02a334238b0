/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.lodge1.Manager: figures of the host and of all VMs, and the page that shows them. */
#include "host/daemon/bus/internal.h"

#include "host/daemon/lodged.h"
#include "host/daemon/statistics/statistics.h"
#include "host/daemon/web/web.h"
#include "protocol/base/bytes.h"

#include <stdlib.h>

struct asking {
	struct statistics_waiter waiter;
	struct call *call;
};

static void append_figures(DBusMessageIter *dict, const struct figure_table *table,
			   const struct figures *figures)
{
	for (unsigned int i = 0; i < table->count; i++) {
		if (figures_have(figures, i))
			append_basic(dict, table->figure[i].key, DBUS_TYPE_UINT64,
				     &figures->value[i]);
	}
}

static void append_vm(DBusMessageIter *vms, const struct vm *vm)
{
	const char *state = vm_state_text(vm->state), *backend = vm->backend->name;
	DBusMessageIter entry, dict;
	char label[VM_LABEL_MAX];

	dbus_message_iter_open_container(vms, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
	append_text(&entry, vm_label(vm, label));
	dbus_message_iter_open_container(&entry, DBUS_TYPE_ARRAY, "{sv}", &dict);
	append_basic(&dict, "State", DBUS_TYPE_STRING, &state);
	append_basic(&dict, "Backend", DBUS_TYPE_STRING, &backend);
	append_figures(&dict, &vm_figure_table, &vm->figures);
	dbus_message_iter_close_container(&entry, &dict);
	dbus_message_iter_close_container(vms, &entry);
}

static void answer(struct statistics_waiter *waiter)
{
	struct asking *asking = CONTAINER_OF(waiter, struct asking, waiter);
	struct call *call = asking->call;
	DBusMessage *reply = call_new_reply(call);
	DBusMessageIter iter, dict;

	free(asking);
	dbus_message_iter_init_append(reply, &iter);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	append_figures(&dict, &host_figure_table, statistics_of_host(call->lodged->statistics));
	dbus_message_iter_close_container(&iter, &dict);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sa{sv}}", &dict);
	for (const struct vm *vm = call->lodged->vms; vm; vm = vm->next)
		append_vm(&dict, vm);
	dbus_message_iter_close_container(&iter, &dict);
	call_reply(call, reply);
}

static void ask(struct call *call, bool happened)
{
	struct asking *asking = malloc(sizeof(*asking));

	(void)happened;
	if (!asking) {
		call_fail(call, BUS_ERROR(Failed), "out of memory");
		return;
	}
	*asking = (struct asking){.waiter.done = answer, .call = call};
	statistics_ask(call->lodged->statistics, &asking->waiter);
}

void tell_statistics(struct call *call)
{
	call_when_listed(call, ask);
}

/* --- The page --------------------------------------------------------------------------------- */

void open_web(struct call *call)
{
	char address[WEB_ADDRESS], error[512];
	DBusMessage *reply;
	DBusMessageIter iter;
	dbus_uint32_t port;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT32, &port, DBUS_TYPE_INVALID);
	if (port > UINT16_MAX) {
		call_fail(call, BUS_ERROR(InvalidArgument), "%u is no port", port);
		return;
	}
	if (web_open(call->lodged->web, port, address, error, sizeof(error)) < 0) {
		call_fail(call, BUS_ERROR(Failed), "%s", error);
		return;
	}
	reply = call_new_reply(call);
	dbus_message_iter_init_append(reply, &iter);
	append_text(&iter, address);
	call_reply(call, reply);
}

void close_web(struct call *call)
{
	web_stop(call->lodged->web);
	call_done(call, 0, "");
}
