/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the peer is told of changes that another process makes in the folder, and what its echo may
 * do. Without a kernel: notifications are noted as lines of text. */
#include "protocol/base/bytes.h"
#include "protocol/base/iov.h"
#include "protocol/share.h"
#include "shared-folders/server/coherence_internal.h"
#include "tests/unit/shared-folders/server/peer.h"
#include "tests/unit/suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT FUSE_ROOT_ID
#define ECHO 4711

static struct peer peer;

static struct {
	pthread_mutex_t lock;
	char text[1 << 20];
	size_t length, count;
	bool full;	 /* notifications are refused */
	uint64_t change; /* id of the last one */
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* "name NODE NAME", "file NODE", "attributes NODE", "change KIND TYPE PATH PATH" */
static int on_notify(void *owner, const struct iovec *message, size_t count)
{
	char bytes[2 * PATH_MAX] = "", line[3 * PATH_MAX] = "?";
	size_t length = iov_read(message, count, 0, bytes, sizeof(bytes) - 1);
	const char *body = bytes + sizeof(struct fuse_out_header);
	struct fuse_notify_inval_inode_out file;
	struct fuse_notify_inval_entry_out name;
	struct fuse_out_header header;
	struct server_change change;
	int ret = 0;

	(void)owner;
	memcpy(&header, bytes, sizeof(header));
	ck_assert_uint_eq(header.len, length);
	ck_assert_uint_eq(header.unique, 0);
	memcpy(&file, body, sizeof(file));
	memcpy(&name, body, sizeof(name));
	memcpy(&change, body, sizeof(change));
	switch (header.error) {
	case FUSE_NOTIFY_INVAL_INODE:
		snprintf(line, sizeof(line), "%s %llu\n", file.off < 0 ? "attributes" : "file",
			 (unsigned long long)file.ino);
		break;
	case FUSE_NOTIFY_INVAL_ENTRY:
		ck_assert_uint_eq(name.namelen, strlen(body + sizeof(name)));
		snprintf(line, sizeof(line), "name %llu %s\n", (unsigned long long)name.parent,
			 body + sizeof(name));
		break;
	case SERVER_NOTIFY_CHANGE:
		body += sizeof(change);
		snprintf(line, sizeof(line), "change %u %o %s %s\n", change.kind, change.mode, body,
			 body + strlen(body) + 1);
		break;
	}
	pthread_mutex_lock(&told.lock);
	if (told.full) {
		ret = -ENOBUFS;
	} else {
		told.count++;
		told.change = header.error == SERVER_NOTIFY_CHANGE ? change.id : told.change;
		if (told.length + strlen(line) < sizeof(told.text)) {
			memcpy(told.text + told.length, line, strlen(line) + 1);
			told.length += strlen(line);
		}
	}
	pthread_mutex_unlock(&told.lock);
	return ret;
}

static void set_full(bool full)
{
	pthread_mutex_lock(&told.lock);
	told.full = full;
	pthread_mutex_unlock(&told.lock);
}

static bool is_told(const char *line)
{
	char whole[512];
	bool found = false;

	snprintf(whole, sizeof(whole), "%s\n", line);
	pthread_mutex_lock(&told.lock);
	for (const char *at = told.text; !found && (at = strstr(at, whole)); at++)
		found = at == told.text || at[-1] == '\n';
	pthread_mutex_unlock(&told.lock);
	return found;
}

static bool comes(const char *line)
{
	for (int turn = 0; turn < 6000; turn++) {
		if (is_told(line))
			return true;
		usleep(10000);
	}
	fprintf(stderr, "no \"%s\" in:\n%s", line, told.text);
	return false;
}

static void forget_told(void)
{
	pthread_mutex_lock(&told.lock);
	told.text[0] = '\0';
	told.length = told.count = 0;
	pthread_mutex_unlock(&told.lock);
}

/* By another process. */
static void elsewhere(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && %s", peer.path, command);
	ck_assert_int_eq(system(line), 0); // NOLINT(cert-env33-c): commands of our own
}

static void start_again(void)
{
	struct fuse_init_in in = {.major = 7, .minor = 38};

	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_INIT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
}

static void start(enum watch_method method)
{
	ck_assert_int_eq(server_new(&peer.options, &peer.server), 0);
	peer.server->watch = method;
	start_again();
}

static void set_up(void)
{
	told.full = false;
	forget_told();
	peer_begin(&peer);
	peer.options.notify = on_notify;
}

static void tear_down(void)
{
	peer_end(&peer);
}

static uint64_t entry_valid(const char *name)
{
	ck_assert_int_gt(peer_lookup(&peer, ROOT, name), 0);
	return PEER_BODY(&peer, struct fuse_entry_out)->entry_valid;
}

static const enum watch_method methods[] = {WATCH_BEST, WATCH_INOTIFY};

START_TEST(changes_of_others_are_told)
{
	int64_t file, folder;
	char line[64];

	elsewhere("echo x > file && mkdir folder && echo x > folder/below");
	start(methods[_i]);
	file = peer_lookup(&peer, ROOT, "file");
	ck_assert_uint_gt(PEER_BODY(&peer, struct fuse_entry_out)->attr_valid, 1);
	folder = peer_lookup(&peer, ROOT, "folder");
	ck_assert_int_gt(peer_lookup(&peer, (uint64_t)folder, "below"), 0);
	elsewhere("echo y >> file");
	snprintf(line, sizeof(line), "file %lld", (long long)file);
	ck_assert(comes(line));
	ck_assert(is_told("name 1 file"));
	forget_told();
	elsewhere("chmod 700 folder");
	snprintf(line, sizeof(line), "attributes %lld", (long long)folder);
	ck_assert(comes(line));
	elsewhere("mv file folder/moved");
	ck_assert(comes("name 1 file"));
	snprintf(line, sizeof(line), "name %lld moved", (long long)folder);
	ck_assert(comes(line));
	/* It is found where it went, without the peer's help. */
	snprintf(line, sizeof(line), "file %lld", (long long)file);
	forget_told();
	elsewhere("echo z >> folder/moved");
	ck_assert(comes(line));
	elsewhere("rm folder/moved");
	elsewhere("echo > new");
	ck_assert(comes("name 1 new"));
	ck_assert(comes("file 1"));
	/* Nobody asked for echoes. */
	ck_assert_ptr_null(strstr(told.text, "change"));
}
END_TEST

/* What the peer does itself it is not told; with inotify a little later, to be on the safe side. */
START_TEST(own_changes_are_not_told)
{
	struct fuse_mkdir_in in = {.mode = 0755};

	start(methods[_i]);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_MKDIR, .node = ROOT, .arguments = &in,
				   .arguments_bytes = sizeof(in), .name = "mine"),
			 0);
	elsewhere("mkdir theirs");
	ck_assert(comes("name 1 theirs"));
	if (methods[_i] == WATCH_BEST && !is_told("name 1 mine"))
		return;
	/* Then this kernel has not got fanotify. */
	ck_assert(comes("name 1 mine"));
}
END_TEST

/* Of what this process does, another server may have done it for another peer. */
START_TEST(changes_of_neighbours_are_told)
{
	struct fuse_mkdir_in in = {.mode = 0755};

	start(WATCH_BEST);
	server_set_crowded(peer.server);
	ck_assert_int_eq(mkdir(peer_path(&peer, "neighbours"), 0755), 0);
	ck_assert(comes("name 1 neighbours"));
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_MKDIR, .node = ROOT, .arguments = &in,
				   .arguments_bytes = sizeof(in), .name = "mine"),
			 0);
	ck_assert(comes("name 1 mine"));
}
END_TEST

START_TEST(files_with_other_names_are_not_believed)
{
	elsewhere("mkdir aside && echo x > one && ln one aside/two && echo x > single");
	start(WATCH_BEST);
	ck_assert_uint_gt(entry_valid("single"), 1);
	ck_assert_uint_le(entry_valid("one"), 1);
	/* Nor is anything, where nobody listens. */
	server_free(peer.server);
	peer.options.notify = NULL;
	start(WATCH_BEST);
	ck_assert_uint_le(entry_valid("single"), 1);
}
END_TEST

/* While it cannot be told, it is given nothing to believe; and it is told later. */
START_TEST(nothing_is_lost)
{
	elsewhere("echo x > file && echo x > other");
	start(WATCH_BEST);
	ck_assert_uint_gt(entry_valid("other"), 1);
	set_full(true);
	elsewhere("rm file");
	for (int turn = 0; turn < 6000 && entry_valid("other") > 0; turn++)
		usleep(10000);
	ck_assert_uint_eq(entry_valid("other"), 0);
	ck_assert_uint_eq(told.count, 0);
	set_full(false);
	ck_assert(comes("name 1 file"));
	for (int turn = 0; turn < 6000 && entry_valid("other") == 0; turn++)
		usleep(10000);
	ck_assert_uint_gt(entry_valid("other"), 1);
}
END_TEST

/* More than is remembered: it is to forget all that it knows. */
START_TEST(a_storm_ends_in_forgetting_all)
{
	char line[256];
	int64_t known;

	elsewhere("mkdir known && echo x > known/file");
	start(WATCH_BEST);
	/* It believes that there is none. */
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_LOOKUP, .node = ROOT, .name = "no"), 0);
	known = peer_lookup(&peer, ROOT, "known");
	ck_assert_int_gt(peer_lookup(&peer, (uint64_t)known, "file"), 0);
	set_full(true);
	snprintf(line, sizeof(line), "for i in $(seq %d); do : > $i; done", NOTICE_QUEUE_MAX + 100);
	elsewhere(line);
	for (int turn = 0; turn < 6000; turn++) {
		if (__atomic_load_n(&peer.server->coherence->notices.all, __ATOMIC_ACQUIRE))
			break;
		usleep(10000);
	}
	set_full(false);
	snprintf(line, sizeof(line), "name %lld file", (long long)known);
	ck_assert(comes(line));
	snprintf(line, sizeof(line), "file %lld", (long long)known);
	ck_assert(comes(line));
	ck_assert(is_told("name 1 known"));
	ck_assert(is_told("name 1 no"));
}
END_TEST

/* --- Echoes ---------------------------------------------------------------------------------- */

static int make_node(const char *name)
{
	struct fuse_mknod_in in = {.mode = S_IFREG | 0600};

	return PEER_CALL(&peer, .opcode = FUSE_MKNOD, .node = ROOT, .arguments = &in,
			 .arguments_bytes = sizeof(in), .name = name);
}

static int rename_to(const char *name, const char *to)
{
	struct fuse_rename2_in in = {.newdir = ROOT, .flags = RENAME_NOREPLACE};

	return PEER_CALL(&peer, .opcode = FUSE_RENAME2, .node = ROOT, .arguments = &in,
			 .arguments_bytes = sizeof(in), .name = name, .second = to);
}

static void set_echo(uint64_t done)
{
	peer.pid = ECHO;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = SHARE_OP_ECHO, .node = done), 1);
}

START_TEST(an_echo_acts_out_what_happened)
{
	struct stat before, after;
	int64_t node;

	start(methods[_i]);
	set_echo(0);
	elsewhere("echo x > file");
	ck_assert(comes("change 1 100000 file "));
	ck_assert(comes("change 4 100000 file "));
	ck_assert(comes("change 6 100000 file "));
	/* Its kernel looks first; to others it is there. */
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "file"), -ENOENT);
	peer.pid = 1;
	node = peer_lookup(&peer, ROOT, "file");
	ck_assert_int_gt(node, 0);
	ck_assert_int_eq(stat(peer_path(&peer, "file"), &before), 0);
	peer.pid = ECHO;
	ck_assert_int_eq(make_node("other"), -EAGAIN);
	ck_assert_int_eq(make_node("file"), 0);
	ck_assert_int_eq((int64_t)PEER_BODY(&peer, struct fuse_entry_out)->nodeid, node);
	ck_assert_int_eq(make_node("file"), -EAGAIN);
	elsewhere("mv file moved");
	ck_assert(comes("change 3 100000 file moved"));
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "moved"), -ENOENT);
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "file"), node);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->entry_valid, 0);
	ck_assert_int_eq(rename_to("file", "elsewhere"), -EAGAIN);
	ck_assert_int_eq(rename_to("file", "moved"), 0);
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "moved"), node);
	ck_assert_int_eq(stat(peer_path(&peer, "moved"), &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	elsewhere("rm moved");
	ck_assert(comes("change 2 100000 moved "));
	ck_assert_int_gt(peer_lookup(&peer, ROOT, "moved"), 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_RMDIR, .node = ROOT, .name = "moved"),
			 -EAGAIN);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_UNLINK, .node = ROOT, .name = "moved"), 0);
}
END_TEST

START_TEST(an_echo_changes_nothing)
{
	struct fuse_setattr_in mode = {.valid = FATTR_MODE, .mode = 0777};
	struct fuse_setattr_in size = {.valid = FATTR_SIZE};
	struct fuse_setattr_in times = {.valid = FATTR_MTIME, .mtime = 5};
	struct fuse_open_in in = {.flags = O_WRONLY}, cut = {.flags = O_WRONLY | O_TRUNC};
	struct fuse_write_in write = {.fh = UINT64_MAX, .size = 1};
	struct stat before, after;
	uint64_t node;

	elsewhere("echo x > file");
	start(WATCH_BEST);
	set_echo(0);
	node = (uint64_t)peer_lookup(&peer, ROOT, "file");
	ck_assert_int_eq(stat(peer_path(&peer, "file"), &before), 0);
#define AS(what, in_, ...)                                                                         \
	PEER_CALL(&peer, .opcode = (what), .node = node, .arguments = &(in_),                      \
		  .arguments_bytes = sizeof(in_), __VA_ARGS__)
	ck_assert_int_eq(AS(FUSE_SETATTR, mode, ), -EAGAIN);
	ck_assert_int_eq(AS(FUSE_SETATTR, size, ), -EAGAIN);
	ck_assert_int_eq(AS(FUSE_SETATTR, times, ), 0);
	ck_assert_int_eq((time_t)PEER_BODY(&peer, struct fuse_attr_out)->attr.mtime,
			 before.st_mtim.tv_sec);
	ck_assert_int_eq(AS(FUSE_OPEN, cut, ), -EAGAIN);
	ck_assert_int_eq(AS(FUSE_OPEN, in, ), 0);
	ck_assert_int_eq(AS(FUSE_WRITE, write, .payload = "y", .payload_bytes = 1), -EAGAIN);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_UNLINK, .node = ROOT, .name = "file"),
			 -EAGAIN);
	ck_assert_int_eq(rename_to("file", "other"), -EAGAIN);
	ck_assert_int_eq(make_node("new"), -EAGAIN);
	ck_assert_int_eq(stat(peer_path(&peer, "file"), &after), 0);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_int_lt(stat(peer_path(&peer, "new"), &after), 0);
	/* Another process may. */
	peer.pid = 1;
	ck_assert_int_eq(make_node("new"), 0);
}
END_TEST

/* A file that was deleted before the peer heard of it is acted out all the same. */
START_TEST(what_is_gone_is_stood_in_for)
{
	uint64_t node;

	start(WATCH_BEST);
	set_echo(0);
	elsewhere("mkdir brief && rmdir brief");
	ck_assert(comes("change 2 40000 brief "));
	if (is_told("change 1 40000 brief ")) {
		struct fuse_mkdir_in in = {.mode = 0700};

		ck_assert_int_eq(peer_lookup(&peer, ROOT, "brief"), -ENOENT);
		ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_MKDIR, .node = ROOT,
					   .arguments = &in, .arguments_bytes = sizeof(in),
					   .name = "brief"),
				 0);
	}
	node = (uint64_t)peer_lookup(&peer, ROOT, "brief");
	ck_assert_uint_eq(node & UINT32_MAX, UINT32_MAX);
	ck_assert(S_ISDIR(PEER_BODY(&peer, struct fuse_entry_out)->attr.mode));
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_RMDIR, .node = ROOT, .name = "brief"), 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_FORGET, .node = node,
				   .arguments = &(struct fuse_forget_in){.nlookup = 1},
				   .arguments_bytes = sizeof(struct fuse_forget_in)),
			 1);
}
END_TEST

/* As many are on their way as an echo acts out; the others wait for it. */
START_TEST(echoes_wait_for_their_turn)
{
	start(WATCH_BEST);
	set_echo(0);
	elsewhere("for i in $(seq 1000); do mkdir $i; done");
	ck_assert(comes("change 1 40000 200 "));
	ck_assert(!is_told("change 1 40000 900 "));
	for (int turn = 0; turn < 6000 && !is_told("change 1 40000 1000 "); turn++) {
		pthread_mutex_lock(&told.lock);
		uint64_t done = told.change;

		pthread_mutex_unlock(&told.lock);
		set_echo(done);
		usleep(10000);
	}
	ck_assert(is_told("change 1 40000 1000 "));
}
END_TEST

/* --- A kernel that takes no notifications ---------------------------------------------------- */

/* The looker's process looks, and does what an echo does. */
static void set_looker(void)
{
	ck_assert_int_gt(peer_lookup(&peer, ROOT, "known"), 0);
	ck_assert_int_eq(server_set_looker(peer.server, ECHO), 0);
	/* The server's thread has it when the root is to be looked at. */
	ck_assert(comes("change 8 0  "));
	ck_assert(comes("change 7 0 known "));
	for (int turn = 0; turn < 6000 && entry_valid("known") <= 1; turn++)
		usleep(10000);
	forget_told();
}

START_TEST(a_looker_is_told_what_to_look_at)
{
	int64_t folder;

	elsewhere("echo x > known && echo x > file && mkdir folder");
	peer.options.looks = true;
	start(methods[_i]);
	/* Nobody is there who could look. */
	folder = peer_lookup(&peer, ROOT, "folder");
	ck_assert_int_gt(folder, 0);
	ck_assert_int_eq(peer_lookup(&peer, (uint64_t)folder, "moved"), -ENOENT);
	ck_assert_uint_eq(entry_valid("known"), 1);
	elsewhere("touch known");
	set_looker();
	ck_assert_uint_eq(entry_valid("file"), LOOKED_SECONDS);
	ck_assert_int_eq(
		PEER_CALL(&peer, .opcode = FUSE_LOOKUP, .node = (uint64_t)folder, .name = "moved"),
		0);
	elsewhere("echo y >> file");
	ck_assert(comes("change 7 0 file "));
	ck_assert(comes("change 8 0 file "));
	ck_assert(comes("change 4 100000 file "));
	forget_told();
	elsewhere("mv file folder/moved");
	ck_assert(comes("change 7 0 file "));
	ck_assert(comes("change 7 0 folder/moved "));
	ck_assert(comes("change 8 0 folder/moved "));
	ck_assert(comes("change 8 0 folder "));
	/* What is looked up for a look is believed by nobody; nor that there is nothing. */
	peer.pid = ECHO;
	ck_assert_int_eq(peer_lookup(&peer, ROOT, "none"), -ENOENT);
	ck_assert_int_gt(peer_lookup(&peer, ROOT, "known"), 0);
	ck_assert_uint_eq(PEER_BODY(&peer, struct fuse_entry_out)->entry_valid, 0);
	peer.pid = 1;
}
END_TEST

/* It may die at any time, and another may come; what was told meanwhile to nobody is looked at. */
START_TEST(a_looker_goes_and_comes)
{
	struct fuse_mkdir_in in = {.mode = 0700};

	ck_assert_int_eq(server_new(&peer.options, &peer.server), 0);
	ck_assert_int_eq(server_set_looker(peer.server, ECHO), -EAGAIN);
	server_free(peer.server);
	elsewhere("echo x > known && echo x > file");
	peer.options.looks = true;
	start(WATCH_BEST);
	set_looker();
	ck_assert_uint_eq(entry_valid("file"), LOOKED_SECONDS);
	ck_assert_int_eq(server_set_looker(peer.server, 0), 0);
	ck_assert_uint_eq(entry_valid("known"), 1);
	/* What it does late is not done. */
	peer.pid = ECHO;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_UNLINK, .node = ROOT, .name = "known"),
			 -EAGAIN);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_MKDIR, .node = ROOT, .arguments = &in,
				   .arguments_bytes = sizeof(in), .name = "made"),
			 -EAGAIN);
	peer.pid = 1;
	elsewhere("echo y >> file");
	set_looker();
	/* Now the session ends: nothing is believed in the next, until somebody looks there. */
	forget_told();
	start_again();
	ck_assert_uint_eq(entry_valid("file"), 1);
	elsewhere("echo z >> file");
	ck_assert_uint_eq(entry_valid("file"), 1);
	set_looker();
	elsewhere("echo z >> known");
	ck_assert(comes("change 8 0 known "));
}
END_TEST

/* The kernel keeps the times that it has, for its contents are as old; then it asks. */
START_TEST(a_look_is_not_lost_by_an_event)
{
	struct fuse_setattr_in in = {.valid = FATTR_MTIME, .mtime = 4711, .mtimensec = 12};
	struct fuse_open_in open = {.flags = O_WRONLY};
	const struct fuse_attr_out *out = PEER_BODY(&peer, struct fuse_attr_out);
	uint64_t file;

	elsewhere("echo x > known");
	peer.options.looks = true;
	start(WATCH_BEST);
	set_looker();
	file = (uint64_t)peer_lookup(&peer, ROOT, "known");
	peer.pid = ECHO;
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_SETATTR, .node = file, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
	ck_assert_uint_eq(out->attr.mtime, 4711);
	ck_assert_uint_eq(out->attr.mtimensec, 12);
	ck_assert_uint_eq(out->attr.size, 2);
	ck_assert_uint_eq(out->attr_valid, 0);
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_OPEN, .node = file, .arguments = &open,
				   .arguments_bytes = sizeof(open)),
			 0);
	ck_assert(!(PEER_BODY(&peer, struct fuse_open_out)->open_flags & FOPEN_KEEP_CACHE));
}
END_TEST

struct beginner {
	pthread_t thread;
	pthread_barrier_t *together;
	bool is_answered;
};

static void on_begun(struct server_call *call, size_t length)
{
	struct beginner *beginner = call->owner;

	beginner->is_answered = length > sizeof(struct fuse_out_header);
}

static void *begin_session(void *owner)
{
	struct beginner *beginner = owner;
	struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
	} request = {.header = {.len = sizeof(request), .opcode = FUSE_INIT, .unique = 2},
		     .init = {.major = 7, .minor = 38}};
	char reply[256];
	struct iovec in = {&request, sizeof(request)}, out = {reply, sizeof(reply)};
	struct server_call call = {.in = &in,
				   .in_count = 1,
				   .out = &out,
				   .out_count = 1,
				   .done = on_begun,
				   .owner = beginner};

	pthread_barrier_wait(beginner->together);
	server_call(peer.server, &call);
	return NULL;
}

static unsigned int open_descriptors(void)
{
	unsigned int count = 0;
	DIR *folder = opendir("/proc/self/fd");

	ck_assert_ptr_nonnull(folder);
	for (const struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

/* A peer may say so as often as it likes: nothing is left behind that still looks at the server. */
START_TEST(of_sessions_that_begin_at_once_one_watches)
{
	const unsigned int before = open_descriptors();
	struct beginner beginners[8] = {0};
	pthread_barrier_t together;

	ck_assert_int_eq(server_new(&peer.options, &peer.server), 0);
	pthread_barrier_init(&together, NULL, ARRAY_SIZE(beginners));
	for (size_t i = 0; i < ARRAY_SIZE(beginners); i++) {
		beginners[i].together = &together;
		ck_assert_int_eq(
			pthread_create(&beginners[i].thread, NULL, begin_session, &beginners[i]),
			0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(beginners); i++) {
		pthread_join(beginners[i].thread, NULL);
		ck_assert(beginners[i].is_answered);
	}
	pthread_barrier_destroy(&together);
	server_free(peer.server);
	peer.server = NULL;
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("coherence");

	tcase_set_timeout(tests, 180);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, changes_of_others_are_told, 0, 2);
	tcase_add_loop_test(tests, own_changes_are_not_told, 0, 2);
	tcase_add_test(tests, changes_of_neighbours_are_told);
	tcase_add_test(tests, files_with_other_names_are_not_believed);
	tcase_add_test(tests, nothing_is_lost);
	tcase_add_test(tests, a_storm_ends_in_forgetting_all);
	tcase_add_loop_test(tests, an_echo_acts_out_what_happened, 0, 2);
	tcase_add_test(tests, an_echo_changes_nothing);
	tcase_add_test(tests, what_is_gone_is_stood_in_for);
	tcase_add_test(tests, echoes_wait_for_their_turn);
	tcase_add_loop_test(tests, a_looker_is_told_what_to_look_at, 0, 2);
	tcase_add_test(tests, a_looker_goes_and_comes);
	tcase_add_test(tests, a_look_is_not_lost_by_an_event);
	tcase_add_test(tests, of_sessions_that_begin_at_once_one_watches);
	return suite_run_case("coherence", tests);
}
