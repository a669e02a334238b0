/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * channel - what lodge-web asks lodged for, in the frames of protocol/README.md on a socket pair
 *
 *	"web.snapshot" {} -> {}			the figures of now (snapshot.h) as DATA on channel 1
 *	"web.picture" web_vm -> screen_captured	the VM's screen as PNG on channel 1
 *	"web.screen" web_vm -> web_screen	where a browser sees the screen, and works at it
 *
 * lodge-web is the session's host. It can ask for nothing else.
 */
#ifndef LODGE_STATISTICS_CHANNEL_H
#define LODGE_STATISTICS_CHANNEL_H

#include "protocol/message.h"

#define WEB_SNAPSHOT	 "web.snapshot"
#define WEB_PICTURE	 "web.picture"
#define WEB_SCREEN	 "web.screen"
#define WEB_DATA_CHANNEL 1

struct web_vm {
	struct slice vm; /* its id, as a snapshot has it */
};
extern const struct message_type message_web_vm;

struct web_screen {
	struct slice address; /* with its token */
};
extern const struct message_type message_web_screen;

#endif
