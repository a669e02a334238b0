/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fuse/check_reply.h"

#include "protocol/base/bytes.h"
#include "shared-folders/server/server.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sys/stat.h>

static uint8_t message[8192];
static size_t length;

static struct fuse_expectation asked(uint32_t opcode, uint32_t size)
{
	return (struct fuse_expectation){.unique = 2, .opcode = opcode, .length = size};
}

static void reply(int error)
{
	const struct fuse_out_header header = {.error = error, .unique = 2};

	memcpy(message, &header, sizeof(header));
	length = sizeof(header);
}

static void add(const void *bytes, size_t count)
{
	memcpy(message + length, bytes, count);
	length += count;
}

static int check(const struct fuse_expectation *expectation)
{
	store_le32(message, (uint32_t)length);
	return fuse_check_reply(expectation, true, message, length);
}

static struct fuse_entry_out entry_of(uint32_t mode)
{
	return (struct fuse_entry_out){.nodeid = 5, .attr = {.mode = mode, .size = 1}};
}

static int check_entry(uint32_t opcode, struct fuse_entry_out entry)
{
	const struct fuse_expectation expectation = asked(opcode, 0);

	reply(0);
	add(&entry, sizeof(entry));
	return check(&expectation);
}

static void add_name(const char *name, size_t name_length)
{
	const struct fuse_dirent dirent = {.ino = 1, .namelen = (uint32_t)name_length, .type = 8};
	const size_t whole = FUSE_DIRENT_SIZE(&dirent);

	memset(message + length, 0, whole);
	memcpy(message + length, &dirent, offsetof(struct fuse_dirent, name));
	memcpy(message + length + offsetof(struct fuse_dirent, name), name, name_length);
	length += whole;
}

START_TEST(a_header_has_to_fit)
{
	struct fuse_expectation expectation = asked(FUSE_FSYNC, 0);

	reply(0);
	ck_assert_int_eq(check(&expectation), 0);
	reply(-EIO);
	ck_assert_int_eq(check(&expectation), 0);
	reply(1);
	ck_assert_int_eq(check(&expectation), -EPROTO);
	reply(-512);
	ck_assert_int_eq(check(&expectation), -EPROTO);
	reply(-EIO);
	add("x", 1);
	ck_assert_int_eq(check(&expectation), -EPROTO);
	reply(0);
	add("x", 1);
	ck_assert_int_eq(check(&expectation), -EPROTO);
	reply(0);
	expectation.unique = 4;
	ck_assert_int_eq(check(&expectation), -EPROTO);
	expectation.unique = 2;
	store_le32(message, 17);
	ck_assert_int_eq(fuse_check_reply(&expectation, true, message, 16), -EPROTO);
}
END_TEST

START_TEST(a_read_gives_no_more_than_was_asked_for)
{
	const struct fuse_expectation expectation = asked(FUSE_READ, 10);

	reply(0);
	add("0123456789", 10);
	ck_assert_int_eq(check(&expectation), 0);
	add("x", 1);
	ck_assert_int_eq(check(&expectation), -EPROTO);
}
END_TEST

START_TEST(a_write_has_written_no_more_than_there_was)
{
	const struct fuse_expectation expectation = asked(FUSE_WRITE, 10);
	struct fuse_write_out written = {.size = 10};

	reply(0);
	add(&written, sizeof(written));
	ck_assert_int_eq(check(&expectation), 0);
	written.size = 11;
	reply(0);
	add(&written, sizeof(written));
	ck_assert_int_eq(check(&expectation), -EPROTO);
}
END_TEST

START_TEST(an_entry_is_a_file_of_a_harmless_kind)
{
	struct fuse_entry_out entry = entry_of(S_IFREG | 0644);

	ck_assert_int_eq(check_entry(FUSE_LOOKUP, entry), 0);
	ck_assert_int_eq(check_entry(FUSE_MKDIR, entry_of(S_IFDIR | 0755)), 0);
	ck_assert_int_eq(check_entry(FUSE_LOOKUP, entry_of(S_IFCHR | 0600)), -EPROTO);
	ck_assert_int_eq(check_entry(FUSE_LOOKUP, entry_of(S_IFBLK | 0600)), -EPROTO);
	ck_assert_int_eq(check_entry(FUSE_LOOKUP, entry_of(0644)), -EPROTO);
	entry.attr.size = UINT64_MAX;
	ck_assert_int_eq(check_entry(FUSE_LOOKUP, entry), -EPROTO);
	entry = entry_of(S_IFREG);
	entry.nodeid = FUSE_ROOT_ID;
	ck_assert_int_eq(check_entry(FUSE_LOOKUP, entry), -EPROTO);
	entry.nodeid = 0;
	ck_assert_int_eq(check_entry(FUSE_LOOKUP, entry), 0);
	ck_assert_int_eq(check_entry(FUSE_MKNOD, entry), -EPROTO);
	/* Who trusts the server takes devices. */
	entry = entry_of(S_IFCHR);
	reply(0);
	add(&entry, sizeof(entry));
	store_le32(message, (uint32_t)length);
	const struct fuse_expectation expectation = asked(FUSE_LOOKUP, 0);
	ck_assert_int_eq(fuse_check_reply(&expectation, false, message, length), 0);
}
END_TEST

static const struct {
	const char *name;
	size_t length;
	bool is_good;
} names[] = {
	{"a", 1, true},	    {".", 1, true},  {"..", 2, true}, {"a/b", 3, false},
	{"a\0b", 3, false}, {"/", 1, false}, {"", 0, false},
};

START_TEST(names_are_one_component)
{
	const struct fuse_expectation expectation = asked(FUSE_READDIR, 4096);
	const int expected = names[_i].is_good ? 0 : -EPROTO;

	reply(0);
	add_name("first", 5);
	add_name(names[_i].name, names[_i].length);
	ck_assert_int_eq(check(&expectation), expected);
}
END_TEST

START_TEST(a_directory_is_whole)
{
	const struct fuse_expectation expectation = asked(FUSE_READDIR, 4096);

	reply(0);
	add_name("first", 5);
	length--;
	ck_assert_int_eq(check(&expectation), -EPROTO);
	reply(0);
	ck_assert_int_eq(check(&expectation), 0);
}
END_TEST

START_TEST(init_gives_what_was_offered)
{
	struct fuse_expectation expectation = asked(FUSE_INIT, 0);
	struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
				     .minor = 36,
				     .flags = FUSE_ASYNC_READ,
				     .max_write = 1 << 20};

	expectation.flags = FUSE_ASYNC_READ | FUSE_MAP_ALIGNMENT;
	reply(0);
	add(&init, sizeof(init));
	ck_assert_int_eq(check(&expectation), 0);
	init.flags |= FUSE_WRITEBACK_CACHE;
	reply(0);
	add(&init, sizeof(init));
	ck_assert_int_eq(check(&expectation), -EPROTO);
	init.flags = FUSE_MAP_ALIGNMENT;
	reply(0);
	add(&init, sizeof(init));
	ck_assert_int_eq(check(&expectation), -EPROTO);
	init.flags = 0;
	init.max_write = (1 << 20) + 1;
	reply(0);
	add(&init, sizeof(init));
	ck_assert_int_eq(check(&expectation), -EPROTO);
}
END_TEST

static int notify(int code)
{
	store_le32(message, (uint32_t)length);
	store_le32(message + 4, (uint32_t)code);
	store_le64(message + 8, 0);
	return fuse_check_notification(message, length);
}

START_TEST(notifications_are_of_known_kinds)
{
	const struct fuse_notify_inval_inode_out inode = {.ino = 5};
	struct fuse_notify_inval_entry_out entry = {.parent = 1, .namelen = 1};

	reply(0);
	add(&inode, sizeof(inode));
	ck_assert_int_eq(notify(FUSE_NOTIFY_INVAL_INODE), 0);
	ck_assert_int_eq(notify(FUSE_NOTIFY_STORE), -EPROTO);
	ck_assert_int_eq(notify(FUSE_NOTIFY_RETRIEVE), -EPROTO);
	ck_assert_int_eq(notify(FUSE_NOTIFY_POLL), -EPROTO);
	reply(0);
	add(&entry, sizeof(entry));
	add("a", 2);
	ck_assert_int_eq(notify(FUSE_NOTIFY_INVAL_ENTRY), 0);
	message[length - 2] = '/';
	ck_assert_int_eq(notify(FUSE_NOTIFY_INVAL_ENTRY), -EPROTO);
	entry.namelen = UINT32_MAX;
	reply(0);
	add(&entry, sizeof(entry));
	add("a", 2);
	ck_assert_int_eq(notify(FUSE_NOTIFY_INVAL_ENTRY), -EPROTO);
}
END_TEST

static const struct {
	uint32_t kind;
	const char *paths;
	size_t length;
	bool is_good;
} changes[] = {
	{SERVER_CHANGE_CREATE, "a/b\0", 5, true},
	{SERVER_CHANGE_WRITTEN, "a\0", 3, true},
	{SERVER_CHANGE_RENAME, "a\0b", 4, true},
	{SERVER_CHANGE_ATTRIBUTES, "\0", 2, true},
	{SERVER_CHANGE_DELETE, "\0", 2, false},
	{SERVER_CHANGE_RENAME, "a\0", 3, false},
	{SERVER_CHANGE_CREATE, "a\0b", 4, false},
	{SERVER_CHANGE_CREATE, "/a\0", 4, false},
	{SERVER_CHANGE_CREATE, "a/\0", 4, false},
	{SERVER_CHANGE_CREATE, "a//b\0", 6, false},
	{SERVER_CHANGE_CREATE, "../a\0", 6, false},
	{SERVER_CHANGE_CREATE, "a/../../b\0", 11, false},
	{SERVER_CHANGE_CREATE, "a", 2, false},
	{0, "a\0", 3, false},
	{SERVER_CHANGE_WRITTEN + 1, "a\0", 3, false},
};

START_TEST(a_change_is_below_the_root)
{
	const struct server_change change = {.kind = changes[_i].kind, .id = 1};
	const int expected = changes[_i].is_good ? 0 : -EPROTO;

	reply(0);
	add(&change, sizeof(change));
	add(changes[_i].paths, changes[_i].length);
	ck_assert_int_eq(notify(SERVER_NOTIFY_CHANGE), expected);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("check_reply");

	tcase_add_test(tests, a_header_has_to_fit);
	tcase_add_test(tests, a_read_gives_no_more_than_was_asked_for);
	tcase_add_test(tests, a_write_has_written_no_more_than_there_was);
	tcase_add_test(tests, an_entry_is_a_file_of_a_harmless_kind);
	tcase_add_loop_test(tests, names_are_one_component, 0, ARRAY_SIZE(names));
	tcase_add_test(tests, a_directory_is_whole);
	tcase_add_test(tests, init_gives_what_was_offered);
	tcase_add_test(tests, notifications_are_of_known_kinds);
	tcase_add_loop_test(tests, a_change_is_below_the_root, 0, ARRAY_SIZE(changes));
	return suite_run_case("check_reply", tests);
}
