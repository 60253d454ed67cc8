/*
 * Runs: the runtime process. Starts stage-1 so that no file of the host can be reached through its
 * /proc/PID/exe: the program is a sealed copy in memory (CVE-2019-5736).
 */
#include "pyrt.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../common/util.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define PROGRAM_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int fail(const char **ret_call, const char *call)
{
	*ret_call = call;
	return -1;
}

/* Kernels before 6.3 do not know MFD_EXEC; later ones may ask for it (vm.memfd_noexec). */
static int create_memfd(void)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("pyruntime-init", flags | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("pyruntime-init", flags);
	return fd;
}

static int sealed_program(const char *path, const char **ret_call)
{
	cleanup_fd int file_fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_fd int memory_fd = -1;
	struct stat st;
	ssize_t copied;
	off_t offset = 0;

	if (file_fd < 0 || fstat(file_fd, &st) < 0)
		return fail(ret_call, "open init program");
	memory_fd = create_memfd();
	if (memory_fd < 0)
		return fail(ret_call, "memfd_create");
	while (offset < st.st_size) {
		copied =
			RETRY(sendfile(memory_fd, file_fd, &offset, (size_t)(st.st_size - offset)));
		if (copied <= 0)
			return fail(ret_call, "copy init program");
	}
	if (fchmod(memory_fd, 0500) < 0 || fcntl(memory_fd, F_ADD_SEALS, PROGRAM_SEALS) < 0)
		return fail(ret_call, "seal init program");
	return steal_fd(&memory_fd);
}

struct stage {
	int program_fd;
	int sync_fd;
	int first_fd;
	char first_fd_text[16];
	int error; /* written by the child, which shares our memory until execve */
};

/* Runs: the child of a vfork, on its own stack, all signals blocked: system calls only. */
static int become_stage(void *argument)
{
	struct stage *stage = argument;
	char *argv[] = {(char[]){"pyruntime"}, (char[]){"init"}, stage->first_fd_text, NULL};
	char *env[] = {NULL};
	int first = stage->first_fd;
	int program_fd = fcntl(stage->program_fd, F_DUPFD_CLOEXEC, first + 1);
	int sync_fd = fcntl(stage->sync_fd, F_DUPFD_CLOEXEC, first + 1);

	for (int fd = 3; fd < first; fd++)
		if (fcntl(fd, F_SETFD, 0) < 0) {
			stage->error = errno;
			_exit(127);
		}
	if (program_fd >= 0 && sync_fd >= 0 && dup2(sync_fd, first) == first &&
	    syscall(SYS_close_range, first + 1, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */) == 0)
		syscall(SYS_execveat, program_fd, "", argv, env, AT_EMPTY_PATH);
	stage->error = errno;
	_exit(127);
}

/* clone, as vfork does it: our pages are not copied, we sleep until the child has its own program.
 */
static int start_stage(struct stage *stage, int *ret_pid_fd)
{
	static char stack[16384] __attribute__((aligned(16)));
	sigset_t all, saved;
	int pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &saved);
	pid = clone(become_stage, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, stage, ret_pid_fd);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	return pid;
}

int pyrt_spawn(const char *init_path, int first_fd, struct pyrt_child *ret_child,
	       const char **ret_call)
{
	cleanup_fd int program_fd = sealed_program(init_path, ret_call);
	cleanup_fd int pid_fd = -1;
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	struct stage stage = {.first_fd = first_fd};
	int ends[2];
	int pid;

	if (program_fd < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(ret_call, "socketpair");
	ours = ends[0];
	theirs = ends[1];
	stage.program_fd = program_fd;
	stage.sync_fd = theirs;
	snprintf(stage.first_fd_text, sizeof(stage.first_fd_text), "%d", first_fd);
	pid = start_stage(&stage, &pid_fd);
	if (pid < 0)
		return fail(ret_call, "clone");
	if (stage.error) {
		RETRY(waitpid(pid, NULL, 0));
		errno = stage.error;
		return fail(ret_call, "execveat init program");
	}
	ret_child->pid = pid;
	ret_child->pid_fd = steal_fd(&pid_fd);
	ret_child->sync_fd = steal_fd(&ours);
	return 0;
}
