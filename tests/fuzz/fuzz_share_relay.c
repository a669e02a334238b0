/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: fsserver protocol base
/*
 * A hostile server's replies and notifications, as the relay sees them before a kernel does; and
 * the bytes of a stream cut into messages. What is accepted is held against the rules once more.
 */
#include "protocol/base/bytes.h"
#include "shared-folders/fuse/check_reply.h"
#include "shared-folders/fuse/cutter.h"
#include "shared-folders/server/server.h"

#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Requests of a kernel that ask for something, by their first argument word. */
struct request {
	struct fuse_in_header header;
	uint8_t arguments[96];
};

static void expect(bool holds)
{
	if (!holds)
		abort();
}

/* Names that a kernel is given have no slash and no zero byte. */
static void walk_directory(const uint8_t *bytes, size_t length, size_t plus)
{
	while (length > 0) {
		struct fuse_dirent dirent;
		const size_t fixed = plus + offsetof(struct fuse_dirent, name);
		size_t whole;

		expect(length >= fixed);
		memcpy(&dirent, bytes + plus, offsetof(struct fuse_dirent, name));
		whole = FUSE_DIRENT_ALIGN(fixed + dirent.namelen);
		expect(dirent.namelen > 0 && dirent.namelen < 256 && whole <= length);
		expect(!memchr(bytes + fixed, '/', dirent.namelen) &&
		       !memchr(bytes + fixed, '\0', dirent.namelen));
		bytes += whole;
		length -= whole;
	}
}

static void try_reply(const struct request *request, const uint8_t *message, size_t length)
{
	struct fuse_expectation expectation;
	struct fuse_out_header header;
	const uint8_t *body = message + sizeof(header);

	if (!fuse_expect(request, sizeof(*request), &expectation) ||
	    fuse_check_reply(&expectation, true, message, length) < 0)
		return;
	memcpy(&header, message, sizeof(header));
	expect(header.len == length && header.error <= 0 && header.error > -512);
	if (header.error || expectation.opcode == FUSE_INIT)
		return;
	if (expectation.opcode == FUSE_READ)
		expect(length - sizeof(header) <= expectation.length);
	if (expectation.opcode == FUSE_READDIR)
		walk_directory(body, length - sizeof(header), 0);
	if (expectation.opcode == FUSE_READDIRPLUS)
		walk_directory(body, length - sizeof(header), sizeof(struct fuse_entry_out));
	if (expectation.opcode == FUSE_LOOKUP) {
		struct fuse_entry_out entry;

		memcpy(&entry, body, sizeof(entry));
		expect(entry.nodeid == 0 ||
		       (!S_ISCHR(entry.attr.mode) && !S_ISBLK(entry.attr.mode)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The first bytes are the request: opcode, and what it asks for. The rest is what the server says,
 * whose length and unique are set right, so that more than they are looked at. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct cutter cutter = CUTTER(sizeof(struct fuse_out_header), SERVER_MAX_MESSAGE);
	struct request request = {0};
	struct slice rest;
	uint8_t *message;
	size_t message_length;

	if (length < 26)
		return 0;
	request.header.len = sizeof(request);
	request.header.opcode = bytes[0];
	request.header.unique = 2;
	for (size_t i = 0; i < sizeof(request.arguments); i++)
		request.arguments[i] = bytes[1 + i % 25];
	rest = (struct slice){bytes + 26, length - 26};
	if (rest.length >= sizeof(struct fuse_out_header)) {
		uint8_t *copy = malloc(rest.length);

		if (!copy)
			return 0;
		memcpy(copy, rest.bytes, rest.length);
		store_le32(copy, (uint32_t)rest.length);
		store_le64(copy + offsetof(struct fuse_out_header, unique), 2);
		try_reply(&request, copy, rest.length);
		store_le64(copy + offsetof(struct fuse_out_header, unique), 0);
		fuse_check_notification(copy, rest.length);
		free(copy);
	}
	while (cutter_take(&cutter, &rest, &message, &message_length) > 0) {
		try_reply(&request, message, message_length);
		fuse_check_notification(message, message_length);
		free(message);
	}
	cutter_clear(&cutter);
	return 0;
}
