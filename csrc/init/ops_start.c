/*
 * Runs: init, as the program's user inside the container's root: "created", then the program
 * itself.
 */
#include "init.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "../common/sys.h"

static int close_between(int first, int last)
{
	return first > last ? 0 : sys_close_range((unsigned int)first, (unsigned int)last, 0);
}

/* "created" may last, and whoever gets into the container by exec may look at what we have open. */
static int close_all_but(struct init *init, int listener_fd)
{
	int low = init->sync_fd;
	int high = listener_fd < 0 ? low : listener_fd;

	if (low > high) {
		low = listener_fd;
		high = init->sync_fd;
	}
	init->root_fd = init->mount_fd = init->mask_fd = init->proc_fd = -1;
	if (close_between(init->first_fd, low - 1) < 0 || close_between(low + 1, high - 1) < 0 ||
	    close_between(high + 1, INT_MAX) < 0)
		return fail(init, "close_range", "");
	return 0;
}

/*
 * The parent has written the state of the container when it answers, and may be gone the next
 * moment: the death signal ends here. If it dies without an answer, the end of the socket says so.
 */
int op_ready(struct init *init, const struct op_ready *op)
{
	if (close_all_but(init, op->listener == PLAN_NONE ? -1 : init->fds[op->listener]) < 0)
		return -1;
	if (PRCTL(init, PR_SET_PDEATHSIG, 0) < 0)
		return -1;
	if (sync_send(init->sync_fd, SYNC_READY, NULL, 0, -1) < 0 ||
	    sync_receive(init->sync_fd, SYNC_ACK, NULL, 0, NULL, 0) < 0)
		return fail(init, "wait for parent", "");
	return 0;
}

/* The end of a helper, whose work is done. */
int op_finish(struct init *init)
{
	if (sync_send(init->sync_fd, SYNC_READY, NULL, 0, -1) < 0)
		return fail(init, "finish", "");
	_exit(0);
}

/* One of the fds below first_fd, which the program gets. */
int op_pass_fd(struct init *init, const struct op_pass_fd *op)
{
	if (op->number >= (uint32_t)init->first_fd)
		return fail_with(init, EBADF, "pass fd", "", "it would be one of our own");
	if (dup2(init->fds[op->fd], (int)op->number) < 0)
		return fail(init, "dup2", "");
	return 0;
}

static void end_by_signal(int number)
{
	_exit(128 + number);
}

/* The first process of a pid namespace ignores what it has no handler for; execve removes these. */
static int accept_signals(struct init *init)
{
	static const int ending[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1,
				     SIGUSR2, SIGPIPE, SIGALRM, SIGTERM};
	struct sigaction action = {.sa_handler = end_by_signal};

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (sigaction(ending[i], &action, NULL) < 0)
			return fail(init, "sigaction", "");
	return 0;
}

/* `start` connects to the container's socket; one that leaves without a word is not the one. */
static int accept_start(struct init *init, int listener_fd)
{
	for (;;) {
		int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return fail(init, "accept", "start socket");
		if (fd < 0)
			continue;
		if (sync_receive(fd, SYNC_START, NULL, 0, NULL, 0) == 0) {
			init->sync_fd = fd;
			return 0;
		}
		close(fd);
	}
}

int op_wait_start(struct init *init, const struct op_wait_start *op)
{
	if (accept_signals(init) < 0)
		return -1;
	/* The change to the program's user has taken it away. */
	if (init->traceable && PRCTL(init, PR_SET_DUMPABLE, 1) < 0)
		return -1;
	if (op->listener == PLAN_NONE) {
		if (sync_receive(init->sync_fd, SYNC_START, NULL, 0, NULL, 0) < 0)
			return fail(init, "wait for start", "");
		return 0;
	}
	close_fd(&init->sync_fd);
	if (accept_start(init, init->fds[op->listener]) < 0)
		return -1;
	close_fd(&init->fds[op->listener]);
	return 0;
}

/*
 * The last words before execve, which closes the socket; they come before the seccomp filter, which
 * may not allow to say anything. No fd but the program's own survives (CVE-2024-21626).
 */
int op_prepare_exec(struct init *init)
{
	if (sys_close_range((unsigned int)init->first_fd, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return fail(init, "close_range", "");
	if (sync_send(init->sync_fd, SYNC_EXEC, NULL, 0, -1) < 0)
		return fail(init, "tell parent", "");
	return 0;
}

int op_seccomp(struct init *init, const struct op_seccomp *op)
{
	long fd;
	struct sock_fprog program = {
		.len = (unsigned short)(op->filter.len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(uintptr_t)op->filter.data,
	};

	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op->flags, &program);
	if (fd < 0)
		return fail(init, "seccomp", "");
	if (op->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		hand_over_listener((int)fd);
	return 0;
}

int op_exec(struct init *init, const struct op_exec *op)
{
	static char home[sizeof("HOME=") + PATH_MAX];
	const char **args = unpack_list(init, op->args, 0);
	const char **env = unpack_list(init, op->env, op->args.count + 1);

	if (*init->home) {
		copy_text(home, sizeof(home), "HOME=");
		copy_text(home + strlen(home), sizeof(home) - strlen(home), init->home);
		env[op->env.count] = home;
		env[op->env.count + 1] = NULL;
	}
	execve(init->program, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)env);
	return fail(init, "execve", init->program);
}
