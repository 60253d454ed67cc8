/*
 * In the place of an engine: runs a command, ends with its status, and stays in the background as the
 * parent of what it leaves.
 *
 *	shim COMMAND...
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status = 0, report[2];
	pid_t command, ended;

	if (argc < 2 || pipe2(report, O_CLOEXEC) < 0)
		return 2;
	if (fork() > 0) {
		close(report[1]);
		return read(report[0], &status, sizeof(status)) == sizeof(status) ? status : 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	command = fork();
	if (command == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	/* A container's process may be left to us, and end, before the command does. */
	do
		ended = wait(&status);
	while (ended >= 0 && ended != command);
	if (ended < 0)
		return 2;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	if (write(report[1], &status, sizeof(status)) < 0)
		return 2;
	close(report[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
