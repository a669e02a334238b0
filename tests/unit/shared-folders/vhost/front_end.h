/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * front_end - a machine that is none: the other end of a vhost-user socket, and a guest's driver
 *
 * Behind the back end is a service that answers as the test wants.
 */
#ifndef LODGE_TESTS_VHOST_FRONT_END_H
#define LODGE_TESTS_VHOST_FRONT_END_H

#include "shared-folders/vhost/backend.h"
#include "tests/unit/protocol/virtqueue/guest.h"

#include <linux/fuse.h>
#include <pthread.h>
#include <semaphore.h>

#define FRONT_USER   0x7f0000000000ULL /* where the front end has the memory mapped, it says */
#define FRONT_QUEUES 3

struct front_end {
	struct guest guest; /* its memory is @memory, mapped */
	int memory;	    /* memfd */
	int socket;	    /* ours */
	int kick[FRONT_QUEUES], call[FRONT_QUEUES];
	struct vhost_user_message message; /* the last answer */

	struct vhost_backend *backend;
	pthread_t thread;
	int their_socket, result;

	/* The service. */
	struct server_call *kept; /* of the last FUSE_SETLKW: not answered */
	sem_t kept_one;
	sem_t release; /* FUSE_FSYNC waits for it */
};

/* A back end with this many helpers, that serves. */
void front_end_init(struct front_end *front, unsigned int threads, struct vhost_window *window);
/* Hang up, and wait until the back end has seen it. Return: how it ended. */
int front_end_free(struct front_end *front);

/* Send one message, no answer. @fd: -1: none */
void front_end_say(struct front_end *front, uint32_t request, uint32_t flags, const void *payload,
		   size_t size, int fd);
/* And wait for the answer in front->message. Return: false if the back end hung up instead. */
bool front_end_ask(struct front_end *front, uint32_t request, const void *payload, size_t size,
		   int fd);
/* Ask, with NEED_REPLY. Return: the number that came; UINT64_MAX: it hung up. */
uint64_t front_end_try(struct front_end *front, uint32_t request, const void *payload, size_t size,
		       int fd);

/* Features, memory. */
void front_end_negotiate(struct front_end *front);
/* A queue, up to its kick. */
void front_end_set_up_queue(struct front_end *front, unsigned int index, uint16_t base);
void front_end_bring_up(struct front_end *front);

/* Put a request of this opcode into the queue and kick. Return: its head. */
uint16_t front_end_request(struct front_end *front, unsigned int index, uint32_t opcode,
			   uint64_t unique);
/* The same, but kick only if that is wanted. Return: whether it was. */
bool front_end_request_politely(struct front_end *front, unsigned int index, uint32_t opcode,
				uint64_t unique);
/* Wait until a chain comes back. Return: its head. */
uint32_t front_end_wait(struct front_end *front, unsigned int index, uint32_t *written);

#endif
