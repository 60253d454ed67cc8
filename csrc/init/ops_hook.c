/*
 * Runs: init. A hook of the container's namespaces: createContainer sees the host's files,
 * startContainer the container's. The state is its standard input; its output is kept for the
 * error.
 */
#include "init.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "../common/sys.h"

struct running_hook {
	pid_t pid;
	int pid_fd;
	int output_fd;
	char output[sizeof(((struct pyrt_error *)0)->note)];
	size_t len;
};

int op_parent_hooks(struct init *init)
{
	if (sync_send(init->sync_fd, SYNC_HOOKS, NULL, 0, -1) < 0 ||
	    sync_receive(init->sync_fd, SYNC_ACK, NULL, 0, NULL, 0) < 0)
		return fail(init, "wait for hooks", "");
	return 0;
}

/* A file, not a pipe: the state may be longer than a pipe holds, and no hook has to read it. */
static int make_state(const struct op_hook *op)
{
	cleanup_fd int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0 ||
	    dprintf(fd, "%s%d%s", op->state_before_pid, (int)getpid(), op->state_after_pid) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return steal_fd(&fd);
}

static void become_hook(int state_fd, int output_fd, const char *path, const char **args,
			const char **env)
{
	if (dup2(state_fd, 0) == 0 && dup2(output_fd, 1) == 1 && dup2(output_fd, 2) == 2 &&
	    sys_close_range(3, ~0u, 0) == 0)
		execve(path, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)env);
}

/*
 * Whoever reports it may not have the plan (`start`): the call says which hook, the status how it
 * ended, or its timeout with ETIMEDOUT, the note what it printed, or with another error what we
 * could not do for it.
 */
static int fail_hook(struct init *init, const struct op_hook *op, int err, int status,
		     const char *note)
{
	char call[sizeof(init->err.call)];

	snprintf(call, sizeof(call), "%s#%u", op->name, op->index);
	init->err.status = status;
	return fail_with(init, err, call, op->path, note);
}

static int start_hook(struct init *init, const struct op_hook *op, struct running_hook *hook)
{
	cleanup_fd int state_fd = make_state(op);
	const char **args = unpack_list(init, op->args, 0);
	const char **env = unpack_list(init, op->env, op->args.count + 2);
	int ends[2];
	volatile int exec_error = 0;

	if (state_fd < 0)
		return fail(init, "memfd_create", op->path);
	if (!args[0]) {
		args[0] = op->path;
		args[1] = NULL;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(init, "pipe2", op->path);
	/* vfork: the child shares our memory until execve, so its errno comes back for free. */
	hook->pid = vfork();
	if (hook->pid == 0) {
		become_hook(state_fd, ends[1], op->path, args, env);
		exec_error = errno;
		_exit(127);
	}
	close(ends[1]);
	hook->output_fd = ends[0];
	if (hook->pid < 0)
		return fail(init, "vfork", op->path);
	if (exec_error) {
		waitpid(hook->pid, NULL, 0);
		return fail_hook(init, op, exec_error, 0, "");
	}
	return 0;
}

/* What cannot be read is missing in the error, no more. */
static void read_output(struct running_hook *hook)
{
	char dropped[4096];
	size_t room = sizeof(hook->output) - 1 - hook->len;
	ssize_t got = read(hook->output_fd, room ? hook->output + hook->len : dropped,
			   room ? room : sizeof(dropped));

	if (got > 0 && room)
		hook->len += (size_t)got;
	if (got <= 0)
		close_fd(&hook->output_fd);
}

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Until the hook itself ends: what it left behind may keep the pipe open, or print, for ever.
 * 1: time is over. -1: there is no telling.
 */
static int wait_for_hook(struct running_hook *hook, uint32_t timeout)
{
	int64_t deadline = timeout ? milliseconds() + (int64_t)timeout * 1000 : -1;
	struct pollfd fds[2] = {{hook->pid_fd, POLLIN, 0}, {0, POLLIN, 0}};

	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - milliseconds();

		if (deadline >= 0 && left <= 0)
			return 1;
		fds[1].fd = hook->output_fd; /* ignored by poll once it is -1 */
		if (poll(fds, 2, left > INT_MAX ? INT_MAX : (int)left) < 0 && errno != EINTR)
			return -1;
		if (fds[1].revents)
			read_output(hook);
		if (fds[0].revents && (!fds[1].revents || hook->len == sizeof(hook->output) - 1))
			return 0;
		fds[0].revents = fds[1].revents = 0;
	}
}

/* A failed hook: its exit status, or ETIMEDOUT, and the beginning of what it printed. */
int op_hook(struct init *init, const struct op_hook *op)
{
	struct running_hook hook = {.pid = -1, .pid_fd = -1, .output_fd = -1};
	int status = 0;
	int ended = -1;
	int err;

	if (init->err.phase == PHASE_HOOK && fchdir(init->root_fd) < 0)
		return fail(init, "fchdir", "rootfs");
	if (start_hook(init, op, &hook) < 0) {
		close_fd(&hook.output_fd);
		return -1;
	}
	hook.pid_fd = sys_pidfd_open(hook.pid, 0);
	if (hook.pid_fd >= 0)
		ended = wait_for_hook(&hook, op->timeout);
	err = errno;
	if (ended != 0)
		kill(hook.pid, SIGKILL);
	if (RETRY(waitpid(hook.pid, &status, 0)) < 0 && ended >= 0)
		return fail_hook(init, op, errno, 0, "waitpid");
	if (ended < 0)
		return fail_hook(init, op, err, 0, hook.pid_fd < 0 ? "pidfd_open" : "poll");
	close_fd(&hook.output_fd);
	close_fd(&hook.pid_fd);
	if (ended == 1)
		return fail_hook(init, op, ETIMEDOUT, (int)op->timeout, hook.output);
	return status ? fail_hook(init, op, 0, status, hook.output) : 0;
}
