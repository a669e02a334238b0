/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/options.h"

#include "host/vmm/display.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>

const char options_help[] =
	"usage: lodge-vmm --kernel FILE [OPTION...]\n"
	"\n"
	"Runs a virtual machine on KVM until its guest powers off.\n"
	"\n"
	"  --name NAME            name for people (default: vm)\n"
	"  --cpus N               processors, 1 to 16 (1)\n"
	"  --memory SIZE          RAM: a number with K, M, G or T (256M)\n"
	"  --kernel FILE          Linux bzImage, or uncompressed ELF with a PVH entry\n"
	"  --initrd FILE          initial RAM disk\n"
	"  --append TEXT          kernel command line\n"
	"  --disk FILE[,ro][,format=raw][,queues=N][,serial=TEXT]\n"
	"                         virtio disk on a raw image or block device; repeatable\n"
	"  --net user[,socket=PATH]\n"
	"                         virtio network card on a private network behind this host;\n"
	"                         with socket=, by a lodge-net that runs already\n"
	"  --mac ADDRESS          of the network card\n"
	"  --forward [tcp:|udp:][HOSTADDRESS:]HOSTPORT:GUESTPORT\n"
	"                         forward a port of this host (default: tcp, 127.0.0.1); "
	"repeatable\n"
	"  --serial stdio|none|unix:PATH\n"
	"                         where the serial console goes (stdio)\n"
	"  --port NAME=PATH       virtio-serial port, served on a unix socket; repeatable\n"
	"  --display socket=PATH[,heads=N][,size=WxH]\n"
	"                         virtio display, keyboard and pointers, served to lodge-screen\n"
	"                         on a unix socket; at most N monitors (4, up to 16), the first "
	"of\n"
	"                         WxH pixels when the machine starts (1280x800)\n"
	"  --control PATH         unix socket for control (protocol/README.md)\n"
	"  --on-reboot restart|stop\n"
	"                         when the guest reboots (restart)\n"
	"  --on-panic stop|restart|pause\n"
	"                         when the guest's kernel panics and says so by pvpanic (stop)\n"
	"  --on-triple-fault restart|stop\n"
	"                         when the processor shuts down, which is also how Linux reboots\n"
	"                         with reboot=t (restart)\n"
	"  --no-sandbox           keep all privileges, for debugging\n"
	"  --help, --version\n"
	"\n"
	"SIGTERM or SIGINT presses the power button; after 10 seconds, or at a second signal, the\n"
	"machine is stopped.\n"
	"\n"
	"Exit status: 0 the guest powered off, or was stopped by a signal; 1 failure; 2 usage; 3 "
	"KVM\n"
	"cannot be used; 4 bad kernel or initrd; 5 not enough memory; 6 disk missing or in use; 7 "
	"guest\n"
	"panicked; 8 triple fault; 9 guest rebooted (--on-reboot stop); 10 stopped by vm.stop.\n";

struct parser {
	struct options *options;
	char *error;
	size_t error_size;
};

static int refuse(const struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(const struct parser *parser, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(parser->error, parser->error_size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* --- One function an option --------------------------------------------------------------------
 */

static int parse_name(struct parser *parser, const char *value)
{
	return set_text(&parser->options->name, value);
}

static int parse_cpus(struct parser *parser, const char *value)
{
	uint64_t cpus;

	if (parse_u64(value, 1, OPTIONS_MAX_CPUS, &cpus) < 0)
		return refuse(parser, "--cpus '%s': a number from 1 to %d is needed", value,
			      OPTIONS_MAX_CPUS);
	parser->options->cpus = (unsigned int)cpus;
	return 0;
}

static int parse_memory(struct parser *parser, const char *value)
{
	uint64_t size;

	if (parse_size(value, &size) < 0 || size < OPTIONS_MIN_MEMORY ||
	    size > OPTIONS_MAX_MEMORY || size % (1 << 20) != 0)
		return refuse(parser,
			      "--memory '%s': whole mebibytes from 16M to 1T are needed, such as "
			      "512M",
			      value);
	parser->options->memory_bytes = size;
	return 0;
}

static int parse_kernel(struct parser *parser, const char *value)
{
	return set_text(&parser->options->kernel, value);
}

static int parse_initrd(struct parser *parser, const char *value)
{
	return set_text(&parser->options->initrd, value);
}

static int parse_append(struct parser *parser, const char *value)
{
	return set_text(&parser->options->append, value);
}

static int parse_disk_word(struct parser *parser, struct options_disk *disk, const char *word)
{
	uint64_t queues;

	if (strcmp(word, "ro") == 0) {
		disk->read_only = true;
	} else if (strncmp(word, "format=", 7) == 0) {
		if (strcmp(word + 7, "raw") != 0)
			return refuse(parser, "--disk: format '%s' is not known; only raw is",
				      word + 7);
	} else if (strncmp(word, "queues=", 7) == 0) {
		if (parse_u64(word + 7, 1, OPTIONS_MAX_QUEUES, &queues) < 0)
			return refuse(parser, "--disk: queues '%s': 1 to %d are possible", word + 7,
				      OPTIONS_MAX_QUEUES);
		disk->queues = (uint16_t)queues;
	} else if (strncmp(word, "serial=", 7) == 0) {
		if (strlen(word + 7) > OPTIONS_DISK_SERIAL)
			return refuse(parser, "--disk: serial '%s' is longer than %d characters",
				      word + 7, OPTIONS_DISK_SERIAL);
		memcpy(disk->serial, word + 7, strlen(word + 7) + 1);
	} else {
		return refuse(parser, "--disk: '%s' is not known (ro, format=, queues=, serial=)",
			      word);
	}
	return 0;
}

static int parse_disk(struct parser *parser, const char *value)
{
	struct options *options = parser->options;
	_cleanup_free_ char *copy = strdup(value);
	struct options_disk *disk = &options->disk[options->disks];
	char *rest = copy, *word;
	int error = 0;

	if (options->disks == OPTIONS_MAX_DISKS)
		return refuse(parser, "--disk: at most %d disks are possible", OPTIONS_MAX_DISKS);
	if (!copy)
		return -ENOMEM;
	word = strsep(&rest, ",");
	if (!*word)
		return refuse(parser, "--disk '%s': a file is needed", value);
	options->disks++;
	error = set_text(&disk->path, word);
	while (!error && (word = strsep(&rest, ",")))
		error = parse_disk_word(parser, disk, word);
	return error;
}

static int parse_net(struct parser *parser, const char *value)
{
	struct options_net *net = &parser->options->net;

	if (net->present)
		return refuse(parser, "--net can be given once");
	net->present = true;
	if (strcmp(value, "user") == 0)
		return 0;
	if (strncmp(value, "user,socket=", 12) == 0 && value[12])
		return set_text(&net->socket, value + 12);
	return refuse(parser, "--net '%s' is not known; only user[,socket=PATH] is", value);
}

/* Two hexadecimal digits; -1 if they are none. */
static int hex_byte(const char *text)
{
	if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
		return -1;
	return (int)strtoul((char[]){text[0], text[1], '\0'}, NULL, 16);
}

static int parse_mac(struct parser *parser, const char *value)
{
	bool valid = strlen(value) == 17;

	for (int i = 0; valid && i < 6; i++) {
		int byte = hex_byte(value + 3 * i);

		valid = byte >= 0 && (i == 5 || value[3 * i + 2] == ':');
		parser->options->net.mac[i] = (uint8_t)byte;
	}
	if (!valid || (parser->options->net.mac[0] & 1))
		return refuse(parser,
			      "--mac '%s': a unicast address like 52:54:00:12:34:56 is needed",
			      value);
	return 0;
}

static int parse_port_number(const char *text, uint16_t *port)
{
	uint64_t number;

	if (parse_u64(text, 1, UINT16_MAX, &number) < 0)
		return -EINVAL;
	*port = (uint16_t)number;
	return 0;
}

/* [HOSTADDRESS:]HOSTPORT:GUESTPORT, cut from its end; an IPv6 address stands in brackets. */
static int parse_forward_parts(char *text, struct options_forward *forward)
{
	char *guest = strrchr(text, ':'), *host, *address = NULL;
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (!guest)
		return -EINVAL;
	*guest++ = '\0';
	host = strrchr(text, ':');
	if (host) {
		*host++ = '\0';
		address = text;
	} else {
		host = text;
	}
	if (parse_port_number(host, &forward->host_port) < 0 ||
	    parse_port_number(guest, &forward->guest_port) < 0)
		return -EINVAL;
	if (!address)
		address = "127.0.0.1";
	else if (*address == '[' && address[strlen(address) - 1] == ']') {
		address[strlen(address) - 1] = '\0';
		if (inet_pton(AF_INET6, ++address, &ipv6) != 1)
			return -EINVAL;
	} else if (inet_pton(AF_INET, address, &ipv4) != 1)
		return -EINVAL;
	memcpy(forward->host_address, address, strlen(address) + 1);
	return 0;
}

static int parse_forward(struct parser *parser, const char *value)
{
	struct options_net *net = &parser->options->net;
	_cleanup_free_ char *copy = strdup(value);
	struct options_forward *forward = &net->forward[net->forwards];
	char *text = copy;

	if (net->forwards == OPTIONS_MAX_FORWARDS)
		return refuse(parser, "--forward: at most %d are possible", OPTIONS_MAX_FORWARDS);
	if (!copy)
		return -ENOMEM;
	if (strncmp(text, "udp:", 4) == 0 || strncmp(text, "tcp:", 4) == 0) {
		forward->udp = *text == 'u';
		text += 4;
	}
	if (strlen(text) >= sizeof(forward->host_address) || parse_forward_parts(text, forward) < 0)
		return refuse(parser,
			      "--forward '%s': [tcp:|udp:][HOSTADDRESS:]HOSTPORT:GUESTPORT is "
			      "needed, such as 2222:22",
			      value);
	net->forwards++;
	return 0;
}

static int parse_serial(struct parser *parser, const char *value)
{
	struct options *options = parser->options;

	if (strcmp(value, "stdio") == 0)
		options->serial = SERIAL_STDIO;
	else if (strcmp(value, "none") == 0)
		options->serial = SERIAL_NONE;
	else if (strncmp(value, "unix:", 5) == 0 && value[5]) {
		options->serial = SERIAL_UNIX;
		return set_text(&options->serial_path, value + 5);
	} else
		return refuse(parser, "--serial '%s': stdio, none or unix:PATH is needed", value);
	return 0;
}

static int parse_port(struct parser *parser, const char *value)
{
	struct options *options = parser->options;
	struct options_port *port = &options->port[options->ports];
	const char *equals = strchr(value, '=');
	int error;

	if (options->ports == OPTIONS_MAX_PORTS)
		return refuse(parser, "--port: at most %d are possible", OPTIONS_MAX_PORTS);
	if (!equals || equals == value || !equals[1])
		return refuse(parser, "--port '%s': NAME=PATH is needed", value);
	options->ports++;
	error = set_text(&port->path, equals + 1);
	if (!error)
		port->name = strndup(value, (size_t)(equals - value));
	return error ? error : port->name ? 0 : -ENOMEM;
}

/* WIDTHxHEIGHT. */
static int parse_display_size(const char *text, struct options_display *display)
{
	_cleanup_free_ char *width = strdup(text);
	char *height = width ? strchr(width, 'x') : NULL;
	uint64_t wide, high;

	if (!height)
		return -EINVAL;
	*height++ = '\0';
	if (parse_u64(width, CHANNEL_MIN_SIZE, CHANNEL_MAX_SIZE, &wide) < 0 ||
	    parse_u64(height, CHANNEL_MIN_SIZE, CHANNEL_MAX_SIZE, &high) < 0)
		return -EINVAL;
	display->width = (uint32_t)wide;
	display->height = (uint32_t)high;
	return 0;
}

static int parse_display_word(struct parser *parser, const char *word)
{
	struct options_display *display = &parser->options->display;
	uint64_t heads;

	if (strncmp(word, "socket=", 7) == 0 && word[7])
		return set_text(&display->socket, word + 7);
	if (strncmp(word, "heads=", 6) == 0) {
		if (parse_u64(word + 6, 1, CHANNEL_MAX_HEADS, &heads) < 0)
			return refuse(parser, "--display: heads '%s': 1 to %d are possible",
				      word + 6, CHANNEL_MAX_HEADS);
		display->heads = (unsigned int)heads;
		return 0;
	}
	if (strncmp(word, "size=", 5) == 0) {
		if (parse_display_size(word + 5, display) < 0)
			return refuse(parser,
				      "--display: size '%s': WIDTHxHEIGHT is needed, %d to %d each",
				      word + 5, CHANNEL_MIN_SIZE, CHANNEL_MAX_SIZE);
		return 0;
	}
	return refuse(parser, "--display: '%s' is not known (socket=PATH, heads=, size=)", word);
}

static int parse_display(struct parser *parser, const char *value)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *word;
	int error = 0;

	if (parser->options->display.socket)
		return refuse(parser, "--display can be given once");
	if (!copy)
		return -ENOMEM;
	while (!error && (word = strsep(&rest, ",")))
		error = parse_display_word(parser, word);
	if (!error && !parser->options->display.socket)
		return refuse(parser, "--display '%s': socket=PATH is needed", value);
	return error;
}

static int parse_control(struct parser *parser, const char *value)
{
	return set_text(&parser->options->control, value);
}

static int parse_action(struct parser *parser, const char *option, const char *value,
			bool can_pause, enum options_action *action)
{
	if (strcmp(value, "stop") == 0)
		*action = ACTION_STOP;
	else if (strcmp(value, "restart") == 0)
		*action = ACTION_RESTART;
	else if (can_pause && strcmp(value, "pause") == 0)
		*action = ACTION_PAUSE;
	else
		return refuse(parser, "--%s '%s': stop%s restart is needed", option, value,
			      can_pause ? ", pause or" : " or");
	return 0;
}

static int parse_on_reboot(struct parser *parser, const char *value)
{
	return parse_action(parser, "on-reboot", value, false, &parser->options->on_reboot);
}

static int parse_on_panic(struct parser *parser, const char *value)
{
	return parse_action(parser, "on-panic", value, true, &parser->options->on_panic);
}

static int parse_on_triple_fault(struct parser *parser, const char *value)
{
	return parse_action(parser, "on-triple-fault", value, false,
			    &parser->options->on_triple_fault);
}

static int parse_no_sandbox(struct parser *parser, const char *value)
{
	(void)value;
	parser->options->sandbox = false;
	return 0;
}

static int parse_help(struct parser *parser, const char *value)
{
	(void)value;
	parser->options->help = true;
	return 0;
}

static int parse_version(struct parser *parser, const char *value)
{
	(void)value;
	parser->options->version = true;
	return 0;
}

/* --- The table ---------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	int has_value;
	int (*parse)(struct parser *parser, const char *value);
} table[] = {
	{"name", required_argument, parse_name},
	{"cpus", required_argument, parse_cpus},
	{"memory", required_argument, parse_memory},
	{"kernel", required_argument, parse_kernel},
	{"initrd", required_argument, parse_initrd},
	{"append", required_argument, parse_append},
	{"disk", required_argument, parse_disk},
	{"net", required_argument, parse_net},
	{"mac", required_argument, parse_mac},
	{"forward", required_argument, parse_forward},
	{"serial", required_argument, parse_serial},
	{"port", required_argument, parse_port},
	{"display", required_argument, parse_display},
	{"control", required_argument, parse_control},
	{"on-reboot", required_argument, parse_on_reboot},
	{"on-panic", required_argument, parse_on_panic},
	{"on-triple-fault", required_argument, parse_on_triple_fault},
	{"no-sandbox", no_argument, parse_no_sandbox},
	{"help", no_argument, parse_help},
	{"version", no_argument, parse_version},
};

static int set_defaults(struct options *options)
{
	*options = (struct options){
		.cpus = 1,
		.memory_bytes = 256ULL << 20,
		.display = {.heads = DISPLAY_DEFAULT_HEADS,
			    .width = DISPLAY_DEFAULT_WIDTH,
			    .height = DISPLAY_DEFAULT_HEIGHT},
		.serial = SERIAL_STDIO,
		.on_reboot = ACTION_RESTART,
		.on_panic = ACTION_STOP,
		.on_triple_fault = ACTION_RESTART,
		.sandbox = true,
	};
	return set_text(&options->name, "vm") < 0 || set_text(&options->append, "") < 0 ? -ENOMEM
											: 0;
}

static int check(struct parser *parser)
{
	struct options *options = parser->options;

	if (options->help || options->version)
		return 0;
	if (!options->kernel)
		return refuse(parser, "--kernel FILE is needed; see --help");
	if (!options->net.present && (options->net.forwards || options->net.mac[0]))
		return refuse(parser, "--forward and --mac need --net user");
	for (size_t i = 0; i < options->disks; i++)
		if (!options->disk[i].queues)
			options->disk[i].queues = (uint16_t)MIN(options->cpus, 4U);
	return 0;
}

static int parse_all(struct parser *parser, int count, char *const arguments[])
{
	struct option longs[ARRAY_SIZE(table) + 1] = {0};
	int which = 0, found, error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		longs[i] = (struct option){table[i].name, table[i].has_value, NULL, 0};
	optind = 0; /* begin anew, also in a test that parses twice */
	opterr = 0;
	while (!error && (found = getopt_long(count, arguments, "+:", longs, &which)) != -1) {
		if (found == ':')
			return refuse(parser, "%s needs a value; see --help",
				      arguments[optind - 1]);
		if (found != 0)
			return refuse(parser, "unknown option '%s'; see --help",
				      arguments[optind - 1]);
		error = table[which].parse(parser, optarg);
	}
	if (!error && optind < count)
		return refuse(parser, "unexpected argument '%s'; see --help", arguments[optind]);
	return error;
}

int options_parse(int count, char *const arguments[], struct options *options, char *error,
		  size_t error_size)
{
	struct parser parser = {options, error, error_size};
	int result = set_defaults(options);

	if (!result)
		result = parse_all(&parser, count, arguments);
	if (!result)
		result = check(&parser);
	if (result)
		options_free(options);
	if (result == -ENOMEM)
		refuse(&parser, "out of memory");
	return result;
}

void options_free(struct options *options)
{
	free(options->name);
	free(options->kernel);
	free(options->initrd);
	free(options->append);
	for (size_t i = 0; i < options->disks; i++)
		free(options->disk[i].path);
	free(options->net.socket);
	for (size_t i = 0; i < options->ports; i++) {
		free(options->port[i].name);
		free(options->port[i].path);
	}
	free(options->display.socket);
	free(options->serial_path);
	free(options->control);
	*options = (struct options){0};
}
