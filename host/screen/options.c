/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/options.h"

#include "host/screen/keyboard.h"
#include "host/screen/web/web.h"
#include "protocol/arguments/arguments.h"

#include <string.h>

const char screen_options_help[] =
	"usage: lodge-screen {--vmm PATH | --qemu FD | --await-qemu | --vnc-source FD | "
	"--await-vnc\n"
	"                    | --await-pictures} [OPTION...]\n"
	"\n"
	"Shows the screen of one virtual machine to viewers, and takes their input to it. It ends\n"
	"when the machine does.\n"
	"\n"
	"  --vmm PATH             lodge-vmm's display socket (lodge-vmm --display)\n"
	"  --qemu FD              connected to QEMU's D-Bus display, peer to peer\n"
	"  --await-qemu           such a connection is handed over later (--handoff)\n"
	"  --vnc-source FD        connected to QEMU's VNC server, which asks no password: one "
	"head\n"
	"  --await-vnc            such a connection is handed over later\n"
	"  --await-pictures       one that brings one picture after the other is\n"
	"  --name NAME            of the virtual machine, for viewers\n"
	"  --vnc PATH             listen there for VNC viewers: without password, for whoever may\n"
	"                         open the socket\n"
	"  --control PATH         listen there for lodge\n"
	"  --handoff PATH         listen there for descriptors of viewers, listeners and the "
	"agent\n"
	"  --keyboard LAYOUT      what the guest's keyboard is set to: us (default), de, "
	"fr(oss)...\n"
	"  --tls-certificate PATH, --tls-key PATH\n"
	"                         PEM; without them one is made when it is needed\n"
	"  --novnc FOLDER         noVNC's files (" WEB_NOVNC ")\n"
	"  --clipboard POLICY     what may be copied here and pasted in the guest, and the other "
	"way:\n"
	"                         off, all, some of text,images,files, to-guest=..., to-host=...,\n"
	"                         max=SIZE, primary=on (to-guest=all,to-host=text)\n"
	"  --ready-fd N           write a byte there when all is set up\n"
	"  --no-sandbox           for debugging\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 the machine has ended; 1 failure; 2 wrong command line.\n";

static int take_clipboard(struct arguments *arguments, const char *value)
{
	struct screen_options *options = arguments->options;

	if (clipboard_policy_parse(value, &options->clipboard) == 0)
		return 0;
	return arguments_refuse(arguments,
				"'%s' is no clipboard policy: off, all, or some of "
				"text,images,files; see lodge-screen(8)",
				value);
}

#define FIELD(name) offsetof(struct screen_options, name)

static const struct argument table[] = {
	{"vmm", ARGUMENT_TEXT, FIELD(vmm), NULL},
	{"qemu", ARGUMENT_DESCRIPTOR, FIELD(qemu_fd), NULL},
	{"await-qemu", ARGUMENT_ON, FIELD(await_qemu), NULL},
	{"vnc-source", ARGUMENT_DESCRIPTOR, FIELD(vnc_source_fd), NULL},
	{"await-vnc", ARGUMENT_ON, FIELD(await_vnc), NULL},
	{"await-pictures", ARGUMENT_ON, FIELD(await_pictures), NULL},
	{"name", ARGUMENT_TEXT, FIELD(name), NULL},
	{"vnc", ARGUMENT_TEXT, FIELD(vnc), NULL},
	{"control", ARGUMENT_TEXT, FIELD(control), NULL},
	{"handoff", ARGUMENT_TEXT, FIELD(handoff), NULL},
	{"keyboard", ARGUMENT_TEXT, FIELD(keyboard), NULL},
	{"tls-certificate", ARGUMENT_TEXT, FIELD(certificate), NULL},
	{"tls-key", ARGUMENT_TEXT, FIELD(key), NULL},
	{"novnc", ARGUMENT_TEXT, FIELD(novnc), NULL},
	{"clipboard", ARGUMENT_OTHER, 0, take_clipboard},
	{"ready-fd", ARGUMENT_DESCRIPTOR, FIELD(ready_fd), NULL},
	{"no-sandbox", ARGUMENT_OFF, FIELD(sandbox), NULL},
	{"help", ARGUMENT_ON, FIELD(help), NULL},
	{"version", ARGUMENT_ON, FIELD(version), NULL},
	{0},
};

static int check(const struct arguments *arguments, const struct screen_options *options)
{
	int sources = (options->vmm != NULL) + (options->qemu_fd >= 0) + options->await_qemu +
		      (options->vnc_source_fd >= 0) + options->await_vnc + options->await_pictures;

	if (sources != 1)
		return arguments_refuse(arguments,
					"one of --vmm, --qemu, --await-qemu, --vnc-source, "
					"--await-vnc and --await-pictures is needed; see --help");
	if ((options->await_qemu || options->await_vnc || options->await_pictures) &&
	    !options->handoff)
		return arguments_refuse(arguments, "--await-qemu, --await-vnc and "
						   "--await-pictures need --handoff");
	if (!options->certificate != !options->key)
		return arguments_refuse(arguments, "--tls-certificate and --tls-key go together");
	return 0;
}

int screen_options_parse(int count, char *const words[], struct screen_options *options,
			 char *error, size_t error_size)
{
	struct arguments arguments = {options, error, error_size};
	int result;

	*options = (struct screen_options){
		.qemu_fd = -1,
		.vnc_source_fd = -1,
		.ready_fd = -1,
		.name = "lodge",
		.keyboard = KEYBOARD_LAYOUT_DEFAULT,
		.novnc = WEB_NOVNC,
		.clipboard = CLIPBOARD_POLICY_DEFAULT,
		.sandbox = true,
	};
	result = arguments_parse(&arguments, table, count, words);
	if (result < 0 || options->help || options->version)
		return result;
	return check(&arguments, options);
}
