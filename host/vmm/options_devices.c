/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/options_devices.h"

#include "host/vmm/display.h"
#include "host/vmm/options.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static int parse_disk_word(struct arguments *arguments, struct options_disk *disk, const char *word)
{
	uint64_t queues;

	if (strcmp(word, "ro") == 0) {
		disk->read_only = true;
	} else if (strncmp(word, "format=", 7) == 0) {
		if (strcmp(word + 7, "raw") != 0)
			return arguments_refuse(arguments,
						"--disk: format '%s' is not known; only raw is",
						word + 7);
	} else if (strncmp(word, "queues=", 7) == 0) {
		if (parse_u64(word + 7, 1, OPTIONS_MAX_QUEUES, &queues) < 0)
			return arguments_refuse(arguments,
						"--disk: queues '%s': 1 to %d are possible",
						word + 7, OPTIONS_MAX_QUEUES);
		disk->queues = (uint16_t)queues;
	} else if (strncmp(word, "serial=", 7) == 0) {
		if (strlen(word + 7) > OPTIONS_DISK_SERIAL)
			return arguments_refuse(arguments,
						"--disk: serial '%s' is longer than %d characters",
						word + 7, OPTIONS_DISK_SERIAL);
		memcpy(disk->serial, word + 7, strlen(word + 7) + 1);
	} else {
		return arguments_refuse(arguments,
					"--disk: '%s' is not known (ro, format=, queues=, serial=)",
					word);
	}
	return 0;
}

int options_take_disk(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	_cleanup_free_ char *copy = strdup(value);
	struct options_disk *disk = &options->disk[options->disks];
	char *rest = copy, *word;
	int error = 0;

	if (options->disks == OPTIONS_MAX_DISKS)
		return arguments_refuse(arguments, "--disk: at most %d disks are possible",
					OPTIONS_MAX_DISKS);
	if (!copy)
		return -ENOMEM;
	word = strsep(&rest, ",");
	if (!*word)
		return arguments_refuse(arguments, "--disk '%s': a file is needed", value);
	options->disks++;
	disk->path = strdup(word);
	error = disk->path ? 0 : -ENOMEM;
	while (!error && (word = strsep(&rest, ",")))
		error = parse_disk_word(arguments, disk, word);
	return error;
}

int options_take_net(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	struct options_net *net = &options->net;

	if (net->present)
		return arguments_refuse(arguments, "--net can be given once");
	net->present = true;
	if (strcmp(value, "user") == 0)
		return 0;
	if (strncmp(value, "user,socket=", 12) == 0 && value[12]) {
		net->socket = value + 12;
		return 0;
	}
	return arguments_refuse(arguments, "--net '%s' is not known; only user[,socket=PATH] is",
				value);
}

/* Two hexadecimal digits; -1 if they are none. */
static int hex_byte(const char *text)
{
	if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
		return -1;
	return (int)strtoul((char[]){text[0], text[1], '\0'}, NULL, 16);
}

int options_take_mac(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	bool valid = strlen(value) == 17;

	for (int i = 0; valid && i < 6; i++) {
		int byte = hex_byte(value + 3 * i);

		valid = byte >= 0 && (i == 5 || value[3 * i + 2] == ':');
		options->net.mac[i] = (uint8_t)byte;
	}
	if (!valid || (options->net.mac[0] & 1))
		return arguments_refuse(
			arguments, "--mac '%s': a unicast address like 52:54:00:12:34:56 is needed",
			value);
	return 0;
}

int options_take_forward(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	struct options_net *net = &options->net;
	struct forward forward;
	int result;

	if (net->forwards == FORWARD_MAX)
		return arguments_refuse(arguments, "--forward: at most %d are possible",
					FORWARD_MAX);
	result = forward_parse(value, &forward);
	if (result == -EPROTONOSUPPORT)
		return arguments_refuse(arguments, "--forward '%s': " FORWARD_NO_UDP, value);
	if (result < 0)
		return arguments_refuse(
			arguments, "--forward '%s': " FORWARD_FORM " is needed, such as 2222:22",
			value);
	net->forward[net->forwards++] = value;
	return 0;
}

int options_take_serial(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;

	if (strcmp(value, "stdio") == 0)
		options->serial = SERIAL_STDIO;
	else if (strcmp(value, "none") == 0)
		options->serial = SERIAL_NONE;
	else if (strncmp(value, "unix:", 5) == 0 && value[5]) {
		options->serial = SERIAL_UNIX;
		options->serial_path = value + 5;
	} else
		return arguments_refuse(arguments,
					"--serial '%s': stdio, none or unix:PATH is needed", value);
	return 0;
}

int options_take_port(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	struct options_port *port = &options->port[options->ports];
	const char *equals = strchr(value, '=');

	if (options->ports == OPTIONS_MAX_PORTS)
		return arguments_refuse(arguments, "--port: at most %d are possible",
					OPTIONS_MAX_PORTS);
	if (!equals || equals == value || !equals[1])
		return arguments_refuse(arguments, "--port '%s': NAME=PATH is needed", value);
	options->ports++;
	port->path = equals + 1;
	port->name = strndup(value, (size_t)(equals - value));
	return port->name ? 0 : -ENOMEM;
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

static int parse_display_word(struct arguments *arguments, const char *word)
{
	struct options *options = arguments->options;
	struct options_display *display = &options->display;
	uint64_t heads;

	if (strncmp(word, "socket=", 7) == 0 && word[7]) {
		free(display->socket);
		display->socket = strdup(word + 7);
		return display->socket ? 0 : -ENOMEM;
	}
	if (strncmp(word, "heads=", 6) == 0) {
		if (parse_u64(word + 6, 1, CHANNEL_MAX_HEADS, &heads) < 0)
			return arguments_refuse(arguments,
						"--display: heads '%s': 1 to %d are possible",
						word + 6, CHANNEL_MAX_HEADS);
		display->heads = (unsigned int)heads;
		return 0;
	}
	if (strncmp(word, "size=", 5) == 0) {
		if (parse_display_size(word + 5, display) < 0)
			return arguments_refuse(
				arguments,
				"--display: size '%s': WIDTHxHEIGHT is needed, %d to %d each",
				word + 5, CHANNEL_MIN_SIZE, CHANNEL_MAX_SIZE);
		return 0;
	}
	return arguments_refuse(arguments,
				"--display: '%s' is not known (socket=PATH, heads=, size=)", word);
}

char *options_next_word(char **rest)
{
	char *word = *rest, *from = word, *to = word;

	if (!word)
		return NULL;
	while (*from && (*from != ',' || from[1] == ',')) {
		from += *from == ',';
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return word;
}

int options_take_display(struct arguments *arguments, const char *value)
{
	struct options *options = arguments->options;
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *word;
	int error = 0;

	if (options->display.socket)
		return arguments_refuse(arguments, "--display can be given once");
	if (!copy)
		return -ENOMEM;
	while (!error && (word = options_next_word(&rest)))
		error = parse_display_word(arguments, word);
	if (!error && !options->display.socket)
		return arguments_refuse(arguments, "--display '%s': socket=PATH is needed", value);
	return error;
}
