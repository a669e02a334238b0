/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both engines, through the disk that uses them. */
#include "host/vmm/block/raw.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (1024 * 1024)

static const struct {
	enum raw_engine engine;
	const char *name;
} engines[] = {{RAW_ENGINE_URING, "io_uring"}, {RAW_ENGINE_THREADS, "threads"}};

static struct loop *loop;
static struct block *block;
static int image;
static unsigned int done_count;
static int last_result;

static void done(struct block_request *request, int result)
{
	(void)request;
	done_count++;
	last_result = result;
	loop_stop(loop);
}

/* Where the kernel refuses io_uring there is one engine. */
static bool set_up(int nth)
{
	int fd = memfd_create("disk", MFD_CLOEXEC), result;

	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	image = dup(fd);
	loop = loop_new();
	done_count = 0;
	result = raw_open(fd, false, engines[nth].engine, &block);
	if (result < 0 && engines[nth].engine == RAW_ENGINE_URING) {
		close(fd);
		close(image);
		loop_free(loop);
		return false;
	}
	ck_assert_int_eq(result, 0);
	ck_assert_str_eq(block_engine_name(block), engines[nth].name);
	ck_assert_int_eq(block_start(block, loop, false), 0);
	return true;
}

static void tear_down(void)
{
	block_free(block);
	loop_free(loop);
	close(image);
}

static int run(struct block_request *request)
{
	unsigned int before = done_count;

	request->done = done;
	block_submit(block, request);
	block_commit(block);
	while (done_count == before)
		loop_run(loop);
	return last_result;
}

static int transfer(enum block_operation operation, uint64_t offset, void *bytes, size_t size)
{
	struct iovec iov[2] = {{bytes, size / 2}, {(char *)bytes + size / 2, size - size / 2}};
	struct block_request request = {
		.operation = operation, .offset = offset, .length = size, .iov = iov, .pieces = 2};

	return run(&request);
}

static int on_range(enum block_operation operation, uint64_t offset, uint64_t length, bool unmap,
		    bool durable)
{
	struct block_request request = {.operation = operation,
					.offset = offset,
					.length = length,
					.may_unmap = unmap,
					.durable = durable};

	return run(&request);
}

START_TEST(bytes_are_written_and_read)
{
	uint8_t out[8192], in[8192];

	if (!set_up(_i))
		return;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7);
	ck_assert_int_eq(transfer(BLOCK_WRITE, 4096, out, sizeof(out)), 0);
	ck_assert_int_eq(transfer(BLOCK_READ, 4096, in, sizeof(in)), 0);
	ck_assert_int_eq(memcmp(in, out, sizeof(in)), 0);
	ck_assert_int_eq(on_range(BLOCK_FLUSH, 0, 0, false, false), 0);
	tear_down();
}
END_TEST

START_TEST(ranges_become_zero)
{
	uint8_t bytes[4096];

	if (!set_up(_i))
		return;
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_int_eq(transfer(BLOCK_WRITE, 0, bytes, sizeof(bytes)), 0);
	ck_assert_int_eq(on_range(BLOCK_WRITE_ZEROES, 512, 1024, false, true), 0);
	ck_assert_int_eq(on_range(BLOCK_WRITE_ZEROES, 2048, 512, true, false), 0);
	ck_assert_int_eq(pread(image, bytes, sizeof(bytes), 0), sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bool zero = (i >= 512 && i < 1536) || (i >= 2048 && i < 2560);

		ck_assert_uint_eq(bytes[i], zero ? 0 : 0xff);
	}
	ck_assert_int_eq(on_range(BLOCK_DISCARD, 0, SIZE, false, false), 0);
	tear_down();
}
END_TEST

START_TEST(a_file_that_shrinks_is_an_error_and_no_hang)
{
	uint8_t bytes[4096];

	if (!set_up(_i))
		return;
	ck_assert_int_eq(ftruncate(image, 1024), 0);
	ck_assert_int_eq(transfer(BLOCK_READ, 0, bytes, sizeof(bytes)), -EIO);
	tear_down();
}
END_TEST

/* More than the ring's entries, in one go. */
START_TEST(many_requests_are_all_done)
{
	enum { COUNT = 1000 };
	static struct block_request requests[COUNT];
	static struct iovec iov[COUNT];
	static uint8_t bytes[COUNT][512];

	if (!set_up(_i))
		return;
	for (int i = 0; i < COUNT; i++) {
		memset(bytes[i], i, sizeof(bytes[i]));
		iov[i] = (struct iovec){bytes[i], 512};
		requests[i] = (struct block_request){.operation = BLOCK_WRITE,
						     .offset = (uint64_t)i * 512,
						     .length = 512,
						     .iov = &iov[i],
						     .pieces = 1,
						     .done = done};
		block_submit(block, &requests[i]);
	}
	ck_assert_uint_eq(done_count, 0);
	block_drain(block);
	ck_assert_uint_eq(done_count, COUNT);
	for (int i = 0; i < COUNT; i++) {
		uint8_t byte;

		ck_assert_int_eq(pread(image, &byte, 1, i * 512), 1);
		ck_assert_uint_eq(byte, (uint8_t)i);
	}
	tear_down();
}
END_TEST

/* The engine's loop makes progress without block_drain(). */
START_TEST(completions_wake_the_loop)
{
	uint8_t bytes[512];

	if (!set_up(_i))
		return;
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(transfer(BLOCK_READ, (uint64_t)i * 512, bytes, 512), 0);
	tear_down();
}
END_TEST

START_TEST(what_is_no_disk_is_refused)
{
	int pipes[2], empty = memfd_create("empty", MFD_CLOEXEC);
	int folder = open("/", O_RDONLY | O_DIRECTORY);

	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(raw_open(pipes[0], true, RAW_ENGINE_THREADS, &block), -ENOTBLK);
	ck_assert_int_eq(raw_open(folder, true, RAW_ENGINE_THREADS, &block), -ENOTBLK);
	ck_assert_int_eq(raw_open(empty, true, RAW_ENGINE_THREADS, &block), -EINVAL);
	ck_assert_int_eq(ftruncate(empty, 511), 0);
	ck_assert_int_eq(raw_open(empty, true, RAW_ENGINE_THREADS, &block), -EINVAL);
	ck_assert_int_eq(ftruncate(empty, 1023), 0);
	ck_assert_int_eq(raw_open(empty, true, RAW_ENGINE_THREADS, &block), 0);
	ck_assert_uint_eq(block_geometry(block)->size_bytes, 512);
	block_free(block);
	close(pipes[0]);
	close(pipes[1]);
	close(folder);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("raw");
	TCase *tc = tcase_create("raw");
	int count = ARRAY_SIZE(engines);

	tcase_add_loop_test(tc, bytes_are_written_and_read, 0, count);
	tcase_add_loop_test(tc, ranges_become_zero, 0, count);
	tcase_add_loop_test(tc, a_file_that_shrinks_is_an_error_and_no_hang, 0, count);
	tcase_add_loop_test(tc, many_requests_are_all_done, 0, count);
	tcase_add_loop_test(tc, completions_wake_the_loop, 0, count);
	tcase_add_test(tc, what_is_no_disk_is_refused);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
