/*
 * The program that tests run inside of containers: static, needs nothing in the image.
 *
 *	inside probe [LABEL=PATH...]	prints all it can find out about where it runs, and these files
 *	inside pause			waits for ever
 *	inside exit N			ends with that status
 *	inside signals			prints "ready", then the number of each signal that comes; ends on 15
 *	inside write PATH TEXT		opens, writes; prints "ok" or the errno
 *	inside read PATH		the same for reading
 *	inside open MODE:PATH...	opens (r, w or rw); prints "ok" or the errno for each
 *	inside syscall N [ARG...]	makes a system call; prints its result or the errno
 *	inside hold MEGABYTES		uses that much memory, then waits
 *	inside fork N			starts N children that wait; prints how many came
 *	inside tty			prints what it knows of its terminal
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

/* Values are printed as JSON strings, everything but plain ASCII escaped. */
static void print_string(const char *text, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\' || c < ' ' || c > '~')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_text(const char *key, const char *value)
{
	printf(",\n\"%s\": ", key);
	print_string(value, strlen(value));
}

static void print_file(const char *key, const char *path)
{
	static char data[1 << 20];
	size_t len = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		snprintf(data, sizeof(data), "(%s)", strerror(errno));
		print_text(key, data);
		return;
	}
	while (len < sizeof(data) && (got = read(fd, data + len, sizeof(data) - len)) > 0)
		len += (size_t)got;
	close(fd);
	printf(",\n\"%s\": ", key);
	print_string(data, len);
}

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? "d" :
	       S_ISCHR(mode) ? "c" :
	       S_ISBLK(mode) ? "b" :
	       S_ISLNK(mode) ? "l" :
	       S_ISFIFO(mode) ? "p" :
	       S_ISSOCK(mode) ? "s" : "-";
}

/* name: "kind mode owner:group major:minor link", in a flat object. */
static void print_directory(const char *key, const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	const char *comma = "";

	printf(",\n\"%s\": {", key);
	while (directory && (entry = readdir(directory))) {
		char link[4096] = "";
		char text[8192];
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISLNK(st.st_mode)) {
			ssize_t len = readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);

			link[len < 0 ? 0 : len] = '\0';
		}
		snprintf(text, sizeof(text), "%s %04o %u:%u %u:%u %s", kind_of(st.st_mode),
			 st.st_mode & 07777, st.st_uid, st.st_gid, major(st.st_rdev),
			 minor(st.st_rdev), link);
		printf("%s\n  ", comma);
		print_string(entry->d_name, strlen(entry->d_name));
		printf(": ");
		print_string(text, strlen(text));
		comma = ",";
	}
	printf("}");
	if (directory)
		closedir(directory);
}

static void print_fds(void)
{
	const char *comma = "";

	printf(",\n\"fds\": {");
	for (int fd = 0; fd < 1024; fd++) {
		char path[64], link[4096];
		struct stat st;
		ssize_t len;

		if (fstat(fd, &st) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, link, sizeof(link) - 1);
		link[len < 0 ? 0 : len] = '\0';
		printf("%s\n  \"%d\": \"%s %u:%u %u \"", comma, fd, kind_of(st.st_mode),
		       major(st.st_rdev), minor(st.st_rdev), st.st_uid);
		comma = ",";
	}
	printf("}");
}

static void print_ids(void)
{
	gid_t groups[1024];
	int count = getgroups(1024, groups);
	mode_t mask = umask(0);

	umask(mask);
	printf(",\n\"ids\": \"%u %u %u %u\"", getuid(), geteuid(), getgid(), getegid());
	printf(",\n\"groups\": [");
	for (int i = 0; i < count; i++)
		printf("%s%u", i ? ", " : "", groups[i]);
	printf("]");
	printf(",\n\"umask\": \"%04o\"", mask);
	printf(",\n\"pids\": \"%d %d %d %d\"", getpid(), getppid(), getpgrp(), getsid(0));
	printf(",\n\"securebits\": %d", prctl(PR_GET_SECUREBITS));
	printf(",\n\"dumpable\": %d", prctl(PR_GET_DUMPABLE));
	printf(",\n\"death_signal\": %d",
	       ({ int number = 0; prctl(PR_GET_PDEATHSIG, &number); number; }));
	printf(",\n\"subreaper\": %d",
	       ({ int yes = 0; prctl(PR_GET_CHILD_SUBREAPER, &yes); yes; }));
}

static void print_keyring(void)
{
	char text[256] = "";
	long ring = syscall(SYS_keyctl, 0 /* GET_KEYRING_ID */, -3 /* session */, 0);

	if (ring >= 0)
		syscall(SYS_keyctl, 6 /* DESCRIBE */, ring, text, sizeof(text));
	print_text("keyring", text);
}

static void print_signals(void)
{
	sigset_t blocked;
	const char *comma = "";

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	printf(",\n\"signals_blocked\": [");
	for (int i = 1; i < 65; i++)
		if (sigismember(&blocked, i) == 1) {
			printf("%s%d", comma, i);
			comma = ", ";
		}
	comma = "";
	printf("],\n\"signals_not_default\": [");
	for (int i = 1; i < 65; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
			printf("%s%d", comma, i);
			comma = ", ";
		}
	}
	printf("]");
}

static int probe(int argc, char **argv)
{
	static const char *const files[] = { "status", "limits", "mountinfo", "cgroup", "oom_score_adj",
					     "uid_map", "gid_map", "setgroups", "personality",
					     "timens_offsets" };
	char path[4096];
	struct utsname uts;

	printf("{\n\"probe\": 1");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/self/%s", files[i]);
		print_file(files[i], path);
	}
	print_directory("ns", "/proc/self/ns");
	print_directory("dev", "/dev");
	print_directory("dev_pts", "/dev/pts");
	print_directory("root", "/");
	print_directory("sys_fs_cgroup", "/sys/fs/cgroup");
	print_file("net_dev", "/proc/self/net/dev");
	print_fds();
	print_ids();
	print_keyring();
	print_signals();
	uname(&uts);
	print_text("hostname", uts.nodename);
	print_text("domainname", uts.domainname);
	print_text("cwd", getcwd(path, sizeof(path)) ? path : strerror(errno));
	printf(",\n\"env\": [");
	for (char **entry = environ; *entry; entry++) {
		printf("%s\n  ", entry == environ ? "" : ",");
		print_string(*entry, strlen(*entry));
	}
	printf("]");
	for (int i = 0; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (equals) {
			*equals = '\0';
			print_file(argv[i], equals + 1);
		}
	}
	printf("\n}\n");
	return 0;
}

static int print_result(long result)
{
	if (result < 0)
		printf("errno %d\n", errno);
	else
		printf("ok\n");
	return result < 0;
}

static void handle(int number)
{
	dprintf(1, "%d\n", number); /* not stdio: it may interrupt itself */
	if (number == SIGTERM)
		exit(0);
}

static _Noreturn void signals(void)
{
	for (int i = 1; i < 65; i++)
		signal(i, handle);
	dprintf(1, "ready\n");
	for (;;)
		pause();
}

static int do_syscall(int argc, char **argv)
{
	long args[7] = { 0 };

	for (int i = 0; i < argc && i < 7; i++)
		args[i] = strtol(argv[i], NULL, 0);
	return print_result(syscall(args[0], args[1], args[2], args[3], args[4], args[5], args[6]));
}

static int hold(size_t megabytes)
{
	char *memory = mmap(NULL, megabytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return print_result(-1);
	memset(memory, 1, megabytes << 20);
	printf("ok\n");
	fflush(stdout);
	for (;;)
		pause();
}

static int fork_many(int wanted)
{
	int count = 0;

	for (int i = 0; i < wanted; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				pause();
		if (pid > 0)
			count++;
	}
	printf("%d\n", count);
	fflush(stdout);
	return 0;
}

static int terminal(void)
{
	struct winsize size = { 0 };
	struct stat console;

	ioctl(0, TIOCGWINSZ, &size);
	printf("tty %d %d %d size %dx%d leader %d console %s\n", isatty(0), isatty(1), isatty(2), size.ws_row,
	       size.ws_col, tcgetsid(0) == getpid(), stat("/dev/console", &console) == 0 ?
	       kind_of(console.st_mode) : "missing");
	return 0;
}

static int open_and(int flags, const char *path, const char *text)
{
	char byte;
	int fd = open(path, flags);

	if (fd < 0)
		return print_result(-1);
	return print_result(text ? write(fd, text, strlen(text)) : read(fd, &byte, 1));
}

static int open_all(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *path = strchr(argv[i], ':');
		int flags = argv[i][0] == 'w' ? O_WRONLY : O_RDONLY;
		int fd;

		if (!path)
			return 2;
		if (strncmp(argv[i], "rw:", 3) == 0)
			flags = O_RDWR;
		fd = open(path + 1, flags | O_NONBLOCK);
		print_result(fd);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "probe") == 0)
		return probe(argc - 2, argv + 2);
	if (strcmp(verb, "pause") == 0)
		for (;;)
			pause();
	if (strcmp(verb, "exit") == 0 && argc > 2)
		return atoi(argv[2]);
	if (strcmp(verb, "signals") == 0)
		signals();
	if (strcmp(verb, "write") == 0 && argc > 3)
		return open_and(O_WRONLY, argv[2], argv[3]);
	if (strcmp(verb, "read") == 0 && argc > 2)
		return open_and(O_RDONLY, argv[2], NULL);
	if (strcmp(verb, "open") == 0)
		return open_all(argc - 2, argv + 2);
	if (strcmp(verb, "syscall") == 0)
		return do_syscall(argc - 2, argv + 2);
	if (strcmp(verb, "hold") == 0 && argc > 2)
		return hold((size_t)atoi(argv[2]));
	if (strcmp(verb, "fork") == 0 && argc > 2)
		return fork_many(atoi(argv[2]));
	if (strcmp(verb, "tty") == 0)
		return terminal();
	if (argc == 1 || strcmp(verb, "1000") == 0)
		for (;;)
			pause();
	fprintf(stderr, "inside: what is %s?\n", verb);
	return 2;
}
