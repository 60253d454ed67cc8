/*
 * Drives plan.c and sync.c for the tests: reads commands on stdin, answers with one line each.
 *
 *	P n_fds len DATA	checks a plan; reads all operations of a good one
 *	R type len max_fds	receives a message from the socket
 *	S type len fd DATA	sends a message to the socket
 *	T			prints the table of operations
 *
 * The socket is the fd given as argv[1]. A command is its letter, then numbers of 4 bytes, then the
 *data. stubs.h has one op_<name>() for each operation, which writes down its fields; it is made
 *from the operation table by conftest.py.
 */
#define PLAN_CHECK
#define PLAN_DISPATCH
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>

#include "plan.h"
#include "sync.h"

static void put_string(const char *text)
{
	putchar(' ');
	for (; *text; text++)
		printf("%02x", (unsigned char)*text);
	putchar('.');
}

static void put_bytes(struct plan_bytes bytes)
{
	putchar(' ');
	for (uint32_t i = 0; i < bytes.len; i++)
		printf("%02x", bytes.data[i]);
	putchar('.');
}

static void put_list(struct plan_strv list)
{
	const char *text;

	printf(" [");
	while ((text = plan_strv_next(&list)))
		put_string(text);
	printf(" ]");
}

#include "stubs.h"

static int socket_fd;

static uint32_t number(void)
{
	uint32_t value = 0;

	if (fread(&value, sizeof(value), 1, stdin) != 1)
		exit(1);
	return value;
}

/* Exactly as large as the data, so that the sanitizer sees the first byte too far. */
static void *data(uint32_t len)
{
	void *bytes = malloc(len);

	if (len && fread(bytes, len, 1, stdin) != 1)
		exit(1);
	return bytes;
}

static int open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the directory itself */

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void check_plan(void)
{
	uint32_t n_fds = number();
	uint32_t len = number();
	uint8_t *bytes = data(len);
	const char *reason = "";
	struct plan plan;
	struct plan_record record;

	if (plan_check(bytes, len, n_fds, &plan, &reason) < 0) {
		printf("refused: %s", reason);
	} else {
		printf("ok: %u %u", plan.longest_list, plan.n_slots);
		while (plan_next(&plan, &record)) {
			printf("|%u", record.phase);
			if (plan_dispatch(NULL, record.op, record.fields) < 0)
				printf(" no such operation");
		}
	}
	free(bytes);
}

static void receive(void)
{
	uint32_t type = number();
	uint32_t len = number();
	int max_fds = (int)number();
	uint8_t *payload = malloc(len);
	int *fds = malloc((size_t)max_fds * sizeof(int));
	int before = open_fds();
	int count = sync_receive(socket_fd, type, payload, len, fds, max_fds);

	printf("%d %s ", count, count < 0 ? strerrorname_np(errno) : "-");
	for (uint32_t i = 0; count >= 0 && i < len; i++)
		printf("%02x", payload[i]);
	for (int i = 0; i < count; i++)
		close(fds[i]);
	printf(" %d", open_fds() - before);
	free(payload);
	free(fds);
}

static void send_message(void)
{
	uint32_t type = number();
	uint32_t len = number();
	int fd = (int)number();
	void *payload = data(len);
	int result = sync_send(socket_fd, type, payload, len, fd);

	printf("%d %s", result, result < 0 ? strerrorname_np(errno) : "-");
	free(payload);
}

static void print_table(void)
{
	printf("%d %d %d", PHASE_COUNT, OP_COUNT, SYNC_COUNT);
	for (int i = 0; i < OP_COUNT; i++)
		printf("|%s %u %s", PLAN_RULES[i].name, PLAN_RULES[i].phases, PLAN_RULES[i].types);
}

int main(int argc, char **argv)
{
	socket_fd = argc == 2 ? atoi(argv[1]) : -1;
	for (int command = getchar(); command != EOF; command = getchar()) {
		if (command == 'P')
			check_plan();
		else if (command == 'R')
			receive();
		else if (command == 'S')
			send_message();
		else if (command == 'T')
			print_table();
		putchar('\n');
		fflush(stdout);
	}
	return 0;
}
