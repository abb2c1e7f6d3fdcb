/* The table of sessions, sessions.txt beside the log, in UTF-8. It is read when
 * the program starts, and again when sessions are listed and it has changed.
 *
 *	SERVER|ID|STATION|STATE|USER|DOMAIN|CLIENT|SEND[|IDLE[|LOGON]]
 *	    SERVER  . is this computer
 *	    STATE   active, connected, disconnected, idle, listen, down, or a number
 *	    SEND    box, resp=N, err=N or silent; delay=MS, may stand in front
 *	    IDLE    seconds; empty if it is not known
 *	    LOGON   2026-11-23T08:15:00, UTC
 *	now|2026-11-23T09:00:00     the time of all servers, else that of the system
 *	openerr|SERVER|N            whatever is asked of SERVER fails with N
 *	nohandle|SERVER|N           SERVER cannot be opened: N
 *	queryerr|SERVER|N           sessions are listed, but nothing is said of them: N
 *	slow|SERVER|MS              how long SERVER takes to list
 *	limit|SERVER|UNITS          the longest title or text
 */
#include "shim.h"
#include <stdio.h>
#include <stdlib.h>

enum { MAX_SESSIONS = 512, MAX_TRAITS = 64 };

/* The sessions as the file had them at one time; behind the last is one without
 * a server. They stay for good, because somebody may be at work on them. */
static struct session *volatile sessions;
static int session_count;
static FILETIME file_time; /* of the file that was read last */
static struct { wchar_t server[64]; DWORD is[TRAITS]; } traits[MAX_TRAITS];
static int trait_count;
static LARGE_INTEGER now;

static void widen(const char *from, wchar_t *to, int room)
{
	if (!MultiByteToWideChar(CP_UTF8, 0, from, -1, to, room))
		*to = 0;
}

static LARGE_INTEGER parse_time(const char *s)
{
	LARGE_INTEGER t = {.QuadPart = 0};
	SYSTEMTIME c = {0};
	FILETIME f;

	if (sscanf(s, "%hu-%hu-%huT%hu:%hu:%hu", &c.wYear, &c.wMonth, &c.wDay, &c.wHour, &c.wMinute, &c.wSecond) == 6 &&
	    SystemTimeToFileTime(&c, &f)) {
		t.LowPart = f.dwLowDateTime;
		t.HighPart = f.dwHighDateTime;
	}
	return t;
}

static WTS_CONNECTSTATE_CLASS parse_state(const char *s)
{
	static const struct { const char *name; WTS_CONNECTSTATE_CLASS state; } names[] = {
		{"active", WTSActive}, {"connected", WTSConnected}, {"disconnected", WTSDisconnected},
		{"idle", WTSIdle}, {"listen", WTSListen}, {"down", WTSDown},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i].name, s))
			return names[i].state;
	return atoi(s);
}

static void parse_send(struct session *s, const char *words)
{
	const char *comma;

	if (!strncmp(words, "delay=", 6) && (comma = strchr(words, ','))) {
		s->delay = atoi(words + 6);
		words = comma + 1;
	}
	if (!strncmp(words, "err=", 4)) {
		s->verb = FAILS;
		s->number = strtoul(words + 4, NULL, 0);
	} else if (!strncmp(words, "resp=", 5)) {
		s->verb = ANSWERS;
		s->number = atoi(words + 5);
	} else {
		s->verb = strcmp(words, "silent") ? SHOWS_BOX : STAYS_SILENT;
	}
}

static void add_trait(const char *server, enum trait which, const char *value)
{
	wchar_t name[64];
	int i = 0;

	widen(server, name, 64);
	while (i < trait_count && _wcsicmp(traits[i].server, name))
		i++;
	if (i == MAX_TRAITS)
		return;
	if (i == trait_count)
		wcscpy(traits[trait_count++].server, name);
	traits[i].is[which] = strtoul(value, NULL, 0);
}

static void add_session(struct session *to, char *field[], int fields)
{
	struct session *s = &to[session_count];

	if (session_count == MAX_SESSIONS)
		return;
	session_count++;
	widen(field[0], s->server, 64);
	s->id = strtoul(field[1], NULL, 10);
	widen(field[2], s->station, WINSTATIONNAME_LENGTH + 1);
	s->state = parse_state(field[3]);
	widen(field[4], s->user, 64);
	widen(field[5], s->domain, 64);
	widen(field[6], s->client, 64);
	parse_send(s, field[7]);
	s->idle = fields > 8 && *field[8] ? atoll(field[8]) : -1;
	if (fields > 9)
		s->logon = parse_time(field[9]);
}

static void parse_line(struct session *to, char *line)
{
	static const char *const names[TRAITS] = {"openerr", "nohandle", "queryerr", "slow", "limit"};
	char *field[10];
	int fields = 0;

	for (char *s = line; s && fields < 10; fields++) {
		field[fields] = s;
		if ((s = strchr(s, '|')))
			*s++ = 0;
	}
	if (fields >= 8) {
		add_session(to, field, fields);
	} else if (fields == 2 && !strcmp(field[0], "now")) {
		now = parse_time(field[1]);
	} else if (fields == 3) {
		for (int i = 0; i < TRAITS; i++)
			if (!strcmp(field[0], names[i]))
				add_trait(field[1], i, field[2]);
	}
}

void table_load(void)
{
	WIN32_FILE_ATTRIBUTE_DATA file = {0};
	struct session *to;
	wchar_t path[2 * MAX_PATH];
	char line[1024];
	FILE *f;

	swprintf(path, 2 * MAX_PATH, L"%ls\\sessions.txt", log_folder());
	GetFileAttributesExW(path, GetFileExInfoStandard, &file);
	if (sessions && !CompareFileTime(&file.ftLastWriteTime, &file_time))
		return;
	file_time = file.ftLastWriteTime;
	session_count = 0;
	to = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, (MAX_SESSIONS + 1) * sizeof *to);
	if (!sessions)
		sessions = to;
	if (!(f = _wfopen(path, L"rb")))
		return;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\r\n")] = 0;
		if (*line && *line != '#')
			parse_line(to, line);
	}
	fclose(f);
	sessions = to;
}

LARGE_INTEGER table_now(void)
{
	LARGE_INTEGER t = now;
	FILETIME f;

	if (!t.QuadPart) {
		GetSystemTimeAsFileTime(&f);
		t.LowPart = f.dwLowDateTime;
		t.HighPart = f.dwHighDateTime;
	}
	return t;
}

DWORD table_trait(const wchar_t *server, enum trait which)
{
	for (int i = 0; i < trait_count; i++)
		if (!_wcsicmp(traits[i].server, server))
			return traits[i].is[which];
	return 0;
}

/* This computer is there even if nobody is signed in. */
BOOL table_knows(const wchar_t *server) { return !wcscmp(server, L".") || table_next(server, NULL); }

struct session *table_next(const wchar_t *server, struct session *after)
{
	struct session *s = after ? after + 1 : sessions;

	while (*s->server && _wcsicmp(s->server, server))
		s++;
	return *s->server ? s : NULL;
}

struct session *table_find(const wchar_t *server, DWORD id)
{
	struct session *s = NULL;

	while ((s = table_next(server, s)))
		if (s->id == id)
			return s;
	return NULL;
}
