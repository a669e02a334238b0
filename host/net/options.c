/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/options.h"

#include "host/net/stack.h"
#include "protocol/arguments/arguments.h"
#include "protocol/base/parse.h"

#include <errno.h>

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
	"  --mtu BYTES            the largest IP packet for the guest (1500); a guest is to be "
	"told\n"
	"                         of more\n"
	"  --forward [tcp:|udp:][HOSTADDRESS:]HOSTPORT:GUESTPORT\n"
	"                         forward a port of this host (default: tcp, 127.0.0.1); "
	"repeatable;\n"
	"                         from [IPv6ADDRESS] to the guest's IPv6 address\n"
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

static int take_mtu(struct arguments *arguments, const char *value)
{
	struct net_options *options = arguments->options;
	uint64_t bytes;

	if (parse_u64(value, STACK_MTU_MIN, STACK_MTU_MAX, &bytes) < 0)
		return arguments_refuse(arguments, "--mtu '%s': %d to %d bytes are possible", value,
					STACK_MTU_MIN, STACK_MTU_MAX);
	options->mtu_bytes = (uint16_t)bytes;
	return 0;
}

static int take_forward(struct arguments *arguments, const char *value)
{
	struct net_options *options = arguments->options;
	int result;

	if (options->forwards == FORWARD_MAX)
		return arguments_refuse(arguments,
					"--forward '%s' is one too many: %d are possible", value,
					FORWARD_MAX);
	result = forward_parse(value, &options->forward[options->forwards]);
	if (result == -EPROTONOSUPPORT)
		return arguments_refuse(arguments, "--forward '%s': " FORWARD_NO_UDP, value);
	if (result < 0)
		return arguments_refuse(arguments, "--forward '%s' is not " FORWARD_FORM, value);
	options->forwards++;
	return 0;
}

#define FIELD(name) offsetof(struct net_options, name)

static const struct argument table[] = {
	{"fd", ARGUMENT_DESCRIPTOR, FIELD(fd), NULL},
	{"listen", ARGUMENT_TEXT, FIELD(listen), NULL},
	{"mtu", ARGUMENT_OTHER, 0, take_mtu},
	{"forward", ARGUMENT_OTHER, 0, take_forward},
	{"ready-fd", ARGUMENT_DESCRIPTOR, FIELD(ready_fd), NULL},
	{"no-sandbox", ARGUMENT_OFF, FIELD(sandbox), NULL},
	{"help", ARGUMENT_ON, FIELD(help), NULL},
	{"version", ARGUMENT_ON, FIELD(version), NULL},
	{0},
};

int net_options_parse(int count, char *const words[], struct net_options *options, char *error,
		      size_t error_size)
{
	struct arguments arguments = {options, error, error_size};
	int result;

	*options = (struct net_options){
		.fd = -1, .mtu_bytes = STACK_MTU_DEFAULT, .ready_fd = -1, .sandbox = true};
	result = arguments_parse(&arguments, table, count, words);
	if (result < 0 || options->help || options->version)
		return result;
	if ((options->fd >= 0) == (options->listen != NULL))
		return arguments_refuse(&arguments,
					"either --fd or --listen is needed; see --help");
	return 0;
}
