/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is opened in a domain when somebody asks for it, by what its XML says at that moment:
 * devices come and go.
 */
#include "host/daemon/backend/domain.h"

#include "host/daemon/backend/picture_pump.h"
#include "host/daemon/backend/stream_pump.h"
#include "host/daemon/broker/agent_link.h"
#include "host/daemon/console.h"
#include "host/daemon/lodged.h"
#include "host/daemon/screen/screen.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static void refuse(struct domain_call *call, int error,
							 const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(call->call.text, sizeof(call->call.text), format, values);
	va_end(values);
	call->call.error = error;
}

/* --- The agent ------------------------------------------------------------------------------ */

static void ask_agent(struct domain_call *call, virDomainPtr domain)
{
	if (domain_call_reads_facts(call, domain) < 0)
		return;
	if (!call->facts.has_channel)
		refuse(call, -ENOTCONN,
		       "'%s' has no channel " DOMAIN_AGENT_PORT
		       " for Lodge's agent: lodge attach adds it",
		       virDomainGetName(domain));
	else
		call->connects = access(call->facts.channel_path, R_OK | W_OK) == 0;
}

static void agent_asked(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	struct domain *domain = vm->machine;

	if (error == 0) {
		domain->facts = call->facts;
		vm_connect_agent(vm, call->connects ? call->facts.channel_path : NULL);
	}
	if (call->done)
		call->done(call->owner, error, text);
}

static virStreamPtr new_stream(struct domain_call *call)
{
	virStreamPtr stream = virStreamNew(call->connect, 0);

	if (!stream)
		domain_call_fails(call, -EIO);
	return stream;
}

/* The stream becomes a socket, if it was opened: @result is libvirt's. */
static void take_stream(struct domain_call *call, virStreamPtr stream, int result)
{
	if (result < 0) {
		domain_call_fails(call, virGetLastErrorCode() == VIR_ERR_OPERATION_FAILED ? -EBUSY
											  : -EIO);
		virStreamFree(stream);
		return;
	}
	call->fd = stream_pump_new(stream);
	if (call->fd < 0)
		refuse(call, call->fd, "no stream: %s", error_text(call->fd));
}

static void ask_channel(struct domain_call *call, virDomainPtr domain)
{
	virStreamPtr stream = new_stream(call);

	if (stream)
		take_stream(call, stream,
			    virDomainOpenChannel(domain, DOMAIN_AGENT_PORT, stream, 0));
}

static void channel_asked(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	if (!vm->agent)
		return;
	if (error)
		log_debug("%s: no agent's channel: %s", vm->name, text);
	agent_link_give(vm->agent, error ? error : take_fd(&call->fd));
}

void domain_open_agent(struct vm *vm)
{
	struct domain_call *call = domain_call_new(vm, ask_channel, channel_asked);

	if (call)
		domain_call_start(call);
	else
		agent_link_give(vm->agent, -ENOMEM);
}

/* --- The console ---------------------------------------------------------------------------- */

static void ask_console(struct domain_call *call, virDomainPtr domain)
{
	virStreamPtr stream = new_stream(call);

	if (stream)
		take_stream(call, stream,
			    virDomainOpenConsole(domain, NULL, stream, VIR_DOMAIN_CONSOLE_SAFE));
}

static void console_asked(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	if (!error && !vm->console)
		error = console_new(&vm->lodged->loop, NULL, &vm->console);
	if (!error && !console_is_connected(vm->console))
		error = console_give(vm->console, take_fd(&call->fd));
	lodged_check_idle(vm->lodged);
	call->done(call->owner, error, text[0] || !error ? text : error_text(error));
}

/* --- The screen ----------------------------------------------------------------------------- */

static void ask_screen(struct domain_call *call, virDomainPtr domain)
{
	if (domain_call_reads_facts(call, domain) < 0 ||
	    call->facts.graphics != DOMAIN_GRAPHICS_NONE)
		return;
	refuse(call, -EINVAL,
	       "'%s' has no display: add <graphics type='vnc'><listen type='none'/></graphics> or "
	       "<graphics type='dbus' p2p='yes'/> with virsh edit, and start it anew",
	       virDomainGetName(domain));
}

int domain_start_screen(struct vm *vm, bool adopted, char *error, size_t capacity)
{
	const struct domain *domain = vm->machine;
	int r = 0;

	if (vm->screen)
		return 0;
	snprintf(error, capacity, "it has no display any more");
	if (domain->facts.graphics == DOMAIN_GRAPHICS_NONE)
		return -ENOENT;
	if (!vm->options.display)
		vm->options.display = strdup("on");
	if (!adopted)
		r = vm_make_folder(vm);
	if (r < 0)
		snprintf(error, capacity, "cannot make the folder %s: %s", vm->path, error_text(r));
	else
		r = vm_screen_new(vm, adopted, error, capacity);
	if (r < 0)
		return r;
	vm_screen_start(vm);
	lodged_check_idle(vm->lodged);
	/* For the clipboard, and to follow the window. */
	domain_attend(vm, BACKEND_PORT_AGENT, NULL, NULL);
	return 0;
}

static void screen_asked(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	struct domain *domain = vm->machine;
	char words[512] = "";

	if (error == 0) {
		domain->facts = call->facts;
		error = domain_start_screen(vm, false, words, sizeof(words));
		text = words;
	}
	call->done(call->owner, error, text);
}

static void ask_graphics(struct domain_call *call, virDomainPtr domain)
{
	if (call->domain->facts.graphics == DOMAIN_GRAPHICS_PICTURES) {
		call->fd = picture_pump_new(domain);
		if (call->fd < 0)
			refuse(call, call->fd, "no pictures: %s", error_text(call->fd));
		return;
	}
	call->fd = virDomainOpenGraphicsFD(domain, call->domain->facts.graphics_index,
					   VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH);
	if (call->fd < 0)
		domain_call_fails(call, -EIO);
}

static void graphics_asked(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	call->opened(vm, error ? error : take_fd(&call->fd), text);
}

void domain_open_graphics(struct vm *vm, void (*opened)(struct vm *vm, int fd, const char *text))
{
	struct domain_call *call = domain_call_new(vm, ask_graphics, graphics_asked);

	if (!call) {
		opened(vm, -ENOMEM, "out of memory");
		return;
	}
	call->opened = opened;
	domain_call_start(call);
}

/* --- All of them ---------------------------------------------------------------------------- */

void domain_attend(struct vm *vm, enum backend_port port, backend_done done, void *owner)
{
	static const struct {
		void (*ask)(struct domain_call *call, virDomainPtr domain);
		void (*answer)(struct domain_call *call, struct vm *vm, int error,
			       const char *text);
	} ports[] = {
		[BACKEND_PORT_AGENT] = {ask_agent, agent_asked},
		[BACKEND_PORT_CONSOLE] = {ask_console, console_asked},
		[BACKEND_PORT_SCREEN] = {ask_screen, screen_asked},
	};
	struct domain_call *call = domain_call_new(vm, ports[port].ask, ports[port].answer);

	if (!call) {
		if (done)
			done(owner, -ENOMEM, "out of memory");
		return;
	}
	call->done = done;
	call->owner = owner;
	domain_call_start(call);
}

/* --- Adding the channel --------------------------------------------------------------------- */

static int add_channel(virDomainPtr domain, unsigned int flags)
{
	return virDomainAttachDeviceFlags(domain,
					  "<channel type='unix'>"
					  "<target type='virtio' name='" DOMAIN_AGENT_PORT "'/>"
					  "</channel>",
					  flags);
}

static bool is_in_definition(virDomainPtr domain)
{
	struct domain_facts facts = {0};
	char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
	bool is_there = xml && domain_facts_read(xml, &facts) == 0 && facts.has_channel;

	free(xml);
	return is_there;
}

static void ask_attach(struct domain_call *call, virDomainPtr domain)
{
	const char *name = virDomainGetName(domain);

	if (domain_call_reads_facts(call, domain) < 0)
		return;
	if (call->facts.has_channel)
		refuse(call, -EEXIST, "'%s' has the channel " DOMAIN_AGENT_PORT " already", name);
	else if (add_channel(domain, VIR_DOMAIN_AFFECT_LIVE) < 0)
		domain_call_fails(call, -EIO);
	else if (virDomainIsPersistent(domain) > 0 && !is_in_definition(domain) &&
		 add_channel(domain, VIR_DOMAIN_AFFECT_CONFIG) < 0)
		refuse(call, -EIO, "'%s' has the channel now, but not when it starts anew: %s",
		       name, virGetLastErrorMessage());
}

static void attach_asked(struct domain_call *call, struct vm *vm, int error, const char *text)
{
	(void)vm;
	call->done(call->owner, error, text);
}

void domain_attach_agent(struct vm *vm, backend_done done, void *owner)
{
	struct domain_call *call = domain_call_new(vm, ask_attach, attach_asked);

	if (!call) {
		done(owner, -ENOMEM, "out of memory");
		return;
	}
	call->done = done;
	call->owner = owner;
	domain_call_start(call);
}
