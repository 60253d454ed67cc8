/*
 * Changes what a path is, as fast as it can: for tests of who is fooled by that.
 *
 *	flip A B	exchanges the two for ever; prints "ready" first
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXCHANGE 2

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	printf("ready\n");
	fflush(stdout);
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], EXCHANGE) < 0) {
			perror("flip");
			return 1;
		}
}
