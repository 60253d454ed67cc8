/*
 * Small helpers used everywhere: owned fds, EINTR, sizes.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Repeats a call that a signal interrupted; the only place where EINTR is handled. */
#define RETRY(call)                                 \
	({                                          \
		long ret_;                          \
		do                                  \
			ret_ = (long)(call);        \
		while (ret_ < 0 && errno == EINTR); \
		ret_;                               \
	})

static inline void close_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/* An fd that is closed when its scope ends; steal_fd() hands it on. */
#define cleanup_fd __attribute__((cleanup(close_fd)))

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Copies what fits, always terminates; for fixed fields of messages, where a cut text is fine. */
static inline void copy_text(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; i + 1 < size && from[i] != '\0'; i++)
		to[i] = from[i];
	to[i] = '\0';
}
