/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vhost_user - the messages between a machine (front end) and a device that is a process of its
 * own (back end)
 *
 * Numbers and layouts of QEMU's docs/interop/vhost-user, as far as lodge-vmm and lodge-fsd speak
 * it. A message is a header and a payload, in the machine's byte order, on a unix stream socket;
 * descriptors travel with the first byte of it. Requests go from front end to back end; on a socket
 * of its own (SET_BACKEND_REQ_FD) from back end to front end, with numbers of their own.
 */
#ifndef LODGE_VIRTQUEUE_VHOST_USER_H
#define LODGE_VIRTQUEUE_VHOST_USER_H

#include <linux/virtio_fs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct vhost_user_header.flags */
#define VHOST_USER_VERSION	1U
#define VHOST_USER_VERSION_MASK 3U
#define VHOST_USER_REPLY	(1U << 2)
#define VHOST_USER_NEED_REPLY	(1U << 3)

/* Bit in the device's features: there are protocol features. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30
/* Bit in the device's features that only a front end which migrates asks for: not offered. */
#define VHOST_USER_F_LOG_ALL 26

enum vhost_user_protocol_feature {
	VHOST_USER_PROTOCOL_F_MQ = 0,
	VHOST_USER_PROTOCOL_F_REPLY_ACK = 3,
	VHOST_USER_PROTOCOL_F_BACKEND_REQ = 5,
	VHOST_USER_PROTOCOL_F_CONFIG = 9,
	VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD = 10,
	VHOST_USER_PROTOCOL_F_RESET_DEVICE = 13,
	VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15,
	VHOST_USER_PROTOCOL_F_STATUS = 16,
	VHOST_USER_PROTOCOL_F_SHMEM = 22,
	VHOST_USER_PROTOCOL_F_LODGE = 56, /* of our own: BACKEND_LODGE_* */
};

enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4, /* of old; does nothing */
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SET_BACKEND_REQ_FD = 21,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_CONFIG = 25,
	VHOST_USER_RESET_DEVICE = 34,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG = 37,
	VHOST_USER_REM_MEM_REG = 38,
	VHOST_USER_SET_STATUS = 39,
	VHOST_USER_GET_STATUS = 40,
	VHOST_USER_GET_SHMEM_CONFIG = 44,
};

/* On the back end's own socket. SHMEM ones carry a struct vhost_user_mapping, LODGE_COPY a struct
 * vhost_user_copy, LODGE_SETTLE a struct vhost_user_file; MAP and LODGE_COPY one descriptor. */
enum vhost_user_backend_request {
	VHOST_USER_BACKEND_SHMEM_MAP = 9,
	VHOST_USER_BACKEND_SHMEM_UNMAP = 10,
	VHOST_USER_BACKEND_LODGE_COPY = 0x4c01, /* far from numbers that others may take */
	VHOST_USER_BACKEND_LODGE_SETTLE = 0x4c02,
};

struct vhost_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* of the payload */
} __attribute__((packed));

/* SET_VRING_NUM, _BASE, _ENABLE, GET_VRING_BASE */
struct vhost_user_vring_state {
	uint32_t index;
	uint32_t number;
} __attribute__((packed));

/* SET_VRING_ADDR: in the front end's address space (vhost_user_region.user). */
struct vhost_user_vring_address {
	uint32_t index;
	uint32_t flags;
	uint64_t descriptors;
	uint64_t used;
	uint64_t available;
	uint64_t log;
} __attribute__((packed));

/* SET_VRING_KICK, _CALL, _ERR: the number of a queue, and whether no descriptor comes with it. */
#define VHOST_USER_VRING_INDEX 0xffU
#define VHOST_USER_VRING_NO_FD 0x100U

struct vhost_user_region {
	uint64_t gpa;	 /* guest-physical address */
	uint64_t size;	 /* bytes */
	uint64_t user;	 /* address in the front end */
	uint64_t offset; /* where it begins in what the descriptor maps */
} __attribute__((packed));

/* What SET_MEM_TABLE carries at most, and descriptors of any message. */
#define VHOST_USER_TABLE_REGIONS 8
#define VHOST_USER_MAX_FDS	 8

/* SET_MEM_TABLE */
struct vhost_user_memory {
	uint32_t count;
	uint32_t padding;
	struct vhost_user_region region[VHOST_USER_TABLE_REGIONS];
} __attribute__((packed));

/* ADD_MEM_REG, REM_MEM_REG */
struct vhost_user_one_region {
	uint64_t padding;
	struct vhost_user_region region;
} __attribute__((packed));

/* GET_CONFIG, SET_CONFIG; the reply to a GET_CONFIG that failed has no payload. */
#define VHOST_USER_MAX_CONFIG 256
struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t bytes[VHOST_USER_MAX_CONFIG];
} __attribute__((packed));
#define VHOST_USER_CONFIG_HEADER offsetof(struct vhost_user_config, bytes)

/* GET_SHMEM_CONFIG: sizes by shared memory id; 0: there is none of this id. */
#define VHOST_USER_MAX_SHMEM 256
struct vhost_user_shmem {
	uint32_t count; /* of sizes that are not 0 */
	uint32_t padding;
	uint64_t size[VHOST_USER_MAX_SHMEM];
} __attribute__((packed));

#define VHOST_USER_MAPPING_WRITE 1U

/*
 * BACKEND_SHMEM_MAP: what is mapped there already is replaced, or (as the text has it) the request
 * is refused. BACKEND_SHMEM_UNMAP: exactly what was mapped. Answered by a number (0: done) where
 * NEED_REPLY is set.
 */
struct vhost_user_mapping {
	uint8_t id; /* of the shared memory: VIRTIO_FS_SHMCAP_ID_CACHE for the DAX window */
	uint8_t padding[7];
	uint64_t file_offset;
	uint64_t offset; /* in the shared memory */
	uint64_t length;
	uint64_t flags; /* VHOST_USER_MAPPING_* */
} __attribute__((packed));

#define VHOST_USER_COPY_INTO_GUEST 1U

/*
 * BACKEND_LODGE_COPY: between the shared memory where the guest has it, which the back end cannot
 * reach by itself, and the memory (a memfd) whose descriptor comes along. Answered as those above.
 */
struct vhost_user_copy {
	uint64_t gpa;
	uint64_t length;
	uint64_t offset; /* in the memfd */
	uint64_t flags;	 /* VHOST_USER_COPY_* */
} __attribute__((packed));

/*
 * BACKEND_LODGE_SETTLE: the file may have grown, and the guest is about to learn of it. When this
 * is answered, the shared memory shows what is there of it.
 */
struct vhost_user_file {
	uint64_t device, inode; /* as stat(2) has them */
} __attribute__((packed));

union vhost_user_payload {
	uint64_t number;
	struct vhost_user_vring_state state;
	struct vhost_user_vring_address address;
	struct vhost_user_memory memory;
	struct vhost_user_one_region one;
	struct vhost_user_config config;
	struct vhost_user_shmem shmem;
	struct vhost_user_mapping mapping;
	struct vhost_user_copy copy;
	struct vhost_user_file file;
};

struct vhost_user_message {
	uint32_t unused; /* so that the payload, which is aligned, follows its header at once */
	struct vhost_user_header header;
	union vhost_user_payload payload;
	int fd[VHOST_USER_MAX_FDS];
	unsigned int fds;
};

/**
 * vhost_user_send() - send a message whole
 * @message:	its descriptors stay the caller's
 *
 * Waits while the peer does not read. Return: 0; negative errno, -EPIPE where the peer is gone.
 */
int vhost_user_send(int socket, const struct vhost_user_message *message);

/**
 * vhost_user_receive() - wait for the next message
 * @timeout_ms:	for all of it; -1: for ever
 * @message:	payload behind header.size is zero; its descriptors (close-on-exec) become the
 *		caller's on success: vhost_user_close()
 *
 * Return: 1; 0 if the peer closed between messages; negative errno: -EBADMSG if it does not keep to
 * the format (another version, a payload longer than any, more descriptors than any, an end in the
 * middle), -ETIMEDOUT, ... The socket is of no use then.
 */
int vhost_user_receive(int socket, struct vhost_user_message *message, int timeout_ms);

/* Close the descriptors that nobody took: take_fd() the others from message->fd. */
void vhost_user_close(struct vhost_user_message *message);

/**
 * vhost_user_reply() - make a request its answer
 *
 * The payload, already in place, is @size bytes; there are no descriptors.
 */
void vhost_user_reply(struct vhost_user_message *message, size_t size);

#endif
