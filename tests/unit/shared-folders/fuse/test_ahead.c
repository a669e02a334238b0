/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fuse/ahead.h"

#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { FOLDER = 3, FILE_NODE = 4, HANDLE = 55, UNIQUE = 8 };

static struct fuse_ahead ahead;

/* What comes after a request with that body was answered by that. */
static bool after(uint32_t opcode, const void *in, size_t in_size, int error, const void *out,
		  size_t out_size)
{
	uint8_t request[256], reply[256];
	const struct fuse_in_header asked = {
		.len = (uint32_t)(sizeof(asked) + in_size),
		.opcode = opcode,
		.unique = UNIQUE,
		.nodeid = FOLDER,
	};
	const struct fuse_out_header said = {
		.len = (uint32_t)(sizeof(said) + out_size),
		.error = error,
		.unique = UNIQUE,
	};

	memcpy(request, &asked, sizeof(asked));
	memcpy(request + sizeof(asked), in, in_size);
	memcpy(reply, &said, sizeof(said));
	memcpy(reply + sizeof(said), out, out_size);
	return fuse_ahead_after(request, asked.len, reply, said.len, &ahead);
}

static bool after_create(uint32_t flags, int error, size_t out_size)
{
	const struct fuse_create_in in = {.flags = flags};
	const struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = {.entry.nodeid = FILE_NODE, .open.fh = HANDLE};

	return after(FUSE_CREATE, &in, sizeof(in), error, &out, out_size ? out_size : sizeof(out));
}

START_TEST(a_file_that_was_created)
{
	ck_assert(after_create(O_EXCL, 0, 0));
	ck_assert_uint_eq(ahead.unique, UNIQUE);
	ck_assert_uint_eq(ahead.node, FOLDER);
	ck_assert_uint_eq(ahead.file, FILE_NODE);
	ck_assert_uint_eq(ahead.handle, HANDLE);
	ck_assert_uint_eq(ahead.flags, FUSE_AHEAD_ATTRIBUTES | FUSE_AHEAD_NEW | FUSE_AHEAD_QUIET);
	/* It may have been there before. */
	ck_assert(after_create(0, 0, 0));
	ck_assert_uint_eq(ahead.flags, FUSE_AHEAD_ATTRIBUTES | FUSE_AHEAD_QUIET);
	ck_assert(!after_create(O_EXCL, -EEXIST, 0));
	ck_assert(!after_create(O_EXCL, 0, 8));
	ck_assert(!after(FUSE_CREATE, "", 1, 0, "", 1));
}
END_TEST

START_TEST(a_file_that_was_opened)
{
	const struct fuse_open_out out = {.fh = HANDLE};

	ck_assert(after(FUSE_OPEN, "", 0, 0, &out, sizeof(out)));
	ck_assert_uint_eq(ahead.flags, FUSE_AHEAD_QUIET);
	ck_assert_uint_eq(ahead.file, FOLDER);
	ck_assert_uint_eq(ahead.handle, HANDLE);
	ck_assert(!after(FUSE_OPEN, "", 0, 0, &out, 4));
}
END_TEST

START_TEST(a_file_that_was_written_at_once)
{
	struct fuse_write_in in = {.size = 4096};

	ck_assert(after(FUSE_WRITE, &in, sizeof(in), 0, "", 0));
	ck_assert_uint_eq(ahead.flags, FUSE_AHEAD_ATTRIBUTES);
	in.offset = 4096;
	ck_assert(!after(FUSE_WRITE, &in, sizeof(in), 0, "", 0));
	in = (struct fuse_write_in){.size = 1 << 20};
	ck_assert(!after(FUSE_WRITE, &in, sizeof(in), 0, "", 0));
	ck_assert(!after(FUSE_WRITE, &in, 8, 0, "", 0));
}
END_TEST

START_TEST(nothing_else)
{
	ck_assert(after(FUSE_UNLINK, "name", 5, 0, "", 0));
	ck_assert(!after(FUSE_UNLINK, "name", 5, -ENOENT, "", 0));
	ck_assert(!after(FUSE_RENAME, "name", 5, 0, "", 0));
	ck_assert(!after(FUSE_READ, "", 0, 0, "", 0));
	ck_assert(!fuse_ahead_after("", 1, "", 1, &ahead));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("ahead");

	tcase_add_test(tests, a_file_that_was_created);
	tcase_add_test(tests, a_file_that_was_opened);
	tcase_add_test(tests, a_file_that_was_written_at_once);
	tcase_add_test(tests, nothing_else);
	return suite_run_case("ahead", tests);
}
