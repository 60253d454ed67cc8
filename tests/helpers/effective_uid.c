/* Says with whose rights it runs: what critest has in an image to see whether set-user-ID programs get theirs. */

#include <stdio.h>
#include <unistd.h>

int main(void)
{
	printf("Effective uid: %d\n", (int)geteuid());
	return 0;
}
