/*
 * A bounded cursor over the bytes of a plan: the only code that reads them.
 *
 * A read past the end, or a string that is not what its length says, marks the cursor as broken and
 * yields an empty value; plan_check() walks the whole plan once and refuses it if that happened, so
 * that operations need no checks of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct plan_cursor {
	const uint8_t *at;
	size_t left;
	bool broken;
};

struct plan_bytes {
	const uint8_t *data;
	uint32_t len;
};

/* A list of strings, still packed: plan_strv_next() takes them one by one. */
struct plan_strv {
	uint32_t count;
	struct plan_cursor items;
};

static inline const uint8_t *cursor_take(struct plan_cursor *c, size_t len)
{
	const uint8_t *taken = c->at;

	if (c->broken || len > c->left) {
		c->broken = true;
		return NULL;
	}
	c->at += len;
	c->left -= len;
	return taken;
}

static inline uint16_t cursor_u16(struct plan_cursor *c)
{
	uint16_t value = 0;
	const uint8_t *from = cursor_take(c, sizeof(value));

	if (from)
		memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint32_t cursor_u32(struct plan_cursor *c)
{
	uint32_t value = 0;
	const uint8_t *from = cursor_take(c, sizeof(value));

	if (from)
		memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint64_t cursor_u64(struct plan_cursor *c)
{
	uint64_t value = 0;
	const uint8_t *from = cursor_take(c, sizeof(value));

	if (from)
		memcpy(&value, from, sizeof(value));
	return value;
}

static inline struct plan_bytes cursor_bytes(struct plan_cursor *c)
{
	struct plan_bytes bytes = {NULL, cursor_u32(c)};

	bytes.data = cursor_take(c, bytes.len);
	if (!bytes.data)
		bytes.len = 0;
	return bytes;
}

/* A length, that many bytes without NUL, and a NUL. */
static inline const char *cursor_str(struct plan_cursor *c)
{
	uint32_t len = cursor_u32(c);
	const uint8_t *text = cursor_take(c, (size_t)len + 1);

	if (!text || memchr(text, '\0', len) || text[len] != '\0') {
		c->broken = true;
		return "";
	}
	return (const char *)text;
}

static inline struct plan_strv cursor_strv(struct plan_cursor *c)
{
	struct plan_strv list = {cursor_u32(c), *c};

	for (uint32_t i = 0; i < list.count && !c->broken; i++)
		cursor_str(c);
	if (c->broken)
		list.count = 0;
	return list;
}

/* The next string of a list, or NULL at its end. */
static inline const char *plan_strv_next(struct plan_strv *list)
{
	if (list->count == 0)
		return NULL;
	list->count--;
	return cursor_str(&list->items);
}
