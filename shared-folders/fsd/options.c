/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fsd/options.h"

#include "protocol/arguments/arguments.h"
#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"
#include "shared-folders/fsd/mount_options.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_THREADS 64

const char fsd_options_help[] =
	"usage: lodge-fsd --shared-dir DIR {--fd N | --socket-path PATH | --control PATH |\n"
	"                 --control-fd N} [OPTION...]\n"
	"\n"
	"Serves a folder to one virtual machine as a vhost-user-fs device, or to whoever asks on\n"
	"the control socket. Takes the options of virtiofsd, as libvirt gives them.\n"
	"\n"
	"  --shared-dir DIR       the folder (also -o source=DIR)\n"
	"  --fd N                 a vhost-user socket that listens or is connected\n"
	"  --socket-path PATH     make a vhost-user socket there; --socket-group GROUP: for it, "
	"too\n"
	"  --control PATH         make a socket for streams (share.open) there\n"
	"  --control-fd N         serve streams on this connection, and end with it; or on those "
	"that\n"
	"                         come to this socket, and end when nobody comes again in time\n"
	"  --cache never|auto|always   how long the guest believes what it has seen (auto)\n"
	"  --writeback            the guest may keep what was written until it closes or syncs\n"
	"  --readonly             nothing can be changed\n"
	"  --owner pass|map[:UID[:GID]]|squash[:UID[:GID]]\n"
	"                         whose files are: the same numbers on both sides (needs root, "
	"and\n"
	"                         is the default then); one user of the guest is one here (1000);\n"
	"                         or all are that user's (default without root)\n"
	"  --announce-submounts   other file systems below DIR are others in the guest, too\n"
	"  -o OPTION[,OPTION...]  source=, cache=, sandbox=, [no_]xattr, [no_]posix_acl, "
	"[no_]flock,\n"
	"                         [no_]posix_lock, [no_]writeback, announce_submounts\n"
	"  --thread-pool-size N   threads that help when much is asked at once (processors, 2 to "
	"16)\n"
	"  --dax-window SIZE      offer files in the guest's address space, for lodge-vmm\n"
	"  --tag NAME             the device's tag, for machines that ask for it\n"
	"  --sandbox namespace|chroot|none, --seccomp errno|kill|log|none, --rlimit-nofile N\n"
	"  --uid-map :IN:OUT:COUNT:, --gid-map ...   who we are in our user namespace\n"
	"  --log-level LEVEL, -d, --syslog\n"
	"  --print-capabilities   for libvirt\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 the other side has hung up; 1 failure; 2 wrong command line.\n";

static struct fsd_options *of(const struct arguments *arguments)
{
	return arguments->options;
}

static int take_cache(struct arguments *arguments, const char *value)
{
	return mount_option_cache(arguments, value, &of(arguments)->server.cache);
}

static int take_sandbox(struct arguments *arguments, const char *value)
{
	return mount_option_sandbox(arguments, value, &of(arguments)->sandbox);
}

static int take_log_level(struct arguments *arguments, const char *value)
{
	return mount_option_log_level(arguments, value, &of(arguments)->log_level);
}

static int take_mount_options(struct arguments *arguments, const char *value)
{
	return mount_options_parse(arguments, value);
}

static int take_seccomp(struct arguments *arguments, const char *value)
{
	return mount_option_filter(arguments, value, &of(arguments)->filter);
}

static int take_threads(struct arguments *arguments, const char *value)
{
	uint64_t count;

	if (parse_u64(value, 0, INT32_MAX, &count) < 0)
		return arguments_refuse(arguments, "--thread-pool-size '%s' is no number", value);
	of(arguments)->threads = (unsigned int)MIN(count, (uint64_t)MAX_THREADS);
	of(arguments)->has_threads = true;
	return 0;
}

static int take_descriptors(struct arguments *arguments, const char *value)
{
	uint64_t count;

	if (parse_u64(value, 0, INT32_MAX, &count) < 0)
		return arguments_refuse(arguments, "--rlimit-nofile '%s' is no number", value);
	of(arguments)->descriptors = count;
	of(arguments)->has_descriptors = true;
	return 0;
}

static int take_window(struct arguments *arguments, const char *value)
{
	uint64_t size;

	if (parse_size(value, &size) < 0 || size % (2U << 20) || size > 1ULL << 40)
		return arguments_refuse(
			arguments, "--dax-window '%s' is no size that 2 MiB go into, up to 1 TiB",
			value);
	of(arguments)->window_bytes = size;
	return 0;
}

/* One number or two behind colons, if there are any: a group has its user's number by itself. */
static int take_pair(const char *text, uid_t *uid, gid_t *gid)
{
	char copy[32], *second;
	uint64_t first_number, second_number;

	if (*text == '\0')
		return 0;
	if (*text != ':' && *text != '=')
		return -EINVAL;
	if (snprintf(copy, sizeof(copy), "%s", text + 1) >= (int)sizeof(copy))
		return -EINVAL;
	second = strchr(copy, ':');
	if (second)
		*second++ = '\0';
	else
		second = copy;
	if (parse_u64(copy, 0, UINT32_MAX - 1, &first_number) < 0 ||
	    parse_u64(second, 0, UINT32_MAX - 1, &second_number) < 0)
		return -EINVAL;
	*uid = (uid_t)first_number;
	*gid = (gid_t)second_number;
	return 0;
}

static int take_owner(struct arguments *arguments, const char *value)
{
	static const struct {
		const char *word;
		enum server_owner owner;
	} rules[] = {
		{"pass", SERVER_OWNER_PASS},
		{"map", SERVER_OWNER_MAP},
		{"squash", SERVER_OWNER_SQUASH},
	};
	struct server_options *server = &of(arguments)->server;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		size_t length = strlen(rules[i].word);

		if (strncmp(value, rules[i].word, length) != 0)
			continue;
		if (rules[i].owner == SERVER_OWNER_PASS && value[length] != '\0')
			continue;
		if (take_pair(value + length, &server->peer_uid, &server->peer_gid) < 0)
			continue;
		server->owner = rules[i].owner;
		of(arguments)->has_owner = true;
		return 0;
	}
	return arguments_refuse(arguments,
				"--owner '%s': pass, map[:UID[:GID]] or squash[:UID[:GID]]", value);
}

/* ":INSIDE:OUTSIDE:COUNT:", several of which may come: ours is the one with us outside. */
static int take_map(struct arguments *arguments, const char *name, const char *value,
		    uint32_t outside, uint32_t *inside, bool *has)
{
	uint32_t from, to, count;
	int end = 0;

	if (sscanf(value, ":%u:%u:%u:%n", &from, &to, &count, &end) != 3 || end == 0 ||
	    value[end] != '\0')
		return arguments_refuse(arguments, "--%s '%s' is not :INSIDE:OUTSIDE:COUNT:", name,
					value);
	if (outside >= to && outside - to < count) {
		*inside = from + (outside - to);
		*has = true;
	}
	return 0;
}

static int take_uid_map(struct arguments *arguments, const char *value)
{
	return take_map(arguments, "uid-map", value, geteuid(), &of(arguments)->root_uid,
			&of(arguments)->has_uid_map);
}

static int take_gid_map(struct arguments *arguments, const char *value)
{
	return take_map(arguments, "gid-map", value, getegid(), &of(arguments)->root_gid,
			&of(arguments)->has_gid_map);
}

/* What virtiofsd has and what makes no difference here, or is so anyway. */
static int take_nothing(struct arguments *arguments, const char *value)
{
	(void)arguments;
	(void)value;
	return 0;
}

#define FIELD(name)  offsetof(struct fsd_options, name)
#define SERVER(name) offsetof(struct fsd_options, server.name)
/* A switch that sets nothing. */
#define SWITCH(name)                                                                               \
	{                                                                                          \
		name, ARGUMENT_ON, FIELD(ignored), NULL                                            \
	}

static const struct argument table[] = {
	{"shared-dir", ARGUMENT_TEXT, FIELD(source), NULL},
	{"fd", ARGUMENT_DESCRIPTOR, FIELD(fd), NULL},
	{"socket-path", ARGUMENT_TEXT, FIELD(socket_path), NULL},
	{"socket-group", ARGUMENT_TEXT, FIELD(socket_group), NULL},
	{"control", ARGUMENT_TEXT, FIELD(control), NULL},
	{"control-fd", ARGUMENT_DESCRIPTOR, FIELD(control_fd), NULL},
	{"option", ARGUMENT_OTHER, 0, take_mount_options},
	{"cache", ARGUMENT_OTHER, 0, take_cache},
	{"owner", ARGUMENT_OTHER, 0, take_owner},
	{"readonly", ARGUMENT_ON, SERVER(read_only), NULL},
	{"writeback", ARGUMENT_ON, SERVER(writeback), NULL},
	{"xattr", ARGUMENT_ON, SERVER(xattr), NULL},
	{"no-xattr", ARGUMENT_OFF, SERVER(xattr), NULL},
	{"posix-acl", ARGUMENT_ON, SERVER(acl), NULL},
	{"no-posix-acl", ARGUMENT_OFF, SERVER(acl), NULL},
	{"announce-submounts", ARGUMENT_ON, SERVER(submounts), NULL},
	{"no-announce-submounts", ARGUMENT_OFF, SERVER(submounts), NULL},
	{"tag", ARGUMENT_TEXT, FIELD(tag), NULL},
	{"dax-window", ARGUMENT_OTHER, 0, take_window},
	{"thread-pool-size", ARGUMENT_OTHER, 0, take_threads},
	{"sandbox", ARGUMENT_OTHER, 0, take_sandbox},
	{"seccomp", ARGUMENT_OTHER, 0, take_seccomp},
	{"rlimit-nofile", ARGUMENT_OTHER, 0, take_descriptors},
	{"uid-map", ARGUMENT_OTHER, 0, take_uid_map},
	{"gid-map", ARGUMENT_OTHER, 0, take_gid_map},
	{"syslog", ARGUMENT_ON, FIELD(syslog), NULL},
	{"log-level", ARGUMENT_OTHER, 0, take_log_level},
	{"debug", ARGUMENT_ON, FIELD(debug), NULL},
	{"print-capabilities", ARGUMENT_ON, FIELD(print_capabilities), NULL},
	{"help", ARGUMENT_ON, FIELD(help), NULL},
	{"version", ARGUMENT_ON, FIELD(version), NULL},
	SWITCH("foreground"),
	SWITCH("allow-direct-io"),
	SWITCH("killpriv-v2"),
	SWITCH("no-killpriv-v2"),
	SWITCH("no-readdirplus"),
	SWITCH("preserve-noatime"),
	{"inode-file-handles", ARGUMENT_OTHER, 0, take_nothing},
	{0},
};

/* --- Short forms --- */

static const struct {
	char letter;
	const char *name;
} shorts[] = {
	{'o', "--option"}, {'d', "--debug"},   {'f', "--foreground"},
	{'h', "--help"},   {'V', "--version"},
};

static const char *long_form(const char *word)
{
	if (word[0] != '-' || word[1] == '-' || word[1] == '\0' || word[2] != '\0')
		return word;
	for (size_t i = 0; i < ARRAY_SIZE(shorts); i++)
		if (word[1] == shorts[i].letter)
			return shorts[i].name;
	return word;
}

static int parse_words(struct arguments *arguments, int count, char *const words[])
{
	const char **copy = calloc((size_t)count + 1, sizeof(*copy));
	int result;

	if (!copy)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		copy[i] = i > 0 ? long_form(words[i]) : words[i];
	result = arguments_parse(arguments, table, count, (char *const *)copy);
	free(copy);
	return result;
}

/* --- All of it --- */

static int check(struct arguments *arguments)
{
	const struct fsd_options *options = of(arguments);
	int vhost = (options->fd >= 0) + (options->socket_path != NULL);
	int control = (options->control_fd >= 0) + (options->control != NULL);

	if (!options->source)
		return arguments_refuse(arguments, "--shared-dir is needed; see --help");
	if (vhost + control == 0)
		return arguments_refuse(arguments, "--fd, --socket-path, --control or --control-fd "
						   "is needed; see --help");
	if (vhost > 1)
		return arguments_refuse(arguments, "either --fd or --socket-path, not both");
	if (control > 1)
		return arguments_refuse(arguments, "either --control or --control-fd, not both");
	if (options->socket_group && !options->socket_path)
		return arguments_refuse(arguments, "--socket-group goes with --socket-path");
	if (options->server.owner == SERVER_OWNER_PASS && options->has_owner && geteuid() != 0)
		return arguments_refuse(arguments, "--owner pass needs root");
	if (!vhost && options->window_bytes > 0)
		return arguments_refuse(arguments, "--dax-window goes with a vhost-user socket");
	return 0;
}

static unsigned int sensible_threads(void)
{
	cpu_set_t set;
	unsigned int count = 2;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = (unsigned int)CPU_COUNT(&set);
	return MIN(MAX(count, 2U), 16U);
}

/* Without root no other owner is possible, but as root of a namespace. */
static void complete(struct fsd_options *options)
{
	struct server_options *server = &options->server;

	if (!options->has_owner && geteuid() != 0 && !options->has_uid_map)
		server->owner = SERVER_OWNER_SQUASH;
	server->owner_uid = geteuid();
	server->owner_gid = getegid();
	if (!options->has_threads)
		options->threads = sensible_threads();
	if (options->debug)
		options->log_level = LOG_LEVEL_DEBUG;
	if (!server->xattr)
		server->acl = false;
}

int fsd_options_parse(int count, char *const words[], struct fsd_options *options, char *error,
		      size_t error_size)
{
	struct arguments arguments = {options, error, error_size};
	int result;

	*options = (struct fsd_options){
		.fd = -1,
		.control_fd = -1,
		.server = {.cache = SERVER_CACHE_AUTO,
			   .xattr = true,
			   .acl = true,
			   .flock = true,
			   .posix_lock = true,
			   .owner = SERVER_OWNER_PASS,
			   .peer_uid = 1000,
			   .peer_gid = 1000},
		.log_level = LOG_LEVEL_INFO,
	};
	result = parse_words(&arguments, count, words);
	if (result < 0 || options->help || options->version || options->print_capabilities)
		return result;
	result = check(&arguments);
	if (result == 0)
		complete(options);
	return result;
}

void fsd_options_free(struct fsd_options *options)
{
	while (options->lists > 0)
		free(options->list[--options->lists]);
}
