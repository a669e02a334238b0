/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_table - what lodged tells of VMs' memory, for people
 */
#ifndef LODGE_CLI_MEMORY_TABLE_H
#define LODGE_CLI_MEMORY_TABLE_H

#include <json-c/json.h>
#include <stdio.h>

/**
 * memory_table_print() - a row a VM, and below it what the figures cannot say
 * @list:	name -> figures, as ListMemory of org.lodge1.Manager has them
 *
 * Return: 0 or -ENOMEM.
 */
int memory_table_print(struct json_object *list, FILE *file);

/* The host and its policy in a few lines, as ListMemory and GetMemoryPolicy have them. */
void memory_policy_print(struct json_object *host, struct json_object *policy, FILE *file);

/**
 * memory_note() - what somebody who looks at a VM's memory for the first time should know
 * @vm:		its figures
 *
 * Return: @text: one line, or "" where nothing is to be said.
 */
const char *memory_note(const char *name, struct json_object *vm, char *text, size_t capacity);

#endif
