/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options - what the command line asks for, parsed and checked; nothing is opened here
 */
#ifndef LODGE_VMM_OPTIONS_H
#define LODGE_VMM_OPTIONS_H

#include "host/arguments/forward.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_MAX_DISKS  16
#define OPTIONS_MAX_PORTS  16
#define OPTIONS_MAX_CPUS   16
#define OPTIONS_MIN_MEMORY (16ULL << 20)
#define OPTIONS_MAX_MEMORY (1ULL << 40)
#define OPTIONS_MAX_QUEUES 16
#define OPTIONS_MAX_FS	   8

/* The longest serial number of a virtio disk (VIRTIO_BLK_ID_BYTES). */
#define OPTIONS_DISK_SERIAL 20

struct options_disk {
	char *path; /* raw image or block device */
	bool read_only;
	uint16_t queues; /* 1 to OPTIONS_MAX_QUEUES; default: one a vCPU, at most 4 */
	char serial[OPTIONS_DISK_SERIAL + 1]; /* "" if none */
};

struct options_net {
	bool present; /* --net was given */
	const char *
		socket; /* --net user,socket=PATH: a lodge-net that runs already; NULL: start one */
	uint8_t mac[6]; /* all zero: none was given */
	const char *forward[FORWARD_MAX]; /* checked (host/arguments/forward.h) */
	size_t forwards;
};

struct options_port {
	char *name;	  /* org.lodge.agent.0 */
	const char *path; /* unix socket that we listen on */
};

struct options_display {
	char *socket; /* that we listen on; NULL: no display */
	unsigned int heads;
	uint32_t width, height; /* of the first head when the machine starts */
};

/* The longest tag of a share (virtio 1.2, 5.11.4). */
#define OPTIONS_FS_TAG 36

struct options_fs {
	char tag[OPTIONS_FS_TAG + 1];
	char *socket;	    /* that its server listens on; NULL: @fd */
	int fd;		    /* connected to its server already; negative: @socket */
	uint16_t queues;    /* for requests, 1 to OPTIONS_MAX_QUEUES; 0: as the server likes */
	uint64_t dax_bytes; /* of the DAX window: a power of two; 0: none */
};

enum options_serial {
	SERIAL_NONE,
	SERIAL_STDIO,
	SERIAL_UNIX, /* serial_path: a socket that we listen on */
};

enum options_action {
	ACTION_STOP,
	ACTION_RESTART,
	ACTION_PAUSE,
};

struct options {
	const char *name;
	unsigned int cpus;
	uint64_t memory_bytes; /* from the start */
	uint64_t plug_bytes;   /* that may be plugged in later */
	const char *kernel;
	const char *initrd; /* NULL if none */
	const char *append;
	struct options_disk disk[OPTIONS_MAX_DISKS];
	size_t disks;
	struct options_net net;
	struct options_port port[OPTIONS_MAX_PORTS];
	size_t ports;
	struct options_display display;
	struct options_fs fs[OPTIONS_MAX_FS];
	size_t shares; /* in @fs */
	bool balloon;  /* a memory balloon */
	enum options_serial serial;
	const char *serial_path;
	const char *control; /* unix socket that we listen on; NULL if none */
	enum options_action on_reboot, on_panic, on_triple_fault;
	bool sandbox;
	bool help, version; /* print and exit; nothing else was checked */
};

/**
 * options_parse() - read a command line
 * @words:	as main() got them
 * @options:	set on success, points into @words; freed by options_free()
 * @error:	on failure: one line for people; size @error_size
 *
 * Return: 0; -EINVAL with @error; -ENOMEM.
 */
int options_parse(int count, char *const words[], struct options *options, char *error,
		  size_t error_size);
void options_free(struct options *options);

/* The text of --help. */
extern const char options_help[];

#endif
