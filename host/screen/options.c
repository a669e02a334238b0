/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/options.h"

#include "host/screen/keyboard.h"
#include "host/screen/web/web.h"
#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>

const char screen_options_help[] =
	"usage: lodge-screen {--vmm PATH | --qemu FD | --await-qemu | --vnc-source FD | "
	"--await-vnc}\n"
	"                    [OPTION...]\n"
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
	"  --clipboard-to-guest {off|text|all}\n"
	"                         what may be pasted in the guest (all)\n"
	"  --clipboard-to-host {off|text|all}\n"
	"                         what may leave the guest (text)\n"
	"  --clipboard-primary {on|off}\n"
	"                         also what is merely selected (off)\n"
	"  --ready-fd N           write a byte there when all is set up\n"
	"  --no-sandbox           for debugging\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 the machine has ended; 1 failure; 2 wrong command line.\n";

enum {
	OPTION_VMM = 256,
	OPTION_QEMU,
	OPTION_AWAIT_QEMU,
	OPTION_VNC_SOURCE,
	OPTION_AWAIT_VNC,
	OPTION_NAME,
	OPTION_VNC,
	OPTION_CONTROL,
	OPTION_HANDOFF,
	OPTION_KEYBOARD,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_NOVNC,
	OPTION_TO_GUEST,
	OPTION_TO_HOST,
	OPTION_PRIMARY,
	OPTION_READY_FD,
	OPTION_NO_SANDBOX,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{"vmm", required_argument, NULL, OPTION_VMM},
	{"qemu", required_argument, NULL, OPTION_QEMU},
	{"await-qemu", no_argument, NULL, OPTION_AWAIT_QEMU},
	{"vnc-source", required_argument, NULL, OPTION_VNC_SOURCE},
	{"await-vnc", no_argument, NULL, OPTION_AWAIT_VNC},
	{"name", required_argument, NULL, OPTION_NAME},
	{"vnc", required_argument, NULL, OPTION_VNC},
	{"control", required_argument, NULL, OPTION_CONTROL},
	{"handoff", required_argument, NULL, OPTION_HANDOFF},
	{"keyboard", required_argument, NULL, OPTION_KEYBOARD},
	{"tls-certificate", required_argument, NULL, OPTION_CERTIFICATE},
	{"tls-key", required_argument, NULL, OPTION_KEY},
	{"novnc", required_argument, NULL, OPTION_NOVNC},
	{"clipboard-to-guest", required_argument, NULL, OPTION_TO_GUEST},
	{"clipboard-to-host", required_argument, NULL, OPTION_TO_HOST},
	{"clipboard-primary", required_argument, NULL, OPTION_PRIMARY},
	{"ready-fd", required_argument, NULL, OPTION_READY_FD},
	{"no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

struct problem {
	char *text;
	size_t size;
};

static int parse_fd(const char *name, const char *text, int *fd, struct problem problem)
{
	uint64_t value;

	if (parse_u64(text, 0, INT_MAX, &value) < 0) {
		snprintf(problem.text, problem.size, "%s '%s' is no descriptor", name, text);
		return -EINVAL;
	}
	*fd = (int)value;
	return 0;
}

static int parse_level(const char *text, enum clipboard_level *level, struct problem problem)
{
	if (strcmp(text, "off") == 0)
		*level = CLIPBOARD_OFF;
	else if (strcmp(text, "text") == 0)
		*level = CLIPBOARD_TEXT_ONLY;
	else if (strcmp(text, "all") == 0)
		*level = CLIPBOARD_ALL;
	else {
		snprintf(problem.text, problem.size,
			 "'%s' is no clipboard policy: off, text or all", text);
		return -EINVAL;
	}
	return 0;
}

static int parse_primary(const char *text, bool *primary, struct problem problem)
{
	*primary = strcmp(text, "on") == 0;
	if (*primary || strcmp(text, "off") == 0)
		return 0;
	snprintf(problem.text, problem.size, "--clipboard-primary '%s' is neither on nor off",
		 text);
	return -EINVAL;
}

/* Where an option's text goes as it is; NULL: it is another kind. */
static const char **text_of(struct screen_options *options, int option)
{
	switch (option) {
	case OPTION_VMM:
		return &options->vmm;
	case OPTION_NAME:
		return &options->name;
	case OPTION_VNC:
		return &options->vnc;
	case OPTION_CONTROL:
		return &options->control;
	case OPTION_HANDOFF:
		return &options->handoff;
	case OPTION_KEYBOARD:
		return &options->keyboard;
	case OPTION_CERTIFICATE:
		return &options->certificate;
	case OPTION_KEY:
		return &options->key;
	case OPTION_NOVNC:
		return &options->novnc;
	default:
		return NULL;
	}
}

static int take(struct screen_options *options, int option, struct problem problem)
{
	const char **text = text_of(options, option);

	if (text) {
		*text = optarg;
		return 0;
	}
	switch (option) {
	case OPTION_QEMU:
		return parse_fd("--qemu", optarg, &options->qemu_fd, problem);
	case OPTION_VNC_SOURCE:
		return parse_fd("--vnc-source", optarg, &options->vnc_source_fd, problem);
	case OPTION_READY_FD:
		return parse_fd("--ready-fd", optarg, &options->ready_fd, problem);
	case OPTION_TO_GUEST:
		return parse_level(optarg, &options->clipboard.to_guest, problem);
	case OPTION_TO_HOST:
		return parse_level(optarg, &options->clipboard.to_host, problem);
	case OPTION_PRIMARY:
		return parse_primary(optarg, &options->clipboard.primary, problem);
	case OPTION_AWAIT_QEMU:
		options->await_qemu = true;
		return 0;
	case OPTION_AWAIT_VNC:
		options->await_vnc = true;
		return 0;
	case OPTION_NO_SANDBOX:
		options->sandbox = false;
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	case OPTION_VERSION:
		options->version = true;
		return 0;
	default:
		snprintf(problem.text, problem.size, "unknown option or missing value; see --help");
		return -EINVAL;
	}
}

static int check(const struct screen_options *options, struct problem problem)
{
	int sources = (options->vmm != NULL) + (options->qemu_fd >= 0) + options->await_qemu +
		      (options->vnc_source_fd >= 0) + options->await_vnc;
	const char *why = NULL;

	if (sources != 1)
		why = "one of --vmm, --qemu, --await-qemu, --vnc-source and --await-vnc is "
		      "needed; see --help";
	else if ((options->await_qemu || options->await_vnc) && !options->handoff)
		why = "--await-qemu and --await-vnc need --handoff";
	else if (!options->certificate != !options->key)
		why = "--tls-certificate and --tls-key go together";
	if (!why)
		return 0;
	snprintf(problem.text, problem.size, "%s", why);
	return -EINVAL;
}

int screen_options_parse(int count, char *const arguments[], struct screen_options *options,
			 char *error, size_t error_size)
{
	struct problem problem = {error, error_size};
	int option;

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
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(count, arguments, "", long_options, NULL)) >= 0) {
		if (take(options, option, problem) < 0)
			return -EINVAL;
	}
	if (options->help || options->version)
		return 0;
	if (optind < count) {
		snprintf(error, error_size, "'%s' is not expected; see --help", arguments[optind]);
		return -EINVAL;
	}
	return check(options, problem);
}
