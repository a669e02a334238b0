/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/client.h"
#include "host/cli/dbus_json.h"
#include "host/cli/foreground.h"
#include "host/cli/memory/memory_words.h"
#include "host/cli/options.h"
#include "host/cli/share_text.h"
#include "host/cli/start.h"
#include "host/probe/probe.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As lodge-vmm(1) has it. */
#define EXIT_BAD_KERNEL 4

/* The started VM's name, which lodged may have picked; NULL after an error was printed. */
static char *start(struct client *client, const struct start_options *options, bool *is_tcg)
{
	const char *about = options->name ? options->name : "run";
	DBusMessage *reply = client_call(client, start_message(options), CLIENT_SLOW_MS, about);
	struct json_object *properties = NULL;
	const char *path;
	char *name = NULL;

	if (!reply)
		return NULL;
	if (dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID))
		properties = client_object_properties(client, path);
	dbus_message_unref(reply);
	if (!properties)
		return NULL;
	name = strdup(json_text(properties, "Name"));
	*is_tcg = strcmp(json_text(properties, "Accelerator"), "tcg") == 0;
	json_object_put(properties);
	return name;
}

static void tell_fallback(const struct start_options *options, bool is_tcg)
{
	struct probe probe;

	if (!is_tcg || (options->accel && strcmp(options->accel, "auto") != 0))
		return;
	probe_host("", &probe);
	log_info("%s: this VM runs under QEMU's TCG, which is slower ('lodge doctor' tells more)",
		 probe_kvm_text(probe.kvm));
}

static bool can_read(const char *option, const char *path)
{
	if (!path || access(path, R_OK) == 0)
		return true;
	log_error("run: %s '%s' cannot be read: %s", option, path, error_text(errno));
	return false;
}

/* Puts the folders in order; the lines are not freed, the process is short. */
static bool read_shares(struct option_list *shares)
{
	char error[512];

	for (size_t i = 0; i < shares->count; i++) {
		char *line;

		if (share_line(shares->items[i], &line, error, sizeof(error)) < 0) {
			log_error("run: --share: %s", error);
			return false;
		}
		shares->items[i] = line;
	}
	return true;
}

static int run(const struct start_options *options, bool detach)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_free_ char *name = NULL;
	bool is_tcg = false;

	if (!can_read("--kernel", options->kernel) || !can_read("--initrd", options->initrd))
		return EXIT_BAD_KERNEL;
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	name = start(client, options, &is_tcg);
	if (!name)
		return EXIT_FAILED;
	tell_fallback(options, is_tcg);
	if (detach) {
		puts(name);
		return EXIT_DONE;
	}
	if (isatty(STDIN_FILENO))
		log_info("%s runs; this is its console, Ctrl-] leaves it", name);
	return foreground_run(&client, name);
}

static int run_run(const struct command *command, int argc, char **argv)
{
	struct start_options options = {0};
	const char *memory = NULL;
	bool detach = false;
	const struct option_spec specs[] = {
		{"name", 'n', OPTION_TEXT, "NAME", "what it is called (lodge picks one)",
		 &options.name, 0, 0},
		{"kernel", 'k', OPTION_TEXT, "FILE", "a bzImage, or an ELF file with a PVH entry",
		 &options.kernel, 0, 0},
		{"initrd", 0, OPTION_TEXT, "FILE", "its first file system", &options.initrd, 0, 0},
		{"append", 'a', OPTION_TEXT, "TEXT", "the kernel's command line", &options.append,
		 0, 0},
		{"disk", 0, OPTION_LIST, "FILE[,ro]", "a raw image or block device; repeat",
		 &options.disks, 0, 0},
		{"cpus", 'c', OPTION_NUMBER, "N", "1 to 16 (1)", &options.cpus, 1, 16},
		{"memory", 'm', OPTION_TEXT, "SIZE[,max=SIZE]",
		 "such as 512M, or 512M,max=2G to grow (256M)", &memory, 0, 0},
		{"memory-min", 0, OPTION_SIZE, "SIZE",
		 "never taken back for other VMs (a quarter, 128M at least)",
		 &options.memory_min_bytes, 0, 0},
		{"memory-shares", 0, OPTION_NUMBER, "N", "its weight where memory is scarce (1000)",
		 &options.memory_shares, 1, 1000000},
		{"memory-sharing", 0, OPTION_TEXT, "on|off",
		 "off: it keeps all its memory, always (on)", &options.memory_sharing, 0, 0},
		{"net", 0, OPTION_TEXT, "KIND", "user or none (user)", &options.net, 0, 0},
		{"forward", 'f', OPTION_LIST, "HOST:GUEST",
		 "[tcp:|udp:][ADDRESS:]PORT:PORT; repeat", &options.forwards, 0, 0},
		{"on-reboot", 0, OPTION_TEXT, "WHAT", "restart or stop (restart)",
		 &options.on_reboot, 0, 0},
		{"on-panic", 0, OPTION_TEXT, "WHAT", "stop, restart or pause (stop)",
		 &options.on_panic, 0, 0},
		{"accel", 0, OPTION_TEXT, "WHICH", "auto, kvm or tcg (auto)", &options.accel, 0, 0},
		{"no-display", 0, OPTION_FLAG, NULL, "without screen, keyboard and mouse",
		 &options.no_display, 0, 0},
		{"size", 0, OPTION_TEXT, "WIDTHxHEIGHT", "of its screen at first (1280x800)",
		 &options.size, 0, 0},
		{"heads", 0, OPTION_NUMBER, "N", "monitors that it can have, 1 to 16 (4)",
		 &options.heads, 1, 16},
		{"vnc", 0, OPTION_TEXT, "[ADDRESS:]PORT",
		 "VNC there, for others; see lodge(1) (nowhere)", &options.vnc, 0, 0},
		{"clipboard", 0, OPTION_TEXT, "WHAT",
		 "off, all, text,images,files...; see lodge(1) (both)", &options.clipboard, 0, 0},
		{"share", 0, OPTION_LIST, "NAME=DIR[,ro][,at=PATH]",
		 "a folder, see lodge(1); repeat", &options.shares, 0, 0},
		{"detach", 'd', OPTION_FLAG, NULL, "print its name and leave it running", &detach,
		 0, 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (!options.kernel)
		return options_wrong(command, "--kernel is needed: the guest's kernel");
	if (memory &&
	    memory_words_machine(memory, &options.memory_bytes, &options.memory_most_bytes) < 0)
		return options_wrong(command, "--memory: a size is needed, such as 512M, or two, "
					      "such as 512M,max=2G");
	if (!read_shares(&options.shares))
		return EXIT_FAILED;
	return run(&options, detach);
}

const struct command command_run = {
	.name = "run",
	.operands = "",
	.summary = "Start a VM and be its console",
	.description =
		"The exit status says how it ended: 0 powered off, 7 panic, 8 triple fault,\n"
		"9 reboot (with --on-reboot stop), 10 killed; 1 failed, 2 wrong usage, 3 KVM "
		"cannot\n"
		"be used, 4 kernel or initrd, 5 memory, 6 disk. Ctrl-] leaves the VM running.\n"
		"SIGINT and SIGTERM ask the guest to power off; a second one ends it.\n",
	.run = run_run,
};
