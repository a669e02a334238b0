/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-net - a network for one virtual machine, without privileges
 *
 * First the host's ports are bound, and the caller is told; then the peer comes; then the process
 * enters its sandbox; and only then it reads what the peer sends.
 */
#include "host/net/link.h"
#include "host/net/options.h"
#include "host/net/resolver.h"
#include "host/net/sandbox.h"
#include "host/net/stack.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum net_exit_status {
	NET_EXIT_CLOSED = 0,
	NET_EXIT_FAILED = 1,
	NET_EXIT_USAGE = 2,
	NET_EXIT_PORT = 3,
};

#define PEER_TIMEOUT_MS 60000

struct net {
	struct stack *stack;
	struct link *link;
	int resolver, resolver_copy; /* negative: none */
};

static void to_guest(void *owner, const uint8_t *frame, size_t size)
{
	struct net *net = owner;

	/* Before the peer has come there is nobody to send to. */
	if (net->link)
		link_send(net->link, frame, size);
}

static void from_guest(void *owner, const uint8_t *frame, size_t size)
{
	struct net *net = owner;

	stack_input(net->stack, frame, size);
}

static int bind_ports(struct net *net, const struct net_options *options)
{
	for (size_t i = 0; i < options->forwards; i++) {
		const struct forward *forward = &options->forward[i];
		bool is_ipv6 = forward->host.any.sa_family == AF_INET6;
		char address[INET6_ADDRSTRLEN];
		int result = stack_add_forward(net->stack, forward);

		if (result == 0)
			continue;
		inet_ntop(forward->host.any.sa_family,
			  is_ipv6 ? (const void *)&forward->host.ipv6.sin6_addr
				  : &forward->host.ipv4.sin_addr,
			  address, sizeof(address));
		/* The port is at the same place in both. */
		log_error("cannot forward %s port %u of %s: %s; choose another port of this host",
			  forward->udp ? "udp" : "tcp", ntohs(forward->host.ipv4.sin_port), address,
			  error_text(result));
		return result;
	}
	return 0;
}

static void tell_ready(int fd)
{
	if (fd < 0)
		return;
	/* Who does not listen does not want to know. */
	if (write(fd, "1", 1) < 0)
		log_debug("nobody waits for us to be ready");
	close(fd);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t mask;
	int result;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	mask = umask(0177);
	result = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (result == 0 && listen(fd, 1) < 0)
		result = -errno;
	return result < 0 ? result : take_fd(&fd);
}

/* The socket's file goes as soon as somebody has come: there is only one. */
static int wait_for_peer(const char *path, int listen_fd, int timeout_ms)
{
	struct pollfd waiting = {.fd = listen_fd, .events = POLLIN};
	int fd, count;

	do {
		count = poll(&waiting, 1, timeout_ms);
	} while (count < 0 && errno == EINTR);
	fd = count > 0 ? accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
	if (fd < 0)
		fd = count == 0 ? -ETIMEDOUT : -errno;
	unlink(path);
	close(listen_fd);
	return fd;
}

static int get_peer(const struct net_options *options)
{
	int fd = options->fd;

	if (options->listen) {
		int listen_fd = listen_at(options->listen);

		if (listen_fd < 0) {
			log_error("cannot listen on '%s': %s", options->listen,
				  error_text(listen_fd));
			return listen_fd;
		}
		tell_ready(options->ready_fd);
		/* A program that started us has a peer at hand; a person may take any time. */
		fd = wait_for_peer(options->listen, listen_fd,
				   options->ready_fd >= 0 ? PEER_TIMEOUT_MS : -1);
		if (fd < 0) {
			log_error("nobody connected to '%s': %s", options->listen, error_text(fd));
			return fd;
		}
	} else {
		tell_ready(options->ready_fd);
	}
	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		log_error("--fd %d is not to be used: %s", fd, error_text(errno));
		return -errno;
	}
	return fd;
}

/* Without the watcher the name servers stay those of the start. */
static void follow_name_servers(struct net *net)
{
	if (resolver_update(net->resolver, net->resolver_copy) == 0)
		return;
	close(net->resolver);
	net->resolver = -EBADF;
}

static int serve(struct net *net, int fd)
{
	int result = 0;

	while (result == 0) {
		/* poll() passes over a descriptor that is negative. */
		struct pollfd extra[] = {{.fd = fd, .events = POLLIN},
					 {.fd = net->resolver, .events = POLLIN}};

		if (link_has_queued(net->link))
			extra[0].events |= POLLOUT;
		result = stack_wait(net->stack, extra, ARRAY_SIZE(extra));
		if (result == 0 && extra[0].revents & (POLLIN | POLLHUP | POLLERR))
			result = link_receive(net->link);
		if (extra[1].revents)
			follow_name_servers(net);
		if (result == 0)
			result = link_flush(net->link);
	}
	return result;
}

/* The watcher is started while there are files to watch. */
static int enter_sandbox(struct net *net)
{
	int result;

	net->resolver = resolver_watch(RESOLVER_FILE);
	if (net->resolver < 0)
		log_warning("name servers of this host will not be followed: %s",
			    error_text(net->resolver));
	result = net_sandbox_enter(&net->resolver_copy);
	if (net->resolver >= 0 && net->resolver_copy < 0) {
		close(net->resolver);
		net->resolver = -EBADF;
	}
	return result;
}

static enum net_exit_status run(struct net *net, const struct net_options *options)
{
	int fd, result;

	net->stack = stack_new(options->mtu_bytes, to_guest, net);
	if (!net->stack) {
		log_error("cannot make a network: libslirp refuses");
		return NET_EXIT_FAILED;
	}
	if (bind_ports(net, options) < 0)
		return NET_EXIT_PORT;
	fd = get_peer(options);
	if (fd < 0)
		return NET_EXIT_FAILED;
	net->link = link_new(fd, from_guest, net);
	if (!net->link || (options->sandbox && enter_sandbox(net) < 0))
		return NET_EXIT_FAILED;
	result = serve(net, fd);
	if (result != -EPIPE && result != -ECONNRESET) {
		log_error("the network ends: %s", error_text(result));
		return NET_EXIT_FAILED;
	}
	return NET_EXIT_CLOSED;
}

int main(int count, char *arguments[])
{
	struct net_options options;
	enum net_exit_status status = NET_EXIT_CLOSED;
	struct net net = {.resolver = -EBADF, .resolver_copy = -EBADF};
	char error[256];

	log_setup("lodge-net", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (net_options_parse(count, arguments, &options, error, sizeof(error)) < 0) {
		log_error("%s", error);
		return NET_EXIT_USAGE;
	}
	if (options.help)
		fputs(net_options_help, stdout);
	else if (options.version)
		puts("lodge-net " LODGE_VERSION);
	else
		status = run(&net, &options);
	free(net.link);
	stack_free(net.stack);
	return status;
}
