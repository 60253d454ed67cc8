# A program for 32 bits (x86): getppid (64), then exit (1) with its errno, 0 if it is allowed.
.globl _start
_start:
	mov $64, %eax
	int $0x80
	xor %ebx, %ebx
	test %eax, %eax
	jns end
	sub %eax, %ebx
end:
	mov $1, %eax
	int $0x80
