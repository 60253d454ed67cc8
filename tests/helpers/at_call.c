/*
 * Does something to one process of a command at one of its system calls, before the call is made.
 *
 *	at_call WHO CALL N ACTION LOG COMMAND...
 *
 *	WHO	runtime, stage (its first child) or init (the first child of that)
 *	CALL	number of the system call, -1 for any
 *	N	the how many-th of these; 0 for none
 *	ACTION	signal-9: the process gets that signal
 *		error-5: the call is not made and fails with that errno
 *		hold: the process waits; at_call stops itself, and both go on when it gets SIGCONT
 *	LOG	gets the numbers of WHO's system calls
 *
 * The exit status is the command's, 128+N for a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum role { NOBODY, WAITING, RUNTIME, STAGE, INIT, OTHER };

static struct {
	pid_t pid;
	enum role role;
} known[64];

static enum role wanted_role;
static long wanted_call, wanted_count, seen, injected_errno;
static const char *action;
static int has_begun; /* the command's own calls count, not those that lead to it */
static FILE *calls;

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(125);
}

static enum role *role_of(pid_t pid)
{
	size_t i = 0;

	while (known[i].pid && known[i].pid != pid)
		if (++i == sizeof(known) / sizeof(*known) - 1)
			give_up("too many processes");
	known[i].pid = pid;
	return &known[i].role;
}

static void resume(pid_t pid, int number)
{
	ptrace(PTRACE_SYSCALL, pid, 0, number); /* may be dead already */
}

/* The call that the process is about to make becomes one that does not exist, or its result is replaced. */
static void change_call(pid_t pid, int is_entry)
{
#ifdef __x86_64__
	struct user_regs_struct registers;

	ptrace(PTRACE_GETREGS, pid, 0, &registers);
	if (is_entry)
		registers.orig_rax = (unsigned long)-1;
	else
		registers.rax = (unsigned long)-injected_errno;
	ptrace(PTRACE_SETREGS, pid, 0, &registers);
#else
	(void)pid, (void)is_entry;
	give_up("errors can be injected on x86-64 only");
#endif
}

static void act(pid_t pid)
{
	if (strncmp(action, "signal-", 7) == 0)
		kill(pid, atoi(action + 7));
	else if (strcmp(action, "hold") == 0)
		raise(SIGSTOP);
	else if (strncmp(action, "error-", 6) == 0) {
		injected_errno = atoi(action + 6);
		change_call(pid, 1);
	}
}

static void take_call(pid_t pid)
{
	struct __ptrace_syscall_info info = {0};

	if (!has_begun || *role_of(pid) != wanted_role ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		long number = (long)info.entry.nr;

		fprintf(calls, "%ld\n", number);
		if ((wanted_call < 0 || number == wanted_call) && ++seen == wanted_count)
			act(pid);
	} else if (injected_errno) {
		change_call(pid, 0);
		injected_errno = 0;
	}
}

/* A child may stop for the first time before its parent has told that it made one. */
static void take_child(pid_t parent)
{
	static int children_of[OTHER + 1];
	unsigned long pid = 0;
	enum role *role, mine = *role_of(parent);

	if (ptrace(PTRACE_GETEVENTMSG, parent, 0, &pid) < 0)
		return;
	role = role_of((pid_t)pid);
	if (*role == WAITING)
		resume((pid_t)pid, 0);
	*role = OTHER;
	if ((mine == RUNTIME || mine == STAGE) && children_of[mine]++ == 0)
		*role = mine + 1;
}

static void take_stop(pid_t pid, int status)
{
	int event = status >> 16, number = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && *role_of(pid) == NOBODY) {
		*role_of(pid) = WAITING;
		return;
	}
	if (event == PTRACE_EVENT_EXEC)
		has_begun = 1;
	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE)
		take_child(pid);
	if (number == (SIGTRAP | 0x80))
		take_call(pid);
	resume(pid, event || number == (SIGTRAP | 0x80) ? 0 : number);
}

static pid_t start(char **argv)
{
	int gate[2];
	pid_t pid;

	if (pipe(gate) < 0 || (pid = fork()) < 0)
		give_up("fork");
	if (pid == 0) {
		char byte;

		close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		close(gate[0]);
		execv(argv[0], argv);
		give_up(argv[0]);
	}
	*role_of(pid) = RUNTIME;
	/* Whom nobody asks about is not slowed down. */
	if (ptrace(PTRACE_SEIZE, pid, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
			   (wanted_role == RUNTIME ? 0 : PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
								PTRACE_O_TRACECLONE)) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		give_up("ptrace");
	close(gate[0]);
	close(gate[1]);
	return pid;
}

int main(int argc, char **argv)
{
	pid_t command, pid;
	int status;

	if (argc < 7) {
		fprintf(stderr, "usage: at_call WHO CALL N ACTION LOG COMMAND...\n");
		return 125;
	}
	wanted_role = strcmp(argv[1], "stage") == 0 ? STAGE : strcmp(argv[1], "init") == 0 ? INIT : RUNTIME;
	wanted_call = atol(argv[2]);
	wanted_count = atol(argv[3]);
	action = argv[4];
	calls = fopen(argv[5], "we");
	if (!calls)
		give_up(argv[5]);
	command = start(argv + 6);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			take_stop(pid, status);
		} else if (pid == command) {
			fclose(calls); /* whoever still runs is let go by our end */
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		}
	}
	give_up("waitpid");
}
