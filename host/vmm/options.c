/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/options.h"

#include "host/vmm/display.h"
#include "host/vmm/options_devices.h"
#include "host/vmm/virtio/mem.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char options_help[] =
	"usage: lodge-vmm --kernel FILE [OPTION...]\n"
	"\n"
	"Runs a virtual machine on KVM until its guest powers off.\n"
	"\n"
	"  --name NAME            name for people (default: vm)\n"
	"  --cpus N               processors, 1 to 16 (1)\n"
	"  --memory SIZE[,max=SIZE]\n"
	"                         RAM: a number with K, M, G or T (256M); with max=, a virtio "
	"memory\n"
	"                         device by which vm.plug makes it larger while the guest runs\n"
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
	"repeatable;\n"
	"                         from [IPv6ADDRESS] to the guest's IPv6 address\n"
	"  --serial stdio|none|unix:PATH\n"
	"                         where the serial console goes (stdio)\n"
	"  --port NAME=PATH       virtio-serial port, served on a unix socket; repeatable\n"
	"  --display socket=PATH[,heads=N][,size=WxH]\n"
	"                         virtio display, keyboard and pointers, served to lodge-screen\n"
	"                         on a unix socket; at most N monitors (4, up to 16), the first "
	"of\n"
	"                         WxH pixels when the machine starts (1280x800); a comma in PATH "
	"is\n"
	"                         written twice\n"
	"  --fs tag=NAME,socket=PATH|fd=N[,queues=N][,dax=SIZE]\n"
	"                         virtio file system, served by a vhost-user back end such as\n"
	"                         lodge-fsd on the unix socket PATH, or on N, which is connected "
	"to\n"
	"                         it; N request queues (as the server has, up to 4); a window of "
	"SIZE,\n"
	"                         a power of two from 2M to 16G, into the server's page cache "
	"for\n"
	"                         mount -o dax; repeatable\n"
	"  --balloon              virtio memory balloon, driven by vm.balloon and vm.statistics;\n"
	"                         memory that the guest reports free goes back to the host\n"
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

static int take_cpus(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	uint64_t cpus;

	if (parse_u64(value, 1, OPTIONS_MAX_CPUS, &cpus) < 0)
		return arguments_refuse(arguments, "--cpus '%s': a number from 1 to %d is needed",
					value, OPTIONS_MAX_CPUS);
	options->cpus = (unsigned int)cpus;
	return 0;
}

static int take_memory(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	_cleanup_free_ char *copy = strdup(value);
	char *most = copy ? strstr(copy, ",max=") : NULL;
	uint64_t size, most_size;

	if (!copy)
		return -ENOMEM;
	if (most)
		*most = '\0';
	if (parse_size(copy, &size) < 0 || size < OPTIONS_MIN_MEMORY || size > OPTIONS_MAX_MEMORY ||
	    size % (1 << 20) != 0)
		return arguments_refuse(arguments,
					"--memory '%s': whole mebibytes from 16M to 1T are needed, "
					"such as 512M",
					value);
	options->memory_bytes = most_size = size;
	if (most && (parse_size(most + strlen(",max="), &most_size) < 0 || most_size <= size ||
		     most_size > OPTIONS_MAX_MEMORY || size % VIRTIO_MEM_BLOCK_BYTES != 0 ||
		     (most_size - size) % VIRTIO_MEM_STEP_BYTES != 0))
		return arguments_refuse(arguments,
					"--memory '%s': with max=, an even number of mebibytes is "
					"needed, and a multiple of 128M more as max=, up to 1T; "
					"such as 512M,max=2G",
					value);
	options->plug_bytes = most_size - size;
	return 0;
}

static int take_action(struct arguments *arguments, const char *option, const char *value,
		       bool can_pause, enum options_action *action)
{
	if (strcmp(value, "stop") == 0)
		*action = ACTION_STOP;
	else if (strcmp(value, "restart") == 0)
		*action = ACTION_RESTART;
	else if (can_pause && strcmp(value, "pause") == 0)
		*action = ACTION_PAUSE;
	else
		return arguments_refuse(arguments, "--%s '%s': stop%s restart is needed", option,
					value, can_pause ? ", pause or" : " or");
	return 0;
}

static int take_on_reboot(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;

	return take_action(arguments, "on-reboot", value, false, &options->on_reboot);
}

static int take_on_panic(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;

	return take_action(arguments, "on-panic", value, true, &options->on_panic);
}

static int take_on_triple_fault(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;

	return take_action(arguments, "on-triple-fault", value, false, &options->on_triple_fault);
}

#define FIELD(name) offsetof(struct options, name)

static const struct argument table[] = {
	{"name", ARGUMENT_TEXT, FIELD(name), NULL},
	{"cpus", ARGUMENT_OTHER, 0, take_cpus},
	{"memory", ARGUMENT_OTHER, 0, take_memory},
	{"kernel", ARGUMENT_TEXT, FIELD(kernel), NULL},
	{"initrd", ARGUMENT_TEXT, FIELD(initrd), NULL},
	{"append", ARGUMENT_TEXT, FIELD(append), NULL},
	{"disk", ARGUMENT_OTHER, 0, options_take_disk},
	{"net", ARGUMENT_OTHER, 0, options_take_net},
	{"mac", ARGUMENT_OTHER, 0, options_take_mac},
	{"forward", ARGUMENT_OTHER, 0, options_take_forward},
	{"serial", ARGUMENT_OTHER, 0, options_take_serial},
	{"port", ARGUMENT_OTHER, 0, options_take_port},
	{"display", ARGUMENT_OTHER, 0, options_take_display},
	{"fs", ARGUMENT_OTHER, 0, options_take_fs},
	{"balloon", ARGUMENT_ON, FIELD(balloon), NULL},
	{"control", ARGUMENT_TEXT, FIELD(control), NULL},
	{"on-reboot", ARGUMENT_OTHER, 0, take_on_reboot},
	{"on-panic", ARGUMENT_OTHER, 0, take_on_panic},
	{"on-triple-fault", ARGUMENT_OTHER, 0, take_on_triple_fault},
	{"no-sandbox", ARGUMENT_OFF, FIELD(sandbox), NULL},
	{"help", ARGUMENT_ON, FIELD(help), NULL},
	{"version", ARGUMENT_ON, FIELD(version), NULL},
	{0},
};

static int check(const struct arguments *arguments, struct options *options)
{
	if (options->help || options->version)
		return 0;
	if (!options->kernel)
		return arguments_refuse(arguments, "--kernel FILE is needed; see --help");
	if (!options->net.present && (options->net.forwards || options->net.mac[0]))
		return arguments_refuse(arguments, "--forward and --mac need --net user");
	for (size_t i = 0; i < options->disks; i++)
		if (!options->disk[i].queues)
			options->disk[i].queues = (uint16_t)MIN(options->cpus, 4U);
	return 0;
}

int options_parse(int count, char *const words[], struct options *options, char *error,
		  size_t error_size)
{
	struct arguments arguments = {options, error, error_size};
	int result;

	*options = (struct options){
		.name = "vm",
		.append = "",
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
	result = arguments_parse(&arguments, table, count, words);
	if (result == 0)
		result = check(&arguments, options);
	if (result < 0)
		options_free(options);
	if (result == -ENOMEM)
		arguments_refuse(&arguments, "out of memory");
	return result;
}

void options_free(struct options *options)
{
	for (size_t i = 0; i < options->disks; i++)
		free(options->disk[i].path);
	for (size_t i = 0; i < options->ports; i++)
		free(options->port[i].name);
	for (size_t i = 0; i < options->shares; i++)
		free(options->fs[i].socket);
	free(options->display.socket);
	*options = (struct options){0};
}
