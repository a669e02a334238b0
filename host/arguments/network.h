/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * network - what lodge-net's network and the card on it agree on
 *
 * The largest IP packet between the two. A segment of the usual 1500 bytes costs guest and host as
 * much work as a long one; but several have to fit into the 64 KiB that libslirp lets be on their
 * way, so that an acknowledgement comes before the last.
 */
#ifndef LODGE_ARGUMENTS_NETWORK_H
#define LODGE_ARGUMENTS_NETWORK_H

#define NETWORK_MTU_BYTES 16384
#define NETWORK_MTU_TEXT  "16384" /* the same, for command lines */

#endif
