/* Buffers for callers. Each has pages of its own: it ends where a page begins
 * that nobody may touch, so that reading one unit too many ends the program,
 * and so does touching it when it was freed. All are counted.
 */
#include "shim.h"

struct buffer {
	struct buffer *next;
	char *pages;
	size_t size;
	void *start;
	BOOL freed;
};

static struct buffer *buffers;
static CRITICAL_SECTION lock;
static const size_t PAGE = 4096;

void memory_start(void) { InitializeCriticalSection(&lock); }

void *memory_give(size_t n)
{
	size_t size = (n + PAGE - 1) / PAGE * PAGE;
	struct buffer *b = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *b);
	DWORD old;

	b->pages = VirtualAlloc(NULL, size + PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	b->size = size;
	b->start = b->pages + size - n;
	memset(b->pages, 0xa5, size);
	VirtualProtect(b->pages + size, PAGE, PAGE_NOACCESS, &old);
	EnterCriticalSection(&lock);
	b->next = buffers;
	buffers = b;
	LeaveCriticalSection(&lock);
	return b->start;
}

BOOL memory_take_back(void *p)
{
	BOOL found = FALSE;
	DWORD old;

	EnterCriticalSection(&lock);
	for (struct buffer *b = buffers; b; b = b->next) {
		if (b->start != p || b->freed)
			continue;
		b->freed = found = TRUE;
		memset(b->pages, 0xdd, b->size);
		VirtualProtect(b->pages, b->size, PAGE_NOACCESS, &old);
		break;
	}
	LeaveCriticalSection(&lock);
	return found;
}

/* Called when the other threads have ended, perhaps with the lock held. */
void memory_report(unsigned *given, unsigned *kept)
{
	*given = *kept = 0;
	for (struct buffer *b = buffers; b; b = b->next) {
		++*given;
		*kept += !b->freed;
	}
}
