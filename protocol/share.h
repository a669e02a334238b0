/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share - messages about shared folders
 *
 * Folders of the host in the guest. The host says what there is:
 *
 *   share.attach (host to agent; open as long as the session; message `shares`)
 *	params {}, message `shares` share_list: the whole list, at once and after each change. What
 *	has `at` the agent mounts there, and unmounts when it goes. Messages `mounted` share_mounted
 *	of the agent: what came of each such, after each list and whenever it changes. What cannot
 *	be mounted it tries again as long as it is shared.
 *
 *   share.open (agent to host; one per mount)
 *	params share_open, message `opened` share_opened from the host, then DATA on channel 0 in
 *	both directions: FUSE messages one after another (each begins with its length). The reply
 *	ends the mount. ENOENT: there is no such share (any more). EAGAIN: its server starts just
 *	now, or again; ask again soon.
 *
 *   share.watch (agent to host; one per mount that the kernel has by virtio-fs)
 *	params share_watch, then DATA on channel 0 from the host: SERVER_NOTIFY_CHANGE messages
 *	(shared-folders/server/server.h), for Linux's virtio-fs takes no notifications. The process
 *	`pid` carries them out on the mount, from this request on; messages `watched` share_watched
 *	say how far it is. One at a time: EBUSY (the share is mounted twice; the kernel is one).
 *	ENOENT, EAGAIN as above; EAGAIN also: no machine has mounted the share by virtio-fs.
 *
 * Folders of the guest on the host:
 *
 *   share.export (host to agent; one per mount)
 *	params share_export; as share.open, with the roles of the two sides exchanged.
 *
 * Resumption. A stream that is lost (either end of the agent's connection may restart) does not end
 * the mount: the server keeps its session for SHARE_KEEP_SECONDS. Both sides count the messages
 * that they receive of a session, from its beginning, and say the number when the stream is opened
 * again
 * (`received`); each then sends what the other has not got, and only that, so nothing is run twice
 * and nothing is lost. Hence the server keeps each message (reply or notification) until it is
 * acknowledged, and the mounter each request until it is answered, or, of those that have no
 * answer, until a later one is; of these a few may be lost. `resumed` false: the server knows
 * nothing of the session, and a new one has begun in which both have received nothing.
 *
 * Acknowledgements are messages `received` share_received of the mounter: they need no credit, and
 * may overtake a request that waits for some.
 *
 * Ahead. With `ahead` the server adds to some replies a message of what the kernel asks next
 * (shared-folders/fuse/ahead.h), which the mounter may then answer by itself. It is counted as all
 * messages are; it is no notification.
 *
 * Echoes. A fuse_in_header with opcode SHARE_OP_ECHO among the requests, without answer: the
 * process `pid` of the mounter's side carries out the changes that SERVER_NOTIFY_CHANGE tells of
 * (shared-folders/relay/echo.h), and is done with the one whose id is `nodeid` and all before it.
 */
#ifndef LODGE_PROTOCOL_SHARE_H
#define LODGE_PROTOCOL_SHARE_H

#include "protocol/message.h"

#define SHARE_NAME_MAX	   64
#define SHARE_SESSION_SIZE 16
#define SHARE_KEEP_SECONDS 60
#define SHARE_NOTIFY_MAX   1024	       /* notifications on their way at once */
#define SHARE_OP_ECHO	   0x4c4f0002U /* opcode: bytes of ours among FUSE's */

/* Where the agent awaits those who mount, in the guest; they are the host's side of a session. */
#define SHARE_SOCKET_PATH "/run/lodge/share.sock"

/* The agent's capability for all of this. */
#define SHARE_CAPABILITY "share"
/* Shares of one VM. */
#define SHARE_MAX 32

/* Messages; tables in share.c. */
struct share_list {
	struct slice shares; /* items: share_entry */
};
extern const struct message_type message_share_list;

struct share_entry {
	struct slice name; /* 1 to SHARE_NAME_MAX of A-Z a-z 0-9 . _ -, not beginning with . or - */
	struct slice at;   /* absolute path in the guest; empty: mounted by whoever wants it */
	bool read_only;
	struct slice options; /* for mount.lodge, as after its -o; may be empty */
};
extern const struct message_type message_share_entry;

struct share_mounted {
	struct slice name, at; /* as in the list */
	uint64_t error;	       /* errno; 0: it is mounted there */
	struct slice text;     /* why it is not, one line for people; may be empty */
};
extern const struct message_type message_share_mounted;

struct share_open {
	struct slice name;
	struct slice session; /* SHARE_SESSION_SIZE bytes */
	bool resume;
	uint64_t received; /* with resume: messages of the server */
	bool ahead;	   /* messages of what the kernel asks next are understood */
};
extern const struct message_type message_share_open;

struct share_opened {
	bool resumed;
	uint64_t received; /* with resumed: messages of the mounter */
};
extern const struct message_type message_share_opened;

struct share_received {
	uint64_t received; /* messages of the server since the session began */
	uint64_t carried;  /* notifications among them that have been carried out */
};
extern const struct message_type message_share_received;

struct share_watch {
	struct slice name;
	uint64_t pid; /* as the mount's kernel tells of those who ask something of it */
};
extern const struct message_type message_share_watch;

struct share_watched {
	uint64_t id; /* server_change.id: this change and all before it */
};
extern const struct message_type message_share_watched;

struct share_export {
	struct slice path;    /* of the guest, absolute */
	struct slice session; /* SHARE_SESSION_SIZE bytes */
	bool resume;
	uint64_t received; /* with resume: messages of the server */
	bool read_only;
	struct slice user; /* as whom files are touched; empty: root */
	/* If not 0, all files are shown as theirs: the only one who looks, of whose numbers the
	 * guest knows nothing. */
	uint64_t uid, gid;
	bool ahead; /* as in share_open */
};
extern const struct message_type message_share_export;

/* true: the bytes are a share's name as above says. */
bool share_name_is_valid(const char *name, size_t length);

#endif
