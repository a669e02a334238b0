/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: protocol base
/* Any bytes as any message: what is decoded must encode, and decode to the same again. */
#include "protocol/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

union any_message {
	struct info info;
	struct exec_params exec_params;
	struct file_stat file_stat;
	struct file_write_params file_write_params;
	struct vm_memory vm_memory;
	struct guest_memory_report guest_memory_report;
};

static const struct message_type *const types[] = {
	&message_info,
	&message_info_params,
	&message_info_user,
	&message_info_disk,
	&message_info_interface,
	&message_info_filesystem,
	&message_exec_params,
	&message_exec_result,
	&message_exec_signal,
	&message_path_params,
	&message_file_stat,
	&message_file_read_params,
	&message_vm_memory,
	&message_vm_balloon,
	&message_vm_counters,
	&message_vm_info,
	&message_guest_memory_watch,
	&message_guest_memory_report,
	&message_file_write_params,
	&message_file_symlink_params,
	&message_error_info,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static uint8_t first[1 << 17], second[1 << 17];
	struct cbor_writer writer = CBOR_WRITER(first), again = CBOR_WRITER(second);
	const struct message_type *type;
	union any_message message;

	if (length < 1)
		return 0;
	type = types[bytes[0] % (sizeof(types) / sizeof(types[0]))];
	if (message_decode(type, (struct slice){bytes + 1, length - 1}, &message) < 0)
		return 0;
	message_encode(type, &message, &writer);
	if (writer.overflow)
		return 0;
	if (message_decode(type, cbor_written(&writer), &message) < 0)
		abort();
	message_encode(type, &message, &again);
	if (again.length != writer.length || memcmp(first, second, writer.length) != 0)
		abort();
	return 0;
}
