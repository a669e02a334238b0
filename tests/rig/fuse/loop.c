/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop - mount a folder of this machine on this machine, through the server of shared folders
 *
 *	loop [-o OPTION[,OPTION]...] [-t THREADS] DIR MOUNTPOINT [COMMAND [ARGUMENT]...]
 *
 * It stands in for all roads: the kernel's requests go from /dev/fuse into server_call() in
 * THREADS (1) threads. With COMMAND it mounts in a mount namespace of its own, runs it, unmounts
 * and ends with its status; otherwise it ends when somebody unmounts. Needs root.
 *
 * Options: ro, cache=never|auto|always, writeback, xattr, acl, flock, posix_lock, submounts,
 * owner=pass|map|squash, peer=UID:GID, as=UID:GID, descriptors=N, echo (act out in the mount what
 * others change in DIR), looks (the kernel is told nothing, as by virtio-fs: the echo looks).
 */
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"
#include "protocol/base/log.h"
#include "protocol/share.h"
#include "shared-folders/relay/echo.h"
#include "shared-folders/server/server.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAX_THREADS 16

struct loop {
	struct server *server;
	int device;
	bool with_echo, looks;
	struct echo *echo; /* NULL: none */
};

struct worker {
	struct loop *loop;
	pthread_t thread; /* whose pthread_join() is; `self` is the thread's own */
	pthread_t self;
	int device;
	bool finished; /* the call that this thread just made */
};

/* One request, its reply, and the memory of both. */
struct exchange {
	struct server_call call;
	struct iovec in, out;
	struct worker *worker;
	int device;
	char request[SERVER_MAX_MESSAGE + 4096];
	char reply[SERVER_MAX_MESSAGE];
};

static void on_done(struct server_call *call, size_t length)
{
	struct exchange *exchange = call->owner;

	/* ENOENT: the request was interrupted and nobody waits for its answer. */
	if (length > 0 && write(exchange->device, exchange->reply, length) < 0 && errno != ENOENT)
		log_warning("cannot answer: %s", error_text(errno));
	if (pthread_equal(pthread_self(), exchange->worker->self))
		exchange->worker->finished = true;
	else
		free(exchange);
}

static struct exchange *exchange_new(struct worker *worker)
{
	struct exchange *exchange = malloc(sizeof(*exchange));

	if (!exchange)
		abort();
	exchange->worker = worker;
	exchange->device = worker->device;
	exchange->in = (struct iovec){exchange->request, 0};
	exchange->out = (struct iovec){exchange->reply, sizeof(exchange->reply)};
	return exchange;
}

static void *work(void *data)
{
	struct worker *worker = data;
	struct exchange *exchange = exchange_new(worker);

	worker->self = pthread_self();

	for (;;) {
		ssize_t bytes = read(worker->device, exchange->request, sizeof(exchange->request));

		if (bytes < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue;
		if (bytes < 0)
			break;
		exchange->in.iov_len = (size_t)bytes;
		exchange->call = (struct server_call){
			.in = &exchange->in,
			.in_count = 1,
			.out = &exchange->out,
			.out_count = 1,
			.done = on_done,
			.owner = exchange,
		};
		worker->finished = false;
		server_call(worker->loop->server, &exchange->call);
		if (!worker->finished)
			exchange = exchange_new(worker);
	}
	free(exchange);
	return NULL;
}

static int on_notify(void *owner, const struct iovec *message, size_t count)
{
	struct loop *loop = owner;
	const struct fuse_out_header *header = message[0].iov_base;

	if (header->error == SERVER_NOTIFY_CHANGE) {
		char body[sizeof(struct server_change) + 2 * PATH_MAX];
		size_t length = iov_read(message, count, sizeof(*header), body, sizeof(body));

		/* Lost, where it has too much to do: an event is not raised. */
		return loop->echo && echo_change(loop->echo, body, length) < 0 ? -ENOBUFS : 0;
	}
	/* ENOENT: the kernel does not know what it was told of. */
	return writev(loop->device, message, (int)count) < 0 && errno != ENOENT ? -ENOBUFS : 0;
}

static void on_no_reply(struct server_call *call, size_t length)
{
	(void)call;
	(void)length;
}

/* When the kernel has begun. */
static void set_looker(const struct loop *loop)
{
	while (server_set_looker(loop->server, (uint32_t)echo_pid(loop->echo)) < 0)
		usleep(1000);
}

/* Who the echo is, and which changes it is done with. */
static void tell_echo(struct loop *loop, uint64_t id)
{
	struct fuse_in_header header = {
		.len = sizeof(header),
		.opcode = SHARE_OP_ECHO,
		.nodeid = id,
		.pid = (uint32_t)echo_pid(loop->echo),
	};
	struct iovec in = {&header, sizeof(header)};
	struct server_call call = {.in = &in, .in_count = 1, .done = on_no_reply};

	if (loop->looks)
		server_looker_done(loop->server, id);
	else
		server_call(loop->server, &call);
}

static void *follow_echo(void *data)
{
	struct loop *loop = data;
	int64_t id = 0;

	while (id >= 0) {
		struct pollfd wait = {.fd = echo_descriptor(loop->echo), .events = POLLIN};

		poll(&wait, 1, -1);
		id = echo_finished(loop->echo);
		if (id > 0)
			tell_echo(loop, (uint64_t)id);
	}
	return NULL;
}

/* --- Options --------------------------------------------------------------------------------- */

static bool parse_ids(const char *text, uid_t *uid, gid_t *gid)
{
	return sscanf(text, "%u:%u", uid, gid) == 2;
}

static bool parse_option(struct server_options *options, bool *echo, char *option)
{
	static const char *const caches[] = {"never", "auto", "always"};
	static const char *const owners[] = {"pass", "map", "squash"};
	char *value = strchr(option, '=');

	if (value) {
		*value++ = '\0';
		for (unsigned int i = 0; i < 3; i++) {
			if (strcmp(option, "cache") == 0 && strcmp(value, caches[i]) == 0) {
				options->cache = (enum server_cache)i;
				return true;
			}
			if (strcmp(option, "owner") == 0 && strcmp(value, owners[i]) == 0) {
				options->owner = (enum server_owner)i;
				return true;
			}
		}
		if (strcmp(option, "peer") == 0)
			return parse_ids(value, &options->peer_uid, &options->peer_gid);
		if (strcmp(option, "as") == 0)
			return parse_ids(value, &options->owner_uid, &options->owner_gid);
		if (strcmp(option, "descriptors") == 0)
			return sscanf(value, "%u", &options->max_descriptors) == 1;
		return false;
	}
	const struct {
		const char *name;
		bool *value;
	} flags[] = {
		{"ro", &options->read_only},	    {"writeback", &options->writeback},
		{"xattr", &options->xattr},	    {"acl", &options->acl},
		{"flock", &options->flock},	    {"posix_lock", &options->posix_lock},
		{"submounts", &options->submounts}, {"echo", echo},
		{"looks", &options->looks},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(option, flags[i].name) == 0)
			return *flags[i].value = true;
	return false;
}

static void parse_options(struct server_options *options, bool *echo, char *list)
{
	char *at = NULL;

	for (char *option = strtok_r(list, ",", &at); option; option = strtok_r(NULL, ",", &at))
		if (!parse_option(options, echo, option)) {
			log_error("no such option: %s", option);
			exit(2);
		}
}

/* --- The mount ------------------------------------------------------------------------------- */

static int mount_at(const char *folder, const char *mountpoint)
{
	char data[128];
	struct stat stat_;
	int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (device < 0 || stat(folder, &stat_) < 0)
		return -errno;
	snprintf(data, sizeof(data),
		 "fd=%d,rootmode=%o,user_id=0,group_id=0,default_permissions,allow_other", device,
		 stat_.st_mode & S_IFMT);
	if (mount("lodge-loop", mountpoint, "fuse.lodge-loop", MS_NOSUID | MS_NODEV, data) < 0)
		return -errno;
	return device;
}

static int own_namespace(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

static int run_command(char **command, const char *mountpoint, mode_t mask)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		umask(mask);
		execvp(command[0], command);
		log_error("cannot run %s: %s", command[0], error_text(errno));
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		status = -1;
	umount2(mountpoint, MNT_DETACH);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	struct loop loop = {.device = -EBADF};
	struct server_options options = {
		.cache = SERVER_CACHE_AUTO,
		.notify = on_notify,
		.notify_owner = &loop,
	};
	struct worker workers[MAX_THREADS] = {0};
	unsigned int threads = 1;
	mode_t mask = umask(0);
	pthread_t follower = 0;
	int option, r, status = 0;

	log_setup("loop", LOG_LEVEL_INFO);
	while ((option = getopt(argc, argv, "+o:t:")) >= 0) {
		if (option == 'o')
			parse_options(&options, &loop.with_echo, optarg);
		else if (option != 't' || sscanf(optarg, "%u", &threads) != 1 || threads < 1 ||
			 threads > MAX_THREADS)
			return 2;
	}
	if (argc - optind < 2) {
		log_error("usage: loop [-o OPTIONS] [-t THREADS] DIR MOUNTPOINT [COMMAND...]");
		return 2;
	}
	options.root = open(argv[optind], O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = options.root < 0 ? -errno : server_new(&options, &loop.server);
	if (r == 0 && argc - optind > 2)
		r = own_namespace();
	if (r == 0)
		r = loop.device = mount_at(argv[optind], argv[optind + 1]);
	if (r < 0) {
		log_error("cannot mount %s at %s: %s", argv[optind], argv[optind + 1],
			  error_text(r));
		return 1;
	}
	for (unsigned int i = 0; i < threads; i++) {
		uint32_t device = (uint32_t)loop.device;

		workers[i].loop = &loop;
		workers[i].device = loop.device;
		if (i > 0) {
			/* A queue of its own. */
			workers[i].device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
			if (ioctl(workers[i].device, FUSE_DEV_IOC_CLONE, &device) < 0)
				return 1;
		}
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return 1;
	}
	/* After the threads, whose answers it may need, though it is forked. */
	if (loop.with_echo) {
		r = echo_start(argv[optind + 1], &loop.echo);
		loop.looks = options.looks;
		if (r == 0 && loop.looks)
			set_looker(&loop);
		else if (r == 0)
			tell_echo(&loop, 0);
		if (r < 0 || pthread_create(&follower, NULL, follow_echo, &loop) != 0)
			return 1;
	}
	if (argc - optind > 2)
		status = run_command(argv + optind + 2, argv[optind + 1], mask);
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	if (loop.echo) {
		kill(echo_pid(loop.echo), SIGKILL);
		pthread_join(follower, NULL);
	}
	server_free(loop.server);
	echo_stop(loop.echo);
	close(options.root);
	return status;
}
