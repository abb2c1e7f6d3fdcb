/* launch.exe FILE [CODEPAGE] gives the command line in FILE (UTF-8) to
 * CreateProcessW as it is, and exits as that program does. With a code page the
 * program has a console of its own, without a window, that has this code page
 * for input and output, whatever its standard handles are. It is never shipped.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

static DWORD run(wchar_t *command, DWORD flags)
{
	STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
	PROCESS_INFORMATION process;
	DWORD code;

	start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
	start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
	start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
	if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, flags, NULL, NULL, &start, &process)) {
		fprintf(stderr, "launch: CreateProcessW: error %lu\n", GetLastError());
		return 250;
	}
	WaitForSingleObject(process.hProcess, INFINITE);
	GetExitCodeProcess(process.hProcess, &code);
	return code;
}

static wchar_t *read_command(const wchar_t *path)
{
	static char bytes[1 << 16];
	static wchar_t command[1 << 15];
	FILE *f = _wfopen(path, L"rb");
	size_t n;

	if (!f)
		return NULL;
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	if (n && bytes[n - 1] == '\n')
		n--;
	n = MultiByteToWideChar(CP_UTF8, 0, bytes, (int)n, command, sizeof command / sizeof *command - 1);
	command[n] = 0;
	return command;
}

int wmain(int argc, wchar_t **argv)
{
	wchar_t again[2 * MAX_PATH], *command;

	if (argc == 3) { /* once more, in a console */
		swprintf(again, 2 * MAX_PATH, L"\"%ls\" \"%ls\" %ls in", argv[0], argv[1], argv[2]);
		return run(again, CREATE_NO_WINDOW);
	}
	if (argc == 4 && (!SetConsoleCP(_wtoi(argv[2])) || !SetConsoleOutputCP(_wtoi(argv[2])))) {
		fprintf(stderr, "launch: no console with the code page %ls: error %lu\n", argv[2], GetLastError());
		return 251;
	}
	if (argc < 2 || !(command = read_command(argv[1])))
		return 252;
	return run(command, 0);
}
