/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share - messages about shared folders
 *
 * Folders of the host in the guest. The host says what there is:
 *
 *   share.attach (host to agent; open as long as the session; message `shares`)
 *	params {}, message `shares` {shares: [{name, ? at, ? read_only, ? options}]}: the whole
 *list, at once and after each change. What has `at` the agent mounts there, and unmounts when it
 *goes.
 *
 *   share.open (agent to host; one per mount)
 *	params {name, session: 16 bytes that the mounter drew, ? resume: true}
 *	message `opened` {resumed: bool} from the host, then DATA on channel 0 in both directions:
 *	FUSE messages one after another (each begins with its length). The reply ends the mount.
 *
 * Folders of the guest on the host:
 *
 *   share.export (host to agent; one per mount)
 *	params {path, session, ? resume, ? read_only, ? user}
 *	as share.open, with the roles of the two sides exchanged.
 *
 * Resumption. A stream that is lost (either end of the agent's connection may restart) does not end
 * the mount: the server keeps its session for SHARE_KEEP_SECONDS, with the replies that were not
 * acknowledged. Who mounted opens again with the same session and resume, is told whether the
 *server still knows it, sends what was not answered again (with its old unique), and the server
 *runs nothing twice. Acknowledgements are messages {fuse_in_header: opcode SHARE_OP_ACK, unique:
 *the number of replies received since the session began}, and no kernel sees them.
 */
#ifndef LODGE_PROTOCOL_SHARE_H
#define LODGE_PROTOCOL_SHARE_H

#define SHARE_NAME_MAX	   64
#define SHARE_SESSION_SIZE 16
#define SHARE_KEEP_SECONDS 60
#define SHARE_OP_ACK	   0x4c4f0001U /* opcode: bytes of ours in a stream of FUSE requests */
#define SHARE_OP_ECHO	   0x4c4f0002U /* "the process with header.pid carries out changes": README */

#endif
