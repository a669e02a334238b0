/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message - the parameters and results of every method, event and stream message
 *
 * The schema is protocol/lodge.cddl; here each map of it is a C struct and a table of its fields,
 * and one encoder and one decoder serve them all. Decoding checks types, bounds and required
 * fields; unknown fields are skipped, so that a newer peer may say more. What a struct points to
 * belongs to the decoded bytes.
 *
 * Adding a message: its map in lodge.cddl, its struct here, its table in message.c, a vector.
 */
#ifndef LODGE_PROTOCOL_MESSAGE_H
#define LODGE_PROTOCOL_MESSAGE_H

#include "protocol/cbor.h"

#include <stdbool.h>
#include <stdint.h>

enum message_field_kind {
	FIELD_BOOL,  /* bool */
	FIELD_UINT,  /* uint64_t, at most max */
	FIELD_INT,   /* int64_t */
	FIELD_TEXT,  /* struct slice, at most max bytes */
	FIELD_BYTES, /* struct slice, 1 to max bytes; a path or an argument: no NUL inside */
	FIELD_DATA,  /* struct slice, at most max bytes, any bytes */
	FIELD_ITEMS, /* struct slice: an encoded array of at most max items */
};

#define FIELD_REQUIRED 1

struct message_field {
	const char *name;
	enum message_field_kind kind;
	unsigned int flags;
	size_t offset; /* in the struct */
	uint64_t max;
};

struct message_type {
	const struct message_field *fields;
	size_t count;
};

/**
 * message_decode() - a map into its struct
 * @type:	which
 * @params:	encoded map, untrusted; empty counts as an empty map
 * @message:	the struct, all of it is set (absent fields: zero, false, empty)
 *
 * Return: 0; -EBADMSG if it is no such map.
 */
int message_decode(const struct message_type *type, struct slice params, void *message);

/* A struct as a map. Fields that are zero, false or empty are left out unless required. */
void message_encode(const struct message_type *type, const void *message,
		    struct cbor_writer *writer);

/* Walk a FIELD_ITEMS of maps: 1 and the next one in @message; 0 at the end; -EBADMSG.
 * Start with *reader = CBOR_READER(items) and message_items_begin(). */
int message_items_begin(struct cbor_reader *reader, uint64_t *count);
int message_items_next(struct cbor_reader *reader, uint64_t *left, const struct message_type *type,
		       void *message);

#define MESSAGE_PATH_MAX  4096
#define MESSAGE_NAME_MAX  255
#define MESSAGE_TEXT_MAX  1024
#define MESSAGE_ITEMS_MAX 1024

/* --- Agent: methods (requests of the host) ------------------------------------------------- */

/* "agent.ping" {} -> {} : answered at once, whatever else is going on. */

/* "agent.info" info_params -> info. */
struct info_params {
	struct slice what; /* items: texts of the parts wanted: os, time, users, network, disks,
			    * filesystems, memory, load, agent; empty: all */
};
extern const struct message_type message_info_params;

struct info {
	struct slice os_id, os_name, os_version, os_pretty; /* os-release(5) */
	struct slice kernel;				    /* "Linux 6.1.0-56-cloud-amd64" */
	struct slice architecture;			    /* "x86_64" */
	struct slice hostname;
	struct slice machine_id, boot_id;
	struct slice agent; /* "lodge-agent 0.1.0" */
	uint64_t uptime_ms;
	uint64_t realtime_ns;	  /* CLOCK_REALTIME; 0 if not asked for */
	uint64_t processors;	  /* online */
	struct slice users;	  /* items: info_user */
	struct slice network;	  /* items: info_interface */
	struct slice disks;	  /* items: info_disk */
	struct slice filesystems; /* items: info_filesystem */
	uint64_t memory_total_bytes, memory_available_bytes, memory_free_bytes;
	uint64_t memory_cached_bytes, swap_total_bytes, swap_free_bytes;
	uint64_t load_1_milli, load_5_milli, load_15_milli; /* load average times 1000 */
};
extern const struct message_type message_info;

struct info_user {
	struct slice name, terminal, from;
	uint64_t since_ns;
};
extern const struct message_type message_info_user;

struct info_interface {
	struct slice name, mac; /* "eth0", "52:54:00:12:34:56" */
	struct slice state;	/* operstate: "up", "down", "unknown" */
	struct slice addresses; /* items: texts "10.0.2.15/24" */
};
extern const struct message_type message_info_interface;

struct info_disk {
	struct slice name, model, serial; /* "vda" */
	uint64_t size_bytes;
	bool read_only;
};
extern const struct message_type message_info_disk;

struct info_filesystem {
	struct slice source, mount_point, type;
	uint64_t size_bytes, used_bytes, available_bytes; /* 0 when it did not answer in time */
	bool read_only;
};
extern const struct message_type message_info_filesystem;

/* "agent.subscribe" subscribe_params -> {} at the end of the stream (that is: on cancel). While it
 * is open, stream message "changed" changed tells which parts of info are no longer the same. */
struct subscribe_params {
	struct slice what; /* as in info_params */
};
extern const struct message_type message_subscribe_params;
struct changed {
	struct slice what; /* items: texts */
};
extern const struct message_type message_changed;

/* "exec" exec_params -> exec_result. Channels 0, 1, 2 are standard input, output, error; with a
 * terminal all output is channel 1. Stream messages: to the host "started" exec_started; to the
 * guest "signal" exec_signal and "resize" exec_size. Cancel: the whole process group is killed. */
struct exec_params {
	struct slice argv;	  /* items: bytes; required, argv[0] looked up in PATH */
	struct slice environment; /* items: bytes "NAME=value", added to a login-like default */
	struct slice directory;	  /* bytes; default: the user's home, else / */
	struct slice user;	  /* text; default: root */
	bool stdin_open;	  /* else standard input is /dev/null */
	bool terminal;		  /* give it a pseudo-terminal and a session of its own */
	bool shell;		  /* argv may be empty: the user's login shell */
	uint64_t rows, columns;	  /* of the terminal */
	struct slice term;	  /* TERM */
};
extern const struct message_type message_exec_params;
struct exec_started {
	uint64_t pid;
};
extern const struct message_type message_exec_started;
struct exec_signal {
	uint64_t number; /* Linux signal number */
};
extern const struct message_type message_exec_signal;
struct exec_size {
	uint64_t rows, columns;
};
extern const struct message_type message_exec_size;
struct exec_result {
	uint64_t status; /* exit status, if signal is 0 */
	uint64_t signal; /* that ended it */
};
extern const struct message_type message_exec_result;

/* "file.stat" path_params -> file_stat (symbolic links are not followed unless `follow`). */
struct path_params {
	struct slice path; /* absolute */
	bool follow;
};
extern const struct message_type message_path_params;
struct file_stat {
	struct slice name; /* in a listing: one component */
	uint64_t mode;	   /* st_mode with type */
	uint64_t size_bytes;
	int64_t mtime_ns;
	uint64_t uid, gid;
	uint64_t device, inode; /* together name the file, for hard links and cycles */
	struct slice target;	/* of a symbolic link */
};
extern const struct message_type message_file_stat;

/* "file.list" path_params -> {} ; entries arrive as DATA on channel 1: a CBOR sequence of file_stat
 * maps, without "." and "..", in no order. */

/* "file.read" file_read_params -> file_stat as at the end; the bytes are DATA on channel 1. */
struct file_read_params {
	struct slice path;
	uint64_t offset;
	uint64_t length_bytes; /* 0: to the end */
};
extern const struct message_type message_file_read_params;

/* "file.write" file_write_params -> file_written. DATA on channel 0 until END goes to a new file
 * beside @path, which takes its name when all is there (and on disk, with sync). Cancel or
 * connection loss: the new file is removed, the old one stays. */
struct file_write_params {
	struct slice path;
	uint64_t mode; /* permission bits; 0 without set_mode: as the old file, else 0644 */
	bool set_mode; /* mode counts, even if it is 0 */
	bool set_mtime;
	int64_t mtime_ns;
	bool set_owner;
	uint64_t uid, gid;
	bool exclusive; /* fail with EEXIST if there is one */
	bool sync;
};
extern const struct message_type message_file_write_params;
struct file_written {
	uint64_t size_bytes;
};
extern const struct message_type message_file_written;

/* "file.mkdir" file_write_params (existing directory: fine unless exclusive) -> {}.
 * "file.setattr" file_write_params: mode, mtime, owner of an existing file -> {}.
 * "file.symlink" file_symlink_params -> {}; an existing non-directory is replaced.
 * "file.remove" path_params -> {}: one file or empty directory. */
struct file_symlink_params {
	struct slice path, target;
	bool set_mtime;
	int64_t mtime_ns;
};
extern const struct message_type message_file_symlink_params;

/* "power" power_params -> {} , then it happens. */
struct power_params {
	struct slice action; /* text: "off", "reboot", "halt" */
};
extern const struct message_type message_power_params;

/* "time.get" {} -> time_value; "time.set" time_value -> {}. */
struct time_value {
	uint64_t realtime_ns;
};
extern const struct message_type message_time_value;

/* "memory.watch" guest_memory_watch -> {} at the end of the stream (that is: on cancel). While it
 * is open, stream messages, both guest_memory_report:
 *	"report"  at once, then every period_ms while something changes, else less and less often,
 *		  down to every idle_ms
 *	"urgent"  at once when the guest stalls (100 ms in 1 s), or available_bytes falls below the
 *		  mark; at most two a second, with cause
 * An urgent report stands for itself: it is a full report. */
struct guest_memory_watch {
	uint64_t period_ms; /* 100 to 60000; 0: 1000 */
	uint64_t idle_ms;   /* period_ms to 600000; 0: 30000 */
	uint64_t low_bytes; /* the mark; 0: a 32nd of what is there, between 16 and 256 MiB */
};
extern const struct message_type message_guest_memory_watch;

/* How the guest's memory is. What its kernel does not tell is 0 and so is left out. Sums are since
 * the guest's start; one that went back is a guest that was restarted. */
struct guest_memory_report {
	uint64_t at_ms;	    /* CLOCK_BOOTTIME of the guest */
	uint64_t period_ms; /* the next report is due after that long at the latest */
	struct slice cause; /* of "urgent": "stall", "low" */
	uint64_t total_bytes, free_bytes, available_bytes; /* MemTotal, MemFree, MemAvailable */
	uint64_t balloon_bytes; /* of total_bytes: what the host has of it, where the kernel goes on
				 * counting that (balloons that deflate on OOM) */
	uint64_t cached_bytes;	/* files, and what can be dropped of the kernel's: all of that */
	uint64_t working_set_bytes; /* in use of late: estimated from the kernel's active lists */
	uint64_t idle_bytes; /* not used of late, and neither free: an estimate too, which knows of
			      * files alone */
	uint64_t swap_total_bytes, swap_free_bytes;
	uint64_t refaulted_anonymous_bytes, refaulted_file_bytes; /* sums: workingset_refault_* */
	uint64_t swapped_in_bytes, swapped_out_bytes;		  /* sums: pswpin, pswpout */
	uint64_t scanned_directly_bytes;			  /* sum: pgscan_direct */
	uint64_t oom_kills;					  /* sum */
	bool pressure; /* the kernel has PSI: what follows is true */
	bool trigger;  /* and wakes the agent when the guest stalls: without, it looks */
	uint64_t some_us, full_us; /* sums: total of /proc/pressure/memory */
	struct slice reclaim; /* how "memory.reclaim" would do it: "cgroup", "cgroups"; "": not */
	bool online;	      /* what is plugged into the machine is put into use */
};
extern const struct message_type message_guest_memory_report;

/* "memory.reclaim" guest_memory_reclaim -> guest_memory_reclaimed: have the kernel drop or swap out
 * what is used least, before anybody needs it. Ends when that many bytes are free, when the kernel
 * finds no more, or on cancel. EOPNOTSUPP where the kernel cannot; EBUSY while another is at work.
 */
struct guest_memory_reclaim {
	uint64_t bytes; /* at least 1 */
};
extern const struct message_type message_guest_memory_reclaim;
struct guest_memory_reclaimed {
	uint64_t bytes;	 /* that the kernel reclaimed, as it counts */
	struct slice by; /* "cgroup", "cgroups" */
};
extern const struct message_type message_guest_memory_reclaimed;

/* --- lodge-vmm: methods on its control socket ---------------------------------------------- */

/* "vm.info" {} -> vm_info; "vm.pause", "vm.resume", "vm.power-button", "vm.reset", "vm.stop" {} ->
 * {}. Event "vm.state" vm_state on each change. */
struct vm_info {
	struct slice name;
	struct slice state; /* "running", "paused", "stopping", "stopped" */
	uint64_t pid;
	uint64_t processors;
	uint64_t memory_bytes;
	uint64_t restarts;    /* guest reboots survived */
	struct slice boot;    /* "bzImage", "PVH" */
	struct slice devices; /* items: texts */
	bool sandboxed;
};
extern const struct message_type message_vm_info;
struct vm_state {
	struct slice state;
	struct slice
		reason; /* of "stopped": power-off, reboot, triple-fault, panic, killed, error */
};
extern const struct message_type message_vm_state;

/* "vm.memory" {} -> vm_memory. Event "vm.memory" vm_memory after actual_bytes or ram_bytes has
 * changed, at most five a second; the last change is always told. Where there is no balloon,
 * nothing from target_bytes on is there. */
struct vm_memory {
	bool balloon;		  /* there is one */
	uint64_t maximum_bytes;	  /* RAM of the machine, with what may be plugged in */
	uint64_t resident_bytes;  /* that the host really holds for it, swapped out or not */
	uint64_t start_bytes;	  /* RAM that it has from the start */
	uint64_t ram_bytes;	  /* that is there now: from the start, or plugged in */
	bool plug;		  /* more can be plugged in, by vm.plug */
	bool plug_driver;	  /* a driver for that is at work */
	uint64_t requested_bytes; /* of vm.plug; ram_bytes gets there as the driver plugs */
	uint64_t target_bytes;	  /* that the guest is to have */
	uint64_t actual_bytes;	  /* that it has, as its driver says */
	uint64_t balloon_bytes;	  /* that it gave up, page by page */
	uint64_t reported_bytes;  /* free pages given back by reports, a sum since the start */
	bool driver;		  /* a driver is at work: without, a target does nothing */
	bool deflate_on_oom, reporting; /* what it negotiated */
	uint64_t period_ms;		/* of statistics; 0: they are not asked for */
	uint64_t age_ms; /* of the statistics that follow, which are the guest's claims */
	uint64_t tags;	 /* bit N: statistic N (virtio 1.2, 5.5.6.4) was there; in this order: */
	uint64_t swap_in_bytes, swap_out_bytes, major_faults, minor_faults;
	uint64_t free_bytes, total_bytes, available_bytes, caches_bytes;
	uint64_t huge_allocations, huge_failures, oom_kills, stalls;
	uint64_t scanned_bytes, scanned_directly_bytes;
	uint64_t reclaimed_bytes, reclaimed_directly_bytes;
};
extern const struct message_type message_vm_memory;

/* "vm.balloon" vm_balloon -> {}. EOPNOTSUPP without a balloon; ERANGE; EBUSY while memory is
 * pinned.
 */
struct vm_balloon {
	uint64_t target_bytes; /* RAM that the guest is to have */
};
extern const struct message_type message_vm_balloon;

/* "vm.plug" vm_plug -> {}. EOPNOTSUPP where nothing can be plugged in; ERANGE. The balloon's target
 * stays: what is plugged in beyond it belongs into the balloon. */
struct vm_plug {
	uint64_t ram_bytes; /* RAM that is to be there: from start_bytes to maximum_bytes, rounded
			     * up to 2 MiB */
};
extern const struct message_type message_vm_plug;

/* "vm.statistics" vm_statistics -> {}. How often the guest is asked for its statistics. */
struct vm_statistics {
	uint64_t period_ms; /* 0: no longer; or 100 to 3600000 */
};
extern const struct message_type message_vm_statistics;

/* "vm.counters" {} -> vm_counters. Sums since the machine started; a restart of the guest does not
 * set them back. */
struct vm_counters {
	uint64_t cpu_ns; /* of all threads: processors and devices */
	/* Of all disks and cards; as the guest sees it: received is what it has got. Requests that
	 * failed do not count; without a card network_ is 0. */
	uint64_t disk_read_bytes, disk_written_bytes, disk_reads, disk_writes;
	uint64_t network_received_bytes, network_sent_bytes;
	uint64_t network_received_frames, network_sent_frames;
};
extern const struct message_type message_vm_counters;

/* --- Errors -------------------------------------------------------------------------------- */

/* FRAME_ERROR's map. */
struct error_info {
	uint64_t number;   /* Linux errno */
	struct slice text; /* words for people */
};
extern const struct message_type message_error_info;

#endif
