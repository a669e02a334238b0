/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/options.h"

#include "protocol/arguments/arguments.h"

const char web_options_help[] =
	"usage: lodge-web --listen FD --lodged FD --token FD [--no-sandbox]\n"
	"\n"
	"Shows the figures of this host's virtual machines in a browser, and to Prometheus. "
	"lodged\n"
	"starts it for `lodge web`, and it ends with lodged.\n"
	"\n"
	"  --listen FD    a socket that listens for browsers\n"
	"  --lodged FD    a connection to lodged, which answers its questions\n"
	"  --token FD     what callers must know is read from there, to its end\n"
	"  --no-sandbox   for debugging\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 lodged has ended; 1 failure; 2 wrong command line.\n";

#define FIELD(name) offsetof(struct web_options, name)

static const struct argument table[] = {
	{"listen", ARGUMENT_DESCRIPTOR, FIELD(listen_fd), NULL},
	{"lodged", ARGUMENT_DESCRIPTOR, FIELD(lodged_fd), NULL},
	{"token", ARGUMENT_DESCRIPTOR, FIELD(token_fd), NULL},
	{"no-sandbox", ARGUMENT_OFF, FIELD(sandbox), NULL},
	{"help", ARGUMENT_ON, FIELD(help), NULL},
	{"version", ARGUMENT_ON, FIELD(version), NULL},
	{0},
};

int web_options_parse(int count, char *const words[], struct web_options *options, char *error,
		      size_t error_size)
{
	struct arguments arguments = {options, error, error_size};
	int result;

	*options = (struct web_options){
		.listen_fd = -1, .lodged_fd = -1, .token_fd = -1, .sandbox = true};
	result = arguments_parse(&arguments, table, count, words);
	if (result < 0 || options->help || options->version)
		return result;
	if (options->listen_fd < 0 || options->lodged_fd < 0 || options->token_fd < 0)
		return arguments_refuse(&arguments,
					"--listen, --lodged and --token are needed; see --help");
	return 0;
}
