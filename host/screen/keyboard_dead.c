/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keyboard_dead - letters that take two keys: a dead key, which makes nothing, and a letter
 *
 * The canonical decompositions of Unicode for the Latin letters that layouts with dead keys are
 * made for. Each table is a dead key's: pairs of what comes out and the letter that was pressed.
 */
#include "host/screen/keyboard_internal.h"
#include "protocol/base/bytes.h"

#include <xkbcommon/xkbcommon-keysyms.h>

struct pair {
	uint16_t composed;
	char base;
};

static const struct pair grave[] = {
	{0x60, ' '}, {0xc0, 'A'}, {0xc8, 'E'}, {0xcc, 'I'}, {0xd2, 'O'}, {0xd9, 'U'},
	{0xe0, 'a'}, {0xe8, 'e'}, {0xec, 'i'}, {0xf2, 'o'}, {0xf9, 'u'},
};
static const struct pair acute[] = {
	{0xb4, ' '},  {0xc1, 'A'},  {0xc9, 'E'},  {0xcd, 'I'},	{0xd3, 'O'},
	{0xda, 'U'},  {0xdd, 'Y'},  {0xe1, 'a'},  {0xe9, 'e'},	{0xed, 'i'},
	{0xf3, 'o'},  {0xfa, 'u'},  {0xfd, 'y'},  {0x106, 'C'}, {0x107, 'c'},
	{0x139, 'L'}, {0x13a, 'l'}, {0x143, 'N'}, {0x144, 'n'}, {0x154, 'R'},
	{0x155, 'r'}, {0x15a, 'S'}, {0x15b, 's'}, {0x179, 'Z'}, {0x17a, 'z'},
};
static const struct pair circumflex[] = {
	{0x5e, ' '},  {0xc2, 'A'},  {0xca, 'E'},  {0xce, 'I'},	{0xd4, 'O'},
	{0xdb, 'U'},  {0xe2, 'a'},  {0xea, 'e'},  {0xee, 'i'},	{0xf4, 'o'},
	{0xfb, 'u'},  {0x108, 'C'}, {0x109, 'c'}, {0x11c, 'G'}, {0x11d, 'g'},
	{0x124, 'H'}, {0x125, 'h'}, {0x134, 'J'}, {0x135, 'j'}, {0x15c, 'S'},
	{0x15d, 's'}, {0x174, 'W'}, {0x175, 'w'}, {0x176, 'Y'}, {0x177, 'y'},
};
static const struct pair tilde[] = {
	{0x7e, ' '}, {0xc3, 'A'},  {0xd1, 'N'},	 {0xd5, 'O'},  {0xe3, 'a'},  {0xf1, 'n'},
	{0xf5, 'o'}, {0x128, 'I'}, {0x129, 'i'}, {0x168, 'U'}, {0x169, 'u'},
};
static const struct pair macron[] = {
	{0x100, 'A'}, {0x101, 'a'}, {0x112, 'E'}, {0x113, 'e'}, {0x12a, 'I'},
	{0x12b, 'i'}, {0x14c, 'O'}, {0x14d, 'o'}, {0x16a, 'U'}, {0x16b, 'u'},
};
static const struct pair breve[] = {
	{0x102, 'A'}, {0x103, 'a'}, {0x114, 'E'}, {0x115, 'e'}, {0x11e, 'G'}, {0x11f, 'g'},
	{0x12c, 'I'}, {0x12d, 'i'}, {0x14e, 'O'}, {0x14f, 'o'}, {0x16c, 'U'}, {0x16d, 'u'},
};
static const struct pair abovedot[] = {
	{0x10a, 'C'}, {0x10b, 'c'}, {0x116, 'E'}, {0x117, 'e'}, {0x120, 'G'},
	{0x121, 'g'}, {0x130, 'I'}, {0x17b, 'Z'}, {0x17c, 'z'},
};
static const struct pair diaeresis[] = {
	{0xa8, ' '}, {0xc4, 'A'}, {0xcb, 'E'}, {0xcf, 'I'}, {0xd6, 'O'}, {0xdc, 'U'},  {0xe4, 'a'},
	{0xeb, 'e'}, {0xef, 'i'}, {0xf6, 'o'}, {0xfc, 'u'}, {0xff, 'y'}, {0x178, 'Y'},
};
static const struct pair abovering[] = {
	{0xc5, 'A'},
	{0xe5, 'a'},
	{0x16e, 'U'},
	{0x16f, 'u'},
};
static const struct pair doubleacute[] = {
	{0x150, 'O'},
	{0x151, 'o'},
	{0x170, 'U'},
	{0x171, 'u'},
};
static const struct pair caron[] = {
	{0x10c, 'C'}, {0x10d, 'c'}, {0x10e, 'D'}, {0x10f, 'd'}, {0x11a, 'E'}, {0x11b, 'e'},
	{0x13d, 'L'}, {0x13e, 'l'}, {0x147, 'N'}, {0x148, 'n'}, {0x158, 'R'}, {0x159, 'r'},
	{0x160, 'S'}, {0x161, 's'}, {0x164, 'T'}, {0x165, 't'}, {0x17d, 'Z'}, {0x17e, 'z'},
};
static const struct pair cedilla[] = {
	{0xc7, 'C'},  {0xe7, 'c'},  {0x122, 'G'}, {0x123, 'g'}, {0x136, 'K'}, {0x137, 'k'},
	{0x13b, 'L'}, {0x13c, 'l'}, {0x145, 'N'}, {0x146, 'n'}, {0x156, 'R'}, {0x157, 'r'},
	{0x15e, 'S'}, {0x15f, 's'}, {0x162, 'T'}, {0x163, 't'},
};
static const struct pair ogonek[] = {
	{0x104, 'A'}, {0x105, 'a'}, {0x118, 'E'}, {0x119, 'e'},
	{0x12e, 'I'}, {0x12f, 'i'}, {0x172, 'U'}, {0x173, 'u'},
};

static const struct {
	uint32_t keysym;
	const struct pair *pair;
	size_t count;
} tables[] = {
	{XKB_KEY_dead_grave, grave, ARRAY_SIZE(grave)},
	{XKB_KEY_dead_acute, acute, ARRAY_SIZE(acute)},
	{XKB_KEY_dead_circumflex, circumflex, ARRAY_SIZE(circumflex)},
	{XKB_KEY_dead_tilde, tilde, ARRAY_SIZE(tilde)},
	{XKB_KEY_dead_macron, macron, ARRAY_SIZE(macron)},
	{XKB_KEY_dead_breve, breve, ARRAY_SIZE(breve)},
	{XKB_KEY_dead_abovedot, abovedot, ARRAY_SIZE(abovedot)},
	{XKB_KEY_dead_diaeresis, diaeresis, ARRAY_SIZE(diaeresis)},
	{XKB_KEY_dead_abovering, abovering, ARRAY_SIZE(abovering)},
	{XKB_KEY_dead_doubleacute, doubleacute, ARRAY_SIZE(doubleacute)},
	{XKB_KEY_dead_caron, caron, ARRAY_SIZE(caron)},
	{XKB_KEY_dead_cedilla, cedilla, ARRAY_SIZE(cedilla)},
	{XKB_KEY_dead_ogonek, ogonek, ARRAY_SIZE(ogonek)},
};

bool keyboard_decompose(uint32_t character, uint32_t *dead, uint32_t *base)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		for (size_t j = 0; j < tables[i].count; j++) {
			if (tables[i].pair[j].composed != character)
				continue;
			*dead = tables[i].keysym;
			*base = (uint32_t)tables[i].pair[j].base;
			return true;
		}
	}
	return false;
}
