/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/vhost_frontend.h"

#include "host/vmm/vhost_call.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/virtqueue/vhost_user.h"

#include <limits.h>
#include <linux/virtio_config.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BIT(number) (1ULL << (number))

#define PROTOCOL_FEATURES                                                                          \
	(BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                    \
	 BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) | BIT(VHOST_USER_PROTOCOL_F_STATUS))

/* What the back end needs to have files mapped. */
#define WINDOW_FEATURES                                                                            \
	(BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) | BIT(VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD) |     \
	 BIT(VHOST_USER_PROTOCOL_F_SHMEM))

/* What it may have: else it refuses data in the window, and files that grow show late. */
#define LODGE_FEATURE BIT(VHOST_USER_PROTOCOL_F_LODGE)

/* Queues of a back end that cannot say how many it has. */
#define QUEUES_WITHOUT_MQ 2

/* --- Connecting ----------------------------------------------------------------------------------
 */

int vhost_take(int fd, struct vhost_sockets *sockets)
{
	int domain = 0, type = 0, pair[2];
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return -errno;
	if (domain != AF_UNIX || type != SOCK_STREAM)
		return -EPROTOTYPE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	*sockets = (struct vhost_sockets){fd, pair[0], pair[1]};
	return 0;
}

int vhost_connect(const char *path, struct vhost_sockets *sockets)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	error = vhost_take(fd, sockets);
	if (!error)
		(void)take_fd(&fd);
	return error;
}

void vhost_close(struct vhost_sockets *sockets)
{
	cleanup_close(&sockets->back_end);
	cleanup_close(&sockets->requests);
	cleanup_close(&sockets->back_ends_requests);
	*sockets = (struct vhost_sockets){-EBADF, -EBADF, -EBADF};
}

static const char *get_features(struct vhost_frontend *frontend)
{
	uint64_t offered;

	if (vhost_ask_number(frontend, VHOST_USER_GET_FEATURES, &frontend->features) < 0)
		return "it does not answer as a vhost-user back end";
	if (!(frontend->features & BIT(VIRTIO_F_VERSION_1)) ||
	    !(frontend->features & BIT(VHOST_USER_F_PROTOCOL_FEATURES)))
		return "it is too old: no virtio 1, or no protocol features";
	if (vhost_ask_number(frontend, VHOST_USER_GET_PROTOCOL_FEATURES, &offered) < 0)
		return "it does not tell its protocol features";
	if (frontend->setup.window_bytes > 0 && (offered & WINDOW_FEATURES) != WINDOW_FEATURES)
		return "it cannot map files into a DAX window";
	offered &= PROTOCOL_FEATURES |
		   (frontend->setup.window_bytes > 0 ? WINDOW_FEATURES | LODGE_FEATURE : 0);
	if (vhost_tell_number(frontend, VHOST_USER_SET_PROTOCOL_FEATURES, offered) < 0)
		return "it does not take the protocol features that it offers";
	frontend->protocol_features = offered;
	return NULL;
}

static const char *get_queues(struct vhost_frontend *frontend)
{
	uint64_t queues = QUEUES_WITHOUT_MQ;

	if (vhost_has(frontend, VHOST_USER_PROTOCOL_F_MQ) &&
	    vhost_ask_number(frontend, VHOST_USER_GET_QUEUE_NUM, &queues) < 0)
		return "it does not tell how many queues it has";
	if (queues < 1)
		return "it has no queues";
	frontend->queues = (unsigned int)MIN(queues, (uint64_t)UINT_MAX);
	return NULL;
}

static const char *give_window(struct vhost_frontend *frontend)
{
	struct vhost_user_message message = {0};
	const struct vhost_user_shmem *shmem = &message.payload.shmem;

	if (vhost_ask(frontend, &message, VHOST_USER_GET_SHMEM_CONFIG, 0, sizeof(*shmem)) < 0)
		return "it does not tell how large its DAX window is";
	if (shmem->size[VIRTIO_FS_SHMCAP_ID_CACHE] < frontend->setup.window_bytes)
		return "its DAX window is smaller than the machine's (dax=)";
	message =
		(struct vhost_user_message){.fd = {frontend->sockets.back_ends_requests}, .fds = 1};
	if (vhost_tell(frontend, &message, VHOST_USER_SET_BACKEND_REQ_FD, 0) < 0)
		return "it does not take a socket for its requests";
	return NULL;
}

static const char *shake_hands(struct vhost_frontend *frontend)
{
	struct vhost_user_message message = {0};
	const char *problem = get_features(frontend);

	if (!problem)
		problem = get_queues(frontend);
	if (!problem && vhost_tell(frontend, &message, VHOST_USER_SET_OWNER, 0) < 0)
		problem = "it has another owner";
	if (!problem && frontend->setup.window_bytes > 0)
		problem = give_window(frontend);
	/* The other end is the back end's alone: so its end is seen. */
	cleanup_close(&frontend->sockets.back_ends_requests);
	frontend->sockets.back_ends_requests = -EBADF;
	if (!vhost_has(frontend, VHOST_USER_PROTOCOL_F_SHMEM)) {
		cleanup_close(&frontend->sockets.requests);
		frontend->sockets.requests = -EBADF;
	}
	return problem;
}

int vhost_frontend_new(struct vhost_sockets *sockets, const struct vhost_setup *setup,
		       struct vhost_frontend **frontend, const char **problem)
{
	struct vhost_frontend *made = calloc(1, sizeof(*made));

	if (!made) {
		vhost_close(sockets);
		*problem = "out of memory";
		return -ENOMEM;
	}
	made->setup = *setup;
	made->sockets = *sockets;
	*sockets = (struct vhost_sockets){-EBADF, -EBADF, -EBADF};
	vhost_begin(made, VHOST_GREET_LIMIT_MS);
	*problem = shake_hands(made);
	if (*problem) {
		vhost_frontend_free(made);
		return -EPROTO;
	}
	*frontend = made;
	return 0;
}

void vhost_frontend_free(struct vhost_frontend *frontend)
{
	if (!frontend)
		return;
	vhost_close(&frontend->sockets);
	free(frontend);
}

uint64_t vhost_frontend_features(const struct vhost_frontend *frontend)
{
	return frontend->features;
}

unsigned int vhost_frontend_queues(const struct vhost_frontend *frontend)
{
	return frontend->queues;
}

int vhost_frontend_fd(const struct vhost_frontend *frontend)
{
	return frontend->sockets.back_end;
}

int vhost_frontend_requests_fd(const struct vhost_frontend *frontend)
{
	return frontend->sockets.requests;
}

/* --- Rings ---------------------------------------------------------------------------------------
 */

struct ring_addresses {
	uint64_t descriptors, available, used; /* in this process */
};

static uint64_t address_of(const struct vhost_frontend *frontend, uint64_t gpa, size_t size,
			   size_t alignment)
{
	if (gpa % alignment != 0)
		return 0;
	return (uintptr_t)guestmem_ptr(frontend->setup.memory, gpa, size);
}

/* Sizes and alignments: virtio 1.2, 2.7; with the indices of VIRTIO_F_EVENT_IDX. */
static bool find_ring(const struct vhost_frontend *frontend, const struct virtqueue_layout *layout,
		      struct ring_addresses *at)
{
	size_t size = layout->size;

	at->descriptors = address_of(frontend, layout->descriptors, 16 * size, 16);
	at->available = address_of(frontend, layout->available, 6 + 2 * size, 2);
	at->used = address_of(frontend, layout->used, 6 + 8 * size, 4);
	return at->descriptors && at->available && at->used;
}

bool vhost_frontend_has_ring(const struct vhost_frontend *frontend,
			     const struct virtqueue_layout *layout)
{
	struct ring_addresses at;

	return find_ring(frontend, layout, &at);
}

static int give_memory(struct vhost_frontend *frontend)
{
	const struct guestmem *memory = frontend->setup.memory;
	const struct guest_memory *ram = frontend->setup.ram;
	struct vhost_user_message message = {.payload.memory.count = (uint32_t)memory->count};
	struct vhost_user_memory *table = &message.payload.memory;

	if (memory->count > VHOST_USER_TABLE_REGIONS)
		return -E2BIG;
	for (size_t i = 0; i < memory->count; i++) {
		const struct guestmem_region *region = &memory->region[i];

		table->region[i] = (struct vhost_user_region){
			.gpa = region->gpa,
			.size = region->size_bytes,
			.user = (uintptr_t)region->host,
			.offset = (uint64_t)(region->host - ram->mapping),
		};
		message.fd[message.fds++] = ram->fd;
	}
	return vhost_tell(frontend, &message, VHOST_USER_SET_MEM_TABLE,
			  offsetof(struct vhost_user_memory, region) +
				  memory->count * sizeof(table->region[0]));
}

static int give_addresses(struct vhost_frontend *frontend, unsigned int index,
			  const struct virtqueue_layout *layout)
{
	struct vhost_user_message message = {.payload.address.index = index};
	struct ring_addresses at;

	if (!find_ring(frontend, layout, &at))
		return -EFAULT;
	message.payload.address.descriptors = at.descriptors;
	message.payload.address.available = at.available;
	message.payload.address.used = at.used;
	return vhost_tell(frontend, &message, VHOST_USER_SET_VRING_ADDR,
			  sizeof(message.payload.address));
}

static int start_ring(struct vhost_frontend *frontend, unsigned int index,
		      const struct vhost_ring *ring)
{
	int error = vhost_tell_ring(frontend, VHOST_USER_SET_VRING_NUM, index, ring->layout.size);

	if (!error)
		error = vhost_tell_ring(frontend, VHOST_USER_SET_VRING_BASE, index, ring->base);
	if (!error)
		error = give_addresses(frontend, index, &ring->layout);
	if (!error)
		error = vhost_give_ring(frontend, VHOST_USER_SET_VRING_CALL, index, ring->call_fd);
	if (!error)
		error = vhost_give_ring(frontend, VHOST_USER_SET_VRING_ERR, index, ring->error_fd);
	if (!error)
		error = vhost_give_ring(frontend, VHOST_USER_SET_VRING_KICK, index, ring->kick_fd);
	if (!error)
		error = vhost_tell_ring(frontend, VHOST_USER_SET_VRING_ENABLE, index, 1);
	return error;
}

static int set_status(struct vhost_frontend *frontend, uint64_t status)
{
	if (!vhost_has(frontend, VHOST_USER_PROTOCOL_F_STATUS))
		return 0;
	return vhost_tell_number(frontend, VHOST_USER_SET_STATUS, status);
}

int vhost_frontend_start(struct vhost_frontend *frontend, uint64_t features,
			 const struct vhost_ring *rings, unsigned int count)
{
	int error;

	vhost_begin(frontend, VHOST_LIMIT_MS);
	error = vhost_tell_number(frontend, VHOST_USER_SET_FEATURES,
				  features | BIT(VHOST_USER_F_PROTOCOL_FEATURES));
	if (!error)
		error = give_memory(frontend);
	for (unsigned int i = 0; i < count && !error; i++)
		if (rings[i].layout.size > 0)
			error = start_ring(frontend, i, &rings[i]);
	if (!error)
		error = set_status(frontend, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
						     VIRTIO_CONFIG_S_FEATURES_OK |
						     VIRTIO_CONFIG_S_DRIVER_OK);
	return error ? error : vhost_settle(frontend);
}

static int stop_ring(struct vhost_frontend *frontend, unsigned int index, struct vhost_ring *ring)
{
	struct vhost_user_message message = {.payload.state.index = index};
	const struct vhost_user_vring_state *state = &message.payload.state;
	int error = vhost_ask(frontend, &message, VHOST_USER_GET_VRING_BASE, sizeof(*state),
			      sizeof(*state));

	if (error)
		return error;
	if (state->index != index || state->number > UINT16_MAX)
		return -EPROTO;
	ring->base = (uint16_t)state->number;
	return 0;
}

int vhost_frontend_stop(struct vhost_frontend *frontend, struct vhost_ring *rings,
			unsigned int count)
{
	int error = 0;

	vhost_begin(frontend, VHOST_LIMIT_MS);
	for (unsigned int i = 0; i < count && !error; i++)
		if (rings[i].layout.size > 0)
			error = vhost_tell_ring(frontend, VHOST_USER_SET_VRING_ENABLE, i, 0);
	for (unsigned int i = 0; i < count && !error; i++)
		if (rings[i].layout.size > 0)
			error = stop_ring(frontend, i, &rings[i]);
	return error;
}

int vhost_frontend_set_call(struct vhost_frontend *frontend, unsigned int index, int call_fd)
{
	vhost_begin(frontend, VHOST_LIMIT_MS);
	return vhost_give_ring(frontend, VHOST_USER_SET_VRING_CALL, index, call_fd);
}

int vhost_frontend_reset(struct vhost_frontend *frontend)
{
	struct vhost_user_message message = {0};
	int error;

	vhost_begin(frontend, VHOST_LIMIT_MS);
	error = vhost_has(frontend, VHOST_USER_PROTOCOL_F_RESET_DEVICE)
			? vhost_tell(frontend, &message, VHOST_USER_RESET_DEVICE, 0)
			: set_status(frontend, 0);
	return error ? error : vhost_settle(frontend);
}
