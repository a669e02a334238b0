/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display - messages about screens and the clipboard
 *
 * The agent's capabilities "display" and "clipboard" (spoken with the screen process of the VM, and
 * passed on as they are between the agent and the lodge-session of the desktop that has the
 * screen), and the screen process' own control socket ("screen").
 */
#ifndef LODGE_PROTOCOL_DISPLAY_H
#define LODGE_PROTOCOL_DISPLAY_H

#include "protocol/message.h"

#define DISPLAY_MAX_HEADS 16

/* --- Agent: "display" ----------------------------------------------------------------------- */

/* "display.attach" {} -> {} at the end (that is: on cancel). While it is open:
 *	to the host   "layout" display_layout: what the heads are now; at once, and on each change
 *	to the guest  "apply" display_layout: what the heads shall be; the desktop did not follow
 *	to the host   "applied" display_applied: how that went; if the layout has changed, "layout"
 *		      comes first
 */
struct display_layout {
	uint64_t serial;      /* of an "apply"; in a "layout": of the last that was applied, or 0 */
	struct slice session; /* who has the screen: "none", "console", "x11", "wayland" */
	struct slice desktop; /* "sway", "GNOME", "KDE", "" if not known */
	struct slice backend; /* what sets modes: "randr", "wlr", "mutter", "kscreen", "weston",
				 "console", "" */
	struct slice heads;   /* items: display_head */
};
extern const struct message_type message_display_layout;

struct display_head {
	uint64_t head;		/* of the device: scanout 0 is "Virtual-1" */
	struct slice connector; /* "Virtual-1" */
	bool enabled, primary;
	int64_t x, y;		/* logical, as the desktop counts */
	uint64_t width, height; /* pixels of the mode */
	uint64_t scale_milli;	/* 1000: one to one; 0 in an "apply": leave it */
};
extern const struct message_type message_display_head;

struct display_applied {
	uint64_t serial;
	uint64_t number;   /* 0, or an errno */
	struct slice text; /* why not; "replug" with EAGAIN: this desktop follows a monitor that is
			    * unplugged and plugged in again. With 0: sizes are as wanted, places or
			    * scales only near it */
};
extern const struct message_type message_display_applied;

/* --- Agent: "clipboard" --------------------------------------------------------------------- */

#define CLIPBOARD_MAX_TYPES 64
#define CLIPBOARD_MAX_BYTES (256ULL << 20) /* of one transfer, whatever a policy allows */

/* "clipboard.attach" {} -> {} at the end. While it is open, both ways:
 *	"offer" clipboard_offer: the sender's side has copied something; of each selection the last
 *		offer counts
 * and to the host:
 *	"want" clipboard_want: somebody pastes there; answered by a request "clipboard.write"
 *
 * "clipboard.read" clipboard_want -> {}; the bytes of the guest's offer are DATA on channel 1.
 * "clipboard.write" clipboard_write -> {}; the bytes that were wanted are DATA on channel 0, to
 * END. */
struct clipboard_offer {
	struct slice selection; /* "clipboard", "primary" */
	uint64_t serial;	/* ascending, each side its own */
	struct slice types;	/* items: texts: MIME types, best first; none: it was cleared */
	bool secret;		/* a password manager says so: not to be kept or shown */
};
extern const struct message_type message_clipboard_offer;

struct clipboard_want {
	uint64_t id;		/* of a "want": names the answer */
	uint64_t serial;	/* of the offer */
	struct slice selection; /* as in the offer */
	struct slice type;	/* one of the offer's */
};
extern const struct message_type message_clipboard_want;

struct clipboard_write {
	uint64_t id;	 /* of the "want" */
	uint64_t number; /* 0: here it is; else an errno: there is none */
};
extern const struct message_type message_clipboard_write;

/* --- Agent: "files" ------------------------------------------------------------------------- */

/* "files.receive" files_receive -> files_received, when it has its name. A file for the user who
 * has the screen, into his folder of downloads; one that is there is not replaced: the new one gets
 * a number. The session says by the stream message "ready" {} that it takes it; then its bytes are
 * DATA on channel 0, to END, exactly as many as was said. Cancel: nothing is left. */
struct files_receive {
	struct slice name; /* one component, valid UTF-8 */
	uint64_t size_bytes;
};
extern const struct message_type message_files_receive;

struct files_received {
	uint64_t size_bytes;
	struct slice name; /* that it was given; empty: not known */
};
extern const struct message_type message_files_received;

/* --- lodge-screen: methods on its control socket --------------------------------------------- */

/* "screen.info" {} -> screen_info
 * "screen.display" screen_display -> screen_info, when the guest has followed or will not (5 s)
 * "screen.watch" {} -> {} at the end; stream message "changed" screen_info on each change of a head
 * "screen.capture" screen_capture -> screen_captured; the picture is DATA on channel 1
 * "screen.type" screen_type -> {} when all was typed; "screen.key" screen_key -> {}
 * "screen.clipboard-get" screen_clipboard -> screen_clipboard; the bytes are DATA on channel 1
 * "screen.clipboard-set" screen_clipboard -> {}; the bytes are DATA on channel 0, to END
 * "screen.send-file" files_receive -> files_received: "files.receive", as the policy allows
 * "screen.policy" screen_policy -> screen_policy: what is said is set; all of it is answered */
struct screen_info {
	struct slice source;  /* "vmm", "qemu", "vnc" */
	struct slice heads;   /* items: screen_head */
	struct slice viewers; /* items: screen_viewer */
	uint64_t leds;
	struct slice session; /* as in display_layout; "" without an agent */
	struct slice desktop;
	uint64_t head_count; /* heads that the machine has; 0: not known yet */
	bool driverless;     /* the guest has no driver for its displays (yet) */
};
extern const struct message_type message_screen_info;

struct screen_head {
	uint64_t head;
	bool enabled, primary;
	int64_t x, y;
	uint64_t width, height;			    /* actual; 0: it shows nothing */
	uint64_t requested_width, requested_height; /* 0: nobody has asked */
	uint64_t scale_milli;			    /* 0: not known */
	struct slice by;			    /* who asked: "guest", "viewer", "user" */
	struct slice followed; /* how it came to be: "itself", "session", "replug", "no", "waiting",
				  "" */
};
extern const struct message_type message_screen_head;

struct screen_viewer {
	struct slice protocol, peer;
	bool view_only, watching;
};
extern const struct message_type message_screen_viewer;

struct screen_display {
	uint64_t head;
	bool off;
	uint64_t width, height; /* 0: as it is */
	uint64_t scale_milli;	/* 0: as it is */
	bool placed;
	int64_t x, y;
};
extern const struct message_type message_screen_display;

struct screen_capture {
	bool one; /* only that head; else the whole desktop */
	uint64_t head;
	struct slice format; /* "png" (also if empty), "raw": rows of B G R X */
	bool cursor;	     /* with the mouse cursor in it */
};
extern const struct message_type message_screen_capture;
struct screen_captured {
	uint64_t width, height;
};
extern const struct message_type message_screen_captured;

struct screen_type {
	struct slice data;   /* bytes, UTF-8: what to type */
	struct slice layout; /* of the guest's keyboard: "us" (also if empty), "de", "fr(oss)" */
	bool look;	     /* whether it can be typed: nothing is */
};
extern const struct message_type message_screen_type;

struct screen_key {
	struct slice keys; /* items: texts "ctrl-alt-delete", "a", "f2": one after the other */
};
extern const struct message_type message_screen_key;

struct screen_clipboard {
	struct slice selection; /* "clipboard" (also if empty), "primary" */
	struct slice type;	/* MIME type; empty: text/plain;charset=utf-8 */
};
extern const struct message_type message_screen_clipboard;

struct screen_policy {
	struct slice to_guest, to_host; /* "off", "all", or some of "text,images,files"; empty: as
					   it is */
	struct slice primary;		/* "on", "off" */
	uint64_t max_bytes;		/* of one copy; 0: as it is */
};
extern const struct message_type message_screen_policy;

#endif
