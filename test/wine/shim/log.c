/* The log: one JSON object a line. Several threads and processes write to it,
 * and in Wine an appending write is not one step, so they take turns.
 */
#include "shim.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* MSGTEST names the folder. Services do not see that, and have the default. */
const wchar_t *log_folder(void)
{
	static wchar_t folder[MAX_PATH];

	if (!*folder && !GetEnvironmentVariableW(L"MSGTEST", folder, MAX_PATH))
		wcscpy(folder, L"C:\\msgtest");
	return folder;
}

struct text text_of(const wchar_t *s) { return (struct text){s, wcslen(s)}; }

struct line { char *bytes; size_t length, room; };

static void add(struct line *l, const char *bytes, size_t n)
{
	if (l->length + n > l->room)
		l->bytes = realloc(l->bytes, l->room = 2 * (l->length + n));
	memcpy(l->bytes + l->length, bytes, n);
	l->length += n;
}

static void add_string(struct line *l, struct text t)
{
	char unit[8];

	add(l, "\"", 1);
	for (size_t i = 0; i < t.count; i++) {
		wchar_t c = t.units[i];
		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			sprintf(unit, "\\u%04x", (unsigned)c);
		else
			sprintf(unit, "%c", (char)c);
		add(l, unit, strlen(unit));
	}
	add(l, "\"", 1);
}

static void append(struct line *l)
{
	wchar_t path[2 * MAX_PATH];
	DWORD written;
	HANDLE f, turn = CreateMutexW(NULL, FALSE, L"msgtest-log");

	/* A mutex whose thread has ended with its process is ours as well. */
	WaitForSingleObject(turn, INFINITE);
	swprintf(path, 2 * MAX_PATH, L"%ls\\calls.jsonl", log_folder());
	f = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, 0, NULL);
	if (f != INVALID_HANDLE_VALUE) {
		WriteFile(f, l->bytes, l->length, &written, NULL);
		CloseHandle(f);
	}
	ReleaseMutex(turn);
	CloseHandle(turn);
}

void log_call(const char *format, ...)
{
	struct line l = {0};
	char number[16];
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			add(&l, format, 1);
		} else if (*++format == 's') {
			add_string(&l, va_arg(args, struct text));
		} else {
			sprintf(number, "%u", va_arg(args, unsigned));
			add(&l, number, strlen(number));
		}
	}
	va_end(args);
	add(&l, "\n", 1);
	append(&l);
	free(l.bytes);
}
