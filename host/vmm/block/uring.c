/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The io_uring engine. The ring is made at set-up and used by the disk's thread alone; an eventfd
 * tells its loop of completions. Steps that find the submission queue full go to the kernel with
 * those before them.
 */
#include "host/vmm/block/engine.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <liburing.h>
#include <linux/fs.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define RING_ENTRIES 128

struct uring {
	struct block_engine engine;
	struct io_uring ring;
	int event_fd;
	struct loop_source *source;
	struct block_request *first, **last; /* steps that found no room */
};

static struct uring *of(struct block_engine *engine)
{
	return CONTAINER_OF(engine, struct uring, engine);
}

static void prepare(const struct uring *uring, struct io_uring_sqe *sqe,
		    struct block_request *request)
{
	int fd = uring->engine.fd;

	switch (request->by_writing ? BLOCK_WRITE : request->operation) {
	case BLOCK_READ:
		io_uring_prep_readv(sqe, fd, request->iov, request->pieces, request->offset);
		break;
	case BLOCK_WRITE:
		io_uring_prep_writev2(sqe, fd, request->iov, request->pieces, request->offset,
				      request->durable ? RWF_DSYNC : 0);
		break;
	case BLOCK_FLUSH:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case BLOCK_DISCARD:
	case BLOCK_WRITE_ZEROES:
		io_uring_prep_fallocate(sqe, fd, block_fallocate_mode(request),
					(off_t)request->offset, (off_t)request->length);
		break;
	}
	io_uring_sqe_set_data(sqe, request);
}

static void keep_for_later(struct uring *uring, struct block_request *request)
{
	request->next = NULL;
	*uring->last = request;
	uring->last = &request->next;
}

static void submit(struct block_engine *engine, struct block_request *request)
{
	struct uring *uring = of(engine);
	struct io_uring_sqe *sqe = uring->first ? NULL : io_uring_get_sqe(&uring->ring);

	if (sqe)
		prepare(uring, sqe, request);
	else
		keep_for_later(uring, request);
}

static void commit(struct block_engine *engine)
{
	struct uring *uring = of(engine);

	/* What the kernel does not take now (-EAGAIN, -EBUSY) stays in the ring: try again soon. */
	if (io_uring_submit(&uring->ring) < 0)
		eventfd_write(uring->event_fd, 1);
	while (uring->first) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
		struct block_request *request = uring->first;

		if (!sqe)
			return;
		uring->first = request->next;
		if (!uring->first)
			uring->last = &uring->first;
		prepare(uring, sqe, request);
		if (!uring->first || io_uring_sq_space_left(&uring->ring) == 0)
			io_uring_submit(&uring->ring);
	}
}

static void reap(struct uring *uring)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&uring->ring, &cqe) == 0) {
		struct block_request *request = io_uring_cqe_get_data(cqe);

		request->result = cqe->res;
		io_uring_cqe_seen(&uring->ring, cqe);
		uring->engine.complete(uring->engine.owner, request);
	}
	commit(&uring->engine);
}

static void on_completion(void *owner, uint32_t events)
{
	struct uring *uring = owner;
	eventfd_t ignored;

	(void)events;
	eventfd_read(uring->event_fd, &ignored);
	reap(uring);
}

static void wait(struct block_engine *engine)
{
	struct uring *uring = of(engine);

	io_uring_submit_and_wait(&uring->ring, 1);
	reap(uring);
}

static int start(struct block_engine *engine, struct loop *loop, bool sandboxed)
{
	struct uring *uring = of(engine);

	(void)sandboxed;
	return loop_add_fd(loop, uring->event_fd, EPOLLIN, on_completion, uring, &uring->source);
}

static void uring_free(struct block_engine *engine)
{
	struct uring *uring = of(engine);

	loop_remove(uring->source);
	io_uring_queue_exit(&uring->ring);
	cleanup_close(&uring->event_fd);
	free(uring);
}

static const struct block_engine_ops ops = {
	.name = "io_uring",
	.start = start,
	.submit = submit,
	.commit = commit,
	.wait = wait,
	.free = uring_free,
};

/* Some sandboxes have the ring but not all of what it does: ask. */
static int probe(struct io_uring *ring)
{
	static const int needed[] = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
				     IORING_OP_FALLOCATE};
	struct io_uring_probe *found = io_uring_get_probe_ring(ring);
	int result = found ? 0 : -ENOSYS;

	for (size_t i = 0; found && i < ARRAY_SIZE(needed); i++) {
		if (!io_uring_opcode_supported(found, needed[i]))
			result = -EOPNOTSUPP;
	}
	io_uring_free_probe(found);
	return result;
}

int uring_engine_new(int fd, block_complete complete, void *owner, struct block_engine **engine)
{
	_cleanup_free_ struct uring *uring = calloc(1, sizeof(*uring));
	int result;

	if (!uring)
		return -ENOMEM;
	uring->engine = (struct block_engine){&ops, fd, complete, owner};
	uring->last = &uring->first;
	result = io_uring_queue_init(RING_ENTRIES, &uring->ring, IORING_SETUP_CLAMP);
	if (result < 0)
		return result;
	result = probe(&uring->ring);
	uring->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (result == 0 && uring->event_fd < 0)
		result = -errno;
	if (result == 0)
		result = io_uring_register_eventfd(&uring->ring, uring->event_fd);
	if (result < 0) {
		io_uring_queue_exit(&uring->ring);
		cleanup_close(&uring->event_fd);
		return result;
	}
	*engine = &take_ptr(uring)->engine;
	return 0;
}
