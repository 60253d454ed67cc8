/*
 * A program in a container that speaks sd_notify(3): each argument is a datagram to $NOTIFY_SOCKET. Others:
 *
 *   --fd TEXT   a datagram with a file descriptor    --big N TEXT  one of N bytes, TEXT at its end
 *   --flood     datagrams without end, by a child    --wait FILE   until the file exists
 *   --pause     for ever                             --exit N
 *
 * Prints how many datagrams could not be sent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int sock;
static int failed;

static void deliver(const char *data, size_t len, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec part = {(void *)data, len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *header;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(int));
	}
	if (sendmsg(sock, &message, MSG_NOSIGNAL) < 0)
		failed++;
}

static void deliver_big(size_t len, const char *end)
{
	char *data = malloc(len);

	memset(data, 'x', len);
	memcpy(data + len - strlen(end), end, strlen(end));
	deliver(data, len, -1);
	free(data);
}

static void flood(void)
{
	if (fork() == 0)
		for (;;)
			deliver("STATUS=still coming", 19, -1);
}

static void connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	sock = socket(AF_UNIX, SOCK_DGRAM, 0);
	strncpy(address.sun_path, path ? path : "", sizeof(address.sun_path) - 1);
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		printf("connect: %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
	connect_to(getenv("NOTIFY_SOCKET"));
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--fd") == 0) {
			word = argv[++i];
			deliver(word, strlen(word), 0);
		} else if (strcmp(word, "--big") == 0) {
			deliver_big(strtoul(argv[i + 1], NULL, 10), argv[i + 2]);
			i += 2;
		} else if (strcmp(word, "--flood") == 0) {
			flood();
		} else if (strcmp(word, "--wait") == 0) {
			for (i++; access(argv[i], F_OK) < 0;)
				usleep(1000);
		} else if (strcmp(word, "--pause") == 0) {
			printf("failed %d\n", failed);
			fflush(stdout);
			pause();
		} else if (strcmp(word, "--exit") == 0) {
			exit(atoi(argv[++i]));
		} else {
			deliver(word, strlen(word), -1);
		}
	}
	return 0;
}
