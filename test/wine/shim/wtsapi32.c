/* The calls. Each is logged before it is done; on success the last error is
 * junk, as it may be on Windows.
 */
#include "shim.h"
#include <stdio.h>
#include <stdlib.h>

enum { JUNK_ERROR = 0xdead, FIRST_HANDLE = 0x5340, HANDLES = 1024 };

static CRITICAL_SECTION lock;
static wchar_t *opened[HANDLES]; /* by handle; NULL when it was closed */
static unsigned open_count, close_count, bad_frees, bad_closes;

static BOOL done(void)
{
	SetLastError(JUNK_ERROR);
	return TRUE;
}

static BOOL failed(DWORD error)
{
	SetLastError(error);
	return FALSE;
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD why, LPVOID reserved)
{
	unsigned given, kept;

	(void)self, (void)reserved;
	if (why == DLL_PROCESS_ATTACH) {
		InitializeCriticalSection(&lock);
		memory_start();
		table_load();
	} else if (why == DLL_PROCESS_DETACH) {
		memory_report(&given, &kept);
		log_call("{\"fn\":\"exit\",\"process\":%u,\"buffers\":%u,\"kept\":%u,\"badFrees\":%u,"
			 "\"opened\":%u,\"unclosed\":%u,\"badCloses\":%u}",
			 (unsigned)GetCurrentProcessId(), given, kept, bad_frees, open_count, open_count - close_count,
			 bad_closes);
	}
	return TRUE;
}

/* The name of the server of a handle; NULL if the handle is not valid. */
static const wchar_t *server_of(HANDLE h)
{
	ULONG_PTR i = (ULONG_PTR)h - FIRST_HANDLE;
	const wchar_t *name = NULL;

	if (h == WTS_CURRENT_SERVER_HANDLE)
		return L".";
	EnterCriticalSection(&lock);
	if (i < open_count)
		name = opened[i];
	LeaveCriticalSection(&lock);
	return name;
}

static unsigned number(HANDLE h) { return (unsigned)(ULONG_PTR)h; }

/* What is wrong with a server, which shows at its first use; 0 if nothing is. */
static DWORD trouble(const wchar_t *server)
{
	if (!server)
		return ERROR_INVALID_HANDLE;
	if (table_trait(server, TRAIT_OPEN_ERROR))
		return table_trait(server, TRAIT_OPEN_ERROR);
	return table_knows(server) ? 0 : RPC_S_SERVER_UNAVAILABLE;
}

EXPORT HANDLE WINAPI WTSOpenServerW(LPWSTR name)
{
	HANDLE h = NULL;
	DWORD error = table_trait(name, TRAIT_NO_HANDLE);

	log_call("{\"fn\":\"WTSOpenServerW\",\"server\":%s}", text_of(name));
	EnterCriticalSection(&lock);
	if (open_count == HANDLES)
		error = ERROR_NOT_ENOUGH_MEMORY;
	if (!error) {
		opened[open_count] = _wcsdup(name);
		h = (HANDLE)(ULONG_PTR)(FIRST_HANDLE + open_count++);
	}
	LeaveCriticalSection(&lock);
	SetLastError(error ? error : JUNK_ERROR);
	return h;
}

EXPORT HANDLE WINAPI WTSOpenServerExW(LPWSTR name) { return WTSOpenServerW(name); }

/* This computer has no handle to close. */
EXPORT VOID WINAPI WTSCloseServer(HANDLE h)
{
	ULONG_PTR i = (ULONG_PTR)h - FIRST_HANDLE;

	log_call("{\"fn\":\"WTSCloseServer\",\"handle\":%u}", number(h));
	EnterCriticalSection(&lock);
	if (i < open_count && opened[i]) {
		opened[i] = NULL; /* the name stays: another thread may be using it */
		close_count++;
	} else {
		bad_closes++;
	}
	LeaveCriticalSection(&lock);
}

EXPORT VOID WINAPI WTSFreeMemory(PVOID p)
{
	if (p && !memory_take_back(p)) {
		log_call("{\"fn\":\"badFree\"}");
		bad_frees++;
	}
}

/* Sizes of the array and of the names behind it, which end the buffer. */
static DWORD measure(const wchar_t *server, size_t *array, size_t *names)
{
	DWORD n = 0;

	*array = *names = 0;
	for (struct session *s = NULL; (s = table_next(server, s)); n++) {
		*array += sizeof(WTS_SESSION_INFOW);
		*names += sizeof(wchar_t) * (wcslen(s->station) + 1);
	}
	return n;
}

static WTS_SESSION_INFOW *list(const wchar_t *server, DWORD *count)
{
	size_t array, names, padding;
	WTS_SESSION_INFOW *all, *info;
	wchar_t *name;

	*count = measure(server, &array, &names);
	padding = (8 - names % 8) % 8;
	all = info = memory_give(array + padding + names);
	name = (wchar_t *)((char *)all + array + padding);
	for (struct session *s = NULL; (s = table_next(server, s)); info++) {
		info->SessionId = s->id;
		info->State = s->state;
		info->pWinStationName = wcscpy(name, s->station);
		name += wcslen(name) + 1;
	}
	return all;
}

EXPORT BOOL WINAPI WTSEnumerateSessionsW(HANDLE h, DWORD reserved, DWORD version, PWTS_SESSION_INFOW *out, DWORD *count)
{
	const wchar_t *server = server_of(h);

	log_call("{\"fn\":\"WTSEnumerateSessionsW\",\"handle\":%u,\"reserved\":%u,\"version\":%u}", number(h),
		 (unsigned)reserved, (unsigned)version);
	if (reserved || version != 1 || !out || !count)
		return failed(ERROR_INVALID_PARAMETER);
	if (server)
		Sleep(table_trait(server, TRAIT_SLOW));
	if (trouble(server))
		return failed(trouble(server));
	EnterCriticalSection(&lock);
	table_load();
	*out = list(server, count);
	LeaveCriticalSection(&lock);
	return done();
}

/* What lies behind the end of a string in WTSINFOW is not zero. */
static void session_info(const struct session *s, WTSINFOW *to)
{
	const LONGLONG second = 10000000;
	LARGE_INTEGER now = table_now();

	to->State = s->state;
	to->SessionId = s->id;
	_snwprintf(to->WinStationName, WINSTATIONNAME_LENGTH, L"%.*ls", WINSTATIONNAME_LENGTH - 1, s->station);
	_snwprintf(to->Domain, DOMAIN_LENGTH, L"%.*ls", DOMAIN_LENGTH - 1, s->domain);
	_snwprintf(to->UserName, USERNAME_LENGTH + 1, L"%.*ls", USERNAME_LENGTH, s->user);
	to->ConnectTime = to->LogonTime = s->logon;
	to->DisconnectTime.QuadPart = 0;
	to->LastInputTime.QuadPart = s->idle < 0 ? 0 : now.QuadPart - s->idle * second;
	to->CurrentTime = now;
}

static LPWSTR give_string(const wchar_t *s, DWORD *bytes)
{
	*bytes = sizeof *s * (wcslen(s) + 1);
	return memcpy(memory_give(*bytes), s, *bytes);
}

static LPWSTR give(const struct session *s, int class, DWORD *bytes)
{
	LPWSTR buffer = NULL;

	switch (class) {
	case WTSUserName:
		return give_string(s->user, bytes);
	case WTSDomainName:
		return give_string(s->domain, bytes);
	case WTSWinStationName:
		return give_string(s->station, bytes);
	case WTSClientName:
		return give_string(s->client, bytes);
	case WTSConnectState:
		buffer = memory_give(*bytes = sizeof s->state);
		memcpy(buffer, &s->state, *bytes);
		break;
	case WTSSessionInfo:
		buffer = memory_give(*bytes = sizeof(WTSINFOW));
		session_info(s, (WTSINFOW *)buffer);
		break;
	}
	return buffer;
}

EXPORT BOOL WINAPI WTSQuerySessionInformationW(HANDLE h, DWORD id, WTS_INFO_CLASS class, LPWSTR *buffer, DWORD *bytes)
{
	const wchar_t *server = server_of(h);
	struct session *s;
	LPWSTR given;

	log_call("{\"fn\":\"WTSQuerySessionInformationW\",\"handle\":%u,\"session\":%u,\"class\":%u}", number(h), (unsigned)id,
		 (unsigned)class);
	if (!buffer || !bytes)
		return failed(ERROR_INVALID_PARAMETER);
	if (trouble(server))
		return failed(trouble(server));
	if (table_trait(server, TRAIT_QUERY_ERROR))
		return failed(table_trait(server, TRAIT_QUERY_ERROR));
	if (!(s = table_find(server, id)))
		return failed(ERROR_FILE_NOT_FOUND);
	if (!(given = give(s, class, bytes)))
		return failed(ERROR_NOT_SUPPORTED);
	*buffer = given;
	return done();
}

/* What WTSSendMessageW refuses before it asks the session; 0 if nothing. */
static DWORD refusal(const wchar_t *server, DWORD id, DWORD title, DWORD message, DWORD *answer)
{
	DWORD limit;

	if (!answer || title % sizeof(wchar_t) || message % sizeof(wchar_t))
		return ERROR_INVALID_PARAMETER;
	if (trouble(server))
		return trouble(server);
	limit = table_trait(server, TRAIT_LIMIT) * sizeof(wchar_t);
	if (limit && (title > limit || message > limit))
		return RPC_X_BAD_STUB_DATA;
	return table_find(server, id) ? 0 : ERROR_FILE_NOT_FOUND;
}

/* Nobody answers: the call ends with its time-out, or never without one. */
static DWORD stay_silent(DWORD seconds)
{
	Sleep(seconds ? seconds * 1000 : INFINITE);
	return IDTIMEOUT;
}

static BOOL deliver(struct session *s, struct text title, struct text message, DWORD style, DWORD seconds, BOOL wait,
		    DWORD *answer)
{
	if (s->verb == SHOWS_BOX)
		return box_show(title, message, style, seconds, wait, answer);
	if (s->verb == FAILS) {
		Sleep(s->delay);
		return failed(s->number);
	}
	if (!wait) {
		*answer = IDASYNC;
		return TRUE;
	}
	Sleep(s->delay);
	*answer = s->verb == STAYS_SILENT ? stay_silent(seconds) : s->number;
	return TRUE;
}

EXPORT BOOL WINAPI WTSSendMessageW(HANDLE h, DWORD id, LPWSTR title, DWORD title_bytes, LPWSTR message, DWORD message_bytes,
				   DWORD style, DWORD seconds, DWORD *answer, BOOL wait)
{
	const wchar_t *server = server_of(h);
	struct text t = {title, title_bytes / sizeof *title}, m = {message, message_bytes / sizeof *message};
	DWORD error = refusal(server, id, title_bytes, message_bytes, answer);

	log_call("{\"fn\":\"WTSSendMessageW\",\"server\":%s,\"session\":%u,\"title\":%s,\"titleBytes\":%u,\"text\":%s,"
		 "\"textBytes\":%u,\"style\":%u,\"seconds\":%u,\"wait\":%u}",
		 text_of(server ? server : L"?"), (unsigned)id, t, (unsigned)title_bytes, m, (unsigned)message_bytes,
		 (unsigned)style, (unsigned)seconds, (unsigned)wait);
	if (error)
		return failed(error);
	if (!deliver(table_find(server, id), t, m, style, seconds, wait, answer))
		return FALSE;
	log_call("{\"fn\":\"answer\",\"server\":%s,\"session\":%u,\"answer\":%u}", text_of(server), (unsigned)id,
		 (unsigned)*answer);
	return done();
}

/* Only LocalSystem has the privilege. */
EXPORT BOOL WINAPI WTSQueryUserToken(ULONG id, PHANDLE token)
{
	(void)token;
	log_call("{\"fn\":\"WTSQueryUserToken\",\"session\":%u}", (unsigned)id);
	return failed(ERROR_PRIVILEGE_NOT_HELD);
}
