/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/relay/known.h"

#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { FOLDER = 3, FILE_NODE = 4, HANDLE = 55, OWNER = 66, NOW = 1000 };

struct request {
	struct fuse_in_header header;
	uint8_t body[512];
};

static struct known known;
static uint8_t reply[sizeof(struct fuse_out_header) + sizeof(struct fuse_entry_out)];

static void setup(void)
{
	memset(&known, 0, sizeof(known));
}

static struct request request_of(uint32_t opcode, uint64_t unique, uint64_t node, const void *body,
				 size_t size)
{
	struct request request = {.header = {.len = (uint32_t)(sizeof(request.header) + size),
					     .opcode = opcode,
					     .unique = unique,
					     .nodeid = node}};

	if (size > 0)
		memcpy(request.body, body, size);
	return request;
}

static struct request bare(uint32_t opcode, uint64_t unique, uint64_t node)
{
	return request_of(opcode, unique, node, NULL, 0);
}

static struct request lookup(uint64_t unique, const char *name)
{
	return request_of(FUSE_LOOKUP, unique, FOLDER, name, strlen(name) + 1);
}

static struct request flush(uint64_t owner)
{
	const struct fuse_flush_in in = {.fh = HANDLE, .lock_owner = owner};

	return request_of(FUSE_FLUSH, 8, FILE_NODE, &in, sizeof(in));
}

static struct request getxattr(const char *name)
{
	struct {
		struct fuse_getxattr_in in;
		char name[64];
	} body = {0};

	memcpy(body.name, name, strlen(name));
	return request_of(FUSE_GETXATTR, 8, FILE_NODE, &body, sizeof(body.in) + strlen(name) + 1);
}

static uint64_t asked(struct request request, size_t changing)
{
	return known_asked(&known, &request, request.header.len, changing);
}

static size_t answer_at(struct request request, uint64_t now_ms)
{
	return known_answer(&known, &request, request.header.len, now_ms, reply);
}

static size_t answer(struct request request)
{
	return answer_at(request, NOW);
}

static struct fuse_out_header answered(struct request request)
{
	struct fuse_out_header header;

	ck_assert_uint_ge(answer(request), sizeof(header));
	memcpy(&header, reply, sizeof(header));
	ck_assert_uint_eq(header.unique, request.header.unique);
	return header;
}

/* The folder has attributes, said behind the reply to request @unique. */
static void tell_folder(uint64_t unique)
{
	const struct fuse_ahead ahead = {.unique = unique,
					 .flags = FUSE_AHEAD_ATTRIBUTES | FUSE_AHEAD_NEW |
						  FUSE_AHEAD_QUIET,
					 .node = FOLDER,
					 .file = FILE_NODE,
					 .handle = HANDLE,
					 .attributes.attr.size = 789};

	known_told(&known, &ahead, NOW);
}

static void create_alone(void)
{
	asked(bare(FUSE_CREATE, 6, FOLDER), 0);
	tell_folder(6);
}

START_TEST(attributes_that_came_ahead_are_the_answer)
{
	struct fuse_attr_out out;

	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 8, FOLDER)), 0);
	create_alone();
	ck_assert_uint_eq(answered(bare(FUSE_GETATTR, 8, FOLDER)).error, 0);
	memcpy(&out, reply + sizeof(struct fuse_out_header), sizeof(out));
	ck_assert_uint_eq(out.attr.size, 789);
	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 8, FILE_NODE)), 0);
	ck_assert_uint_ne(answer_at(bare(FUSE_GETATTR, 8, FOLDER), NOW + KNOWN_MS), 0);
	ck_assert_uint_eq(answer_at(bare(FUSE_GETATTR, 8, FOLDER), NOW + KNOWN_MS + 1), 0);
}
END_TEST

START_TEST(not_if_something_else_was_under_way)
{
	asked(bare(FUSE_CREATE, 6, FOLDER), 1);
	tell_folder(6);
	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 8, FOLDER)), 0);
	asked(bare(FUSE_CREATE, 10, FOLDER), 0);
	asked(bare(FUSE_WRITE, 12, FILE_NODE), 1);
	tell_folder(10);
	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 14, FOLDER)), 0);
}
END_TEST

START_TEST(not_after_a_change_of_the_same)
{
	create_alone();
	asked(bare(FUSE_WRITE, 10, FILE_NODE), 0);
	ck_assert_uint_ne(answer(bare(FUSE_GETATTR, 12, FOLDER)), 0);
	asked(bare(FUSE_SETATTR, 14, FOLDER), 0);
	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 16, FOLDER)), 0);
	create_alone();
	asked(bare(FUSE_UNLINK, 18, FILE_NODE), 0);
	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 20, FOLDER)), 0);
	/* Of the change before it. */
	tell_folder(6);
	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 22, FOLDER)), 0);
}
END_TEST

START_TEST(not_after_somebody_else_may_have_changed_it)
{
	create_alone();
	known_doubt(&known);
	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 8, FOLDER)), 0);
	asked(bare(FUSE_CREATE, 10, FOLDER), 0);
	known_doubt(&known);
	tell_folder(10);
	ck_assert_uint_eq(answer(bare(FUSE_GETATTR, 12, FOLDER)), 0);
}
END_TEST

/* The server's reply to a LOOKUP. */
static void replied(struct request request, uint64_t turn, uint64_t node, uint64_t valid)
{
	struct {
		struct fuse_out_header header;
		struct fuse_entry_out entry;
	} out = {.header = {.len = sizeof(out), .unique = request.header.unique},
		 .entry = {.nodeid = node, .entry_valid = valid}};

	known_replied(&known, &request, request.header.len, turn, &out, sizeof(out), NOW);
}

START_TEST(what_is_not_there_is_asked_once)
{
	struct request other = lookup(10, "name");
	struct fuse_entry_out out;

	replied(lookup(6, "name"), asked(lookup(6, "name"), 0), 0, 10);
	ck_assert_int_eq(answered(lookup(8, "name")).error, 0);
	memcpy(&out, reply + sizeof(struct fuse_out_header), sizeof(out));
	ck_assert_uint_eq(out.nodeid, 0);
	ck_assert_uint_eq(out.entry_valid, 9);
	ck_assert_uint_eq(answer(lookup(8, "nam")), 0);
	ck_assert_uint_eq(answer_at(lookup(8, "name"), NOW + KNOWN_MS + 1), 0);
	other.header.uid = 1;
	ck_assert_uint_eq(answer(other), 0);
	asked(bare(FUSE_CREATE, 12, FOLDER), 0);
	ck_assert_uint_eq(answer(lookup(14, "name")), 0);
}
END_TEST

START_TEST(an_absence_that_is_in_doubt_is_asked_for)
{
	uint64_t turn;

	replied(lookup(2, "there"), asked(lookup(2, "there"), 0), 7, 10);
	ck_assert_uint_eq(answer(lookup(4, "there")), 0);
	replied(lookup(6, "name"), asked(lookup(6, "name"), 0), 0, 0);
	ck_assert_uint_eq(answer(lookup(8, "name")), 0);
	/* What was created while the answer was on its way. */
	turn = asked(lookup(10, "name"), 0);
	asked(bare(FUSE_CREATE, 12, FOLDER), 0);
	replied(lookup(10, "name"), turn, 0, 10);
	ck_assert_uint_eq(answer(lookup(14, "name")), 0);
	/* Or before it was asked for, and is not done yet. */
	replied(lookup(16, "name"), asked(lookup(16, "name"), 1), 0, 10);
	ck_assert_uint_eq(answer(lookup(18, "name")), 0);
	/* Or on the other side. */
	turn = asked(lookup(20, "name"), 0);
	known_doubt(&known);
	replied(lookup(20, "name"), turn, 0, 10);
	ck_assert_uint_eq(answer(lookup(22, "name")), 0);
	/* A name without end, and one too long. */
	memset(known.absences, 0, sizeof(known.absences));
	ck_assert_uint_eq(answer(request_of(FUSE_LOOKUP, 24, FOLDER, "name", 4)), 0);
}
END_TEST

START_TEST(a_new_file_has_no_capability)
{
	const struct fuse_out_header none = {.len = sizeof(none), .error = -ENODATA, .unique = 2};
	struct request request = getxattr("security.capability");

	create_alone();
	/* A server that knows of no attributes has yet to say so. */
	ck_assert_uint_eq(answer(request), 0);
	known_replied(&known, &request, request.header.len, 0, &none, sizeof(none), NOW);
	ck_assert_int_eq(answered(request).error, -ENODATA);
	ck_assert_uint_eq(answer(getxattr("security.selinux")), 0);
	ck_assert_uint_eq(answer_at(request, NOW + KNOWN_MS + 1), 0);
	asked(bare(FUSE_WRITE, 10, FILE_NODE), 0);
	ck_assert_int_eq(answered(request).error, -ENODATA);
	asked(bare(FUSE_SETXATTR, 12, FILE_NODE), 0);
	ck_assert_uint_eq(answer(request), 0);
}
END_TEST

START_TEST(a_quiet_close_is_told_to_nobody)
{
	const struct fuse_release_in release = {.fh = HANDLE};

	ck_assert_uint_eq(answer(flush(OWNER)), 0);
	create_alone();
	ck_assert_int_eq(answered(flush(OWNER)).error, 0);
	asked(request_of(FUSE_RELEASE, 10, FILE_NODE, &release, sizeof(release)), 0);
	ck_assert_uint_eq(answer(flush(OWNER)), 0);
}
END_TEST

START_TEST(who_may_have_locks_is_heard_when_closing)
{
	struct fuse_lk_in lock = {.fh = HANDLE, .owner = OWNER, .lk_flags = FUSE_LK_FLOCK};

	create_alone();
	asked(request_of(FUSE_SETLK, 10, FILE_NODE, &lock, sizeof(lock)), 0);
	ck_assert_uint_ne(answer(flush(OWNER)), 0);
	lock.lk_flags = 0;
	asked(request_of(FUSE_SETLKW, 12, FILE_NODE, &lock, sizeof(lock)), 0);
	ck_assert_uint_eq(answer(flush(OWNER)), 0);
	ck_assert_uint_ne(answer(flush(OWNER + 1)), 0);
	known_doubt(&known);
	ck_assert_uint_eq(answer(flush(OWNER)), 0);
	known_forget(&known);
	ck_assert_uint_eq(answer(flush(OWNER + 1)), 0);
}
END_TEST

START_TEST(short_requests_are_no_questions)
{
	struct request request;

	create_alone();
	request = request_of(FUSE_FLUSH, 8, FILE_NODE, "", 1);
	ck_assert_uint_eq(answer(request), 0);
	ck_assert_uint_eq(known_answer(&known, &request, 3, NOW, reply), 0);
	ck_assert_uint_eq(known_asked(&known, &request, 3, 0), 0);
	ck_assert_int_eq(known_effect(&request, 3), KNOWN_ANYTHING);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("known");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, attributes_that_came_ahead_are_the_answer);
	tcase_add_test(tests, not_if_something_else_was_under_way);
	tcase_add_test(tests, not_after_a_change_of_the_same);
	tcase_add_test(tests, not_after_somebody_else_may_have_changed_it);
	tcase_add_test(tests, what_is_not_there_is_asked_once);
	tcase_add_test(tests, an_absence_that_is_in_doubt_is_asked_for);
	tcase_add_test(tests, a_new_file_has_no_capability);
	tcase_add_test(tests, a_quiet_close_is_told_to_nobody);
	tcase_add_test(tests, who_may_have_locks_is_heard_when_closing);
	tcase_add_test(tests, short_requests_are_no_questions);
	return suite_run_case("known", tests);
}
