/* A wtsapi32.dll such as an attacker leaves beside a program: whoever loads it
 * finds the file planted.txt in the folder MSGTEST. It is never shipped.
 */
#include <windows.h>
#include <wchar.h>

BOOL WINAPI DllMain(HINSTANCE self, DWORD why, LPVOID reserved)
{
	wchar_t path[2 * MAX_PATH];

	(void)self, (void)reserved;
	if (why == DLL_PROCESS_ATTACH && GetEnvironmentVariableW(L"MSGTEST", path, MAX_PATH)) {
		wcscat(path, L"\\planted.txt");
		CloseHandle(CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL));
	}
	return TRUE;
}

__declspec(dllexport) BOOL WINAPI WTSEnumerateSessionsW(void) { return FALSE; }
