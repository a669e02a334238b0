/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/options.h"

#include "protocol/base/parse.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>

const char net_options_help[] =
	"usage: lodge-net {--fd N | --listen PATH} [OPTION...]\n"
	"\n"
	"Gives one virtual machine a network without privileges: the guest's connections become\n"
	"sockets of this process. It speaks Ethernet frames on a unix stream socket, each behind\n"
	"its length (32 bits, big-endian), as QEMU's '-netdev stream' and passt do, and ends when\n"
	"the other side closes.\n"
	"\n"
	"  --fd N                 the socket is open already, as descriptor N\n"
	"  --listen PATH          make a socket there and serve the first who connects\n"
	"  --forward [tcp:|udp:][HOSTADDRESS:]HOSTPORT:GUESTPORT\n"
	"                         forward a port of this host (default: tcp, 127.0.0.1); "
	"repeatable\n"
	"  --ready-fd N           write a byte there once the ports are bound; with --listen, give "
	"up\n"
	"                         when nobody connects within a minute\n"
	"  --no-sandbox           for debugging\n"
	"  --help, --version\n"
	"\n"
	"The guest gets 10.0.2.15 and fd6c:6f64:6765::/64 addresses by DHCP and router\n"
	"advertisement; this host is 10.0.2.2, its name servers are at 10.0.2.3.\n"
	"\n"
	"Exit status: 0 the other side closed; 1 failure; 2 wrong command line; 3 a port of this\n"
	"host is not to be had.\n";

enum {
	OPTION_FD = 256,
	OPTION_LISTEN,
	OPTION_FORWARD,
	OPTION_READY_FD,
	OPTION_NO_SANDBOX,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{"fd", required_argument, NULL, OPTION_FD},
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"forward", required_argument, NULL, OPTION_FORWARD},
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

static int add_forward(struct net_options *options, const char *text, struct problem problem)
{
	const char *why = "is not [tcp:|udp:][HOSTADDRESS:]HOSTPORT:GUESTPORT";
	int result = -ENOSPC;

	if (options->forwards == OPTIONS_MAX_FORWARDS)
		why = "is one too many: 32 are possible";
	else
		result = forward_parse(text, &options->forward[options->forwards]);
	if (result == -EAFNOSUPPORT)
		why = "has an IPv6 address: only IPv4 ports of this host can be forwarded";
	if (result < 0) {
		snprintf(problem.text, problem.size, "--forward '%s' %s", text, why);
		return -EINVAL;
	}
	options->forwards++;
	return 0;
}

static int take(struct net_options *options, int option, struct problem problem)
{
	switch (option) {
	case OPTION_FD:
		return parse_fd("--fd", optarg, &options->fd, problem);
	case OPTION_READY_FD:
		return parse_fd("--ready-fd", optarg, &options->ready_fd, problem);
	case OPTION_LISTEN:
		options->listen = optarg;
		return 0;
	case OPTION_FORWARD:
		return add_forward(options, optarg, problem);
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

int net_options_parse(int count, char *const arguments[], struct net_options *options, char *error,
		      size_t error_size)
{
	struct problem problem = {error, error_size};
	int option;

	*options = (struct net_options){.fd = -1, .ready_fd = -1, .sandbox = true};
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
	if ((options->fd >= 0) == (options->listen != NULL)) {
		snprintf(error, error_size, "either --fd or --listen is needed; see --help");
		return -EINVAL;
	}
	return 0;
}
