/* The test-only wtsapi32.dll: a second implementation of the contract that
 * internal/wts relies on, from Microsoft's documentation and mingw's headers,
 * so that a mistake in a structure, a length or an order of calls shows. It is
 * never shipped. Start at wtsapi32.c; the table of sessions is in table.c, the
 * log in log.c, the buffers in memory.c.
 */
#ifndef SHIM_H
#define SHIM_H

#include <windows.h>
#include <wtsapi32.h>

#define EXPORT __declspec(dllexport)

/* What WTSSendMessageW does in a session. */
enum verb { ANSWERS, FAILS, SHOWS_BOX, STAYS_SILENT };

struct session {
	wchar_t server[64];
	DWORD id;
	wchar_t station[WINSTATIONNAME_LENGTH + 1];
	WTS_CONNECTSTATE_CLASS state;
	wchar_t user[64], domain[64], client[64]; /* longer than WTSINFOW has room for */
	enum verb verb;
	DWORD number; /* the answer or the error */
	DWORD delay;  /* milliseconds before it */
	LONGLONG idle; /* seconds; -1 if it is not known */
	LARGE_INTEGER logon;
};

/* What a server does beside having sessions. */
enum trait { TRAIT_OPEN_ERROR, TRAIT_NO_HANDLE, TRAIT_QUERY_ERROR, TRAIT_SLOW, TRAIT_LIMIT, TRAITS };

/* Reads the table if it has changed. One thread at a time may do so. */
void table_load(void);
BOOL table_knows(const wchar_t *server);
DWORD table_trait(const wchar_t *server, enum trait);
LARGE_INTEGER table_now(void);
/* The next session of the server after this one; the first after NULL. */
struct session *table_next(const wchar_t *server, struct session *after);
struct session *table_find(const wchar_t *server, DWORD id);

/* Appends one JSON object. The format knows %u (unsigned) and %s (struct text:
 * UTF-16 units, which become a JSON string). */
struct text { const wchar_t *units; size_t count; };
struct text text_of(const wchar_t *s);
void log_call(const char *format, ...);
/* The folder of the table and the log. */
const wchar_t *log_folder(void);

void memory_start(void);
/* A buffer that ends at a page nobody may touch. n is a multiple of 2. */
void *memory_give(size_t n);
BOOL memory_take_back(void *);
void memory_report(unsigned *given, unsigned *kept);

/* Shows a box in a process of its own; waits for it or not. */
BOOL box_show(struct text title, struct text message, DWORD style, DWORD seconds, BOOL wait, DWORD *answer);

#endif
