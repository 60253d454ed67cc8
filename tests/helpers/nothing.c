// The smallest program: it ends.

int main(void)
{
	return 0;
}
