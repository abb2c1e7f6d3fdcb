/* The test-only authz.dll: the groups of an account, from the table of accounts.
 * Wine's has no groups. It is a second implementation of the contract that
 * internal/wts relies on, from Microsoft's documentation and mingw's headers,
 * and is never shipped.
 */
#include "accounts.h"
#include <stddef.h>
#define _AUTHZ_ /* the functions are here, and in no other DLL */
#include <authz.h>

static CRITICAL_SECTION lock;
static unsigned open_count, close_count, bad_closes;

/* What handles lead to. */
struct thing {
	DWORD kind; /* 0 when it was closed */
	const struct account *account;
};

enum { MANAGER = 0x4d47, CLIENT = 0x434c };

BOOL WINAPI DllMain(HINSTANCE self, DWORD why, LPVOID reserved)
{
	(void)self, (void)reserved;
	if (why == DLL_PROCESS_ATTACH) {
		InitializeCriticalSection(&lock);
		accounts_load();
	} else if (why == DLL_PROCESS_DETACH) {
		log_call("{\"fn\":\"exit\",\"process\":%u,\"opened\":%u,\"unclosed\":%u,\"badCloses\":%u}",
			 (unsigned)GetCurrentProcessId(), open_count, open_count - close_count, bad_closes);
	}
	return TRUE;
}

static WINBOOL failed(DWORD error)
{
	SetLastError(error);
	return FALSE;
}

static struct thing *new_thing(DWORD kind, const struct account *a)
{
	struct thing *t = HeapAlloc(GetProcessHeap(), 0, sizeof *t);

	*t = (struct thing){kind, a};
	EnterCriticalSection(&lock);
	open_count++;
	LeaveCriticalSection(&lock);
	return t;
}

/* The memory stays, so that closing it twice shows. */
static WINBOOL close_thing(struct thing *t, DWORD kind)
{
	BOOL good;

	EnterCriticalSection(&lock);
	good = t && t->kind == kind;
	if (good) {
		t->kind = 0;
		close_count++;
	} else {
		bad_closes++;
	}
	LeaveCriticalSection(&lock);
	return good ? TRUE : failed(ERROR_INVALID_HANDLE);
}

EXPORT WINBOOL WINAPI AuthzInitializeResourceManager(DWORD flags, PFN_AUTHZ_DYNAMIC_ACCESS_CHECK check,
						     PFN_AUTHZ_COMPUTE_DYNAMIC_GROUPS compute, PFN_AUTHZ_FREE_DYNAMIC_GROUPS release,
						     PCWSTR name, PAUTHZ_RESOURCE_MANAGER_HANDLE manager)
{
	/* With auditing it needs a privilege that services have and nobody else. */
	if (!(flags & AUTHZ_RM_FLAG_NO_AUDIT))
		return failed(ERROR_PRIVILEGE_NOT_HELD);
	if (check || compute || release || name || !manager)
		return failed(ERROR_INVALID_PARAMETER);
	*manager = (AUTHZ_RESOURCE_MANAGER_HANDLE)new_thing(MANAGER, NULL);
	return TRUE;
}

EXPORT WINBOOL WINAPI AuthzFreeResourceManager(AUTHZ_RESOURCE_MANAGER_HANDLE manager) { return close_thing((struct thing *)manager, MANAGER); }

EXPORT WINBOOL WINAPI AuthzInitializeContextFromSid(DWORD flags, PSID sid, AUTHZ_RESOURCE_MANAGER_HANDLE manager, PLARGE_INTEGER until,
						    LUID luid, PVOID dynamic, PAUTHZ_CLIENT_CONTEXT_HANDLE context)
{
	const struct account *a;

	if (flags || !sid || !IsValidSid(sid) || until || luid.LowPart || luid.HighPart || dynamic || !context)
		return failed(ERROR_INVALID_PARAMETER);
	if (!manager || ((struct thing *)manager)->kind != MANAGER)
		return failed(ERROR_INVALID_HANDLE);
	a = account_with(sid);
	log_call("{\"fn\":\"AuthzInitializeContextFromSid\",\"text\":%s}", text_of(a ? a->name : L"?"));
	if (!a || a->use != SidTypeUser)
		return failed(ERROR_NONE_MAPPED);
	if (a->refused)
		return failed(a->refused);
	*context = (AUTHZ_CLIENT_CONTEXT_HANDLE)new_thing(CLIENT, a);
	return TRUE;
}

EXPORT WINBOOL WINAPI AuthzFreeContext(AUTHZ_CLIENT_CONTEXT_HANDLE context) { return close_thing((struct thing *)context, CLIENT); }

/* The SIDs lie behind the array, as those of a token do. */
EXPORT WINBOOL WINAPI AuthzGetInformationFromContext(AUTHZ_CLIENT_CONTEXT_HANDLE context, AUTHZ_CONTEXT_INFORMATION_CLASS class,
						     DWORD size, PDWORD needed, PVOID buffer)
{
	struct thing *t = (struct thing *)context;
	const struct account *a;
	TOKEN_GROUPS *groups = buffer;
	BYTE *sid;

	if (!t || t->kind != CLIENT)
		return failed(ERROR_INVALID_HANDLE);
	if (class != AuthzContextInfoGroupsSids || !needed)
		return failed(ERROR_INVALID_PARAMETER);
	a = t->account;
	*needed = offsetof(TOKEN_GROUPS, Groups) + a->group_count * sizeof *groups->Groups;
	for (DWORD i = 0; i < a->group_count; i++)
		*needed += GetLengthSid(a->groups[i]);
	if (size < *needed)
		return failed(ERROR_INSUFFICIENT_BUFFER);
	groups->GroupCount = a->group_count;
	sid = (BYTE *)&groups->Groups[a->group_count];
	for (DWORD i = 0; i < a->group_count; i++) {
		CopySid(GetLengthSid(a->groups[i]), sid, a->groups[i]);
		groups->Groups[i] = (SID_AND_ATTRIBUTES){sid, SE_GROUP_MANDATORY | SE_GROUP_ENABLED};
		sid += GetLengthSid(a->groups[i]);
	}
	SetLastError(0xdead);
	return TRUE;
}
