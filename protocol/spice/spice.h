/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice - what a SPICE client and a guest's agent say to each other (spice-protocol, vd_agent.h)
 *
 * The dialect of the virtio-serial port "com.redhat.spice.0". Messages are spoken of here;
 * spice_wire.h makes them of bytes. All integers are little endian. A payload that is shorter than
 * what it must hold is refused, one that is longer was made by a newer peer. Nothing of a payload
 * is copied: slices belong to it.
 */
#ifndef LODGE_PROTOCOL_SPICE_H
#define LODGE_PROTOCOL_SPICE_H

#include "protocol/cbor.h"

#include <stdbool.h>
#include <stdint.h>

#define SPICE_PORT_NAME "com.redhat.spice.0"

enum spice_type {
	SPICE_MOUSE_STATE = 1,
	SPICE_MONITORS_CONFIG = 2,
	SPICE_REPLY = 3,
	SPICE_CLIPBOARD = 4,
	SPICE_DISPLAY_CONFIG = 5,
	SPICE_ANNOUNCE_CAPABILITIES = 6,
	SPICE_CLIPBOARD_GRAB = 7,
	SPICE_CLIPBOARD_REQUEST = 8,
	SPICE_CLIPBOARD_RELEASE = 9,
	SPICE_FILE_XFER_START = 10,
	SPICE_FILE_XFER_STATUS = 11,
	SPICE_FILE_XFER_DATA = 12,
	SPICE_CLIENT_DISCONNECTED = 13,
	SPICE_MAX_CLIPBOARD = 14,
	SPICE_AUDIO_VOLUME_SYNC = 15,
	SPICE_GRAPHICS_DEVICE_INFO = 16,
};

/* Bits of the capabilities' words. */
enum spice_capability {
	SPICE_CAP_MOUSE_STATE = 0,
	SPICE_CAP_MONITORS_CONFIG = 1,
	SPICE_CAP_REPLY = 2,
	SPICE_CAP_CLIPBOARD = 3,
	SPICE_CAP_DISPLAY_CONFIG = 4,
	SPICE_CAP_CLIPBOARD_BY_DEMAND = 5,
	SPICE_CAP_CLIPBOARD_SELECTION = 6,
	SPICE_CAP_SPARSE_MONITORS_CONFIG = 7,
	SPICE_CAP_GUEST_LINEEND_LF = 8,
	SPICE_CAP_GUEST_LINEEND_CRLF = 9,
	SPICE_CAP_MAX_CLIPBOARD = 10,
	SPICE_CAP_AUDIO_VOLUME_SYNC = 11,
	SPICE_CAP_MONITORS_CONFIG_POSITION = 12,
	SPICE_CAP_FILE_XFER_DISABLED = 13,
	SPICE_CAP_FILE_XFER_DETAILED_ERRORS = 14,
	SPICE_CAP_GRAPHICS_DEVICE_INFO = 15,
	SPICE_CAP_CLIPBOARD_NO_RELEASE_ON_REGRAB = 16,
	SPICE_CAP_CLIPBOARD_GRAB_SERIAL = 17,
};

#define SPICE_CAP(name) (1U << SPICE_CAP_##name)

/* --- Capabilities --------------------------------------------------------------------------- */

struct spice_capabilities {
	bool request;  /* the other one shall say his */
	uint32_t bits; /* of the first word; more are not known yet */
};

int spice_capabilities_parse(struct slice payload, struct spice_capabilities *capabilities);
#define SPICE_CAPABILITIES_SIZE 8
void spice_capabilities_encode(const struct spice_capabilities *capabilities,
			       uint8_t bytes[SPICE_CAPABILITIES_SIZE]);

/* --- The mouse ------------------------------------------------------------------------------ */

enum spice_button {
	SPICE_BUTTON_LEFT = 1 << 1,
	SPICE_BUTTON_MIDDLE = 1 << 2,
	SPICE_BUTTON_RIGHT = 1 << 3,
	SPICE_BUTTON_WHEEL_UP = 1 << 4,
	SPICE_BUTTON_WHEEL_DOWN = 1 << 5,
	SPICE_BUTTON_SIDE = 1 << 6,
	SPICE_BUTTON_EXTRA = 1 << 7,
};

struct spice_mouse {
	uint32_t x, y; /* pixels of that screen */
	uint32_t buttons;
	uint8_t screen;
};

#define SPICE_MOUSE_SIZE 13
int spice_mouse_parse(struct slice payload, struct spice_mouse *mouse);
void spice_mouse_encode(const struct spice_mouse *mouse, uint8_t bytes[SPICE_MOUSE_SIZE]);

/* --- Monitors ------------------------------------------------------------------------------- */

#define SPICE_MONITORS_MAX 16 /* more are refused */

struct spice_monitor {
	uint32_t width, height; /* 0: it is off (with the capability of sparse configurations) */
	uint32_t depth;
	int32_t x, y;
	uint16_t width_mm, height_mm; /* 0: not said */
};

struct spice_monitors {
	size_t count;
	bool positions; /* x and y count */
	struct spice_monitor monitor[SPICE_MONITORS_MAX];
};

int spice_monitors_parse(struct slice payload, struct spice_monitors *monitors);
#define SPICE_MONITORS_SIZE (8 + SPICE_MONITORS_MAX * (20 + 4))
size_t spice_monitors_encode(const struct spice_monitors *monitors,
			     uint8_t bytes[SPICE_MONITORS_SIZE]);

#define SPICE_REPLY_SIZE    8
#define SPICE_REPLY_SUCCESS 1
#define SPICE_REPLY_ERROR   2

struct spice_reply {
	uint32_t type; /* of what is answered */
	uint32_t error;
};

int spice_reply_parse(struct slice payload, struct spice_reply *reply);
void spice_reply_encode(const struct spice_reply *reply, uint8_t bytes[SPICE_REPLY_SIZE]);

/* --- Clipboard ------------------------------------------------------------------------------ */

enum spice_selection {
	SPICE_SELECTION_CLIPBOARD = 0,
	SPICE_SELECTION_PRIMARY = 1,
	SPICE_SELECTION_SECONDARY = 2,
};

enum spice_clipboard_type {
	SPICE_CLIPBOARD_NONE = 0,
	SPICE_CLIPBOARD_UTF8_TEXT = 1,
	SPICE_CLIPBOARD_IMAGE_PNG = 2,
	SPICE_CLIPBOARD_IMAGE_BMP = 3,
	SPICE_CLIPBOARD_IMAGE_TIFF = 4,
	SPICE_CLIPBOARD_IMAGE_JPG = 5,
	SPICE_CLIPBOARD_FILE_LIST = 6, /* names of a WebDAV share that Lodge has not */
};

/* A MIME type's number, or SPICE_CLIPBOARD_NONE; and the other way, or NULL. */
uint32_t spice_clipboard_type(struct slice mime);
const char *spice_clipboard_mime(uint32_t type);

#define SPICE_GRAB_TYPES 32 /* more of them are not looked at */

struct spice_grab {
	uint8_t selection;
	uint32_t serial; /* with CLIPBOARD_GRAB_SERIAL */
	size_t count;
	uint32_t type[SPICE_GRAB_TYPES];
};

/* What precedes depends on what both have announced: @both is the bits they share. Without
 * CLIPBOARD_SELECTION all is of the clipboard. */
int spice_grab_parse(struct slice payload, uint32_t both, struct spice_grab *grab);
#define SPICE_GRAB_SIZE (8 + SPICE_GRAB_TYPES * 4)
size_t spice_grab_encode(const struct spice_grab *grab, uint32_t both,
			 uint8_t bytes[SPICE_GRAB_SIZE]);

/* "clipboard", "request" and "release" alike. */
struct spice_clipboard {
	uint8_t selection;
	uint32_t type;	   /* not of a release */
	struct slice data; /* of a clipboard */
};

int spice_clipboard_parse(enum spice_type message, struct slice payload, uint32_t both,
			  struct spice_clipboard *clipboard);
/* All but the data, which follows. */
#define SPICE_CLIPBOARD_SIZE 8
size_t spice_clipboard_encode(enum spice_type message, const struct spice_clipboard *clipboard,
			      uint32_t both, uint8_t bytes[SPICE_CLIPBOARD_SIZE]);

/* --- Files ---------------------------------------------------------------------------------- */

#define SPICE_FILE_NAME_MAX 255

enum spice_file_result {
	SPICE_FILE_CAN_SEND_DATA = 0,
	SPICE_FILE_CANCELLED = 1,
	SPICE_FILE_ERROR = 2,
	SPICE_FILE_SUCCESS = 3,
	SPICE_FILE_NOT_ENOUGH_SPACE = 4,
	SPICE_FILE_SESSION_LOCKED = 5,
	SPICE_FILE_VDAGENT_NOT_CONNECTED = 6,
	SPICE_FILE_DISABLED = 7,
};

struct spice_file_start {
	uint32_t id;
	char name[SPICE_FILE_NAME_MAX +
		  1]; /* one component, checked by spice_file_name_is_good() */
	uint64_t size;
};

/* No path, no "..", no control characters, valid UTF-8, not hidden, not too long. */
bool spice_file_name_is_good(struct slice name);

/* -EBADMSG: malformed (id is set if there was one, else 0); -EINVAL: a name that is refused. */
int spice_file_start_parse(struct slice payload, struct spice_file_start *start);
#define SPICE_FILE_START_SIZE 1024
/* 0: the name is not good. */
size_t spice_file_start_encode(const struct spice_file_start *start,
			       uint8_t bytes[SPICE_FILE_START_SIZE]);

struct spice_file_status {
	uint32_t id;
	uint32_t result;
};

int spice_file_status_parse(struct slice payload, struct spice_file_status *status);
/* With the capability of detailed errors some results carry more: a zero is that much. */
#define SPICE_FILE_STATUS_SIZE 16
size_t spice_file_status_encode(const struct spice_file_status *status, uint32_t both,
				uint64_t free_bytes, uint8_t bytes[SPICE_FILE_STATUS_SIZE]);

#define SPICE_FILE_DATA_SIZE 12 /* what precedes the bytes */
struct spice_file_data {
	uint32_t id;
	struct slice data; /* exactly as many as the message says, and has */
};

int spice_file_data_parse(struct slice payload, struct spice_file_data *data);
void spice_file_data_encode(uint32_t id, size_t length, uint8_t bytes[SPICE_FILE_DATA_SIZE]);

#endif
