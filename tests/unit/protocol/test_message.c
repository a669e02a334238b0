/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/message.h"

#include "protocol/base/bytes.h"
#include "protocol/frame.h"
#include "tests/unit/protocol/vectors.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Any struct of message.h, large enough for all. */
union any_message {
	struct info info;
	struct exec_params exec_params;
	uint64_t words[64];
};

#define TYPE(name)                                                                                 \
	{                                                                                          \
#name, &message_##name                                                             \
	}
static const struct {
	const char *name;
	const struct message_type *type;
} types[] = {
	TYPE(info_params),
	TYPE(info),
	TYPE(info_user),
	TYPE(info_interface),
	TYPE(info_disk),
	TYPE(info_filesystem),
	TYPE(subscribe_params),
	TYPE(changed),
	TYPE(exec_params),
	TYPE(exec_started),
	TYPE(exec_signal),
	TYPE(exec_size),
	TYPE(exec_result),
	TYPE(path_params),
	TYPE(file_stat),
	TYPE(file_read_params),
	TYPE(file_write_params),
	TYPE(file_written),
	TYPE(file_symlink_params),
	TYPE(power_params),
	TYPE(time_value),
	TYPE(guest_memory_watch),
	TYPE(guest_memory_report),
	TYPE(guest_memory_reclaim),
	TYPE(guest_memory_reclaimed),
	TYPE(vm_info),
	TYPE(vm_state),
	TYPE(vm_memory),
	TYPE(vm_balloon),
	TYPE(vm_plug),
	TYPE(vm_statistics),
	TYPE(vm_counters),
	TYPE(error_info),
};

/* Which of them had a vector. */
static bool seen[ARRAY_SIZE(types)];

static const struct message_type *type_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].name, name) != 0)
			continue;
		seen[i] = true;
		return types[i].type;
	}
	ck_abort_msg("a vector of an unknown type: %s", name);
}

static void check_message(const char *line)
{
	uint8_t bytes[VECTOR_MAX], again[VECTOR_MAX];
	struct cbor_writer writer = CBOR_WRITER(again);
	union any_message message;
	char name[64];
	size_t length;
	int at;

	ck_assert_int_eq(sscanf(line, "%63s %n", name, &at), 1);
	length = vector_bytes(line + at, bytes);
	ck_assert_msg(message_decode(type_named(name), (struct slice){bytes, length}, &message) ==
			      0,
		      "not decoded: %s", line);
	message_encode(type_named(name), &message, &writer);
	ck_assert_msg(writer.length == length && memcmp(again, bytes, length) == 0,
		      "encoded otherwise: %s", line);
}

static void check_invalid(const char *line)
{
	union any_message message;
	uint8_t bytes[VECTOR_MAX];
	char name[64];
	size_t length;
	int at;

	ck_assert_int_eq(sscanf(line, "%63s %n", name, &at), 1);
	length = vector_bytes(line + at, bytes);
	ck_assert_msg(message_decode(type_named(name), (struct slice){bytes, length}, &message) ==
			      -EBADMSG,
		      "taken: %s", line);
}

static void check_frame(const char *line)
{
	unsigned int type, flags, channel, stream, length;
	uint8_t bytes[VECTOR_MAX], again[FRAME_HEADER_SIZE];
	struct frame_header header;
	int at;

	ck_assert_int_eq(
		sscanf(line, "%u %u %u %u %u %n", &type, &flags, &channel, &stream, &length, &at),
		5);
	ck_assert_uint_eq(vector_bytes(line + at, bytes), FRAME_HEADER_SIZE);
	ck_assert_int_eq(frame_header_decode(bytes, &header), 0);
	ck_assert_uint_eq(header.type, type);
	ck_assert_uint_eq(header.flags, flags);
	ck_assert_uint_eq(header.channel, channel);
	ck_assert_uint_eq(header.stream, stream);
	ck_assert_uint_eq(header.length, length);
	frame_header_encode(&header, again);
	ck_assert_mem_eq(bytes, again, sizeof(again));
}

START_TEST(golden_messages_decode_and_encode)
{
	each_vector("protocol/vectors/messages.txt", check_message);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		ck_assert_msg(seen[i], "no vector of %s", types[i].name);
}
END_TEST

START_TEST(invalid_messages_are_refused)
{
	each_vector("protocol/vectors/invalid.txt", check_invalid);
}
END_TEST

START_TEST(golden_frames_decode_and_encode)
{
	each_vector("protocol/vectors/frames.txt", check_frame);
}
END_TEST

START_TEST(a_newer_peer_may_say_more)
{
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct exec_result result;

	cbor_put_map(&writer, 2);
	cbor_put_text(&writer, SLICE_LITERAL("new"));
	cbor_put_array(&writer, 2);
	cbor_put_null(&writer);
	cbor_put_map(&writer, 0);
	cbor_put_text(&writer, SLICE_LITERAL("status"));
	cbor_put_uint(&writer, 7);
	ck_assert_int_eq(message_decode(&message_exec_result, cbor_written(&writer), &result), 0);
	ck_assert_uint_eq(result.status, 7);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("message");

	tcase_add_test(tc, golden_messages_decode_and_encode);
	tcase_add_test(tc, invalid_messages_are_refused);
	tcase_add_test(tc, golden_frames_decode_and_encode);
	tcase_add_test(tc, a_newer_peer_may_say_more);
	return suite_run_case("message", tc);
}
