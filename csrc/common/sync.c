/* Runs: stage-1 and init. */
#include "sync.h"

#include <string.h>
#include <sys/socket.h>

#include "util.h"

int sync_send(int socket_fd, uint32_t type, const void *payload, uint32_t len, int fd)
{
	struct sync_header header = {type, len};
	struct iovec parts[2] = {
		{&header, sizeof(header)},
		{(void *)(uintptr_t)payload, len},
	};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = len ? 2 : 1};

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(int));
	}
	return RETRY(sendmsg(socket_fd, &message, MSG_NOSIGNAL)) < 0 ? -1 : 0;
}

static size_t count_fds(const struct cmsghdr *control)
{
	if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
		return 0;
	return (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

/* Not the message expected: what came with it is not kept. */
static int refuse(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	size_t count = count_fds(control);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
		close(fd);
	}
	errno = EPROTO;
	return -1;
}

int sync_receive(int socket_fd, uint32_t type, void *payload, uint32_t len, int *fds, int max_fds)
{
	struct sync_header header;
	struct iovec parts[2] = {{&header, sizeof(header)}, {payload, len}};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(SYNC_MAX_FDS * sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = len ? 2 : 1};
	size_t count;
	long got;

	if (max_fds > 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	got = RETRY(recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC));
	if (got < 0)
		return -1;
	if (got == 0) {
		errno = EPIPE;
		return -1;
	}
	count = count_fds(CMSG_FIRSTHDR(&message));
	if ((size_t)got != sizeof(header) + len || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    header.type != type || header.len != len || count > (size_t)max_fds)
		return refuse(&message);
	if (count > 0)
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), count * sizeof(int));
	return (int)count;
}
