/*
 * System calls that a seccomp filter may refuse, and how one notices: static, for tests inside of containers.
 *
 *	refused call N [ARG...]		makes a system call; prints "ok" or the errno
 *	refused caught N [ARG...]	the same; prints of a SIGSYS which call it was for
 *	refused thread N		makes it in a second thread; prints when that has ended
 *	refused exit N			does nothing but end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(int argc, char **argv)
{
	long args[7] = { 0 };

	for (int i = 0; i < argc && i < 7; i++)
		args[i] = (long)strtoul(argv[i], NULL, 0);
	if (syscall(args[0], args[1], args[2], args[3], args[4], args[5], args[6]) < 0)
		printf("errno %d\n", errno);
	else
		printf("ok\n");
	return 0;
}

static void handle(int number, siginfo_t *info, void *context)
{
	(void)context;
	printf("signal %d, call %d\n", number, info->si_syscall);
	fflush(stdout);
}

static int in_thread(void *number)
{
	syscall(*(long *)number);
	syscall(SYS_exit, 0);
	return 0;
}

/* The kernel clears `alive` at the thread's end, whatever ended it. */
static int thread(long number)
{
	static char stack[65536] __attribute__((aligned(16)));
	static volatile pid_t alive = 1;
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		    CLONE_CHILD_CLEARTID;

	if (clone(in_thread, stack + sizeof(stack), flags, &number, NULL, NULL, &alive) < 0)
		return 2;
	while (alive)
		usleep(1000);
	printf("the thread has ended\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";

	if (strcmp(verb, "call") == 0)
		return call(argc - 2, argv + 2);
	if (strcmp(verb, "caught") == 0) {
		struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };

		sigaction(SIGSYS, &action, NULL);
		return call(argc - 2, argv + 2);
	}
	if (strcmp(verb, "thread") == 0)
		return thread(atol(argv[2]));
	if (strcmp(verb, "exit") == 0)
		return atoi(argv[2]);
	return 2;
}
