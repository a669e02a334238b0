/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fuse/check_reply.h"

#include "protocol/base/bytes.h"
#include "protocol/share.h"
#include "shared-folders/fuse/opcode.h"
#include "shared-folders/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>

/* The kernel takes no larger error (its own are from 512 on). */
#define ERROR_MAX 511
#define SECOND_NS 1000000000U
#define PAGE	  4096U

/* INIT's flags that are of no use without shared memory, or that we know nothing of. */
#define FLAGS_NEVER ((uint64_t)FUSE_MAP_ALIGNMENT | FUSE_HAS_INODE_DAX)
#define FLAGS_KNOWN ((((uint64_t)FUSE_HAS_EXPIRE_ONLY << 1) - 1) & ~(1ULL << 31) & ~FLAGS_NEVER)

#define FOPEN_KNOWN                                                                                \
	(FOPEN_DIRECT_IO | FOPEN_KEEP_CACHE | FOPEN_NONSEEKABLE | FOPEN_CACHE_DIR | FOPEN_STREAM | \
	 FOPEN_NOFLUSH | FOPEN_PARALLEL_DIRECT_WRITES)

uint64_t fuse_init_flags(uint64_t of_kernel)
{
	return of_kernel & FLAGS_KNOWN;
}

/* A fixed argument; 0 if the request is too short for it. */
static uint32_t argument32(const uint8_t *request, size_t length, size_t offset)
{
	offset += sizeof(struct fuse_in_header);
	return length >= offset + 4 ? load_le32(request + offset) : 0;
}

static uint64_t offered(const uint8_t *request, size_t length)
{
	const uint64_t low = argument32(request, length, offsetof(struct fuse_init_in, flags));
	const uint64_t high = argument32(request, length, offsetof(struct fuse_init_in, flags2));

	return low | high << 32;
}

bool fuse_expect(const void *bytes, size_t length, struct fuse_expectation *expectation)
{
	const uint8_t *request = bytes;
	const struct fuse_opcode_info *info;
	struct fuse_in_header header;

	memcpy(&header, request, sizeof(header));
	*expectation = (struct fuse_expectation){.unique = header.unique, .opcode = header.opcode};
	info = fuse_opcode(header.opcode);
	if ((info && info->reply == FUSE_REPLY_NEVER) || header.opcode == SHARE_OP_ECHO)
		return false;
	switch (header.opcode) {
	case FUSE_READ:
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		expectation->length =
			argument32(request, length, offsetof(struct fuse_read_in, size));
		break;
	case FUSE_WRITE:
		expectation->length =
			argument32(request, length, offsetof(struct fuse_write_in, size));
		break;
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
		expectation->length =
			argument32(request, length, offsetof(struct fuse_getxattr_in, size));
		break;
	case FUSE_IOCTL:
		expectation->length =
			argument32(request, length, offsetof(struct fuse_ioctl_in, out_size));
		break;
	case FUSE_COPY_FILE_RANGE:
		/* It has 64 bits; what is written is told in 32. */
		expectation->length =
			argument32(request, length, offsetof(struct fuse_copy_file_range_in, len));
		if (argument32(request, length, offsetof(struct fuse_copy_file_range_in, len) + 4) >
		    0)
			expectation->length = UINT32_MAX;
		break;
	case FUSE_INIT:
		expectation->flags = offered(request, length);
		break;
	default:
		break;
	}
	return true;
}

/* --- Pieces of replies ---------------------------------------------------------------------- */

static bool mode_is_good(uint32_t mode, bool hostile)
{
	if (mode > (S_IFMT | 07777))
		return false;
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	case S_IFCHR:
	case S_IFBLK:
		return !hostile;
	default:
		return false;
	}
}

static bool attributes_are_good(const struct fuse_attr *attr, bool hostile)
{
	return mode_is_good(attr->mode, hostile) && attr->size <= INT64_MAX &&
	       attr->atimensec < SECOND_NS && attr->mtimensec < SECOND_NS &&
	       attr->ctimensec < SECOND_NS && !(attr->flags & ~(uint32_t)FUSE_ATTR_SUBMOUNT);
}

/* @may_be_none: nodeid 0 is "there is no such file". */
static bool entry_is_good(const uint8_t *bytes, bool may_be_none, bool hostile)
{
	struct fuse_entry_out entry;

	memcpy(&entry, bytes, sizeof(entry));
	if (entry.nodeid == 0)
		return may_be_none;
	return entry.nodeid != FUSE_ROOT_ID && attributes_are_good(&entry.attr, hostile);
}

static bool open_is_good(const uint8_t *bytes)
{
	struct fuse_open_out open;

	memcpy(&open, bytes, sizeof(open));
	return !(open.open_flags & ~(uint32_t)FOPEN_KNOWN);
}

/* One component of a path; "." and ".." are in directories, and nowhere else. */
static bool name_is_good(const uint8_t *name, size_t length, bool may_be_dots)
{
	if (length == 0 || length > FUSE_NAME_MAX_BYTES || memchr(name, '/', length) ||
	    memchr(name, '\0', length))
		return false;
	return may_be_dots || !((length == 1 && name[0] == '.') ||
				(length == 2 && name[0] == '.' && name[1] == '.'));
}

/* @plus: bytes before each name; 0 or those of an entry. */
static bool directory_is_good(const uint8_t *bytes, size_t length, size_t plus, bool hostile)
{
	while (length > 0) {
		struct fuse_dirent dirent;
		const uint8_t *name = bytes + plus + offsetof(struct fuse_dirent, name);
		size_t whole;

		if (length < plus + offsetof(struct fuse_dirent, name))
			return false;
		memcpy(&dirent, bytes + plus, offsetof(struct fuse_dirent, name));
		if (dirent.namelen > FUSE_NAME_MAX_BYTES)
			return false;
		whole = FUSE_DIRENT_ALIGN(plus + offsetof(struct fuse_dirent, name) +
					  dirent.namelen);
		if (whole > length || !name_is_good(name, dirent.namelen, true) || dirent.type > 15)
			return false;
		if (plus > 0 && !entry_is_good(bytes, true, hostile))
			return false;
		bytes += whole;
		length -= whole;
	}
	return true;
}

/* Each ended by a zero byte, none empty. */
static bool list_is_good(const uint8_t *bytes, size_t length)
{
	if (length > 0 && (bytes[0] == '\0' || bytes[length - 1] != '\0'))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!bytes[i] && !bytes[i - 1])
			return false;
	}
	return true;
}

static bool init_is_good(const struct fuse_expectation *expectation, const uint8_t *bytes,
			 size_t length)
{
	struct fuse_init_out init;
	uint64_t flags;

	if (length != sizeof(init))
		return false;
	memcpy(&init, bytes, sizeof(init));
	flags = init.flags | (uint64_t)init.flags2 << 32;
	return init.major == FUSE_KERNEL_VERSION && init.minor >= 31 &&
	       !(flags & ~fuse_init_flags(expectation->flags)) && init.max_write >= PAGE &&
	       init.max_write <= SERVER_MAX_PAYLOAD &&
	       init.max_pages <= SERVER_MAX_PAYLOAD / PAGE && init.time_gran <= SECOND_NS;
}

static bool lock_is_good(const uint8_t *bytes)
{
	struct fuse_lk_out lock;

	memcpy(&lock, bytes, sizeof(lock));
	return (lock.lk.type == F_RDLCK || lock.lk.type == F_WRLCK || lock.lk.type == F_UNLCK) &&
	       lock.lk.start <= lock.lk.end && lock.lk.pid <= INT32_MAX;
}

static bool statfs_is_good(const uint8_t *bytes)
{
	struct fuse_statfs_out statfs;

	memcpy(&statfs, bytes, sizeof(statfs));
	return statfs.st.bsize > 0 && statfs.st.bsize <= INT32_MAX && statfs.st.frsize <= INT32_MAX;
}

static bool attr_is_good(const uint8_t *bytes, bool hostile)
{
	struct fuse_attr_out attr;

	memcpy(&attr, bytes, sizeof(attr));
	return attributes_are_good(&attr.attr, hostile);
}

static bool written_is_good(const uint8_t *bytes, uint64_t max)
{
	struct fuse_write_out written;

	memcpy(&written, bytes, sizeof(written));
	return written.size <= max;
}

static bool offset_is_good(const uint8_t *bytes)
{
	struct fuse_lseek_out seek;

	memcpy(&seek, bytes, sizeof(seek));
	return seek.offset <= INT64_MAX;
}

/* No second round, with memory that the server chooses. */
static bool ioctl_is_good(const uint8_t *bytes)
{
	struct fuse_ioctl_out ioctl;

	memcpy(&ioctl, bytes, sizeof(ioctl));
	return !ioctl.flags && !ioctl.in_iovs && !ioctl.out_iovs;
}

static bool body_is_good(const struct fuse_expectation *expectation, bool hostile,
			 const uint8_t *body, size_t length)
{
	switch (expectation->opcode) {
	case FUSE_LOOKUP:
		return entry_is_good(body, true, hostile);
	case FUSE_SYMLINK:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_LINK:
		return entry_is_good(body, false, hostile);
	case FUSE_CREATE:
	case FUSE_TMPFILE:
		return entry_is_good(body, false, hostile) &&
		       open_is_good(body + sizeof(struct fuse_entry_out));
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		return attr_is_good(body, hostile);
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return open_is_good(body);
	case FUSE_READDIR:
		return directory_is_good(body, length, 0, hostile);
	case FUSE_READDIRPLUS:
		return directory_is_good(body, length, sizeof(struct fuse_entry_out), hostile);
	case FUSE_LISTXATTR:
		return expectation->length == 0 || list_is_good(body, length);
	case FUSE_READLINK:
		return length > 0 && !memchr(body, '\0', length);
	case FUSE_WRITE:
	case FUSE_COPY_FILE_RANGE:
		return written_is_good(body, expectation->length);
	case FUSE_LSEEK:
		return offset_is_good(body);
	case FUSE_GETLK:
		return lock_is_good(body);
	case FUSE_IOCTL:
		return ioctl_is_good(body);
	case FUSE_STATFS:
		return statfs_is_good(body);
	default:
		return true;
	}
}

/* What we have no use for can be answered by an error alone. */
static bool length_is_good(const struct fuse_expectation *expectation, size_t length)
{
	const struct fuse_opcode_info *info = fuse_opcode(expectation->opcode);

	if (!info || expectation->opcode == FUSE_POLL || expectation->opcode == FUSE_BMAP ||
	    expectation->opcode == FUSE_SETUPMAPPING || expectation->opcode == FUSE_REMOVEMAPPING)
		return false;
	if (expectation->opcode == FUSE_IOCTL)
		return length >= sizeof(struct fuse_ioctl_out) &&
		       length - sizeof(struct fuse_ioctl_out) <= expectation->length;
	switch (info->reply) {
	case FUSE_REPLY_FIXED:
		return length == info->reply_bytes;
	case FUSE_REPLY_DATA:
		return length <= expectation->length;
	case FUSE_REPLY_XATTR:
		return expectation->length == 0 ? length == sizeof(struct fuse_getxattr_out)
						: length <= expectation->length;
	case FUSE_REPLY_TEXT:
		return length <= info->reply_bytes;
	case FUSE_REPLY_INIT:
		return true;
	case FUSE_REPLY_NEVER:
		break;
	}
	return false;
}

int fuse_check_reply(const struct fuse_expectation *expectation, bool hostile, const void *reply,
		     size_t length)
{
	struct fuse_out_header header;
	const uint8_t *body = (const uint8_t *)reply + sizeof(header);
	const size_t body_length = length - sizeof(header);

	if (length < sizeof(header))
		return -EPROTO;
	memcpy(&header, reply, sizeof(header));
	if (header.len != length || header.unique != expectation->unique || header.error > 0 ||
	    header.error < -ERROR_MAX)
		return -EPROTO;
	if (header.error)
		return length == sizeof(header) ? 0 : -EPROTO;
	if (expectation->opcode == FUSE_INIT)
		return init_is_good(expectation, body, body_length) ? 0 : -EPROTO;
	if (!length_is_good(expectation, body_length) ||
	    !body_is_good(expectation, hostile, body, body_length))
		return -EPROTO;
	return 0;
}

/* --- Notifications -------------------------------------------------------------------------- */

/* A name of @named bytes and a zero byte are all of the rest. */
static bool rest_is_name(const uint8_t *rest, size_t length, uint32_t named)
{
	return named <= FUSE_NAME_MAX_BYTES && length == (size_t)named + 1 && rest[named] == '\0' &&
	       name_is_good(rest, named, false);
}

/* Below the root, and without a way out of it. */
static bool path_is_good(const uint8_t *path, size_t length)
{
	while (length > 0) {
		const uint8_t *slash = memchr(path, '/', length);
		const size_t component = slash ? (size_t)(slash - path) : length;

		if (!name_is_good(path, component, false) || (slash && component + 1 == length))
			return false;
		path += component + (slash != NULL);
		length -= component + (slash != NULL);
	}
	return true;
}

static bool change_is_good(const uint8_t *body, size_t length)
{
	struct server_change change;
	const uint8_t *first = body + sizeof(change), *second;
	size_t left, first_length;

	if (length < sizeof(change))
		return false;
	memcpy(&change, body, sizeof(change));
	left = length - sizeof(change);
	second = left > 0 ? memchr(first, '\0', left) : NULL;
	if (!second || change.kind < SERVER_CHANGE_CREATE || change.kind > SERVER_CHANGE_WRITTEN)
		return false;
	first_length = (size_t)(second - first);
	second++;
	left -= first_length + 1;
	if (left == 0 || second[left - 1] != '\0' || first_length > PAGE || left > PAGE)
		return false;
	left--;
	/* The root itself is changed, but neither made nor removed. */
	return (first_length > 0 || change.kind == SERVER_CHANGE_ATTRIBUTES) &&
	       path_is_good(first, first_length) && path_is_good(second, left) &&
	       (left > 0) == (change.kind == SERVER_CHANGE_RENAME);
}

int fuse_check_notification(const void *message, size_t length)
{
	struct fuse_out_header header;
	const uint8_t *body = (const uint8_t *)message + sizeof(header);
	struct fuse_notify_inval_entry_out entry;
	struct fuse_notify_delete_out deleted;
	bool is_good = false;

	if (length < sizeof(header))
		return -EPROTO;
	memcpy(&header, message, sizeof(header));
	length -= sizeof(header);
	if (header.len != length + sizeof(header) || header.unique != 0)
		return -EPROTO;
	switch (header.error) {
	case FUSE_NOTIFY_INVAL_INODE:
		is_good = length == sizeof(struct fuse_notify_inval_inode_out);
		break;
	case FUSE_NOTIFY_INVAL_ENTRY:
		if (length <= sizeof(entry))
			break;
		memcpy(&entry, body, sizeof(entry));
		is_good = rest_is_name(body + sizeof(entry), length - sizeof(entry), entry.namelen);
		break;
	case FUSE_NOTIFY_DELETE:
		if (length <= sizeof(deleted))
			break;
		memcpy(&deleted, body, sizeof(deleted));
		is_good = rest_is_name(body + sizeof(deleted), length - sizeof(deleted),
				       deleted.namelen);
		break;
	case SERVER_NOTIFY_CHANGE:
		is_good = change_is_good(body, length);
		break;
	default:
		break;
	}
	return is_good ? 0 : -EPROTO;
}
