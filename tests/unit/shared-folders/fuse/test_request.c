/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "shared-folders/fuse/request.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 65536

static struct fuse_request request;
static char message[MAX_BYTES + 4096];
static size_t length;

static void begin(uint32_t opcode)
{
	struct fuse_in_header header = {.opcode = opcode, .unique = 7, .nodeid = 1};

	memcpy(message, &header, sizeof(header));
	length = sizeof(header);
}

static void add(const void *bytes, size_t size)
{
	memcpy(message + length, bytes, size);
	length += size;
}

static void add_text(const char *text)
{
	add(text, strlen(text) + 1);
}

/* In pieces of @piece bytes. */
static int decode_pieces(size_t piece, bool ext)
{
	static struct iovec iov[MAX_BYTES];
	size_t count = 0, at = 0;

	while (at < length) {
		size_t size = MIN(piece, length - at);

		iov[count++] = (struct iovec){message + at, size};
		at += size;
	}
	return fuse_request_decode(iov, count, ext, MAX_BYTES, &request);
}

static int decode(void)
{
	store_le32(message, (uint32_t)length);
	return decode_pieces(length, false);
}

START_TEST(test_whole)
{
	struct fuse_rename2_in in = {.newdir = 5, .flags = 1};

	for (size_t piece = 1; piece < 120; piece++) {
		begin(FUSE_RENAME2);
		add(&in, sizeof(in));
		add_text("old");
		add_text("new");
		store_le32(message, (uint32_t)length);
		ck_assert_int_eq(decode_pieces(piece, false), 0);
		ck_assert_uint_eq(request.rename2.newdir, 5);
		ck_assert_uint_eq(request.rename2.flags, 1);
		ck_assert_str_eq(request.name, "old");
		ck_assert_str_eq(request.second, "new");
	}
	/* RENAME is the same without flags. */
	begin(FUSE_RENAME);
	add(&in, sizeof(struct fuse_rename_in));
	add_text("old");
	add_text("new");
	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(request.rename2.newdir, 5);
	ck_assert_uint_eq(request.rename2.flags, 0);
}
END_TEST

START_TEST(test_cut)
{
	struct fuse_rename2_in in = {.newdir = 5};
	size_t whole;

	begin(FUSE_RENAME2);
	add(&in, sizeof(in));
	add_text("old");
	add_text("new");
	whole = length;
	for (length = 0; length < whole; length++) {
		int r;

		store_le32(message, (uint32_t)length);
		r = decode_pieces(whole, false);
		ck_assert_int_eq(r, length < sizeof(struct fuse_in_header) ? -EBADMSG : -EINVAL);
	}
	/* The header says more, or less, than there is. */
	length = whole;
	store_le32(message, (uint32_t)whole + 1);
	ck_assert_int_eq(decode_pieces(whole, false), -EINVAL);
	store_le32(message, (uint32_t)whole - 1);
	ck_assert_int_eq(decode_pieces(whole, false), -EINVAL);
	store_le32(message, 0);
	ck_assert_int_eq(decode_pieces(whole, false), -EINVAL);
	store_le32(message, UINT32_MAX);
	ck_assert_int_eq(decode_pieces(whole, false), -EINVAL);
	/* Something after the last name. */
	message[length++] = 'x';
	ck_assert_int_eq(decode(), -EINVAL);
}
END_TEST

START_TEST(test_names)
{
	static const char *const bad[] = {"", ".", "..", "/", "a/b", "/a", "a/", "../a"};
	static const char *const good[] = {"a", "...", ".a", "..a", "\xff\xfe", "a\\b", "a\nb"};
	char name[FUSE_NAME_MAX_BYTES + 2];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin(FUSE_LOOKUP);
		add_text(bad[i]);
		ck_assert_int_eq(decode(), -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		begin(FUSE_LOOKUP);
		add_text(good[i]);
		ck_assert_int_eq(decode(), 0);
		ck_assert_str_eq(request.name, good[i]);
	}
	/* Not ended. */
	begin(FUSE_LOOKUP);
	add("abc", 3);
	ck_assert_int_eq(decode(), -EINVAL);

	memset(name, 'n', sizeof(name));
	name[FUSE_NAME_MAX_BYTES] = '\0';
	begin(FUSE_LOOKUP);
	add_text(name);
	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(strlen(request.name), FUSE_NAME_MAX_BYTES);
	begin(FUSE_LOOKUP);
	add("n", 1);
	add_text(name);
	ck_assert_int_eq(decode(), -ENAMETOOLONG);
}
END_TEST

START_TEST(test_target)
{
	static char target[FUSE_TARGET_MAX_BYTES + 2];

	memset(target, 't', sizeof(target));
	target[FUSE_TARGET_MAX_BYTES] = '\0';
	begin(FUSE_SYMLINK);
	add_text("name");
	add_text(target);
	ck_assert_int_eq(decode(), 0);
	ck_assert_str_eq(request.second, target);
	begin(FUSE_SYMLINK);
	add_text("name");
	add("t", 1);
	add_text(target);
	ck_assert_int_eq(decode(), -ENAMETOOLONG);
	/* A target may say anything; it is never followed here. */
	begin(FUSE_SYMLINK);
	add_text("name");
	add_text("../../etc");
	ck_assert_int_eq(decode(), 0);
	begin(FUSE_SYMLINK);
	add_text("name");
	add_text("");
	ck_assert_int_eq(decode(), -ENOENT);
}
END_TEST

START_TEST(test_payload)
{
	struct fuse_write_in in = {.fh = 1, .size = 100};
	char bytes[101] = {0};

	for (uint32_t size = 99; size <= 101; size++) {
		begin(FUSE_WRITE);
		add(&in, sizeof(in));
		add(bytes, size);
		ck_assert_int_eq(decode(), size == 100 ? 0 : -EINVAL);
	}
	begin(FUSE_WRITE);
	in.size = UINT32_MAX;
	add(&in, sizeof(in));
	add(bytes, 100);
	ck_assert_int_eq(decode(), -EINVAL);
	begin(FUSE_WRITE);
	in.size = 100;
	add(&in, sizeof(in));
	add(bytes, 100);
	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(request.payload_at, sizeof(struct fuse_in_header) + sizeof(in));
	ck_assert_uint_eq(request.payload_bytes, 100);
}
END_TEST

START_TEST(test_arrays)
{
	struct fuse_batch_forget_in in = {.count = 2};
	struct fuse_forget_one one[2] = {{0}};

	begin(FUSE_BATCH_FORGET);
	add(&in, sizeof(in));
	add(one, sizeof(one));
	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(request.payload_bytes, sizeof(one));
	/* 2^28 + 2 of 16 bytes: 32, if that were counted in 32 bits. */
	in.count = (1U << 28) + 2;
	begin(FUSE_BATCH_FORGET);
	add(&in, sizeof(in));
	add(one, sizeof(one));
	ck_assert_int_eq(decode(), -EINVAL);
}
END_TEST

START_TEST(test_xattr)
{
	struct fuse_setxattr_in in = {.size = 5, .setxattr_flags = 9};

	for (int ext = 0; ext < 2; ext++) {
		begin(FUSE_SETXATTR);
		add(&in, ext ? sizeof(in) : FUSE_COMPAT_SETXATTR_IN_SIZE);
		add_text("user.a/b");
		add("value", 5);
		store_le32(message, (uint32_t)length);
		ck_assert_int_eq(decode_pieces(length, ext), 0);
		ck_assert_str_eq(request.name, "user.a/b");
		ck_assert_uint_eq(request.setxattr.setxattr_flags, ext ? 9 : 0);
		ck_assert_uint_eq(request.payload_bytes, 5);
	}
	begin(FUSE_REMOVEXATTR);
	add_text("");
	ck_assert_int_eq(decode(), -ERANGE);
}
END_TEST

START_TEST(test_init)
{
	struct fuse_init_in in = {.major = 7, .minor = 31, .flags2 = 3};

	begin(FUSE_INIT);
	add(&in, 16);
	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(request.init.minor, 31);
	ck_assert_uint_eq(request.init.flags2, 0);
	begin(FUSE_INIT);
	add(&in, sizeof(in));
	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(request.init.flags2, 3);
	/* A later version's. */
	add("and more", 8);
	ck_assert_int_eq(decode(), 0);
	begin(FUSE_INIT);
	add(&in, 15);
	ck_assert_int_eq(decode(), -EINVAL);
}
END_TEST

START_TEST(test_unknown)
{
	static const uint32_t none[] = {0, 7, 19, 53, 4096, 436207616, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		begin(none[i]);
		ck_assert_int_eq(decode(), -ENOSYS);
	}
	begin(FUSE_WRITE);
	length = MAX_BYTES + 1;
	ck_assert_int_eq(decode(), -E2BIG);
}
END_TEST

START_TEST(test_wrapping_pieces)
{
	struct iovec iov[2] = {{message, SIZE_MAX - 1}, {message, 64}};

	ck_assert_uint_eq(fuse_iov_bytes(iov, 2), SIZE_MAX);
}
END_TEST

/* Every request that there is, with every length up to some: what is read stays inside. */
START_TEST(test_all_lengths)
{
	for (uint32_t opcode = 0; opcode < 64; opcode++) {
		for (size_t size = sizeof(struct fuse_in_header); size < 400; size++) {
			char *exact = malloc(size);
			struct iovec iov = {exact, size};

			ck_assert_ptr_nonnull(exact);
			memset(exact, 'x', size);
			begin(opcode);
			memcpy(exact, message, length);
			store_le32(exact, (uint32_t)size);
			fuse_request_decode(&iov, 1, size & 1, MAX_BYTES, &request);
			free(exact);
		}
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("request");

	tcase_add_test(tests, test_whole);
	tcase_add_test(tests, test_cut);
	tcase_add_test(tests, test_names);
	tcase_add_test(tests, test_target);
	tcase_add_test(tests, test_payload);
	tcase_add_test(tests, test_arrays);
	tcase_add_test(tests, test_xattr);
	tcase_add_test(tests, test_init);
	tcase_add_test(tests, test_unknown);
	tcase_add_test(tests, test_wrapping_pieces);
	tcase_add_test(tests, test_all_lengths);
	return suite_run_case("fuse request", tests);
}
