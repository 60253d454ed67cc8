/*
 * Drives path.c for the tests: paths below the directory argv[1], one command a line.
 *
 *	open PATH | plain PATH | directory PATH | file PATH | parent PATH
 *
 * Answers with where the fd leads, as the kernel tells, or with the errno.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static struct init the_init;

static int resolve(const char *what, const char *path, const char **ret_name)
{
	if (strcmp(what, "open") == 0)
		return root_open(&the_init, path, O_PATH);
	if (strcmp(what, "plain") == 0)
		return root_open_plain(&the_init, path, O_PATH);
	if (strcmp(what, "directory") == 0)
		return root_make_directory(&the_init, path, 0755);
	if (strcmp(what, "file") == 0)
		return root_make_file(&the_init, path);
	return root_open_parent(&the_init, path, ret_name);
}

int main(int argc, char **argv)
{
	static char line[3 * PATH_MAX];

	the_init.root_fd = open(argv[argc - 1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	umask(0);
	while (fgets(line, sizeof(line), stdin)) {
		char link[64], place[PATH_MAX];
		const char *name = "";
		char *path = strchr(line, ' ');
		ssize_t len;
		int fd;

		line[strcspn(line, "\n")] = '\0';
		*path++ = '\0';
		fd = resolve(line, path, &name);
		if (fd < 0) {
			printf("%s\n", strerrorname_np(errno));
		} else {
			snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			len = readlink(link, place, sizeof(place));
			printf("%.*s %s\n", (int)len, place, name);
			close(fd);
		}
		fflush(stdout);
	}
	return 0;
}
