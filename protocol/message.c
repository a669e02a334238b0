/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/message.h"

#include "protocol/base/bytes.h"
#include "protocol/message_table.h"

#include <errno.h>
#include <string.h>

/* --- Tables, in the order of lodge.cddl ----------------------------------------------------- */

/* clang-format off */
MESSAGE(info_params, ITEMS(info_params, what));
MESSAGE(info,
	TEXT(info, os_id), TEXT(info, os_name), TEXT(info, os_version), TEXT(info, os_pretty),
	TEXT(info, kernel), TEXT(info, architecture), TEXT(info, hostname),
	TEXT(info, machine_id), TEXT(info, boot_id), TEXT(info, agent),
	UINT(info, uptime_ms, ANY), UINT(info, realtime_ns, ANY), UINT(info, processors, ANY),
	ITEMS(info, users), ITEMS(info, network), ITEMS(info, disks), ITEMS(info, filesystems),
	UINT(info, memory_total_bytes, ANY), UINT(info, memory_available_bytes, ANY),
	UINT(info, memory_free_bytes, ANY), UINT(info, memory_cached_bytes, ANY),
	UINT(info, swap_total_bytes, ANY), UINT(info, swap_free_bytes, ANY),
	UINT(info, load_1_milli, ANY), UINT(info, load_5_milli, ANY),
	UINT(info, load_15_milli, ANY));
MESSAGE(info_user, NEED_TEXT(info_user, name), TEXT(info_user, terminal), TEXT(info_user, from),
	UINT(info_user, since_ns, ANY));
MESSAGE(info_interface, NEED_TEXT(info_interface, name), TEXT(info_interface, mac),
	TEXT(info_interface, state), ITEMS(info_interface, addresses));
MESSAGE(info_disk, NEED_TEXT(info_disk, name), TEXT(info_disk, model), TEXT(info_disk, serial),
	UINT(info_disk, size_bytes, ANY), BOOLEAN(info_disk, read_only));
MESSAGE(info_filesystem, TEXT(info_filesystem, source), NEED_TEXT(info_filesystem, mount_point),
	TEXT(info_filesystem, type), UINT(info_filesystem, size_bytes, ANY),
	UINT(info_filesystem, used_bytes, ANY), UINT(info_filesystem, available_bytes, ANY),
	BOOLEAN(info_filesystem, read_only));
MESSAGE(subscribe_params, ITEMS(subscribe_params, what));
MESSAGE(changed, ITEMS(changed, what));
MESSAGE(exec_params, ITEMS(exec_params, argv), ITEMS(exec_params, environment),
	PATH(exec_params, directory), TEXT(exec_params, user), BOOLEAN(exec_params, stdin_open),
	BOOLEAN(exec_params, terminal), BOOLEAN(exec_params, shell),
	UINT(exec_params, rows, 65535), UINT(exec_params, columns, 65535), TEXT(exec_params, term));
MESSAGE(exec_started, NEED_UINT(exec_started, pid, INT32_MAX));
MESSAGE(exec_signal, NEED_UINT(exec_signal, number, 64));
MESSAGE(exec_size, UINT(exec_size, rows, 65535), UINT(exec_size, columns, 65535));
MESSAGE(exec_result, UINT(exec_result, status, 255), UINT(exec_result, signal, 64));
MESSAGE(path_params, NEED_PATH(path_params, path), BOOLEAN(path_params, follow));
MESSAGE(file_stat, PATH(file_stat, name), NEED_UINT(file_stat, mode, 0177777),
	UINT(file_stat, size_bytes, INT64_MAX), INT(file_stat, mtime_ns),
	UINT(file_stat, uid, UINT32_MAX), UINT(file_stat, gid, UINT32_MAX),
	UINT(file_stat, device, ANY), UINT(file_stat, inode, ANY), PATH(file_stat, target));
MESSAGE(file_read_params, NEED_PATH(file_read_params, path),
	UINT(file_read_params, offset, INT64_MAX), UINT(file_read_params, length_bytes, INT64_MAX));
MESSAGE(file_write_params, NEED_PATH(file_write_params, path),
	UINT(file_write_params, mode, 07777), BOOLEAN(file_write_params, set_mode),
	BOOLEAN(file_write_params, set_mtime),
	INT(file_write_params, mtime_ns), BOOLEAN(file_write_params, set_owner),
	UINT(file_write_params, uid, UINT32_MAX), UINT(file_write_params, gid, UINT32_MAX),
	BOOLEAN(file_write_params, exclusive), BOOLEAN(file_write_params, sync));
MESSAGE(file_written, UINT(file_written, size_bytes, INT64_MAX));
MESSAGE(file_symlink_params, NEED_PATH(file_symlink_params, path),
	NEED_PATH(file_symlink_params, target), BOOLEAN(file_symlink_params, set_mtime),
	INT(file_symlink_params, mtime_ns));
MESSAGE(power_params, NEED_TEXT(power_params, action));
MESSAGE(time_value, NEED_UINT(time_value, realtime_ns, INT64_MAX));
MESSAGE(guest_memory_watch, UINT(guest_memory_watch, period_ms, 60000),
	UINT(guest_memory_watch, idle_ms, 600000), UINT(guest_memory_watch, low_bytes, ANY));
MESSAGE(guest_memory_report, UINT(guest_memory_report, at_ms, ANY),
	UINT(guest_memory_report, period_ms, 600000), TEXT(guest_memory_report, cause),
	NEED_UINT(guest_memory_report, total_bytes, ANY), UINT(guest_memory_report, free_bytes, ANY),
	UINT(guest_memory_report, available_bytes, ANY), UINT(guest_memory_report, balloon_bytes, ANY), UINT(guest_memory_report, cached_bytes, ANY),
	UINT(guest_memory_report, working_set_bytes, ANY), UINT(guest_memory_report, idle_bytes, ANY),
	UINT(guest_memory_report, swap_total_bytes, ANY),
	UINT(guest_memory_report, swap_free_bytes, ANY),
	UINT(guest_memory_report, refaulted_anonymous_bytes, ANY),
	UINT(guest_memory_report, refaulted_file_bytes, ANY),
	UINT(guest_memory_report, swapped_in_bytes, ANY),
	UINT(guest_memory_report, swapped_out_bytes, ANY),
	UINT(guest_memory_report, scanned_directly_bytes, ANY),
	UINT(guest_memory_report, oom_kills, ANY), BOOLEAN(guest_memory_report, pressure),
	BOOLEAN(guest_memory_report, trigger), UINT(guest_memory_report, some_us, ANY),
	UINT(guest_memory_report, full_us, ANY), TEXT(guest_memory_report, reclaim),
	BOOLEAN(guest_memory_report, online));
MESSAGE(guest_memory_reclaim, NEED_UINT(guest_memory_reclaim, bytes, ANY));
MESSAGE(guest_memory_reclaimed, NEED_UINT(guest_memory_reclaimed, bytes, ANY),
	TEXT(guest_memory_reclaimed, by));

MESSAGE(vm_info, TEXT(vm_info, name), NEED_TEXT(vm_info, state), UINT(vm_info, pid, INT32_MAX),
	UINT(vm_info, processors, ANY), UINT(vm_info, memory_bytes, ANY),
	UINT(vm_info, restarts, ANY), TEXT(vm_info, boot), ITEMS(vm_info, devices),
	BOOLEAN(vm_info, sandboxed));
MESSAGE(vm_state, NEED_TEXT(vm_state, state), TEXT(vm_state, reason));
MESSAGE(vm_memory, BOOLEAN(vm_memory, balloon), NEED_UINT(vm_memory, maximum_bytes, ANY),
	UINT(vm_memory, resident_bytes, ANY), UINT(vm_memory, start_bytes, ANY),
	UINT(vm_memory, ram_bytes, ANY), BOOLEAN(vm_memory, plug),
	BOOLEAN(vm_memory, plug_driver), UINT(vm_memory, requested_bytes, ANY),
	UINT(vm_memory, target_bytes, ANY),
	UINT(vm_memory, actual_bytes, ANY), UINT(vm_memory, balloon_bytes, ANY),
	UINT(vm_memory, reported_bytes, ANY), BOOLEAN(vm_memory, driver),
	BOOLEAN(vm_memory, deflate_on_oom), BOOLEAN(vm_memory, reporting),
	UINT(vm_memory, period_ms, ANY), UINT(vm_memory, age_ms, ANY),
	UINT(vm_memory, tags, ANY), UINT(vm_memory, swap_in_bytes, ANY),
	UINT(vm_memory, swap_out_bytes, ANY), UINT(vm_memory, major_faults, ANY),
	UINT(vm_memory, minor_faults, ANY), UINT(vm_memory, free_bytes, ANY),
	UINT(vm_memory, total_bytes, ANY), UINT(vm_memory, available_bytes, ANY),
	UINT(vm_memory, caches_bytes, ANY), UINT(vm_memory, huge_allocations, ANY),
	UINT(vm_memory, huge_failures, ANY), UINT(vm_memory, oom_kills, ANY),
	UINT(vm_memory, stalls, ANY), UINT(vm_memory, scanned_bytes, ANY),
	UINT(vm_memory, scanned_directly_bytes, ANY), UINT(vm_memory, reclaimed_bytes, ANY),
	UINT(vm_memory, reclaimed_directly_bytes, ANY));
MESSAGE(vm_balloon, NEED_UINT(vm_balloon, target_bytes, ANY));
MESSAGE(vm_plug, NEED_UINT(vm_plug, ram_bytes, ANY));
MESSAGE(vm_statistics, NEED_UINT(vm_statistics, period_ms, UINT32_MAX));
MESSAGE(vm_counters, NEED_UINT(vm_counters, cpu_ns, ANY),
	UINT(vm_counters, disk_read_bytes, ANY), UINT(vm_counters, disk_written_bytes, ANY),
	UINT(vm_counters, disk_reads, ANY), UINT(vm_counters, disk_writes, ANY),
	UINT(vm_counters, network_received_bytes, ANY), UINT(vm_counters, network_sent_bytes, ANY),
	UINT(vm_counters, network_received_frames, ANY),
	UINT(vm_counters, network_sent_frames, ANY));
MESSAGE(error_info, NEED_UINT(error_info, number, 4095), TEXT(error_info, text));
/* clang-format on */

/* --- Decoding ------------------------------------------------------------------------------- */

#define FIELD_AT(message, field, type) ((type *)((char *)(message) + (field)->offset))

static size_t field_size(enum message_field_kind kind)
{
	switch (kind) {
	case FIELD_BOOL:
		return sizeof(bool);
	case FIELD_UINT:
	case FIELD_INT:
		return sizeof(uint64_t);
	default:
		return sizeof(struct slice);
	}
}

static const struct message_field *find_field(const struct message_type *type, struct slice name,
					      size_t *index)
{
	for (size_t i = 0; i < type->count; i++) {
		if (slice_is(name, type->fields[i].name)) {
			*index = i;
			return &type->fields[i];
		}
	}
	return NULL;
}

static struct slice get_items(struct cbor_reader *reader, uint64_t max)
{
	struct slice items = cbor_get_raw(reader);
	struct cbor_reader inner = CBOR_READER(items);

	if (cbor_get_array(&inner) > max || inner.error) {
		reader->error = -EBADMSG;
		return (struct slice){NULL, 0};
	}
	return items;
}

/* One field's value. false: not what the table says. */
static bool get_field(const struct message_field *field, struct cbor_reader *reader, void *message)
{
	struct slice *slice = FIELD_AT(message, field, struct slice);
	uint64_t number;

	switch (field->kind) {
	case FIELD_BOOL:
		*FIELD_AT(message, field, bool) = cbor_get_bool(reader);
		return !reader->error;
	case FIELD_UINT:
		number = cbor_get_uint(reader);
		*FIELD_AT(message, field, uint64_t) = number;
		return !reader->error && number <= field->max;
	case FIELD_INT:
		*FIELD_AT(message, field, int64_t) = cbor_get_int(reader);
		return !reader->error;
	case FIELD_TEXT:
		*slice = cbor_get_text(reader);
		break;
	case FIELD_BYTES:
		*slice = cbor_get_bytes(reader);
		if (slice->length == 0 || memchr(slice->bytes, '\0', slice->length))
			return false;
		break;
	case FIELD_DATA:
		*slice = cbor_get_bytes(reader);
		break;
	case FIELD_ITEMS:
		*slice = get_items(reader, field->max);
		return !reader->error;
	}
	return !reader->error && slice->length <= field->max;
}

static void clear(const struct message_type *type, void *message)
{
	for (size_t i = 0; i < type->count; i++)
		memset((char *)message + type->fields[i].offset, 0,
		       field_size(type->fields[i].kind));
}

static int decode_map(const struct message_type *type, struct cbor_reader *reader, void *message)
{
	uint64_t seen = 0;

	clear(type, message);
	for (uint64_t pairs = cbor_get_map(reader); pairs > 0; pairs--) {
		struct slice name = cbor_get_text(reader);
		const struct message_field *field;
		size_t index;

		if (reader->error)
			return -EBADMSG;
		field = find_field(type, name, &index);
		if (!field) {
			cbor_skip(reader);
			continue;
		}
		if (seen & 1ULL << index || !get_field(field, reader, message))
			return -EBADMSG;
		seen |= 1ULL << index;
	}
	for (size_t i = 0; i < type->count; i++) {
		if (type->fields[i].flags & FIELD_REQUIRED && !(seen & 1ULL << i))
			return -EBADMSG;
	}
	return reader->error ? -EBADMSG : 0;
}

int message_decode(const struct message_type *type, struct slice params, void *message)
{
	static const uint8_t empty_map[] = {0xa0};
	struct cbor_reader reader;
	int r;

	if (params.length == 0)
		params = (struct slice){empty_map, sizeof(empty_map)};
	reader = CBOR_READER(params);
	r = decode_map(type, &reader, message);
	if (r == 0)
		r = cbor_finish(&reader);
	if (r < 0)
		clear(type, message);
	return r;
}

int message_items_begin(struct cbor_reader *reader, uint64_t *count)
{
	*count = 0;
	if (reader->length == 0)
		return 0;
	*count = cbor_get_array(reader);
	return reader->error;
}

int message_items_next(struct cbor_reader *reader, uint64_t *left, const struct message_type *type,
		       void *message)
{
	int r;

	if (*left == 0)
		return 0;
	r = decode_map(type, reader, message);
	if (r < 0)
		return r;
	(*left)--;
	return 1;
}

/* --- Encoding ------------------------------------------------------------------------------- */

static bool is_absent(const struct message_field *field, const void *message)
{
	if (field->flags & FIELD_REQUIRED)
		return false;
	switch (field->kind) {
	case FIELD_BOOL:
		return !*FIELD_AT(message, field, const bool);
	case FIELD_UINT:
	case FIELD_INT:
		return *FIELD_AT(message, field, const uint64_t) == 0;
	default:
		return FIELD_AT(message, field, const struct slice)->length == 0;
	}
}

void message_encode(const struct message_type *type, const void *message,
		    struct cbor_writer *writer)
{
	uint64_t pairs = 0;

	for (size_t i = 0; i < type->count; i++)
		pairs += !is_absent(&type->fields[i], message);
	cbor_put_map(writer, pairs);
	for (size_t i = 0; i < type->count; i++) {
		const struct message_field *field = &type->fields[i];

		if (is_absent(field, message))
			continue;
		cbor_put_text(writer, slice_of(field->name));
		switch (field->kind) {
		case FIELD_BOOL:
			cbor_put_bool(writer, *FIELD_AT(message, field, const bool));
			break;
		case FIELD_UINT:
			cbor_put_uint(writer, *FIELD_AT(message, field, const uint64_t));
			break;
		case FIELD_INT:
			cbor_put_int(writer, *FIELD_AT(message, field, const int64_t));
			break;
		case FIELD_TEXT:
			cbor_put_text(writer, *FIELD_AT(message, field, const struct slice));
			break;
		case FIELD_BYTES:
		case FIELD_DATA:
			cbor_put_bytes(writer, *FIELD_AT(message, field, const struct slice));
			break;
		case FIELD_ITEMS:
			cbor_put_raw(writer, *FIELD_AT(message, field, const struct slice));
			break;
		}
	}
}
