/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/backend.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "shared-folders/vhost/memory.h"
#include "shared-folders/vhost/queue.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define MAX_REFUSALS_TOLD 10

#define BIT(number) (1ULL << (number))

#define FEATURES                                                                                   \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |                              \
	 BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VHOST_USER_F_PROTOCOL_FEATURES))

#define PROTOCOL_FEATURES                                                                          \
	(BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                    \
	 BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) | BIT(VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD) |     \
	 BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) | BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))

/* What a window takes. */
#define WINDOW_FEATURES                                                                            \
	(BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) | BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |           \
	 BIT(VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD) | BIT(VHOST_USER_PROTOCOL_F_SHMEM))

struct vhost_backend {
	struct vhost_options options;
	struct vhost_service service;
	uint64_t features, protocol_features;
	uint64_t refused; /* messages */
	struct vhost_memory *memory;
	struct vhost_queue *queue[VHOST_MAX_QUEUES]; /* made when first spoken of */
};

struct handler {
	uint32_t size; /* of the payload; SIZE_VARIES: the handler looks */
	bool answers;  /* with a payload of its own */
	int (*handle)(struct vhost_backend *backend, struct vhost_user_message *message);
	uint64_t feature; /* protocol features without which it may not be said */
};

#define SIZE_VARIES UINT32_MAX

struct vhost_backend *vhost_backend_new(const struct vhost_options *options)
{
	struct vhost_backend *backend = calloc(1, sizeof(*backend));

	if (!backend)
		return NULL;
	backend->options = *options;
	backend->service = (struct vhost_service){
		.call = options->call, .owner = options->owner, .window = options->window};
	if (options->threads == 0 || pool_new(options->threads, &backend->service.pool) == 0)
		return backend;
	free(backend);
	return NULL;
}

void vhost_backend_stop(struct vhost_backend *backend)
{
	for (size_t i = 0; i < VHOST_MAX_QUEUES; i++)
		if (backend->queue[i])
			vhost_queue_stop(backend->queue[i]);
	if (backend->options.window)
		vhost_window_connect(backend->options.window, -EBADF, false);
}

void vhost_backend_free(struct vhost_backend *backend)
{
	if (!backend)
		return;
	vhost_backend_stop(backend);
	pool_free(backend->service.pool);
	for (size_t i = 0; i < VHOST_MAX_QUEUES; i++)
		vhost_queue_free(backend->queue[i]);
	vhost_memory_unref(backend->memory);
	free(backend);
}

static int find_queue(struct vhost_backend *backend, uint64_t index, struct vhost_queue **queue)
{
	if (index >= VHOST_MAX_QUEUES)
		return -EINVAL;
	if (!backend->queue[index]) {
		backend->queue[index] = vhost_queue_new((unsigned int)index, &backend->service);
		if (!backend->queue[index])
			return -ENOMEM;
		/* Who does not know SET_VRING_ENABLE means all queues to run. */
		if (!(backend->features & BIT(VHOST_USER_F_PROTOCOL_FEATURES)))
			vhost_queue_enable(backend->queue[index], true);
	}
	*queue = backend->queue[index];
	return 0;
}

static int start(struct vhost_backend *backend, struct vhost_queue *queue)
{
	return vhost_queue_start(queue, backend->memory, backend->features);
}

static int start_all(struct vhost_backend *backend)
{
	int result = 0;

	for (size_t i = 0; i < VHOST_MAX_QUEUES && result == 0; i++)
		if (backend->queue[i])
			result = start(backend, backend->queue[i]);
	return result;
}

static void stop_all(struct vhost_backend *backend)
{
	for (size_t i = 0; i < VHOST_MAX_QUEUES; i++)
		if (backend->queue[i])
			vhost_queue_stop(backend->queue[i]);
}

/* --- Features --- */

static int answer_number(struct vhost_user_message *message, uint64_t number)
{
	message->payload.number = number;
	vhost_user_reply(message, sizeof(number));
	return 0;
}

static int get_features(struct vhost_backend *backend, struct vhost_user_message *message)
{
	(void)backend;
	return answer_number(message, FEATURES);
}

static int set_features(struct vhost_backend *backend, struct vhost_user_message *message)
{
	uint64_t features = message->payload.number;

	if (features & ~FEATURES)
		return -EINVAL;
	stop_all(backend);
	backend->features = features;
	if (!(features & BIT(VHOST_USER_F_PROTOCOL_FEATURES)))
		for (size_t i = 0; i < VHOST_MAX_QUEUES; i++)
			if (backend->queue[i])
				vhost_queue_enable(backend->queue[i], true);
	return start_all(backend);
}

static uint64_t offered_protocol_features(const struct vhost_backend *backend)
{
	uint64_t features = PROTOCOL_FEATURES;

	if (backend->options.tag)
		features |= BIT(VHOST_USER_PROTOCOL_F_CONFIG);
	if (backend->options.window)
		features |= BIT(VHOST_USER_PROTOCOL_F_SHMEM) | BIT(VHOST_USER_PROTOCOL_F_LODGE);
	return features;
}

static int get_protocol_features(struct vhost_backend *backend, struct vhost_user_message *message)
{
	return answer_number(message, offered_protocol_features(backend));
}

static int set_protocol_features(struct vhost_backend *backend, struct vhost_user_message *message)
{
	if (message->payload.number & ~offered_protocol_features(backend))
		return -EINVAL;
	backend->protocol_features = message->payload.number;
	return 0;
}

static int get_queue_count(struct vhost_backend *backend, struct vhost_user_message *message)
{
	(void)backend;
	return answer_number(message, VHOST_MAX_QUEUES);
}

static int do_nothing(struct vhost_backend *backend, struct vhost_user_message *message)
{
	(void)backend;
	(void)message;
	return 0;
}

static int reset_device(struct vhost_backend *backend, struct vhost_user_message *message)
{
	(void)message;
	for (size_t i = 0; i < VHOST_MAX_QUEUES; i++)
		if (backend->queue[i])
			vhost_queue_reset(backend->queue[i]);
	return 0;
}

/* --- Memory --- */

static int use_memory(struct vhost_backend *backend, struct vhost_memory *memory)
{
	stop_all(backend);
	vhost_memory_unref(backend->memory);
	backend->memory = memory;
	return start_all(backend);
}

static int set_memory_table(struct vhost_backend *backend, struct vhost_user_message *message)
{
	const struct vhost_user_memory *table = &message->payload.memory;
	struct vhost_memory *memory;
	uint32_t count = table->count;
	int result;

	if (count > VHOST_USER_TABLE_REGIONS || message->fds != count ||
	    message->header.size != offsetof(struct vhost_user_memory, region[count]))
		return -EINVAL;
	result = vhost_memory_new(table->region, message->fd, count, &memory);
	return result < 0 ? result : use_memory(backend, memory);
}

static int get_memory_slots(struct vhost_backend *backend, struct vhost_user_message *message)
{
	(void)backend;
	return answer_number(message, GUESTMEM_MAX_REGIONS);
}

static int add_memory(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_memory *memory;
	int result;

	if (message->fds != 1)
		return -EINVAL;
	result = vhost_memory_add(backend->memory, &message->payload.one.region, message->fd[0],
				  &memory);
	return result < 0 ? result : use_memory(backend, memory);
}

/* Some front ends send a descriptor along, which says nothing. */
static int remove_memory(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_memory *memory;
	int result = vhost_memory_remove(backend->memory, &message->payload.one.region, &memory);

	return result < 0 ? result : use_memory(backend, memory);
}

/* --- Queues --- */

static int set_size(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_queue *queue;
	int result = find_queue(backend, message->payload.state.index, &queue);

	if (result == 0)
		result = vhost_queue_set_size(queue, message->payload.state.number);
	return result == 0 ? start(backend, queue) : result;
}

static int set_base(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_queue *queue;
	int result = find_queue(backend, message->payload.state.index, &queue);

	if (result == 0)
		result = vhost_queue_set_base(queue, message->payload.state.number);
	return result == 0 ? start(backend, queue) : result;
}

static int set_address(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_queue *queue;
	int result = find_queue(backend, message->payload.address.index, &queue);

	if (result < 0)
		return result;
	vhost_queue_set_address(queue, &message->payload.address);
	return start(backend, queue);
}

static int get_base(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_queue *queue;
	int result = find_queue(backend, message->payload.state.index, &queue);

	if (result < 0)
		return result;
	message->payload.state.number = vhost_queue_end(queue);
	vhost_user_reply(message, sizeof(message->payload.state));
	return 0;
}

static int enable(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_queue *queue;
	int result = find_queue(backend, message->payload.state.index, &queue);

	if (result < 0)
		return result;
	vhost_queue_enable(queue, message->payload.state.number != 0);
	return start(backend, queue);
}

/* One descriptor, or the word that there is none. */
static int take_event(struct vhost_backend *backend, struct vhost_user_message *message,
		      struct vhost_queue **queue, int *fd)
{
	uint64_t number = message->payload.number;
	bool none = number & VHOST_USER_VRING_NO_FD;
	int result;

	if (number & ~(uint64_t)(VHOST_USER_VRING_INDEX | VHOST_USER_VRING_NO_FD) ||
	    message->fds != !none)
		return -EINVAL;
	result = find_queue(backend, number & VHOST_USER_VRING_INDEX, queue);
	if (result == 0)
		*fd = none ? -EBADF : take_fd(&message->fd[0]);
	return result;
}

/* Without a kick we would have to look at the ring all the time, which we do not. */
static int set_kick(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_queue *queue;
	int fd = -EBADF, result = take_event(backend, message, &queue, &fd);

	if (result < 0)
		return result;
	vhost_queue_set_kick(queue, fd);
	return fd < 0 ? -EOPNOTSUPP : start(backend, queue);
}

static int set_call(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_queue *queue;
	int fd = -EBADF, result = take_event(backend, message, &queue, &fd);

	if (result == 0)
		vhost_queue_set_call(queue, fd);
	return result;
}

static int set_error(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_queue *queue;
	int fd = -EBADF, result = take_event(backend, message, &queue, &fd);

	if (result < 0)
		return result;
	vhost_queue_set_error(queue, fd);
	return start(backend, queue);
}

/* --- Configuration, window --- */

static int get_config(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_user_config *config = &message->payload.config;
	struct virtio_fs_config ours = {.num_request_queues = htole32(1)};
	uint32_t offset = config->offset, size = config->size;

	if (message->header.size != VHOST_USER_CONFIG_HEADER + size ||
	    size > VHOST_USER_MAX_CONFIG || offset > VHOST_USER_MAX_CONFIG - size)
		return -EINVAL;
	memset(config->bytes, 0, sizeof(config->bytes));
	memcpy(ours.tag, backend->options.tag, strnlen(backend->options.tag, sizeof(ours.tag)));
	if (offset < sizeof(ours))
		memcpy(config->bytes, (const uint8_t *)&ours + offset,
		       MIN(size, sizeof(ours) - offset));
	vhost_user_reply(message, VHOST_USER_CONFIG_HEADER + size);
	return 0;
}

static int get_shmem(struct vhost_backend *backend, struct vhost_user_message *message)
{
	struct vhost_user_shmem *shmem = &message->payload.shmem;

	memset(shmem, 0, sizeof(*shmem));
	shmem->count = 1;
	shmem->size[VIRTIO_FS_SHMCAP_ID_CACHE] = vhost_window_size(backend->options.window);
	vhost_user_reply(message, sizeof(*shmem));
	return 0;
}

static int set_backend_socket(struct vhost_backend *backend, struct vhost_user_message *message)
{
	if (message->fds != 1)
		return -EINVAL;
	if (backend->options.window &&
	    (backend->protocol_features & WINDOW_FEATURES) == WINDOW_FEATURES)
		vhost_window_connect(backend->options.window, take_fd(&message->fd[0]),
				     backend->protocol_features & BIT(VHOST_USER_PROTOCOL_F_LODGE));
	return 0;
}

/* --- One message --- */

#define NUMBER sizeof(uint64_t)
#define STATE  sizeof(struct vhost_user_vring_state)
#define REGION sizeof(struct vhost_user_one_region)

static const struct handler handlers[] = {
	[VHOST_USER_GET_FEATURES] = {0, true, get_features, 0},
	[VHOST_USER_SET_FEATURES] = {NUMBER, false, set_features, 0},
	[VHOST_USER_SET_OWNER] = {0, false, do_nothing, 0},
	[VHOST_USER_RESET_OWNER] = {0, false, do_nothing, 0},
	[VHOST_USER_SET_MEM_TABLE] = {SIZE_VARIES, false, set_memory_table, 0},
	[VHOST_USER_SET_VRING_NUM] = {STATE, false, set_size, 0},
	[VHOST_USER_SET_VRING_ADDR] = {sizeof(struct vhost_user_vring_address), false, set_address,
				       0},
	[VHOST_USER_SET_VRING_BASE] = {STATE, false, set_base, 0},
	[VHOST_USER_GET_VRING_BASE] = {STATE, true, get_base, 0},
	[VHOST_USER_SET_VRING_KICK] = {NUMBER, false, set_kick, 0},
	[VHOST_USER_SET_VRING_CALL] = {NUMBER, false, set_call, 0},
	[VHOST_USER_SET_VRING_ERR] = {NUMBER, false, set_error, 0},
	[VHOST_USER_GET_PROTOCOL_FEATURES] = {0, true, get_protocol_features, 0},
	[VHOST_USER_SET_PROTOCOL_FEATURES] = {NUMBER, false, set_protocol_features, 0},
	[VHOST_USER_GET_QUEUE_NUM] = {0, true, get_queue_count, BIT(VHOST_USER_PROTOCOL_F_MQ)},
	[VHOST_USER_SET_VRING_ENABLE] = {STATE, false, enable, 0},
	[VHOST_USER_SET_BACKEND_REQ_FD] = {SIZE_VARIES, false, set_backend_socket,
					   BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ)},
	[VHOST_USER_GET_CONFIG] = {SIZE_VARIES, true, get_config,
				   BIT(VHOST_USER_PROTOCOL_F_CONFIG)},
	[VHOST_USER_RESET_DEVICE] = {0, false, reset_device,
				     BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE)},
	[VHOST_USER_GET_MAX_MEM_SLOTS] = {0, true, get_memory_slots,
					  BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)},
	[VHOST_USER_ADD_MEM_REG] = {REGION, false, add_memory,
				    BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)},
	[VHOST_USER_REM_MEM_REG] = {REGION, false, remove_memory,
				    BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)},
	[VHOST_USER_GET_SHMEM_CONFIG] = {0, true, get_shmem, BIT(VHOST_USER_PROTOCOL_F_SHMEM)},
};

static int dispatch(struct vhost_backend *backend, struct vhost_user_message *message)
{
	uint32_t request = message->header.request;
	const struct handler *handler = &handlers[request % ARRAY_SIZE(handlers)];

	if (request >= ARRAY_SIZE(handlers) || !handler->handle)
		return -ENOSYS;
	if (handler->feature & ~backend->protocol_features)
		return -ENOSYS;
	if (handler->size != SIZE_VARIES && message->header.size != handler->size)
		return -EBADMSG;
	return handler->handle(backend, message);
}

int vhost_backend_handle(struct vhost_backend *backend, struct vhost_user_message *message)
{
	uint32_t request = message->header.request;
	bool wants = message->header.flags & VHOST_USER_NEED_REPLY &&
		     backend->protocol_features & BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK);
	bool answers = request < ARRAY_SIZE(handlers) && handlers[request].answers;
	int result;

	if (message->header.flags & VHOST_USER_REPLY)
		result = -EBADMSG;
	else
		result = dispatch(backend, message);
	if (result == 0 && answers)
		return 1;
	vhost_user_close(message);
	if (result < 0 && backend->refused++ < MAX_REFUSALS_TOLD)
		log_warning("the front end's message %u is refused: %s", request,
			    error_text(result));
	if (result < 0 && request == VHOST_USER_GET_CONFIG) {
		vhost_user_reply(message, 0);
		return 1;
	}
	if (!wants || answers)
		return result;
	answer_number(message, result < 0);
	return 1;
}

int vhost_backend_run(struct vhost_backend *backend, int socket)
{
	struct vhost_user_message *message = malloc(sizeof(*message));
	int result = message ? 1 : -ENOMEM;

	while (result > 0) {
		result = vhost_user_receive(socket, message, -1);
		if (result <= 0)
			break;
		result = vhost_backend_handle(backend, message);
		if (result > 0)
			result = vhost_user_send(socket, message);
		result = result < 0 ? result : 1;
	}
	free(message);
	vhost_backend_stop(backend);
	return result;
}
