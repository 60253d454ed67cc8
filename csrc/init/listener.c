/*
 * Runs: init, as the program's user, and beside it a second thread of the same, which no filter
 * binds: the notifications of a seccomp filter reach the parent without a system call that the
 * filter might stop.
 *
 * The thread waits until the filter is loaded and tells the parent; the first thread, which will be
 * the program, has nothing to wait with but its own memory. docs/adr/0011 has what else could be.
 */
#include "init.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

static int listener_fd = -1;
static bool is_ready;
static bool is_handed_over;

static void sleep_a_moment(void)
{
	static const struct timespec moment = {.tv_nsec = 20000};

	nanosleep(&moment, NULL);
}

/* The parent answers when the agent has got the fd. If it is gone, no program is to be run. */
static void *tell_parent(void *argument)
{
	static const struct sched_param none;
	struct init *init = argument;
	int fd;

	/* Real time is shared out: what the first thread does not get, this one can. */
	syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none);
	__atomic_store_n(&is_ready, true, __ATOMIC_RELEASE);
	while ((fd = __atomic_load_n(&listener_fd, __ATOMIC_ACQUIRE)) < 0)
		sleep_a_moment();
	if (sync_send(init->sync_fd, SYNC_LISTENER, NULL, 0, fd) < 0 ||
	    sync_receive(init->sync_fd, SYNC_ACK, NULL, 0, NULL, 0) < 0)
		_exit(1);
	__atomic_store_n(&is_handed_over, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * The parent gets the agent on the line now, while we can sleep. The thread is made before the
 * limits of the program, which may not allow another; execve ends it.
 */
int op_prepare_listener(struct init *init)
{
	pthread_t thread;

	if (sync_send(init->sync_fd, SYNC_AGENT, NULL, 0, -1) < 0 ||
	    sync_receive(init->sync_fd, SYNC_ACK, NULL, 0, NULL, 0) < 0)
		return fail(init, "wait for agent", "");
	errno = pthread_create(&thread, NULL, tell_parent, init);
	if (errno)
		return fail(init, "pthread_create", "");
	/* A real-time policy makes us run until we sleep, on a single CPU without the thread. */
	while (!__atomic_load_n(&is_ready, __ATOMIC_ACQUIRE))
		sleep_a_moment();
	return 0;
}

void hand_over_listener(int fd)
{
	__atomic_store_n(&listener_fd, fd, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&is_handed_over, __ATOMIC_ACQUIRE))
		;
}
