/* The test-only bcryptprimitives.dll. The Go runtime needs its ProcessPrng to
 * start, and Wine 8 has no such DLL. It is never shipped.
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom, of advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T n)
{
	while (n) {
		ULONG part = n > 1 << 20 ? 1 << 20 : (ULONG)n;
		if (!SystemFunction036(to, part))
			return FALSE;
		to += part;
		n -= part;
	}
	return TRUE;
}
