/* Prints the description and the security label of the session keyring, as the kernel has them. */
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/keyctl.h, which is not everywhere. */
#define KEY_SPEC_SESSION_KEYRING -3
#define KEYCTL_DESCRIBE 6
#define KEYCTL_GET_SECURITY 17

static void show(int what)
{
	char text[256] = "";

	if (syscall(SYS_keyctl, what, KEY_SPEC_SESSION_KEYRING, text, sizeof(text) - 1) < 0)
		perror("keyctl");
	puts(text);
}

int main(void)
{
	show(KEYCTL_DESCRIBE);
	show(KEYCTL_GET_SECURITY);
	return 0;
}
