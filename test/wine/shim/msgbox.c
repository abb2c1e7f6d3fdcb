/* msgbox.exe FILE shows the box that FILE orders (see box.c) and exits with the
 * button that was pressed, or IDTIMEOUT. It is never shipped.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <wtsapi32.h>

static BOOL CALLBACK end(HWND window, LPARAM unused)
{
	wchar_t class[16];

	(void)unused;
	if (GetClassNameW(window, class, 16) && !wcscmp(class, L"#32770"))
		EndDialog(window, IDTIMEOUT);
	return TRUE;
}

/* Wine's MessageBoxTimeoutW does not know time-outs. The loop of the box runs
 * this instead. */
static VOID CALLBACK tick(HWND window, UINT message, UINT_PTR timer, DWORD time)
{
	(void)window, (void)message, (void)time;
	KillTimer(NULL, timer);
	EnumThreadWindows(GetCurrentThreadId(), end, 0);
}

static wchar_t *get(FILE *f, DWORD units)
{
	wchar_t *s = calloc(units + 1, sizeof *s);

	if (!s || fread(s, sizeof *s, units, f) != units)
		exit(1);
	return s;
}

int wmain(int argc, wchar_t **argv)
{
	DWORD head[4];
	wchar_t *title, *message;
	FILE *f = argc == 2 ? _wfopen(argv[1], L"rb") : NULL;

	if (!f || fread(head, sizeof *head, 4, f) != 4)
		return 1;
	title = get(f, head[2]);
	message = get(f, head[3]);
	fclose(f);
	DeleteFileW(argv[1]);
	if (head[1])
		SetTimer(NULL, 0, head[1] * 1000, tick);
	return MessageBoxW(NULL, message, title, head[0] | MB_SETFOREGROUND | MB_TOPMOST);
}
