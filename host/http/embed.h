/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* embed - a file of the source tree as part of a program; the path counts from its root */
#ifndef LODGE_HTTP_EMBED_H
#define LODGE_HTTP_EMBED_H

#include <stdint.h>

/* embedded_SYMBOL up to embedded_SYMBOL_end; a NUL follows. */
#define EMBED(symbol, path)                                                                        \
	__asm__(".pushsection .rodata\n"                                                           \
		".hidden embedded_" #symbol "\n"                                                   \
		".hidden embedded_" #symbol "_end\n"                                               \
		".global embedded_" #symbol "\n"                                                   \
		".global embedded_" #symbol "_end\n"                                               \
		"embedded_" #symbol ":\n"                                                          \
		".incbin \"" path "\"\n"                                                           \
		"embedded_" #symbol "_end:\n"                                                      \
		".byte 0\n"                                                                        \
		".popsection\n");                                                                  \
	extern const uint8_t embedded_##symbol[] __attribute__((visibility("hidden")));            \
	extern const uint8_t embedded_##symbol##_end[] __attribute__((visibility("hidden")))

#endif
