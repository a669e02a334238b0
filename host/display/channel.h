/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * channel - between lodge-vmm and the lodge-screen that shows its displays
 *
 * A unix socket of type SEQPACKET: lodge-vmm listens (--display socket=PATH), one screen process at
 * a time is connected, and a new one takes the place of the old. Every packet is one of the structs
 * below, whole, in the host's byte order. The first packet is CHANNEL_HELLO of the VMM, and carries
 * two descriptors, neither of which can write: the guest's RAM, and the display area.
 *
 * The display area is memory that the VMM writes and the screen reads: for each head what is
 * scanned out, and where in the guest's RAM its pixels are, so that nothing is copied in the VMM;
 * and the cursor. Each part is guarded by a sequence: odd while it is being written; a reader that
 * sees it change begins again.
 *
 * Damage is paced by the reader: after CHANNEL_DAMAGE of a head the VMM gathers what follows, and
 * sends it as one rectangle when CHANNEL_NEXT has come. A screen that nobody looks at asks for
 * nothing, and then nothing wakes up. So CHANNEL_CURSOR, too, comes only while damage of its head
 * is welcome; and CHANNEL_SCANOUT, when the picture is as large as before (a guest that flips
 * between surfaces sets one for each frame), comes right before the damage of its first frame. Any
 * other CHANNEL_SCANOUT comes at once. What is not paced by the reader is told at most every 4 ms,
 * however often the guest changes it. The area is always up to date: who begins to look, or
 * connects, reads it first.
 *
 * Neither end believes the other: the VMM checks every packet of the screen; the screen checks
 * every extent against the size of RAM, and copies before it looks.
 */
#ifndef LODGE_DISPLAY_CHANNEL_H
#define LODGE_DISPLAY_CHANNEL_H

#include <stdint.h>

#define CHANNEL_MAGIC	    0x4c6f4453 /* "LoDS" */
#define CHANNEL_VERSION	    1
#define CHANNEL_MAX_HEADS   16
#define CHANNEL_MIN_SIZE    64 /* of a head, each way */
#define CHANNEL_MAX_SIZE    8192
#define CHANNEL_MAX_EXTENTS 65536 /* pages of the largest surface */
#define CHANNEL_CURSOR_SIZE 64

/* --- The area ------------------------------------------------------------------------------- */

/* A piece of guest RAM, by offset into the descriptor of CHANNEL_HELLO. */
struct channel_extent {
	uint64_t offset;
	uint64_t length;
};

/* What a head shows: @width by @height pixels at (@x, @y) of a surface whose rows are @stride bytes
 * apart, four bytes a pixel. The surface's bytes are those of the extents, one after the other. */
struct channel_scanout {
	uint32_t sequence;   /* atomic; odd: being written */
	uint32_t generation; /* differs for each scanout that is set */
	uint32_t enabled;    /* 0: the guest shows nothing here */
	uint32_t format;     /* enum virtio_gpu_formats; four bytes a pixel, all of them */
	uint32_t stride;
	uint32_t x, y, width, height;
	uint32_t extents;
	struct channel_extent extent[CHANNEL_MAX_EXTENTS];
};

/* The cursor of a head: premultiplied ARGB, as bytes B G R A. */
struct channel_cursor {
	uint32_t sequence;
	uint32_t image; /* differs for each image */
	uint32_t visible;
	uint32_t hot_x, hot_y;
	int32_t x, y; /* of the hot spot, on the head */
	uint32_t pixels[CHANNEL_CURSOR_SIZE * CHANNEL_CURSOR_SIZE];
};

struct channel_area {
	struct channel_scanout scanout[CHANNEL_MAX_HEADS];
	struct channel_cursor cursor[CHANNEL_MAX_HEADS];
	uint32_t driver; /* atomic; whether a driver of the guest runs the device. Until one does,
			  * and after it has gone, no head is enabled. */
};

/* --- Packets -------------------------------------------------------------------------------- */

enum channel_kind {
	/* of the VMM */
	CHANNEL_HELLO = 1,   /* struct channel_hello and two descriptors */
	CHANNEL_SCANOUT = 2, /* struct channel_head: its scanout in the area is another one; also of
			      * each head when the area's driver has come or gone */
	CHANNEL_DAMAGE = 3,  /* struct channel_damage */
	CHANNEL_CURSOR = 4,  /* struct channel_head: its cursor in the area is another one */
	CHANNEL_LEDS = 5,    /* struct channel_leds */
	/* of the screen */
	CHANNEL_NEXT = 16,    /* struct channel_head: damage of it is welcome, once */
	CHANNEL_MODE = 17,    /* struct channel_mode */
	CHANNEL_KEY = 18,     /* struct channel_key */
	CHANNEL_POINTER = 19, /* struct channel_pointer */
	CHANNEL_MOTION = 20,  /* struct channel_motion */
	CHANNEL_BUTTON =
		21, /* struct channel_key: BTN_LEFT and its like, of the pointer that moved last */
	CHANNEL_WHEEL = 22, /* struct channel_motion: clicks of the wheel, up and to the right */
};

struct channel_hello {
	uint32_t kind, magic, version;
	uint32_t heads;
	uint64_t ram_bytes;  /* first descriptor */
	uint64_t area_bytes; /* second: sizeof(struct channel_area) */
};

struct channel_head {
	uint32_t kind, head;
};

struct channel_damage {
	uint32_t kind, head;
	uint32_t x, y, width, height; /* within the head's width and height */
};

/* Bits as in linux/input-event-codes.h: 1 << LED_NUML, LED_CAPSL, LED_SCROLLL. */
struct channel_leds {
	uint32_t kind, leds;
};

/* What the monitor of @head is to be: the guest sees another EDID and an event. Not @enabled: it is
 * unplugged. */
struct channel_mode {
	uint32_t kind, head;
	uint32_t enabled;
	uint32_t width, height;	      /* CHANNEL_MIN_SIZE to CHANNEL_MAX_SIZE, else ignored */
	uint32_t width_mm, height_mm; /* 0: as at 96 dots an inch */
	int32_t x, y;		      /* where it stands, for drivers that ask */
};

struct channel_key {
	uint32_t kind;
	uint32_t code; /* linux/input-event-codes.h */
	uint32_t down;
};

/* The absolute tablet: 0 to 32767 over the whole desktop of the guest. */
struct channel_pointer {
	uint32_t kind;
	uint32_t x, y;
};

/* The relative mouse. */
struct channel_motion {
	uint32_t kind;
	int32_t dx, dy;
};

#endif
