/* How a box is shown. On Windows the system draws it in the session, so it
 * outlives the program that sent it, and a service, which has no desktop that
 * can be seen, can send it as well. Here a program of its own does, msgbox.exe.
 */
#include "shim.h"
#include <stdio.h>

static BOOL put(HANDLE f, const void *bytes, DWORD n)
{
	DWORD written;

	return WriteFile(f, bytes, n, &written, NULL) && written == n;
}

/* Writes what to show to a file, which the box removes. */
static BOOL order(wchar_t *path, struct text title, struct text message, DWORD style, DWORD seconds)
{
	DWORD head[4] = {style, seconds, title.count, message.count};
	HANDLE f;
	BOOL done;

	if (!GetTempFileNameW(log_folder(), L"box", 0, path))
		return FALSE;
	f = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	if (f == INVALID_HANDLE_VALUE)
		return FALSE;
	done = put(f, head, sizeof head) && put(f, title.units, 2 * title.count) && put(f, message.units, 2 * message.count);
	CloseHandle(f);
	return done;
}

BOOL box_show(struct text title, struct text message, DWORD style, DWORD seconds, BOOL wait, DWORD *answer)
{
	wchar_t path[MAX_PATH], command[2 * MAX_PATH];
	wchar_t desktop[] = L"WinSta0\\Default";
	STARTUPINFOW start = {.cb = sizeof start, .lpDesktop = desktop};
	PROCESS_INFORMATION box;

	if (!order(path, title, message, style, seconds))
		return FALSE;
	swprintf(command, 2 * MAX_PATH, L"msgbox.exe %ls", path);
	if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, DETACHED_PROCESS, NULL, NULL, &start, &box))
		return FALSE;
	*answer = IDASYNC;
	if (wait) {
		WaitForSingleObject(box.hProcess, INFINITE);
		GetExitCodeProcess(box.hProcess, answer);
	}
	CloseHandle(box.hThread);
	CloseHandle(box.hProcess);
	return TRUE;
}
