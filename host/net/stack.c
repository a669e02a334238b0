/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/stack.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <arpa/inet.h>
#include <slirp/libslirp.h>
#include <time.h>

/* The guest may send TCP segments of 64 KiB in one frame: it saves both sides most of the work. */
#define MRU_BYTES      65521
#define MAX_TIMERS     4
#define NANOSECONDS_MS 1000000

struct timer {
	SlirpTimerCb callback; /* NULL: free */
	void *argument;
	int64_t expires_ms; /* negative: not armed */
};

struct stack {
	Slirp *slirp;
	stack_output output;
	void *owner;
	struct timer timer[MAX_TIMERS];
	struct pollfd *polled; /* the caller's descriptors first */
	size_t polled_count, polled_capacity;
};

static int64_t now_ns(void *owner)
{
	struct timespec now;

	(void)owner;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- What libslirp asks of us --- */

static ssize_t send_packet(const void *frame, size_t size, void *owner)
{
	struct stack *stack = owner;

	stack->output(stack->owner, frame, size);
	return (ssize_t)size;
}

static void guest_error(const char *message, void *owner)
{
	(void)owner;
	log_debug("the guest: %s", message);
}

static void *timer_new(SlirpTimerCb callback, void *argument, void *owner)
{
	struct stack *stack = owner;

	for (size_t i = 0; i < MAX_TIMERS; i++) {
		if (!stack->timer[i].callback) {
			stack->timer[i] = (struct timer){callback, argument, -1};
			return &stack->timer[i];
		}
	}
	return NULL;
}

static void timer_free(void *timer, void *owner)
{
	(void)owner;
	if (timer)
		*(struct timer *)timer = (struct timer){0};
}

static void timer_modify(void *timer, int64_t expires_ms, void *owner)
{
	(void)owner;
	if (timer)
		((struct timer *)timer)->expires_ms = expires_ms;
}

/* All descriptors are gathered anew for each poll(). */
static void ignore_fd(int fd, void *owner)
{
	(void)fd;
	(void)owner;
}

static void ignore_notify(void *owner)
{
	(void)owner;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = now_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_modify,
	.register_poll_fd = ignore_fd,
	.unregister_poll_fd = ignore_fd,
	.notify = ignore_notify,
};

/* --- Making it --- */

static struct in_addr ipv4(const char *text)
{
	struct in_addr address;

	inet_pton(AF_INET, text, &address);
	return address;
}

static struct in6_addr ipv6(const char *text)
{
	struct in6_addr address;

	inet_pton(AF_INET6, text, &address);
	return address;
}

struct stack *stack_new(uint16_t mtu_bytes, stack_output output, void *owner)
{
	SlirpConfig config = {
		.version = 3,
		.in_enabled = true,
		.vnetwork = ipv4("10.0.2.0"),
		.vnetmask = ipv4("255.255.255.0"),
		.vhost = ipv4("10.0.2.2"),
		.vdhcp_start = ipv4("10.0.2.15"),
		.vnameserver = ipv4("10.0.2.3"),
		.in6_enabled = true,
		.vprefix_addr6 = ipv6("fd6c:6f64:6765::"),
		.vprefix_len = 64,
		.vhost6 = ipv6("fd6c:6f64:6765::2"),
		.vnameserver6 = ipv6("fd6c:6f64:6765::3"),
		.if_mtu = mtu_bytes,
		.if_mru = MRU_BYTES,
	};
	struct stack *stack = calloc(1, sizeof(*stack));

	if (!stack)
		return NULL;
	stack->output = output;
	stack->owner = owner;
	stack->slirp = slirp_new(&config, &callbacks, stack);
	if (!stack->slirp) {
		free(stack);
		return NULL;
	}
	return stack;
}

void stack_free(struct stack *stack)
{
	if (!stack)
		return;
	slirp_cleanup(stack->slirp);
	free(stack->polled);
	free(stack);
}

int stack_add_forward(struct stack *stack, const struct forward *forward)
{
	/* Which IPv6 address it has the guest decides; libslirp learns it. */
	const union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} guest4 = {.ipv4 = {AF_INET, htons(forward->guest_port), ipv4("10.0.2.15"), {0}}},
	  guest6 = {.ipv6 = {AF_INET6, htons(forward->guest_port), 0, IN6ADDR_ANY_INIT, 0}};
	bool is_ipv6 = forward->host.any.sa_family == AF_INET6;
	socklen_t size = is_ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	errno = 0;
	if (slirp_add_hostxfwd(stack->slirp, &forward->host.any, size,
			       is_ipv6 ? &guest6.any : &guest4.any, size,
			       (forward->udp ? SLIRP_HOSTFWD_UDP : 0) | SLIRP_HOSTFWD_V6ONLY) == 0)
		return 0;
	return errno ? -errno : -EIO;
}

void stack_input(struct stack *stack, const uint8_t *frame, size_t size)
{
	slirp_input(stack->slirp, frame, (int)size);
}

/* --- Waiting --- */

static const struct {
	int slirp;
	short poll;
} event_names[] = {
	{SLIRP_POLL_IN, POLLIN},   {SLIRP_POLL_OUT, POLLOUT}, {SLIRP_POLL_PRI, POLLPRI},
	{SLIRP_POLL_ERR, POLLERR}, {SLIRP_POLL_HUP, POLLHUP},
};

/* Return: index of the descriptor; negative without memory: libslirp then sees no events. */
static int add_poll(int fd, int events, void *owner)
{
	struct stack *stack = owner;
	short wanted = 0;

	if (stack->polled_count == stack->polled_capacity) {
		size_t capacity = stack->polled_capacity * 2 + 16;
		struct pollfd *grown = reallocarray(stack->polled, capacity, sizeof(*grown));

		if (!grown)
			return -1;
		stack->polled = grown;
		stack->polled_capacity = capacity;
	}
	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++) {
		if (events & event_names[i].slirp)
			wanted = (short)(wanted | event_names[i].poll);
	}
	stack->polled[stack->polled_count] = (struct pollfd){.fd = fd, .events = wanted};
	return (int)stack->polled_count++;
}

static int get_revents(int index, void *owner)
{
	const struct stack *stack = owner;
	int events = 0;

	if (index < 0 || (size_t)index >= stack->polled_count)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++) {
		if (stack->polled[index].revents & event_names[i].poll)
			events |= event_names[i].slirp;
	}
	return events;
}

static uint32_t until_next_timer(const struct stack *stack, uint32_t timeout_ms)
{
	int64_t now_ms = now_ns(NULL) / NANOSECONDS_MS;

	for (size_t i = 0; i < MAX_TIMERS; i++) {
		const struct timer *timer = &stack->timer[i];

		if (timer->callback && timer->expires_ms >= 0)
			timeout_ms = (uint32_t)MIN((int64_t)timeout_ms,
						   MAX(timer->expires_ms - now_ms, 0));
	}
	return timeout_ms;
}

static void run_timers(struct stack *stack)
{
	int64_t now_ms = now_ns(NULL) / NANOSECONDS_MS;

	for (size_t i = 0; i < MAX_TIMERS; i++) {
		struct timer *timer = &stack->timer[i];

		if (timer->callback && timer->expires_ms >= 0 && timer->expires_ms <= now_ms) {
			timer->expires_ms = -1;
			timer->callback(timer->argument);
		}
	}
}

int stack_wait(struct stack *stack, struct pollfd *extra, size_t count)
{
	uint32_t timeout_ms = UINT32_MAX;
	int ready;

	stack->polled_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (add_poll(extra[i].fd, 0, stack) < 0)
			return -ENOMEM;
		stack->polled[i] = extra[i];
	}
	slirp_pollfds_fill(stack->slirp, &timeout_ms, add_poll, stack);
	timeout_ms = until_next_timer(stack, timeout_ms);
	ready = poll(stack->polled, stack->polled_count,
		     timeout_ms > INT32_MAX ? -1 : (int)timeout_ms);
	if (ready < 0 && errno != EINTR)
		return -errno;
	slirp_pollfds_poll(stack->slirp, ready < 0, get_revents, stack);
	run_timers(stack);
	for (size_t i = 0; i < count; i++)
		extra[i].revents = ready < 0 ? 0 : stack->polled[i].revents;
	return 0;
}
