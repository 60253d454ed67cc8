/*
 * In the place of a runtime, between it and an engine: runs it, and appends a line of JSON to a file with the
 * arguments, the exit status and the milliseconds that it took.
 *
 * The file PROGRAM.calls beside it has the path of the runtime and of that file, on a line each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;

static void forward(int number)
{
	if (child > 0)
		kill(child, number);
}

static void quoted(FILE *line, const char *text)
{
	fputc('"', line);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(line, "\\%c", byte);
		else if (byte < 0x20)
			fprintf(line, "\\u%04x", byte);
		else
			fputc(byte, line);
	}
	fputc('"', line);
}

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The two lines of the file beside the program. */
static int configured(char *runtime, char *log)
{
	char path[PATH_MAX + 8];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
	FILE *file;

	if (length < 0)
		return -1;
	strcpy(path + length, ".calls");
	file = fopen(path, "re");
	if (!file || !fgets(runtime, PATH_MAX, file) || !fgets(log, PATH_MAX, file))
		return -1;
	fclose(file);
	runtime[strcspn(runtime, "\n")] = log[strcspn(log, "\n")] = 0;
	return 0;
}

/* One write: many calls append at the same time. */
static void record(const char *log, char **argv, double when, double ms, int status)
{
	char *text = NULL;
	size_t size = 0;
	FILE *line = open_memstream(&text, &size);
	int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	fprintf(line, "{\"time\": %.3f, \"argv\": [", when);
	for (int i = 0; argv[i]; i++) {
		fputs(i ? ", " : "", line);
		quoted(line, argv[i]);
	}
	fprintf(line, "], \"%s\": %d, \"ms\": %.2f}\n", WIFEXITED(status) ? "exit" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), ms);
	fclose(line);
	if (fd >= 0 && write(fd, text, size) < 0)
		perror(log);
}

int main(int argc, char **argv)
{
	static char runtime[PATH_MAX], log[PATH_MAX];
	double when = now(CLOCK_REALTIME), begin = now(CLOCK_MONOTONIC);
	int status = 0;

	(void)argc;
	if (configured(runtime, log) < 0) {
		perror("calls: what is the runtime");
		return 127;
	}
	child = fork();
	if (child == 0) {
		execv(runtime, argv);
		perror(runtime);
		_exit(127);
	}
	signal(SIGTERM, forward);
	signal(SIGINT, forward);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	record(log, argv, when, (now(CLOCK_MONOTONIC) - begin) * 1000, status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
