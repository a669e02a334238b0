/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_words - what people say to `lodge memory`
 */
#ifndef LODGE_CLI_MEMORY_WORDS_H
#define LODGE_CLI_MEMORY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who chooses the size of a VM. */
enum memory_size_word {
	MEMORY_SIZE_KEPT,  /* nothing was said */
	MEMORY_SIZE_AUTO,  /* the policy */
	MEMORY_SIZE_FIXED, /* this many bytes, until somebody says something else */
	MEMORY_SIZE_OFF,   /* the VM does not take part: it is watched and never touched */
};

/**
 * memory_words_size() - "auto", "off" or a size such as 512M
 *
 * Return: 0; -EINVAL for anything else; -ERANGE for a size below 1 MiB, or one that does not fit.
 */
int memory_words_size(const char *text, enum memory_size_word *word, uint64_t *size_bytes);

/**
 * memory_words_machine() - "SIZE[,max=SIZE]", what a VM starts with and may grow to
 * @most_bytes:	0 where no more than the first is said
 *
 * Return: 0; -EINVAL; -ERANGE for a size that does not fit.
 */
int memory_words_machine(const char *text, uint64_t *start_bytes, uint64_t *most_bytes);

/* What is to change of the host's policy. */
struct memory_policy_words {
	const char *mode;  /* on, off, dry-run; NULL: as it is */
	const char *speed; /* calm, normal, quick; NULL: as it is */
	bool has_reserve, has_total, has_ksm, has_overcommit;
	bool ksm, overcommit;
	uint64_t reserve_bytes, total_bytes; /* 0: lodged's choice */
};

/**
 * memory_words_policy() - one word of `lodge memory policy`
 * @text:	on, off, dry-run, speed=WORD, reserve=SIZE|auto, total=SIZE|auto, ksm=on|off,
 *		overcommit=on|off; stays
 * the caller's
 * @words:	what was said before is kept
 * @error:	one line for people on failure
 *
 * Return: 0 or -EINVAL.
 */
int memory_words_policy(const char *text, struct memory_policy_words *words, char *error,
			size_t capacity);

#endif
