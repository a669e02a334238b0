/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen - one VM's desktop between its source and its viewers
 *
 * The source (lodge-vmm's channel, QEMU's D-Bus display or its VNC server, pictures) puts pixels,
 * cursor and LEDs in; viewers take them out, and send input and wishes the other way. Everything
 * runs in one thread, on one libuv loop, and nothing blocks.
 */
#ifndef LODGE_SCREEN_SCREEN_H
#define LODGE_SCREEN_SCREEN_H

#include "host/screen/desktop.h"
#include "host/screen/viewer.h"

#include <uv.h>

#define SCREEN_MAX_VIEWERS 64

struct clipboard;
struct keyboard;
struct screen;

#define SCREEN_MIN_SIZE 64 /* of a head, each way */
#define SCREEN_MAX_SIZE 8192

/* --- For everyone --------------------------------------------------------------------------- */

uv_loop_t *screen_loop(struct screen *screen);
const struct desktop *screen_desktop(const struct screen *screen);
/* Whether the picture is what the guest shows: false while nobody watches, and until what changed
 * meanwhile has come. */
bool screen_is_current(const struct screen *screen);
const struct desktop_cursor *screen_cursor(const struct screen *screen);
uint32_t screen_leds(const struct screen *screen);
/* The first; the others by ->next. */
const struct viewer *screen_viewers(const struct screen *screen);
/* "vmm", "qemu", "vnc", "pictures", "" before there is one. */
const char *screen_source_name(const struct screen *screen);
/* How many heads the machine has, lit or not; 0: not known yet. */
unsigned int screen_heads(const struct screen *screen);
/* Whether the guest has no driver for its displays, as far as that is known: sizes are taken when
 * it has one. */
bool screen_is_driverless(const struct screen *screen);
/* source_ops.key_ms; 0: there is no source. */
unsigned int screen_key_ms(const struct screen *screen);
/* source_ops.is_behind. */
bool screen_is_behind(struct screen *screen);
const char *screen_name(const struct screen *screen); /* of the VM */
/* Of the VM, as text; one made of its name until its source says another. */
const char *screen_uuid(const struct screen *screen);
/* The guest's layout, for viewers that send keysyms (keyboard.h). NULL: nobody has set one. */
const struct keyboard *screen_keyboard(const struct screen *screen);

/* --- For viewers ---------------------------------------------------------------------------- */

/* Viewer's ops must be set. -EMFILE with SCREEN_MAX_VIEWERS. */
int screen_add_viewer(struct screen *screen, struct viewer *viewer);
/* No operation of it is called any more. */
void screen_remove_viewer(struct viewer *viewer);
/* Whether it wants `damaged`. The first of all that does starts the flow of pixels. What changed
 * while this one did not watch, at first everything, is told in this call. */
void screen_watch(struct viewer *viewer, bool watching);

/* Input. evdev codes; places are those of the picture, and clamped to it. Keys that a viewer holds
 * are released when it goes. @buttons: bit 0 left, 1 middle, 2 right, 3 side (back), 4 extra
 * (forward). */
void screen_key(struct viewer *viewer, uint32_t code, bool down);
void screen_pointer(struct viewer *viewer, uint32_t x, uint32_t y, uint32_t buttons);
void screen_motion(struct viewer *viewer, int32_t dx, int32_t dy, uint32_t buttons);
/* Clicks: @dy up, @dx to the right. */
void screen_wheel(struct viewer *viewer, int32_t dx, int32_t dy);

/* What somebody wants the heads to be. Heads that are not named stay as they are, unless @all. */
struct screen_wish {
	struct {
		bool named, enabled;
		uint32_t width, height;
		uint32_t width_mm, height_mm; /* 0: not known */
		uint32_t scale_milli;	      /* 0: as it is */
		bool placed;
		int32_t x, y;
	} head[DESKTOP_MAX_HEADS];
	bool all; /* what is not named is to be off */
};

enum screen_who {
	SCREEN_BY_GUEST,
	SCREEN_BY_VIEWER,
	SCREEN_BY_USER, /* lodge display */
};

/**
 * screen_request() - wish for other sizes
 *
 * Returns at once; sizes are clamped to what a head can be; after a short calm the guest sees other
 * monitors, and if its desktop does not follow, is helped (resize.h).
 *
 * Return: 0; -EPERM for a viewer that may only look; -EOPNOTSUPP: there is no display yet; -ENXIO:
 * the machine has no such head (screen_heads()); -EINVAL: no head would be left on.
 */
int screen_request(struct screen *screen, struct viewer *viewer, enum screen_who who,
		   const struct screen_wish *wish);

/* --- For sources ---------------------------------------------------------------------------- */

struct source;

struct source_ops {
	const char *name; /* "vmm", "qemu", "vnc", "pictures" */
	/* The guest's queue of input is short: what is typed by itself is to leave so much between
	 * one key and the next. */
	unsigned int key_ms;
	/* Monitors are not for us to change: set_mode says what is to be looked for. */
	bool fixed;
	/* A head that the guest has off looks as it did when it was on, once it is asked for. */
	bool seems_on;
	/* Somebody looks, or nobody does: let damage come, or stop it. */
	void (*watch)(struct source *source, bool watching);
	/* Whether all has come since it is watched; `damaged` follows what comes late. NULL: it
	 * comes within `watch`. */
	bool (*is_current)(const struct source *source);
	/* A monitor: size (checked), place; not enabled: unplugged. */
	void (*set_mode)(struct source *source, unsigned int head, bool enabled,
			 const struct rectangle *place, uint32_t width_mm, uint32_t height_mm);
	/* Sizes that the machine cannot back are never advertised: @size is what every head would
	 * be (width 0: off), each within SCREEN_MIN_SIZE and SCREEN_MAX_SIZE; make @head's what it
	 * can be beside the others. NULL: whatever was asked for. */
	void (*limit)(const struct source *source, unsigned int head,
		      struct rectangle size[DESKTOP_MAX_HEADS]);
	void (*key)(struct source *source, uint32_t code, bool down);
	/* Whether the machine has not taken all keys yet: more would come to it at once, and be
	 * lost. Asked before each key that is typed by itself. NULL: that loses none. */
	bool (*is_behind)(struct source *source);
	/* @x, @y 0 to 32767 over the guest's whole desktop; @head and @at: the same as a place on a
	 * head. NULL: it takes no pointer, and the three that follow are not there either. */
	void (*pointer)(struct source *source, uint32_t x, uint32_t y, unsigned int head,
			const struct rectangle *at);
	void (*motion)(struct source *source, int32_t dx, int32_t dy);
	void (*button)(struct source *source, uint32_t code, bool down);
	void (*wheel)(struct source *source, int32_t dx, int32_t dy);
	/* A session that stands in for the guest's agent, as for guest_set_spare(): a connected
	 * socket, or a negative errno. NULL: there is none. */
	int (*session)(struct source *source);
	void (*free)(struct source *source);
};

struct source {
	const struct source_ops *ops;
	struct screen *screen;
	unsigned int heads; /* that the machine has; 0: not known yet */
	/* No driver of the guest runs the displays: not yet, or no more. After a change:
	 * screen_status_changed(). */
	bool driverless;
};

/* The VM's own. What is no UUID, or all zero, is ignored. */
void screen_set_uuid(struct screen *screen, const char *uuid);
/* source->heads is known: monitors can be set. */
void screen_source_ready(struct screen *screen);

/* A head shows another size, or nothing (0 x 0): its pixels are to follow by screen_pixels(). A
 * head that shows nothing for a moment, as in every mode set, stays as it is for viewers. */
void screen_head_changed(struct screen *screen, unsigned int head, uint32_t width, uint32_t height);
/* Where the pixels of @head go: its rectangle's first byte, and the stride; NULL if it has none, or
 * is cut to nothing. *@place: what of it is in the picture (width and height may be less). */
uint8_t *screen_pixels(struct screen *screen, unsigned int head, struct rectangle *place,
		       size_t *stride);
/* They were copied there: @where within the head. */
void screen_damaged(struct screen *screen, unsigned int head, const struct rectangle *where);
/* @cursor's x, y are on @head; pixels are copied. */
void screen_set_cursor(struct screen *screen, unsigned int head,
		       const struct desktop_cursor *cursor);
void screen_set_leds(struct screen *screen, uint32_t leds);
/* The source is gone for good: the VM has ended (@error 0), or the connection broke. Viewers are
 * closed and the loop is stopped, unless the program waits for another one (screen_hooks). The
 * source may be freed in the call. */
void screen_source_ended(struct screen *screen, int error);

/* --- For what knows the guest's session ------------------------------------------------------- */

/* Where @head stands on the guest's own desktop, in logical units (layout.h); not @placed: nobody
 * says. Takes effect with screen_places_known(). */
void screen_place_head(struct screen *screen, unsigned int head, bool placed, int32_t x, int32_t y,
		       uint32_t scale_milli);
void screen_places_known(struct screen *screen);

/* --- For the program ------------------------------------------------------------------------ */

/* NULL without memory. screen_set_source() then gives it a source, which it frees. */
struct screen *screen_new(uv_loop_t *loop, const char *name);
void screen_set_source(struct screen *screen, struct source *source);
struct source *screen_source(const struct screen *screen); /* NULL: there is none yet */

/* Who does what is more than showing: the resizer, the clipboard. */
struct screen_hooks {
	/* screen_request(), checked: sizes are such that a head can be. */
	void (*requested)(void *owner, enum screen_who who, const struct screen_wish *wish);
	/* screen_source_ready(): also another one's than that of before. NULL: not interested. */
	void (*source_ready)(void *owner);
	/* At once, and also when it is for a moment only. */
	void (*head_changed)(void *owner, unsigned int head, uint32_t width, uint32_t height);
	/* Before its `close`, and before its memory goes. */
	void (*viewer_gone)(void *owner, struct viewer *viewer);
	/* The source has ended. Return: true: another may come, and everybody stays. NULL: false.
	 */
	bool (*source_ended)(void *owner, int error);
};
void screen_set_hooks(struct screen *screen, const struct screen_hooks *hooks, void *owner);
/* How long a head may show nothing before viewers see that: SCREEN_DARK_MS, more in a replug. */
#define SCREEN_DARK_MS 100
void screen_set_patience(struct screen *screen, uint64_t dark_ms);
/* Calls each viewer's status_changed, or clipboard_changed; the latter not of @except. */
void screen_status_changed(struct screen *screen);
void screen_clipboard_changed(struct screen *screen, const struct viewer *except);
struct clipboard *screen_clipboard(const struct screen *screen);
void screen_set_clipboard(struct screen *screen, struct clipboard *clipboard);
/* It stays the caller's, and lives longer than the viewers. */
void screen_set_keyboard(struct screen *screen, const struct keyboard *keyboard);

/* Whether screen_source_ended() was called, and with what. */
bool screen_ended(const struct screen *screen, int *error);
/* Closes viewers, frees the source. The loop has to run once more. */
void screen_free(struct screen *screen);

#endif
